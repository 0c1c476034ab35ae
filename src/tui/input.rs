//! What the terminal sends, read as keys, pastes and the mouse.
//!
//! The reader of the library beneath waits for edges: after a burst longer than its buffer it sleeps on input that is
//! there, and spins on a terminal that has hung up. This one blocks in `poll`, and looks at a clock only while an
//! escape sequence is half sent, since a lone Esc is a key as well.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// How long the rest of an escape sequence may take, in milliseconds.
const REST: u16 = 30;
/// The longest paste that is kept; what goes beyond is dropped.
const PASTE: usize = 4 << 20;
/// The longest escape sequence that means something.
const SEQUENCE: usize = 64;

/// Reads the terminal until it can't be read any longer, and gives each event to `sink`, as long as that wants more.
pub(super) fn read(mut sink: impl FnMut(Event) -> bool) {
    let stdin = io::stdin();
    let (mut decoder, mut buffer, mut events) = (Decoder::default(), vec![0; 16384], Vec::new());
    loop {
        let patience = if decoder.is_waiting() { PollTimeout::from(REST) } else { PollTimeout::NONE };
        match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], patience) {
            Ok(0) => decoder.flush(&mut events),
            Ok(_) => match nix::unistd::read(&stdin, &mut buffer) {
                Ok(0) => return,
                Ok(n) => decoder.feed(&buffer[..n], &mut events),
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(_) => return,
            },
            Err(Errno::EINTR) => {}
            Err(_) => return,
        }
        for event in events.drain(..) {
            if !sink(event) {
                return;
            }
        }
    }
}

/// Turns bytes into events.
#[derive(Debug, Default)]
struct Decoder {
    pending: Vec<u8>,
    /// The paste that has begun.
    paste: Option<Vec<u8>>,
}

enum Parsed {
    /// An event, and how many bytes it took.
    Event(Event, usize),
    /// So many bytes that mean nothing.
    Nothing(usize),
    /// A paste begins behind so many bytes.
    Paste(usize),
    /// The rest is still to come.
    More,
}

const PASTE_END: &[u8] = b"\x1b[201~";

impl Decoder {
    /// Whether what is there may be a whole key, or the beginning of one.
    fn is_waiting(&self) -> bool {
        self.paste.is_none() && !self.pending.is_empty()
    }

    fn feed(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while at < self.pending.len() {
            let rest = &self.pending[at..];
            if let Some(paste) = &mut self.paste {
                let end = rest.windows(PASTE_END.len()).position(|w| w == PASTE_END);
                // The end may be half sent.
                let take = end.unwrap_or_else(|| rest.len().saturating_sub(PASTE_END.len() - 1));
                let room = PASTE.saturating_sub(paste.len());
                paste.extend_from_slice(&rest[..take.min(room)]);
                at += take;
                if end.is_none() {
                    break;
                }
                at += PASTE_END.len();
                let text = String::from_utf8_lossy(paste).into_owned();
                self.paste = None;
                events.push(Event::Paste(text));
                continue;
            }
            match parse(rest) {
                Parsed::Event(event, n) => {
                    events.push(event);
                    at += n;
                }
                Parsed::Nothing(n) => at += n,
                Parsed::Paste(n) => {
                    self.paste = Some(Vec::new());
                    at += n;
                }
                Parsed::More => break,
            }
        }
        self.pending.drain(..at);
    }

