//! Who waits for whom: the edges between sleeping actors and those who could wake them.

use std::collections::{HashMap, HashSet};

use super::{Actor, Object, Sleep, Snapshot};

/// What must happen for a wait to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Need {
    /// Of each of these groups one must act: who holds a lock that is in the way, all who could write to a pipe. No
    /// group at all: nobody in particular.
    pub groups: Vec<Vec<String>>,
    /// Whether those are all who could. Where anybody may come along and help, as with a semaphore, a cycle is
    /// suspicious and no more.
    pub sure: bool,
    /// The other end of what is waited on, where that has ends.
    pub end: Option<OtherEnd>,
}

/// The end by which the others would let a sleeper go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherEnd {
    /// The object that it is: a pipe's is the pipe, that of a socket the socket's peer.
    pub object: String,
    /// Whether a reader gets an end of file when the last descriptor that can write there is closed.
    pub closes: bool,
}

/// So many names are told one by one.
const FEW: usize = 4;

/// One actor that waits, and those who could let it go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub waiter: String,
    /// In which call.
    pub verb: String,
    /// On which object; `None` if the wait is for a process, a signal or a time.
    pub object: Option<String>,
    /// What it waits to do: `read`, `lock`, `child`.
    pub direction: String,
    /// When the call was entered, in ns since the stage opened: tells one wait from the next.
    pub since_ns: u64,
    /// Whether the call gives up by itself after some time.
    pub timed: bool,
    /// What must happen.
    pub need: Need,
}

impl Wait {
    /// All who could have a part in its end, each once.
    pub fn needs(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.need.groups.iter().flatten().map(String::as_str).filter(|name| seen.insert(*name)).collect()
    }

    /// Whether this actor is one of them.
    pub fn needs_one(&self, actor: &str) -> bool {
        self.need.groups.iter().flatten().any(|name| name == actor)
    }

    /// Those but the waiter.
    pub fn others(&self) -> Vec<&str> {
        self.needs().into_iter().filter(|name| *name != self.waiter).collect()
    }

    /// Those in words: `bob or carol`, and where several must act `bob, and carol or dora`. Of many the first few. The
    /// waiter is named where it is the only one: `itself`.
    pub fn needs_in_words(&self) -> String {
        let words = |group: &Vec<String>| {
            let others: Vec<&str> = group.iter().map(String::as_str).filter(|name| *name != self.waiter).collect();
            match others.len() {
                0 if group.is_empty() => "nobody who is left".to_owned(),
                0 => "itself".to_owned(),
                1..=FEW => others.join(" or "),
                many => format!("{} or {} more", others[..FEW].join(" or "), many - FEW),
            }
        };
        // Of several that must act the waiter itself goes without saying.
        let own = |group: &&Vec<String>| !group.is_empty() && group.iter().all(|name| *name == self.waiter);
        let alone = self.need.groups.iter().all(|group| own(&group));
        let groups: Vec<String> = self.need.groups.iter().filter(|group| alone || !own(group)).map(words).collect();
        groups.join(", and ")
    }

    /// On what, in words: the object's name, else what is waited for.
    pub fn on(&self) -> &str {
        self.object.as_deref().unwrap_or(match self.direction.as_str() {
            "child" => "a child",
            "signal" => "a signal",
            "time" => "the clock",
            other => other,
        })
    }
}

/// How bad it is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plight {
    /// Somebody who is awake could end the wait, or it ends by itself, or nobody knows who could.
    Waits,
    /// It waits for those who are in a cycle, without being in it.
    Behind {
        /// Whether nobody else could end it.
        sure: bool,
    },
    /// It waits, over others or directly, for itself.
    Cycle {
        /// Whether nobody else could end it.
        sure: bool,
    },
}

/// The wait-for graph of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitGraph {
    /// One entry for each actor asleep; several for one that any of several objects could wake.
    pub waits: Vec<Wait>,
    /// The cycles, each in the order in which one waits for the next.
    pub cycles: Vec<Vec<String>>,
    plights: HashMap<String, Plight>,
}

