//! `ipclab map`: the taxonomy, and the card of each facility in it.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::BAD_INPUT;
use crate::atlas::{self, Leaf, Property, Row};
use crate::bench::History;
use crate::claim;
use crate::plain::cost::cost;
use crate::plain::json;
use crate::script::nearest;

/// Tells the whole map, or one card.
pub(super) fn map(id: Option<&str>, as_json: bool, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let chosen = match id.map(|id| find(id, err)).transpose()? {
        Some(None) => return Ok(BAD_INPUT.into()),
        Some(Some(leaf)) => Some(leaf),
        None => None,
    };
    if as_json {
        for leaf in atlas::leaves().iter().filter(|leaf| chosen.is_none_or(|chosen| chosen.id == leaf.id)) {
            writeln!(out, "{}", json::line("leaf", &as_value(leaf)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(leaf) = chosen {
        return card(leaf, out).map(|()| ExitCode::SUCCESS);
    }
    for row in atlas::rows("") {
        match row {
            Row::Branch(depth, title) => writeln!(out, "{:indent$}{title}", "", indent = 2 * depth)?,
            Row::Leaf(depth, _, leaf) => {
                let indent = 2 * depth;
                writeln!(
                    out,
                    "{:indent$}{:width$} {}",
                    "",
                    leaf.title,
                    leaf.id,
                    width = 40_usize.saturating_sub(indent)
                )?;
            }
        }
    }
    writeln!(out, "\n`ipclab map ID` shows a card.").map(|()| ExitCode::SUCCESS)
}

/// The leaf of that id; `None` if there is none, which was told.
pub(super) fn find(id: &str, err: &mut dyn Write) -> io::Result<Option<&'static Leaf>> {
    let found = atlas::leaf(id);
    if found.is_none() {
        let near = nearest(id, atlas::leaves().iter().map(|leaf| leaf.id.as_str()));
        let help =
            near.map_or_else(|| "; `ipclab map` lists them".to_owned(), |near| format!("; did you mean {near}?"));
        writeln!(err, "error: there is no facility {id} on the map{help}")?;
    }
    Ok(found)
}

fn card(leaf: &Leaf, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} ({})\n{}\n", leaf.title, leaf.at.join(" / "), leaf.what())?;
    for property in Property::ALL {
        writeln!(out, "{:<12}{}", property.word(), leaf.property(property))?;
    }
    writeln!(out, "{:<12}{}", "calls", leaf.calls.join(" "))?;
    writeln!(out, "{:<12}{}", "manual", leaf.manual().join(" "))?;
    if !leaf.measured.is_empty() {
        let cost = cost(leaf, &History::load());
        let cost = cost.unwrap_or_else(|| format!("not measured yet: `ipclab bench {}` does", leaf.measured));
        writeln!(out, "{:<12}{cost}", "cost")?;
    }
    if !leaf.lessons.is_empty() {
        writeln!(out, "{:<12}{}", "lessons", leaf.lessons.join(" "))?;
    }
    for (i, id) in leaf.claims.iter().enumerate() {
        let label = if i == 0 { "claims" } else { "" };
        writeln!(out, "{label:<12}{id:<4}{}", claim::title(id).unwrap_or_default())?;
    }
    writeln!(out, "\nTo play with it:\n")?;
    leaf.play_text().lines().try_for_each(|line| writeln!(out, "  {line}"))
}

fn as_value(leaf: &Leaf) -> serde_json::Value {
    json!({
        "id": leaf.id,
        "title": leaf.title,
        "facilities": leaf.of,
        "at": leaf.at,
        "what": leaf.what(),
        "identifier": leaf.property(Property::Identifier),
        "handle": leaf.property(Property::Handle),
        "persistence": leaf.property(Property::Persistence),
        "access": leaf.property(Property::Access),
        "blocking": leaf.property(Property::Blocking),
        "boundaries": leaf.property(Property::Boundaries),
        "calls": leaf.calls,
        "manual": leaf.manual(),
        "lessons": leaf.lessons,
        "claims": leaf.claims,
        "needs": (!leaf.needs.is_empty()).then_some(&leaf.needs),
        "play": leaf.play_text(),
    })
}
