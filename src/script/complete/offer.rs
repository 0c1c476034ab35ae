//! Candidates: which there are for each kind of argument, and which fit the word that is typed.

use super::{Candidate, CandidateKind, Signature};
use crate::script::words::{SIGNALS, Word};
use crate::script::{ArgKind, ArgSpec, CallSpec, Chapter, IntType, Registry, Scene, SceneActor, Wants};

/// What is offered for one word.
pub(super) struct Offer<'a> {
    pub(super) registry: &'a Registry,
    pub(super) scene: &'a Scene,
    word: &'a str,
    candidates: Vec<Candidate>,
    pub(super) signature: Option<Signature>,
}

/// Whether a quantity is the name of an error.
fn is_errno(name: &str) -> bool {
    name.starts_with('E') && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

impl<'a> Offer<'a> {
    pub(super) const fn new(registry: &'a Registry, scene: &'a Scene, word: &'a str) -> Self {
        Self { registry, scene, word, candidates: Vec::new(), signature: None }
    }

    /// What begins with the word first, then what begins with it in other letters, else what contains it.
    pub(super) fn finish(self) -> Vec<Candidate> {
        let lower = self.word.to_lowercase();
        let rank = |c: &Candidate| {
            let label = c.label.to_lowercase();
            if c.label.starts_with(self.word) {
                Some(0)
            } else if label.starts_with(&lower) {
                Some(1)
            } else if lower.len() >= 2 && label.contains(&lower) {
                Some(2)
            } else {
                None
            }
        };
        let mut ranked: Vec<(usize, Candidate)> = Vec::new();
        for candidate in self.candidates {
            let twice = ranked.iter().any(|(_, c)| c.insert == candidate.insert);
            if let Some(rank) = rank(&candidate)
                && !twice
                && candidate.insert != self.word
            {
                ranked.push((rank, candidate));
            }
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        // What only contains the word is offered where nothing begins with it.
        let best = ranked.first().map_or(0, |(rank, _)| *rank);
        ranked.retain(|(rank, _)| best == 2 || *rank < 2);
        ranked.into_iter().map(|(_, c)| c).collect()
    }

    /// Offers `label`, put in with `tail` behind it.
    pub(super) fn add(&mut self, label: &str, tail: &str, doc: impl Into<String>, kind: CandidateKind) {
        let insert = format!("{label}{tail}");
        self.candidates.push(Candidate { insert, label: label.to_owned(), doc: doc.into(), kind });
    }

    pub(super) fn word(&mut self, word: &str, doc: &str) {
        self.add(word, " ", doc, CandidateKind::Word);
    }

    pub(super) fn words(&mut self, words: &[Word], kind: CandidateKind) {
        for word in words {
            let tail = if word.usage.ends_with(word.word) { "" } else { " " };
            self.add(word.word, tail, word.doc, kind);
        }
    }

    /// Actors, those that have not ended first.
    pub(super) fn actors(&mut self, tail: &str, besides: &[&str]) {
        let scene = self.scene;
        for alive in [true, false] {
            for actor in scene.actors.iter().filter(|a| a.alive == alive && !besides.contains(&a.name.as_str())) {
                self.add(&actor.name, tail, actor.state.as_str(), CandidateKind::Actor);
            }
        }
    }

    /// Hosts, each with `head` before it and `tail` behind it.
    pub(super) fn hosts(&mut self, head: &str, tail: &str, besides: &[&str]) {
        let scene = self.scene;
        for (name, address) in scene.hosts.iter().filter(|(name, _)| !besides.contains(&name.as_str())) {
            self.add(&format!("{head}{name}"), tail, address.as_str(), CandidateKind::Name);
        }
    }

    pub(super) fn objects(&mut self, tail: &str) {
        let scene = self.scene;
        for object in &scene.objects {
            self.add(&object.name, tail, object.facility.as_str(), CandidateKind::Name);
        }
    }

    pub(super) fn calls(&mut self, asleep: bool) {
        let registry = self.registry;
        for call in registry.calls().filter(|c| !asleep || !c.sleeps.is_empty()) {
            let tail = if call.args.is_empty() { "" } else { " " };
            self.add(call.name, tail, call.doc, CandidateKind::Call);
        }
    }

    pub(super) fn signals(&mut self) {
        for signal in SIGNALS {
            self.add(signal, "", "signal", CandidateKind::Constant);
        }
    }

    pub(super) fn errors(&mut self) {
        let registry = self.registry;
        for (name, number) in registry.quantities.iter().filter(|(n, _)| is_errno(n)) {
            self.add(name, "", format!("error {number}"), CandidateKind::Constant);
        }
    }

    pub(super) fn types(&mut self) {
        for (ty, name) in IntType::ALL {
            let doc = format!("{} byte{}", ty.size(), if ty.size() == 1 { "" } else { "s" });
            self.add(name, "[", doc, CandidateKind::Word);
        }
    }

    pub(super) fn variables(&mut self, actor: Option<&SceneActor>) {
        for (name, value) in actor.map_or(&[][..], |a| &a.variables) {
            self.add(&format!("${name}"), "", value.as_str(), CandidateKind::Variable);
        }
    }

    pub(super) fn quantities(&mut self) {
        let registry = self.registry;
        for (name, value) in registry.quantities.iter().filter(|(n, _)| !is_errno(n)) {
            self.add(name, "", value.to_string(), CandidateKind::Constant);
        }
    }

    /// The constants of a table, without those that are given already.
    pub(super) fn constants(&mut self, table: &[(&'static str, i64)], given: &[&str]) {
        for (name, value) in table.iter().filter(|(n, _)| !given.contains(n)) {
            self.add(name, "", format!("{value:#x}"), CandidateKind::Constant);
        }
    }

    /// What an argument may be, for an actor.
    pub(super) fn argument(&mut self, call: &CallSpec, arg: &ArgSpec, actor: Option<&SceneActor>) {
        match arg.kind {
            ArgKind::NewName | ArgKind::NewActor | ArgKind::Range => {}
            ArgKind::Tuples(_, table) => {
                self.variables(actor);
                self.constants(table, &[]);
            }
            ArgKind::Words(_) => {
                for name in actor.map_or(&[][..], |a| &a.mappings) {
                    self.add(name, "", "an address", CandidateKind::Name);
                }
                self.objects_of(call);
            }
            ArgKind::Descriptor(wants) => self.descriptors(wants, actor),
            ArgKind::ObjectName | ArgKind::Id => self.objects_of(call),
            ArgKind::Path => self.paths(),
            ArgKind::Actor => self.actors("", &[]),
            ArgKind::Signal | ArgKind::Signals => self.signals(),
            ArgKind::Interests(_) => self.descriptors_with(":", Wants::Any, actor),
            ArgKind::Flags(table) | ArgKind::Constant(table) => self.constants(table, &[]),
            ArgKind::Mode => {
                for (mode, doc) in [("0600", "its user alone"), ("0644", "others may read"), ("0666", "all may write")]
                {
                    self.add(mode, "", doc, CandidateKind::Constant);
                }
            }
            ArgKind::Data | ArgKind::Duration | ArgKind::Variable => self.variables(actor),
            ArgKind::Int | ArgKind::Count | ArgKind::Value => {
                self.variables(actor);
                self.quantities();
            }
            ArgKind::SocketAddress => self.addresses(),
            ArgKind::Place => {
                for name in actor.map_or(&[][..], |a| &a.mappings) {
                    self.add(name, "[", "a mapping", CandidateKind::Name);
                }
            }
            ArgKind::Address => {
                for name in actor.map_or(&[][..], |a| &a.mappings) {
                    self.add(name, "", "an address", CandidateKind::Name);
                }
                self.objects_of(call);
            }
        }
    }

    /// Descriptor variables that fit the direction; `p` for `p.r` where only one of its ends fits.
    fn descriptors(&mut self, wants: Wants, actor: Option<&SceneActor>) {
        self.descriptors_with("", wants, actor);
    }

    /// The same, with what must follow the name.
    pub(super) fn descriptors_with(&mut self, tail: &str, wants: Wants, actor: Option<&SceneActor>) {
        let Some(actor) = actor else { return self.objects(tail) };
        let fits = |reads: bool, writes: bool| match wants {
            Wants::Read => reads,
            Wants::Write => writes,
            Wants::Any => true,
        };
        let base = |name: &str| name.split_once('.').map(|(base, _)| base.to_owned());
        let fitting: Vec<_> = actor.descriptors.iter().filter(|d| fits(d.reads, d.writes)).collect();
        for descriptor in &fitting {
            let doc = descriptor.object.as_ref().map_or(String::new(), |object| format!("leads to {object}"));
            let short = base(&descriptor.name)
                .filter(|short| fitting.iter().filter(|d| base(&d.name).as_deref() == Some(short)).count() == 1);
            if let Some(short) = short {
                self.add(&short, tail, format!("{}: {doc}", descriptor.name), CandidateKind::Name);
            }
            self.add(&descriptor.name, tail, doc, CandidateKind::Name);
        }
    }

    /// Objects of the facility that the call belongs to.
    fn objects_of(&mut self, call: &CallSpec) {
        let chapter = self.registry.chapters.iter().find(|c| c.calls.iter().any(|s| s.name == call.name));
        let id = chapter.map_or("", |c| c.id);
        let scene = self.scene;
        for object in scene.objects.iter().filter(|o| o.facility == id) {
            self.add(&object.name, "", id, CandidateKind::Name);
        }
    }

    /// Those that objects on stage have, then the ways to write one.
    fn addresses(&mut self) {
        let scene = self.scene;
        for object in scene.objects.iter().filter(|o| o.identifier.contains(':')) {
            self.add(&object.identifier, "", object.name.as_str(), CandidateKind::Name);
        }
        self.hosts("", ":", &[]);
        for (form, doc) in [
            ("unix:", "a file of the stage"),
            ("unix:@", "an abstract name"),
            ("127.0.0.1:", "IPv4 and a port"),
            ("[::1]:", "IPv6 and a port"),
            ("*:", "any address, and a port"),
        ] {
            self.add(form, "", doc, CandidateKind::Word);
        }
    }

    fn paths(&mut self) {
        let scene = self.scene;
        for object in &scene.objects {
            // A UNIX socket is a file too, and `unlink` takes it.
            let path = object.identifier.strip_prefix("unix:").unwrap_or(&object.identifier);
            if !path.is_empty() && !path.starts_with(['/', '@']) && !path.contains(':') {
                self.add(&format!("\"{path}\""), "", object.facility.as_str(), CandidateKind::Name);
            }
        }
    }

    /// What can be claimed of an object: of this one if it is known, else of any.
    pub(super) fn predicates(&mut self, object: &str) {
        let (scene, registry) = (self.scene, self.registry);
        let known = scene.object(object);
        let concerns = |c: &&Chapter| known.is_none_or(|o| o.facility == c.id);
        for predicate in registry.chapters.iter().filter(concerns).flat_map(|c| c.predicates) {
            let tail = if predicate.args.is_empty() { "" } else { " " };
            self.add(predicate.word, tail, predicate.doc, CandidateKind::Claim);
        }
        self.words(crate::script::OBJECT_CLAIMS, CandidateKind::Claim);
        for field in known.map_or(&[][..], |o| &o.fields).iter().filter(|f| !f.contains(' ')) {
            self.add(field, " ", "a field", CandidateKind::Claim);
        }
    }
}