impl WaitGraph {
    /// The graph of `snapshot`. `need` tells what must happen for a sleep to end: on this object, in this direction.
    pub fn of(snapshot: &Snapshot, need: impl Fn(&Actor, &Sleep, Option<&Object>, &str) -> Need) -> Self {
        let alive: HashMap<&str, bool> = snapshot.actors.iter().map(|a| (a.name.as_str(), a.alive())).collect();
        let mut on: HashMap<&str, Vec<(&Object, &str)>> = HashMap::new();
        for object in &snapshot.objects {
            for waiter in &object.waiters {
                on.entry(&waiter.actor).or_default().push((object, &waiter.direction));
            }
        }
        let mut waits = Vec::new();
        for (actor, sleep) in snapshot.actors.iter().filter_map(|a| Some((a, a.sleep()?))) {
            let places = on.get(actor.name.as_str()).map_or(&[][..], Vec::as_slice);
            let mut add = |object: Option<&Object>, direction: &str| {
                let mut need = need(actor, sleep, object, direction);
                for group in &mut need.groups {
                    // The dead wake nobody. A group of them alone stays, as one that nobody is left of.
                    group.retain(|name| alive.get(name.as_str()).copied().unwrap_or(true));
                }
                waits.push(Wait {
                    waiter: actor.name.clone(),
                    verb: sleep.verb.to_string(),
                    object: object.map(|o| o.name.clone()),
                    direction: direction.to_owned(),
                    since_ns: sleep.since_ns,
                    timed: sleep.deadline_ns.is_some(),
                    need,
                });
            };
            for (object, direction) in places {
                add(Some(object), direction);
            }
            if places.is_empty() {
                add(None, &sleep.direction);
            }
        }
        Self::from_waits(waits)
    }

    /// A graph of these waits.
    pub fn from_waits(waits: Vec<Wait>) -> Self {
        let nodes = Nodes::of(&waits);
        let sure = nodes.stuck(|wait| wait.need.sure, |_| true);
        let stuck = nodes.stuck(|_| true, |_| true);
        let components = nodes.components(&stuck);
        let mut plights: HashMap<String, Plight> =
            waits.iter().map(|wait| (wait.waiter.clone(), Plight::Waits)).collect();
        let mut cycles = Vec::new();
        for (node, name) in nodes.names.iter().enumerate().filter(|(node, _)| stuck[*node]) {
            plights.insert((*name).to_owned(), Plight::Behind { sure: sure[node] });
        }
        for component in components {
            for &node in &component {
                plights.insert(nodes.names[node].to_owned(), Plight::Cycle { sure: sure[node] });
            }
            cycles.push(component.into_iter().map(|node| nodes.names[node].to_owned()).collect());
        }
        Self { waits, cycles, plights }
    }

    /// How an actor is placed; `None` if it does not wait.
    pub fn plight(&self, actor: &str) -> Option<Plight> {
        self.plights.get(actor).copied()
    }

    /// The waits of an actor: several where any of several objects could wake it.
    pub fn of_actor<'a>(&'a self, actor: &'a str) -> impl Iterator<Item = &'a Wait> {
        self.waits.iter().filter(move |wait| wait.waiter == actor)
    }

    /// The actors that only each other could wake, or nobody: each waits, and all who could end its wait are in the
    /// same plight. Who waits for nobody in particular is not among them.
    pub fn stuck(&self) -> Vec<String> {
        self.those(|plight| !matches!(plight, Plight::Waits))
    }

    /// Those of them who certainly are: nobody else could come along and help.
    pub fn certain(&self) -> Vec<String> {
        self.those(|plight| matches!(plight, Plight::Behind { sure: true } | Plight::Cycle { sure: true }))
    }

    fn those(&self, wanted: impl Fn(Plight) -> bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for wait in &self.waits {
            if names.last() != Some(&wait.waiter) && self.plight(&wait.waiter).is_some_and(&wanted) {
                names.push(wait.waiter.clone());
            }
        }
        names
    }

