//! A lesson as a tree.

use serde::Serialize;

use super::Measure;
use super::prose::{self, Block, Inline};
use crate::script::{Expectation, Span, Statement};

/// A lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The whole text of its file; all spans are bytes of it.
    pub source: String,
    /// What it says of itself.
    pub front: Front,
    /// What stands before the first step.
    pub opening: Vec<Block>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// The front matter of a lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Front {
    /// Its id, which never changes: `pipe-eof`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The id of its unit in the pack.
    pub unit: String,
    /// The belief that it corrects, as somebody who holds it would say it.
    pub misconception: String,
    /// What the learner will be able to say afterwards.
    pub objectives: Vec<String>,
    /// The ids of the claims that it proves.
    pub claims: Vec<String>,
    /// Capabilities that the stage must have; without one the lesson is skipped with the reason.
    pub requires: Vec<String>,
    /// How long it takes.
    pub minutes: u32,
    /// Makes it a challenge: in how many statements our solution of the last goals does it.
    pub par: Option<u32>,
    /// Manual pages to read on: `pipe(7)`.
    pub read: Vec<String>,
}

/// A heading with an id and all that follows up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, unique in the lesson, which never changes.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where the heading stands.
    pub span: Span,
    /// Capabilities that the stage must have; without one the step is left out with the reason.
    pub requires: Vec<String>,
    /// What comes first, in order.
    pub items: Vec<Item>,
    /// What the learner then is to reach, all open at once.
    pub goals: Vec<Goal>,
    /// Help with the goals, rung by rung.
    pub hints: Vec<Hint>,
    /// The last rung: statements that meet all goals.
    pub solve: Option<Run>,
    /// What is said when all goals are met, or at the end of a step without goals.
    pub explain: Vec<Block>,
}

/// A step that a stage can't hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its id.
    pub step: String,
    /// Its title.
    pub title: String,
    /// The capabilities that the stage lacks.
    pub lacks: Vec<String>,
}

impl LeftOut {
    /// It in words: `“Elsewhere” is left out: this stage lacks hosts`.
    pub fn words(&self) -> String {
        format!("“{}” is left out: this stage lacks {}", self.title, self.lacks.join(", "))
    }
}

/// One thing in the course of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Something to read.
    Prose(Vec<Block>),
    /// Statements that the lesson runs.
    Run(Run),
    /// A question that is answered by the run that follows.
    Predict(Prediction),
    /// Statements that show a wrong choice refuted, on a stage of their own that continues from here.
    Refute(Refutation),
    /// Something that is measured on the learner's machine; the stage is not touched by it.
    Measure(Measure),
}

/// Statements of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Where the text between the fences stands.
    pub span: Span,
    /// Whether it begins with an empty stage.
    pub fresh: bool,
    /// The statements.
    pub statements: Vec<Statement>,
}

/// `run for=CHOICE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refutation {
    /// The prediction.
    pub prediction: String,
    /// Which of its choices, from 0.
    pub choice: usize,
    /// The statements.
    pub run: Run,
}

/// A question with choices, each of which the kernel confirms or refutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Its id, unique in the lesson, which never changes.
    pub id: String,
    /// Where it stands.
    pub span: Span,
    /// The question.
    pub question: Vec<Block>,
    /// The choices; exactly one is marked as right.
    pub choices: Vec<Choice>,
}

/// One possible answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Where it stands.
    pub span: Span,
    /// What the learner reads.
    pub text: Vec<Inline>,
    /// What must hold after the following run if it is right.
    pub predicate: Expectation,
    /// Whether it is marked as right.
    pub right: bool,
    /// What is said to somebody who chose it.
    pub answer: Vec<Inline>,
}

/// Something to be reached in any way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// Its id, unique in the lesson, which never changes.
    pub id: String,
    /// Where it stands.
    pub span: Span,
    /// What the learner reads.
    pub text: String,
    /// What must hold at the same moment.
    pub claims: Vec<Expectation>,
}

/// One rung of help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where it stands.
    pub span: Span,
    /// When it fits; a hint without it always does.
    pub when: Option<Expectation>,
    /// What it says.
    pub text: Vec<Block>,
}

