//! Experiments that were asked for: which run, which wait, and what was found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::text::{Line, Span};

use crate::claim::{Finding, Verdict};
use crate::lesson::proofs::{self, Proofs};
use crate::tui::app::{Notice, Out};
use crate::tui::panes;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::work::{Job, Order, Said, What};

/// What is known of an experiment.
#[derive(Debug, Clone, Copy)]
pub(super) enum State<'a> {
    /// It was not run yet.
    Unknown,
    /// Others come first.
    Waiting,
    /// It runs: which part of how many, and whether it is the counter-run.
    Runs(usize, usize, bool),
    /// What was found.
    Found(&'a Finding),
}

/// What runs.
#[derive(Debug)]
struct Running {
    number: u64,
    cancelled: Arc<AtomicBool>,
    /// Those that have not come to their end.
    left: Vec<String>,
    all: usize,
    doing: Option<(String, usize, usize, bool)>,
}

/// All that was asked for.
#[derive(Debug, Default)]
pub(super) struct Lab {
    found: BTreeMap<String, Finding>,
    running: Option<Running>,
}

impl Lab {
    /// Whether something runs.
    pub(super) const fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Runs these, one after the other.
    pub(super) fn prove(&mut self, jobs: Vec<Job>, out: &mut Out) {
        if self.running.is_some() {
            out.notice(Notice::warning("experiments run already; Esc stops them"));
            return;
        }
        if jobs.is_empty() {
            return;
        }
        let (number, cancelled) = (out.next_stage(), Arc::new(AtomicBool::new(false)));
        let left: Vec<String> = jobs.iter().map(|job| job.key.clone()).collect();
        let all = left.len();
        self.running = Some(Running { number, cancelled: Arc::clone(&cancelled), left, all, doing: None });
        out.works.push(Order { number, what: What::Prove(jobs), cancelled });
    }

    /// Stops what runs; whether something did.
    pub(super) fn cancel(&self, out: &mut Out) -> bool {
        let Some(running) = &self.running else { return false };
        running.cancelled.store(true, Ordering::Relaxed);
        out.notice(Notice::warning("cancelled: the experiment stops before its next statement"));
        true
    }

    /// Learns what is said; gives the name of an experiment that has come to its end.
    pub(super) fn learn(&mut self, number: u64, said: Said, out: &mut Out) -> Option<String> {
        let running = self.running.as_mut().filter(|running| running.number == number)?;
        match said {
            Said::Doing { key, part, of, counter } => running.doing = Some((key, part, of, counter)),
            Said::Found(key, finding) => {
                running.left.retain(|other| *other != key);
                running.doing = None;
                if finding.verdict != Verdict::Cancelled {
                    self.found.insert(key.clone(), *finding);
                    return Some(key);
                }
            }
            Said::Swapped(_) => {}
            Said::Failed(why) => out.notice(Notice::error(why)),
            Said::Ended => self.running = None,
        }
        None
    }

    /// What is known of one.
    pub(super) fn state(&self, key: &str) -> State<'_> {
        if let Some(running) = &self.running {
            match &running.doing {
                Some((doing, part, of, counter)) if doing == key => return State::Runs(*part, *of, *counter),
                _ if running.left.iter().any(|left| left == key) => return State::Waiting,
                _ => {}
            }
        }
        self.found.get(key).map_or(State::Unknown, State::Found)
    }

    /// How far it is, for the header.
    pub(super) fn status(&self, theme: &Theme) -> Vec<Span<'static>> {
        let Some(running) = &self.running else { return Vec::new() };
        let done = running.all - running.left.len();
        let words = match &running.doing {
            Some((_, part, of, counter)) => {
                let what = if *counter { ", counter-run" } else { "" };
                format!("experiment {} of {}: part {part} of {of}{what}", done + 1, running.all)
            }
            None => format!("experiment {} of {}", (done + 1).min(running.all), running.all),
        };
        vec![Span::styled(words, theme.style(Role::Running))]
    }
}

/// The glyph of a verdict or of what stands in its place.
pub(super) fn mark(state: State<'_>, theme: &Theme) -> Span<'static> {
    let glyphs = theme.glyphs;
    let (glyph, role) = match state {
        State::Unknown => (glyphs.open, Role::Dim),
        State::Waiting => (glyphs.asleep, Role::Dim),
        State::Runs(..) => (glyphs.running, Role::Running),
        State::Found(finding) => match finding.verdict {
            Verdict::Holds => (glyphs.yes, Role::Good),
            Verdict::Differs { .. } => (glyphs.no, Role::Error),
            Verdict::NotHere(_) | Verdict::Cancelled => (glyphs.dash, Role::Warning),
        },
    };
    Span::styled(glyph, theme.style(role))
}

/// A tick for what was proved, now or before, or what stands in its place.
pub(super) fn kept_mark(key: &str, lab: &Lab, proofs: &Proofs, theme: &Theme) -> Span<'static> {
    match lab.state(key) {
        State::Unknown => match proofs.kernel(key) {
            Some(kernel) if kernel == proofs::kernel() => Span::styled(theme.glyphs.yes, theme.style(Role::Good)),
            Some(_) => Span::styled(theme.glyphs.yes, theme.style(Role::Dim)),
            None => Span::raw(" "),
        },
        state => mark(state, theme),
    }
}

/// What was seen, in lines of at most `width` columns.
pub(super) fn told(state: State<'_>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut say = |indent: usize, role: Role, words: &str| {
        for line in text::wrap(words, width.saturating_sub(indent)) {
            lines.push(Line::from(Span::styled(format!("{}{line}", " ".repeat(indent)), theme.style(role))));
        }
    };
    match state {
        State::Unknown => {}
        State::Waiting => say(0, Role::Dim, "waits for its turn"),
        State::Runs(part, of, counter) => {
            let what = if counter { ": the counter-run, which must not come out the same" } else { "" };
            say(0, Role::Running, &format!("part {part} of {of}{what}"));
        }
        State::Found(finding) => {
            match &finding.verdict {
                Verdict::Holds => say(0, Role::Good, "holds on this machine"),
                Verdict::Differs { part, statement, expected, seen } => {
                    say(0, Role::Error, &format!("differs here: {part}"));
                    if let Some(statement) = statement {
                        say(2, Role::Code, statement);
                    }
                    say(2, Role::Text, &format!("expected {expected}"));
                    say(2, Role::Text, &format!("seen {seen}"));
                }
                Verdict::NotHere(why) => say(0, Role::Warning, &format!("cannot be shown here: {why}")),
                Verdict::Cancelled => {}
            }
            for shown in &finding.shown {
                for (i, line) in text::wrap(&shown.shows, width.saturating_sub(2)).into_iter().enumerate() {
                    let mark = if i == 0 { theme.glyphs.yes } else { " " };
                    lines.push(Line::from(vec![
                        Span::styled(format!("{mark} "), theme.style(Role::Good)),
                        Span::styled(line, theme.style(Role::Text)),
                    ]));
                }
                for met in &shown.met {
                    let spans = vec![
                        Span::raw("  "),
                        panes::mark(met.evidence, theme),
                        Span::styled(format!(" {}", met.expectation), theme.style(Role::Code)),
                    ];
                    lines.push(Line::from(text::clip_spans(spans, width, theme.glyphs.more)));
                }
                if let Some((counter, seen)) = &shown.counter {
                    for line in text::wrap(&format!("but not where {counter}: {seen}"), width.saturating_sub(2)) {
                        lines.push(Line::from(Span::styled(format!("  {line}"), theme.style(Role::Dim))));
                    }
                }
            }
        }
    }
    lines
}
