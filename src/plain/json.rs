//! Events and snapshots as lines of JSON. `docs/json.md` describes them; what stands there stays as it is.
//!
//! The shapes are made here, field by field, so that a change inside the program never changes them by accident.

use serde_json::{Value as Json, json};

use super::diagnose::{Places, Where};
use crate::lesson::prose::{self, Block};
use crate::lesson::session::News;
use crate::lesson::{Lesson, Prediction};
use crate::model::{
    Access, Actor, ActorState, Call, CallState, Copies, Death, Field, Finding, Host, Mode, Object, Plight, Snapshot,
    Value, Wait, WaitGraph,
};
use crate::script::{Diagnostic, Severity};
use crate::stage::{Outcome, Report, StageInfo};

/// The version of the format. It changes only when a line gets another meaning; new keys may come without.
pub const VERSION: u32 = 1;

/// A line: `version` and `event`, then what belongs to the event.
pub fn line(event: &str, rest: &Json) -> String {
    // These two come first, for whoever reads it by eye; the others are in the order of the alphabet.
    let rest = rest.to_string();
    let rest = rest.strip_prefix('{').filter(|r| *r != "}").map_or_else(|| "}".to_owned(), |r| format!(",{r}"));
    format!("{{\"version\":{VERSION},\"event\":\"{event}\"{rest}")
}

/// `opened`: a stage is open.
pub fn opened(number: u64, info: &StageInfo) -> String {
    let mode = match info.mode {
        Mode::Isolated => "isolated",
        Mode::Shared => "shared",
    };
    line(
        "opened",
        &json!({
            "stage": number, "mode": mode, "why_shared": info.why_shared, "kernel": info.kernel,
            "capabilities": info.capabilities, "uid": info.uid,
        }),
    )
}

/// `ended`: a statement has ended; `at` is where it stands, if in a script.
pub fn ended(number: u64, report: &Report, at: Option<&Where>) -> String {
    let place = at.map(|Where { file, line, column }| json!({ "file": file, "line": line, "column": column }));
    line(
        "ended",
        &json!({
            "stage": number, "statement": report.statement, "place": place, "ok": report.ok(),
            "outcome": outcome(&report.outcome),
            "calls": report.calls.iter().map(call).collect::<Vec<_>>(), "snapshot": snapshot(&report.snapshot),
        }),
    )
}

/// `mistake`: something is wrong with a script, so that nothing of it is run.
pub fn mistake(at: &Where, diagnostic: &Diagnostic) -> String {
    let mut mistake = told_at(at, diagnostic);
    mistake["file"] = at.file.as_str().into();
    line("mistake", &mistake)
}

/// What is wrong, and where in its text.
fn told_at(at: &Where, diagnostic: &Diagnostic) -> Json {
    let severity = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    json!({
        "line": at.line, "column": at.column, "severity": severity, "message": diagnostic.message,
        "help": diagnostic.help,
    })
}

/// `wrong`: what was typed, the text `source`, can't be understood, or something else has gone wrong.
pub fn wrong(text: &str, source: &str, diagnostics: &[Diagnostic]) -> String {
    let mut places = Places::new("line", source);
    let diagnostics: Vec<Json> = diagnostics.iter().map(|d| told_at(&places.at(d.span.start), d)).collect();
    line("wrong", &json!({ "text": text.trim_end(), "diagnostics": diagnostics }))
}

/// `mistake`: a script can't be read; in which line, if that is known.
pub fn unreadable(file: &str, line_number: Option<usize>, why: &str) -> String {
    line(
        "mistake",
        &json!({
            "file": file, "line": line_number, "column": null, "severity": "error", "message": why, "help": null,
        }),
    )
}

/// `refreshed`: something changed while no statement ended.
pub fn refreshed(number: u64, calls: &[Call], seen: &Snapshot, news: &[String]) -> String {
    let calls: Vec<Json> = calls.iter().map(call).collect();
    line("refreshed", &json!({ "stage": number, "calls": calls, "snapshot": snapshot(seen), "news": news }))
}

/// `diagnosis`: what is wrong has changed.
pub fn diagnosis(number: u64, findings: &[Finding], agree: bool) -> String {
    let findings: Vec<Json> = findings.iter().map(finding).collect();
    line("diagnosis", &json!({ "stage": number, "findings": findings, "two_looks_agree": agree }))
}

