//! What a terminal's line discipline does with bytes, after drivers/tty/n_tty.c in the kernel's sources: what comes of
//! typed input, what is echoed, what can be read on either side.
//!
//! Bytes may be unknown, where a report told only the head of what was written. They count as ordinary characters.

use serde::{Deserialize, Serialize};

/// How many bytes the kernel keeps of what was typed (N_TTY_BUF_SIZE).
const BUFFER: usize = 4096;

/// A byte, if it is known.
pub(super) type Byte = Option<u8>;

/// Terminal settings, as far as they matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) iflag: u32,
    pub(super) oflag: u32,
    pub(super) lflag: u32,
    pub(super) characters: [u8; crate::kernel::pty::CHARACTERS],
}

impl Settings {
    const fn input(&self, flag: u32) -> bool {
        self.iflag & flag != 0
    }

    const fn output(&self, flag: u32) -> bool {
        self.oflag & flag != 0
    }

    const fn local(&self, flag: u32) -> bool {
        self.lflag & flag != 0
    }

    /// Whether a byte is that control character; 0 is none.
    fn is(&self, byte: u8, which: usize) -> bool {
        byte != 0 && self.characters[which] == byte
    }
}

/// One place of the input buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    byte: Byte,
    /// Whether a line ends behind it.
    ends: bool,
    /// Whether it is an end of file, which is no byte.
    eof: bool,
}

/// What is to be echoed: the kernel keeps it as it came, and turns it into output when that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Echo {
    /// A byte, changed as output is.
    Plain(Byte),
    /// A control character, as `^C`.
    Caret(u8),
    /// The line that is edited begins here.
    Begin,
    /// As many steps back as an erased tab was wide; the columns used before it, and whether they are those behind
    /// another tab.
    EraseTab(usize, bool),
}

/// Both directions of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Line {
    settings: Settings,
    /// What the slave has not read, oldest first.
    input: Vec<Place>,
    /// How many of them belong to finished lines, while lines are edited.
    finished: usize,
    /// The next byte is taken literally.
    literal: bool,
    /// Output is stopped by VSTOP.
    stopped: bool,
    /// Echo that waits for the end of what was written together, or for VSTART.
    echoes: Vec<Echo>,
    /// What the master has not read, oldest first.
    output: Vec<Byte>,
    /// How many of them have arrived there: the others are on their way, and a signal that flushes takes them off.
    arrived: usize,
    /// Where the cursor stands, and where it stood when the line that is being edited began.
    column: usize,
    first_column: usize,
}

impl Line {
    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// New settings: with another ICANON what is there becomes a line, or its ends are forgotten.
    pub(super) fn set(&mut self, settings: Settings) {
        let changed = (settings.lflag ^ self.settings.lflag) & libc::ICANON != 0;
        let unstopped = self.settings.input(libc::IXON) && !settings.input(libc::IXON);
        self.settings = settings;
        if unstopped {
            self.start();
            self.arrived = self.output.len();
        }
        if !changed {
            return;
        }
        self.literal = false;
        for place in &mut self.input {
            // An end of file stands in the buffer as a NUL.
            *place = Place { byte: if place.eof { Some(0) } else { place.byte }, ends: false, eof: false };
        }
        self.finished = 0;
        if self.canonical() {
            if let Some(last) = self.input.last_mut() {
                // A NUL that ends a line is an end of file to the kernel, wherever it comes from.
                (last.ends, last.eof) = (true, last.byte == Some(0));
            }
            self.finished = self.input.len();
        }
    }

    pub(super) const fn canonical(&self) -> bool {
        self.settings.local(libc::ICANON)
    }

    /// What the slave can read now, without ends of file, oldest first.
    pub(super) fn readable(&self) -> Vec<Byte> {
        let whole = if self.canonical() { self.finished } else { self.input.len() };
        self.input[..whole].iter().filter(|place| !place.eof).map(|place| place.byte).collect()
    }

