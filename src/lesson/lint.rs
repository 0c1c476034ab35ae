//! What a lesson can be told about itself without running it.

use std::collections::BTreeSet;

use super::{Item, Lesson, Run, Step};
use crate::atlas::touch;
use crate::claim;
use crate::script::{
    ArgKind, ArgValue, Body, CallExpr, Claim, Diagnostic, Expectation, Makes, Registry, Severity, Span, Statement,
    did_you_mean, process_of,
};

/// The words that `requires` may hold: capabilities that a stage may lack.
pub const CAPABILITIES: [&str; 7] = ["isolated", "stranger", "mqueue", "sysv", "pty", "hosts", "realtime"];

/// How a warning begins that names what its author has still to write.
pub const UNWRITTEN: &str = "still to be written: ";

/// More statements at a stretch than this are not read, but skipped.
const AT_A_STRETCH: usize = 18;

/// A lesson longer than this is two.
const MINUTES_MAX: u32 = 12;

/// All that is wrong with a lesson beyond its form, in the order of its text.
pub fn lint(lesson: &Lesson, registry: &Registry) -> Vec<Diagnostic> {
    let mut lint = Lint { lesson, registry, found: Vec::new() };
    lint.unwritten();
    lint.links();
    lint.front();
    for (index, step) in lesson.steps.iter().enumerate() {
        lint.step(index, step);
    }
    let mut found = lint.found;
    found.sort_by_key(|d| d.span.start);
    found
}

/// Claims that none of the lessons proves.
pub fn uncovered<'l>(lessons: impl Iterator<Item = &'l Lesson>) -> Vec<&'static str> {
    let proved: BTreeSet<&str> = lessons.flat_map(|l| &l.front.claims).map(String::as_str).collect();
    claim::all().keys().map(String::as_str).filter(|id| !proved.contains(id)).collect()
}

