//! Whether a claim holds in a snapshot. Pure: the same snapshot, the same verdict.

use crate::diagnosis::{diagnose, graph};
use crate::facility::{self, Machine};
use crate::model::{Actor, ActorState, CallState, Certainty, Death, Evidence, Finding, Object, Snapshot, Value};
use crate::script::{
    ActorClaim, ArgValue, Claim, Cmp, Data, Expectation, Expr, FindingClaim, IntType, Place, SignalClaim,
};

use super::Verdict;

/// Judges an expectation.
pub fn judge(expectation: &Expectation, snapshot: &Snapshot) -> Verdict {
    let (met, seen, evidence) = claim(&expectation.claim, snapshot);
    Verdict { met, expected: expectation.claim.to_string(), seen, evidence }
}

type Seen = (bool, String, Evidence);

fn claim(claim_: &Claim, snapshot: &Snapshot) -> Seen {
    match claim_ {
        Claim::Not(inner) => {
            let (met, seen, evidence) = claim(inner, snapshot);
            // What is hidden does not hold, and its opposite does not either.
            (!met && evidence != Evidence::Hidden, seen, evidence)
        }
        Claim::Actor(name, claim) => match snapshot.actor(name) {
            Some(actor) => of_actor(actor, claim, snapshot),
            None => (false, format!("nobody on stage is called {name}"), Evidence::Kernel),
        },
        Claim::Object { object, word, args, cmp } => match snapshot.object(object) {
            Some(found) => of_object(found, word, args, *cmp),
            None if snapshot.host(object).is_some() => of_host(object, word, args, snapshot),
            None => (false, format!("nothing on stage is called {object}"), Evidence::Kernel),
        },
        Claim::Memory { actor, place, cmp, value } => memory(actor.as_deref(), place, *cmp, value, snapshot),
        Claim::Variable { actor, name, cmp, value } => variable(actor, name, *cmp, value, snapshot),
        Claim::Deadlock(actors) => deadlock(actors, snapshot),
        Claim::Finding { certainty, kind, actors } => finding(*certainty, kind, actors, snapshot),
        Claim::Syscalls(count) => match (snapshot.syscalls_since_mark, int(count)) {
            (Some(seen), Some(wanted)) => {
                let words = format!("{seen} system calls since mark");
                match snapshot.vouched_since_mark {
                    // Actors count their calls. That there was none in between, the kernel would have stopped it.
                    accesses @ 1.. if seen == 0 => {
                        let words =
                            format!("{words}, and the kernel was set to stop any in {accesses} accesses to memory");
                        (wanted == 0, words, Evidence::Kernel)
                    }
                    _ => (seen as i64 == wanted, words, Evidence::Reported),
                }
            }
            (None, _) => (false, "no count: there was no mark".to_owned(), Evidence::Hidden),
            (_, None) => (false, format!("{count} is not a number"), Evidence::Hidden),
        },
        Claim::Woken(count) => match (&snapshot.woken_since_mark, int(count)) {
            (Some(woken), Some(wanted)) => {
                let names = if woken.is_empty() { String::new() } else { format!(": {}", woken.join(", ")) };
                let words = format!("{} of those who slept at mark have run since{names}", woken.len());
                (woken.len() as i64 == wanted, words, Evidence::Kernel)
            }
            (None, _) => (false, "nobody was looked at: there was no mark".to_owned(), Evidence::Hidden),
            (_, None) => (false, format!("{count} is not a number"), Evidence::Hidden),
        },
        Claim::Gone(name) => {
            let there = snapshot.names().any(|n| n == name);
            let seen = if there { format!("{name} is on stage") } else { format!("nothing is called {name}") };
            (!there, seen, Evidence::Kernel)
        }
    }
}

