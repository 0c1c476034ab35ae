//! Reads a lesson file: Markdown with TOML front matter and typed fences.

use std::collections::BTreeSet;
use std::ops::Range;

use super::fence::{self, Fence};
use super::prose::{self, Block, Inline, Piece};
use super::text::{Text, as_id, is_id, lines, span, trimmed};
use super::{Goal, Hint, Item, Lesson, Prediction, Refutation, Run, Step, figure, front, measure};
use crate::script::{Body, Diagnostic, Expectation, Registry, Severity};

/// The largest lesson file in bytes.
pub const LESSON_MAX: usize = 256 * 1024;

/// Reads a lesson. All that is wrong is told at once, each with its place in `source`; the lesson is given if it can
/// be used.
pub fn parse(source: &str, registry: &Registry) -> (Option<Lesson>, Vec<Diagnostic>) {
    let mut text = Text::new(source, registry);
    if source.len() > LESSON_MAX {
        text.error(&(0..0), format!("longer than LESSON_MAX, {LESSON_MAX} bytes"), None);
        return (None, text.diagnostics);
    }
    let (front, start) = front::read(&mut text);
    for (word, at, line) in fence::unclosed(source) {
        let name = if word.is_empty() { "fence".to_owned() } else { format!("`{word}` fence") };
        let help = "a line of ``` ends it".to_owned();
        text.error(&trimmed(source, at), format!("the {name} of line {line} is not closed"), Some(help));
    }
    if text.diagnostics.iter().any(|d| d.message.ends_with("is not closed")) {
        return (None, text.diagnostics);
    }
    let mut builder = Builder::default();
    for (piece, range) in prose::pieces(&source[start..]) {
        let range = range.start + start..range.end + start;
        builder.piece(&mut text, piece, range, start);
    }
    builder.close_step(&mut text);
    if builder.steps.is_empty() {
        let help = "a step is a heading with an id: `## A pipe and two processes {#two}`".to_owned();
        text.error(&(start.min(source.len())..source.len()), "a lesson needs a step", Some(help));
    }
    let Builder { opening, steps, .. } = builder;
    let mut lesson = Lesson { source: source.to_owned(), front, opening, steps };
    figure::work_out(&mut lesson, &mut text);
    let mut diagnostics = text.diagnostics;
    diagnostics.sort_by_key(|d| d.span.start);
    let usable = diagnostics.iter().all(|d| d.severity != Severity::Error);
    (usable.then_some(lesson), diagnostics)
}

/// The capabilities that a heading asks for: `{#elsewhere requires=hosts}`, several with commas between them.
fn requires(text: &mut Text<'_>, attrs: &[(String, String)], range: &Range<usize>) -> Vec<String> {
    let mut words = Vec::new();
    for (key, value) in attrs {
        if key == "requires" {
            words.extend(value.split(',').map(str::to_owned));
        } else {
            let heading = trimmed(text.source, range.clone());
            let help = "a step may say `requires=`, and nothing else".to_owned();
            text.error(&heading, format!("unknown attribute `{key}`"), Some(help));
        }
    }
    words
}

#[derive(Default)]
struct Builder {
    opening: Vec<Block>,
    steps: Vec<Step>,
    current: Option<Step>,
    /// The last goal, hint or solution of the current step, behind which no run may come.
    asked: bool,
    ids: BTreeSet<String>,
}

impl Builder {
    fn piece(&mut self, text: &mut Text<'_>, piece: Piece, range: Range<usize>, base: usize) {
        match piece {
            Piece::Block(Block::Heading(level, title)) if level < 3 => {
                let words = prose::plain(&title);
                let id = as_id(&words);
                let id = if is_id(&id) { id } else { "its-id".to_owned() };
                let help = format!("`## {} {{#{id}}}`; one with ### is a heading within a step", words.trim());
                text.error(&trimmed(text.source, range), "a step needs an id, by which progress is kept", Some(help));
            }
            Piece::Block(block) => self.prose(block),
            Piece::Step(id, title, attrs) => {
                let requires = requires(text, &attrs, &range);
                self.step(text, id, &title, range);
                if let Some(step) = &mut self.current {
                    step.requires = requires;
                }
            }
            Piece::Fence(info, body) => {
                let body = body.start + base..body.end + base;
                let line = text.source[range.clone()].find('\n').map_or(range.end, |n| range.start + n);
                let ticks = text.source[range.start..line].bytes().take_while(|b| matches!(b, b'`' | b'~')).count();
                if let Some(fence) = fence::read(text, range.start + ticks..line) {
                    self.fence(text, fence, &info, range, body);
                }
            }
        }
    }

