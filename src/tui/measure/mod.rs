//! The screen Measure: what each facility costs on this machine, as charts, beside the machine's limits.

mod card;
mod chart;
pub(super) mod room;
mod scale;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::app::{Notice, Out};
use super::keys::Action;
use super::layout;
use super::text;
use super::theme::{Role, Theme};
use crate::bench::words::{moment, share};
use crate::bench::{ALL, Entry, Event, History, Kind, Load, Outcome, Placement, Plan, Run, SIZES, Step, Stop, Subject};
use crate::plain::bench::now;
use room::Said;

/// What runs. Dropped, it ends.
#[derive(Debug)]
pub(super) struct Running {
    number: u64,
    /// The facilities that are measured.
    facilities: Vec<String>,
    stop: Option<Stop>,
    asked: bool,
    done: usize,
    of: usize,
    now: String,
    entry: Option<Entry>,
}

/// The screen's state.
#[derive(Debug)]
pub(super) struct Measure {
    history: History,
    running: Option<Running>,
    at: usize,
    kind: Kind,
    placement: Placement,
    size: u64,
    /// Whether the card is shown in place of the chart where there is no room for both.
    card: bool,
}

/// What a screen wants from the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing more.
    Stay,
    /// Back to the menu.
    Leave,
}

impl Measure {
    /// With what was measured before.
    pub(super) const fn new(history: History) -> Self {
        Self {
            history,
            running: None,
            at: 0,
            kind: Kind::RoundTrip,
            placement: Placement::SameCore,
            size: 1,
            card: false,
        }
    }

    /// Chooses the facility of that id, if there is one.
    pub(super) fn choose(&mut self, id: &str) {
        self.at = ALL.iter().position(|subject| subject.id == id).unwrap_or(self.at);
    }

