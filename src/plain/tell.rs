//! What a stage says, as lines of text. Nothing here knows a facility: fields carry their names and evidence.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{Actor, ActorState, Call, CallState, Death, Evidence, Field, Object, Snapshot, UNNUMBERED};
use crate::script::did_you_mean;
use crate::stage::{Outcome, Report, in_words};

/// How many calls of one statement are shown before the middle is left out.
const CALLS: usize = 12;

/// What a report says, each line with two spaces before it: its calls, what changed, and how it ended if it did not
/// simply settle.
pub fn report(report: &Report, before: &Snapshot) -> String {
    // Who sleeps or is dead now is told to be so; that the call was entered says nothing more.
    let over = |c: &Call| report.snapshot.actor(&c.actor).is_none_or(|a| a.sleep().is_some() || !a.alive());
    let tells = |c: &&Call| c.state != CallState::Entered || !over(c) || c.meaning.is_some();
    let told: Vec<Call> = report.calls.iter().filter(tells).cloned().collect();
    let mut out = calls(&told);
    out.push_str(&changes(before, &report.snapshot));
    out.push_str(&outcome(&report.outcome));
    out
}

/// One line a call; one that was entered and has returned meanwhile is told once.
pub fn calls(calls: &[Call]) -> String {
    let mut last: BTreeMap<(&str, u64), usize> = BTreeMap::new();
    for (index, call) in calls.iter().enumerate().filter(|(_, c)| c.seq != UNNUMBERED) {
        last.insert((&call.actor, call.seq), index);
    }
    let told: Vec<&Call> = calls
        .iter()
        .enumerate()
        .filter(|(i, c)| c.seq == UNNUMBERED || last.get(&(c.actor.as_str(), c.seq)) == Some(i))
        .map(|(_, c)| c)
        .collect();
    let mut out = String::new();
    let (head, tail) = if told.len() > CALLS { (CALLS / 2, told.len() - CALLS / 2) } else { (told.len(), told.len()) };
    for call in &told[..head] {
        let _ = writeln!(out, "  {}", line(call));
    }
    if tail > head {
        let _ = writeln!(out, "  … {} more calls", tail - head);
    }
    for call in &told[tail..] {
        let _ = writeln!(out, "  {}", line(call));
    }
    out
}

/// A call in the manner of strace: `bob: read(3, "hi", 100) = 2`. What its result means stands on a line of its own.
pub fn line(call: &Call) -> String {
    let meaning = call.meaning.as_ref().map(|words| format!("\n    ({words})"));
    format!("{}{}", strace(call), meaning.unwrap_or_default())
}

fn strace(call: &Call) -> String {
    let Call { actor, verb, args, .. } = call;
    match &call.state {
        // What an entered call means is known only when it has ended its actor.
        CallState::Entered if call.meaning.is_some() => format!("{actor}: {verb}({args}) never returned"),
        CallState::Entered => format!("{actor}: {verb}({args}) has not returned"),
        CallState::Returned { shown, data, .. } => {
            let delivered = data.as_ref().filter(|_| !args.contains('"')).map(|(bytes, total)| {
                format!(
                    ", it delivered {}",
                    in_words(&crate::model::Value::Bytes { bytes: bytes.clone(), total: *total })
                )
            });
            format!("{actor}: {verb}({args}) = {shown}{}", delivered.unwrap_or_default())
        }
    }
}

/// What happened that nobody ordered, a line each.
pub fn news(news: &[String]) -> String {
    news.iter().fold(String::new(), |mut out, n| {
        let _ = writeln!(out, "  {n}");
        out
    })
}

/// What differs between two snapshots: actors first, then objects.
pub fn changes(before: &Snapshot, after: &Snapshot) -> String {
    let mut out = String::new();
    for actor in &after.actors {
        let was = before.actor(&actor.name);
        let same = was.is_some_and(|w| posture(w) == posture(actor) && w.pid == actor.pid);
        if !same && (was.is_some() || actor.state != ActorState::Idle) {
            let _ = writeln!(out, "  {} {}", actor.name, posture(actor));
        } else if was.is_none() {
            let at = actor.host.as_ref().map(|host| format!(", on {host}")).unwrap_or_default();
            let of = actor.thread_of.as_ref().map(|of| format!(", a thread of {of}")).unwrap_or_default();
            let _ = writeln!(out, "  {} is on stage{at}{of}", actor.name);
        }
        if actor.alive() {
            out.push_str(&held_back(was, actor));
        }
    }
    for host in after.hosts.iter().filter(|host| before.host(&host.name) != Some(host)) {
        let parts: Vec<String> = host.fields.iter().filter(|f| worth_telling(f)).map(field).collect();
        let _ = writeln!(out, "  host {}: {}", host.name, parts.join(", "));
    }
    for actor in &before.actors {
        if after.actor(&actor.name).is_none() {
            let _ = writeln!(out, "  {} is gone", actor.name);
        }
    }
    for object in &after.objects {
        let parts = match before.object(&object.name).filter(|was| was.key == object.key) {
            Some(was) => differences(was, object),
            None => object.fields.iter().filter(|f| worth_telling(f)).map(field).collect(),
        };
        if !parts.is_empty() {
            let _ = writeln!(out, "  {} {}: {}", object.facility(), object.name, parts.join(", "));
        }
    }
    for object in &before.objects {
        if after.object(&object.name).is_none() {
            let _ = writeln!(out, "  {} {} is gone", object.facility(), object.name);
        }
    }
    out
}