fn finding(finding: &Finding) -> Json {
    let known: Vec<Json> =
        finding.known.iter().map(|k| json!({ "words": k.words, "evidence": k.evidence.word() })).collect();
    json!({
        "kind": finding.kind.word, "title": finding.kind.title, "certainty": finding.certainty.word(),
        "who": finding.who, "on": finding.on, "words": finding.words, "known": known, "next": finding.next,
        "since_ns": finding.since_ns,
    })
}

/// One wait of the graph, with how bad it is.
fn wait(wait: &Wait, graph: &WaitGraph) -> Json {
    let (plight, sure) = match graph.plight(&wait.waiter) {
        Some(Plight::Cycle { sure }) => ("cycle", sure),
        Some(Plight::Behind { sure }) => ("behind", sure),
        Some(Plight::Waits) | None => ("waits", false),
    };
    json!({
        "waiter": wait.waiter, "verb": wait.verb, "object": wait.object, "direction": wait.direction,
        "since_ns": wait.since_ns, "timed": wait.timed, "needs": wait.need.groups, "only_they": wait.need.sure,
        "plight": plight, "certain": sure,
    })
}

/// `lost`: a stage is gone.
pub fn lost(number: u64, why: &str) -> String {
    line("lost", &json!({ "stage": number, "why": why }))
}

/// `undefined`: POSIX leaves it undefined what a statement will do.
pub fn undefined(number: u64, statement: &str, why: &str) -> String {
    line("undefined", &json!({ "stage": number, "statement": statement, "why": why }))
}

fn outcome(outcome: &Outcome) -> Json {
    match outcome {
        Outcome::Settled => json!({ "kind": "settled" }),
        Outcome::Running(actors) => json!({ "kind": "running", "actors": actors }),
        Outcome::Refused { why, help } => json!({ "kind": "refused", "why": why, "help": help }),
        Outcome::Checked(v) => json!({
            "kind": "checked", "met": v.met, "expected": v.expected, "seen": v.seen, "evidence": v.evidence.word(),
        }),
        Outcome::TimedOut(why) => json!({ "kind": "timed out", "why": why }),
    }
}

/// A call.
pub fn call(call: &Call) -> Json {
    let (state, ret, errno, shown, data, at_ns) = match &call.state {
        CallState::Entered => ("entered", None, None, None, None, None),
        CallState::Returned { ret, errno, shown, data, at_ns } => {
            let data = data.as_ref().map(|(head, total)| bytes(head, *total));
            ("returned", Some(*ret), *errno, Some(shown.clone()), data, Some(*at_ns))
        }
    };
    json!({
        "actor": call.actor, "order": call.order, "seq": call.seq, "verb": call.verb, "args": call.args, "on": call.on,
        "entered_ns": call.entered_ns, "syscall": call.syscall, "state": state, "ret": ret, "errno": errno,
        "shown": shown, "meaning": call.meaning, "data": data, "returned_ns": at_ns,
    })
}

/// A snapshot.
pub fn snapshot(snapshot: &Snapshot) -> Json {
    let graph = crate::diagnosis::graph(snapshot);
    json!({
        "at_ns": snapshot.at_ns, "settled": snapshot.settled, "syscalls_since_mark": snapshot.syscalls_since_mark,
        "vouched_since_mark": snapshot.vouched_since_mark, "woken_since_mark": snapshot.woken_since_mark,
        "actors": snapshot.actors.iter().map(actor).collect::<Vec<_>>(),
        "objects": snapshot.objects.iter().map(object).collect::<Vec<_>>(),
        "hosts": snapshot.hosts.iter().map(host).collect::<Vec<_>>(),
        "waits": graph.waits.iter().map(|w| wait(w, &graph)).collect::<Vec<_>>(), "cycles": graph.cycles,
    })
}

