//! What measurements come to: percentiles and histograms instead of means. Pure.

use serde::{Deserialize, Serialize};

use super::plan::Step;

/// Buckets of a histogram for each doubling of the time.
const PER_DOUBLING: u64 = 8;

/// How long something took, many times over. All times in ns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// How often it was done.
    pub rounds: u64,
    /// The shortest.
    pub min: u64,
    /// Half of them took no longer than this.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// 99 of 100.
    pub p99: u64,
    /// 999 of 1000.
    pub p999: u64,
    /// The longest.
    pub max: u64,
    /// Which share of all the time went to the slowest hundredth.
    pub tail: f64,
    /// How often one of the two processes gave up its processor or had it taken away, for each round: about 2 where each
    /// sleeps until the other has written.
    pub switches: f64,
    /// Where each bucket that is not empty begins, and how many lie in it.
    pub histogram: Vec<(u64, u64)>,
}

impl Latency {
    /// Works out the figures; `None` without samples.
    pub fn of(samples: &mut [u32], switches: f64) -> Option<Self> {
        samples.sort_unstable();
        let (first, last) = (samples.first()?, samples.last()?);
        let total: u64 = samples.iter().map(|s| u64::from(*s)).sum();
        let slowest = &samples[place(samples.len(), 990)..];
        let slow: u64 = slowest.iter().map(|s| u64::from(*s)).sum();
        let at = |share| u64::from(samples[place(samples.len(), share)]);
        Some(Self {
            rounds: samples.len() as u64,
            min: u64::from(*first),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p999: at(999),
            max: u64::from(*last),
            tail: if total == 0 { 0.0 } else { slow as f64 / total as f64 },
            switches,
            histogram: histogram(samples),
        })
    }
}

/// The index of the smallest of `count` sorted values that has at least `thousandths` of all at or below it.
const fn place(count: usize, thousandths: usize) -> usize {
    (count * thousandths).div_ceil(1000).saturating_sub(1)
}

/// Where the bucket begins in which a value lies: exact below 16, from there on eight to each doubling.
pub const fn bucket(value: u64) -> u64 {
    if value < 2 * PER_DOUBLING {
        return value;
    }
    let shift = value.ilog2() - PER_DOUBLING.ilog2();
    value >> shift << shift
}

/// Where the bucket after this one begins.
pub const fn next_bucket(start: u64) -> u64 {
    if start < 2 * PER_DOUBLING { start + 1 } else { start + (1 << (start.ilog2() - PER_DOUBLING.ilog2())) }
}

fn histogram(sorted: &[u32]) -> Vec<(u64, u64)> {
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    for sample in sorted {
        let start = bucket(u64::from(*sample));
        match buckets.last_mut() {
            Some((last, count)) if *last == start => *count += 1,
            _ => buckets.push((start, 1)),
        }
    }
    buckets
}

/// How much went through, in bursts each of which ends when the receiver has it all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Messages of all bursts that came.
    pub messages: u64,
    /// Bytes per second: the slowest burst.
    pub low: f64,
    /// The one in the middle.
    pub median: f64,
    /// The fastest.
    pub high: f64,
    /// Messages that were sent and never came; they count for nothing.
    pub lost: u64,
    /// How often one of the two processes gave up its processor or had it taken away, for each message.
    pub switches: f64,
}

impl Throughput {
    /// Works out the figures of bursts: bytes that came, and ns until they were there. `None` without any.
    pub fn of(bursts: &[(u64, u64)], size: u64, lost: u64, switches: f64) -> Option<Self> {
        let mut rates: Vec<f64> = bursts.iter().map(|(bytes, ns)| *bytes as f64 * 1e9 / (*ns).max(1) as f64).collect();
        rates.sort_by(f64::total_cmp);
        let (low, high) = (*rates.first()?, *rates.last()?);
        let messages = bursts.iter().map(|(bytes, _)| bytes / size.max(1)).sum();
        Some(Self { messages, low, median: rates[place(rates.len(), 500)], high, lost, switches })
    }

    /// Which share of the messages was lost.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / (self.messages + self.lost).max(1) as f64
    }
}

/// What else the machine did meanwhile, as shares of the time of all its processors. `None`: it does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Load {
    /// What other processes used.
    pub foreign: Option<f64>,
    /// What the hypervisor gave to other machines.
    pub steal: Option<f64>,
}

impl Load {
    /// Above this share of foreign load or steal a figure is of this machine under load, not of this machine.
    pub const BUSY: f64 = 0.05;

    /// Whether others used enough for the figures to suffer.
    pub fn is_busy(&self) -> bool {
        [self.foreign, self.steal].into_iter().flatten().any(|share| share > Self::BUSY)
    }
}