struct Lint<'a> {
    lesson: &'a Lesson,
    registry: &'a Registry,
    found: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = Diagnostic::error(span, message);
        self.found.push(Diagnostic { help, ..diagnostic });
    }

    fn warning(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = Diagnostic::error(span, message);
        self.found.push(Diagnostic { help, severity: Severity::Warning, ..diagnostic });
    }

    /// Where a value stands in the front matter.
    fn place(&self, key: &str, value: &str) -> Span {
        let source = &self.lesson.source;
        let from = source.find(&format!("\n{key} ")).or_else(|| source.find(&format!("\n{key}="))).map_or(0, |n| n + 1);
        match source[from..].find(&format!("\"{value}\"")) {
            Some(at) => Span::new(from + at, from + at + value.len() + 2),
            None => Span::new(from, from + key.len().min(source.len() - from)),
        }
    }

    /// What the lesson's statements touch, those of refutations and solutions too.
    fn touched(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for step in &self.lesson.steps {
            for item in &step.items {
                match item {
                    Item::Run(run) => all.extend(touch::touched(&run.statements)),
                    Item::Refute(refutation) => all.extend(touch::touched(&refutation.run.statements)),
                    Item::Predict(prediction)
                        if prediction.choices.iter().any(|c| touch::speaks_of_deadlock(&c.predicate.claim)) =>
                    {
                        all.insert("deadlock".to_owned());
                    }
                    Item::Prose(_) | Item::Predict(_) | Item::Measure(_) => {}
                }
            }
            if step.goals.iter().flat_map(|g| &g.claims).any(|e| touch::speaks_of_deadlock(&e.claim)) {
                all.insert("deadlock".to_owned());
            }
            all.extend(step.solve.iter().flat_map(|solve| touch::touched(&solve.statements)));
        }
        all
    }

    /// What its author has still to write.
    fn unwritten(&mut self) {
        let mut at = 0;
        for line in self.lesson.source.split_inclusive('\n') {
            for (start, _) in line.match_indices("TODO") {
                let rest = line[start + 4..].trim_start_matches(':').trim();
                let rest = rest.split(['"', '{']).next().unwrap_or_default().trim();
                let rest = rest.split(" -> ").next().unwrap_or_default();
                let what = if rest.is_empty() { "something".to_owned() } else { rest.to_owned() };
                let span = Span::new(at + start, at + start + 4);
                self.warning(span, format!("{UNWRITTEN}{what}"), None);
            }
            at += line.len();
        }
    }

    /// A link leads to a page of the web, or to a step of the lesson. Whether the page is there nobody can tell here.
    fn links(&mut self) {
        let steps: Vec<String> = self.lesson.steps.iter().map(|step| format!("#{}", step.id)).collect();
        for link in self.lesson.links() {
            if link.starts_with("https://") || steps.contains(&link) {
                continue;
            }
            let at = self.lesson.source.find(&format!("]({link})")).map_or(0, |n| n + 2);
            let help = did_you_mean(&link, steps.iter().map(String::as_str))
                .unwrap_or_else(|| "a page, `https://…`, or a step, `#its-id`".to_owned());
            self.error(Span::new(at, at + link.len()), format!("`{link}` leads nowhere"), Some(help));
        }
    }

    fn front(&mut self) {
        let front = &self.lesson.front;
        let top = Span::new(0, 3.min(self.lesson.source.len()));
        if front.misconception.is_empty() {
            let help =
                "name the belief that it corrects: `misconception = \"end of file comes when my writer closes\"`";
            self.error(top, "the lesson corrects no misconception", Some(help.to_owned()));
        }
        if front.objectives.is_empty() {
            let help = "say what the learner will be able to say afterwards: `objectives = [\"…\"]`";
            self.error(top, "the lesson has no objectives", Some(help.to_owned()));
        }
        if front.claims.is_empty() && !self.lesson.source.contains("\nclaims") {
            let help = "`claims = [\"X4\"]`, or `claims = []` if it proves none that `ipclab claims` lists";
            self.warning(top, "the lesson does not say which claims it proves", Some(help.to_owned()));
        }
        if front.read.is_empty() {
            self.warning(top, "the lesson names no manual page to read on", Some("`read = [\"pipe(7)\"]`".to_owned()));
        }
        if front.minutes > MINUTES_MAX {
            let at = self.place("minutes", &front.minutes.to_string());
            self.warning(at, format!("longer than {MINUTES_MAX} minutes"), Some("make two lessons of it".to_owned()));
        }
        let last = self.lesson.steps.iter().rev().find_map(|step| step.solve.as_ref());
        let taken = last.map_or(0, |solve| solve.statements.len());
        if let Some(par) = front.par.filter(|par| *par as usize != taken) {
            let help = format!("`par = {taken}`, or another solution");
            self.error(
                self.place("par", &par.to_string()),
                format!("the last solution takes {taken} statements"),
                Some(help),
            );
        }
        for claim in &front.claims {
            let about = touch::about(claim);
            if !about.is_empty() && about.is_disjoint(&self.touched()) {
                let some: Vec<&str> = about.iter().take(4).map(String::as_str).collect();
                let help = format!("of what it is about nothing is called here: {}…", some.join(", "));
                let message = format!("the lesson can't prove {claim}, “{}”", claim::title(claim).unwrap_or_default());
                self.error(self.place("claims", claim), message, Some(help));
            }
            if claim::title(claim).is_none() {
                let help = did_you_mean(claim, claim::all().keys().map(String::as_str));
                self.error(self.place("claims", claim), format!("unknown claim `{claim}`"), help);
            }
        }
        for word in &front.requires {
            if !CAPABILITIES.contains(&word.as_str()) {
                let help = did_you_mean(word, CAPABILITIES)
                    .unwrap_or_else(|| format!("a stage may lack {}", CAPABILITIES.join(", ")));
                self.error(self.place("requires", word), format!("unknown capability `{word}`"), Some(help));
            }
        }
        if self.lesson.predictions().next().is_none() {
            let help = "every lesson asks what will happen before it shows it: add a ```predict fence";
            self.error(
                self.lesson.steps.first().map_or(top, |s| s.span),
                "the lesson asks no prediction",
                Some(help.to_owned()),
            );
        }
    }

    fn step(&mut self, index: usize, step: &Step) {
        for word in &step.requires {
            if !CAPABILITIES.contains(&word.as_str()) {
                let help = did_you_mean(word, CAPABILITIES)
                    .unwrap_or_else(|| format!("a stage may lack {}", CAPABILITIES.join(", ")));
                self.error(step.span, format!("unknown capability `{word}`"), Some(help));
            }
        }
        let next = self.lesson.steps.get(index + 1);
        let goes_on = next.and_then(|next| next.items.iter().find_map(Item::run)).filter(|run| !run.fresh);
        if let Some(run) = goes_on.filter(|_| !step.requires.is_empty()) {
            let help = "begin with an empty stage: ```run fresh";
            self.error(run.span, "this goes on from a step that may be left out", Some(help.to_owned()));
        }
        if index == 0 && !step.requires.is_empty() {
            let help = "say it in the front matter, for the whole lesson: `requires = [\"hosts\"]`";
            self.error(step.span, "the first step can't be left out", Some(help.to_owned()));
        }
        if step.title.is_empty() {
            self.error(step.span, "a step needs a title", None);
        }
        if !step.goals.is_empty() {
            if step.hints.is_empty() {
                let help = "a ```hint fence helps before the solution is given away";
                self.error(step.span, "a goal without a hint", Some(help.to_owned()));
            }
            if step.explain.is_empty() {
                let help = "an ```explain fence says why it worked, also to somebody who knew";
                self.error(step.span, "nothing is explained after the goal is met", Some(help.to_owned()));
            }
        }
        for (at, item) in step.items.iter().enumerate() {
            match item {
                Item::Run(run) => {
                    let before = if run.fresh { Vec::new() } else { self.lesson.course(index, at) };
                    self.run(&before, &run.statements, run.span);
                    self.stretch(run);
                }
                Item::Refute(refutation) => {
                    let before = self.lesson.course(index, at);
                    self.run(&before, &refutation.run.statements, refutation.run.span);
                }
                Item::Predict(prediction) => {
                    let mut actors = Actors::after(&self.lesson.course(index, at), self.registry);
                    if let Some(run) = step.items[at..].iter().find_map(Item::run) {
                        actors.extend(&run.statements, self.registry);
                    }
                    for choice in &prediction.choices {
                        self.claim(&choice.predicate, &actors);
                        self.sizes(choice.predicate.span);
                    }
                }
                Item::Prose(_) | Item::Measure(_) => {}
            }
        }
        let before = self.lesson.course(index, step.items.len());
        let mut actors = Actors::after(&before, self.registry);
        if let Some(solve) = &step.solve {
            self.run(&before, &solve.statements, solve.span);
            actors.extend(&solve.statements, self.registry);
        }
        for hint in &step.hints {
            if let Some(when) = &hint.when {
                self.claim(when, &actors);
            }
        }
        for goal in &step.goals {
            for claim in &goal.claims {
                self.claim(claim, &actors);
            }
            self.sizes(goal.span);
        }
    }

    fn stretch(&mut self, run: &Run) {
        let many = run.statements.len();
        if many > AT_A_STRETCH {
            let help = "say in between what is being done: a run may go on in another ```run fence";
            self.warning(run.span, format!("{many} statements at a stretch are a wall"), Some(help.to_owned()));
        }
    }

    fn run(&mut self, before: &[Statement], statements: &[Statement], span: Span) {
        self.sizes(span);
        let mut actors = Actors::after(before, self.registry);
        for (index, statement) in statements.iter().enumerate() {
            for (actor, known) in actors.mentioned(statement) {
                if !known {
                    let help = did_you_mean(&actor, actors.names());
                    self.error(statement.span, format!("nobody on stage is called `{actor}`"), help);
                }
            }
            if let Body::Expect(expectation) = &statement.body {
                self.claim(expectation, &actors);
            }
            for call in calls(statement) {
                if call.verb == "nanosleep" {
                    let help = "wait for a state instead: a statement ends when all is settled, `await bob` when his call returns";
                    self.warning(statement.span, "a lesson that sleeps waits for luck", Some(help.to_owned()));
                } else if self.is_timed(call)
                    && let Body::Order { actor, .. } = &statement.body
                    && !awaited(actor, &statements[index + 1..])
                {
                    let help = format!("`await {actor}`, before the next order to {actor}");
                    self.error(
                        statement.span,
                        format!("{actor}'s call has a time limit, and nobody awaits it"),
                        Some(help),
                    );
                }
            }
            actors.add(statement, self.registry);
        }
    }

    /// Whether a call gives up after a time.
    fn is_timed(&self, call: &CallExpr) -> bool {
        let Some((_, spec)) = self.registry.call(&call.verb) else { return false };
        call.args.iter().any(|arg| spec.args.iter().any(|a| a.name == arg.name && a.kind == ArgKind::Duration))
    }

    fn claim(&mut self, expectation: &Expectation, actors: &Actors) {
        let mut mentioned = Vec::new();
        named(&expectation.claim, &mut mentioned);
        for actor in mentioned {
            if !actors.known(actor) {
                let help = did_you_mean(actor, actors.names());
                self.error(expectation.span, format!("nobody on stage is called `{actor}`"), help);
            }
        }
    }

    /// Sizes that only this machine has.
    fn sizes(&mut self, span: Span) {
        let text = self.lesson.source.get(span.start..span.end).unwrap_or_default();
        let mut at = 0;
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let start = span.start + at;
            at += word.len() + 1;
            if matches!(word, "4096" | "4097" | "8192" | "16384" | "65536") {
                let help = "write it as the machine has it: `pagesize`, `16 * pagesize`, `PIPE_BUF`";
                let here = Span::new(start, start + word.len());
                self.warning(here, format!("{word} is true only where a page has 4096 bytes"), Some(help.to_owned()));
            }
        }
    }
}

