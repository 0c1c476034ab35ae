//! Facility swap: a scenario on one facility, done with another, statement by statement.
//!
//! What is done the same way with both (sending, receiving, taking a lock) is told by their
//! [dialects](crate::facility::dialect): a statement that is one of the first one's ways becomes the second one's way for
//! the same thing. Where the second has none, the statement has no counterpart, and that is said.

mod fit;
mod parts;
mod run;

pub use run::{Pair, Side, compare};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::{leaf, leaves};
use crate::facility::dialect::{self, Dialect, Fill, Op, Parts, dialect, dialects};
use crate::facility::registry;
use crate::script::{self, ActorClaim, ArgValue, Body, CallExpr, Claim, Expr, Statement, nearest};
use fit::{Captured, base, fit};
use parts::{Cast, ways};

/// A scenario on two facilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The kind on which it was written: an id of the map.
    pub from: &'static str,
    /// The other kind.
    pub to: &'static str,
    /// Its statements, in order.
    pub steps: Vec<Step>,
}

/// A statement, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As it was written.
    pub source: Statement,
    /// On the other facility.
    pub became: Became,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Became {
    /// It has nothing to do with the facility.
    Same,
    /// These statements; and what of it was lost.
    Into(Vec<Statement>, Vec<String>),
    /// It was part of making the thing, which the other does otherwise.
    Part,
    /// There is nothing like it: why.
    Nothing(String),
}

/// Why a scenario can't be swapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSwap {
    /// No facility is called so.
    #[error("there is no facility {0} to swap to{1}")]
    Unknown(String, String),
    /// It uses nothing that could be swapped for it.
    #[error("nothing in it is done with a facility that {0} could take the place of")]
    NothingFits(String),
    /// It is on that facility already.
    #[error("it is on that facility already: {0}")]
    Already(&'static str),
}

/// What stands behind the id of a leaf where the same is found by a name: sockets that were not made as a pair.
const NAMED: &str = "-named";

/// What a kind is called: as its leaf of the map.
pub fn title(kind: &'static str) -> &'static str {
    static NAMES: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
        let kinds = dialects().filter_map(|d| Some((d.kind, leaf(d.kind.strip_suffix(NAMED)?)?)));
        kinds.map(|(kind, leaf)| (kind, format!("{}, named", leaf.title))).collect()
    });
    leaf(kind).map_or_else(|| NAMES.get(kind).map_or(kind, String::as_str), |leaf| leaf.title.as_str())
}

/// In the order of the map, what has a name behind what has none.
fn place(kind: &str) -> (Option<usize>, bool) {
    let id = kind.strip_suffix(NAMED).unwrap_or(kind);
    (leaves().iter().position(|leaf| leaf.id == id), id != kind)
}

/// To what kinds a scenario on that one can be swapped: those with which something of the same is done.
pub fn swaps_of(kind: &str) -> Vec<&'static str> {
    let Some(own) = dialect(kind) else { return Vec::new() };
    let mut kinds: Vec<&'static str> =
        dialects().filter(|other| other.kind != kind && in_common(own, other)).map(|other| other.kind).collect();
    kinds.sort_by_key(|kind| place(kind));
    kinds
}

/// A small scenario on a kind in which what tells it from others can be seen; empty where nothing is done with it.
pub fn scenario(kind: &str) -> Vec<Statement> {
    let Some(dialect) = dialect(kind) else { return Vec::new() };
    let sends = [
        (Op::Send, "alice", "\"one\""),
        (Op::Send, "alice", "\"two\""),
        (Op::Receive, "bob", ""),
        (Op::Receive, "bob", ""),
        (Op::Send, "alice", "\"three\""),
        (Op::EndSend, "alice", ""),
        (Op::EndSend, "bob", ""),
        (Op::Receive, "bob", ""),
    ];
    let takes = [(Op::Take, "alice", ""), (Op::TryTake, "bob", ""), (Op::Take, "bob", "")];
    let deeds: &[(Op, &str, &str)] = if dialect.way(Op::Send).is_some() { &sends } else { &takes };
    let mut lines = vec!["spawn alice".to_owned()];
    let fill = Fill { actor: "alice", object: "it", count: "100", port: 5000, ..Fill::default() };
    lines.extend(dialect.filled(Op::Make, &fill).unwrap_or_default());
    lines.push("alice: fork bob".to_owned());
    for (op, actor, data) in deeds {
        let fill = Fill { actor, data, len: Some(data.len().saturating_sub(2)), ..fill };
        lines.extend(dialect.filled(*op, &fill).unwrap_or_default());
    }
    if dialect.way(Op::Send).is_none() {
        lines.extend(["spawn carol".to_owned(), "carol: kill alice SIGKILL".to_owned()]);
    }
    script::parse(&lines.join("\n"), registry()).0
}

