//! A play becomes a lesson: its statements the scene, what was seen after each the expectations.
//!
//! What is expected is found by trying: of all that could be said of what has changed, that is kept which holds of what
//! was seen and says something new: what a call gave, and of objects only where no call tells it. The last statement
//! with such a claim becomes the prediction. What only a teacher can say is left as `TODO`, which the linter names: the
//! words, the question, and a goal with all that belongs to it.

use std::fmt::Write as _;
use std::path::Path;

use crate::facility::registry;
use crate::model::{Actor, ActorState, Call, CallState, Death, Evidence, Object, Snapshot, Value};
use crate::script::{self, Body, Expectation, Makes, Statement};
use crate::stage::{Timeline, judge};

use super::{is_id, write_new};

/// Fields in which a kernel or a library keeps its own accounts: another one keeps them otherwise.
const ACCOUNTS: [&str; 2] = ["charged", "nwaiters"];

/// One thing of a play, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Played {
    /// What somebody wrote between the statements.
    Words(String),
    /// What somebody wrote as a heading: a step begins.
    Heading(String),
    /// A statement, and what can be said of the stage after it.
    Statement {
        /// As it was given.
        text: String,
        /// Claims, without `expect`; the one that says most comes first.
        claims: Vec<String>,
    },
}

/// What was played, with claims that held.
pub fn played(timeline: &Timeline) -> Vec<Played> {
    let mut before = Some(Snapshot::empty());
    let mut all = Vec::new();
    for (statement, after) in timeline.steps() {
        let claims = match (&before, &after) {
            (Some(before), Some(after)) => claims(&statement, before, after),
            // Something ran freely, or waits with a deadline: no two runs are alike.
            _ => Vec::new(),
        };
        before = after;
        all.push(Played::Statement { text: statement.to_string(), claims });
    }
    all
}

/// Writes what was played as a lesson to a new file, whose name gives it its id.
pub fn save(timeline: &Timeline, file: &Path) -> Result<(), String> {
    let id = file.file_stem().unwrap_or_default().to_string_lossy();
    if !is_id(&id) {
        return Err(format!("`{id}` can't be the id of a lesson: small letters, digits and hyphens, a letter first"));
    }
    let text = lesson(&id, &played(timeline))
        .ok_or("nothing of this can be predicted yet: play something that changes an object or blocks somebody")?;
    write_new(file, &text)
}

/// Puts the comments of the script between the statements that were read from it: `## A title` begins a step, all
/// others are words. Comments behind a statement, on its line, stay out.
pub fn with_comments(played: Vec<Played>, source: &str, statements: &[Statement]) -> Vec<Played> {
    let mut all = Vec::new();
    let mut at = 0;
    for (played, statement) in played.into_iter().zip(statements) {
        all.extend(comments(source.get(at..statement.span.start).unwrap_or_default()));
        at = statement.span.end;
        at += source.get(at..).unwrap_or_default().find('\n').map_or(0, |n| n + 1);
        all.push(played);
    }
    all.extend(comments(source.get(at..).unwrap_or_default()));
    all
}

fn comments(text: &str) -> Vec<Played> {
    let mut all = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let flush = |words: &mut Vec<&str>, all: &mut Vec<Played>| {
        if !words.is_empty() {
            all.push(Played::Words(std::mem::take(words).join("\n")));
        }
    };
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix("## ") {
            flush(&mut words, &mut all);
            all.push(Played::Heading(title.trim().to_owned()));
        } else if let Some(line) = line.strip_prefix('#') {
            words.push(line.trim());
        } else {
            flush(&mut words, &mut all);
        }
    }
    flush(&mut words, &mut all);
    all
}