/// Whether somebody waits for the actor's call before it gets another order.
fn awaited(actor: &str, rest: &[Statement]) -> bool {
    for statement in rest {
        match &statement.body {
            Body::Await { actor: who, .. } if who == actor => return true,
            Body::Order { actor: who, .. } if who == actor => return false,
            _ => {}
        }
    }
    false
}

fn calls(statement: &Statement) -> Vec<&CallExpr> {
    match &statement.body {
        Body::Order { call, .. } => vec![call],
        Body::Program { body, .. } | Body::Repeat { body, .. } => body.iter().collect(),
        _ => Vec::new(),
    }
}

/// The actors that a claim speaks of.
fn named<'a>(claim: &'a Claim, out: &mut Vec<&'a str>) {
    match claim {
        Claim::Not(inner) => named(inner, out),
        Claim::Actor(actor, _) | Claim::Variable { actor, .. } | Claim::Memory { actor: Some(actor), .. } => {
            out.push(actor);
        }
        Claim::Deadlock(actors) | Claim::Finding { actors, .. } => out.extend(actors.iter().map(String::as_str)),
        Claim::Object { args, .. } => {
            out.extend(
                args.iter().filter_map(|arg| if let ArgValue::By(actor) = arg { Some(actor.as_str()) } else { None }),
            );
        }
        Claim::Memory { actor: None, .. } | Claim::Syscalls(_) | Claim::Woken(_) | Claim::Gone(_) => {}
    }
}

