//! Asking a question of a lesson again, alone.
//!
//! A review is a small lesson that is made from the big one: the stage is brought to where the question was asked, the
//! choices stand in another order, and the same run decides it anew.

use super::progress::Progress;
use super::prose::Block;
use super::record::{Answer, LessonRecord, Outcome};
use super::session::{News, Session};
use super::{Item, Lesson, Prediction, Refutation, Run, Step};

/// The id of the step that brings the stage to where the question is asked; nobody sees it.
const BEFORE: &str = "before";

/// A question to be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The small lesson; it has the id and the source of the one that it was made from.
    pub lesson: Lesson,
    /// The id of the prediction.
    pub prediction: String,
    /// By the place at which a choice is shown: its place in the lesson.
    order: Vec<usize>,
}

impl Question {
    /// A question of a lesson, with its choices in an order that follows from the two ids and from how often it was
    /// answered before. `None` if the lesson has no such prediction.
    pub fn new(lesson: &Lesson, prediction: &str, answered: usize) -> Option<Self> {
        let (at, item) = lesson.steps.iter().enumerate().find_map(|(at, step)| {
            let asks = |item: &Item| matches!(item, Item::Predict(p) if p.id == prediction);
            Some((at, step.items.iter().position(asks)?))
        })?;
        let step = &lesson.steps[at];
        let Item::Predict(asked) = &step.items[item] else { return None };
        let order = shuffled(asked.choices.len(), &[lesson.id(), prediction, &answered.to_string()]);

        let setting = Run { span: step.span, fresh: true, statements: lesson.course(at, item) };
        let before = Step { id: BEFORE.to_owned(), items: vec![Item::Run(setting)], ..part(step) };
        let mut items = Vec::new();
        for item in &step.items[..item] {
            match item {
                Item::Prose(blocks) => items.push(Item::Prose(blocks.clone())),
                // They have been run when the question is asked; what they were belongs to it.
                Item::Run(run) => {
                    let text = format!("{}\n", lesson.text(run.span));
                    items.push(Item::Prose(vec![Block::Code("run".to_owned(), text)]));
                }
                Item::Predict(_) | Item::Refute(_) | Item::Measure(_) => {}
            }
        }
        let choices = order.iter().map(|at| asked.choices[*at].clone()).collect();
        items.push(Item::Predict(Prediction { choices, ..asked.clone() }));
        let mut decided = false;
        for item in &step.items[item + 1..] {
            match item {
                Item::Predict(_) => break,
                Item::Run(_) if decided => break,
                Item::Run(run) => {
                    decided = true;
                    items.push(Item::Run(run.clone()));
                }
                Item::Refute(r) if r.prediction == prediction => {
                    let choice = order.iter().position(|at| *at == r.choice)?;
                    items.push(Item::Refute(Refutation { choice, ..r.clone() }));
                }
                Item::Prose(_) | Item::Refute(_) | Item::Measure(_) => items.push(item.clone()),
            }
        }
        let question = Step { items, ..part(step) };
        let mut small = Lesson { opening: Vec::new(), steps: vec![before, question], ..lesson.clone() };
        small.front.par = None;
        small.front.requires = lesson.requires(at);
        Some(Self { lesson: small, prediction: prediction.to_owned(), order })
    }

    /// At the question, with all before it still to be run.
    pub fn begin(&self) -> Session {
        Session::new(self.lesson.clone(), self.lesson.steps.last().map(|s| s.id.as_str()))
    }
}

fn part(step: &Step) -> Step {
    Step { items: Vec::new(), goals: Vec::new(), hints: Vec::new(), solve: None, explain: Vec::new(), ..step.clone() }
}

/// The numbers below `count` in an order that follows from the words, the same on any machine.
fn shuffled(count: usize, words: &[&str]) -> Vec<usize> {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in words.join("\n").bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(last, ((state >> 11) % (last as u64 + 1)) as usize);
    }
    order
}

