//! A logarithmic scale: where values stand on it, and what stands below it.

/// From one power of ten to another, over so many columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    columns: usize,
}

impl Scale {
    /// One on which all values find their place; `None` of none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>, columns: usize) -> Option<Self> {
        let positive = values.into_iter().filter(|value| *value > 0.0 && value.is_finite());
        let (low, high) = positive.fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        if high <= 0.0 || columns == 0 {
            return None;
        }
        let low = low.log10().floor();
        Some(Self { low, high: high.log10().ceil().max(low + 1.0), columns })
    }

    /// How many columns a bar up to the value has, at least one.
    pub(super) fn place(&self, value: f64) -> usize {
        if value <= 0.0 {
            return 0;
        }
        let share = (value.log10() - self.low) / (self.high - self.low);
        ((share * self.columns as f64).round() as usize).clamp(1, self.columns)
    }

    /// Whether the value lies off the scale, above it.
    pub(super) fn is_beyond(&self, value: f64) -> bool {
        value > 10_f64.powf(self.high)
    }

    /// The scale's line: powers of ten in words where they stand, as many as fit.
    pub(super) fn line(&self, words: impl Fn(f64) -> String) -> String {
        let mut line = String::new();
        let mut power = self.low;
        while power <= self.high {
            let value = 10_f64.powf(power);
            let label = words(value);
            let at = ((power - self.low) / (self.high - self.low) * self.columns as f64).round() as usize;
            let length = line.chars().count();
            let start = at.min(self.columns.saturating_sub(label.chars().count()));
            if (length == 0 || start > length + 1) && start + label.chars().count() <= self.columns {
                line.push_str(&" ".repeat(start - length));
                line.push_str(&label);
            }
            power += 1.0;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_at_their_powers() {
        let scale = Scale::of([100.0, 5500.0, 94_000.0], 30).unwrap();
        assert_eq!([100.0, 1000.0, 10_000.0, 100_000.0].map(|v| scale.place(v)), [1, 10, 20, 30]);
        assert_eq!([0.0, 1.0, 1e9].map(|v| scale.place(v)), [0, 1, 30]);
        assert_eq!([99_000.0, 101_000.0].map(|v| scale.is_beyond(v)), [false, true]);
        assert_eq!(scale.line(|v| format!("{v}")), "100       1000      10000");
    }

    #[test]
    fn nothing_has_no_scale_and_one_value_has_one() {
        assert_eq!(Scale::of([], 10), None);
        assert_eq!(Scale::of([0.0, f64::NAN], 10), None);
        assert_eq!(Scale::of([5.0], 0), None);
        let one = Scale::of([1000.0], 10).unwrap();
        assert_eq!((one.place(1000.0), one.place(10_000.0)), (1, 10));
        for columns in 1..60 {
            let scale = Scale::of([3.0, 5e9], columns).unwrap();
            assert!(scale.line(crate::bench::words::time).chars().count() <= columns);
        }
    }
}