/// Whether both can send, or both can be taken.
fn in_common(one: &Dialect, other: &Dialect) -> bool {
    [Op::Send, Op::Take].into_iter().any(|op| one.way(op).is_some() && other.way(op).is_some())
}

/// The kind on which a scenario is: the one whose ways most of its statements are.
pub fn kind_of(statements: &[Statement]) -> Option<&'static str> {
    kind_among(statements, |dialect| dialect.way(Op::Send).or_else(|| dialect.way(Op::Take)).is_some())
}

fn kind_among(statements: &[Statement], able: impl Fn(&Dialect) -> bool) -> Option<&'static str> {
    kinds(statements).into_iter().find(|dialect| able(dialect)).map(|dialect| dialect.kind)
}

/// The kinds that a scenario uses, that one first whose ways most of its statements are.
fn kinds(statements: &[Statement]) -> Vec<&'static Dialect> {
    let score = |dialect: &'static Dialect| {
        let mut state = State::new(dialect, statements);
        let (mut uses, mut otherwise) = (0, 0);
        for (op, _, captured) in calls(statements).filter_map(|(actor, call)| state.read(actor, call)) {
            uses += usize::from(!matches!(op, Op::Make | Op::Join));
            // Kinds that are used alike differ in how they are made.
            otherwise += captured.lost.len();
        }
        (uses > 0).then_some(((std::cmp::Reverse(uses), otherwise), dialect))
    };
    let mut kinds: Vec<_> = dialects().filter_map(score).collect();
    // Of two that are told apart by nothing the first one counts.
    kinds.sort_by_key(|(score, _)| *score);
    kinds.into_iter().map(|(_, dialect)| dialect).collect()
}

/// To what kinds a scenario can be swapped, in the order of the map, each with that of its own whose place it takes: a
/// scenario may use several, data in memory and a lock that guards them.
pub fn swaps(statements: &[Statement]) -> Vec<(&'static str, &'static str)> {
    let own = kinds(statements);
    let from = |to: &Dialect| own.iter().find(|from| in_common(from, to)).map(|from| from.kind);
    let mut swaps: Vec<_> = dialects().filter_map(|to| Some((from(to)?, to.kind))).filter(|(a, b)| a != b).collect();
    swaps.sort_by_key(|(_, to)| place(to));
    swaps
}

/// Puts a scenario into the words of another kind.
///
/// # Errors
/// No kind is called so, or nothing in the scenario is done with one that it could take the place of.
pub fn plan(statements: &[Statement], to: &str) -> Result<Plan, NoSwap> {
    let able = |d: &&'static Dialect| d.way(Op::Send).or_else(|| d.way(Op::Take)).is_some();
    let Some(target) = dialect(to).filter(|d| able(d)) else {
        let near = nearest(to, dialects().filter(able).map(|d| d.kind));
        let help = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(NoSwap::Unknown(to.to_owned(), help));
    };
    // A scenario may use several: data in memory, and a lock that guards them.
    let from = kind_among(statements, |other| in_common(other, target)).and_then(dialect);
    let from = from.ok_or_else(|| NoSwap::NothingFits(title(target.kind).to_owned()))?;
    if from.kind == target.kind {
        return Err(NoSwap::Already(title(from.kind)));
    }
    let mut state = State::new(from, statements);
    let steps =
        statements.iter().map(|source| Step { source: source.clone(), became: state.translate(source, target) });
    Ok(Plan { from: from.kind, to: target.kind, steps: steps.collect() })
}