    /// What was measured until now.
    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    /// Whether something is being measured.
    pub(super) const fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// What was measured, the newest first.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let running = self.running.as_ref().and_then(|running| running.entry.as_ref());
        running.into_iter().chain(self.history.entries().iter().rev())
    }

    /// What is being measured, else what was measured last.
    fn newest(&self) -> Option<&Entry> {
        self.entries().next()
    }

    /// The runs of a step, the newest first. One that came to no figures counts as the newest only.
    fn runs(&self, step: Step) -> impl Iterator<Item = (&Entry, &Run)> {
        let of = move |entry: &'_ Entry| entry.runs.iter().position(|run| run.step == step);
        let all = self.entries().filter_map(move |entry| Some((entry, &entry.runs[of(entry)?])));
        all.enumerate().filter(|(n, (_, run))| *n == 0 || !matches!(run.outcome, Outcome::Not(_))).map(|(_, pair)| pair)
    }

    /// What the chart is about.
    fn step(&self, subject: &Subject, kind: Kind) -> Step {
        Step { facility: subject.id.to_owned(), kind, placement: self.placement, size: self.size }
    }

    /// The last run of a facility that is shown, and when that was.
    fn run(&self, subject: &Subject, kind: Kind) -> Option<(&Entry, &Run)> {
        self.runs(self.step(subject, kind)).next()
    }

    /// What it came to the time before.
    fn before(&self, step: &Step) -> Option<&Outcome> {
        self.runs(step.clone()).nth(1).map(|(_, run)| &run.outcome)
    }

    /// A limit of the machine, as it was measured last.
    fn limit(&self, id: &str) -> Option<f64> {
        self.entries().find_map(|entry| Some(entry.limit(id)?.figures.as_ref().ok()?.median))
    }

    /// The sizes that were measured of this kind.
    fn sizes(&self) -> Vec<u64> {
        let runs = self.entries().flat_map(|entry| &entry.runs);
        let mut sizes: Vec<u64> = runs.filter(|run| run.step.kind == self.kind).map(|run| run.step.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.is_empty() { SIZES.to_vec() } else { sizes }
    }

    fn chosen(&self) -> &'static Subject {
        &ALL[self.at.min(ALL.len() - 1)]
    }

    /// Whether a facility is among those that are being measured.
    fn is_to_come(&self, subject: &Subject) -> bool {
        self.running.as_ref().is_some_and(|running| running.facilities.iter().any(|id| id == subject.id))
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, out: &mut Out) -> Wish {
        let kinds = [Kind::RoundTrip, Kind::OneWay, Kind::Throughput];
        let kind = kinds.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        match action {
            Action::Up => self.at = self.at.saturating_sub(1),
            Action::Down => self.at = (self.at + 1).min(ALL.len() - 1),
            Action::Top => self.at = 0,
            Action::Bottom => self.at = ALL.len() - 1,
            Action::Left => self.kind = kinds[(kind + kinds.len() - 1) % kinds.len()],
            Action::Right => self.kind = kinds[(kind + 1) % kinds.len()],
            Action::Placement => {
                self.placement = match self.placement {
                    Placement::SameCore => Placement::Across,
                    Placement::Across => Placement::SameCore,
                }
            }
            Action::Size => {
                let sizes = self.sizes();
                let next = sizes.iter().find(|size| **size > self.size).or_else(|| sizes.first());
                self.size = next.copied().unwrap_or(self.size);
            }
            Action::Pane | Action::PaneBack => self.card = !self.card,
            Action::Measure => self.start(Plan::new(false), out),
            Action::MeasureQuick => self.start(Plan::new(true), out),
            // Nothing stands there to choose from yet.
            Action::MeasureOne if self.newest().is_none() => {
                out.notice(Notice::warning("nothing is chosen yet: first measure all, or all of it quickly"));
            }
            Action::MeasureOne => {
                let mut plan = Plan::new(false);
                plan.facilities = vec![self.chosen().id.to_owned()];
                self.start(plan, out);
            }
            Action::Cancel => return self.cancel(out),
            _ => {}
        }
        if !self.sizes().contains(&self.size) {
            self.size = self.sizes().first().copied().unwrap_or(1);
        }
        Wish::Stay
    }

    fn start(&mut self, plan: Plan, out: &mut Out) {
        if self.running.is_some() {
            out.notice(Notice::warning("something is being measured already; Esc stops it"));
            return;
        }
        self.running = Some(Running::begin(plan, out));
    }

    fn cancel(&mut self, out: &mut Out) -> Wish {
        let Some(running) = &mut self.running else {
            return if std::mem::take(&mut self.card) { Wish::Stay } else { Wish::Leave };
        };
        running.cancel(out);
        Wish::Stay
    }

    /// Whether what is said with that number is for it.
    pub(super) fn measures(&self, number: u64) -> bool {
        self.running.as_ref().is_some_and(|running| running.is(number))
    }

    /// Learns what is said of its measuring.
    pub(super) fn learn(&mut self, said: Said, out: &mut Out) {
        let Some(running) = self.running.as_mut() else { return };
        match running.hear(said, out) {
            Heard::More => {}
            Heard::Over(history) => {
                self.running = None;
                if let Some(history) = history {
                    self.history = *history;
                }
            }
        }
    }

    /// What stands at the right of the header.
    pub(super) fn status(&self, theme: &Theme) -> Vec<Span<'static>> {
        let Some(running) = &self.running else { return Vec::new() };
        vec![Span::styled(format!("{} {}", theme.glyphs.running, running.words()), theme.style(Role::Running))]
    }

    /// Draws the screen.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, theme: &Theme, keys: &[String; 2]) {
        let (head, area) = (Rect { height: area.height.min(1), ..area }, below(area, 1));
        let wide = area.width >= layout::WIDE;
        layout::line_at(head, 0, buffer, &self.head(usize::from(head.width), theme));
        let (left, right) = if wide {
            let (left, right) = layout::left(area, area.width * 57 / 100);
            (Some(left), Some(right))
        } else if self.card {
            (None, Some(area))
        } else {
            (Some(area), None)
        };
        if let Some(area) = left {
            let lines =
                chart::lines(self, usize::from(area.width.saturating_sub(2)), usize::from(area.height), theme, keys);
            draw(layout::inset(area, 1, 0), buffer, lines, theme);
        }
        if let Some(area) = right {
            let inner = layout::window(area, buffer, theme, &card::title(self));
            let lines = card::lines(self, usize::from(inner.width), usize::from(inner.height), theme);
            draw(inner, buffer, lines, theme);
        }
    }

    /// On what it was measured, and what else that did.
    fn head(&self, width: usize, theme: &Theme) -> Line<'static> {
        let Some(entry) = self.newest() else {
            let words = self.history.notice().unwrap_or("nothing has been measured on this machine yet");
            let words = text::clip(&format!(" {words}"), width, theme.glyphs.more);
            return Line::from(Span::styled(words, theme.style(Role::Dim)));
        };
        let right = if self.running.is_some() {
            Vec::new()
        } else {
            let role = if entry.load.is_busy() { Role::Warning } else { Role::Dim };
            vec![Span::styled(format!("{} ", load(&entry.load)), theme.style(role))]
        };
        let left = format!(" {} UTC {} {}", moment(entry.machine.when), theme.glyphs.dot, entry.machine.words());
        text::spread(vec![Span::styled(left, theme.style(Role::Dim))], right, width, theme.glyphs.more)
    }
}