/// The names of the actors that statements bring on stage.
struct Actors(BTreeSet<String>);

impl Actors {
    fn after(statements: &[Statement], registry: &Registry) -> Self {
        let mut actors = Self(BTreeSet::new());
        actors.extend(statements, registry);
        actors
    }

    fn extend(&mut self, statements: &[Statement], registry: &Registry) {
        for statement in statements {
            self.add(statement, registry);
        }
    }

    fn add(&mut self, statement: &Statement, registry: &Registry) {
        if let Body::Spawn { name, .. } = &statement.body {
            self.0.insert(name.clone());
        }
        for call in calls(statement) {
            let Some((_, spec)) = registry.call(&call.verb) else { continue };
            let process = match &statement.body {
                Body::Order { actor, .. } | Body::Program { actor, .. } | Body::Repeat { actor, .. } => {
                    process_of(actor)
                }
                _ => "",
            };
            for arg in &call.args {
                if spec.args.iter().any(|a| a.name == arg.name && a.kind == ArgKind::NewActor)
                    && let ArgValue::Name(name) = &arg.value
                {
                    self.0.insert(if spec.makes == Makes::Thread { format!("{process}.{name}") } else { name.clone() });
                }
            }
        }
    }

    fn known(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The actors that a statement gives orders to, each with whether it is on stage.
    fn mentioned(&self, statement: &Statement) -> Vec<(String, bool)> {
        let names: Vec<&String> = match &statement.body {
            Body::Order { actor, .. }
            | Body::Program { actor, .. }
            | Body::Step { actor }
            | Body::Repeat { actor, .. }
            | Body::Await { actor, .. }
            | Body::Cancel { actor } => vec![actor],
            Body::Go { actors, .. } => actors.iter().collect(),
            Body::Spawn { .. } | Body::Host { .. } | Body::Link { .. } | Body::Mark | Body::Expect(_) => Vec::new(),
        };
        names.into_iter().map(|name| (name.clone(), self.known(name))).collect()
    }
}