fn of_actor(actor: &Actor, claim: &ActorClaim, snapshot: &Snapshot) -> Seen {
    let now = || describe(actor, snapshot);
    match claim {
        ActorClaim::Returned(value, from) => {
            let (right_call, last) = last_call(actor, from.as_deref());
            let fits = actor.alive()
                && right_call
                && actor.last.as_ref().is_some_and(|call| call.errno().is_none() && call.ret() == int(value));
            // A call in which it sleeps has not returned, whatever the one before did.
            (fits && !busy(actor), if busy(actor) { now() } else { last }, Evidence::Reported)
        }
        ActorClaim::Failed(errno, from) => {
            let (right_call, last) = last_call(actor, from.as_deref());
            let wanted = facility::registry().quantity(errno);
            let fits = right_call
                && actor
                    .last
                    .as_ref()
                    .is_some_and(|call| call.errno().is_some() && call.errno().map(i64::from) == wanted);
            (fits && !busy(actor), if busy(actor) { now() } else { last }, Evidence::Reported)
        }
        ActorClaim::Got(data) => {
            let (_, last) = last_call(actor, None);
            let wanted = bytes(data);
            let got = match actor.last.as_ref().map(|call| &call.state) {
                Some(CallState::Returned { data: Some((head, total)), .. }) => Some((head, *total)),
                _ => None,
            };
            let fits = match (wanted, got) {
                (Some(wanted), Some((head, total))) => {
                    wanted.len() as u64 == total && wanted.starts_with(&head[..head.len().min(wanted.len())])
                }
                _ => false,
            };
            (fits && !busy(actor), if busy(actor) { now() } else { last }, Evidence::Reported)
        }
        ActorClaim::Blocked(verb, object) => {
            let fits = actor.sleep().is_some_and(|sleep| {
                verb.as_ref().is_none_or(|v| *v == sleep.verb) && object.as_ref().is_none_or(|o| sleep.sleeps_on(o))
            });
            (fits, now(), Evidence::Kernel)
        }
        ActorClaim::Signal(SignalClaim::Pending, signal, count) => pending(actor, signal, count.as_ref()),
        ActorClaim::Lost(signal, count) => lost(actor, signal, count),
        ActorClaim::Group(leader) => {
            let seen = format!("{} is in the process group of {}", actor.name, actor.job.group);
            (actor.job.group == *leader, seen, Evidence::Kernel)
        }
        ActorClaim::Session(leader) => {
            let seen = format!("{} is in the session of {}", actor.name, actor.job.session);
            (actor.job.session == *leader, seen, Evidence::Kernel)
        }
        ActorClaim::Signal(of, signal, _) => {
            let none = crate::model::Signals::default();
            let signals = actor.signals.as_ref().unwrap_or(&none);
            let (set, word) = match of {
                SignalClaim::Pending => return pending(actor, signal, None),
                SignalClaim::Blocks => (&signals.blocked, "blocked"),
                SignalClaim::Ignores => (&signals.ignored, "ignored"),
                SignalClaim::Catches => (&signals.caught, "with a handler"),
            };
            let names = if set.is_empty() { "none".to_owned() } else { set.join(" ") };
            (set.contains(signal), format!("{} has {word}: {names}", actor.name), Evidence::Kernel)
        }
        ActorClaim::Handled(signal, times) => {
            let seen = actor.signals.as_ref().map_or(0, |signals| signals.times(signal));
            let met = match times {
                Some(times) => int(times) == Some(seen as i64),
                None => seen > 0,
            };
            (met, format!("{}'s handler has run {seen} times for {signal}", actor.name), Evidence::Reported)
        }
        ActorClaim::Policy(..) | ActorClaim::Affinity(_) => scheduled(actor, claim),
        ActorClaim::Idle => (actor.state == ActorState::Idle, now(), Evidence::Kernel),
        ActorClaim::Running => (matches!(actor.state, ActorState::Running { .. }), now(), Evidence::Kernel),
        ActorClaim::Stopped => (matches!(actor.state, ActorState::Stopped { .. }), now(), Evidence::Kernel),
        ActorClaim::KilledBy(signal) => {
            let fits = matches!(death(actor), Some(Death::Killed(by)) if by == signal);
            (fits, now(), Evidence::Kernel)
        }
        ActorClaim::Exited(code) => {
            let fits = match death(actor) {
                Some(Death::Exited(with)) => Some(i64::from(*with)) == int(code),
                Some(Death::Left(value)) => Some(*value) == int(code),
                _ => false,
            };
            (fits, now(), Evidence::Kernel)
        }
    }
}

