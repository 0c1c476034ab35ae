//! Typing into an object on stage: a terminal.
//!
//! What is typed is an order to the actor that holds the master, as if it had been typed at the prompt. While the terminal
//! edits lines one goes as a whole with Enter, so that a line is one statement; Control and a letter go at once, with what
//! stands before them. Where it edits none, each key goes at once.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Asks, Desk, Focus, Notice, Out, parse};
use crate::tui::panes::{Typed, typed_into};

impl Desk {
    /// Asks for what shall be typed into the object that has the focus, or into the only one that takes it.
    pub(super) fn type_into(&mut self, out: &mut Out) {
        let takes = |name: &&String| self.session.now.object(name).is_some_and(|object| typed_into(object).is_some());
        let focused = match &self.stage.focus {
            Some(Focus::Object(name)) => Some(name),
            _ => None,
        };
        let mut all = self.session.now.objects.iter().map(|object| &object.name).filter(takes);
        let name = focused.filter(takes).or_else(|| all.next().filter(|_| all.next().is_none())).cloned();
        match name {
            Some(name) => self.ask(Asks::Keys(name), ""),
            None => out.notice(Notice::warning("choose the pane of a terminal first: there is nothing to type into")),
        }
    }

    /// What stands before the line.
    pub(super) fn caption(&self, name: &str) -> String {
        let how = if self.at_once(name) { "each key at once" } else { "Ctrl-C, Ctrl-D reach it" };
        format!("type into {name} ({how}): ")
    }

    fn typed(&self, name: &str) -> Option<&'static Typed> {
        self.session.now.object(name).and_then(typed_into)
    }

    fn at_once(&self, name: &str) -> bool {
        let object = self.session.now.object(name);
        object.is_some_and(|object| typed_into(object).is_some_and(|typed| (typed.at_once)(object)))
    }

    /// The bytes of a line that ends with Enter, in which `^C` stands for its key. Where each key goes at once Enter is
    /// the byte that a keyboard sends for it.
    pub(super) fn line_for(&self, name: &str, text: &str) -> Vec<u8> {
        if self.at_once(name) {
            return [text.as_bytes(), b"\r"].concat();
        }
        self.typed(name).map(|typed| (typed.line)(text)).unwrap_or_default()
    }

    /// Types bytes; whether somebody took the order.
    pub(super) fn send_keys(&mut self, name: &str, keys: &[u8], out: &mut Out) -> bool {
        let now = &self.session.now;
        let statement =
            self.typed(name).zip(now.object(name)).map(|(typed, object)| (typed.statement)(object, now, keys));
        match statement {
            Some(Ok(statement)) => {
                for statement in parse(&statement, out.registry).0 {
                    self.say(statement, out);
                }
                return true;
            }
            Some(Err(why)) => out.notice(Notice::warning(why)),
            None => out.notice(Notice::warning(format!("{name} is no longer there to type into"))),
        }
        false
    }

    /// A key that is neither Enter nor Esc.
    pub(super) fn key_of_terminal(&mut self, name: &str, key: KeyEvent, out: &mut Out) {
        let at_once = self.at_once(name);
        let empty = self.field.as_ref().is_none_or(|(_, line)| line.text().is_empty());
        match bytes(key) {
            Some(Key::Control(byte)) => self.send_with_line(name, &[byte], out),
            // With nothing before it here, it is the terminal's line that loses a character.
            Some(Key::Erase) if empty || at_once => _ = self.send_keys(name, &[0x7f], out),
            Some(Key::Text(text) | Key::Sequence(text)) if at_once => _ = self.send_keys(name, text.as_bytes(), out),
            _ => {
                if let Some((_, line)) = &mut self.field {
                    line.key(key);
                }
            }
        }
    }

    /// Whole lines go at once, as from a keyboard that types fast; what is left of the last one stays to be finished.
    /// Whether it had room.
    pub(super) fn paste_into_terminal(&mut self, name: &str, pasted: &str, out: &mut Out) -> bool {
        let text = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let whole = if self.at_once(name) { text.len() } else { text.rfind('\n').map_or(0, |at| at + 1) };
        let (lines, rest) = text.split_at(whole);
        if !lines.is_empty() {
            self.send_with_line(name, lines.as_bytes(), out);
        }
        self.field.as_mut().is_none_or(|(_, line)| line.insert(rest))
    }

    /// Types what stands in the line, and these keys behind it. What nobody took stays.
    fn send_with_line(&mut self, name: &str, keys: &[u8], out: &mut Out) {
        let before = self.field.as_ref().map_or(String::new(), |(_, line)| line.text().to_owned());
        if self.send_keys(name, &[before.as_bytes(), keys].concat(), out) {
            self.ask(Asks::Keys(name.to_owned()), "");
        }
    }
}

/// What a key is to a terminal.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Control(u8),
    Erase,
    Text(String),
    /// The bytes that a real terminal sends for a key without a character.
    Sequence(String),
}

fn bytes(key: KeyEvent) -> Option<Key> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let sequence = |tail: &str| Some(Key::Sequence(format!("\x1b[{tail}")));
    match key.code {
        KeyCode::Char(' ') if control => Some(Key::Control(0)),
        KeyCode::Char(c) if control => {
            let upper = c.to_ascii_uppercase();
            ('@'..='_').contains(&upper).then_some(Key::Control(upper as u8 & 0x1f))
        }
        KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::ALT) => Some(Key::Text(c.to_string())),
        KeyCode::Tab => Some(Key::Control(b'\t')),
        KeyCode::Backspace => Some(Key::Erase),
        KeyCode::Up => sequence("A"),
        KeyCode::Down => sequence("B"),
        KeyCode::Right => sequence("C"),
        KeyCode::Left => sequence("D"),
        KeyCode::Home => sequence("H"),
        KeyCode::End => sequence("F"),
        KeyCode::Delete => sequence("3~"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_a_terminal_sends() {
        let key = |code, modifiers| bytes(KeyEvent::new(code, modifiers));
        let plain = |code| key(code, KeyModifiers::NONE);
        let control = |c| key(KeyCode::Char(c), KeyModifiers::CONTROL);
        assert_eq!([control('c'), control('d'), control('z')], [3, 4, 26].map(|byte| Some(Key::Control(byte))));
        assert_eq!([control('\\'), control(' ')], [28, 0].map(|byte| Some(Key::Control(byte))));
        assert_eq!(plain(KeyCode::Char('é')), Some(Key::Text("é".to_owned())));
        assert_eq!(plain(KeyCode::Up), Some(Key::Sequence("\x1b[A".to_owned())));
        assert_eq!([plain(KeyCode::Backspace), plain(KeyCode::F(1))], [Some(Key::Erase), None]);
    }
}