    fn prose(&mut self, block: Block) {
        match &mut self.current {
            None => self.opening.push(block),
            Some(step) => match step.items.last_mut() {
                Some(Item::Prose(blocks)) => blocks.push(block),
                _ => step.items.push(Item::Prose(vec![block])),
            },
        }
    }

    fn step(&mut self, text: &mut Text<'_>, id: String, title: &[Inline], range: Range<usize>) {
        self.close_step(text);
        let heading = trimmed(text.source, range);
        self.claim_id(text, &id, &heading, "step");
        self.asked = false;
        self.current = Some(Step {
            id,
            title: prose::plain(title).trim().to_owned(),
            span: span(&heading),
            requires: Vec::new(),
            items: Vec::new(),
            goals: Vec::new(),
            hints: Vec::new(),
            solve: None,
            explain: Vec::new(),
        });
    }

    fn claim_id(&mut self, text: &mut Text<'_>, id: &str, at: &Range<usize>, what: &str) {
        if !is_id(id) {
            let help = "small letters, digits and hyphens, a letter first".to_owned();
            text.error(at, format!("`{id}` can't be an id"), Some(help));
        }
        if !self.ids.insert(format!("{what} {id}")) {
            text.error(at, format!("a second {what} has the id `{id}`"), Some("ids are unique in a lesson".to_owned()));
        }
    }

    fn close_step(&mut self, text: &mut Text<'_>) {
        let Some(step) = self.current.take() else { return };
        let heading = step.span.start..step.span.end;
        if !step.goals.is_empty() && step.solve.is_none() {
            text.error(&heading, "a step with a goal needs a solution", Some("add a ```solve fence".to_owned()));
        }
        if step.goals.is_empty() && (step.solve.is_some() || !step.hints.is_empty()) {
            text.error(&heading, "hints and a solution need a goal", Some("add a ```goal fence".to_owned()));
        }
        let mut open: Option<&Prediction> = None;
        for item in &step.items {
            match item {
                Item::Predict(p) => {
                    if let Some(before) = open.replace(p) {
                        unanswered(text, before);
                    }
                }
                Item::Run(_) => open = None,
                Item::Prose(_) | Item::Refute(_) | Item::Measure(_) => {}
            }
        }
        if let Some(p) = open {
            unanswered(text, p);
        }
        self.steps.push(step);
    }

    fn fence(&mut self, text: &mut Text<'_>, fence: Fence, info: &str, range: Range<usize>, body: Range<usize>) {
        if fence == Fence::Shown {
            self.prose(Block::Code(info.to_owned(), text.source[body].to_owned()));
            return;
        }
        let opening = range.start..body.start.max(range.start);
        let opening = trimmed(text.source, opening);
        if self.current.is_none() {
            let help = "put a heading with an id above it: `## A pipe {#pipe}`".to_owned();
            text.error(&opening, "a fence before the first step", Some(help));
            return;
        }
        if trimmed(text.source, body.clone()).is_empty() {
            text.error(&opening, format!("an empty {} fence", info.split_whitespace().next().unwrap_or("run")), None);
            return;
        }
        let late = self.asked
            && matches!(fence, Fence::Run { .. } | Fence::Predict { .. } | Fence::Refute { .. } | Fence::Measure);
        if late {
            let help = "let a new step begin, with a heading of its own".to_owned();
            text.error(&opening, "nothing is run or asked behind a goal of the same step", Some(help));
        }
        let item = match fence {
            Fence::Run { fresh } => {
                Some(Item::Run(Run { span: span(&body), fresh, statements: text.statements(&body) }))
            }
            Fence::Refute { choice, at } => self.refutation(text, &choice, &at, &body),
            Fence::Measure => measure::read(text, &body).map(Item::Measure),
            Fence::Predict { id } => {
                self.claim_id(text, &id, &opening, "prediction");
                Some(Item::Predict(fence::prediction(text, id, body)))
            }
            Fence::Goal { id } => {
                self.goal(text, id, &opening, body);
                None
            }
            other => {
                self.help(text, other, &opening, &body);
                None
            }
        };
        if let (Some(item), Some(step)) = (item, &mut self.current) {
            step.items.push(item);
        }
    }

