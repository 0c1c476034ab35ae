//! The first minute: a live pipe with a reader asleep in it, a byte, a prediction, one step back.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::app::{Notice, Out};
use super::desk::{Desk, Look, Place};
use super::keys::{Action, Keymap};
use super::layout;
use super::text;
use super::theme::Role;
use crate::script::parse_line;

/// How the stage is set before the first key.
const SETTING: [&str; 6] =
    ["spawn alice", "alice: pipe p", "alice: fork bob", "alice: close p.r", "bob: close p.w", "bob: read p 1"];

/// What happens, statement by statement, after the setting.
const THEN: [&str; 3] = ["alice: write p \"x\"", "bob: read p 1", "alice: close p.w"];

const CHOICES: [&str; 3] =
    ["it returns 0, the end of the file", "it sleeps on, for nothing was written", "it fails with EPIPE"];
/// The choice that comes true.
const TRUE: usize = 0;

/// The first minute.
#[derive(Debug)]
pub(super) struct First {
    /// The stage.
    pub(super) desk: Desk,
    predicted: Option<usize>,
    stepped_back: bool,
}

/// How far the first minute has come. It is read off the stage, so that a step back is one here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Opening,
    Asleep,
    Woken,
    Asked,
    Answered,
}

impl First {
    /// Opens the stage and sets it.
    pub(super) fn open(out: &mut Out) -> Self {
        let mut desk = Desk::open(out, Place::Stage);
        for line in SETTING {
            say(&mut desk, line, out);
        }
        Self { desk, predicted: None, stepped_back: false }
    }

    fn moment(&self) -> Moment {
        match self.desk.session.done().checked_sub(SETTING.len()) {
            None => Moment::Opening,
            Some(0) => Moment::Asleep,
            Some(1) => Moment::Woken,
            Some(2) => Moment::Asked,
            Some(_) => Moment::Answered,
        }
    }

    /// Whether there is nothing left but the menu.
    pub(super) fn is_over(&self) -> bool {
        self.moment() == Moment::Answered
    }

    /// The keys that mean something at this moment, with what they do.
    pub(super) fn keys(&self, keys: &Keymap, ascii: bool) -> Vec<(String, &'static str)> {
        let key = |action| keys.label(action, ascii);
        let mut pairs = match self.moment() {
            Moment::Opening => Vec::new(),
            Moment::Asleep => vec![(key(Action::MoveByte), "write a byte")],
            Moment::Woken => vec![(key(Action::Choose), "read again"), (key(Action::Undo), "undo")],
            Moment::Asked => {
                let dash = if ascii { "-" } else { "–" };
                let numbers = format!("{}{dash}{}", key(Action::Answer1), key(Action::Answer3));
                vec![(numbers, "predict"), (key(Action::Undo), "undo")]
            }
            Moment::Answered => vec![(key(Action::Choose), "to the menu"), (key(Action::Undo), "undo")],
        };
        pairs.extend([
            (key(Action::Cancel), "leave it"),
            (key(Action::Help), "keys"),
            (key(Action::Quit), "quit ipclab"),
        ]);
        pairs
    }

    /// What a key means.
    pub(super) fn act(&mut self, action: Action, out: &mut Out) {
        let answer = match action {
            Action::Answer1 => Some(0),
            Action::Answer2 => Some(1),
            Action::Answer3 => Some(2),
            _ => None,
        };
        if action == Action::Undo {
            self.stepped_back = true;
            self.desk.step_back(out);
            return;
        }
        if self.desk.session.busy() {
            return;
        }
        match (self.moment(), action, answer) {
            (Moment::Asleep, Action::MoveByte, _) => say(&mut self.desk, THEN[0], out),
            (Moment::Woken, Action::Choose | Action::MoveByte, _) => say(&mut self.desk, THEN[1], out),
            (Moment::Asked, _, Some(choice)) => {
                self.predicted = Some(choice);
                say(&mut self.desk, THEN[2], out);
            }
            (Moment::Asked, Action::Choose | Action::MoveByte, _) => {
                out.notice(Notice::warning("first predict what happens: choose a number"));
            }
            _ => {}
        }
    }

    /// Draws prose and stage.
    pub(super) fn render(&mut self, area: Rect, buffer: &mut Buffer, look: Look<'_>, keys: &Keymap, ascii: bool) {
        let lines = self.prose(look, keys, ascii);
        if area.width >= layout::WIDE {
            let (left, right) = layout::left(area, (area.width * 2 / 5).clamp(40, 64));
            prose(layout::inset(left, 2, 1), buffer, &lines, look);
            self.desk.render_stage(right, buffer, look, true);
        } else {
            let width = usize::from(area.width.saturating_sub(4));
            let rows = lines.iter().map(|(_, words)| text::wrap(words, width).len().max(1)).sum::<usize>() as u16 + 1;
            let (top, below) = layout::bottom(area, area.height.saturating_sub(rows.min(area.height / 2 + 2)));
            prose(layout::inset(top, 2, 0), buffer, &lines, look);
            self.desk.render_stage(below, buffer, look, below.height > 18);
        }
    }

