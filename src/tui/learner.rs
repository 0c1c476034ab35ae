//! A learner who is made up, for pictures of what somebody has done.

use crate::lesson::account::order;
use crate::lesson::day::{Day, Moment};
use crate::lesson::progress::Progress;
use crate::lesson::record::{Answer, LessonRecord, Lessons, Outcome};
use crate::lesson::{Lesson, Pack, Prediction};

/// The moment at which pictures are taken.
const CLOCK: fn() -> Moment = || Moment { seconds: 1_795_522_200, east: 60 };

/// Somebody who has gone through the first lessons of the pack, is in the midst of the next one, and was wrong about
/// every other thing.
pub(super) fn learner(pack: &Pack) -> Progress {
    let today = CLOCK().day();
    let mut lessons = Lessons::new();
    for (number, lesson) in order(pack).take(7).enumerate() {
        let last = number == 6;
        let day = today.plus(number as i32 - 8);
        lessons.insert(lesson.id().to_owned(), record(lesson, day, last, today));
    }
    Progress::of(lessons, CLOCK)
}

fn record(lesson: &Lesson, day: Day, begun: bool, today: Day) -> LessonRecord {
    let steps = if begun { 1 } else { lesson.steps.len() };
    let mut record = LessonRecord { done: !begun, at: Some(at(day)), ..LessonRecord::default() };
    record.step = begun.then(|| lesson.steps.get(1).map(|s| s.id.clone())).flatten();
    for (number, step) in lesson.steps.iter().take(steps).enumerate() {
        record.goals.extend(step.goals.iter().map(|g| g.id.clone()));
        if number == 1 && !step.goals.is_empty() {
            record.hints.insert(step.id.clone(), 1);
        }
        for prediction in step.predictions() {
            let wrong = (number + lesson.front.title.len()).is_multiple_of(2);
            let place =
                if wrong { prediction.choices.iter().position(|c| !c.right).unwrap_or(0) } else { prediction.right() };
            let mut answers = vec![answer(prediction, place, day, false)];
            if wrong && day.plus(4) < today {
                answers.push(answer(prediction, prediction.right(), day.plus(1), true));
            }
            record.predictions.insert(prediction.id.clone(), answers);
        }
    }
    record
}

fn at(day: Day) -> Moment {
    Moment { seconds: i64::from(day.0) * 86_400 + 36_000, east: 60 }
}

fn answer(prediction: &Prediction, place: usize, day: Day, review: bool) -> Answer {
    let choice = &prediction.choices[place];
    let outcome = if choice.right { Outcome::Right } else { Outcome::Wrong };
    Answer { at: Some(at(day)), choice: Prediction::letter(place), text: choice.plain(), outcome, review }
}