    /// Whether the slave's next read gives 0: an end of file was typed on an empty line.
    pub(super) fn at_end(&self) -> bool {
        self.finished > 0 && self.input.first().is_some_and(|place| place.eof)
    }

    /// The unfinished line.
    pub(super) fn editing(&self) -> Vec<Byte> {
        let from = if self.canonical() { self.finished } else { self.input.len() };
        self.input[from..].iter().map(|place| place.byte).collect()
    }

    /// What the master can read now, oldest first.
    pub(super) fn shown(&self) -> &[Byte] {
        &self.output
    }

    /// The master writes: somebody types. What is written together is echoed together.
    pub(super) fn typed(&mut self, bytes: impl Iterator<Item = Byte>) {
        for byte in bytes {
            match byte {
                Some(byte) => self.receive(byte),
                None => self.ordinary(None),
            }
            // Of a line that fills the buffer, what does not end it does not get the last place.
            if self.canonical() && self.finished == 0 && self.input.len() == BUFFER {
                self.input.pop();
            }
        }
        self.process_echoes();
        self.arrived = self.output.len();
    }

    /// The slave writes: a program prints.
    pub(super) fn printed(&mut self, bytes: impl Iterator<Item = Byte>) {
        for byte in bytes {
            self.put(byte);
        }
        self.arrived = self.output.len();
    }

    /// The slave has read so many bytes.
    pub(super) fn slave_read(&mut self, count: usize) {
        let mut left = count;
        let mut taken = 0;
        while let Some(place) = self.input.get(taken) {
            if place.eof {
                // Alone it is a read of 0 bytes; behind bytes that were read it goes with them.
                taken += 1;
                break;
            }
            if left == 0 {
                break;
            }
            left -= 1;
            taken += 1;
            if place.ends && self.canonical() {
                break;
            }
        }
        self.input.drain(..taken);
        self.finished = self.finished.saturating_sub(taken);
    }

    /// The master has read so many bytes.
    pub(super) fn master_read(&mut self, count: usize) {
        self.output.drain(..count.min(self.output.len()));
        self.arrived = self.arrived.saturating_sub(count);
    }

    /// What was typed is thrown away, the unfinished line too.
    pub(super) fn forget_input(&mut self) {
        self.input.clear();
        self.finished = 0;
    }

    /// What the slave could read is taken to be nothing; the unfinished line stays.
    pub(super) fn forget_readable(&mut self) {
        let gone = if self.canonical() { self.finished } else { self.input.len() };
        self.input.drain(..gone);
        self.finished = 0;
    }

    /// What the master could read is thrown away.
    pub(super) fn forget_output(&mut self) {
        self.output.clear();
        self.arrived = 0;
    }

    fn receive(&mut self, byte: u8) {
        let s = self.settings;
        let mut byte = if s.input(libc::ISTRIP) { byte & 0x7f } else { byte };
        if s.input(libc::IUCLC) && s.local(libc::IEXTEN) {
            byte = byte.to_ascii_lowercase();
        }
        if std::mem::take(&mut self.literal) {
            return self.ordinary(Some(byte));
        }
        if s.input(libc::IXON) && (s.is(byte, libc::VSTART) || s.is(byte, libc::VSTOP)) {
            if s.is(byte, libc::VSTART) {
                self.start();
            } else {
                self.stopped = true;
            }
            return;
        }
        if s.local(libc::ISIG) && [libc::VINTR, libc::VQUIT, libc::VSUSP].iter().any(|which| s.is(byte, *which)) {
            return self.signal(byte);
        }
        self.start_by_any();
        match byte {
            b'\r' if s.input(libc::IGNCR) => return,
            b'\r' if s.input(libc::ICRNL) => byte = b'\n',
            b'\n' if s.input(libc::INLCR) => byte = b'\r',
            // One that nothing looks at, so that it is shown as other control characters are.
            b'\n' if !self.canonical() => return self.ordinary(Some(byte)),
            _ => {}
        }
        if self.canonical() && self.edit(byte) {
            return;
        }
        if byte == b'\n' && s.local(libc::ECHO) {
            self.echo_raw(byte);
            self.input.push(Place { byte: Some(byte), ends: false, eof: false });
        } else {
            self.ordinary(Some(byte));
        }
    }

