//! Where the right answers stand: whoever has seen that it is always the second one predicts no more.

use super::Lesson;

/// With fewer predictions than this nothing can be said.
const FEW: usize = 4;

/// How the right answers of a pack lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lopsided {
    /// The place that holds the right answer too often, from 0.
    pub place: usize,
    /// How often it holds it.
    pub count: usize,
    /// Of how many predictions.
    pub of: usize,
}

impl Lopsided {
    /// It in words, with what to do.
    pub fn words(&self) -> (String, String) {
        let Self { place, count, of } = self;
        let key = place + 1;
        (
            format!(
                "of {of} predictions {count} have their right answer at place {key}: who always presses {key} is right"
            ),
            "move choices about, and with them the letters of `run for=`".to_owned(),
        )
    }
}

/// The place that holds the right answer more often than chance would ever put it there; `None` if all is well.
///
/// Chance would give a place one answer in as many as there are choices. Two and a half standard deviations more than
/// that are too many.
pub fn lopsided<'l>(lessons: impl IntoIterator<Item = &'l Lesson>) -> Option<Lopsided> {
    let (mut counts, mut of, mut expected, mut variance) = ([0_usize; 6], 0, 0.0, 0.0);
    for prediction in lessons.into_iter().flat_map(Lesson::predictions) {
        of += 1;
        if let Some(count) = counts.get_mut(prediction.right()) {
            *count += 1;
        }
        let share = 1.0 / prediction.choices.len().max(1) as f64;
        expected += share;
        variance += share * (1.0 - share);
    }
    let (place, count) = counts.into_iter().enumerate().max_by_key(|(_, count)| *count)?;
    let most = 2.5_f64.mul_add(variance.sqrt(), expected);
    (of >= FEW && count as f64 > most).then_some(Lopsided { place, count, of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::{Choice, Front, Item, Prediction, Step};
    use crate::script::Span;

    /// A lesson whose predictions have so many choices, and the right one at this place.
    fn lesson(predictions: &[(usize, usize)]) -> Lesson {
        let predicate = || {
            let text = "expect alice idle";
            let (statements, _) = crate::script::parse(text, crate::facility::registry());
            let Some(crate::script::Body::Expect(e)) = statements.into_iter().next().map(|s| s.body) else { panic!() };
            e
        };
        let span = Span::new(0, 0);
        let choice = |right| Choice { span, text: Vec::new(), predicate: predicate(), right, answer: Vec::new() };
        let items = predictions.iter().enumerate().map(|(n, (choices, right))| {
            let choices = (0..*choices).map(|at| choice(at == *right)).collect();
            Item::Predict(Prediction { id: format!("p{n}"), span, question: Vec::new(), choices })
        });
        let step = Step {
            id: "one".to_owned(),
            title: String::new(),
            span,
            requires: Vec::new(),
            items: items.collect(),
            goals: Vec::new(),
            hints: Vec::new(),
            solve: None,
            explain: Vec::new(),
        };
        Lesson { source: String::new(), front: Front::default(), opening: Vec::new(), steps: vec![step] }
    }

    #[test]
    fn one_place_too_often_is_said_and_chance_is_not() {
        let of = |places: &[(usize, usize)]| lopsided([&lesson(places)]).map(|l| (l.place, l.count, l.of));
        assert_eq!(of(&[(3, 1); 3]), None, "three may be chance");
        assert_eq!(of(&[(3, 1); 4]), Some((1, 4, 4)));
        assert_eq!(of(&[(2, 0); 5]), None, "of two choices one is soon right five times");
        assert_eq!(of(&[(2, 0); 8]), Some((0, 8, 8)));
        let many = |counts: [usize; 3]| {
            let places: Vec<(usize, usize)> =
                (0..3).flat_map(|place| std::iter::repeat_n((3, place), counts[place])).collect();
            of(&places)
        };
        assert_eq!(many([9, 98, 36]), Some((1, 98, 143)));
        assert_eq!(many([40, 55, 48]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_lessons_of_the_binary_can_not_be_guessed() {
        let pack = crate::lesson::Pack::embedded(crate::facility::registry()).unwrap();
        assert_eq!(lopsided(&pack.lessons), None);
        // Nor is the place of the last one any help.
        let places: Vec<usize> =
            pack.lessons.iter().flat_map(Lesson::predictions).map(super::super::Prediction::right).collect();
        for place in 0..3 {
            let next = |to| places.windows(2).filter(|two| two[0] == place && two[1] == to).count();
            let all: usize = (0..4).map(next).sum();
            assert!((0..4).all(|to| next(to) * 2 < all), "after place {place}: {:?}", [0, 1, 2, 3].map(next));
        }
        for lesson in &pack.lessons {
            let own: Vec<usize> = lesson.predictions().map(super::super::Prediction::right).collect();
            assert!(own.len() < 4 || own.iter().any(|place| *place != own[0]), "{}: {own:?}", lesson.id());
        }
    }
}
