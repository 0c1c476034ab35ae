//! What is kept of a learner: as a file has it, and how two of them are laid together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::day::Moment;

/// What is kept, by the lesson's id.
pub type Lessons = BTreeMap<String, LessonRecord>;

/// What is kept of one lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LessonRecord {
    /// The id of the step at which the learner was last; none if they went through to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Whether it was once gone through to its end.
    #[serde(default)]
    pub done: bool,
    /// When something of it was done last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// Ids of the goals that were met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goals: Vec<String>,
    /// How many rungs of help were taken, by the step's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, u32>,
    /// How the learner met the goals of a step without our solution: all statements from an empty stage on, each way
    /// as one text, by the step's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub solved: BTreeMap<String, Vec<String>>,
    /// Every answer to a prediction in order of time, by the prediction's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub predictions: BTreeMap<String, Vec<Answer>>,
}

/// An answer to a prediction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// When; unknown of what the first version of the file kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// The letter of the choice, as the lesson has it.
    pub choice: char,
    /// The words of the choice, in case the lesson changes.
    pub text: String,
    /// What the kernel said to it.
    pub outcome: Outcome,
    /// Whether it was given in a review.
    #[serde(default, skip_serializing_if = "is_false")]
    pub review: bool,
}

/// What the kernel said to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// So it is.
    Right,
    /// Another choice held.
    Wrong,
    /// No choice held, or several: this kernel does something that the lesson did not foresee.
    Undecided,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl LessonRecord {
    /// Lays another record of the same lesson beside this one: nothing of either is lost, and it does not matter
    /// which one comes first. Where they differ in where the learner was, the later one counts.
    pub fn merge(&mut self, other: &Self) {
        let nowhere = self.step.is_none() && !self.done;
        if other.at > self.at || other.at == self.at && nowhere {
            self.step.clone_from(&other.step);
        }
        self.at = self.at.max(other.at);
        self.done |= other.done;
        let new: Vec<String> = other.goals.iter().filter(|goal| !self.goals.contains(goal)).cloned().collect();
        self.goals.extend(new);
        for (step, rungs) in &other.hints {
            let own = self.hints.entry(step.clone()).or_default();
            *own = (*own).max(*rungs);
        }
        for (step, ways) in &other.solved {
            let own = self.solved.entry(step.clone()).or_default();
            let new: Vec<String> = ways.iter().filter(|way| !own.contains(way)).cloned().collect();
            own.extend(new);
        }
        for (id, answers) in &other.predictions {
            let own = self.predictions.entry(id.clone()).or_default();
            own.extend(answers.iter().cloned());
            own.sort();
            own.dedup();
        }
    }

    /// The first answer to a prediction: what the learner believed before the kernel had its say.
    pub fn first(&self, prediction: &str) -> Option<&Answer> {
        self.predictions.get(prediction)?.first()
    }
}

/// Lays the records of `other` beside those of `own`.
pub fn merge(own: &mut Lessons, other: &Lessons) {
    for (id, record) in other {
        own.entry(id.clone()).or_default().merge(record);
    }
}

/// What the first version of the file kept of a lesson: the last answer of each prediction, without a date.
#[derive(Debug, Deserialize)]
pub(super) struct First {
    step: Option<String>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    goals: Vec<String>,
    #[serde(default)]
    predictions: BTreeMap<String, FirstAnswer>,
    #[serde(default)]
    hints: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize)]
struct FirstAnswer {
    choice: char,
    text: String,
    right: bool,
}

impl From<First> for LessonRecord {
    fn from(first: First) -> Self {
        let answer = |a: FirstAnswer| Answer {
            at: None,
            choice: a.choice,
            text: a.text,
            outcome: if a.right { Outcome::Right } else { Outcome::Wrong },
            review: false,
        };
        Self {
            step: first.step,
            done: first.done,
            at: None,
            goals: first.goals,
            hints: first.hints,
            solved: BTreeMap::new(),
            predictions: first.predictions.into_iter().map(|(id, a)| (id, vec![answer(a)])).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at: &str, choice: char, outcome: Outcome) -> Answer {
        Answer { at: Some(at.parse().unwrap()), choice, text: "it sleeps".to_owned(), outcome, review: false }
    }

    fn record(at: &str) -> LessonRecord {
        LessonRecord { at: Some(at.parse().unwrap()), ..LessonRecord::default() }
    }

    #[test]
    fn laying_two_together_loses_nothing_and_knows_no_order() {
        let mut home = record("2026-11-24 08:00:00 +0100");
        home.step = Some("two".into());
        home.goals = vec!["end".into()];
        home.hints.insert("two".into(), 3);
        home.solved.insert("two".into(), vec!["spawn a\n".into()]);
        home.predictions.insert("eof".into(), vec![answer("2026-11-24 08:00:00 +0100", 'a', Outcome::Wrong)]);
        let mut work = record("2026-11-24 09:00:00 +0100");
        work.step = Some("three".into());
        work.goals = vec!["end".into(), "release".into()];
        work.hints.insert("two".into(), 1);
        work.solved.insert("two".into(), vec!["spawn b\n".into()]);
        work.predictions.insert("eof".into(), vec![answer("2026-11-23 09:00:00 +0100", 'b', Outcome::Right)]);
        work.done = true;

        let (mut one, mut two) = (home.clone(), work.clone());
        one.merge(&work);
        two.merge(&home);
        assert_eq!(one.step.as_deref(), Some("three"), "the later place counts");
        assert_eq!((one.done, one.hints["two"], one.goals.len(), one.solved["two"].len()), (true, 3, 2, 2));
        let choices: Vec<char> = one.predictions["eof"].iter().map(|a| a.choice).collect();
        assert_eq!(choices, ['b', 'a'], "in order of time");
        two.solved.get_mut("two").unwrap().reverse();
        assert_eq!(one, two);
        let before = one.clone();
        one.merge(&home);
        one.merge(&work);
        assert_eq!(one, before, "once more changes nothing");
    }
}
