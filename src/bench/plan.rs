//! What shall be measured: facilities, sizes, placements; and in which order.

use serde::{Deserialize, Serialize};

use super::transport;
use crate::script::nearest;

/// Bytes of a message, from the least to the most that is asked for unless told otherwise.
pub const SIZES: [u64; 6] = [1, 64, 1024, 4096, 65_536, 1_048_576];
/// The sizes of a quick run.
pub const QUICK_SIZES: [u64; 2] = [1, 65_536];
/// The largest message that can be asked for.
pub const SIZE_MAX: u64 = 1 << 20;

/// Where the two processes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Both on one processor, so that each message costs a switch from one to the other.
    SameCore,
    /// On two processors, so that each message that wakes somebody costs a wake-up of another processor.
    Across,
}

impl Placement {
    /// In the order of tables.
    pub const ALL: [Self; 2] = [Self::SameCore, Self::Across];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::SameCore => "same core",
            Self::Across => "across cores",
        }
    }
}

/// What is measured of a facility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// From sending a message until the answer is there.
    RoundTrip,
    /// From sending a message until the other process has it, by one clock that both read.
    OneWay,
    /// How much goes through when one process sends as fast as it can and the other takes it all.
    Throughput,
}

impl Kind {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::RoundTrip => "round trip",
            Self::OneWay => "one way",
            Self::Throughput => "throughput",
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The facility's id.
    pub facility: String,
    /// What of it.
    pub kind: Kind,
    /// Where the processes run.
    pub placement: Placement,
    /// Bytes of a message.
    pub size: u64,
}

/// Everything that shall be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Ids of facilities, in the order of [`transport::ALL`].
    pub facilities: Vec<String>,
    /// Bytes of a message, ascending.
    pub sizes: Vec<u64>,
    /// In the order of [`Placement::ALL`].
    pub placements: Vec<Placement>,
    /// Whether the machine's limits are measured too.
    pub limits: bool,
    /// How long one measurement shall take, in ns, without its warm-up.
    pub budget_ns: u64,
}

impl Plan {
    /// Everything, within about a minute and a half; or a first impression within about ten seconds.
    pub fn new(quick: bool) -> Self {
        Self {
            facilities: transport::ALL.iter().map(|f| f.id.to_owned()).collect(),
            sizes: if quick { QUICK_SIZES.to_vec() } else { SIZES.to_vec() },
            placements: Placement::ALL.to_vec(),
            limits: true,
            budget_ns: if quick { 40_000_000 } else { 150_000_000 },
        }
    }

    /// Keeps of the facilities those with these ids; a group such as `shm` or `unix` means all whose ids begin so.
    ///
    /// # Errors
    /// The word that means none, with the nearest that does.
    pub fn only(&mut self, words: &[String]) -> Result<(), String> {
        if words.is_empty() {
            return Ok(());
        }
        let ids = || transport::ALL.iter().map(|f| f.id);
        let means =
            |word: &str, id: &str| id == word || id.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'));
        for word in words {
            if !ids().any(|id| means(word, id)) {
                let all: Vec<&str> = ids().collect();
                let help = nearest(word, ids().chain(["shm", "unix"])).map_or_else(
                    || format!("; there are {}", all.join(", ")),
                    |near| format!("; did you mean {near}?"),
                );
                return Err(format!("there is no facility {word} to measure{help}"));
            }
        }
        self.facilities = ids().filter(|id| words.iter().any(|word| means(word, id))).map(str::to_owned).collect();
        Ok(())
    }

    /// Takes these sizes instead: numbers, `4K` and `1M` too, with commas between.
    ///
    /// # Errors
    /// What is no size, or none that can be measured.
    pub fn with_sizes(&mut self, text: &str) -> Result<(), String> {
        let mut sizes = text.split(',').map(|word| size(word.trim())).collect::<Result<Vec<u64>, String>>()?;
        sizes.sort_unstable();
        sizes.dedup();
        self.sizes = sizes;
        Ok(())
    }

    /// The measurements in turn: all of one facility, then the next, so that what is there after half the time is whole.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for facility in &self.facilities {
            for &placement in &self.placements {
                let mut step = |kind, size| steps.push(Step { facility: facility.clone(), kind, placement, size });
                if let Some(&least) = self.sizes.first() {
                    step(Kind::OneWay, least);
                }
                self.sizes.iter().for_each(|size| step(Kind::RoundTrip, *size));
                self.sizes.iter().for_each(|size| step(Kind::Throughput, *size));
            }
        }
        steps
    }
}

fn size(word: &str) -> Result<u64, String> {
    let (digits, unit) = match word.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1 << 10),
        None => word.strip_suffix(['m', 'M']).map_or((word, 1), |digits| (digits, 1 << 20)),
    };
    let size = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    match size {
        Some(size @ 1..=SIZE_MAX) => Ok(size),
        _ => Err(format!("{word:?} is no size of a message; sizes are 1 to 1M bytes, such as 1,64,4K,1M")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&w| w.to_owned()).collect()
    }

    #[test]
    fn facilities_are_chosen_by_id_or_group() {
        let chosen = |asked: &[&str]| {
            let mut plan = Plan::new(true);
            plan.only(&words(asked)).map(|()| plan.facilities.join(" "))
        };
        assert_eq!(chosen(&["tcp", "pipe"]).unwrap(), "pipe tcp");
        assert_eq!(chosen(&["unix"]).unwrap(), "unix-stream unix-datagram unix-seqpacket");
        assert_eq!(chosen(&["unix", "unix-stream"]).unwrap().matches("unix-stream").count(), 1);
        assert_eq!(chosen(&[]).unwrap().split(' ').count(), transport::ALL.len());
        for (wrong, near) in
            [("pip", "did you mean pipe?"), ("smh", "did you mean shm?"), ("avian", "there are pipe, ")]
        {
            let error = chosen(&[wrong]).unwrap_err();
            assert!(error.contains(wrong) && error.contains(near), "{error}");
        }
    }

    #[test]
    fn sizes_have_units_and_bounds() {
        let chosen = |text: &str| {
            let mut plan = Plan::new(false);
            plan.with_sizes(text).map(|()| plan.sizes)
        };
        assert_eq!(chosen("64, 1,4K,1m,1"), Ok(vec![1, 64, 4096, 1 << 20]));
        for wrong in ["", "0", "x", "1,,2", "2M", "-1", "99999999999999999999", "18014398509481985K", "K"] {
            assert!(chosen(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn steps_go_facility_by_facility() {
        let mut plan = Plan::new(true);
        plan.only(&words(&["pipe", "tcp"])).unwrap();
        let steps = plan.steps();
        // Both placements, each one way once, and round trip and throughput for each size.
        assert_eq!(steps.len(), 2 * 2 * (1 + 2 * QUICK_SIZES.len()));
        assert!(steps[..steps.len() / 2].iter().all(|step| step.facility == "pipe"));
        assert_eq!((steps[0].kind, steps[0].size), (Kind::OneWay, 1));
    }
}