/// Whether a signal is pending; and with a number, whether so many of it are held.
fn pending(actor: &Actor, signal: &str, count: Option<&Expr>) -> Seen {
    let all = actor.signals.iter().flat_map(|signals| &signals.pending);
    let (mut held, mut evidence, mut names) = (0, Evidence::Kernel, Vec::new());
    for one in all {
        names.push(one.signal.as_str());
        if one.signal == signal {
            held += one.held;
            evidence = if count.is_some() { one.evidence } else { evidence };
        }
    }
    match count {
        None => {
            let seen = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
            (held > 0, format!("{} has pending: {seen}", actor.name), evidence)
        }
        Some(_) if evidence == Evidence::Hidden => {
            (false, format!("{signal} is pending for {}, and how often is not known", actor.name), evidence)
        }
        Some(count) => (int(count) == Some(held as i64), format!("{held} {signal} held for {}", actor.name), evidence),
    }
}

/// Whether so many of a signal that were sent have left no trace.
fn lost(actor: &Actor, signal: &str, count: &Expr) -> Seen {
    let of = actor.signals.iter().flat_map(|signals| signals.pending(signal));
    let lost: u64 = of.map(crate::model::PendingSignal::lost).sum();
    let seen = format!("{lost} {signal} that were sent to {} left no trace", actor.name);
    (int(count) == Some(lost as i64), seen, Evidence::Reported)
}

fn scheduled(actor: &Actor, claim: &ActorClaim) -> Seen {
    let Some(scheduling) = &actor.scheduling else {
        let seen = format!("no call has asked how {} is scheduled", actor.name);
        return (false, seen, Evidence::Hidden);
    };
    let met = match claim {
        ActorClaim::Policy(policy, priority) => {
            scheduling.policy == *policy && priority.as_ref().is_none_or(|p| int(p) == Some(scheduling.priority))
        }
        ActorClaim::Affinity(cpus) => {
            let mut wanted: Vec<i64> = cpus.iter().filter_map(int).collect();
            wanted.sort_unstable();
            scheduling.processors() == wanted
        }
        _ => false,
    };
    (met, format!("{}: {}", actor.name, scheduling.parts().join(", ")), Evidence::Kernel)
}

const fn busy(actor: &Actor) -> bool {
    matches!(actor.state, ActorState::Asleep(_) | ActorState::Running { .. })
}

const fn death(actor: &Actor) -> Option<&Death> {
    match &actor.state {
        ActorState::Zombie(death) | ActorState::Dead(death) => Some(death),
        _ => None,
    }
}

fn last_call(actor: &Actor, from: Option<&str>) -> (bool, String) {
    match &actor.last {
        Some(call) => {
            let shown = match &call.state {
                CallState::Returned { shown, .. } => shown.as_str(),
                CallState::Entered => "not returned",
            };
            let right = from.is_none_or(|verb| verb == call.verb);
            (right, format!("{}'s last call was {}({}) = {shown}", actor.name, call.verb, call.args))
        }
        None => (false, format!("{} has made no call", actor.name)),
    }
}

/// What an actor does, in words.
pub fn describe(actor: &Actor, _snapshot: &Snapshot) -> String {
    let name = &actor.name;
    match &actor.state {
        ActorState::Idle => {
            let (_, last) = last_call(actor, None);
            if actor.last.is_some() { format!("{name} is idle; {last}") } else { format!("{name} is idle") }
        }
        ActorState::Asleep(sleep) => {
            let on = sleep.on().map(|o| format!(" on {o}")).unwrap_or_default();
            format!("{name} is asleep in {}({}){on}", sleep.verb, sleep.args)
        }
        ActorState::Running { .. } => format!("{name} is running"),
        ActorState::Stopped { signal } => format!("{name} is stopped by {signal}"),
        ActorState::Zombie(Death::Exited(code)) => format!("{name} exited with {code} and nobody has waited for it"),
        ActorState::Zombie(Death::Killed(signal)) => {
            format!("{name} was killed by {signal} and nobody has waited for it")
        }
        ActorState::Dead(Death::Exited(code)) => format!("{name} exited with {code}"),
        ActorState::Dead(Death::Killed(signal)) => format!("{name} was killed by {signal}"),
        ActorState::Zombie(Death::Left(value)) if actor.thread_of.is_some() => {
            format!("{name} has ended and left {value}, and no thread has joined it")
        }
        ActorState::Zombie(Death::Left(value)) | ActorState::Dead(Death::Left(value)) => {
            format!("{name} has ended and left {value}")
        }
        ActorState::Zombie(Death::Replaced) | ActorState::Dead(Death::Replaced) => {
            format!("{name} was ended by an execve of its process")
        }
    }
}