    /// Nothing more has come: what is there is all that was sent.
    fn flush(&mut self, events: &mut Vec<Event>) {
        let pending = std::mem::take(&mut self.pending);
        match pending.as_slice() {
            [0x1b] => events.push(key(KeyCode::Esc, KeyModifiers::NONE)),
            [0x1b, c] => events.push(key(KeyCode::Char(char::from(*c)), KeyModifiers::ALT)),
            _ => {}
        }
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn parse(bytes: &[u8]) -> Parsed {
    match bytes {
        [] | [0x1b] => Parsed::More,
        [0x1b, b'[', ..] => control_sequence(bytes),
        [0x1b, b'O', rest @ ..] => match rest.first() {
            None => Parsed::More,
            Some(last) => match named(*last) {
                Some(code) => Parsed::Event(key(code, KeyModifiers::NONE), 3),
                None => Parsed::Nothing(3),
            },
        },
        // Twice Esc is Esc and the beginning of something.
        [0x1b, 0x1b, ..] => Parsed::Event(key(KeyCode::Esc, KeyModifiers::NONE), 1),
        [0x1b, rest @ ..] => match character(rest) {
            Parsed::Event(Event::Key(mut event), n) => {
                event.modifiers |= KeyModifiers::ALT;
                Parsed::Event(Event::Key(event), n + 1)
            }
            Parsed::Nothing(n) => Parsed::Nothing(n + 1),
            other => other,
        },
        _ => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Parsed {
    let first = bytes[0];
    let control = |c: u8| key(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL);
    let event = match first {
        b'\r' | b'\n' => key(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => key(KeyCode::Tab, KeyModifiers::NONE),
        0x7f => key(KeyCode::Backspace, KeyModifiers::NONE),
        0 => control(b' '),
        0x01..=0x1a => control(first - 1 + b'a'),
        0x1b..=0x1f => control(first - 0x1b + b'['),
        _ => return utf8(bytes),
    };
    Parsed::Event(event, 1)
}

fn utf8(bytes: &[u8]) -> Parsed {
    let length = match bytes[0] {
        0..0x80 => 1,
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Parsed::Nothing(1),
    };
    let have = &bytes[..length.min(bytes.len())];
    match std::str::from_utf8(have) {
        Ok(text) => {
            let Some(c) = text.chars().next() else { return Parsed::Nothing(1) };
            let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            Parsed::Event(key(KeyCode::Char(c), shift), length)
        }
        Err(error) if error.error_len().is_none() => Parsed::More,
        Err(_) => Parsed::Nothing(1),
    }
}

/// Keys whose sequences end in a letter.
fn named(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    })
}

fn control_sequence(bytes: &[u8]) -> Parsed {
    let parameters = bytes[2..].iter().take_while(|b| (0x20..0x40).contains(*b)).count();
    if parameters > SEQUENCE {
        return Parsed::Nothing(2 + parameters);
    }
    let Some(&last) = bytes.get(2 + parameters) else { return Parsed::More };
    let length = 3 + parameters;
    if !(0x40..0x7f).contains(&last) {
        // Something else began in between.
        return Parsed::Nothing(length - 1);
    }
    if last == b'[' && parameters == 0 {
        // The Linux console's F1 to F5.
        return match bytes.get(3) {
            None => Parsed::More,
            Some(c @ b'A'..=b'E') => Parsed::Event(key(KeyCode::F(c - b'A' + 1), KeyModifiers::NONE), 4),
            Some(_) => Parsed::Nothing(3),
        };
    }
    let text = std::str::from_utf8(&bytes[2..2 + parameters]).unwrap_or_default();
    if let Some(mouse) = text.strip_prefix('<') {
        return pointer(mouse, last).map_or(Parsed::Nothing(length), |event| Parsed::Event(event, length));
    }
    let mut numbers = text.split(';').map(|n| n.split(':').next().unwrap_or_default().parse::<u16>().unwrap_or(0));
    let (first, second) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
    let code = match last {
        b'~' if first == 200 => return Parsed::Paste(length),
        b'~' => match first {
            1 | 7 => KeyCode::Home,
            2 => KeyCode::Insert,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            11..=15 => KeyCode::F(first as u8 - 10),
            17..=21 => KeyCode::F(first as u8 - 11),
            23 | 24 => KeyCode::F(first as u8 - 12),
            _ => return Parsed::Nothing(length),
        },
        b'Z' => KeyCode::BackTab,
        b'M' => return Parsed::Nothing(length),
        _ => match named(last) {
            Some(code) => code,
            None => return Parsed::Nothing(length),
        },
    };
    let bits = second.saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        if bits & bit != 0 {
            modifiers |= modifier;
        }
    }
    Parsed::Event(key(code, modifiers), length)
}

/// The mouse in SGR form: button, column and row, from 1.
fn pointer(text: &str, last: u8) -> Option<Event> {
    let mut numbers = text.split(';').map(str::parse::<u16>);
    let mut next = || numbers.next()?.ok();
    let (button, column, row) = (next()?, next()?, next()?);
    let kind = match (button & !0b1_1100, last) {
        (64, _) => MouseEventKind::ScrollUp,
        (65, _) => MouseEventKind::ScrollDown,
        (0, b'M') => MouseEventKind::Down(MouseButton::Left),
        (0, b'm') => MouseEventKind::Up(MouseButton::Left),
        _ => return None,
    };
    let (column, row) = (column.saturating_sub(1), row.saturating_sub(1));
    Some(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> Vec<Event> {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        decoder.feed(bytes, &mut events);
        decoder.flush(&mut events);
        events
    }

    fn of(code: KeyCode) -> Vec<Event> {
        vec![key(code, KeyModifiers::NONE)]
    }

    #[test]
    fn keys_as_terminals_send_them() {
        let control = |c| vec![key(KeyCode::Char(c), KeyModifiers::CONTROL)];
        for (bytes, events) in [
            (&b"a"[..], of(KeyCode::Char('a'))),
            (b"A", vec![key(KeyCode::Char('A'), KeyModifiers::SHIFT)]),
            ("ü".as_bytes(), of(KeyCode::Char('ü'))),
            ("漢".as_bytes(), of(KeyCode::Char('漢'))),
            (b"\r", of(KeyCode::Enter)),
            (b"\x1b", of(KeyCode::Esc)),
            (b"\x03", control('c')),
            (b"\x1c", control('\\')),
            (b"\x1b[A", of(KeyCode::Up)),
            (b"\x1bOA", of(KeyCode::Up)),
            (b"\x1bOP", of(KeyCode::F(1))),
            (b"\x1b[[B", of(KeyCode::F(2))),
            (b"\x1b[15~", of(KeyCode::F(5))),
            (b"\x1b[24~", of(KeyCode::F(12))),
            (b"\x1b[3~", of(KeyCode::Delete)),
            (b"\x1b[Z", of(KeyCode::BackTab)),
            (b"\x1b[1;5C", vec![key(KeyCode::Right, KeyModifiers::CONTROL)]),
            (b"\x1bb", vec![key(KeyCode::Char('b'), KeyModifiers::ALT)]),
            (b"\x1b\r", vec![key(KeyCode::Enter, KeyModifiers::ALT)]),
            (b"\x1b\x1b", [of(KeyCode::Esc), of(KeyCode::Esc)].concat()),
            (b"\x1b[", vec![key(KeyCode::Char('['), KeyModifiers::ALT)]),
            (b"\x1b[200~a\x1b[Ab\x1b[201~c", [vec![Event::Paste("a\x1b[Ab".into())], of(KeyCode::Char('c'))].concat()),
            (b"\xff\xc3x", of(KeyCode::Char('x'))),
            (b"\x1b[?62c", vec![]),
        ] {
            assert_eq!(whole(bytes), events, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_wheel() {
        let Some(Event::Mouse(mouse)) = whole(b"\x1b[<64;10;5M").pop() else { panic!() };
        assert_eq!((mouse.kind, mouse.column, mouse.row), (MouseEventKind::ScrollUp, 9, 4));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_bytes_are_cut(bytes in prop::collection::vec(prop_oneof![
            Just(0x1b_u8), Just(b'['), Just(b'~'), Just(b'2'), Just(b'0'), Just(b'1'), any::<u8>(),
        ], 0..80), cut in 0usize..80) {
            let (mut decoder, mut events) = (Decoder::default(), Vec::new());
            let cut = cut.min(bytes.len());
            decoder.feed(&bytes[..cut], &mut events);
            decoder.feed(&bytes[cut..], &mut events);
            decoder.flush(&mut events);
            prop_assert_eq!(events, whole(&bytes));
        }
    }
}