    fn prose(&self, look: Look<'_>, keys: &Keymap, ascii: bool) -> Vec<(Role, String)> {
        let key = |action| keys.label(action, ascii);
        let mut lines: Vec<(Role, String)> = Vec::new();
        let mut add = |role: Role, words: String| lines.push((role, words));
        match self.moment() {
            Moment::Opening => {
                add(Role::Heading, "A pipe is about to be made".to_owned());
                add(Role::Text, "Two processes start on a stage of their own.".to_owned());
            }
            Moment::Asleep => {
                add(Role::Heading, "This pipe is real".to_owned());
                add(
                    Role::Text,
                    "alice and bob are two processes that run at this moment on your machine. bob has called read on an \
                     empty pipe, and so the kernel has put him to sleep."
                        .to_owned(),
                );
                add(
                    Role::Dim,
                    "Nothing here is a drawing of how it should be: each K marks a value that was read from the kernel."
                        .to_owned(),
                );
                add(Role::Accent, format!("{}  let alice write one byte", key(Action::MoveByte)));
            }
            Moment::Woken => {
                add(Role::Heading, "The byte has moved".to_owned());
                add(
                    Role::Text,
                    "alice wrote one byte; it woke bob, and his read returned 1. The pipe is empty again: what is read \
                     is gone from it."
                        .to_owned(),
                );
                if self.stepped_back {
                    add(Role::Dim, "You stepped back, and the same happened again.".to_owned());
                } else {
                    add(
                        Role::Dim,
                        format!("{}  one step back: a new stage runs the same statements", key(Action::Undo)),
                    );
                }
                add(Role::Accent, format!("{}  let bob read again", key(Action::Choose)));
            }
            Moment::Asked => {
                add(Role::Heading, "What do you predict?".to_owned());
                add(
                    Role::Text,
                    "bob sleeps in read again. Now alice, the only writer, closes her end without writing. What happens \
                     to bob's read?"
                        .to_owned(),
                );
                for (i, (action, words)) in
                    [Action::Answer1, Action::Answer2, Action::Answer3].into_iter().zip(CHOICES).enumerate()
                {
                    let _ = i;
                    add(Role::Accent, format!("{}  {words}", key(action)));
                }
            }
            Moment::Answered => self.answered(&mut add, look, &key),
        }
        lines
    }

    fn answered(&self, add: &mut impl FnMut(Role, String), look: Look<'_>, key: &impl Fn(Action) -> String) {
        let glyphs = look.theme.glyphs;
        add(Role::Heading, "The end of a file is a count of writers".to_owned());
        match self.predicted {
            Some(TRUE) => add(Role::Good, format!("{} You predicted it: read returned 0.", glyphs.yes)),
            Some(choice) => {
                let believed = CHOICES.get(choice).copied().unwrap_or_default();
                add(Role::Warning, format!("{} You predicted that {believed}. But read returned 0.", glyphs.no));
                let why = if choice == 1 {
                    "It would sleep on if anybody could still write. Nobody can: the kernel counts the open writing \
                     ends, and the count is 0 now."
                } else {
                    "EPIPE is for those who write where nobody reads. For a reader without writers there is the end of \
                     the file."
                };
                add(Role::Text, why.to_owned());
            }
            None => add(Role::Text, "read returned 0.".to_owned()),
        }
        add(
            Role::Text,
            "While a writing end is open somewhere, a reader waits; when the last one is closed, it gets 0.".to_owned(),
        );
        add(Role::Dim, format!("{}  one step back, and predict again", key(Action::Undo)));
        add(Role::Accent, format!("{}  to the menu", key(Action::Choose)));
    }
}

/// Stands in the directory of state once the first minute was gone through.
const MARK: &str = "first-minute";

/// Whether the first minute was gone through before.
pub(super) fn is_remembered() -> bool {
    crate::keep::directory().is_some_and(|directory| directory.join(MARK).exists())
}

/// Remembers that it was gone through. Where nothing can be kept it will be shown again, which does no harm.
pub(super) fn remember() {
    if let Some(directory) = crate::keep::directory() {
        let _ = std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(directory.join(MARK), ""));
    }
}

fn say(desk: &mut Desk, line: &str, out: &mut Out) {
    match parse_line(line, out.registry) {
        Ok(statement) => _ = desk.say(statement, out),
        Err(_) => out.notice(Notice::error(format!("this build does not know: {line}"))),
    }
}

fn prose(area: Rect, buffer: &mut Buffer, lines: &[(Role, String)], look: Look<'_>) {
    let width = usize::from(area.width);
    let roomy = area.height > 14;
    let mut y = 0;
    for (role, words) in lines {
        for line in text::wrap(words, width) {
            layout::line_at(area, y, buffer, &Line::from(Span::styled(line, look.theme.style(*role))));
            y += 1;
        }
        if roomy {
            y += 1;
        }
    }
}
