//! What a learner has done, told over a pack: where they were, what they predicted and how well, what is due again.

use super::day::Day;
use super::leitner::{Standing, standing};
use super::progress::Progress;
use super::record::{Answer, LessonRecord, Outcome};
use super::review::Question;
use super::{Lesson, Pack, Prediction, prose};

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The lessons, in the order of the pack.
    pub lessons: Vec<LessonAccount>,
    /// Ids of lessons of which something is kept, but which this pack does not hold.
    pub elsewhere: Vec<String>,
    /// The day on which it is told.
    pub today: Day,
}

/// What was done of one lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LessonAccount {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How far the learner is.
    pub state: State,
    /// Its predictions, in order.
    pub predictions: Vec<PredictionAccount>,
    /// How many of its goals were met, and how many it has.
    pub goals: (usize, usize),
    /// How many rungs of help were taken.
    pub hints: u32,
    /// When something of it was done last.
    pub last: Option<Day>,
}

/// How far a learner is in a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nothing of it was done.
    New,
    /// It was begun: the number of the step, from 1; how many there are; its title.
    Begun(usize, usize, String),
    /// It was gone through.
    Done,
}

/// What was said to one prediction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredictionAccount {
    /// Its id.
    pub id: String,
    /// The question, in plain words.
    pub question: String,
    /// The answers, in order of time.
    pub answers: Vec<Answer>,
    /// The choice that is marked as right, in plain words.
    pub right: String,
    /// What the belief behind the first answer overlooks, if it was wrong and the lesson still has it.
    pub overlooked: Option<String>,
    /// When it is asked again, if it is.
    pub standing: Option<Standing>,
}

/// How predictions came out at the first try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// So many were foreseen.
    pub right: usize,
    /// So many came out otherwise.
    pub wrong: usize,
    /// So many did something that no choice foresaw.
    pub undecided: usize,
    /// So many were not asked yet.
    pub open: usize,
    /// So many that came out otherwise were answered right since.
    pub mended: usize,
}

/// A question that is to be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The id of the lesson.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// The id of the prediction.
    pub prediction: String,
    /// The question, in plain words.
    pub question: String,
    /// How often it was answered.
    pub answered: usize,
    /// In which box it is, and when it is due.
    pub standing: Standing,
}

/// Where a learner was, or goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The id of the lesson.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// The step at which they were: number from 1, how many there are, its title. `None`: it is not begun yet.
    pub step: Option<(usize, usize, String)>,
}

impl Account {
    /// Tells it.
    pub fn new(pack: &Pack, progress: &Progress) -> Self {
        let today = progress.now().day();
        let lessons = order(pack)
            .map(|lesson| LessonAccount::new(lesson, progress.lesson(lesson.id()), today))
            .collect::<Vec<_>>();
        let elsewhere = progress.lessons().keys().filter(|id| pack.lesson(id).is_none()).cloned().collect();
        Self { lessons, elsewhere, today }
    }

    /// How many lessons were gone through.
    pub fn done(&self) -> usize {
        self.lessons.iter().filter(|l| l.state == State::Done).count()
    }

    /// How all predictions came out.
    pub fn tally(&self) -> Tally {
        self.lessons.iter().map(LessonAccount::tally).fold(Tally::default(), |a, b| Tally {
            right: a.right + b.right,
            wrong: a.wrong + b.wrong,
            undecided: a.undecided + b.undecided,
            open: a.open + b.open,
            mended: a.mended + b.mended,
        })
    }

    /// All questions that will be asked again, the most urgent first.
    pub fn waiting(&self) -> Vec<Due> {
        let mut waiting: Vec<Due> = self
            .lessons
            .iter()
            .flat_map(|lesson| lesson.predictions.iter().map(move |p| (lesson, p)))
            .filter_map(|(lesson, p)| {
                Some(Due {
                    lesson: lesson.id.clone(),
                    title: lesson.title.clone(),
                    prediction: p.id.clone(),
                    question: p.question.clone(),
                    answered: p.answers.len(),
                    standing: p.standing?,
                })
            })
            .collect();
        waiting.sort_by_key(|due| due.standing.due);
        waiting
    }

    /// Those of them that are due today.
    pub fn due(&self) -> Vec<Due> {
        self.waiting().into_iter().filter(|due| due.standing.due <= self.today).collect()
    }
}

