//! A learner's way through a lesson, for any face.
//!
//! A session never waits and never talks to a stage. It says what to run next ([`Session::next_order`]) and is told
//! how that ended ([`Session::ended`]); it says what it waits for ([`Session::ask`]) and is told what the learner did.
//! The face decides the pace, draws [`Session::page`] and tells the [`News`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::prose::Block;
use super::{Goal, Hint, Item, LeftOut, Lesson, Measure, Prediction, Refutation, Run, Step};
use crate::model::Snapshot;
use crate::script::{Body, Expectation, Span, Statement};
use crate::stage::{Outcome, Report, judge};

/// What a face is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Drop the stage, if there is one, and open an empty one; then call [`Session::opened`].
    Open,
    /// Submit a statement, and hand its report to [`Session::ended`].
    Submit {
        /// The statement.
        statement: Statement,
        /// Why.
        origin: Origin,
    },
    /// Measure this beside the stage, and hand what it came to to [`Session::measured`].
    Measure(Measure),
}

/// Why a statement is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It brings the stage to where the lesson wants it; it was seen before, or counts as seen.
    Replay,
    /// The lesson runs it at this place.
    Lesson,
    /// It shows a wrong choice refuted.
    Refutation,
    /// It is part of the solution that the learner asked for.
    Solution,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Nothing from the learner: statements are being run.
    Busy,
    /// [`Session::go_on`], which runs these statements.
    Run(&'a Run),
    /// [`Session::go_on`], which runs these statements, or [`Session::skip`].
    Refute(&'a Refutation),
    /// [`Session::go_on`], which measures this, or [`Session::skip`].
    Measure(&'a Measure),
    /// [`Session::answer`].
    Answer(&'a Prediction),
    /// Statements of the learner, until [`Session::goals`] are met; [`Session::hint`] and [`Session::solve`] help.
    Goals,
    /// [`Session::go_on`], which begins the next step.
    Step(&'a Step),
    /// [`Session::go_on`], which ends the lesson.
    End,
    /// Nothing: the lesson is over.
    Over,
}

/// Something that happened and that a face may want to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A step has begun; its id.
    Step(String),
    /// These steps are not part of the lesson here: the stage is not enough for them.
    LeftOut(Vec<LeftOut>),
    /// The stage is again as the lesson wants it, after the learner or a refutation had changed it.
    Restored,
    /// A prediction was decided by the kernel.
    Revealed {
        /// The id of the prediction.
        prediction: String,
        /// The choice that the learner made, from 0.
        chosen: usize,
        /// The choice whose predicate holds; `None` if none or several do: this kernel does something else.
        held: Option<usize>,
    },
    /// A statement of the lesson did not come out as the lesson says.
    Differs {
        /// Where it stands in the lesson's source.
        span: Span,
        /// How it ended.
        outcome: Outcome,
    },
    /// A goal was met; its id.
    Met(String),
    /// All goals of a step are met, or it has none and is at its end; its id.
    Done(String),
    /// The last goals of a challenge were met by the learner alone.
    Scored {
        /// In how many statements.
        took: u32,
        /// In how many our solution does it.
        par: u32,
    },
    /// A rung of help was given, of the step with this id.
    Helped(String),
    /// The lesson is over.
    Over,
}

/// How a prediction was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The choice that the learner made, from 0.
    pub chosen: usize,
    /// What the kernel decided, once the run after it has ended: as [`News::Revealed`] has it.
    pub decided: Option<Option<usize>>,
}

/// A part of what the learner sees of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Something to read.
    Prose(&'a [Block]),
    /// Statements that were run or are about to be.
    Run(&'a Run),
    /// Statements that showed a choice refuted.
    Refutation(&'a Refutation),
    /// Figures that were measured.
    Measured(&'a [Block]),
    /// A question, and its answer so far.
    Prediction(&'a Prediction, Option<Answered>),
    /// A goal, and whether it is met.
    Goal(&'a Goal, bool),
    /// A rung of help that was given.
    Hint(&'a Hint),
    /// The solution, when it was given.
    Solution(&'a Run),
    /// What is said at the end.
    Explain(&'a [Block]),
}

/// One rung of help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung<'a> {
    /// A hint.
    Hint(&'a Hint),
    /// The last rung, the solution.
    Solution(&'a Run),
}

/// A learner's way through a lesson.
#[derive(Debug, Clone)]
pub struct Session {
    lesson: Lesson,
    step: usize,
    /// The items before it are over; itself is asked for or runs.
    item: usize,
    /// Whether the goals are behind us.
    explained: bool,
    over: bool,
    /// What was run on the stage, without what leaves no trace; `None` if there is no stage.
    ran: Option<Vec<Statement>>,
    queue: VecDeque<Order>,
    flying: Option<Order>,
    /// What happens when the queue is empty.
    then: Then,
    snapshot: Snapshot,
    answers: BTreeMap<String, Answered>,
    /// Figures, by where the fence stands.
    figures: BTreeMap<usize, Vec<Block>>,
    met: BTreeSet<String>,
    hints: Vec<usize>,
    solution: bool,
    /// How many statements the learner has typed while the goals of this step were open.
    took: u32,
    news: Vec<News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    /// The item that ran is over.
    Advance,
}

impl Session {
    /// At the beginning of a lesson, or of the step with the given id if there is one.
    pub fn new(lesson: Lesson, step: Option<&str>) -> Self {
        let at = step.and_then(|id| lesson.steps.iter().position(|s| s.id == id)).unwrap_or(0);
        let mut session = Self {
            lesson,
            step: at,
            item: 0,
            explained: false,
            over: false,
            ran: None,
            queue: VecDeque::new(),
            flying: None,
            then: Then::Nothing,
            snapshot: Snapshot::empty(),
            answers: BTreeMap::new(),
            figures: BTreeMap::new(),
            met: BTreeSet::new(),
            hints: Vec::new(),
            solution: false,
            took: 0,
            news: Vec::new(),
        };
        session.enter(at);
        session
    }

    /// The lesson.
    pub const fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// The current step.
    pub fn step(&self) -> &Step {
        &self.lesson.steps[self.step]
    }

    /// The place of the current step, from 0.
    pub const fn position(&self) -> usize {
        self.step
    }

    /// What the kernel said last.
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What happened since this was last called.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// What is to be done next; `None` while an order is under way or nothing is to be done.
    pub fn next_order(&mut self) -> Option<Order> {
        if self.flying.is_some() {
            return None;
        }
        self.flying = self.queue.pop_front();
        self.flying.clone()
    }

    /// How many statements are still to be run before the learner is asked again.
    pub fn orders_left(&self) -> usize {
        self.queue.len() + usize::from(self.flying.is_some())
    }

    /// Leaves out the steps that a stage with these capabilities can't hold.
    pub fn fit(&mut self, capabilities: &[String]) {
        let here = self.step().id.clone();
        let left_out = self.lesson.fit(capabilities);
        if left_out.is_empty() {
            return;
        }
        self.news.push(News::LeftOut(left_out));
        match self.lesson.steps.iter().position(|step| step.id == here) {
            Some(at) => self.step = at,
            None => self.enter(self.step),
        }
    }

    /// An empty stage is open, as [`Order::Open`] asked for.
    pub fn opened(&mut self) {
        self.ran = Some(Vec::new());
        self.snapshot = Snapshot::empty();
        if self.flying == Some(Order::Open) {
            self.flying = None;
        }
        self.settle();
    }

    /// The statement of the last [`Order::Submit`] has ended.
    pub fn ended(&mut self, report: &Report) {
        self.snapshot = report.snapshot.clone();
        let Some(Order::Submit { statement, origin }) = self.flying.take() else { return };
        self.remember(&statement, report);
        if !report.ok() && origin != Origin::Refutation {
            self.news.push(News::Differs { span: statement.span, outcome: report.outcome.clone() });
        }
        if origin == Origin::Solution {
            self.look_at_goals();
        }
        self.settle();
    }

    /// What is being measured.
    pub const fn measuring(&self) -> Option<&Measure> {
        if let Some(Order::Measure(measure)) = &self.flying { Some(measure) } else { None }
    }

    /// What [`Order::Measure`] asked for has been measured, or was given up: what it came to.
    pub fn measured(&mut self, figures: Vec<Block>) {
        let Some(Order::Measure(measure)) = self.flying.take() else { return };
        self.figures.insert(measure.span.start, figures);
        self.settle();
    }

    /// A statement that the learner typed has ended.
    pub fn typed(&mut self, statement: &Statement, report: &Report) {
        self.snapshot = report.snapshot.clone();
        self.took += u32::from(self.ask() == Ask::Goals);
        self.remember(statement, report);
        self.look_at_goals();
    }

    /// The stage changed while no statement ended.
    pub fn refreshed(&mut self, snapshot: &Snapshot) {
        self.snapshot = snapshot.clone();
        if self.flying.is_none() {
            self.look_at_goals();
        }
    }

    /// The stage is gone. What was under way begins again when the learner goes on.
    pub fn lost(&mut self) {
        self.ran = None;
        self.queue.clear();
        self.flying = None;
        self.then = Then::Nothing;
        if let Some(Item::Run(_) | Item::Measure(_)) = self.step().items.get(self.item) {
            return;
        }
        self.restore();
    }

    /// What the session waits for.
    pub fn ask(&self) -> Ask<'_> {
        if self.over {
            return Ask::Over;
        }
        if self.flying.is_some() || !self.queue.is_empty() {
            return Ask::Busy;
        }
        let step = self.step();
        match step.items.get(self.item) {
            Some(Item::Run(run)) => Ask::Run(run),
            Some(Item::Refute(refutation)) => Ask::Refute(refutation),
            Some(Item::Predict(prediction)) => Ask::Answer(prediction),
            Some(Item::Measure(measure)) => Ask::Measure(measure),
            Some(Item::Prose(_)) => Ask::Busy,
            None if !self.explained => Ask::Goals,
            None => self.lesson.steps.get(self.step + 1).map_or(Ask::End, Ask::Step),
        }
    }

    /// Goes on where that is what the session waits for; otherwise nothing happens.
    pub fn go_on(&mut self) {
        match self.ask() {
            Ask::Run(_) => self.run(),
            Ask::Refute(_) => self.refute(),
            Ask::Measure(measure) => {
                let order = Order::Measure(measure.clone());
                self.queue.push_back(order);
                self.then = Then::Advance;
            }
            Ask::Step(_) => self.enter(self.step + 1),
            Ask::End => {
                self.over = true;
                self.news.push(News::Over);
            }
            Ask::Busy | Ask::Answer(_) | Ask::Goals | Ask::Over => {}
        }
    }

    /// Leaves out a refutation, or what would be measured.
    pub fn skip(&mut self) {
        if matches!(self.ask(), Ask::Refute(_) | Ask::Measure(_)) {
            self.item += 1;
            self.advance();
        }
    }

    /// Answers the prediction with a choice, from 0; the run that follows it begins. False if there is no such choice
    /// or no prediction is asked.
    pub fn answer(&mut self, choice: usize) -> bool {
        let Ask::Answer(prediction) = self.ask() else { return false };
        if choice >= prediction.choices.len() {
            return false;
        }
        let id = prediction.id.clone();
        self.answers.insert(id, Answered { chosen: choice, decided: None });
        self.item += 1;
        self.advance();
        // The learner has said what will happen: there is nothing to wait for.
        if matches!(self.ask(), Ask::Run(_)) {
            self.run();
        }
        true
    }

    /// The goals of the step with whether each is met; empty before they are open.
    pub fn goals(&self) -> Vec<(&Goal, bool)> {
        let step = self.step();
        if self.item < step.items.len() {
            return Vec::new();
        }
        step.goals.iter().map(|g| (g, self.met.contains(&g.id))).collect()
    }

    /// The next rung of help that fits the moment; again the solution when all were given. `None` if no goal is open.
    pub fn hint(&mut self) -> Option<Rung<'_>> {
        if self.ask() != Ask::Goals {
            return None;
        }
        let fits = |hint: &Hint| hint.when.as_ref().is_none_or(|when| judge(when, &self.snapshot).met);
        let hints = &self.lesson.steps[self.step].hints;
        let next = hints.iter().enumerate().find(|(i, h)| !self.hints.contains(i) && fits(h)).map(|(i, _)| i);
        let id = self.step().id.clone();
        self.news.push(News::Helped(id));
        let Some(index) = next else {
            self.solution = true;
            return self.step().solve.as_ref().map(Rung::Solution);
        };
        self.hints.push(index);
        Some(Rung::Hint(&self.lesson.steps[self.step].hints[index]))
    }

    /// Has the solution of the open goals run, on the stage as the lesson wants it.
    pub fn solve(&mut self) {
        if self.ask() != Ask::Goals {
            return;
        }
        let Some(solve) = self.step().solve.clone() else { return };
        self.solution = true;
        self.restore();
        self.push(solve.statements, Origin::Solution);
    }

    /// Goes back: to the beginning of this step, or of the one before if this one has just begun.
    pub fn back(&mut self) {
        let begun = self.item > self.first_item() || self.explained;
        let to = if begun && !self.over { self.step } else { self.step.saturating_sub(1) };
        for prediction in self.lesson.steps[to].predictions() {
            self.answers.remove(&prediction.id);
        }
        for goal in &self.lesson.steps[to].goals {
            self.met.remove(&goal.id);
        }
        self.over = false;
        self.enter(to);
    }

    /// Goes to the step with that id; false if there is none.
    pub fn go_to(&mut self, id: &str) -> bool {
        let Some(at) = self.lesson.steps.iter().position(|s| s.id == id) else { return false };
        self.over = false;
        self.enter(at);
        true
    }

    /// Whether the learner has left the lesson's path: the stage is not as the lesson wants it here.
    pub fn off_path(&self) -> bool {
        let goals = self.item >= self.step().items.len() && !self.step().goals.is_empty();
        !goals && self.ran.as_ref().is_some_and(|ran| *ran != self.wanted())
    }

    /// Brings the stage to where the lesson wants it here, if it is not there.
    pub fn restore(&mut self) {
        let wanted = self.wanted();
        let ran = self.ran.as_deref().unwrap_or_default();
        if self.ran.is_some() && wanted.starts_with(ran) {
            let rest = wanted[ran.len()..].to_vec();
            self.push(rest, Origin::Replay);
            return;
        }
        if !ran.is_empty() {
            self.news.push(News::Restored);
        }
        self.queue.push_back(Order::Open);
        self.push(wanted, Origin::Replay);
    }

    /// How the learner has met the goals of the step without our solution: all statements from the empty stage on, a
    /// line each. `None` where they have not.
    pub fn own_way(&self) -> Option<String> {
        let alone = self.explained && self.took > 0 && !self.solution;
        let ran = self.ran.as_ref().filter(|_| alone)?;
        let lines: Vec<String> = ran.iter().map(ToString::to_string).collect();
        Some(lines.join("\n") + "\n")
    }

    /// What the learner sees of the current step, from its beginning.
    pub fn page(&self) -> Vec<Part<'_>> {
        let step = self.step();
        let mut page = Vec::new();
        for item in step.items.iter().take(self.item + 1) {
            match item {
                Item::Prose(blocks) => page.push(Part::Prose(blocks)),
                Item::Run(run) => page.push(Part::Run(run)),
                Item::Predict(p) => page.push(Part::Prediction(p, self.answers.get(&p.id).copied())),
                Item::Refute(r) if self.refutes(r) => page.push(Part::Refutation(r)),
                Item::Refute(_) => {}
                Item::Measure(m) => page.extend(self.figures.get(&m.span.start).map(|f| Part::Measured(f))),
            }
        }
        page.extend(self.goals().into_iter().map(|(goal, met)| Part::Goal(goal, met)));
        page.extend(self.hints.iter().map(|index| Part::Hint(&step.hints[*index])));
        if let Some(solve) = step.solve.as_ref().filter(|_| self.solution) {
            page.push(Part::Solution(solve));
        }
        if self.explained && !step.explain.is_empty() {
            page.push(Part::Explain(&step.explain));
        }
        page
    }

    fn enter(&mut self, step: usize) {
        self.step = step.min(self.lesson.steps.len().saturating_sub(1));
        self.item = 0;
        self.explained = false;
        self.hints.clear();
        self.solution = false;
        self.took = 0;
        self.queue.clear();
        self.then = Then::Nothing;
        let id = self.step().id.clone();
        self.news.push(News::Step(id));
        self.restore();
        self.advance();
    }

    fn first_item(&self) -> usize {
        self.step().items.iter().position(|i| !matches!(i, Item::Prose(_))).unwrap_or(self.step().items.len())
    }

    /// Goes past what needs nobody, up to the next thing that does.
    fn advance(&mut self) {
        while let Some(item) = self.step().items.get(self.item) {
            match item {
                Item::Prose(_) => self.item += 1,
                Item::Refute(r) if !self.refutes(r) => self.item += 1,
                Item::Predict(p) if self.answers.get(&p.id).is_some_and(|a| a.decided.is_none()) => self.item += 1,
                Item::Predict(_) => {
                    self.restore();
                    return;
                }
                Item::Run(_) | Item::Refute(_) | Item::Measure(_) => return,
            }
        }
        if self.explained {
            return;
        }
        if self.step().goals.iter().all(|g| self.met.contains(&g.id)) {
            self.done();
        } else {
            self.restore();
        }
    }

    fn done(&mut self) {
        self.explained = true;
        let id = self.step().id.clone();
        self.news.push(News::Done(id));
        let last = self.lesson.steps.iter().rposition(|step| step.solve.is_some()) == Some(self.step);
        if let Some(par) = self.lesson.front.par.filter(|_| last && self.took > 0 && !self.solution) {
            self.news.push(News::Scored { took: self.took, par });
        }
    }

    /// Whether a refutation speaks to what the learner said.
    fn refutes(&self, refutation: &Refutation) -> bool {
        self.answers
            .get(&refutation.prediction)
            .is_some_and(|a| a.chosen == refutation.choice && a.decided.is_some_and(|held| held != Some(a.chosen)))
    }

    fn run(&mut self) {
        let Some(Item::Run(run)) = self.step().items.get(self.item) else { return };
        let run = run.clone();
        if run.fresh {
            self.queue.push_back(Order::Open);
        } else {
            self.restore();
        }
        self.push(run.statements, Origin::Lesson);
        self.then = Then::Advance;
    }

    fn refute(&mut self) {
        let Some(Item::Refute(refutation)) = self.step().items.get(self.item) else { return };
        let statements = refutation.run.statements.clone();
        self.restore();
        self.push(statements, Origin::Refutation);
        self.then = Then::Advance;
    }

    fn push(&mut self, statements: Vec<Statement>, origin: Origin) {
        self.queue.extend(statements.into_iter().map(|statement| Order::Submit { statement, origin }));
    }

    /// What the lesson wants to have been run here.
    fn wanted(&self) -> Vec<Statement> {
        let mut wanted = self.lesson.course(self.step, self.item);
        if self.explained
            && let Some(solve) = &self.step().solve
        {
            wanted.extend(solve.statements.iter().cloned());
        }
        wanted.retain(leaves_a_trace);
        wanted
    }

    fn remember(&mut self, statement: &Statement, report: &Report) {
        if leaves_a_trace(statement) && !matches!(report.outcome, Outcome::Refused { .. }) {
            self.ran.get_or_insert_default().push(statement.clone());
        }
    }

    fn settle(&mut self) {
        if self.flying.is_some() || !self.queue.is_empty() || self.then == Then::Nothing {
            return;
        }
        self.then = Then::Nothing;
        if matches!(self.step().items.get(self.item), Some(Item::Run(_))) {
            self.reveal();
        }
        self.item += 1;
        self.advance();
    }

    /// Has the kernel decide the prediction that waits for it.
    fn reveal(&mut self) {
        let waiting = self.lesson.steps[self.step]
            .predictions()
            .find(|p| self.answers.get(&p.id).is_some_and(|a| a.decided.is_none()));
        let Some(prediction) = waiting else { return };
        let held = decide(prediction, &self.snapshot);
        let id = prediction.id.clone();
        if let Some(answer) = self.answers.get_mut(&id) {
            answer.decided = Some(held);
            self.news.push(News::Revealed { prediction: id, chosen: answer.chosen, held });
        }
    }

    fn look_at_goals(&mut self) {
        if self.over || self.explained || self.item < self.step().items.len() {
            return;
        }
        for goal in &self.lesson.steps[self.step].goals {
            if !self.met.contains(&goal.id) && holds(&goal.claims, &self.snapshot) {
                self.met.insert(goal.id.clone());
                self.news.push(News::Met(goal.id.clone()));
            }
        }
        if self.step().goals.iter().all(|g| self.met.contains(&g.id)) {
            self.done();
        }
    }
}

/// The choice whose predicate holds; `None` if none or several do.
pub(super) fn decide(prediction: &Prediction, snapshot: &Snapshot) -> Option<usize> {
    let mut held =
        prediction.choices.iter().enumerate().filter(|(_, c)| judge(&c.predicate, snapshot).met).map(|(i, _)| i);
    let first = held.next();
    if held.next().is_some() { None } else { first }
}

/// Whether all claims hold at this moment.
pub(super) fn holds(claims: &[Expectation], snapshot: &Snapshot) -> bool {
    claims.iter().all(|claim| judge(claim, snapshot).met)
}

/// Whether the stage differs after it.
const fn leaves_a_trace(statement: &Statement) -> bool {
    !matches!(statement.body, Body::Expect(_))
}

#[cfg(test)]
mod tests;