/// What was heard of a measuring.
pub(super) enum Heard {
    /// It goes on.
    More,
    /// It is over; the history with it, if it could begin.
    Over(Option<Box<History>>),
}

impl Running {
    /// Has something measured.
    pub(super) fn begin(plan: Plan, out: &mut Out) -> Self {
        let number = out.next_stage();
        let facilities = plan.facilities.clone();
        out.measures.push(room::Order { number, plan });
        Self { number, facilities, stop: None, asked: false, done: 0, of: 0, now: String::new(), entry: None }
    }

    /// Whether what is said with that number is said of it.
    pub(super) const fn is(&self, number: u64) -> bool {
        self.number == number
    }

    /// Ends it before its time.
    pub(super) fn cancel(&mut self, out: &mut Out) {
        self.asked = true;
        if let Some(stop) = &self.stop {
            stop.stop();
        }
        out.notice(Notice::warning("cancelled: what was measured until now is kept"));
    }

    /// How far it is.
    pub(super) fn words(&self) -> String {
        if self.of == 0 {
            return "about to measure".to_owned();
        }
        format!("{} of {}: {}", self.done, self.of, self.now)
    }

    /// What was measured until now.
    pub(super) const fn entry(&self) -> Option<&Entry> {
        self.entry.as_ref()
    }

    /// Hears what is said of it.
    pub(super) fn hear(&mut self, said: Said, out: &mut Out) -> Heard {
        match said {
            Said::Begun(stop) => {
                // It was cancelled before it had begun.
                if self.asked {
                    stop.stop();
                }
                self.stop = Some(stop);
            }
            Said::Told(event) => self.learn(*event, out),
            Said::Over(history, why) => {
                if let Some(why) = why {
                    out.notice(Notice::warning(why));
                }
                return Heard::Over(Some(history));
            }
            Said::Failed(why) => {
                out.notice(Notice::error(why));
                return Heard::Over(None);
            }
        }
        Heard::More
    }

    fn learn(&mut self, event: Event, out: &mut Out) {
        match event {
            Event::Begun { machine, of } => {
                self.of = of;
                "the machine's limits".clone_into(&mut self.now);
                self.entry = Some(Entry { machine, load: Load::default(), limits: Vec::new(), runs: Vec::new() });
            }
            Event::Now(step) => self.now = now(&step),
            Event::Limit(limit) => {
                self.done += 1;
                self.entry.iter_mut().for_each(|entry| entry.limits.push(limit.clone()));
            }
            Event::Run(run) => {
                self.done += 1;
                self.entry.iter_mut().for_each(|entry| entry.runs.push(run.clone()));
            }
            Event::Failed(why) => out.notice(Notice::error(why)),
            Event::Over { load, .. } => self.entry.iter_mut().for_each(|entry| entry.load = load),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = &self.stop {
            stop.stop();
        }
    }
}

/// What else a machine did, in words.
fn load(load: &Load) -> String {
    match (load.foreign, load.steal) {
        (Some(foreign), Some(steal)) if steal >= 0.01 => {
            format!("others used {} of it, {} was stolen", share(foreign), share(steal))
        }
        (Some(foreign), _) => format!("others used {} of it", share(foreign)),
        (None, _) => "what others used is unknown".to_owned(),
    }
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

fn draw(area: Rect, buffer: &mut Buffer, lines: Vec<Line<'static>>, theme: &Theme) {
    let ascii = theme.glyphs.more.is_ascii();
    for (y, mut line) in lines.into_iter().take(usize::from(area.height)).enumerate() {
        // The letter of microseconds, which has a twin like any glyph.
        for span in line.spans.iter_mut().filter(|span| ascii && span.content.contains('µ')) {
            span.content = span.content.replace('µ', "u").into();
        }
        layout::line_at(area, y as u16, buffer, &line);
    }
}
