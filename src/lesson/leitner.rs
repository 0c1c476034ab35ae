//! When a question that was answered wrong is asked again: Leitner's boxes.
//!
//! Nothing of this is stored. Where a question stands follows from the answers that were given to it, so that two files
//! of progress that are laid together agree on it.

use super::day::{Day, Moment};
use super::record::{Answer, Outcome};

/// After how many days a question in each box is asked again.
pub const INTERVALS: [i32; 4] = [1, 3, 7, 16];

/// Where a question stands that once was answered wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// In which box, from 1.
    pub number: usize,
    /// When it is due.
    pub due: Day,
}

/// Where a question stands after these answers, in order of time. `None`: it was never answered wrong, or has gone
/// through all boxes since.
///
/// A wrong answer puts it into the first box. A right one moves it on, but only from the day on which it was due: who
/// has just been told knows it anyway. An answer from the future, of a clock that was wrong, counts as given today.
pub fn standing(answers: &[Answer], today: Day) -> Option<Standing> {
    let mut standing: Option<Standing> = None;
    for answer in answers {
        // Without a date it is from a file that kept none: long ago.
        let day = answer.at.map_or(Day(0), Moment::day).min(today);
        let box_of = |number: usize| INTERVALS.get(number - 1).map(|days| Standing { number, due: day.plus(*days) });
        standing = match (answer.outcome, standing) {
            (Outcome::Wrong, _) => box_of(1),
            (Outcome::Right, Some(old)) if day >= old.due => box_of(old.number + 1),
            (Outcome::Right | Outcome::Undecided, old) => old,
        };
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers by date and outcome, and where that leads on a day: box and date, or nothing.
    type Case = (&'static str, &'static [(&'static str, Outcome)], &'static str, Option<(usize, &'static str)>);

    #[test]
    fn the_schedule() {
        use Outcome::{Right, Undecided, Wrong};
        let cases: [Case; 12] = [
            ("never asked", &[], "2026-11-24", None),
            ("right at once", &[("2026-11-24", Right)], "2026-11-24", None),
            ("wrong: tomorrow", &[("2026-11-24", Wrong)], "2026-11-24", Some((1, "2026-11-25"))),
            (
                "told today is not known",
                &[("2026-11-24", Wrong), ("2026-11-24", Right)],
                "2026-11-24",
                Some((1, "2026-11-25")),
            ),
            ("right when due", &[("2026-11-24", Wrong), ("2026-11-25", Right)], "2026-11-25", Some((2, "2026-11-28"))),
            (
                "late counts from then",
                &[("2026-11-24", Wrong), ("2026-12-24", Right)],
                "2026-12-24",
                Some((2, "2026-12-27")),
            ),
            (
                "over a month's and a leap day's end",
                &[("2028-02-24", Wrong), ("2028-02-25", Right), ("2028-02-28", Right)],
                "2028-02-28",
                Some((3, "2028-03-06")),
            ),
            (
                "wrong again: from the beginning",
                &[("2026-11-01", Wrong), ("2026-11-02", Right), ("2026-11-05", Right), ("2026-11-12", Wrong)],
                "2026-11-12",
                Some((1, "2026-11-13")),
            ),
            (
                "in the last box",
                &[("2026-11-01", Wrong), ("2026-11-02", Right), ("2026-11-05", Right), ("2026-11-12", Right)],
                "2026-11-12",
                Some((4, "2026-11-28")),
            ),
            (
                "known",
                &[
                    ("2026-11-01", Wrong),
                    ("2026-11-02", Right),
                    ("2026-11-05", Right),
                    ("2026-11-12", Right),
                    ("2026-11-28", Right),
                ],
                "2026-11-28",
                None,
            ),
            (
                "not decided changes nothing",
                &[("2026-11-24", Wrong), ("2026-11-26", Undecided)],
                "2026-11-26",
                Some((1, "2026-11-25")),
            ),
            ("a clock that was wrong", &[("2040-01-01", Wrong)], "2026-11-24", Some((1, "2026-11-25"))),
        ];
        for (what, answers, today, expected) in cases {
            let answers: Vec<Answer> = answers
                .iter()
                .map(|(day, outcome)| Answer {
                    at: Some(format!("{day} 20:00:00 +0100").parse::<Moment>().unwrap()),
                    choice: 'a',
                    text: "x".to_owned(),
                    outcome: *outcome,
                    review: false,
                })
                .collect();
            let found = standing(&answers, today.parse().unwrap()).map(|s| (s.number, s.due.to_string()));
            assert_eq!(found, expected.map(|(number, due)| (number, due.to_owned())), "{what}");
        }
    }
}