fn of_host(name: &str, word: &str, args: &[ArgValue], snapshot: &Snapshot) -> Seen {
    let Some(host) = snapshot.host(name) else { return (false, String::new(), Evidence::Hidden) };
    let Some(field) = host.fields.iter().find(|f| f.name == word) else {
        let have: Vec<&str> = host.fields.iter().map(|f| f.name.as_ref()).collect();
        return (false, format!("{name} is a host and has no {word}; it has {}", have.join(", ")), Evidence::Hidden);
    };
    let seen: Vec<&str> = host.texts(word).collect();
    let is_told = |arg: &ArgValue| match arg {
        ArgValue::Name(other) => seen.contains(&other.as_str()),
        ArgValue::Expr(e) => bytes(e).is_some_and(|wanted| {
            seen.iter().any(|a| a.as_bytes() == wanted || a.split('/').next().unwrap_or(a).as_bytes() == wanted)
        }),
        _ => false,
    };
    let words = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
    (!args.is_empty() && args.iter().all(is_told), format!("{name} {word}: {words}"), field.evidence)
}

fn of_object(object: &Object, word: &str, args: &[ArgValue], cmp: Option<Cmp>) -> Seen {
    if word == "waiters" {
        return waiters(object, args);
    }
    if let Some(judged) = facility::by_id(object.facility()).and_then(|f| f.check(word, args, cmp, object)) {
        return (judged.met, judged.seen, object.evidence(judged.field));
    }
    let Some(field) = object.field(word) else {
        let have: Vec<&str> = object.fields.iter().map(|f| f.name.as_ref()).collect();
        let seen = format!("{} has no {word}; it has {}", object.name, have.join(", "));
        return (false, seen, Evidence::Hidden);
    };
    if field.evidence == Evidence::Hidden {
        let why = field.note.as_deref().unwrap_or("nobody can know it without changing it");
        return (false, format!("{word} of {} is hidden: {why}", object.name), Evidence::Hidden);
    }
    let met = match (&field.value, args) {
        (Value::Int(seen), [ArgValue::Expr(e)]) => int(e).is_some_and(|n| compare(*seen, cmp, n)),
        (Value::Text(seen), [ArgValue::Name(name)]) => (seen == name) == !matches!(cmp, Some(Cmp::Ne)),
        (Value::Text(seen), [ArgValue::Expr(e)]) => bytes(e).is_some_and(|b| b == seen.as_bytes()),
        (Value::Bytes { bytes: head, total }, [ArgValue::Expr(e)]) => {
            bytes(e).is_some_and(|wanted| wanted.len() as u64 == *total && wanted.starts_with(head))
        }
        _ => false,
    };
    (met, format!("{} {word} {}", object.name, in_words(&field.value)), field.evidence)
}

fn waiters(object: &Object, args: &[ArgValue]) -> Seen {
    let seen: Vec<&str> = object.waiters.iter().map(|w| w.actor.as_str()).collect();
    let met = if let [ArgValue::Expr(e)] = args {
        int(e) == Some(seen.len() as i64)
    } else {
        let mut wanted = args.iter().filter_map(|a| if let ArgValue::Name(n) = a { Some(n.as_str()) } else { None });
        seen.iter().all(|s| wanted.next() == Some(s)) && wanted.next().is_none()
    };
    let words = if seen.is_empty() { "nobody waits".to_owned() } else { format!("{} wait", seen.join(", ")) };
    (met, format!("on {} {words}", object.name), Evidence::Kernel)
}