fn actor(actor: &Actor) -> Json {
    let descriptors: Vec<Json> = actor
        .descriptors
        .iter()
        .map(|d| {
            let access = match d.access {
                Access::Read => "read",
                Access::Write => "write",
                Access::Both => "both",
            };
            json!({
                "fd": d.fd, "names": d.names, "object": d.object, "access": access, "flags": d.flags, "offset": d.offset,
            })
        })
        .collect();
    let mappings: Vec<Json> = actor
        .mappings
        .iter()
        .map(|m| {
            let (own, inherited, of, hidden) = match &m.copies {
                Some(Copies::Counted { own, inherited, of_first }) => {
                    (Some(own), Some(inherited), of_first.as_ref(), None)
                }
                Some(Copies::Hidden(why)) => (None, None, None, Some(why)),
                None => (None, None, None, None),
            };
            json!({
                "names": m.names, "start": m.start, "length": m.length, "offset": m.offset, "protection": m.protection,
                "shared": m.shared, "object": m.object,
                "contents": m.contents.as_ref().map(|c| bytes(c, c.len() as u64)),
                "own_pages": own, "inherited_pages": inherited, "of_first_pages": of, "pages_hidden": hidden,
            })
        })
        .collect();
    let variables: serde_json::Map<String, Json> =
        actor.variables.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "name": actor.name, "pid": actor.pid, "tid": actor.tid, "thread_of": actor.thread_of, "uid": actor.uid, "parent": actor.parent, "host": actor.host,
        "state": state(&actor.state),
        "descriptors": descriptors, "mappings": mappings, "variables": variables,
        "stdout": actor.stdout.as_ref().map(|s| {
            json!({ "holds": bytes(&s.holds, s.holds.len() as u64), "buffering": s.buffering })
        }),
        "group": told(&actor.job.group), "session": told(&actor.job.session),
        "signals": actor.signals.as_ref().map(|s| {
            let handled: serde_json::Map<String, Json> =
                s.handled.iter().map(|(name, times)| (name.clone(), json!(times))).collect();
            let mut pending: Vec<&str> = s.pending.iter().map(|p| p.signal.as_str()).collect();
            pending.dedup();
            let held: Vec<Json> = s
                .pending
                .iter()
                .map(|p| {
                    json!({
                        "signal": p.signal, "thread": p.thread, "queues": p.queues, "sent": p.sent, "held": p.held, "queue": p.queue,
                        "evidence": p.evidence.word(),
                    })
                })
                .collect();
            let flags: serde_json::Map<String, Json> =
                s.flags.iter().map(|(name, flags)| (name.clone(), json!(flags))).collect();
            json!({
                "pending": pending, "held": held, "flags": flags, "blocked": s.blocked, "ignored": s.ignored, "caught": s.caught, "handled": handled,
            })
        }),
        "scheduling": actor.scheduling.as_ref().map(|s| json!({
            "policy": s.policy, "priority": s.priority, "nice": s.nice, "cpus": s.cpus, "cpu_ns": s.cpu_ns,
            "voluntary": s.voluntary, "involuntary": s.involuntary,
        })),
        "program": actor.program.as_ref().map(|p| json!({ "lines": p.lines, "next": p.next })),
        "last": actor.last.as_ref().map(call), "finished": actor.finished, "dropped": actor.dropped,
    })
}

/// A text, or null where there is none.
fn told(text: &str) -> Json {
    if text.is_empty() { Json::Null } else { text.into() }
}

fn state(state: &ActorState) -> Json {
    let ended = |kind: &str, death: &Death| match death {
        Death::Exited(status) => json!({ "kind": kind, "exited": status }),
        Death::Killed(signal) => json!({ "kind": kind, "killed_by": signal }),
        Death::Left(value) => json!({ "kind": kind, "left": value }),
        Death::Replaced => json!({ "kind": kind, "replaced": true }),
    };
    match state {
        ActorState::Idle => json!({ "kind": "idle" }),
        ActorState::Asleep(s) => json!({
            "kind": "asleep", "verb": s.verb, "args": s.args, "object": s.object, "also": s.also, "direction": s.direction,
            "since_ns": s.since_ns, "deadline_ns": s.deadline_ns, "syscall": s.syscall, "restarts": s.restarts,
        }),
        ActorState::Running { progress } => {
            let rounds = progress.map(|(done, all)| json!({ "done": done, "all": all }));
            json!({ "kind": "running", "rounds": rounds })
        }
        ActorState::Stopped { signal } => json!({ "kind": "stopped", "signal": signal }),
        ActorState::Zombie(death) => ended("zombie", death),
        ActorState::Dead(death) => ended("dead", death),
    }
}