/// What is new of what waits for an actor: signals, and what its C library has not written yet.
fn held_back(was: Option<&Actor>, actor: &Actor) -> String {
    let mut out = String::new();
    let lines = |actor: &Actor| actor.signals.iter().flat_map(crate::model::Signals::lines).collect::<Vec<_>>();
    let before = was.map(lines).unwrap_or_default();
    for line in lines(actor).iter().filter(|line| !before.contains(line)) {
        let _ = writeln!(out, "  {}: {} {} [{}]", actor.name, line.word, line.text, line.evidence.word());
    }
    let stdout = actor.stdout.as_ref().filter(|stdout| was.and_then(|was| was.stdout.as_ref()) != Some(stdout));
    if let Some(stdout) = stdout {
        let holds = crate::facility::show::text(&stdout.holds, stdout.holds.len() as u64, 64);
        let _ = writeln!(out, "  {}: stdout holds back {holds} [reported], {}", actor.name, stdout.words());
    }
    out
}

/// What an actor does, behind its name.
pub fn posture(actor: &Actor) -> String {
    match &actor.state {
        ActorState::Idle => "is idle".to_owned(),
        ActorState::Asleep(sleep) => {
            let on = sleep.on().map(|o| format!(" on {o}")).unwrap_or_default();
            let again = match sleep.restarts {
                0 => String::new(),
                1 => ", started again after a handler".to_owned(),
                n => format!(", started again {n} times after handlers"),
            };
            format!("is asleep in {}({}){on}{again}", sleep.verb, sleep.args)
        }
        ActorState::Running { progress: Some((done, Some(all))) } => format!("is running, {done} of {all} rounds done"),
        ActorState::Running { .. } => "is running".to_owned(),
        ActorState::Stopped { signal } => format!("is stopped by {signal}"),
        ActorState::Zombie(Death::Exited(code)) => {
            format!("has exited with {code}, and its parent has not waited for it")
        }
        ActorState::Zombie(Death::Killed(by)) => format!("was killed by {by}, and its parent has not waited for it"),
        ActorState::Dead(Death::Exited(code)) => format!("has exited with {code}"),
        ActorState::Dead(Death::Killed(by)) => format!("was killed by {by}"),
        ActorState::Zombie(Death::Left(value)) if actor.thread_of.is_some() => {
            format!("has ended and left {value}, and no thread has joined it")
        }
        ActorState::Zombie(Death::Left(value)) => format!("has ended and left {value}; its process goes on"),
        ActorState::Dead(Death::Left(value)) => format!("has ended and left {value}"),
        ActorState::Zombie(Death::Replaced) | ActorState::Dead(Death::Replaced) => {
            "was ended by an execve of its process".to_owned()
        }
    }
}

fn differences(was: &Object, is: &Object) -> Vec<String> {
    let mut parts: Vec<String> =
        is.fields.iter().filter(|f| was.field(&f.name).is_none_or(|w| w.value != f.value)).map(field).collect();
    if was.identifier != is.identifier {
        parts.push(format!("its name is {}", is.identifier));
    }
    parts
}

/// A field in words: `bytes 5 [kernel]`.
pub fn field(field: &Field) -> String {
    let note = field.note.as_ref().map(|n| format!(": {n}")).unwrap_or_default();
    let value = if field.evidence == Evidence::Hidden { String::new() } else { format!(" {}", in_words(&field.value)) };
    format!("{}{value} [{}{note}]", field.name, field.evidence.word())
}

fn worth_telling(field: &Field) -> bool {
    use crate::model::Value;
    let empty = match &field.value {
        Value::Nothing => true,
        Value::Bytes { total, .. } => *total == 0,
        Value::List(values) => values.is_empty(),
        Value::Int(_) | Value::Text(_) | Value::Record(_) => false,
    };
    field.evidence != Evidence::Hidden && !empty
}