    /// Who sleeps on though nobody on stage will wake it, if of the waits for nobody in particular only those that satisfy
    /// `comes` end: the stuck, and all who wait for them or for somebody who does not come. Those who are `stopped` do
    /// nothing, and are among them.
    pub fn without_hope<'a>(&'a self, stopped: &[&'a str], comes: impl Fn(&Wait) -> bool) -> HashSet<&'a str> {
        let nodes = Nodes::with(&self.waits, stopped);
        let stuck = nodes.stuck(|_| true, comes);
        nodes.names.iter().zip(stuck).filter_map(|(name, stuck)| stuck.then_some(*name)).collect()
    }

    /// The stuck with the moments at which they fell asleep. Two looks agree if they find the same: nobody has woken in
    /// between, or it would be another call.
    pub fn knot(&self) -> Vec<(&str, u64)> {
        let stuck = |wait: &&Wait| self.plight(&wait.waiter).is_some_and(|p| p != Plight::Waits);
        let mut knot: Vec<(&str, u64)> =
            self.waits.iter().filter(stuck).map(|wait| (wait.waiter.as_str(), wait.since_ns)).collect();
        knot.dedup();
        knot
    }
}

/// The waiters as numbers, so that all takes time in proportion to the edges.
struct Nodes<'a> {
    names: Vec<&'a str>,
    /// The waits of each, with their groups as numbers; `None` for somebody who does not wait.
    ways: Vec<Vec<Way<'a>>>,
}

struct Way<'a> {
    wait: &'a Wait,
    groups: Vec<Vec<Option<usize>>>,
}

impl<'a> Nodes<'a> {
    fn of(waits: &'a [Wait]) -> Self {
        Self::with(waits, &[])
    }

    /// The same and those who do nothing, without waiting for anything: they have no way out.
    fn with(waits: &'a [Wait], halted: &[&'a str]) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for name in waits.iter().map(|wait| wait.waiter.as_str()).chain(halted.iter().copied()) {
            places.entry(name).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            });
        }
        let mut ways: Vec<Vec<Way<'_>>> = names.iter().map(|_| Vec::new()).collect();
        for wait in waits {
            let number = |name: &String| places.get(name.as_str()).copied();
            let groups = wait.need.groups.iter().map(|group| group.iter().map(number).collect()).collect();
            ways[places[wait.waiter.as_str()]].push(Way { wait, groups });
        }
        Self { names, ways }
    }

    /// Who is stuck, if only the waits that satisfy `counts` hold anybody, and those for nobody in particular end that
    /// satisfy `comes`.
    fn stuck(&self, counts: impl Fn(&Wait) -> bool, comes: impl Fn(&Wait) -> bool) -> Vec<bool> {
        let mut stuck = vec![true; self.names.len()];
        let mut waiting_for: Vec<Vec<usize>> = vec![Vec::new(); self.names.len()];
        for (node, ways) in self.ways.iter().enumerate() {
            for other in ways.iter().flat_map(|way| &way.groups).flatten().flatten() {
                waiting_for[*other].push(node);
            }
        }
        let freed = |node: usize, stuck: &[bool]| {
            self.ways[node].iter().any(|way| {
                let open = |group: &Vec<Option<usize>>| group.iter().any(|name| name.is_none_or(|n| !stuck[n]));
                let ends = if way.groups.is_empty() { comes(way.wait) } else { way.groups.iter().all(open) };
                way.wait.timed || !counts(way.wait) || ends
            })
        };
        let mut to_see: Vec<usize> = (0..self.names.len()).collect();
        while let Some(node) = to_see.pop() {
            if stuck[node] && freed(node, &stuck) {
                stuck[node] = false;
                to_see.extend(&waiting_for[node]);
            }
        }
        stuck
    }

    /// The cycles among the stuck: the strongly connected components that have an edge, in order of their first member.
    fn components(&self, stuck: &[bool]) -> Vec<Vec<usize>> {
        let next: Vec<Vec<usize>> = self
            .ways
            .iter()
            .enumerate()
            .map(|(node, ways)| {
                let all = ways.iter().flat_map(|way| &way.groups).flatten().flatten().copied();
                let mut next: Vec<usize> = all.filter(|n| stuck[node] && stuck[*n]).collect();
                next.sort_unstable();
                next.dedup();
                next
            })
            .collect();
        let mut found = Tarjan::new(next.len()).run(&next);
        found.retain(|component| component.len() > 1 || next[component[0]].contains(&component[0]));
        for component in &mut found {
            walk(component, &next);
        }
        found.sort_by_key(|component| component.iter().min().copied());
        found
    }
}