/// What is known of a scenario on the way through it.
struct State {
    dialect: &'static Dialect,
    /// Who made each object, and the port that it gets if it needs one.
    objects: BTreeMap<String, (String, u16)>,
    /// Which object an actor means by a name.
    handles: BTreeMap<(String, String), String>,
    /// What the names are, where objects are made of parts.
    cast: Option<(&'static Parts, Cast)>,
    /// Which objects an actor has, where they are.
    has: BTreeSet<(String, String)>,
}

/// What a statement is about: what is done, with which object, and what was captured of it.
type Reading = (Op, String, Captured);

impl State {
    fn new(dialect: &'static Dialect, statements: &[Statement]) -> Self {
        let cast = dialect::parts(dialect.kind).map(|parts| (parts, Cast::new(dialect, parts, statements)));
        Self { dialect, objects: BTreeMap::new(), handles: BTreeMap::new(), cast, has: BTreeSet::new() }
    }

    /// What the statement does with an object of this kind, if it does anything with one; learns from it.
    fn read(&mut self, actor: &str, call: &CallExpr) -> Option<Reading> {
        if let Some(child) = child_of(actor, call) {
            let has: Vec<(String, String)> = self.has.iter().filter(|(who, _)| who == actor).cloned().collect();
            self.has.extend(has.into_iter().map(|(_, object)| (child.clone(), object)));
            let own: Vec<(String, String)> = self
                .handles
                .iter()
                .filter(|((who, _), _)| who == actor)
                .map(|((_, name), object)| (name.clone(), object.clone()))
                .collect();
            self.handles.extend(own.into_iter().map(|(name, object)| ((child.clone(), name), object)));
            return None;
        }
        self.read_call(actor, call)
    }

    /// The same where an object is made of several parts.
    fn read_parts(&mut self, actor: &str, call: &CallExpr) -> Option<Reading> {
        let (parts, cast) = self.cast.as_ref()?;
        let mut best: Option<Reading> = None;
        for way in ways(self.dialect, parts, call) {
            if is_strict(way.op) && !way.captured.lost.is_empty() {
                continue;
            }
            let Some(object) = cast.object(actor, &way) else { continue };
            // What is done with it goes before what it is made by, and what says all before what loses something.
            let rank = |op: Op, lost: usize| (op == Op::Make, lost);
            let better = |(op, _, other): &Reading| rank(way.op, way.captured.lost.len()) < rank(*op, other.lost.len());
            if best.as_ref().is_none_or(better) {
                best = Some((way.op, object.to_owned(), way.captured));
            }
        }
        let (op, object, mut captured) = best?;
        if op != Op::Make {
            return Some((op, object, captured));
        }
        let op = if !self.has.insert((actor.to_owned(), object.clone())) {
            Op::Make
        } else if self.objects.contains_key(&object) {
            Op::Join
        } else {
            captured.first = true;
            self.objects.insert(object.clone(), (actor.to_owned(), 5000 + self.objects.len() as u16));
            Op::Make
        };
        Some((op, object, captured))
    }

    fn read_call(&mut self, actor: &str, call: &CallExpr) -> Option<Reading> {
        if self.cast.is_some() {
            return self.read_parts(actor, call);
        }
        let mut best: Option<Reading> = None;
        for (op, lines) in self.dialect.ways.iter().filter(|(op, _)| !matches!(op, Op::Make | Op::Join)) {
            // A way of several statements is told by its last one; those before it prepare that.
            let Some(captured) = lines.last().and_then(|line| fit(self.dialect, line, call, is_strict(*op))) else {
                continue;
            };
            let Some(object) = self.object(actor, &captured) else { continue };
            let less = |other: &Reading| captured.lost.len() < other.2.lost.len();
            if best.as_ref().is_none_or(less) {
                best = Some((*op, object, captured));
            }
        }
        if best.is_some() {
            return best;
        }
        for line in self.dialect.way(Op::Make).unwrap_or_default() {
            let Some(mut captured) = fit(self.dialect, line, call, false) else { continue };
            let Some(object) = captured.object.clone().or_else(|| captured.handle.clone()) else { continue };
            let named = captured.object.is_some();
            if let Some(handle) = &captured.handle {
                // Without a name of its own the handle is what it is called by, and must be made, not used.
                let known = self.handles.get(&(actor.to_owned(), handle.clone())).cloned();
                if let (Some(known), false) = (known, named) {
                    return Some((Op::Make, known, captured));
                }
                self.handles.insert((actor.to_owned(), handle.clone()), object.clone());
            }
            if let Some((maker, _)) = self.objects.get(&object) {
                let op = if maker == actor { Op::Make } else { Op::Join };
                return Some((op, object, captured));
            }
            let port = 5000 + self.objects.len() as u16;
            self.objects.insert(object.clone(), (actor.to_owned(), port));
            captured.first = true;
            return Some((Op::Make, object, captured));
        }
        None
    }

