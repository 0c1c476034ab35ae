//! The reference of the language, made from the registry and the lists of words.

use std::fmt::Write;

use super::parse::{describe, usage, usage_arg};
use super::words::{ACTOR_CLAIMS, HOST_CLAIMS, OBJECT_CLAIMS, STAGE_WORDS, WHOLE_CLAIMS, Word};
use super::{
    ArgKind, Body, CallSpec, Chapter, DATA_MAX, DEPTH_MAX, NAME_MAX, PredicateArg, PredicateSpec, Registry,
    STATEMENT_MAX, c_line, parse_line,
};

const INTRODUCTION: &str = include_str!("reference/introduction.md");

/// The reference as Markdown: what holds for all statements, then each word of the stage, each claim, and each call
/// and predicate, chapter by chapter. It is the same on every machine.
pub fn reference(registry: &Registry) -> String {
    let mut text = INTRODUCTION
        .replace("{STATEMENT_MAX}", &STATEMENT_MAX.to_string())
        .replace("{DEPTH_MAX}", &DEPTH_MAX.to_string())
        .replace("{NAME_MAX}", &NAME_MAX.to_string())
        .replace("{DATA_MAX}", &(DATA_MAX >> 20).to_string());
    text.push_str("\n## Orders to the stage\n\nA closed list; every other verb is a call that an actor makes.\n");
    for word in STAGE_WORDS {
        section(&mut text, word.word, word.usage, word.doc, word.example);
    }
    claims(&mut text, registry);
    for chapter in &registry.chapters {
        chapter_text(&mut text, chapter, registry);
    }
    quantities(&mut text, registry);
    text
}

/// Writes to a string, which can't fail.
macro_rules! say {
    ($text:expr, $($arg:tt)*) => {{
        let _ = writeln!($text, $($arg)*);
    }};
}

fn section(text: &mut String, title: &str, usage: &str, doc: &str, example: &str) {
    say!(text, "\n### `{title}`\n\n{doc}.\n\n```\n{usage}\n```\n");
    if example.contains('\n') {
        say!(text, "Example:\n\n```\n{example}\n```");
    } else {
        say!(text, "Example: `{example}`");
    }
}

/// A cell of a table: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn claims(text: &mut String, registry: &Registry) {
    text.push_str(
        "\n## Claims\n\nWhat can stand behind `expect`. The word behind the first name tells whether that is an actor, \
         an object or a host.\n",
    );
    let groups: [(&str, &[Word]); 4] = [
        ("Of an actor", ACTOR_CLAIMS),
        ("Of an object of any facility", OBJECT_CLAIMS),
        ("Of a host", HOST_CLAIMS),
        ("Of several, and of the whole", WHOLE_CLAIMS),
    ];
    for (title, words) in groups {
        say!(text, "\n### {title}\n\n| claim | holds if | example |\n| --- | --- | --- |");
        for word in words {
            say!(text, "| `{}` | {} | `{}` |", cell(word.usage), cell(&lower(word.doc)), cell(word.example));
        }
    }
    findings(text);
    text.push_str(
        "\n### Of memory and variables\n\n\
         | claim | holds if | example |\n| --- | --- | --- |\n\
         | `expect OBJECT[I] CMP VALUE` | the memory of an object compares so | `expect board[0] == 2` |\n\
         | `expect ACTOR NAME[I] CMP VALUE` | the memory of an actor's mapping does | `expect alice m[0] == 2` |\n\
         | `expect ACTOR $X CMP VALUE` | a variable of an actor does | `expect alice $x == 1` |\n\n\
         `CMP` is one of `==`, `!=`, `<`, `<=`, `>`, `>=`.\n\n\
         ### Of an object, by its facility\n\n\
         A field of an object that its pane shows is claimed by its name and a value, `expect p capacity >= 65536`. \
         What else a facility lets you claim:\n\n\
         | claim | holds if | of | example |\n| --- | --- | --- | --- |\n",
    );
    let mut rows: Vec<(&PredicateSpec, Vec<&str>)> = Vec::new();
    for chapter in &registry.chapters {
        for predicate in chapter.predicates {
            // What two facilities share is told once.
            match rows.iter_mut().find(|(p, _)| p.word == predicate.word && p.doc == predicate.doc) {
                Some((_, titles)) => titles.push(chapter.title),
                None => rows.push((predicate, vec![chapter.title])),
            }
        }
    }
    for (predicate, titles) in rows {
        predicate_row(text, predicate, &titles.join(", "));
    }
}

/// The kinds of findings, which two of the claims ask for.
fn findings(text: &mut String) {
    text.push_str(
        "\n### Findings\n\nWhat is wrong on stage, or looks so. `certain` asks for what two looks agree on and what \
         leaves no doubt, `suspicious` for what something unseen may still refute. Some of it is known from our records \
         of what actors did, since the kernel keeps no account of it; a finding says so.\n\n\
         | kind | found if |\n| --- | --- |\n",
    );
    for kind in crate::model::KINDS {
        say!(text, "| `{}` | {} |", kind.word, cell(&lower(kind.doc)));
    }
}