    /// A byte that has no meaning of its own: into the buffer, and its echo.
    fn ordinary(&mut self, byte: Byte) {
        self.start_by_any();
        if self.settings.local(libc::ECHO) {
            self.begin_line();
            self.echo(byte);
        }
        self.input.push(Place { byte, ends: false, eof: false });
    }

    fn start_by_any(&mut self) {
        if self.stopped && self.settings.input(libc::IXON) && self.settings.input(libc::IXANY) {
            self.start();
        }
    }

    /// What editing a line does with a byte; `false` if it is an ordinary one.
    fn edit(&mut self, byte: u8) -> bool {
        let s = self.settings;
        let extended = s.local(libc::IEXTEN);
        if s.is(byte, libc::VERASE) || s.is(byte, libc::VKILL) || extended && s.is(byte, libc::VWERASE) {
            self.erase(byte);
        } else if extended && s.is(byte, libc::VLNEXT) {
            self.literal = true;
            if s.local(libc::ECHO) && s.local(libc::ECHOCTL) {
                self.echo_raw(b'^');
                self.echo_raw(b'\x08');
            }
        } else if extended && s.local(libc::ECHO) && s.is(byte, libc::VREPRINT) {
            self.echo(Some(byte));
            self.echo_raw(b'\n');
            for again in self.editing() {
                self.echo(again);
            }
        } else if byte == b'\n' {
            if s.local(libc::ECHO | libc::ECHONL) {
                self.echo_raw(b'\n');
            }
            self.finish(Place { byte: Some(byte), ends: true, eof: false });
        } else if s.is(byte, libc::VEOF) {
            self.finish(Place { byte: None, ends: true, eof: true });
        } else if s.is(byte, libc::VEOL) || extended && s.is(byte, libc::VEOL2) {
            if s.local(libc::ECHO) {
                self.begin_line();
                self.echo(Some(byte));
            }
            self.finish(Place { byte: Some(byte), ends: true, eof: false });
        } else {
            return false;
        }
        true
    }

    fn finish(&mut self, place: Place) {
        self.input.push(place);
        self.finished = self.input.len();
    }

    fn signal(&mut self, byte: u8) {
        if !self.settings.local(libc::NOFLSH) {
            self.forget_input();
            self.echoes.clear();
            self.output.truncate(self.arrived);
        }
        if self.settings.input(libc::IXON) {
            self.stopped = false;
        }
        if self.settings.local(libc::ECHO) {
            self.echo(Some(byte));
        } else {
            self.process_echoes();
        }
    }

    fn start(&mut self) {
        self.stopped = false;
        self.process_echoes();
    }

    /// Makes output of what is to be echoed, unless that is stopped.
    fn process_echoes(&mut self) {
        if self.stopped {
            return;
        }
        for echo in std::mem::take(&mut self.echoes) {
            match echo {
                // The kernel's mark of an operation, and one where it is echoed itself.
                Echo::Plain(Some(0xff)) => {
                    self.column += 1;
                    self.output.push(Some(0xff));
                }
                Echo::Plain(byte) => self.put(byte),
                Echo::Caret(control) => {
                    self.column += 2;
                    self.output.extend([Some(b'^'), Some(control ^ 0o100)]);
                }
                Echo::Begin => self.first_column = self.column,
                Echo::EraseTab(used, after_tab) => {
                    let used = used + if after_tab { 0 } else { self.first_column };
                    let back = 8 - (used & 7);
                    self.column = self.column.saturating_sub(back);
                    self.output.extend(std::iter::repeat_n(Some(b'\x08'), back));
                }
            }
        }
    }