fn object(object: &Object) -> Json {
    let holders: Vec<Json> =
        object.holders.iter().map(|h| json!({ "actor": h.actor, "role": h.role, "handle": h.handle })).collect();
    let waiters: Vec<Json> = object
        .waiters
        .iter()
        .map(|w| json!({ "actor": w.actor, "verb": w.verb, "direction": w.direction, "since_ns": w.since_ns }))
        .collect();
    json!({
        "name": object.name, "facility": object.facility(), "identifier": object.identifier,
        "key": { "dev": object.key.dev, "ino": object.key.ino, "offset": object.key.offset },
        "fields": object.fields.iter().map(field).collect::<Vec<_>>(), "holders": holders, "waiters": waiters,
    })
}

fn host(host: &Host) -> Json {
    json!({ "name": host.name, "fields": host.fields.iter().map(field).collect::<Vec<_>>() })
}

fn field(field: &Field) -> Json {
    json!({
        "name": field.name, "value": value(&field.value), "evidence": field.evidence.word(), "note": field.note,
    })
}

/// An integer is a number, text a string, several an array, named parts an object; data is an object with `hex`.
fn value(of: &Value) -> Json {
    match of {
        Value::Nothing => Json::Null,
        Value::Int(n) => (*n).into(),
        Value::Text(text) => text.clone().into(),
        Value::Bytes { bytes: head, total } => bytes(head, *total),
        Value::List(values) => values.iter().map(value).collect(),
        Value::Record(parts) => Json::Object(parts.iter().map(|(n, v)| (n.to_string(), value(v))).collect()),
    }
}

fn bytes(head: &[u8], total: u64) -> Json {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(head.len() * 2);
    for byte in head {
        let _ = write!(hex, "{byte:02x}");
    }
    json!({ "hex": hex, "total": total })
}

/// `lesson`: a lesson begins.
pub fn lesson(lesson: &Lesson) -> String {
    let front = &lesson.front;
    line(
        "lesson",
        &json!({
            "lesson": front.id, "title": front.title, "unit": front.unit, "minutes": front.minutes, "par": front.par,
            "misconception": front.misconception, "objectives": front.objectives, "claims": front.claims,
            "requires": front.requires, "read": front.read,
            "steps": lesson.steps.iter().map(|s| json!({ "step": s.id, "title": s.title })).collect::<Vec<_>>(),
        }),
    )
}

/// `prose`: something to read; `kind` tells what it is.
pub fn prose(kind: &str, blocks: &[Block]) -> String {
    line("prose", &json!({ "kind": kind, "text": super::words::blocks(blocks) }))
}

/// `asked`: a prediction waits for its answer.
pub fn asked(prediction: &Prediction) -> String {
    let choices: Vec<Json> = prediction
        .choices
        .iter()
        .enumerate()
        .map(|(i, c)| json!({ "choice": Prediction::letter(i).to_string(), "text": c.plain() }))
        .collect();
    let question = super::words::blocks(&prediction.question);
    line("asked", &json!({ "prediction": prediction.id, "question": question, "choices": choices }))
}