fn predicate_row(text: &mut String, predicate: &PredicateSpec, title: &str) {
    let args: String = predicate
        .args
        .iter()
        .map(|arg| match arg {
            PredicateArg::Number => " [CMP] N",
            PredicateArg::Data => " DATA",
            PredicateArg::Actors => " ACTOR…",
            PredicateArg::Range => " [RANGE]",
            PredicateArg::By => " [by ACTOR]",
            PredicateArg::Object => " OBJECT",
            PredicateArg::Word => " WORD",
        })
        .collect();
    let doc = cell(&lower(predicate.doc));
    say!(text, "| `OBJECT {}{args}` | {doc} | {} | `{}` |", predicate.word, cell(title), cell(predicate.example));
}

fn chapter_text(text: &mut String, chapter: &Chapter, registry: &Registry) {
    if chapter.calls.is_empty() {
        return;
    }
    say!(text, "\n## {}", chapter.title);
    for call in chapter.calls {
        call_text(text, call, registry);
    }
}

fn call_text(text: &mut String, call: &CallSpec, registry: &Registry) {
    let kind = if call.syscall { "" } else { " It makes no system call." };
    let sleeps = if call.sleeps.is_empty() { "" } else { " It may sleep." };
    say!(text, "\n### `{}`\n\n{}. Manual: {}.{kind}{sleeps}\n", call.name, call.doc, call.man);
    say!(text, "```\n{}\n```", usage(call));
    if !call.args.is_empty() {
        say!(text, "\n| argument | may be | meaning |\n| --- | --- | --- |");
        for arg in call.args {
            say!(text, "| `{}` | {} | {} |", usage_arg(arg), cell(&describe_all(arg.kind)), cell(arg.doc));
        }
    }
    if !call.undefined.is_empty() {
        say!(text, "\nUndefined by POSIX if {}.", call.undefined);
    }
    say!(text, "\nExample: `{}`{}", call.example, in_c(call, registry));
}

/// The example's call as a line of C.
fn in_c(call: &CallSpec, registry: &Registry) -> String {
    let Ok(statement) = parse_line(call.example, registry) else { return String::new() };
    match statement.body {
        Body::Order { call: order, .. } if order.verb == call.name => format!(", in C `{}`", c_line(&order, call)),
        _ => String::new(),
    }
}

/// What an argument may be, with all constants of a list, where messages show the first ones only.
fn describe_all(kind: ArgKind) -> String {
    let names =
        |table: &[(&'static str, i64)]| table.iter().map(|(n, _)| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    match kind {
        ArgKind::Flags(table) => format!("0, or flags joined by a bar: {}", names(table)),
        ArgKind::Constant(table) => format!("one of {}", names(table)),
        ArgKind::Interests(table) => {
            format!("one or more descriptors, each with a colon and 0 or events joined by a bar: {}", names(table))
        }
        ArgKind::Words(table) => format!("{}; behind a second colon also {}", describe(kind), names(table)),
        _ => describe(kind),
    }
}

fn quantities(text: &mut String, registry: &Registry) {
    text.push_str(
        "\n## Quantities\n\nNames that stand for a number wherever one may stand. What they are on your machine is \
         asked when ipclab starts.\n\n",
    );
    let names: Vec<String> = registry.quantities.iter().map(|(name, _)| format!("`{name}`")).collect();
    say!(text, "{}", names.join(", "));
}

/// A sentence's start as it reads behind "if": `Its bytes` becomes `its bytes`, `SIGPIPE` stays.
fn lower(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::testing::registry;

    #[test]
    fn tells_of_everything_there_is() {
        let registry = registry();
        let text = reference(&registry);
        for call in registry.calls() {
            assert!(text.contains(&format!("### `{}`", call.name)), "{}", call.name);
            assert!(call.args.iter().all(|a| text.contains(a.doc)), "{}", call.name);
        }
        for predicate in registry.chapters.iter().flat_map(|c| c.predicates) {
            assert!(text.contains(&cell(predicate.example)), "{}", predicate.word);
        }
        for word in STAGE_WORDS.iter().chain(ACTOR_CLAIMS).chain(OBJECT_CLAIMS).chain(HOST_CLAIMS).chain(WHOLE_CLAIMS) {
            assert!(text.contains(word.example), "{}", word.word);
        }
        assert!(!text.contains("_MAX}"));
    }

    #[test]
    fn the_examples_of_words_and_of_the_introduction_are_right() {
        let registry = registry();
        for word in STAGE_WORDS.iter().chain(ACTOR_CLAIMS).chain(OBJECT_CLAIMS).chain(HOST_CLAIMS).chain(WHOLE_CLAIMS) {
            if word.example.contains(" add ") {
                continue; // The test registry has no `add`.
            }
            let statement = parse_line(word.example, &registry).unwrap_or_else(|e| panic!("{}: {e:?}", word.example));
            assert_eq!(statement.to_string(), word.example);
        }
    }
}