    fn erase(&mut self, by: u8) {
        let s = self.settings;
        let kill = s.is(by, libc::VKILL);
        let word = !kill && s.is(by, libc::VWERASE) && !s.is(by, libc::VERASE);
        if self.input.len() == self.finished {
            return;
        }
        if kill && !s.local(libc::ECHO) {
            self.input.truncate(self.finished);
            return;
        }
        if kill && !(s.local(libc::ECHOK) && s.local(libc::ECHOKE) && s.local(libc::ECHOE)) {
            self.input.truncate(self.finished);
            self.echo(Some(by));
            if s.local(libc::ECHOK) {
                self.echo_raw(b'\n');
            }
            return;
        }
        let mut seen_word = false;
        while self.input.len() > self.finished {
            let mut start = self.input.len() - 1;
            // A character of several bytes goes as a whole where the terminal knows of them.
            while start > self.finished && self.continues(self.input[start].byte) {
                start -= 1;
            }
            let first = self.input[start].byte;
            if self.continues(first) {
                break;
            }
            if word {
                let letter = first.is_none_or(is_letter);
                if letter {
                    seen_word = true;
                } else if seen_word {
                    break;
                }
            }
            self.input.truncate(start);
            if s.local(libc::ECHO) {
                self.echo_erasure(first, by, kill || word);
            }
            if !kill && !word {
                break;
            }
        }
    }

    fn echo_erasure(&mut self, erased: Byte, by: u8, more: bool) {
        let s = self.settings;
        if !more && !s.local(libc::ECHOE) {
            return self.echo(Some(by));
        }
        match erased {
            Some(b'\t') => {
                let tail: Vec<Byte> = self.editing().into_iter().rev().take_while(|b| *b != Some(b'\t')).collect();
                let after_tab = tail.len() < self.editing().len();
                let wide = |b: &Byte| match b {
                    Some(control) if is_control(*control) => 2 * usize::from(s.local(libc::ECHOCTL)),
                    byte => usize::from(!self.continues(*byte)),
                };
                self.echoes.push(Echo::EraseTab(tail.iter().map(wide).sum(), after_tab));
            }
            erased => {
                let control = erased.is_some_and(is_control);
                let columns = if control { 2 * usize::from(s.local(libc::ECHOCTL)) } else { 1 };
                for _ in 0..columns {
                    for byte in *b"\x08 \x08" {
                        self.echo_raw(byte);
                    }
                }
            }
        }
    }

    fn begin_line(&mut self) {
        if self.input.len() == self.finished {
            self.echoes.push(Echo::Begin);
        }
    }

    /// An echo that shows control characters as `^C`.
    fn echo(&mut self, byte: Byte) {
        self.echoes.push(match byte {
            Some(control) if self.settings.local(libc::ECHOCTL) && is_control(control) && control != b'\t' => {
                Echo::Caret(control)
            }
            byte => Echo::Plain(byte),
        });
    }

    fn echo_raw(&mut self, byte: u8) {
        self.echoes.push(Echo::Plain(Some(byte)));
    }

