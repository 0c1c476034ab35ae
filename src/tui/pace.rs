//! When what happened on stage is drawn: soon, so that a statement's outcome follows its key at once, yet with at most
//! thirty frames a second however much happens.

use std::time::{Duration, Instant};

/// How long what belongs together may take to arrive: the reports of a handful of statements.
const GATHER: Duration = Duration::from_millis(4);
/// So many frames may follow each other without delay ...
const BURST: usize = 3;
/// ... within this time.
const WINDOW: Duration = Duration::from_millis(100);

/// The frames drawn last, and since when there is news.
#[derive(Debug, Default)]
pub(super) struct Pace {
    drawn: [Option<Instant>; BURST],
    news: Option<Instant>,
}

impl Pace {
    /// Notes that there is news which nobody waits for at the keyboard; how long to wait until it is drawn.
    pub(super) fn due(&mut self, now: Instant) -> Duration {
        let gathered = *self.news.get_or_insert(now) + GATHER;
        let allowed = self.drawn[BURST - 1].map_or(gathered, |oldest| gathered.max(oldest + WINDOW));
        allowed.saturating_duration_since(now)
    }

    /// Notes that a frame has been drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.news = None;
        self.drawn.rotate_right(1);
        self.drawn[0] = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_gathered_and_drawn_at_most_thirty_times_a_second() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert_eq!(pace.due(start), GATHER);
        // More news does not put the first off.
        assert_eq!(pace.due(start + GATHER / 2), GATHER / 2);
        let (mut now, mut frames) = (start, 0);
        while now < start + Duration::from_secs(1) {
            now += pace.due(now);
            pace.drawn(now);
            frames += 1;
        }
        assert!((25..=33).contains(&frames), "{frames} frames");
        // After a rest, a burst.
        now += WINDOW;
        for _ in 0..BURST {
            assert_eq!(pace.due(now), GATHER);
            now += GATHER;
            pace.drawn(now);
        }
        assert!(pace.due(now) > WINDOW / 2);
    }
}