/// A value in a few words.
pub fn in_words(value: &Value) -> String {
    match value {
        Value::Nothing => "nothing".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes { bytes, total } => facility::show::text(bytes, *total, 32),
        Value::List(items) => format!("[{}]", items.iter().map(in_words).collect::<Vec<_>>().join(", ")),
        Value::Record(parts) => {
            parts.iter().map(|(name, value)| format!("{name} {}", in_words(value))).collect::<Vec<_>>().join(" ")
        }
    }
}

fn memory(actor: Option<&str>, place: &Place, cmp: Cmp, value: &Expr, snapshot: &Snapshot) -> Seen {
    if let Some(seen) = element(actor, place, cmp, value, snapshot) {
        return seen;
    }
    let Some((bytes_seen, evidence)) = memory_of(actor, &place.base, snapshot) else {
        let whose = actor.map_or_else(|| "no memory is called".to_owned(), |a| format!("{a} has no mapping called"));
        return (false, format!("{whose} {}", place.base), Evidence::Hidden);
    };
    let shown = place.to_string();
    let Some(index) = int(&place.index).and_then(|i| usize::try_from(i).ok()) else {
        return (false, format!("{shown} has no index"), Evidence::Hidden);
    };
    if let Some(until) = &place.until {
        let end = int(until).and_then(|i| usize::try_from(i).ok()).unwrap_or(0);
        let Some(seen) = bytes_seen.get(index..end) else {
            return (false, format!("{shown} lies beyond what can be seen"), Evidence::Hidden);
        };
        let met = bytes(value).is_some_and(|wanted| (wanted == seen) == (cmp == Cmp::Eq));
        return (met, format!("{shown} is {}", facility::show::text(seen, seen.len() as u64, 32)), evidence);
    }
    let size = place.ty.size() as usize;
    let Some(seen) = index.checked_mul(size).and_then(|at| bytes_seen.get(at..at + size)) else {
        return (false, format!("{shown} lies beyond what can be seen"), Evidence::Hidden);
    };
    let seen = decode(seen, place.ty);
    (int(value).is_some_and(|n| compare(seen, Some(cmp), n)), format!("{shown} is {seen}"), evidence)
}

/// One number of an object that has no bytes but several numbers: `s[1]`, the second of a set of semaphores.
fn element(actor: Option<&str>, place: &Place, cmp: Cmp, value: &Expr, snapshot: &Snapshot) -> Option<Seen> {
    let object = snapshot.object(&place.base).filter(|_| actor.is_none() && place.until.is_none())?;
    if object.fields.iter().any(|f| f.value.as_bytes().is_some()) {
        return None;
    }
    let numbers =
        |f: &&crate::model::Field| matches!(&f.value, Value::List(list) if list.iter().all(|v| v.as_int().is_some()));
    let field = object.fields.iter().find(numbers)?;
    let index = int(&place.index).and_then(|i| usize::try_from(i).ok());
    let Some(seen) = index.and_then(|i| field.value.as_list().get(i)?.as_int()) else {
        let count = field.value.as_list().len();
        return Some((false, format!("{} has {count} {}", place.base, field.name), field.evidence));
    };
    Some((int(value).is_some_and(|n| compare(seen, Some(cmp), n)), format!("{place} is {seen}"), field.evidence))
}

/// The bytes that an object holds, or that an actor sees through a mapping.
fn memory_of<'a>(actor: Option<&str>, base: &str, snapshot: &'a Snapshot) -> Option<(&'a [u8], Evidence)> {
    let of_object = |name: &str| {
        let field = snapshot.object(name)?.fields.iter().find(|f| f.value.as_bytes().is_some())?;
        Some((field.value.as_bytes()?.0, field.evidence))
    };
    let mapping = |actor: &'a Actor| {
        let mapping = actor.mappings.iter().find(|m| m.names.iter().any(|n| n == base))?;
        match (&mapping.contents, &mapping.object) {
            (Some(contents), _) => Some((contents.as_slice(), Evidence::Kernel)),
            (None, Some(object)) => {
                let (bytes, evidence) = of_object(object)?;
                Some((bytes.get(mapping.offset as usize..)?, evidence))
            }
            (None, None) => None,
        }
    };
    match actor {
        Some(name) => mapping(snapshot.actor(name)?),
        None => of_object(base).or_else(|| snapshot.actors.iter().find_map(mapping)),
    }
}

