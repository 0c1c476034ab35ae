//! What there is to choose from, as screens: the map, the comparison, the chooser, and a scenario on two facilities.

mod choose;
mod compare;
mod lab;
mod map;
mod swap;

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use super::app::{Notice, Out};
use super::keys::{Action, Context};
use super::lessons::Lessons;
use super::theme::Theme;
use super::work::Said;
use crate::atlas::swap::scenario;
use crate::bench::History;
use crate::claim::Verdict;
use crate::lesson::proofs::Proofs;
use crate::script::Statement;
use choose::Chooser;
use compare::Table;
use lab::{Lab, State};
use map::MapView;
use swap::Swap;

/// Which of the screens is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum View {
    /// The taxonomy.
    #[default]
    Map,
    /// The comparison.
    Compare,
    /// The chooser.
    Choose,
    /// A scenario on two facilities.
    Swap,
}

/// What a screen wants from the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing more.
    Stay,
    /// Back to where one came from.
    Leave,
    /// These statements on a stage in Play; what they are.
    Play(Vec<Statement>, String),
    /// The lesson of that id.
    Lesson(String),
}

/// The screens, with what experiments have shown.
#[derive(Debug, Default)]
pub(super) struct Atlas {
    view: View,
    map: MapView,
    table: Table,
    chooser: Chooser,
    swap: Swap,
    /// From where the swap was asked for, if it was from one of these screens.
    under: Option<View>,
    lab: Lab,
    /// What each facility costs here, as far as it was measured.
    costs: BTreeMap<&'static str, String>,
    /// What the learner has proved, now and before.
    pub(super) proofs: Proofs,
}

/// What a screen may look at besides itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The styles.
    pub(super) theme: &'a Theme,
    /// The lessons, if there are any.
    pub(super) lessons: Option<&'a Lessons>,
}

impl Atlas {
    /// Goes to one of the screens.
    pub(super) const fn show(&mut self, view: View) {
        self.view = view;
    }

    /// Learns what was measured on this machine.
    pub(super) fn measured(&mut self, history: &History) {
        self.costs = crate::plain::cost::costs(history);
    }

    /// What the measuring room calls what is chosen on the map; empty if it is not measured.
    pub(super) fn chosen(&self) -> &'static str {
        self.map.leaf().map_or("", |leaf| leaf.measured.as_str())
    }

    /// In which context keys are pressed.
    pub(super) const fn context(&self) -> Context {
        match self.view {
            View::Map if self.map.typing => Context::Field,
            View::Map => Context::Map,
            View::Compare => Context::Compare,
            View::Choose => Context::Choose,
            View::Swap => Context::Swap,
        }
    }

    /// What the screen is called.
    pub(super) const fn title(&self) -> &'static str {
        match self.view {
            View::Map => "Map",
            View::Compare => "Compare",
            View::Choose => "Choose",
            View::Swap => "Swap",
        }
    }

    /// What stands at the right of the header.
    pub(super) fn status(&self, theme: &Theme) -> Vec<Span<'static>> {
        self.lab.status(theme)
    }

    /// A key that no action took.
    pub(super) fn key(&mut self, key: KeyEvent) {
        match self.view {
            View::Map => self.map.key(key),
            View::Compare | View::Choose | View::Swap => {}
        }
    }

    /// Pasted text.
    pub(super) fn paste(&mut self, text: &str) {
        match self.view {
            View::Map => self.map.paste(text),
            View::Compare | View::Choose | View::Swap => {}
        }
    }

    /// What a key means here.
    pub(super) fn act(&mut self, action: Action, out: &mut Out) -> Wish {
        if action == Action::Cancel && self.context() != Context::Field && self.lab.cancel(out) {
            return Wish::Stay;
        }
        match (self.view, action) {
            (View::Compare, Action::ToMap) => {
                if let Some(row) = self.table.row() {
                    self.map.show(&row.id);
                    self.view = View::Map;
                }
                Wish::Stay
            }
            (View::Map, Action::ToCompare) => {
                if self.map.leaf().is_some_and(|leaf| self.table.show(&leaf.id)) {
                    self.view = View::Compare;
                } else {
                    out.notice(Notice::warning("it stands around the facilities, and is not compared"));
                }
                Wish::Stay
            }
            (View::Choose, Action::ToMap) => {
                if let Some(leaf) = self.chooser.leaf() {
                    self.map.show(&leaf.id);
                    self.view = View::Map;
                }
                Wish::Stay
            }
            (View::Map | View::Choose, Action::SwapIt) => {
                let leaf = if self.view == View::Map { self.map.leaf() } else { self.chooser.leaf() };
                let from = self.view;
                if leaf.is_some_and(|leaf| self.swap_with(scenario(&leaf.id), out)) {
                    self.under = Some(from);
                }
                Wish::Stay
            }
            (View::Choose, _) => self.chooser.act(action, &mut self.lab, out),
            (View::Swap, _) => match (self.swap.act(action, out), self.under) {
                (Wish::Leave, Some(under)) => {
                    (self.view, self.under) = (under, None);
                    Wish::Stay
                }
                (wish, _) => wish,
            },
            (View::Map, _) => self.map.act(action, &mut self.lab, out),
            (View::Compare, _) => self.table.act(action, &mut self.lab, out),
        }
    }

    /// Shows a scenario on two facilities; whether there is something in it to swap, which else is said.
    pub(super) fn swap_with(&mut self, statements: Vec<Statement>, out: &mut Out) -> bool {
        let found = !self.swap.is_busy() && self.swap.open(statements);
        if found {
            (self.view, self.under) = (View::Swap, None);
        } else {
            out.notice(Notice::warning("nothing in it is done with a facility that another could take the place of"));
        }
        found
    }

    /// Learns what is said of experiments.
    pub(super) fn learn(&mut self, number: u64, said: Said, out: &mut Out) {
        if self.swap.owns(number) {
            return self.swap.learn(said, out);
        }
        let Some(key) = self.lab.learn(number, said, out) else { return };
        let holds = matches!(self.lab.state(&key), State::Found(finding) if finding.verdict == Verdict::Holds);
        // Claims have ids of their own; what is kept are the answers of the table.
        if holds
            && key.contains('/')
            && let Err(why) = self.proofs.add(&key)
        {
            out.notice(Notice::warning(why));
        }
    }

    /// Whether experiments are being run.
    pub(super) const fn is_busy(&self) -> bool {
        self.lab.is_busy() || self.swap.is_busy()
    }

    /// Draws the screen; gives the cursor's place.
    pub(super) fn render(&self, area: Rect, buffer: &mut Buffer, sight: Sight<'_>) -> Option<Position> {
        match self.view {
            View::Map => self.map.render(area, buffer, &self.lab, &self.costs, sight),
            View::Choose => {
                self.chooser.render(area, buffer, &self.lab, &self.proofs, sight);
                None
            }
            View::Swap => {
                self.swap.render(area, buffer, sight.theme);
                None
            }
            View::Compare => {
                self.table.render(area, buffer, &self.lab, &self.proofs, sight.theme);
                None
            }
        }
    }
}
