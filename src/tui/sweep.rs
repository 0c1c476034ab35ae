//! Every view at every small size: nothing may panic, nothing may be drawn outside.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::fixtures;
use super::panes::{self, Sight};
use super::stage_view::{self, StageState, focusable};
use super::text::line_width;
use super::theme::{Palette, Theme};

fn dump(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn every_pane_keeps_its_width() {
    let (now, before) = (fixtures::everything(), fixtures::pipe_with_sleeper());
    for palette in [Palette::Ansi, Palette::Mono] {
        let theme = Theme::new(palette, palette == Palette::Mono);
        let sight = Sight { now: &now, before: Some(&before), theme: &theme, timeless: false };
        for width in 0..130 {
            for compact in [false, true] {
                for object in &now.objects {
                    for line in panes::lines(object, sight, width, compact) {
                        assert!(line_width(&line.spans) <= width, "{} at {width}: {line}", object.name);
                    }
                }
                for actor in &now.actors {
                    for line in panes::card(actor, sight, width, compact) {
                        assert!(line_width(&line.spans) <= width, "{} at {width}: {line}", actor.name);
                    }
                }
            }
        }
    }
}

#[test]
fn the_stage_fits_every_size() {
    let now = fixtures::everything();
    let theme = Theme::new(Palette::Dark, false);
    let sight = Sight { now: &now, before: None, theme: &theme, timeless: false };
    for focus in [None, focusable(&now).into_iter().nth(9)] {
        let state = StageState { focus, scroll: 3 };
        let small = (0..=20).flat_map(|w| (0..=10).map(move |h| (w, h)));
        for (w, h) in small.chain([(40, 12), (54, 3), (80, 24), (99, 30), (100, 30), (120, 40), (200, 60), (400, 5)]) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
            stage_view::render(Rect::new(0, 0, w, h), &mut buffer, sight, &state);
            // An area that is larger than the buffer is cut to it.
            stage_view::render(Rect::new(1, 1, w, h), &mut buffer, sight, &state);
        }
    }
}

#[test]
fn look() {
    let theme = Theme::new(Palette::Ansi, false);
    for (snapshot, w, h) in [
        (fixtures::pipe_with_sleeper(), 118, 12),
        (fixtures::pipe_with_bytes(), 76, 14),
        (fixtures::everything(), 118, 60),
        (fixtures::everything(), 78, 40),
    ] {
        let before = fixtures::pipe_with_sleeper();
        let sight = Sight { now: &snapshot, before: Some(&before), theme: &theme, timeless: false };
        let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
        stage_view::render(buffer.area, &mut buffer, sight, &StageState::default());
        println!("{}", dump(&buffer));
    }
}