    /// Output as OPOST changes it.
    fn put(&mut self, byte: Byte) {
        let s = self.settings;
        if !s.output(libc::OPOST) {
            return self.output.push(byte);
        }
        match byte {
            Some(b'\n') => {
                if s.output(libc::ONLCR) {
                    self.output.push(Some(b'\r'));
                }
                if s.output(libc::ONLCR) || s.output(libc::ONLRET) {
                    self.column = 0;
                }
                self.first_column = self.column;
                self.output.push(byte);
            }
            Some(b'\r') if s.output(libc::ONOCR) && self.column == 0 => {}
            Some(b'\r') if s.output(libc::OCRNL) => {
                if s.output(libc::ONLRET) {
                    (self.column, self.first_column) = (0, 0);
                }
                self.output.push(Some(b'\n'));
            }
            Some(b'\r') => {
                (self.column, self.first_column) = (0, 0);
                self.output.push(byte);
            }
            Some(b'\t') => {
                let spaces = 8 - (self.column & 7);
                self.column += spaces;
                if s.oflag & libc::TABDLY == libc::XTABS {
                    self.output.extend(std::iter::repeat_n(Some(b' '), spaces));
                } else {
                    self.output.push(byte);
                }
            }
            Some(b'\x08') => {
                self.column = self.column.saturating_sub(1);
                self.output.push(byte);
            }
            byte => {
                let upper = s.output(libc::OLCUC);
                if !byte.is_some_and(is_control) && !self.continues(byte) {
                    self.column += 1;
                }
                self.output.push(byte.map(|b| if upper { b.to_ascii_uppercase() } else { b }));
            }
        }
    }

    /// Whether a byte goes on with a character that has begun before it.
    fn continues(&self, byte: Byte) -> bool {
        self.settings.input(libc::IUTF8) && byte.is_some_and(|b| b & 0xc0 == 0x80)
    }
}

const fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f
}

