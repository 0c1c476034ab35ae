//! Every view at every small size: nothing may panic, nothing may be drawn outside.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::app::{App, Dirty, Opening};
use super::event::Event;
use super::fixtures;
use super::keys::{Chord, Keymap};
use super::lessons::{Lessons, Shelf};
use super::link::FromStage;
use super::measure::room::Said;
use super::panes::{self, Sight};
use super::stage_view::{self, StageState, focusable};
use super::text::line_width;
use super::theme::{Palette, Theme};
use crate::bench::History;
use crate::lesson::Pack;
use crate::lesson::progress::Progress;
use crate::model::Mode;
use crate::stage::{Outcome, Report, StageInfo};

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
        let sight = Sight { now: &now, before: Some(&before), theme: &theme, timeless: false, stuck: &[] };
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
    let sight = Sight { now: &now, before: None, theme: &theme, timeless: false, stuck: &[] };
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

/// A program in Play whose stage has said what it says in life, without a stage.
fn play(palette: Palette, ascii: bool, area: Rect, now: crate::model::Snapshot) -> App {
    let theme = Theme::new(palette, ascii);
    let mut app = App::new(theme, Keymap::default(), Vec::new(), Shelf::default(), Opening::Play(None), area);
    let info = StageInfo {
        mode: Mode::Isolated,
        why_shared: None,
        kernel: "6.18.0".into(),
        capabilities: Vec::new(),
        uid: 1000,
    };
    app.handle(Event::Stage(1, FromStage::Opened(Box::new(info))));
    for line in ["alice: pipe p", "bob: read p 100"] {
        type_in(&mut app, line);
        type_in(&mut app, "\r");
    }
    let mut settled = fixtures::pipe_with_sleeper();
    for (id, snapshot) in [(1, settled.clone()), (2, now)] {
        let calls = std::mem::take(&mut settled.actors[0].last).into_iter().collect();
        let statement = if id == 1 { "alice: pipe p" } else { "bob: read p 100" }.to_owned();
        let report = Report { id, statement, calls, outcome: Outcome::Settled, snapshot };
        app.handle(Event::Stage(1, FromStage::Ended(id, Box::new(report))));
    }
    app
}

fn type_in(app: &mut App, text: &str) {
    for c in text.chars() {
        let code = if c == '\r' { KeyCode::Enter } else { KeyCode::Char(c) };
        app.handle(Event::Input(Input::Key(KeyEvent::new(code, KeyModifiers::NONE))));
    }
}

fn press(app: &mut App, key: &str) {
    let chord = Chord::parse(key).unwrap();
    app.handle(Event::Input(Input::Key(KeyEvent::new(chord.code, chord.modifiers))));
}

fn drawn(app: &mut App, area: Rect) -> Buffer {
    let mut buffer = Buffer::empty(area);
    app.render(area, &mut buffer);
    buffer
}

#[test]
fn every_screen_at_every_size() {
    let small = (0..=20).flat_map(|w| (0..=10).map(move |h| (w, h)));
    let sizes: Vec<(u16, u16)> =
        small.chain([(40, 12), (41, 13), (60, 15), (80, 24), (99, 24), (100, 12), (120, 40), (200, 60)]).collect();
    for keys in [
        &[][..],
        &["esc"],
        &["esc", "tab"],
        &["f1"],
        &["f1", "tab"],
        &["ctrl-e"],
        &["esc", "down", "enter"],
        &["esc", "esc"],
        &["esc", "esc", "down", "down", "enter"],
        &["esc", "esc", "down", "down", "enter", "tab", "down", "down", "pagedown"],
        &["esc", "esc", "down", "down", "enter", "/", "q", "f1"],
        &["esc", "esc", "down", "down", "down", "enter", "down", "right", "right", "right", "pagedown"],
        &["esc", "esc", "down", "down", "down", "down", "enter", "space", "down", "space", "tab", "down", "down"],
        &["esc", "x"],
        &["esc", "x", "right", "enter", "down"],
    ] {
        let area = Rect::new(0, 0, 120, 40);
        let mut app = play(Palette::Ansi, false, area, fixtures::everything());
        for key in keys {
            press(&mut app, key);
        }
        for &(w, h) in &sizes {
            let area = Rect::new(0, 0, w, h);
            app.resize(area);
            drawn(&mut app, area);
        }
    }
}