/// What happened on the way through a lesson.
pub fn news(lesson: &Lesson, news: &News) -> String {
    match news {
        News::Step(id) => {
            let title = lesson.steps.iter().find(|s| s.id == *id).map(|s| s.title.clone());
            line("step", &json!({ "step": id, "title": title }))
        }
        News::LeftOut(steps) => line("left_out", &json!({ "steps": steps })),
        News::Restored => line("restored", &json!({})),
        News::Revealed { prediction, chosen, held } => {
            let found = lesson.prediction(prediction);
            let answer = found.and_then(|p| p.choices.get(*chosen)).map(|c| prose::plain(&c.answer));
            line(
                "revealed",
                &json!({
                    "prediction": prediction, "chosen": Prediction::letter(*chosen).to_string(),
                    "held": held.map(|h| Prediction::letter(h).to_string()), "right": *held == Some(*chosen),
                    "answer": answer,
                }),
            )
        }
        News::Differs { span, outcome: how } => {
            line("differs", &json!({ "line": lesson.line(*span), "outcome": outcome(how) }))
        }
        News::Met(id) => line("met", &json!({ "goal": id })),
        News::Done(id) => line("done", &json!({ "step": id })),
        News::Scored { took, par } => line("scored", &json!({ "took": took, "par": par })),
        News::Helped(id) => line("helped", &json!({ "step": id })),
        News::Over => line("over", &json!({ "lesson": lesson.id() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, Holder, ObjectKey, Sleep, Waiter};

    #[test]
    fn a_line_has_the_shape_that_is_promised() {
        let sleep = Sleep {
            verb: "read".into(),
            args: "3, …, 100".into(),
            object: Some("p".into()),
            also: vec![],
            direction: "read".into(),
            since_ns: 7,
            deadline_ns: None,
            syscall: 0,
            restarts: 0,
        };
        let bob = Actor {
            name: "bob".into(),
            pid: 3,
            tid: 3,
            thread_of: None,
            scheduling: None,
            uid: 65534,
            parent: Some("alice".into()),
            host: None,
            state: ActorState::Asleep(sleep),
            descriptors: Vec::new(),
            mappings: Vec::new(),
            variables: vec![("x".into(), "1".into())],
            stdout: None,
            job: crate::model::Job::default(),
            signals: None,
            program: None,
            last: None,
            finished: 0,
            dropped: 0,
        };
        let pipe = Object {
            name: "p".into(),
            key: ObjectKey { facility: "pipe".into(), dev: 1, ino: 2, offset: 0 },
            identifier: "none".into(),
            fields: vec![
                Field::kernel_int("bytes", 2),
                Field::new("holds", Value::Bytes { bytes: b"hi".to_vec(), total: 2 }, Evidence::Kernel),
                Field::hidden("slots", "why"),
            ],
            holders: vec![Holder { actor: "bob".into(), role: "read".into(), handle: "3".into() }],
            waiters: vec![Waiter { actor: "bob".into(), verb: "read".into(), direction: "read".into(), since_ns: 7 }],
        };
        let seen = Snapshot { at_ns: 9, actors: vec![bob], objects: vec![pipe], ..Snapshot::empty() };
        let line: Json = serde_json::from_str(&refreshed(1, &[], &seen, &["bob was killed".into()])).unwrap();
        let expected = json!({
            "version": 1, "event": "refreshed", "stage": 1, "calls": [], "news": ["bob was killed"],
            "snapshot": {
                "at_ns": 9, "settled": true, "syscalls_since_mark": null, "vouched_since_mark": 0, "woken_since_mark": null,
                "actors": [{
                    "name": "bob", "pid": 3, "tid": 3, "thread_of": null, "scheduling": null, "uid": 65534, "parent": "alice", "host": null,
                    "state": {
                        "kind": "asleep", "verb": "read", "args": "3, …, 100", "object": "p", "also": [], "direction": "read",
                        "since_ns": 7, "deadline_ns": null, "syscall": 0, "restarts": 0,
                    },
                    "descriptors": [], "mappings": [], "variables": { "x": "1" }, "stdout": null, "signals": null, "program": null, "last": null,
                    "group": null, "session": null,
                    "finished": 0, "dropped": 0,
                }],
                "objects": [{
                    "name": "p", "facility": "pipe", "identifier": "none", "key": { "dev": 1, "ino": 2, "offset": 0 },
                    "fields": [
                        { "name": "bytes", "value": 2, "evidence": "kernel", "note": null },
                        { "name": "holds", "value": { "hex": "6869", "total": 2 }, "evidence": "kernel", "note": null },
                        { "name": "slots", "value": null, "evidence": "hidden", "note": "why" },
                    ],
                    "holders": [{ "actor": "bob", "role": "read", "handle": "3" }],
                    "waiters": [{ "actor": "bob", "verb": "read", "direction": "read", "since_ns": 7 }],
                }],
                "hosts": [],
                "waits": [{
                    "waiter": "bob", "verb": "read", "object": "p", "direction": "read", "since_ns": 7, "timed": false,
                    "needs": [], "only_they": true, "plight": "waits", "certain": false,
                }],
                "cycles": [],
            },
        });
        assert_eq!(line, expected);
    }
}
