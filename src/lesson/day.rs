//! Days and moments of the wall clock, as a learner's calendar has them.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECONDS_A_DAY: i64 = 86_400;

/// A day of the Gregorian calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// The day with this date; `None` if no calendar has it.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Self> {
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        // Days from civil: years that begin in March, so that the leap day is the last.
        let shifted = i64::from(year) - i64::from(month <= 2);
        let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
        let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let found = Self(i32::try_from(days).ok()?);
        (found.date() == (year, month, day)).then_some(found)
    }

    /// Year, month and day.
    pub fn date(self) -> (i32, u32, u32) {
        let days = i64::from(self.0) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let years = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * years + years / 4 - years / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = years + era * 400 + i64::from(month <= 2);
        (year as i32, month as u32, day as u32)
    }

    /// The day so many days later.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days after `other` it is.
    pub const fn since(self, other: Self) -> i32 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = text.split('-').map(|part| part.parse::<u32>().ok());
        let (Some(Some(year)), Some(Some(month)), Some(Some(day)), None) =
            (numbers.next(), numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(format!("expected a date such as 2026-11-24, found `{text}`"));
        };
        let year = i32::try_from(year).unwrap_or(0);
        Self::new(year, month, day).ok_or_else(|| format!("no calendar has the day `{text}`"))
    }
}

/// A moment, and how far the wall clock there was ahead of UTC. Written `2026-11-24 12:10:34 +0100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub east: i32,
}

impl Moment {
    /// The present, in this machine's time zone.
    pub fn now() -> Self {
        let seconds = (crate::kernel::clock::realtime_ns() / 1_000_000_000) as i64;
        Self { seconds, east: crate::kernel::clock::minutes_east(seconds) }
    }

    const fn local(self) -> i64 {
        self.seconds + self.east as i64 * 60
    }

    /// The day that the calendar on the wall showed.
    pub const fn day(self) -> Day {
        Day(self.local().div_euclid(SECONDS_A_DAY) as i32)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.local().rem_euclid(SECONDS_A_DAY);
        let (hours, minutes) = (second / 3600, second / 60 % 60);
        let (sign, east) = (if self.east < 0 { '-' } else { '+' }, self.east.unsigned_abs());
        write!(f, "{} {hours:02}:{minutes:02}:{:02} {sign}{:02}{:02}", self.day(), second % 60, east / 60, east % 60)
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a moment such as 2026-11-24 12:10:34 +0100, found `{text}`");
        let mut words = text.split(' ');
        let (Some(day), Some(clock), Some(zone), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let day: Day = day.parse()?;
        let two = |at: usize, below: i64, of: &str| {
            of.get(at..at + 2)?.parse::<u8>().ok().map(i64::from).filter(|n| *n < below)
        };
        let read = || {
            let colons = clock.len() == 8 && clock.get(2..3)? == ":" && clock.get(5..6)? == ":";
            let (hour, minute, second) = (two(0, 24, clock)?, two(3, 60, clock)?, two(6, 60, clock)?);
            let sign = match zone.get(..1)? {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            let east = sign * (two(1, 24, zone)? * 60 + two(3, 60, zone)?);
            let seconds = i64::from(day.0) * SECONDS_A_DAY + hour * 3600 + minute * 60 + second - east * 60;
            (colons && zone.len() == 5).then_some(Self { seconds, east: east as i32 })
        };
        read().ok_or_else(wrong)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, number) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-11-24", 20_781),
            ("2100-03-01", 47_541),
        ] {
            assert_eq!(text.parse(), Ok(Day(number)), "{text}");
            assert_eq!(Day(number).to_string(), text);
        }
        for number in (-200_000..200_000).step_by(37) {
            let (year, month, day) = Day(number).date();
            assert_eq!(Day::new(year, month, day), Some(Day(number)));
        }
        for wrong in ["2100-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0-1-1"] {
            assert!(wrong.parse::<Day>().unwrap_err().starts_with("no calendar"), "{wrong}");
        }
        assert!("24.11.2026".parse::<Day>().unwrap_err().starts_with("expected a date"));
    }

    #[test]
    fn a_moment_belongs_to_the_day_on_the_wall() {
        for (text, seconds, east, day) in [
            ("2026-11-24 12:10:34 +0000", 1_795_522_234, 0, "2026-11-24"),
            ("2026-11-25 00:10:34 +1200", 1_795_522_234, 720, "2026-11-25"),
            ("2026-11-24 01:10:34 -1100", 1_795_522_234, -660, "2026-11-24"),
            ("1970-01-01 00:30:00 +0100", -1800, 60, "1970-01-01"),
        ] {
            let moment = Moment { seconds, east };
            assert_eq!(text.parse(), Ok(moment), "{text}");
            assert_eq!((moment.to_string().as_str(), moment.day().to_string().as_str()), (text, day));
        }
        for wrong in ["", "2026-11-24", "2026-11-24 25:00:00 +0000", "2026-11-24 12:10:34", "2026-11-24 12:10:34 0100"]
        {
            assert!(wrong.parse::<Moment>().unwrap_err().starts_with("expected a moment"), "{wrong}");
        }
    }
}