/// Writes down what happened on the way through a lesson, or in the review of one question of it.
pub fn note(
    progress: &mut Progress,
    session: &Session,
    question: Option<&Question>,
    news: &News,
) -> Result<(), String> {
    let lesson = session.lesson();
    let now = progress.now();
    if question.is_some() && !matches!(news, News::Revealed { .. }) {
        return Ok(());
    }
    let way = session.own_way();
    let change = |record: &mut LessonRecord| match news {
        News::Step(id) => record.step = Some(id.clone()),
        News::Revealed { prediction, chosen, held } => {
            let Some(choice) = lesson.prediction(prediction).and_then(|p| p.choices.get(*chosen)) else { return };
            let place = question.map_or(*chosen, |q| q.order.get(*chosen).copied().unwrap_or(*chosen));
            let outcome = match held {
                Some(held) if held == chosen => Outcome::Right,
                Some(_) => Outcome::Wrong,
                None => Outcome::Undecided,
            };
            let (choice, text) = (Prediction::letter(place), choice.plain());
            let answer = Answer { at: Some(now), choice, text, outcome, review: question.is_some() };
            record.predictions.entry(prediction.clone()).or_default().push(answer);
        }
        News::Met(id) => {
            if !record.goals.contains(id) {
                record.goals.push(id.clone());
            }
        }
        News::Helped(id) => *record.hints.entry(id.clone()).or_default() += 1,
        News::Done(id) => {
            if let Some(way) = &way {
                let ways = record.solved.entry(id.clone()).or_default();
                if !ways.contains(way) {
                    ways.push(way.clone());
                }
            }
        }
        News::Over => {
            record.done = true;
            record.step = None;
        }
        News::LeftOut(_) | News::Restored | News::Differs { .. } | News::Scored { .. } => {}
    };
    if question.is_some() { progress.update_aside(lesson.id(), change) } else { progress.update(lesson.id(), change) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eof() -> Lesson {
        let source = include_str!("../../lessons/pipe-eof.md");
        super::super::parse(source, crate::facility::registry()).0.unwrap()
    }

    #[test]
    fn the_order_is_always_the_same_and_mostly_another_one_the_next_time() {
        let orders: Vec<_> = (0..20).map(|n| shuffled(4, &["pipe-eof", "eof", &n.to_string()])).collect();
        assert_eq!(orders[0], shuffled(4, &["pipe-eof", "eof", "0"]));
        let different: std::collections::BTreeSet<_> = orders.iter().collect();
        assert!(different.len() > 8, "{orders:?}");
        for mut order in orders {
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3]);
        }
        // As another machine, another day and another build must have it.
        assert_eq!(shuffled(5, &["a", "b", "1"]), [3, 1, 0, 4, 2]);
    }

    #[test]
    fn a_question_brings_its_stage_and_its_refutations_along() {
        let lesson = eof();
        let question = Question::new(&lesson, "daemon", 1).unwrap();
        let [before, asks] = &question.lesson.steps[..] else { panic!("{:?}", question.lesson.steps) };
        let Some(Item::Run(setting)) = before.items.first() else { panic!() };
        assert_eq!(setting.statements, lesson.course(2, 2), "from the last empty stage on");
        let prediction = asks.predictions().next().unwrap();
        let was = lesson.prediction("daemon").unwrap();
        assert!(prediction.choices[prediction.right()].right);
        for (shown, place) in question.order.iter().enumerate() {
            assert_eq!(prediction.choices[shown], was.choices[*place]);
        }
        let refuted: Vec<_> = asks
            .items
            .iter()
            .filter_map(|i| if let Item::Refute(r) = i { Some(question.order[r.choice]) } else { None })
            .collect();
        assert_eq!(refuted, [0], "the refutation speaks to the same belief");
        assert!(asks.goals.is_empty() && question.lesson.id() == "pipe-eof");
        assert!(Question::new(&lesson, "nowhere", 1).is_none());
    }
}