    fn object(&self, actor: &str, captured: &Captured) -> Option<String> {
        if let Some(handle) = &captured.handle {
            return self.handles.get(&(actor.to_owned(), handle.clone())).cloned();
        }
        captured.object.clone().filter(|object| self.objects.contains_key(object))
    }

    fn translate(&mut self, statement: &Statement, target: &'static Dialect) -> Became {
        match &statement.body {
            Body::Expect(expectation) => self.translate_claim(statement, &expectation.claim, target),
            Body::Repeat { actor, body, .. } | Body::Program { actor, body } => {
                let (actor, mut calls, mut lost) = (actor.clone(), Vec::new(), Vec::new());
                for call in body {
                    let order = Body::Order { actor: actor.clone(), call: call.clone() };
                    let order = Statement { span: statement.span, body: order };
                    match self.translate(&order, target) {
                        Became::Same => calls.push(call.clone()),
                        Became::Part => {}
                        Became::Nothing(why) => return Became::Nothing(why),
                        Became::Into(into, more) => {
                            lost.extend(more);
                            calls.extend(into.into_iter().filter_map(|s| match s.body {
                                Body::Order { call, .. } => Some(call),
                                _ => None,
                            }));
                        }
                    }
                }
                let mut new = statement.clone();
                match &mut new.body {
                    Body::Repeat { body, block, .. } => {
                        *block = *block || calls.len() != 1;
                        *body = calls;
                    }
                    Body::Program { body, .. } => *body = calls,
                    _ => {}
                }
                if new == *statement { Became::Same } else { Became::Into(vec![new], lost) }
            }
            Body::Order { actor, call } => {
                let actor = actor.clone();
                let forks = child_of(&actor, call).is_some();
                match self.read(&actor, call) {
                    Some((op, object, captured)) => self.done(&actor, call, op, &object, captured, target),
                    None if !forks && self.mentions(&actor, statement) => {
                        Became::Nothing(format!("{} has nothing like it", title(target.kind)))
                    }
                    None => Became::Same,
                }
            }
            _ => Became::Same,
        }
    }

    fn done(
        &self,
        actor: &str,
        call: &CallExpr,
        op: Op,
        object: &str,
        captured: Captured,
        target: &'static Dialect,
    ) -> Became {
        if op == Op::Make && !captured.first {
            return Became::Part;
        }
        let port = self.objects.get(object).map_or(5000, |(_, port)| *port);
        let data = captured.data.as_ref().map(ToString::to_string).unwrap_or_default();
        let len = match &captured.data {
            Some(Expr::Text(data)) => Some(data.len()),
            Some(Expr::Byte(_)) => Some(1),
            _ => None,
        };
        let count = captured.count.as_ref().map_or_else(|| "100".to_owned(), ToString::to_string);
        let fill = Fill { actor, object, data: &data, len, count: &count, port };
        let Some(lines) = target.filled(op, &fill) else { return Became::Nothing(lacks(op, target)) };
        let into = call.into.as_ref().filter(|_| matches!(op, Op::Receive | Op::TryReceive));
        // Flags and modes of making are each facility's own.
        let mut lost = if matches!(op, Op::Make | Op::Join) { Vec::new() } else { captured.lost };
        let mut statements = Vec::new();
        for line in lines {
            let line = into.map_or_else(|| line.clone(), |name| line.replace("$got", &format!("${name}")));
            let (parsed, wrong) = script::parse(&line, registry());
            if !wrong.is_empty() {
                return Became::Nothing(format!("with {} it can't be said: {line}", title(target.kind)));
            }
            statements.extend(parsed);
        }
        if let (Some(name), Some(Statement { body: Body::Order { call, .. }, .. })) = (into, statements.last_mut())
            && registry().call(&call.verb).is_some_and(|(_, spec)| spec.gives)
            && !call.args.iter().any(|arg| matches!(&arg.value, ArgValue::Expr(Expr::Var(var)) if var == name))
        {
            call.into = Some(name.clone());
        }
        lost.retain(|word| !word.is_empty());
        Became::Into(statements, lost)
    }