    /// A hint, solution or explanation.
    fn help(&mut self, text: &mut Text<'_>, fence: Fence, opening: &Range<usize>, body: &Range<usize>) {
        let Some(step) = &mut self.current else { return };
        match fence {
            Fence::Hint { when } => {
                self.asked = true;
                let blocks = prose::blocks(&text.source[body.clone()]);
                step.hints.push(Hint { span: span(body), when, text: blocks });
            }
            Fence::Solve => {
                self.asked = true;
                if step.solve.is_some() {
                    text.error(opening, "a second solution in one step", None);
                }
                step.solve = Some(Run { span: span(body), fresh: false, statements: text.statements(body) });
            }
            Fence::Explain => step.explain.extend(prose::blocks(&text.source[body.clone()])),
            _ => {}
        }
    }

    fn refutation(&self, text: &mut Text<'_>, word: &str, at: &Range<usize>, body: &Range<usize>) -> Option<Item> {
        let run = Run { span: span(body), fresh: false, statements: text.statements(body) };
        let prediction = self.current.as_ref()?.predictions().last();
        let Some(prediction) = prediction else {
            text.error(at, "there is no prediction above it in this step", None);
            return None;
        };
        let Some(choice) = prediction.choice(word) else {
            let within = prediction.span.start..prediction.span.end;
            if text.diagnostics.iter().any(|d| within.contains(&d.span.start)) {
                return None; // the choice may be one that could not be read
            }
            let last = Prediction::letter(prediction.choices.len().saturating_sub(1));
            let help = format!("the choices of `{}` are a to {last}", prediction.id);
            text.error(at, format!("`{word}` is no choice"), Some(help));
            return None;
        };
        Some(Item::Refute(Refutation { prediction: prediction.id.clone(), choice, run }))
    }

    fn goal(&mut self, text: &mut Text<'_>, id: Option<String>, opening: &Range<usize>, body: Range<usize>) {
        self.asked = true;
        let words: Vec<&str> = lines(text.source, body.clone())
            .filter_map(|(_, line)| line.trim().strip_prefix('#').map(str::trim))
            .filter(|line| !line.is_empty())
            .collect();
        if words.is_empty() {
            let help = "its first line is `# Make the child see the end of file`".to_owned();
            text.error(opening, "a goal needs words that the learner reads", Some(help));
        }
        let mut claims: Vec<Expectation> = Vec::new();
        let before = text.diagnostics.len();
        for statement in text.statements(&body) {
            if let Body::Expect(expectation) = statement.body {
                claims.push(expectation);
            } else {
                let at = statement.span.start..statement.span.end;
                text.error(&at, "a goal holds only `expect` statements", None);
            }
        }
        if claims.is_empty() && text.diagnostics.len() == before {
            text.error(opening, "a goal needs an `expect` that decides it", None);
        }
        let Some(step) = &self.current else { return };
        let id = match id {
            Some(id) => id,
            None if step.goals.is_empty() => step.id.clone(),
            None => {
                text.error(opening, "a second goal of a step needs an id", Some("`goal id=NAME`".to_owned()));
                return;
            }
        };
        self.claim_id(text, &id, opening, "goal");
        if let Some(step) = &mut self.current {
            step.goals.push(Goal { id, span: span(&body), text: words.join(" "), claims });
        }
    }
}

fn unanswered(text: &mut Text<'_>, prediction: &Prediction) {
    let at = fence::first_line(text.source, &(prediction.span.start..prediction.span.end));
    let help = "a ```run fence follows it in the same step, and its outcome decides".to_owned();
    text.error(&at, "nothing is run after this prediction", Some(help));
}
