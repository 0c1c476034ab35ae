//! Figures: percentiles, medians of runs, and what else the machine was doing.

use std::fmt::Display;
use std::time::Duration;

/// How often each row is measured, A and B in turn.
pub(super) const RUNS: usize = 7;

/// The value below which `share` of all lie.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

pub(super) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

pub(super) fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

/// A figure of several runs: `12.3 us (11.9 to 14.0)`.
pub(super) fn spread(values: &[f64], unit: &str) -> String {
    let (low, high) = (percentile(values, 0.0), percentile(values, 1.0));
    format!("{:.2}{unit} ({low:.2} to {high:.2})", median(values))
}

/// The ratios of two rows of runs, pair by pair.
pub(super) fn ratios(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a / b).collect()
}

pub(super) fn line(what: impl Display, figure: impl Display) {
    println!("  {what:<46} {figure}");
}

/// A ratio with the most that it should be.
pub(super) fn bar(what: &str, values: &[f64], most: f64) {
    let met = if median(values) <= most { "" } else { "  MORE" };
    line(what, format!("{}, at most {most:.2}{met}", spread(values, "x")));
}

/// Nanoseconds for which a process has had a processor, all its threads together.
pub(super) fn cpu_ns(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let schedstat = |entry: std::fs::DirEntry| {
        let text = std::fs::read_to_string(entry.path().join("schedstat")).ok()?;
        text.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    tasks.into_iter().flatten().flatten().filter_map(schedstat).sum()
}

pub(super) fn about_this_machine() {
    let kernel = nix::sys::utsname::uname()
        .map_or_else(|_| "?".to_owned(), |name| name.release().to_string_lossy().into_owned());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    println!("Linux {kernel}, {processors} processors, load {}", load.trim());
    println!("medians of {RUNS} runs, A and B in turn; in parentheses the least and the most");
}