/// Part of a word, by the kernel's table of Latin-1 (lib/ctype.c).
const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0xc0 && byte != 0xd7 && byte != 0xf7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Line {
        let mut characters = [0; crate::kernel::pty::CHARACTERS];
        for (which, byte) in [
            (libc::VINTR, 3),
            (libc::VQUIT, 0o34),
            (libc::VERASE, 0o177),
            (libc::VKILL, 0o25),
            (libc::VEOF, 4),
            (libc::VSTART, 0o21),
            (libc::VSTOP, 0o23),
            (libc::VSUSP, 0o32),
            (libc::VREPRINT, 0o22),
            (libc::VWERASE, 0o27),
            (libc::VLNEXT, 0o26),
        ] {
            characters[which] = byte;
        }
        let mut line = Line::default();
        line.set(Settings {
            iflag: libc::ICRNL | libc::IXON,
            oflag: libc::OPOST | libc::ONLCR,
            lflag: libc::ISIG
                | libc::ICANON
                | libc::ECHO
                | libc::ECHOE
                | libc::ECHOK
                | libc::ECHOCTL
                | libc::ECHOKE
                | libc::IEXTEN,
            characters,
        });
        line
    }

    fn known(bytes: &[Byte]) -> Vec<u8> {
        bytes.iter().map(|b| b.unwrap_or(b'?')).collect()
    }

    fn type_in(line: &mut Line, text: &[u8]) {
        line.typed(text.iter().copied().map(Some));
    }

    /// What is typed, what a program reads of it, and what the typist sees: as a kernel has shown them.
    #[test]
    fn lines_are_edited_and_echoed_as_the_kernel_does() {
        let rows: &[(&[u8], &[u8], &[u8])] = &[
            (b"hi\n", b"hi\n", b"hi\r\n"),
            (b"ab\x7f\x01\x7fc\n", b"ac\n", b"ab\x08 \x08^A\x08 \x08\x08 \x08c\r\n"),
            (b"hello\x15a\n", b"a\n", b"hello\x08 \x08\x08 \x08\x08 \x08\x08 \x08\x08 \x08a\r\n"),
            (b"foo bar\x17X\n", b"foo X\n", b"foo bar\x08 \x08\x08 \x08\x08 \x08X\r\n"),
            (b"foo \x17\x17q\n", b"q\n", b"foo \x08 \x08\x08 \x08\x08 \x08\x08 \x08q\r\n"),
            (b"a\tb\x7f\x7fc\n", b"ac\n", b"a\tb\x08 \x08\x08\x08\x08\x08\x08\x08\x08c\r\n"),
            (b"\tx\x15y\n", b"y\n", b"\tx\x08 \x08\x08\x08\x08\x08\x08\x08\x08\x08y\r\n"),
            (b"a\x16\x03b\n", b"a\x03b\n", b"a^\x08^Cb\r\n"),
            (b"\x16\x7f\x7fz\n", b"z\n", b"^\x08^?\x08 \x08\x08 \x08z\r\n"),
            (b"ab\x12c\n", b"abc\n", b"ab^R\r\nabc\r\n"),
            (b"a\rb\n", b"a\nb\n", b"a\r\nb\r\n"),
            (b"\x1bx\n", b"\x1bx\n", b"^[x\r\n"),
            (b"\x00a\n", b"\x00a\n", b"^@a\r\n"),
            (b"\xff\n", b"\xff\n", b"\xff\r\n"),
            (b"ab\x03c\n", b"c\n", b"^Cc\r\n"),
            (b"\x7f\x15\x17x\n", b"x\n", b"x\r\n"),
        ];
        for (typed, read, echoed) in rows {
            let mut line = fresh();
            type_in(&mut line, typed);
            let text = String::from_utf8_lossy(typed).into_owned();
            assert_eq!(known(&line.readable()), *read, "{text:?} read");
            assert_eq!(known(line.shown()), *echoed, "{text:?} echoed");
        }
    }

    #[test]
    fn an_end_of_file_is_no_byte_and_does_not_stick() {
        let mut line = fresh();
        type_in(&mut line, b"\x04");
        assert!(line.at_end() && line.readable().is_empty());
        line.slave_read(0);
        assert!(!line.at_end());
        type_in(&mut line, b"ab\x04cd\nef");
        assert_eq!((known(&line.readable()), known(&line.editing())), (b"abcd\n".to_vec(), b"ef".to_vec()));
        line.slave_read(2);
        assert_eq!(known(&line.readable()), b"cd\n", "the end of file behind what was read went with it");
        line.slave_read(1);
        line.slave_read(2);
        type_in(&mut line, b"\x08\n\x04");
        line.slave_read(5);
        assert!(line.at_end(), "a line's end is not the end of file behind it");
    }

    #[test]
    fn a_signal_throws_away_what_was_typed_and_not_what_was_printed() {
        let mut line = fresh();
        line.printed(b"out\n".iter().copied().map(Some));
        type_in(&mut line, b"x\ny");
        type_in(&mut line, b"\x03");
        assert_eq!((line.readable(), line.editing()), (vec![], vec![]));
        assert_eq!(known(line.shown()), b"out\r\nx\r\ny^C");
        line.master_read(5);
        assert_eq!(known(line.shown()), b"x\r\ny^C");
    }

    #[test]
    fn raw_input_has_no_lines_and_becomes_one() {
        let mut line = fresh();
        type_in(&mut line, b"ab\x04cd\nef");
        let lines = *line.settings();
        line.set(Settings { lflag: lines.lflag & !libc::ICANON, ..lines });
        assert_eq!(known(&line.readable()), b"ab\x00cd\nef");
        line.slave_read(100);
        type_in(&mut line, b"xyz");
        assert_eq!(known(&line.readable()), b"xyz");
        line.set(lines);
        type_in(&mut line, b"q\n");
        assert_eq!(known(&line.readable()), b"xyzq\n");
        line.slave_read(3);
        assert_eq!(known(&line.readable()), b"q\n");
    }

    #[test]
    fn stopped_output_holds_the_echo_back() {
        let mut line = fresh();
        type_in(&mut line, b"\x13abc");
        assert!(line.shown().is_empty());
        type_in(&mut line, b"\x11");
        assert_eq!(known(line.shown()), b"abc");
    }

    #[test]
    fn unknown_bytes_count() {
        let mut line = fresh();
        line.typed([Some(b'a'), None, Some(b'\n')].into_iter());
        assert_eq!(line.readable(), [Some(b'a'), None, Some(b'\n')]);
        assert_eq!(line.shown().len(), 4);
    }
}