#[test]
fn the_measuring_room_at_every_size() {
    let small = (0..=20).flat_map(|w| (0..=10).map(move |h| (w, h)));
    let sizes: Vec<(u16, u16)> =
        small.chain([(40, 12), (41, 13), (60, 15), (80, 24), (99, 24), (100, 12), (120, 40), (200, 60)]).collect();
    let measured = || History::of(include_bytes!("../../assets/measured.json"));
    assert!(!measured().entries().is_empty());
    let area = Rect::new(0, 0, 120, 40);
    for (history, ascii) in [(measured(), false), (measured(), true), (History::of(b""), false)] {
        let theme = Theme::new(if ascii { Palette::Mono } else { Palette::Ansi }, ascii);
        let opening = Opening::Measure(history);
        let mut app = App::new(theme, Keymap::default(), Vec::new(), Shelf::default(), opening, area);
        for key in ["home", "right", "right", "c", "z", "z", "end", "tab", "up", "left", "f1"] {
            press(&mut app, key);
            for &(w, h) in &sizes {
                let area = Rect::new(0, 0, w, h);
                app.resize(area);
                let text = dump(&drawn(&mut app, area));
                assert!(!ascii || text.is_ascii(), "{key} {w}x{h}\n{text}");
            }
        }
    }
}

#[test]
fn a_measuring_can_be_stopped_and_told() {
    let area = Rect::new(0, 0, 120, 40);
    let theme = Theme::new(Palette::Ansi, false);
    let opening = Opening::Measure(History::of(b""));
    let mut app = App::new(theme, Keymap::default(), Vec::new(), Shelf::default(), opening, area);
    press(&mut app, "Q");
    let order = app.out.measures.pop().unwrap();
    press(&mut app, "m");
    assert!(app.out.measures.is_empty(), "one at a time");
    assert!(app.is_busy());
    // It is stopped before it has begun.
    press(&mut app, "esc");
    let history = History::of(include_bytes!("../../assets/measured.json"));
    app.handle(Event::Measure(order.number, Said::Over(Box::new(history), Some("it is not kept".to_owned()))));
    assert!(!app.is_busy());
    let text = dump(&drawn(&mut app, area));
    assert!(text.contains("it is not kept") && text.contains("shm-signal"), "{text}");
    // What an older one says is nobody's.
    app.handle(Event::Measure(order.number, Said::Failed("nobody hears it".into())));
    assert!(!dump(&drawn(&mut app, area)).contains("nobody hears it"));
    press(&mut app, "esc");
    assert_eq!(app.context(), super::keys::Context::Menu);
}

#[test]
fn play_looks_so() {
    for (w, h) in [(40, 12), (80, 24), (120, 40)] {
        let area = Rect::new(0, 0, w, h);
        let mut app = play(Palette::Ansi, false, area, fixtures::pipe_with_sleeper());
        insta::assert_snapshot!(format!("play-{w}x{h}"), dump(&drawn(&mut app, area)));
    }
}

#[test]
fn play_looks_so_in_ascii() {
    let area = Rect::new(0, 0, 80, 24);
    let mut app = play(Palette::Mono, true, area, fixtures::pipe_with_sleeper());
    let text = dump(&drawn(&mut app, area));
    // What the fixture's own strings hold is the stage's, and stays.
    assert!(text.replace('…', "~").is_ascii(), "{text}");
    insta::assert_snapshot!("play-ascii-80x24", text);
}

/// What is cut short on a low screen is not cut where there is room left beside the cards of actors.
#[test]
fn panes_take_the_room_that_is_there() {
    let mut now = fixtures::everything();
    now.objects.retain(|o| matches!(o.facility(), "file" | "mq" | "shm"));
    let theme = Theme::new(Palette::Mono, true);
    let sight = Sight { now: &now, before: None, theme: &theme, timeless: true, stuck: &[] };
    let mut cut = 0;
    for height in 12..60 {
        let area = Rect::new(0, 0, 120, height);
        let mut buffer = Buffer::empty(area);
        stage_view::render(area, &mut buffer, sight, &StageState::default());
        let text = dump(&buffer);
        let free = |y: &u16| (45..75).all(|x| buffer[(x, *y)].symbol() == " ");
        let free = (0..height).filter(free).count();
        if text.contains("lines more") {
            cut += 1;
            assert!(free < 3, "{free} rows are free at {height}\n{text}");
        }
    }
    assert!(cut > 3, "nothing was ever cut");
}

#[test]
fn every_facility_looks_so() {
    let area = Rect::new(0, 0, 120, 70);
    let now = fixtures::everything();
    let theme = Theme::new(Palette::Ansi, false);
    let before = fixtures::pipe_with_sleeper();
    let sight = Sight { now: &now, before: Some(&before), theme: &theme, timeless: false, stuck: &[] };
    let mut buffer = Buffer::empty(area);
    stage_view::render(area, &mut buffer, sight, &StageState::default());
    insta::assert_snapshot!("every-facility-120x70", dump(&buffer));
}

/// A program in Learn, before its stage has said anything.
fn learn(lesson: &str, area: Rect) -> App {
    let pack = Pack::embedded(crate::facility::registry()).unwrap();
    let lessons = Lessons::new(pack, Progress::off(String::new()));
    let opening = Opening::Learn(Some(lesson.to_owned()));
    App::new(Theme::new(Palette::Dark, false), Keymap::default(), Vec::new(), lessons.into(), opening, area)
}

