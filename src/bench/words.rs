//! Figures in words: three digits, and the unit in which they are short. Pure.

/// A time of so many ns: `190 ns`, `8.10 µs`, `1.25 ms`.
pub fn time(ns: f64) -> String {
    scaled(ns, &[(1.0, "ns"), (1e3, "µs"), (1e6, "ms"), (1e9, "s")])
}

/// Bytes per second: `2.14 GB/s`.
pub fn rate(bytes: f64) -> String {
    scaled(bytes, &[(1.0, "B/s"), (1e3, "kB/s"), (1e6, "MB/s"), (1e9, "GB/s")])
}

/// How often in a second: `480 k/s`.
pub fn pace(times: f64) -> String {
    scaled(times, &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s")])
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    // What is shown as 1000 of a unit is 1 of the next.
    let fits = |(scale, _): &&(f64, &str)| *scale <= 1.0 || value >= scale * 0.9995;
    let (scale, unit) = units.iter().rev().find(fits).copied().unwrap_or((1.0, ""));
    let value = value / scale;
    let digits = if value >= 99.95 || (scale <= 1.0 && value.fract() == 0.0) {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// A size of a message: `64`, `4K`, `1M`; for columns.
pub fn size(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        n if n % (1 << 20) == 0 => format!("{}M", n >> 20),
        n if n % (1 << 10) == 0 => format!("{}K", n >> 10),
        n => n.to_string(),
    }
}

/// The same in a sentence: `1 byte`, `64 KiB`.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        n if n > 0 && n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
        n if n > 0 && n % (1 << 10) == 0 => format!("{} KiB", n >> 10),
        n => format!("{n} bytes"),
    }
}

/// A share: `12 %`; below 1 it is told apart from none.
pub fn share(share: f64) -> String {
    match share * 100.0 {
        p if p <= 0.0 => "0 %".to_owned(),
        p if p < 1.0 => "<1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// How a figure compares with an earlier one: `x1.08`, and `=` within a fiftieth.
pub fn ratio(now: f64, before: f64) -> String {
    let ratio = now / before;
    if !ratio.is_finite() {
        return String::new();
    }
    if (ratio - 1.0).abs() <= 0.02 { "=".to_owned() } else { format!("x{ratio:.2}") }
}

/// A moment, in seconds since the epoch, as date and time of day in UTC: `2026-01-31 09:05`.
pub fn moment(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that the day that some have more is their last: see Hinnant's "chrono-compatible
    // low-level date algorithms".
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + carry;
    format!("{year:04}-{month:02}-{day_of_month:02} {:02}:{:02}", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (ns, words) in [
            (0.0, "0 ns"),
            (2.345, "2.35 ns"),
            (190.0, "190 ns"),
            (999.4, "999 ns"),
            (999.6, "1.00 µs"),
            (8104.0, "8.10 µs"),
            (94_260.0, "94.3 µs"),
            (1_250_000.0, "1.25 ms"),
            (4_294_967_295.0, "4.29 s"),
        ] {
            assert_eq!(time(ns), words);
        }
        assert_eq!(rate(20.9e9), "20.9 GB/s");
        assert_eq!(rate(56.4e6), "56.4 MB/s");
        assert_eq!(pace(480_000.0), "480 k/s");
    }

    #[test]
    fn sizes_are_short() {
        for (n, short, long) in [
            (0, "0", "0 bytes"),
            (1, "1", "1 byte"),
            (1000, "1000", "1000 bytes"),
            (4096, "4K", "4 KiB"),
            (1 << 20, "1M", "1 MiB"),
        ] {
            assert_eq!((size(n).as_str(), bytes(n).as_str()), (short, long));
        }
    }

    #[test]
    fn shares_and_ratios() {
        for (value, words) in [(0.0, "0 %"), (0.004, "<1 %"), (0.124, "12 %"), (1.0, "100 %")] {
            assert_eq!(share(value), words);
        }
        for (now, before, words) in
            [(1.0, 1.0, "="), (1.015, 1.0, "="), (0.99, 1.0, "="), (1.5, 1.0, "x1.50"), (1.0, 0.0, "")]
        {
            assert_eq!(ratio(now, before), words);
        }
    }

    #[test]
    fn moments_are_dates() {
        for (seconds, words) in [
            (0, "1970-01-01 00:00"),
            (951_782_399, "2000-02-28 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (951_868_800, "2000-03-01 00:00"),
            (1_735_689_599, "2024-12-31 23:59"),
            (1_735_689_600, "2025-01-01 00:00"),
        ] {
            assert_eq!(moment(seconds), words);
        }
    }
}