/// A lesson of what was played. `None` if nothing of it could be predicted.
pub fn lesson(id: &str, played: &[Played]) -> Option<String> {
    let told = |p: &Played| matches!(p, Played::Statement { claims, .. } if !claims.is_empty());
    let asked = played.iter().rposition(told)?;
    let mut text = format!(
        "+++\n\
         id = \"{id}\"\n\
         title = \"TODO: a title\"\n\
         unit = \"own\"\n\
         misconception = \"TODO: the belief that this corrects, as somebody who holds it would say it\"\n\
         objectives = [\"TODO: what the learner will be able to say afterwards\"]\n\
         claims = [] # TODO: the ids of the claims that it proves; `ipclab claims` lists them\n\
         minutes = 5\n\
         read = [\"ipclab(1)\"] # TODO: the manual pages to read on\n\
         +++\n\n\
         TODO: why this matters, and what the goal is.\n"
    );
    let begins = played.iter().position(|p| !matches!(p, Played::Words(_))).unwrap_or(0);
    let mut writer = Writer { text: &mut text, open: false, steps: 0 };
    for (at, played) in played.iter().enumerate() {
        if at == begins && !matches!(played, Played::Heading(_)) {
            writer.step("TODO: what is on stage");
        }
        match played {
            Played::Heading(title) => writer.step(title),
            Played::Words(words) => writer.words(words),
            Played::Statement { text, claims } if at == asked => {
                // What the prediction decides need not be said again.
                writer.question(text, &claims[0]);
                writer.statement(text, &claims[1..]);
                writer.words("TODO: what was seen, and why.");
            }
            Played::Statement { text, claims } => writer.statement(text, claims),
        }
    }
    writer.step("TODO: the learner's turn");
    writer.words(TURN);
    Some(text)
}

/// What a play can't tell: what the learner is to do.
const TURN: &str = "\
TODO: a goal for the learner, and what is still wrong on this stage
(`goal`, `hint`, `solve` and `explain` fences; a `run fresh` fence before them sets another scene).";

/// What remains to be done for a lesson that was recorded, in one line.
pub fn remains(text: &str) -> String {
    let expectations = text.lines().filter(|line| line.starts_with("expect ")).count();
    let left = text.matches("TODO").count();
    let s = if expectations == 1 { "" } else { "s" };
    format!(
        "recorded with {expectations} expectation{s} and one prediction; still to be written, at {left} places marked TODO: \
         the words, the question and its beliefs, and in the last step a goal with hints and a solution"
    )
}

struct Writer<'t> {
    text: &'t mut String,
    /// Whether a run fence is open.
    open: bool,
    steps: usize,
}

impl Writer<'_> {
    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.text.push_str("```\n");
        }
    }

    fn step(&mut self, title: &str) {
        self.close();
        self.steps += 1;
        let _ = writeln!(self.text, "\n## {title} {{#step-{}}}", self.steps);
    }

    fn words(&mut self, words: &str) {
        self.close();
        let _ = writeln!(self.text, "\n{words}");
    }

    fn statement(&mut self, statement: &str, claims: &[String]) {
        if !std::mem::replace(&mut self.open, true) {
            self.text.push_str("\n```run\n");
        }
        let _ = writeln!(self.text, "{statement}");
        for claim in claims {
            let _ = writeln!(self.text, "expect {claim}");
        }
    }

    fn question(&mut self, statement: &str, claim: &str) {
        self.close();
        let _ = write!(
            self.text,
            "\n```predict id=what\n\
             TODO: a question about `{}`\n\
             - [x] TODO: in words: {claim} {{{claim}}} -> TODO: why it is so\n\
             - [ ] TODO: what many believe {{not {claim}}} -> TODO: what that belief overlooks\n\
             ```\n",
            statement.lines().next().unwrap_or_default()
        );
    }
}

/// What can be said of a stage after a statement, of all that has changed by it.
fn claims(statement: &Statement, before: &Snapshot, after: &Snapshot) -> Vec<String> {
    if matches!(statement.body, Body::Expect(_)) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for actor in &after.actors {
        let was = before.actor(&actor.name);
        if was != Some(actor) {
            all.extend(of_actor(was, actor));
        }
    }
    for was in before.objects.iter().filter(|was| after.object(&was.name).is_none()) {
        all.push(format!("gone {}", was.name));
    }
    all.retain(|claim| holds(claim, after));
    // What a call gave tells what became of the objects. Where no call tells anything, one of them does.
    if all.is_empty() {
        let changed = |object: &Object| Some((before.object(&object.name)?.clone(), object.clone()));
        let changed = after.objects.iter().filter_map(changed).filter(|(was, now)| was != now);
        all.extend(changed.flat_map(|(was, now)| of_object(&was, &now)).find(|claim| holds(claim, after)));
    }
    all
}