/// One measurement and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was measured.
    #[serde(flatten)]
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
    /// What else the machine did.
    pub load: Load,
}

/// What came of a measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Of a round trip or one way.
    Latency(Latency),
    /// Of a throughput.
    Throughput(Throughput),
    /// It can't be measured here: a sentence that says why.
    Not(String),
}

/// A limit of the machine: nothing that is built upon it can be faster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// Its name, such as `system-call`.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Whether the figures are bytes per second; else ns for each time.
    pub rate: bool,
    /// Of several runs the least, or the reason why there are none.
    pub figures: Result<Spread, String>,
}

/// Three of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The least.
    pub low: f64,
    /// The one in the middle.
    pub median: f64,
    /// The most.
    pub high: f64,
}

impl Spread {
    /// `None` of no values.
    pub fn of(values: &mut [f64]) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        Some(Self { low: *values.first()?, median: values[place(values.len(), 500)], high: *values.last()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        // The samples, and min, p50, p90, p99, p99.9, max.
        let hundred: Vec<u32> = (1..=100).rev().collect();
        let thousand: Vec<u32> = (1..=1000).collect();
        let table: [(&[u32], [u64; 6]); 6] = [
            (&[7], [7; 6]),
            (&[1, 3], [1, 1, 3, 3, 3, 3]),
            (&[3, 1, 2], [1, 2, 3, 3, 3, 3]),
            (&hundred, [1, 50, 90, 99, 100, 100]),
            (&thousand, [1, 500, 900, 990, 999, 1000]),
            (&[0, 0, 0, u32::MAX], [0, 0, u32::MAX as u64, u32::MAX as u64, u32::MAX as u64, u32::MAX as u64]),
        ];
        for (samples, expected) in table {
            let l = Latency::of(&mut samples.to_vec(), 2.0).unwrap();
            assert_eq!([l.min, l.p50, l.p90, l.p99, l.p999, l.max], expected, "{samples:?}");
            assert_eq!(l.rounds, samples.len() as u64);
            assert_eq!(l.histogram.iter().map(|(_, n)| n).sum::<u64>(), l.rounds, "each sample lies in one bucket");
        }
        assert_eq!(Latency::of(&mut [], 0.0), None);
    }

    #[test]
    fn a_tail_is_the_time_of_the_slowest_hundredth() {
        let mut samples = vec![10; 99];
        samples.push(990);
        // The slowest two: at the 99th percentile and above.
        let tail = Latency::of(&mut samples, 0.0).unwrap().tail;
        assert!((tail - 1000.0 / 1980.0).abs() < 1e-9, "{tail}");
        assert!(Latency::of(&mut [0, 0], 0.0).unwrap().tail.abs() < 1e-9);
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for value in (0..5000).chain([65_535, 65_536, 1_000_003, u64::from(u32::MAX), u64::MAX / 2]) {
            let (start, end) = (bucket(value), next_bucket(bucket(value)));
            assert!(start <= value && value < end, "{value}: {start}..{end}");
            assert_eq!(bucket(end), end, "{value}");
            // An eighth at most.
            assert!(end - start <= 1 + start / PER_DOUBLING, "{value}");
        }
        assert_eq!(histogram(&[1, 1, 100, 101, 104, 5000]), [(1, 2), (96, 2), (104, 1), (4608, 1)]);
    }

    #[test]
    fn what_was_lost_is_no_speed() {
        // Three bursts of ten messages of 100 bytes in 1 ms, of which the second came half.
        let t = Throughput::of(&[(1000, 1_000_000), (500, 1_000_000), (1000, 500_000)], 100, 5, 0.0).unwrap();
        assert_eq!((t.messages, t.lost), (25, 5));
        assert_eq!([t.low, t.median, t.high].map(|rate| rate as u64), [500_000, 1_000_000, 2_000_000]);
        assert!((t.loss() - 1.0 / 6.0).abs() < 1e-9);
        assert_eq!(Throughput::of(&[], 1, 0, 0.0), None);
    }

    #[test]
    fn a_spread_has_its_middle() {
        let spread = Spread::of(&mut [3.0, 1.0, 2.0]).unwrap();
        assert_eq!([spread.low, spread.median, spread.high].map(|value| value as u64), [1, 2, 3]);
        assert_eq!(Spread::of(&mut []), None);
    }

    #[test]
    fn load_is_busy_by_either_share() {
        for (foreign, steal, busy) in
            [(None, None, false), (Some(0.01), None, false), (Some(0.5), Some(0.0), true), (Some(0.0), Some(0.2), true)]
        {
            assert_eq!(Load { foreign, steal }.is_busy(), busy, "{foreign:?} {steal:?}");
        }
    }
}
