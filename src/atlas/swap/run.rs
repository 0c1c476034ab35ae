//! Running a scenario on both facilities, and holding the two against each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Became, Plan, Step};
use crate::model::{Actor, ActorState, Call, CallState, Death, Snapshot};
use crate::script::{Body, Statement};
use crate::stage::{Lost, OpenError, Options, Outcome, Report, Stage};

/// What one statement did on one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// The statements as printed.
    pub statements: Vec<String>,
    /// The calls that were entered or finished meanwhile.
    pub calls: Vec<Call>,
    /// What went wrong with it: an expectation that was not met, a refusal.
    pub wrong: Option<String>,
    /// What each actor was found to do, and what it got, in words.
    seen: BTreeMap<String, String>,
}

/// One statement on both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// As it was written.
    pub source: Side,
    /// On the other facility.
    pub other: Side,
    /// Why there is no counterpart, if there is none.
    pub nothing: Option<String>,
    /// What of the statement has no place on the other.
    pub lost: Vec<String>,
    /// What came out otherwise, in words: first here, then there.
    pub differs: Vec<(String, String)>,
}

impl Pair {
    /// Whether the two are not the same.
    pub fn breaks(&self) -> bool {
        self.nothing.is_some() || !self.differs.is_empty()
    }
}

/// Runs both, statement by statement, and gives each pair to `tell`, which says whether to go on.
///
/// # Errors
/// No stage could be opened.
pub fn compare(
    plan: &Plan,
    options: &Options,
    cancelled: &AtomicBool,
    tell: &mut dyn FnMut(Pair),
) -> Result<(), OpenError> {
    let (mut here, mut there) = (Stage::open(options)?, Stage::open(options)?);
    for Step { source, became } in &plan.steps {
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
        let first = side(&mut here, std::slice::from_ref(source));
        let (statements, lost, nothing) = match became {
            Became::Same => (std::slice::from_ref(source), Vec::new(), None),
            Became::Into(statements, lost) => (statements.as_slice(), lost.clone(), None),
            Became::Part => (&[][..], Vec::new(), None),
            Became::Nothing(why) => (&[][..], Vec::new(), Some(why.clone())),
        };
        let second = side(&mut there, statements);
        let differs = match became {
            Became::Nothing(_) | Became::Part => Vec::new(),
            Became::Same | Became::Into(..) => differences(&first, &second, matches!(source.body, Body::Expect(_))),
        };
        tell(Pair { source: first, other: second, nothing, lost, differs });
    }
    here.close();
    there.close();
    Ok(())
}

fn side(stage: &mut Stage, statements: &[Statement]) -> Side {
    let mut side = Side::default();
    let mut last: Option<Snapshot> = None;
    for statement in statements {
        side.statements.push(statement.to_string());
        let report = match stage.run(statement) {
            Ok(report) => report,
            Err(Lost(why)) => {
                side.wrong.get_or_insert(why);
                return side;
            }
        };
        let Report { calls, outcome, snapshot, .. } = report;
        side.calls.extend(calls);
        let wrong = match outcome {
            Outcome::Settled | Outcome::Running(_) => None,
            Outcome::Checked(verdict) => (!verdict.met).then_some(verdict.seen),
            Outcome::Refused { why, .. } => Some(format!("refused: {why}")),
            Outcome::TimedOut(why) => Some(why),
        };
        side.wrong = side.wrong.or(wrong);
        last = Some(snapshot);
    }
    if let Some(snapshot) = last {
        side.seen = snapshot.actors.iter().map(|actor| (actor.name.clone(), state(actor))).collect();
        for (who, got) in gains(&side.calls) {
            match side.seen.get_mut(&who) {
                Some(words) if *words == GOES_ON => *words = got,
                Some(words) => words.push_str(&format!(", after it {got}")),
                None => {}
            }
        }
    }
    side
}

/// Of one that waits for an order.
const GOES_ON: &str = "goes on";

/// What an actor does, in words that don't depend on the facility.
fn state(actor: &Actor) -> String {
    match &actor.state {
        ActorState::Idle => GOES_ON.to_owned(),
        ActorState::Asleep(_) => "sleeps".to_owned(),
        ActorState::Running { .. } => "runs".to_owned(),
        ActorState::Stopped { signal } => format!("was stopped by {signal}"),
        ActorState::Zombie(death) | ActorState::Dead(death) => match death {
            Death::Exited(status) => format!("has exited with {status}"),
            Death::Killed(signal) => format!("was killed by {signal}"),
            Death::Left(_) | Death::Replaced => "has ended".to_owned(),
        },
    }
}

/// What each actor's last finished call gave it: data, or an error. That it returned without either is nothing.
fn gains(calls: &[Call]) -> BTreeMap<String, String> {
    let mut gains = BTreeMap::new();
    for call in calls {
        let CallState::Returned { ret, errno, shown, data, .. } = &call.state else { continue };
        let words = match (errno, data) {
            (Some(_), _) => {
                let name = shown.trim_start_matches("-1 ").split(' ').next().unwrap_or_default();
                format!("failed with {name}")
            }
            (None, Some((bytes, total))) => {
                let text: String = bytes.iter().flat_map(|b| std::ascii::escape_default(*b)).map(char::from).collect();
                let more =
                    if *total > bytes.len() as u64 { format!(" and more, {total} bytes") } else { String::new() };
                format!("got \"{text}\"{more}")
            }
            // A load tells what it found, and has no buffer.
            (None, None) if !call.syscall && shown.starts_with('"') => format!("got {}", brief(shown)),
            (None, None) if *ret < 0 => "failed".to_owned(),
            (None, None) => {
                gains.remove(&call.actor);
                continue;
            }
        };
        gains.insert(call.actor.clone(), words);
    }
    gains
}

/// The beginning of what may be long.
fn brief(text: &str) -> String {
    const MOST: usize = 32;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("...".chars()).collect()
}

/// What came out otherwise: for each actor what was seen here, and there.
/// Of an expectation only whether it was met: it does nothing.
fn differences(here: &Side, there: &Side, expectation: bool) -> Vec<(String, String)> {
    let mut differs = Vec::new();
    for (who, words) in here.seen.iter().filter(|_| !expectation) {
        match there.seen.get(who) {
            Some(other) if other == words => {}
            Some(other) => differs.push((format!("{who} {words}"), format!("{who} {other}"))),
            None => {}
        }
    }
    if here.wrong != there.wrong {
        let told = |wrong: &Option<String>| wrong.clone().unwrap_or_else(|| "as expected".to_owned());
        if here.wrong.is_some() != there.wrong.is_some() {
            differs.push((told(&here.wrong), told(&there.wrong)));
        }
    }
    differs
}