fn decode(bytes: &[u8], ty: IntType) -> i64 {
    let mut wide = [0u8; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    let raw = u64::from_le_bytes(wide);
    match ty {
        IntType::U8 | IntType::U16 | IntType::U32 | IntType::U64 => raw as i64,
        IntType::I8 => i64::from(raw as i8),
        IntType::I16 => i64::from(raw as i16),
        IntType::I32 => i64::from(raw as i32),
        IntType::I64 => raw as i64,
    }
}

fn variable(actor: &str, name: &str, cmp: Cmp, value: &Expr, snapshot: &Snapshot) -> Seen {
    let Some(found) = snapshot.actor(actor) else {
        return (false, format!("nobody on stage is called {actor}"), Evidence::Kernel);
    };
    let Some((_, seen)) = found.variables.iter().find(|(n, _)| n == name) else {
        return (false, format!("{actor} has no ${name}"), Evidence::Reported);
    };
    let met = match (seen.parse::<i64>(), int(value)) {
        (Ok(a), Some(b)) => compare(a, Some(cmp), b),
        _ => bytes(value).is_some_and(|b| (Data::Bytes(b).to_string() == *seen) == (cmp == Cmp::Eq)),
    };
    (met, format!("{actor}'s ${name} is {seen}"), Evidence::Reported)
}

fn deadlock(actors: &[String], snapshot: &Snapshot) -> Seen {
    let graph = graph(snapshot);
    let stuck = graph.stuck();
    let met = !actors.is_empty() && actors.iter().all(|a| stuck.contains(a));
    let seen = if stuck.is_empty() {
        "nobody waits in a cycle".to_owned()
    } else {
        format!("{} can only be woken by each other", stuck.join(", "))
    };
    (met, seen, Evidence::Kernel)
}

fn finding(certainty: FindingClaim, kind: &str, actors: &[String], snapshot: &Snapshot) -> Seen {
    let wanted = match certainty {
        FindingClaim::Certain => Certainty::Certain,
        FindingClaim::Suspicious => Certainty::Suspicious,
    };
    let all: Vec<Finding> =
        diagnose(snapshot, &graph(snapshot)).into_iter().filter(|finding| finding.kind.word == kind).collect();
    let met = |finding: &Finding| finding.certainty == wanted && actors.iter().all(|name| finding.who.contains(name));
    let met = all.iter().any(met);
    let words: Vec<String> = all.iter().map(|f| format!("{}: {}", f.certainty.word(), f.words)).collect();
    let seen = if words.is_empty() { format!("no finding of the kind {kind}") } else { words.join("; ") };
    // A finding is known as well as the least of what it rests on.
    let evidence = all.iter().flat_map(|f| &f.known).any(|known| known.evidence == Evidence::Reported);
    (met, seen, if evidence { Evidence::Reported } else { Evidence::Kernel })
}

/// Whether a claim may only be met if two looks on end agree.
pub(super) fn wants_two_looks(claim: &Claim) -> bool {
    match claim {
        Claim::Not(inner) => wants_two_looks(inner),
        Claim::Deadlock(_) | Claim::Finding { .. } => true,
        _ => false,
    }
}

const fn compare(seen: i64, cmp: Option<Cmp>, wanted: i64) -> bool {
    match cmp {
        None | Some(Cmp::Eq) => seen == wanted,
        Some(Cmp::Ne) => seen != wanted,
        Some(Cmp::Lt) => seen < wanted,
        Some(Cmp::Le) => seen <= wanted,
        Some(Cmp::Gt) => seen > wanted,
        Some(Cmp::Ge) => seen >= wanted,
    }
}

fn int(expr: &Expr) -> Option<i64> {
    if let Ok(Data::Int(n)) = expr.eval(&Machine) { Some(n) } else { None }
}

fn bytes(expr: &Expr) -> Option<Vec<u8>> {
    if let Ok(Data::Bytes(b)) = expr.eval(&Machine) { Some(b) } else { None }
}
