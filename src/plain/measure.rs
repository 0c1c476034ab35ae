//! What a lesson has measured, in a linear face: progress as lines, Ctrl-C ends it.

use super::desk::{Desk, Stop};
use super::json;
use crate::bench::{Entry, Event, History, Load, Measuring, Next};
use crate::lesson::Measure;
use crate::lesson::prose::Block;

/// Measures, tells how far it is, and gives the figures; those that there are if somebody presses Ctrl-C.
pub(super) fn measured(desk: &mut Desk<'_>, measure: &Measure) -> Result<Vec<Block>, Stop> {
    let mut measuring = match Measuring::start(desk.launcher(), &measure.plan) {
        Ok(measuring) => measuring,
        Err(error) => {
            tell(desk, &format!("nothing can be measured: {error}"))?;
            return Ok(Vec::new());
        }
    };
    let (mut entry, mut told, mut done, mut all) = (None::<Entry>, String::new(), 0, 0);
    while let Next::Event(event) = measuring.next(None) {
        if desk.interrupted() {
            measuring.stopper().stop();
        }
        match (*event, &mut entry) {
            (Event::Begun { machine, of }, _) => {
                all = of;
                entry = Some(Entry { machine, load: Load::default(), limits: Vec::new(), runs: Vec::new() });
            }
            (Event::Now(step), _) if step.facility != told => {
                tell(desk, &format!("[{done}/{all}] {}", step.facility))?;
                told = step.facility;
            }
            (Event::Run(run), Some(entry)) => {
                done += 1;
                entry.runs.push(run);
            }
            (Event::Over { load, .. }, Some(entry)) => entry.load = load,
            (Event::Failed(why), _) => tell(desk, &why)?,
            _ => {}
        }
    }
    drop(measuring);
    if desk.calm() {
        tell(desk, "cancelled: what was measured until now is kept")?;
    }
    let Some(entry) = entry else { return Ok(Vec::new()) };
    let figures = measure.tables(&entry);
    if !entry.runs.is_empty()
        && let Err(why) = History::load().add(entry)
    {
        tell(desk, &why)?;
    }
    Ok(figures)
}

fn tell(desk: &mut Desk<'_>, words: &str) -> Result<(), Stop> {
    if desk.json() {
        return desk.line(&json::line("told", &serde_json::json!({ "text": words })));
    }
    desk.say(&format!("{words}\n"))
}
