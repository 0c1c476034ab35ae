//! Which name is which part of what object, in a scenario on a kind that is made of several: the listening socket, the one
//! that connects and the one that was accepted are one connection.
//!
//! Authors name things as they like, and a call does not always tell what a name is for: `socket` makes the one that will
//! listen as it makes the one that will connect. So the whole scenario is read before any of it is put into other words.

use std::collections::{BTreeMap, BTreeSet};

use super::fit::{Captured, Laid, OBJECT, base, filled, lay};
use super::{calls, child_of};
use crate::facility::dialect::{Dialect, Op, Parts, Tie};
use crate::facility::registry;
use crate::script::{self, ArgValue, Body, CallExpr, Statement};

/// What each actor's names are: of which object, and which part of it.
#[derive(Debug, Default)]
pub(super) struct Cast {
    of: BTreeMap<(String, String), (String, &'static str)>,
}

/// A call laid over a way.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) op: Op,
    /// The parts that it is about, each with the name that stood for it.
    names: Vec<(&'static str, String)>,
    /// Where they meet: the port of an address, or a name.
    meets: Option<String>,
    pub(super) captured: Captured,
    /// Parts that first come into being with this way.
    creates: Vec<&'static str>,
}

/// A name as long as it is not known what it is.
struct Node {
    owner: (String, String),
    /// What it may be.
    ends: BTreeSet<&'static str>,
    /// Nodes of one object have the same number.
    group: usize,
}

impl Cast {
    /// Reads a scenario.
    pub(super) fn new(dialect: &'static Dialect, parts: &'static Parts, statements: &[Statement]) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut names: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (actor, call) in calls(statements) {
            if let Some(child) = child_of(actor, call) {
                let own: Vec<_> = names.iter().filter(|((who, _), _)| who == actor).collect();
                let own: Vec<_> =
                    own.into_iter().map(|((_, name), node)| ((child.clone(), name.clone()), *node)).collect();
                names.extend(own);
                continue;
            }
            let mut ways = ways(dialect, parts, call);
            // What was not made in a way of this kind is none of its parts: a connection to a socket of another family.
            ways.retain(|way| {
                let known = |name: &String| names.contains_key(&(actor.to_owned(), name.clone()));
                way.names.iter().all(|(end, name)| way.creates.contains(end) || known(name))
            });
            let mut may_be: BTreeMap<&str, (BTreeSet<&'static str>, bool)> = BTreeMap::new();
            for way in &ways {
                for (end, name) in &way.names {
                    let (ends, new) = may_be.entry(name).or_default();
                    ends.insert(end);
                    *new |= way.creates.contains(end);
                }
            }
            for (name, (ends, new)) in may_be {
                let key = (actor.to_owned(), name.to_owned());
                match names.get(&key) {
                    Some(node) if !new || nodes[*node].owner == key => {
                        let known = &mut nodes[*node].ends;
                        let both: BTreeSet<_> = known.intersection(&ends).copied().collect();
                        if !both.is_empty() {
                            *known = both;
                        }
                    }
                    _ if new => {
                        names.insert(key.clone(), nodes.len());
                        nodes.push(Node { owner: key, ends, group: nodes.len() });
                    }
                    _ => {}
                }
            }
            for way in ways {
                let of = |(end, name): &(&'static str, String)| {
                    let node = *names.get(&(actor.to_owned(), name.clone()))?;
                    nodes[node].ends.contains(end).then_some((node, *end))
                };
                let Some(found) = way.names.iter().map(of).collect::<Option<Vec<_>>>() else { continue };
                let lent = |end: &str| parts.ends.iter().any(|(own, tie)| *own == end && *tie == Tie::Lent);
                let mut together: Vec<usize> = Vec::new();
                for (node, end) in found {
                    let taken =
                        nodes.iter().enumerate().any(|(n, other)| n != node && other.group == nodes[node].group);
                    if !(lent(end) && taken) {
                        together.push(node);
                    }
                }
                if let (Some(place), Some(first)) = (way.meets, together.first()) {
                    together.push(*places.entry(place).or_insert(*first));
                }
                unite(&mut nodes, &together);
            }
        }
        let called = called(&nodes);
        let of = names.into_iter().map(|(key, node)| {
            let Node { ends, group, .. } = &nodes[node];
            (key, (called[group].clone(), ends.first().copied().unwrap_or_default()))
        });
        Self { of: of.collect() }
    }

    /// The object with which a call does something in this way, if its names are the right parts of one.
    pub(super) fn object(&self, actor: &str, over: &Over) -> Option<&str> {
        let mut object = None;
        for (end, name) in &over.names {
            let (of, is) = self.of.get(&(actor.to_owned(), name.clone()))?;
            if is != end {
                return None;
            }
            // What is lent may be known by another one.
            object = Some(of.as_str());
        }
        object
    }

    /// Whether a name is a part of something, for anybody.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.of.keys().any(|(_, own)| own == name)
    }

    /// Whether it is for that actor.
    pub(super) fn has(&self, actor: &str, name: &str) -> bool {
        self.of.contains_key(&(actor.to_owned(), name.to_owned()))
    }
}

fn unite(nodes: &mut [Node], together: &[usize]) {
    let Some(group) = together.iter().map(|node| nodes[*node].group).min() else { return };
    let old: Vec<usize> = together.iter().map(|node| nodes[*node].group).collect();
    for node in nodes.iter_mut().filter(|node| old.contains(&node.group)) {
        node.group = group;
    }
}