    fn translate_claim(&self, statement: &Statement, claim: &Claim, target: &'static Dialect) -> Became {
        let new = match claim {
            Claim::Not(inner) => match self.claim(inner, target) {
                Ok(inner) => inner.map(|inner| Claim::Not(Box::new(inner))),
                Err(why) => return Became::Nothing(why),
            },
            other => match self.claim(other, target) {
                Ok(new) => new,
                Err(why) => return Became::Nothing(why),
            },
        };
        let Some(new) = new else { return Became::Same };
        let mut statement = statement.clone();
        if let Body::Expect(expectation) = &mut statement.body {
            expectation.claim = new;
        }
        Became::Into(vec![statement], Vec::new())
    }

    /// A claim on the other facility; `None` if it is the same there, an error if nobody can claim that there.
    fn claim(&self, claim: &Claim, target: &'static Dialect) -> Result<Option<Claim>, String> {
        let verb = |verb: &String| {
            let op = self.dialect.ways.iter().find(|(op, lines)| {
                !matches!(op, Op::Make | Op::Join) && lines.last().is_some_and(|line| verb_of(line) == verb)
            });
            match op {
                None => Ok(Some(verb.clone())),
                Some((op, _)) => {
                    let way = target.way(*op).and_then(|lines| lines.last());
                    way.map(|line| Some(verb_of(line).to_owned())).ok_or_else(|| lacks(*op, target))
                }
            }
        };
        let verbs = |word: &Option<String>| word.as_ref().map_or(Ok(None), verb);
        Ok(match claim {
            Claim::Actor(actor, ActorClaim::Blocked(word, on)) if on.is_some() || word.is_some() => {
                let about = on.as_ref().is_none_or(|on| self.speaks_of(base(on)));
                about
                    .then(|| verbs(word))
                    .transpose()?
                    .map(|word| Claim::Actor(actor.clone(), ActorClaim::Blocked(word, None)))
            }
            Claim::Actor(actor, ActorClaim::Returned(value, word @ Some(_))) => {
                Some(Claim::Actor(actor.clone(), ActorClaim::Returned(value.clone(), verbs(word)?)))
            }
            Claim::Actor(actor, ActorClaim::Failed(errno, word @ Some(_))) => {
                Some(Claim::Actor(actor.clone(), ActorClaim::Failed(errno.clone(), verbs(word)?)))
            }
            Claim::Object { object, .. } | Claim::Gone(object) if self.speaks_of(base(object)) => {
                return Err(format!("it speaks of what only {} has", title(self.dialect.kind)));
            }
            _ => None,
        })
    }

    /// Whether a claim's object is one of this kind.
    fn speaks_of(&self, name: &str) -> bool {
        self.objects.contains_key(name) || self.cast.as_ref().is_some_and(|(_, cast)| cast.knows(name))
    }

    /// Whether an order names an object of this kind.
    fn mentions(&self, actor: &str, statement: &Statement) -> bool {
        let text = statement.to_string();
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric() && c != '_').map(ToOwned::to_owned).collect()
        };
        match &self.cast {
            // Nothing made of parts is called by a text.
            Some((_, cast)) => text.split('"').step_by(2).flat_map(words).skip(1).any(|word| cast.has(actor, &word)),
            None => words(&text)
                .into_iter()
                .skip(1)
                .any(|word| self.objects.contains_key(&word) || self.handles.contains_key(&(actor.to_owned(), word))),
        }
    }
}

/// Where what is asked for must be just that: taking a lock and giving it back may differ in a constant alone.
const fn is_strict(op: Op) -> bool {
    matches!(op, Op::Take | Op::TryTake | Op::Give | Op::Watch | Op::Notify | Op::Remove)
}

/// Whom a call makes, who has what its maker has: a child, or a thread.
fn child_of(actor: &str, call: &CallExpr) -> Option<String> {
    let Some(ArgValue::Name(child)) = call.args.first().map(|arg| &arg.value) else { return None };
    match call.verb.as_str() {
        "fork" => Some(child.clone()),
        "pthread_create" => Some(format!("{}.{child}", base(actor))),
        _ => None,
    }
}

/// All calls of a scenario, in order, with who makes them.
fn calls(statements: &[Statement]) -> impl Iterator<Item = (&str, &CallExpr)> {
    statements.iter().flat_map(|statement| match &statement.body {
        Body::Order { actor, call } => vec![(actor.as_str(), call)],
        Body::Repeat { actor, body, .. } | Body::Program { actor, body } => {
            body.iter().map(|call| (actor.as_str(), call)).collect()
        }
        _ => Vec::new(),
    })
}