fn of_actor(was: Option<&Actor>, actor: &Actor) -> Vec<String> {
    let name = &actor.name;
    let mut all = Vec::new();
    let changed = was.is_none_or(|was| was.state != actor.state);
    match &actor.state {
        ActorState::Asleep(sleep) if changed => {
            let on = sleep.object.as_ref().map(|object| format!(" on {object}")).unwrap_or_default();
            all.push(format!("{name} blocked in {}{on}", sleep.verb));
        }
        ActorState::Zombie(death) | ActorState::Dead(death) if changed => match death {
            Death::Killed(signal) => all.push(format!("{name} killed by {signal}")),
            Death::Exited(status) => all.push(format!("{name} exited {status}")),
            _ => {}
        },
        ActorState::Stopped { .. } if changed => all.push(format!("{name} stopped")),
        _ => {}
    }
    let fresh = was.is_some_and(|was| was.finished != actor.finished);
    let Some(call) = actor.last.as_ref().filter(|_| fresh) else { return all };
    let CallState::Returned { ret, errno, shown, data, .. } = &call.state else { return all };
    let verb = &call.verb;
    if errno.is_some() {
        let errno = shown.split_whitespace().nth(1).unwrap_or_default();
        all.push(format!("{name} failed {errno} from {verb}"));
        return all;
    }
    let woken = was.is_some_and(|was| was.sleep().is_some()) && actor.sleep().is_none();
    match data {
        Some((bytes, total)) if *total > 0 && bytes.len() as u64 == *total && plain(bytes) => {
            all.push(format!("{name} got {}", quoted(bytes)));
        }
        // Numbers of what was made (pids, descriptors, ids) are the machine's, and no news.
        // So does what the call was asked for: a write of five bytes that writes five. Fewer would be news.
        _ if shown == &ret.to_string() && !makes(verb) && !asked(call) && (*ret > 0 || data.is_some() || woken) => {
            all.push(format!("{name} returned {ret} from {verb}"));
        }
        _ => {}
    }
    all
}

fn of_object(was: &Object, object: &Object) -> Vec<String> {
    let mut all = Vec::new();
    for field in &object.fields {
        let Value::Int(number) = field.value else { continue };
        // Moments and pids are of this run alone.
        let name: &str = &field.name;
        let own = name.ends_with("time") || name.contains("pid") || ACCOUNTS.contains(&name);
        if own || !matches!(field.evidence, Evidence::Kernel | Evidence::Mirror) {
            continue;
        }
        if was.fields.iter().find(|f| f.name == field.name).is_some_and(|f| f.value != field.value) {
            all.push(format!("{} {} {number}", object.name, field.name));
        }
    }
    all
}

/// Whether a call gave the number that stands among its arguments.
fn asked(call: &Call) -> bool {
    let CallState::Returned { ret, .. } = &call.state else { return false };
    let ret = ret.to_string();
    ret != "0" && call.args.rsplit(", ").any(|arg| arg == ret)
}

fn makes(verb: &str) -> bool {
    registry().call(verb).is_none_or(|(_, spec)| spec.makes != Makes::Nothing)
}

fn plain(bytes: &[u8]) -> bool {
    bytes.len() <= 40 && bytes.iter().all(|b| (b' '..=b'~').contains(b) || *b == b'\n')
}

fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn holds(claim: &str, snapshot: &Snapshot) -> bool {
    expectation(claim).is_some_and(|expectation| {
        let verdict = judge(&expectation, snapshot);
        verdict.met && verdict.evidence != Evidence::Hidden
    })
}

fn expectation(claim: &str) -> Option<Expectation> {
    match script::parse_line(&format!("expect {claim}"), registry()).ok()?.body {
        Body::Expect(expectation) => Some(expectation),
        _ => None,
    }
}