impl Due {
    /// The question, to be asked as one of several; `None` if the pack no longer has it.
    pub fn question(&self, pack: &Pack, number: usize, of: usize) -> Option<Question> {
        let mut question = Question::new(pack.lesson(&self.lesson)?, &self.prediction, self.answered)?;
        question.lesson.front.title = format!("Question {number} of {of}, from \u{201c}{}\u{201d}", self.title);
        Some(question)
    }
}

impl LessonAccount {
    fn new(lesson: &Lesson, record: Option<&LessonRecord>, today: Day) -> Self {
        let none = LessonRecord::default();
        let record = record.unwrap_or(&none);
        let state = match whereabouts(lesson, record) {
            _ if record.done => State::Done,
            Some((number, of, title)) => State::Begun(number, of, title),
            None => State::New,
        };
        let goals = lesson.goals().filter(|g| record.goals.contains(&g.id)).count();
        Self {
            id: lesson.id().to_owned(),
            title: lesson.front.title.clone(),
            state,
            predictions: lesson.predictions().map(|p| PredictionAccount::new(p, record, today)).collect(),
            goals: (goals, lesson.goals().count()),
            hints: record.hints.values().sum(),
            last: record.at.map(super::day::Moment::day),
        }
    }

    /// How its predictions came out.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for prediction in &self.predictions {
            match prediction.answers.first().map(|a| a.outcome) {
                None => tally.open += 1,
                Some(Outcome::Right) => tally.right += 1,
                Some(Outcome::Undecided) => tally.undecided += 1,
                Some(Outcome::Wrong) => {
                    tally.wrong += 1;
                    let later = prediction.answers.last().map(|a| a.outcome);
                    tally.mended += usize::from(later == Some(Outcome::Right));
                }
            }
        }
        tally
    }
}

impl PredictionAccount {
    fn new(prediction: &Prediction, record: &LessonRecord, today: Day) -> Self {
        let answers = record.predictions.get(&prediction.id).cloned().unwrap_or_default();
        let overlooked = answers.first().filter(|a| a.outcome == Outcome::Wrong).and_then(|first| {
            let choice = prediction.choices.iter().find(|c| c.plain() == first.text)?;
            Some(prose::plain(&choice.answer))
        });
        Self {
            id: prediction.id.clone(),
            question: question(prediction),
            right: prediction.choices.get(prediction.right()).map(super::Choice::plain).unwrap_or_default(),
            overlooked,
            standing: standing(&answers, today),
            answers,
        }
    }
}