/// The verb of a way: `{a}: write {h} {data}` writes.
fn verb_of(line: &str) -> &str {
    line.split_whitespace().nth(1).unwrap_or_default()
}

/// Why something can't be done with a kind.
fn lacks(op: Op, target: &Dialect) -> String {
    let title = title(target.kind);
    match op {
        Op::Make => format!("{title} can't be made so"),
        Op::Join => format!("{title}: as it is made here only who inherits it has it"),
        Op::Send => format!("{title} takes only what is known beforehand"),
        Op::Receive | Op::TryReceive => format!("nothing is received from {title}"),
        Op::SendBack | Op::ReceiveBack => format!("{title} goes one way"),
        Op::Watch => format!("{title} has no descriptor that a call could watch"),
        Op::Notify => format!("{title} tells nobody that something has come"),
        Op::EndSend => format!("{title} has no end to close: nobody learns that no more will come"),
        Op::HalfClose => format!("{title} has no half that could be closed alone"),
        Op::EndReceive => format!("{title} has no end to close: nobody learns that nobody reads"),
        Op::Take => format!("nobody sleeps until {title} is free"),
        Op::TryTake => format!("{title} can't be tried"),
        Op::Give => format!("{title} is not given back"),
        Op::Remove => format!("{title} has no name to remove"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swapped(text: &str, to: &str) -> Vec<String> {
        let (statements, wrong) = script::parse(text, registry());
        assert!(wrong.is_empty(), "{wrong:?}");
        let plan = plan(&statements, to).unwrap();
        let told = |step: &Step| match &step.became {
            Became::Same => format!("= {}", step.source),
            Became::Part => "part".to_owned(),
            Became::Nothing(why) => format!("nothing: {why}"),
            Became::Into(into, lost) => {
                let into: Vec<String> = into.iter().map(ToString::to_string).collect();
                let lost = if lost.is_empty() { String::new() } else { format!(" lost {}", lost.join(", ")) };
                format!("{}{lost}", into.join("; "))
            }
        };
        plan.steps.iter().map(told).collect()
    }

    const PIPE: &str = "spawn alice\nalice: pipe p\nalice: fork bob\nbob: close p.w\nalice: write p \"hello\"\n\
                        bob: read p 100 -> $x\nbob: fcntl p.r F_SETPIPE_SZ 4096\nexpect bob $x == \"hello\"\n\
                        expect bob blocked in read on p\nexpect p bytes 5\n";

    #[test]
    fn a_pipe_becomes_a_queue_and_memory() {
        assert_eq!(
            swapped(PIPE, "sysv-queue"),
            [
                "= spawn alice",
                "alice: msgget p IPC_CREAT",
                "= alice: fork bob",
                "nothing: System V message queue has no end to close: nobody learns that no more will come",
                "alice: msgsnd p \"hello\"",
                "bob: msgrcv p 100 -> $x",
                "nothing: System V message queue has nothing like it",
                "= expect bob $x == \"hello\"",
                "expect bob blocked in msgrcv",
                "nothing: it speaks of what only Pipe has",
            ]
        );
        let shm = swapped(PIPE, "anonymous-mapping");
        assert_eq!(shm[4..6], ["alice: store p[0..5] \"hello\"", "bob: load $x p[0..100]"]);
        assert_eq!(swapped(PIPE, "unix-stream")[3..5], ["bob: close p.0", "alice: send p.0 \"hello\""]);
        assert!(swapped(PIPE, "tcp")[1].contains("accept pl as p"));
    }

    #[test]
    fn who_opens_by_name_joins() {
        let text = "spawn alice\nalice: mkfifo box 0600\nalice: open w \"box\" O_RDWR\nspawn bob\nbob: open r \"box\" O_RDONLY\n\
                    alice: write w \"x\"\nbob: read r 1\n";
        assert_eq!(
            swapped(text, "posix-queue")[1..],
            [
                "alice: mq_open box O_RDWR|O_CREAT 0600 maxmsg=8 msgsize=64",
                "part",
                "= spawn bob",
                "bob: mq_open box O_RDWR",
                "alice: mq_send box \"x\" 0",
                "bob: mq_receive box 1",
            ]
        );
        assert_eq!(swapped(text, "pipe")[4], "nothing: Pipe: as it is made here only who inherits it has it");
    }

    #[test]
    fn locks_become_locks_and_what_is_lost_is_said() {
        let text = "spawn alice\nalice: sem_open s O_CREAT 0600 value=1\nalice: fork bob\nalice: sem_wait s\nbob: sem_trywait s\n\
                    alice: sem_post s\n";
        assert_eq!(
            swapped(text, "record-lock")[1..],
            [
                "alice: open sf \"s\" O_RDWR|O_CREAT 0600",
                "= alice: fork bob",
                "alice: fcntl sf F_SETLKW F_WRLCK",
                "bob: fcntl sf F_SETLK F_WRLCK",
                "alice: fcntl sf F_SETLK F_UNLCK",
            ]
        );
        let text = "spawn alice\nalice: msgget q IPC_CREAT\nalice: msgsnd q \"x\" type=3\nalice: msgrcv q 10 type=3\n";
        let pipe = swapped(text, "pipe");
        assert_eq!(
            pipe[2..],
            ["alice: write p.w \"x\" lost type=3".replace("p.w", "q.w"), "alice: read q.r 10 lost type=3".to_owned()]
        );
    }

    const TCP: &str = "spawn server\nserver: socket l AF_INET SOCK_STREAM\nserver: bind l 127.0.0.1:5000\n\
                       server: listen l 5\nspawn client\nclient: socket c AF_INET SOCK_STREAM\n\
                       client: connect c 127.0.0.1:5000\nserver: accept l as s\nclient: send c \"hello\"\n\
                       server: read s 100\nserver: send s \"ok\"\nclient: shutdown c SHUT_WR\n";

    #[test]
    fn sockets_that_meet_at_an_address_are_one_thing() {
        let fifo = swapped(TCP, "fifo");
        assert_eq!(fifo[1..4], ["server: mkfifo s 0600; server: open sf \"s\" O_RDWR", "part", "part"]);
        let there =
            ["client: open sf \"s\" O_RDWR", "part", "part", "client: write sf \"hello\"", "server: read sf 100"];
        assert_eq!(fifo[5..10], there);
        assert_eq!(fifo[10..], ["nothing: FIFO goes one way", "nothing: FIFO has no half that could be closed alone"]);
        // Another name for the listener's own end, another order, another client.
        let other = "spawn b\nb: socket x AF_INET SOCK_DGRAM\nspawn a\na: socket x AF_INET SOCK_DGRAM\n\
                     b: bind x 127.0.0.1:7\na: sendto x \"one\" 127.0.0.1:7\nspawn c\nc: socket y AF_INET SOCK_DGRAM\n\
                     c: connect y 127.0.0.1:7\nc: send y \"two\"\nb: recvfrom x 100 -> $got\n";
        assert_eq!(
            swapped(other, "sysv-queue")[1..],
            [
                "b: msgget x IPC_CREAT",
                "= spawn a",
                "a: msgget x",
                "part",
                "a: msgsnd x \"one\"",
                "= spawn c",
                "c: msgget x",
                "part",
                "c: msgsnd x \"two\"",
                "b: msgrcv x 100 -> $got",
            ]
        );
    }

    #[test]
    fn sockets_of_another_family_are_not_taken_for_those_of_this_one() {
        for address in ["unix:srv", "unix:@srv"] {
            let local = TCP.replace("AF_INET", "AF_UNIX").replace("127.0.0.1:5000", address);
            let (statements, wrong) = script::parse(&local, registry());
            assert!(wrong.is_empty(), "{wrong:?}");
            assert_eq!(kind_of(&statements), Some("unix-stream-named"));
            let tcp = swapped(&local, "tcp");
            assert_eq!(
                tcp[1..4],
                [
                    "server: socket sl AF_INET SOCK_STREAM; server: bind sl 127.0.0.1:5000; \
                                   server: listen sl 5; server: socket sc AF_INET SOCK_STREAM; \
                                   server: connect sc 127.0.0.1:5000; server: accept sl as s; server: close sl",
                    "part",
                    "part"
                ]
            );
        }
        // Two names are two objects.
        let two = "spawn a\na: socket x AF_UNIX SOCK_DGRAM\na: bind x unix:one\na: socket y AF_UNIX SOCK_DGRAM\n\
                   a: bind y unix:two\na: socket z AF_UNIX SOCK_DGRAM\na: sendto z \"hi\" unix:two\na: recv x 9\na: recv y 9\n";
        let pipe = swapped(two, "pipe");
        assert_eq!((pipe[6].as_str(), pipe[8].as_str()), ("a: write y.w \"hi\"", "a: read y.r 9"), "{pipe:#?}");
        assert_eq!(title("unix-stream-named"), "UNIX stream socket, named");
        let kinds: Vec<&str> = swaps_of("pipe");
        let at = |kind: &str| kinds.iter().position(|k| *k == kind).unwrap();
        assert_eq!(at("unix-stream-named"), at("unix-stream") + 1);
    }

    #[test]
    fn what_a_mutex_guards_stays_where_it_is() {
        let text = "spawn alice\nalice: mmap pagesize PROT_READ|PROT_WRITE MAP_SHARED|MAP_ANONYMOUS as m\n\
                    alice: pthread_mutexattr_init m+512 as at\nalice: pthread_mutexattr_settype at PTHREAD_MUTEX_RECURSIVE\n\
                    alice: pthread_mutex_init m+64 at as one\nalice: pthread_mutex_init m+128 at as two\n\
                    alice: pthread_create t1\nalice.t1: pthread_mutex_lock one\nalice: pthread_mutex_lock two\n\
                    alice: store m[0..3] \"one\"\nalice: store m[0..3] \"two\"\nalice: load $x m[0..3]\nalice: load $x m[0..3]\nalice: pthread_mutex_unlock two\n";
        let swapped = swapped(text, "posix-semaphore");
        assert!(swapped[1].starts_with("= alice: mmap"));
        assert_eq!(
            swapped[2..9],
            [
                "alice: sem_open one O_CREAT 0600 value=1",
                "nothing: POSIX semaphore has nothing like it",
                "part",
                "alice: sem_open two O_CREAT 0600 value=1",
                "= alice: pthread_create t1",
                "alice.t1: sem_wait one",
                "alice: sem_wait two",
            ]
        );
        assert!(swapped[9..13].iter().all(|line| line.starts_with("= alice: ")), "{swapped:?}");
        assert_eq!(swapped[13], "alice: sem_post two");
        // Both what guards and what is guarded can be swapped.
        let (statements, _) = script::parse(text, registry());
        let swaps = swaps(&statements);
        assert!(
            swaps.contains(&("mutex", "record-lock")) && swaps.contains(&("anonymous-mapping", "pipe")),
            "{swaps:?}"
        );
    }

    #[test]
    fn a_repeated_call_is_repeated() {
        let text = "spawn alice\nalice: pipe p\nrepeat 3 alice: write p \"x\"\nalice: read p 100\n";
        assert_eq!(swapped(text, "fifo")[2], "repeat 3 alice: write pf \"x\"");
    }

    #[test]
    fn what_can_not_be_swapped_is_said() {
        let (statements, _) = script::parse(PIPE, registry());
        let said = |to: &str| plan(&statements, to).unwrap_err().to_string();
        assert!(said("sysv-quue").ends_with("did you mean sysv-queue?"), "{}", said("sysv-quue"));
        assert!(said("pipe").contains("already") && said("mutex").contains("take the place"));
        let (statements, _) = script::parse("spawn alice\nalice: exit 0\n", registry());
        assert!(plan(&statements, "pipe").is_err() && kind_of(&statements).is_none());
        assert!(swaps_of("pipe").contains(&"sysv-shm") && !swaps_of("pipe").contains(&"mutex"));
    }

    #[test]
    fn the_kind_of_what_is_played_on_the_map_is_known() {
        for kind in [
            "pipe",
            "fifo",
            "unix-datagram",
            "posix-queue",
            "sysv-queue",
            "posix-semaphore",
            "record-lock",
            "description-lock",
            "tcp",
            "udp",
            "mutex",
            "unix-stream-named",
            "unix-datagram-named",
            "unix-seqpacket-named",
        ] {
            assert_eq!(kind_of(&scenario(kind)), Some(kind));
            if leaf(kind).is_none() {
                continue;
            }
            let found = kind_of(&leaf(kind).unwrap().play());
            assert_eq!(found, Some(kind));
        }
        assert!(scenario("poll").is_empty());
    }
}
