//! The mouse on a desk: a click takes the keys to where it points, and chooses a card or a pane.

use ratatui::layout::{Position, Rect};

use super::{Desk, Place};
use crate::tui::stage_view::Focus;

/// What lies at some place of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// A card or a pane.
    Node(Focus),
    /// A column.
    Place(Place),
}

impl Desk {
    /// Notes what was drawn where; what is noted later lies above.
    pub(super) fn drawn(&self, area: Rect, spot: Spot) {
        self.spots.borrow_mut().push((area, spot));
    }

    /// A click; whether it was on the card or pane that was chosen already.
    pub(in crate::tui) fn click(&mut self, at: Position) -> bool {
        let spot = self.spots.borrow().iter().rev().find(|(area, _)| area.contains(at)).map(|(_, spot)| spot.clone());
        match spot {
            Some(Spot::Node(focus)) => {
                self.place = Place::Stage;
                self.stage.focus.replace(focus.clone()) == Some(focus)
            }
            Some(Spot::Place(place)) => {
                self.place = place;
                false
            }
            None => false,
        }
    }
}