/// What each object is called: as its last part is, which has no end to its name, or as the first that there is.
fn called(nodes: &[Node]) -> BTreeMap<usize, String> {
    let mut called: BTreeMap<usize, String> = BTreeMap::new();
    for group in nodes.iter().map(|node| node.group).collect::<BTreeSet<_>>() {
        let of = || nodes.iter().filter(|node| node.group == group);
        let Some(node) = of().find(|node| node.ends.first() == Some(&"")).or_else(|| of().next()) else { continue };
        let name = &node.owner.1;
        let free = |name: &String| !called.values().any(|other| other == name);
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let Some(name) = std::iter::once(name.clone()).chain(numbered).find(free) else { continue };
        called.insert(group, name);
    }
    called
}

/// The ways over which a call can be laid.
pub(super) fn ways(dialect: &'static Dialect, parts: &'static Parts, call: &CallExpr) -> Vec<Over> {
    let mut met: BTreeSet<&'static str> = BTreeSet::new();
    let mut ways = Vec::new();
    for line in dialect.way(Op::Make).unwrap_or_default() {
        let creates: Vec<_> = ends(parts, line).into_iter().filter(|end| met.insert(end)).collect();
        ways.extend(over(parts, line, call).map(|over| Over { op: Op::Make, creates, ..over }));
    }
    let others = dialect.ways.iter().filter(|(op, _)| !matches!(op, Op::Make | Op::Join));
    let others = others.filter_map(|(op, lines)| Some((*op, *lines.last()?)));
    for (op, line) in others.chain(parts.also.iter().copied()) {
        ways.extend(over(parts, line, call).map(|over| Over { op, ..over }));
    }
    ways
}

fn read(line: &str) -> Option<CallExpr> {
    match script::parse(&filled(line, OBJECT), registry()).0.into_iter().next()?.body {
        Body::Order { call, .. } => Some(call),
        _ => None,
    }
}

/// Which part a name in a way stands for.
fn end(parts: &Parts, name: &str) -> Option<&'static str> {
    match base(name).strip_prefix(OBJECT)? {
        "" => Some(""),
        end => parts.ends.iter().map(|(own, _)| *own).find(|own| *own == end),
    }
}

/// The parts that a way is about.
fn ends(parts: &Parts, line: &str) -> Vec<&'static str> {
    let Some(way) = read(line) else { return Vec::new() };
    let named = way.args.iter().filter_map(|arg| if let ArgValue::Name(name) = &arg.value { Some(name) } else { None });
    named.chain(way.bind.as_ref()).filter_map(|name| end(parts, name)).collect()
}

fn over(parts: &Parts, line: &str, call: &CallExpr) -> Option<Over> {
    let way = read(line).filter(|way| way.verb == call.verb)?;
    let (mut names, mut meets, mut captured) = (Vec::new(), None, Captured::default());
    for arg in &way.args {
        let Some(given) = call.args.iter().find(|given| given.name == arg.name) else {
            // What names nothing and carries nothing may be left out.
            if matches!(&arg.value, ArgValue::Flags(_))
                || matches!(&arg.value, ArgValue::Name(name) if end(parts, name) != Some(""))
            {
                continue;
            }
            return None;
        };
        match (&arg.value, &given.value) {
            (ArgValue::Name(name), ArgValue::Name(given)) if name.starts_with(OBJECT) => {
                names.extend(end(parts, name).map(|end| (end, base(given).to_owned())));
            }
            (ArgValue::Interests(way), ArgValue::Interests(given)) => match (&way[..], &given[..]) {
                ([way], [given]) if way.events == given.events => match (&way.descriptor, &given.descriptor) {
                    (ArgValue::Name(name), ArgValue::Name(given)) => {
                        names.extend(end(parts, name).map(|end| (end, base(given).to_owned())));
                    }
                    _ => return None,
                },
                _ => return None,
            },
            // Where in which memory it lies is not part of it.
            (ArgValue::Address(..), ArgValue::Address(..) | ArgValue::Name(_)) => {}
            (ArgValue::Name(actor), ArgValue::Name(_)) if actor == "anybody" => {}
            (ArgValue::Socket(way), ArgValue::Socket(address)) => {
                if way.port().is_some() != address.port().is_some() {
                    return None;
                }
                meets = Some(address.port().map_or_else(|| address.to_string(), ToString::to_string));
            }
            (ArgValue::Flags(way), ArgValue::Flags(given)) if way != given => {
                if way.iter().any(|flag| !given.contains(flag)) {
                    return None;
                }
                let more: Vec<&str> = given.iter().filter(|flag| !way.contains(flag)).map(String::as_str).collect();
                captured.lost.push(more.join("|"));
            }
            (ArgValue::Name(way), ArgValue::Name(given)) if way != given => return None,
            _ => match lay(arg, given, OBJECT, &mut captured) {
                Laid::Fits => {}
                Laid::Differs => captured.lost.push(super::fit::written(given)),
                Laid::Never => return None,
            },
        }
    }
    for given in call.args.iter().filter(|given| !way.args.iter().any(|arg| arg.name == given.name)) {
        captured.lost.push(super::fit::written(given));
    }
    if let Some(end) = way.bind.as_deref().and_then(|name| end(parts, name)) {
        names.push((end, call.bind.clone()?));
    }
    (!names.is_empty()).then_some(Over { op: Op::Make, names, meets, captured, creates: Vec::new() })
}