/// How a statement ended, if not simply settled.
pub fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Settled => String::new(),
        Outcome::Running(actors) => format!("  still running: {}\n", actors.join(", ")),
        Outcome::Refused { why, help } => {
            let help = help.as_ref().map(|h| format!("  help: {h}\n")).unwrap_or_default();
            format!("  refused: {why}\n{help}")
        }
        Outcome::Checked(v) if v.met => format!("  true: {} [{}]\n", v.seen, v.evidence.word()),
        Outcome::Checked(v) => {
            format!("  not true: expected {}; seen: {} [{}]\n", v.expected, v.seen, v.evidence.word())
        }
        Outcome::TimedOut(why) => format!("  not in time: {why}\n"),
    }
}

/// All that is on stage.
pub fn stage(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    if snapshot.actors.is_empty() {
        out.push_str("nobody is on stage\n");
    }
    for actor in &snapshot.actors {
        let task = match &actor.thread_of {
            Some(of) => format!("thread of {of}, pid {}, tid {}", actor.pid, actor.tid),
            None => format!("pid {}", actor.pid),
        };
        let _ = writeln!(out, "{}, {task}, uid {}, {}", actor.name, actor.uid, posture(actor));
        for d in &actor.descriptors {
            let names = if d.names.is_empty() { String::new() } else { format!(" {}", d.names.join(" ")) };
            let on = d.object.as_ref().map(|o| format!(" to {o}")).unwrap_or_default();
            let access = match d.access {
                crate::model::Access::Read => "reads",
                crate::model::Access::Write => "writes",
                crate::model::Access::Both => "reads and writes",
            };
            let flags = if d.flags.is_empty() { String::new() } else { format!(", {}", d.flags.join("|")) };
            let _ = writeln!(out, "  descriptor {}{names}{on}, {access}{flags}", d.fd);
        }
        for m in &actor.mappings {
            let names = m.names.join(" ");
            let on = m.object.as_ref().map(|o| format!(" of {o}")).unwrap_or_default();
            let kind = if m.shared { "shared" } else { "private" };
            let _ = writeln!(out, "  mapping {names}{on}, {} bytes, {} {kind}", m.length, m.protection);
        }
        for (name, value) in &actor.variables {
            let _ = writeln!(out, "  ${name} is {value}");
        }
        if let Some(stdout) = &actor.stdout {
            let holds = crate::facility::show::text(&stdout.holds, stdout.holds.len() as u64, 64);
            let _ = writeln!(out, "  stdout holds back {holds} (reported), {}", stdout.words());
        }
        for line in actor.signals.iter().flat_map(crate::model::Signals::lines) {
            let _ = writeln!(out, "  signals: {} {} [{}]", line.word, line.text, line.evidence.word());
        }
        if snapshot.has_jobs(actor) {
            let _ = writeln!(out, "  process group of {}, session of {}", actor.job.group, actor.job.session);
        }
        if let Some(scheduling) = &actor.scheduling {
            let _ = writeln!(out, "  scheduling: {} [kernel]", scheduling.parts().join(", "));
        }
        if let Some(program) = &actor.program {
            let next = program.lines.get(program.next).map_or("nothing", String::as_str);
            let _ = writeln!(out, "  program: {} of {} lines given, next {next}", program.next, program.lines.len());
        }
    }
    for object in &snapshot.objects {
        let identifier = if object.identifier.is_empty() { String::new() } else { format!(", {}", object.identifier) };
        let _ = writeln!(out, "{} {}{identifier}", object.facility(), object.name);
        for f in &object.fields {
            let _ = writeln!(out, "  {}", field(f));
        }
        for h in &object.holders {
            let _ = writeln!(out, "  {} holds {} to {}", h.actor, h.handle, h.role);
        }
        for w in &object.waiters {
            let _ = writeln!(out, "  {} waits in {} to {}", w.actor, w.verb, w.direction);
        }
    }
    out
}

/// What is known of a word of the language: a call, or a word of the stage.
pub fn help(word: &str) -> String {
    use crate::script::STAGE_WORDS;
    let registry = crate::facility::registry();
    if let Some((_, spec)) = registry.call(word) {
        let mut out = format!("{}: {}, {}\n  in C: {}\n", spec.name, spec.doc, spec.man, spec.c);
        for arg in spec.args {
            let _ = writeln!(out, "  {}: {}", arg.name, arg.doc);
        }
        if !spec.undefined.is_empty() {
            out.push_str(&super::words::fold(&format!("undefined by POSIX if {}", spec.undefined), "  ", "  "));
        }
        let _ = writeln!(out, "  such as: {}", spec.example);
        return out;
    }
    if let Some(found) = crate::script::stage_word(word) {
        return format!("{}: {}\n  written: {}\n", found.word, found.doc, found.usage);
    }
    let words = registry.calls().map(|c| c.name).chain(STAGE_WORDS.iter().map(|w| w.word));
    let near = did_you_mean(word, words).map(|h| format!("; {h}")).unwrap_or_default();
    format!("{word} is neither a call nor a word of the stage{near}\n")
}
