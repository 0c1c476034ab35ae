//! Small stages to try rules on.

use super::{diagnose, graph};
use crate::model::{
    Actor, ActorState, Certainty, Death, Field, Finding, Holder, Job, Object, ObjectKey, Sleep, Snapshot, Value, Waiter,
};

/// Somebody who waits for orders.
pub(super) fn actor(name: &str) -> Actor {
    Actor {
        name: name.to_owned(),
        pid: 2,
        tid: 2,
        thread_of: None,
        scheduling: None,
        uid: 0,
        parent: None,
        host: None,
        state: ActorState::Idle,
        descriptors: Vec::new(),
        mappings: Vec::new(),
        variables: Vec::new(),
        stdout: None,
        job: Job::default(),
        signals: None,
        program: None,
        last: None,
        finished: 0,
        dropped: 0,
    }
}

/// Somebody who sleeps in `verb` on `object`.
pub(super) fn sleeper(
    name: &str,
    verb: &'static str,
    object: Option<&str>,
    direction: &'static str,
    since_ns: u64,
) -> Actor {
    let sleep = Sleep {
        verb: verb.into(),
        args: String::new(),
        object: object.map(str::to_owned),
        also: Vec::new(),
        direction: direction.into(),
        since_ns,
        deadline_ns: None,
        syscall: 0,
        restarts: 0,
    };
    Actor { state: ActorState::Asleep(sleep), ..actor(name) }
}

pub(super) fn reader(name: &str, object: &str, since_ns: u64) -> Actor {
    sleeper(name, "read", Some(object), "read", since_ns)
}

pub(super) fn writer(name: &str, object: &str) -> Actor {
    sleeper(name, "write", Some(object), "write", 1)
}

/// A parent who waits for any child.
pub(super) fn waiting_parent(name: &str) -> Actor {
    let mut parent = sleeper(name, "waitpid", None, "child", 1);
    if let ActorState::Asleep(sleep) = &mut parent.state {
        sleep.args = "-1, …, 0".to_owned();
    }
    parent
}

pub(super) fn child_of(parent: &str, child: Actor) -> Actor {
    Actor { parent: Some(parent.to_owned()), ..child }
}

pub(super) fn dead(name: &str) -> Actor {
    Actor { state: ActorState::Dead(Death::Killed("SIGKILL".to_owned())), ..actor(name) }
}

pub(super) fn object(
    facility: &'static str,
    name: &str,
    holders: &[(&str, &'static str)],
    fields: Vec<Field>,
) -> Object {
    let holder = |(actor, role): &(&str, &'static str)| Holder {
        actor: (*actor).to_owned(),
        role: (*role).into(),
        handle: "3".to_owned(),
    };
    Object {
        name: name.to_owned(),
        key: ObjectKey { facility: facility.into(), dev: 1, ino: 1, offset: 0 },
        identifier: "none".to_owned(),
        fields,
        holders: holders.iter().map(holder).collect(),
        waiters: Vec::new(),
    }
}

pub(super) fn pipe(name: &str, holders: &[(&str, &'static str)], bytes: i64) -> Object {
    let fields = vec![Field::kernel_int("bytes", bytes), Field::kernel_int("capacity", 65536)];
    object("pipe", name, holders, fields)
}

/// A lock of a whole file, with the owner and who waits for it.
pub(super) fn lock(owner: &str, waits: &[&str]) -> Value {
    let text = |name: &'static str, value: &str| (name.into(), Value::Text(value.to_owned()));
    let parts = || vec![text("mode", "write"), ("start".into(), Value::Int(0)), ("end".into(), Value::Nothing)];
    let wait = |actor: &&str| Value::Record([vec![text("actor", actor), text("kind", "flock")], parts()].concat());
    let waits = ("waits".into(), Value::List(waits.iter().map(wait).collect()));
    Value::Record([vec![text("kind", "flock")], parts(), vec![text("owner", owner), waits]].concat())
}

pub(super) fn file(name: &str, locks: Vec<Value>) -> Object {
    let locks = Field::new("locks", Value::List(locks), crate::model::Evidence::Kernel);
    object("file", name, &[], vec![locks])
}

/// A stage with these, on which each sleeper is a waiter of its object.
pub(super) fn stage(actors: Vec<Actor>, mut objects: Vec<Object>) -> Snapshot {
    for (actor, sleep) in actors.iter().filter_map(|a| Some((a, a.sleep()?))) {
        for object in objects.iter_mut().filter(|o| sleep.sleeps_on(&o.name)) {
            object.waiters.push(Waiter {
                actor: actor.name.clone(),
                verb: sleep.verb.clone(),
                direction: sleep.direction.clone(),
                since_ns: sleep.since_ns,
            });
        }
    }
    Snapshot { actors, objects, ..Snapshot::empty() }
}

/// The findings of one kind, as `certain bob on p`.
pub(super) fn found(kind: &str, now: &Snapshot) -> Vec<String> {
    let words = |finding: &Finding| {
        let on = if finding.on.is_empty() { String::new() } else { format!(" on {}", finding.on.join(" ")) };
        format!("{} {}{on}", finding.certainty.word(), finding.who.join(" "))
    };
    let all = diagnose(now, &graph(now));
    for finding in &all {
        assert!(!finding.words.ends_with('.') && !finding.next.ends_with('.') && !finding.next.is_empty());
        assert!(finding.known.iter().all(|known| !known.words.ends_with('.')) && !finding.known.is_empty());
        assert!(finding.certainty <= Certainty::Certain);
    }
    all.iter().filter(|f| f.kind.word == kind).map(words).collect()
}