/// Puts a component in the order in which one waits for the next, from its first member on, as far as there is one.
fn walk(component: &mut Vec<usize>, next: &[Vec<usize>]) {
    component.sort_unstable();
    let mut left = std::mem::take(component);
    let mut at = left.remove(0);
    component.push(at);
    while !left.is_empty() {
        let place = left.iter().position(|n| next[at].binary_search(n).is_ok()).unwrap_or(0);
        at = left.remove(place);
        component.push(at);
    }
}

/// Tarjan's algorithm, without recursion: a chain of waits may be long.
struct Tarjan {
    index: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    count: usize,
    found: Vec<Vec<usize>>,
}

const UNSEEN: usize = usize::MAX;

impl Tarjan {
    fn new(nodes: usize) -> Self {
        Self {
            index: vec![UNSEEN; nodes],
            low: vec![UNSEEN; nodes],
            on_stack: vec![false; nodes],
            stack: Vec::new(),
            count: 0,
            found: Vec::new(),
        }
    }

    fn run(mut self, next: &[Vec<usize>]) -> Vec<Vec<usize>> {
        for root in 0..next.len() {
            if self.index[root] == UNSEEN {
                self.from(root, next);
            }
        }
        self.found
    }

    fn from(&mut self, root: usize, next: &[Vec<usize>]) {
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((node, at)) = path.pop() {
            if let Some(&to) = next[node].get(at) {
                path.push((node, at + 1));
                if self.index[to] == UNSEEN {
                    self.enter(to);
                    path.push((to, 0));
                } else if self.on_stack[to] {
                    self.low[node] = self.low[node].min(self.index[to]);
                }
                continue;
            }
            if let Some((above, _)) = path.last() {
                self.low[*above] = self.low[*above].min(self.low[node]);
            }
            if self.low[node] == self.index[node] {
                let start = self.stack.iter().rposition(|n| *n == node).unwrap_or(0);
                let component = self.stack.split_off(start);
                for node in &component {
                    self.on_stack[*node] = false;
                }
                self.found.push(component);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.count;
        self.low[node] = self.count;
        self.count += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(waiter: &str, groups: &[&[&str]]) -> Wait {
        let groups = groups.iter().map(|g| g.iter().map(ToString::to_string).collect()).collect();
        Wait {
            waiter: waiter.to_owned(),
            verb: "read".to_owned(),
            object: Some("o".to_owned()),
            direction: "read".to_owned(),
            since_ns: 1,
            timed: false,
            need: Need { groups, sure: true, end: None },
        }
    }

    /// Each waits for any one of a group.
    fn graph(edges: &[(&str, &[&str])]) -> WaitGraph {
        let one = |(waiter, needs): &(&str, &[&str])| {
            if needs.is_empty() { wait(waiter, &[]) } else { wait(waiter, &[needs]) }
        };
        WaitGraph::from_waits(edges.iter().map(one).collect())
    }

    #[test]
    fn a_cycle_is_stuck() {
        let graph = graph(&[("a", &["b"]), ("b", &["a"])]);
        assert_eq!((graph.stuck(), graph.certain()), (vec!["a".to_owned(), "b".to_owned()], graph.stuck()));
        assert_eq!(graph.cycles, [["a", "b"]]);
    }

    #[test]
    fn one_who_is_awake_frees_the_chain() {
        assert!(graph(&[("a", &["b"]), ("b", &["a", "c"])]).stuck().is_empty());
        assert!(graph(&[("a", &["b"]), ("b", &["c"])]).stuck().is_empty());
    }

    #[test]
    fn a_reader_that_holds_the_only_write_end_waits_for_itself() {
        let graph = graph(&[("a", &["a"])]);
        assert_eq!((graph.stuck(), graph.cycles.clone()), (vec!["a".to_owned()], vec![vec!["a".to_owned()]]));
    }

    #[test]
    fn one_way_out_of_several_is_enough() {
        let several: &[(&str, &[&str])] = &[("a", &["b"]), ("a", &["c"]), ("b", &["a"])];
        assert!(graph(several).stuck().is_empty(), "c can wake a");
        assert_eq!(graph(&[("a", &["b"]), ("a", &["b"]), ("b", &["a"])]).stuck(), ["a", "b"]);
        assert!(graph(&[("a", &["b"]), ("a", &[]), ("b", &["a"])]).stuck().is_empty(), "a signal could wake a");
    }

    #[test]
    fn who_waits_for_nobody_is_in_no_cycle() {
        assert!(graph(&[("a", &[])]).stuck().is_empty());
    }

    #[test]
    fn of_each_group_one_must_act() {
        // c, who is awake, could let go of its lock; b never will.
        let both = WaitGraph::from_waits(vec![wait("a", &[&["b"], &["c"]]), wait("b", &[&["a"]])]);
        assert_eq!(both.stuck(), ["a", "b"]);
        let either = WaitGraph::from_waits(vec![wait("a", &[&["b", "c"]]), wait("b", &[&["a"]])]);
        assert!(either.stuck().is_empty());
    }

    #[test]
    fn a_group_that_nobody_is_left_of_holds_for_ever() {
        let graph = WaitGraph::from_waits(vec![wait("a", &[&[]]), wait("b", &[&["a"]])]);
        assert_eq!(graph.stuck(), ["a", "b"]);
        assert!(graph.cycles.is_empty());
    }

    #[test]
    fn a_timeout_is_a_way_out() {
        let mut waits = vec![wait("a", &[&["b"]]), wait("b", &[&["a"]])];
        waits[1].timed = true;
        assert!(WaitGraph::from_waits(waits).stuck().is_empty());
    }

    #[test]
    fn what_anybody_could_end_is_only_suspicious() {
        let mut waits = vec![wait("a", &[&["b"]]), wait("b", &[&["a"]]), wait("c", &[&["a"]])];
        waits[1].need.sure = false;
        let graph = WaitGraph::from_waits(waits);
        assert_eq!((graph.stuck().len(), graph.certain().len()), (3, 0));
        assert_eq!(graph.plight("a"), Some(Plight::Cycle { sure: false }));
    }

    #[test]
    fn who_waits_for_a_cycle_is_behind_it() {
        let graph = graph(&[("d", &["c"]), ("a", &["b"]), ("c", &["a"]), ("b", &["a"]), ("e", &["f"])]);
        let plights: Vec<Option<Plight>> = ["a", "b", "c", "d", "e", "f"].map(|n| graph.plight(n)).to_vec();
        let (cycle, behind) = (Some(Plight::Cycle { sure: true }), Some(Plight::Behind { sure: true }));
        assert_eq!(plights, [cycle, cycle, behind, behind, Some(Plight::Waits), None]);
        assert_eq!(graph.cycles, [["a", "b"]]);
    }

    #[test]
    fn cycles_are_told_in_the_order_of_waiting() {
        let graph = graph(&[("a", &["c"]), ("b", &["a"]), ("c", &["b"]), ("x", &["y"]), ("y", &["x"])]);
        assert_eq!(graph.cycles, [vec!["a", "c", "b"], vec!["x", "y"]]);
    }

    #[test]
    fn a_long_chain_is_no_trouble() {
        let names: Vec<String> = (0..20_000).map(|n| format!("a{n}")).collect();
        let one = |n: usize| wait(&names[n], &[&[&names[(n + 1) % names.len()]]]);
        let graph = WaitGraph::from_waits((0..names.len()).map(one).collect());
        assert_eq!((graph.stuck().len(), graph.cycles.len()), (20_000, 1));
    }
}