/// A question in plain words, on one line.
pub fn question(prediction: &Prediction) -> String {
    let text: Vec<String> = prediction
        .question
        .iter()
        .map(|block| match block {
            prose::Block::Paragraph(inlines) | prose::Block::Heading(_, inlines) => prose::plain(inlines),
            prose::Block::Code(_, text) => text.clone(),
            _ => String::new(),
        })
        .collect();
    text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The lessons in the order of the units.
pub fn order(pack: &Pack) -> impl Iterator<Item = &Lesson> {
    pack.units.iter().flat_map(|u| u.lessons.iter().filter_map(|id| pack.lesson(id)))
}

/// The step at which the learner left a lesson: its number from 1, how many there are, and its title.
fn whereabouts(lesson: &Lesson, record: &LessonRecord) -> Option<(usize, usize, String)> {
    let id = record.step.as_deref()?;
    // A step that has gone since counts as the first one, where the lesson will begin.
    let at = lesson.steps.iter().position(|s| s.id == id).unwrap_or(0);
    Some((at + 1, lesson.steps.len(), lesson.steps.get(at)?.title.clone()))
}

/// Where to go on: the lesson that was left last, or, if it was gone through, the next that was not. `None`: nothing
/// was done yet, or all is done.
pub fn go_on(pack: &Pack, progress: &Progress) -> Option<Whereabouts> {
    let lessons: Vec<&Lesson> = order(pack).collect();
    let record = |lesson: &Lesson| progress.lesson(lesson.id());
    let last = (0..lessons.len()).filter(|i| record(lessons[*i]).is_some()).max_by_key(|i| {
        // Of several without a date, the first that is not done.
        let r = record(lessons[*i]);
        (r.and_then(|r| r.at), r.is_some_and(|r| !r.done && r.step.is_some()), std::cmp::Reverse(*i))
    })?;
    let open = |i: &usize| !record(lessons[*i]).is_some_and(|r| r.done);
    let at = (last..lessons.len()).chain(0..last).find(open)?;
    let lesson = lessons[at];
    Some(Whereabouts {
        lesson: lesson.id().to_owned(),
        title: lesson.front.title.clone(),
        step: record(lesson).and_then(|r| whereabouts(lesson, r)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::day::Moment;
    use super::super::record::Lessons;
    use super::*;

    const CLOCK: fn() -> Moment = || Moment { seconds: 1_795_522_234, east: 60 };

    fn answer(day: &str, text: &str, outcome: Outcome) -> Answer {
        let at = Some(format!("{day} 10:00:00 +0100").parse().unwrap());
        Answer { at, choice: 'a', text: text.to_owned(), outcome, review: false }
    }

    fn lessons(entries: &[(&str, &str, Option<&str>, bool)]) -> Lessons {
        entries
            .iter()
            .map(|(id, day, step, done)| {
                let at = Some(format!("{day} 10:00:00 +0100").parse().unwrap());
                let step = step.map(str::to_owned);
                ((*id).to_owned(), LessonRecord { at, step, done: *done, ..LessonRecord::default() })
            })
            .collect()
    }

    fn pack() -> Pack {
        Pack::embedded(crate::facility::registry()).unwrap()
    }

    #[test]
    fn one_goes_on_where_one_was() {
        let pack = pack();
        let ids: Vec<&str> = order(&pack).map(Lesson::id).collect();
        let at = |entries: &[_]| {
            go_on(&pack, &Progress::of(lessons(entries), CLOCK)).map(|w| (w.lesson, w.step.map(|s| s.0)))
        };
        assert_eq!(at(&[]), None);
        let eof = ("pipe-eof".to_owned(), Some(2));
        assert_eq!(at(&[("pipe-eof", "2026-11-20", Some("right"), false)]), Some(eof.clone()));
        let two = [("pipe-eof", "2026-11-22", Some("right"), false), (ids[0], "2026-11-21", Some("x"), false)];
        assert_eq!(at(&two), Some(eof), "the later one");
        let next = ids[ids.iter().position(|id| *id == "pipe-eof").unwrap() + 1];
        assert_eq!(at(&[("pipe-eof", "2026-11-20", None, true)]), Some((next.to_owned(), None)));
        let last = *ids.last().unwrap();
        assert_eq!(at(&[(last, "2026-11-20", None, true)]), Some((ids[0].to_owned(), None)), "around");
        let all: Vec<_> = ids.iter().map(|id| (*id, "2026-11-20", None, true)).collect();
        assert_eq!(at(&all), None);
        assert_eq!(at(&[("of-another-pack", "2026-11-20", Some("x"), false)]), None);
    }

    #[test]
    fn the_account_tells_first_tries_and_what_is_due() {
        let pack = pack();
        let mut kept = lessons(&[("pipe-eof", "2026-11-20", Some("right"), false)]);
        let record = kept.get_mut("pipe-eof").unwrap();
        record.goals.push("end".into());
        record.predictions.insert(
            "eof".into(),
            vec![
                answer("2026-11-20", "0, end of file", Outcome::Wrong),
                answer("2026-11-21", "it sleeps", Outcome::Right),
            ],
        );
        record.predictions.insert("daemon".into(), vec![answer("2026-11-22", "0: its writer is dead", Outcome::Wrong)]);
        kept.insert("of-another-pack".into(), LessonRecord::default());
        let account = Account::new(&pack, &Progress::of(kept, CLOCK));
        let lesson = account.lessons.iter().find(|l| l.id == "pipe-eof").unwrap();
        let tally = Tally { wrong: 2, mended: 1, ..Tally::default() };
        assert_eq!((lesson.tally(), lesson.goals), (tally, (1, 2)));
        assert!(matches!(&lesson.state, State::Begun(2, 3, title) if title == "Now do it right"));
        let eof = &lesson.predictions[0];
        assert_eq!(eof.right, "it sleeps");
        assert!(eof.overlooked.as_ref().unwrap().starts_with("That would be true if the pipe remembered"));
        assert!(eof.question.starts_with("The parent closes its write end. Nobody"));
        assert_eq!(account.elsewhere, ["of-another-pack"]);
        let due: Vec<_> =
            account.due().into_iter().map(|d| (d.prediction, d.standing.number, d.standing.due.to_string())).collect();
        assert_eq!(
            due,
            [("daemon".to_owned(), 1, "2026-11-23".to_owned()), ("eof".to_owned(), 2, "2026-11-24".to_owned())]
        );
        assert_eq!((account.tally().right, account.done()), (0, 0));
    }
}