#[test]
fn a_lesson_that_the_stage_cannot_hold_says_what_is_lacking() {
    let area = Rect::new(0, 0, 80, 70);
    let mut app = learn("two-machines", area);
    let info = StageInfo {
        mode: Mode::Shared,
        why_shared: None,
        kernel: "6.18.0".into(),
        capabilities: Vec::new(),
        uid: 1000,
    };
    app.handle(Event::Stage(1, FromStage::Opened(Box::new(info))));
    press(&mut app, "enter");
    let page = dump(&drawn(&mut app, area));
    assert!(page.contains("lacks what the lesson needs: hosts") && !page.contains("being run"), "{page}");
}

#[test]
fn a_lesson_that_is_longer_than_the_screen_begins_at_its_beginning() {
    let area = Rect::new(0, 0, 80, 24);
    let mut app = learn("thundering-herd", area);
    let page = dump(&drawn(&mut app, area));
    for part in ["Your goal:", "Six in accept", "more lines"] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}

#[test]
fn a_statement_that_is_wrong_stays_with_its_error_below() {
    let area = Rect::new(0, 0, 80, 24);
    let mut app = play(Palette::Ansi, false, area, fixtures::pipe_with_sleeper());
    type_in(&mut app, "alice: wriet p\r");
    let text = dump(&drawn(&mut app, area));
    assert!(text.contains("alice: wriet p") && text.contains("^^^^^") && text.contains("write"), "{text}");
    type_in(&mut app, "x");
    assert!(!dump(&drawn(&mut app, area)).contains("^^^^^"), "typing goes on without it");
}

#[test]
fn what_is_told_is_told_to_its_end() {
    use crate::model::Snapshot;
    let area = Rect::new(0, 0, 80, 24);
    let flat = |app: &mut App| dump(&drawn(app, area)).split_whitespace().collect::<Vec<_>>().join(" ");
    let mut app = play(Palette::Ansi, false, area, fixtures::pipe_with_sleeper());
    type_in(&mut app, "alice: read \"x\" 1\r");
    let words = app.complaint().unwrap();
    assert!(words.len() > 60 && flat(&mut app).contains(&words), "{words}\n{}", dump(&drawn(&mut app, area)));
    press(&mut app, "ctrl-c");
    // A refusal in the transcript has several rows, and a line of it is shown whole.
    let why = "alice is asleep in read(3, …, 10) on p since 19.8 s; a process that sleeps in a call takes no order";
    let outcome = Outcome::Refused { why: why.to_owned(), help: Some("wake her first".to_owned()) };
    type_in(&mut app, "alice: close p.w\r");
    let (statement, snapshot) = ("alice: close p.w".to_owned(), Snapshot::empty());
    let report = Report { id: 3, statement, calls: Vec::new(), outcome, snapshot };
    app.handle(Event::Stage(1, FromStage::Ended(3, Box::new(report))));
    assert!(flat(&mut app).contains("takes no order; wake her first"), "{}", dump(&drawn(&mut app, area)));
    for key in ["esc", "tab", "enter"] {
        press(&mut app, key);
    }
    let page = dump(&drawn(&mut app, area));
    assert!(page.contains("A line of the transcript") && page.contains("in C: close("), "{page}");
}

#[test]
fn nothing_is_drawn_for_nothing() {
    let area = Rect::new(0, 0, 80, 24);
    let mut app = play(Palette::Ansi, false, area, fixtures::pipe_with_sleeper());
    app.dirty = Dirty::No;
    // What an abandoned stage says is nobody's.
    app.handle(Event::Stage(99, FromStage::Lost("gone".into())));
    assert!(app.ending.is_none());
    press(&mut app, "left");
    assert_eq!(app.dirty, Dirty::Now, "keys are drawn at once");
}

#[test]
fn a_click_chooses_a_card_and_a_pin_marks_what_comes_after() {
    use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
    let area = Rect::new(0, 0, 120, 40);
    let mut app = play(Palette::Ansi, false, area, fixtures::pipe_with_sleeper());
    let page = dump(&drawn(&mut app, area));
    // The frame of the pane that tells of the pipe, wherever it is drawn.
    let (row, line) = page.lines().enumerate().find(|(_, line)| line.contains("pipe")).unwrap();
    let column = line.split("pipe").next().unwrap().chars().count();
    let click = |app: &mut App, row: usize| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let (column, row) = (column as u16, row as u16);
        app.handle(Event::Input(Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })));
    };
    click(&mut app, row);
    press(&mut app, "p");
    let page = dump(&drawn(&mut app, area));
    assert!(page.contains("compared with the empty stage") || page.contains("compared with statement"), "{page}");
    // One row below: a line above tells what is pinned.
    click(&mut app, row + 1);
    let page = dump(&drawn(&mut app, area));
    assert!(page.contains("all as it is now"), "a second click shows all that is known, and what was:\n{page}");
    press(&mut app, "esc");
    press(&mut app, "p");
    assert!(!dump(&drawn(&mut app, area)).contains("compared with"), "let go");
}