impl Lesson {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.front.id
    }

    /// The text of a span, without the white space around it.
    pub fn text(&self, span: Span) -> &str {
        self.source.get(span.start..span.end).unwrap_or_default().trim()
    }

    /// The line of a span's beginning, from 1.
    pub fn line(&self, span: Span) -> usize {
        self.source.as_bytes().iter().take(span.start).filter(|b| **b == b'\n').count() + 1
    }

    /// Leaves out the steps for which a stage with these capabilities is not enough; says which, and what they lack.
    pub fn fit(&mut self, capabilities: &[String]) -> Vec<LeftOut> {
        let (fitting, rest): (Vec<Step>, Vec<Step>) = std::mem::take(&mut self.steps)
            .into_iter()
            .partition(|step| step.requires.iter().all(|word| capabilities.contains(word)));
        self.steps = fitting;
        let lacks = |step: &Step| step.requires.iter().filter(|w| !capabilities.contains(w)).cloned().collect();
        rest.iter()
            .map(|step| LeftOut { step: step.id.clone(), title: step.title.clone(), lacks: lacks(step) })
            .collect()
    }

    /// What a stage must be capable of for the course that leads to a step.
    pub fn requires(&self, step: usize) -> Vec<String> {
        let mut steps = Vec::new();
        for step in self.steps.iter().take(step + 1) {
            if step.items.iter().filter_map(Item::run).any(|run| run.fresh) {
                steps.clear();
            }
            steps.extend(step.requires.iter().cloned());
        }
        steps.extend(self.front.requires.iter().cloned());
        steps.sort();
        steps.dedup();
        steps
    }

    /// All predictions, in order.
    pub fn predictions(&self) -> impl Iterator<Item = &Prediction> {
        self.steps.iter().flat_map(Step::predictions)
    }

    /// A prediction by id.
    pub fn prediction(&self, id: &str) -> Option<&Prediction> {
        self.predictions().find(|p| p.id == id)
    }

    /// Where its words link to.
    pub fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        prose::links(&self.opening, &mut links);
        for step in &self.steps {
            for item in &step.items {
                match item {
                    Item::Prose(blocks) => prose::links(blocks, &mut links),
                    Item::Predict(prediction) => {
                        prose::links(&prediction.question, &mut links);
                        for choice in &prediction.choices {
                            links.extend(choice.text.iter().chain(&choice.answer).filter_map(|i| i.link.clone()));
                        }
                    }
                    Item::Run(_) | Item::Refute(_) | Item::Measure(_) => {}
                }
            }
            step.hints.iter().for_each(|hint| prose::links(&hint.text, &mut links));
            prose::links(&step.explain, &mut links);
        }
        links
    }

    /// All goals, in order.
    pub fn goals(&self) -> impl Iterator<Item = &Goal> {
        self.steps.iter().flat_map(|s| &s.goals)
    }

    /// The statements that the lesson has run when the item at (`step`, `item`) is about to be shown, from the last
    /// empty stage on. Goals of earlier steps count as met by their solution.
    pub fn course(&self, step: usize, item: usize) -> Vec<Statement> {
        let mut course: Vec<Statement> = Vec::new();
        for (index, s) in self.steps.iter().enumerate().take(step + 1) {
            let until = if index < step { s.items.len() } else { item };
            for run in s.items.iter().take(until).filter_map(Item::run) {
                if run.fresh {
                    course.clear();
                }
                course.extend(run.statements.iter().cloned());
            }
            if index < step
                && let Some(solve) = &s.solve
            {
                course.extend(solve.statements.iter().cloned());
            }
        }
        course
    }
}

impl Step {
    /// Its predictions, in order.
    pub fn predictions(&self) -> impl Iterator<Item = &Prediction> {
        self.items.iter().filter_map(|i| if let Item::Predict(p) = i { Some(p) } else { None })
    }

    /// The refutation of a choice, with its place among the items.
    pub fn refutation(&self, prediction: &str, choice: usize) -> Option<(usize, &Refutation)> {
        self.items.iter().enumerate().find_map(|(index, item)| match item {
            Item::Refute(r) if r.prediction == prediction && r.choice == choice => Some((index, r)),
            _ => None,
        })
    }
}

impl Item {
    /// The statements that it adds to the lesson's course.
    pub const fn run(&self) -> Option<&Run> {
        if let Self::Run(run) = self { Some(run) } else { None }
    }
}

impl Prediction {
    /// The place of the choice that is marked as right.
    pub fn right(&self) -> usize {
        self.choices.iter().position(|c| c.right).unwrap_or_default()
    }

    /// The letter of a choice: `a` is the first.
    pub fn letter(choice: usize) -> char {
        char::from(b'a' + (choice % 26) as u8)
    }

    /// The place of a choice by its letter, or by its number from 1.
    pub fn choice(&self, word: &str) -> Option<usize> {
        Self::place(word).filter(|place| *place < self.choices.len())
    }

    /// The place that a word means as an answer, whether there is such a choice or not: `b`, `2`, `B.`, `(2)`. `None` for
    /// what is no answer.
    pub fn place(word: &str) -> Option<usize> {
        let word = word.trim();
        let word = word.strip_prefix('(').unwrap_or(word);
        let word = word.strip_suffix([')', '.', ':']).unwrap_or(word);
        match word.parse::<usize>() {
            // Before the first there is none.
            Ok(number) => Some(number.checked_sub(1).unwrap_or(usize::MAX)),
            Err(_) => match word.as_bytes() {
                [b] if b.is_ascii_alphabetic() => Some(usize::from(b.to_ascii_lowercase() - b'a')),
                _ => None,
            },
        }
    }
}

impl Choice {
    /// What the learner reads, without emphasis.
    pub fn plain(&self) -> String {
        prose::plain(&self.text)
    }
}
