//! The mirror of a pseudoterminal: what its buffers must hold, by what was reported, in order of time.
//!
//! The kernel lets nobody look into them without taking out. What it tells is how many bytes each side can read; the
//! mirror is checked against that, and says so when it has lost track. It is found again when a buffer is empty.

use serde::{Deserialize, Serialize};

use super::line::{Byte, Line, Settings};
use crate::model::{Evidence, Field, Value};

/// The kernel counts no further (N_TTY_BUF_SIZE less one); more can be on its way behind.
const COUNTED: usize = 4095;
/// How many reports wait to be put in order.
const WAITING: usize = 512;
/// More bytes than both directions of a terminal can hold: a mirror of more has gone wrong.
const MOST: usize = 1 << 16;

/// Which side of a pseudoterminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Master,
    Slave,
}

/// What was reported, with the moment from which it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) at_ns: u64,
    /// Whose call it was.
    pub(super) by: String,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum What {
    /// A write: its bytes as far as they are known, and how many there are.
    Wrote(Side, Vec<u8>, u64),
    /// A read of so many bytes, the first of which is this.
    Read(Side, u64, Option<u8>),
    /// New settings, and whether what was typed was thrown away.
    Set(Settings, bool),
    /// That side's unread bytes were thrown away.
    Flushed(Side),
    /// Packet mode of the master was switched.
    Packets(bool),
}

/// What a facility remembers of a pseudoterminal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Mirror {
    pub(super) line: Line,
    /// Whether each read of the master begins with a byte of its own.
    packets: bool,
    /// The slave's writers who are asleep: all that they write is taken to be there.
    promised: Vec<Promised>,
    /// Whether it is known to be wrong of what the slave reads, and of what the master reads.
    lost: (bool, bool),
}

/// A write that sleeps, by whom and of how much: the kernel does not tell how much of it is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Promised {
    by: String,
    total: u64,
    /// How much that is on the master's side.
    shown: usize,
}

/// What the kernel tells of both sides; `None` for a side that can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    pub(super) settings: Option<Settings>,
    /// Whether the master is in packet mode.
    pub(super) packets: Option<bool>,
    /// Bytes that the slave can read.
    pub(super) input: Option<usize>,
    /// Whether the slave's next read returns at once.
    pub(super) ready: bool,
    /// Bytes that the master can read.
    pub(super) output: Option<usize>,
    /// Whether the slave's master is gone, and with it whatever there was to read.
    pub(super) hung_up: bool,
}

/// Adds a report to a note.
pub(super) fn note_event(note: &mut Value, event: &Event) {
    if !matches!(note, Value::List(_)) {
        *note = Value::List(vec![pack(&Mirror::default())]);
    }
    let Value::List(parts) = note else { return };
    parts.push(pack(event));
    if parts.len() > WAITING {
        catch_up(note);
    }
}

/// Takes all reports of a note in, and gives the mirror.
pub(super) fn catch_up(note: &mut Value) -> Mirror {
    let parts = note.as_list();
    let mut mirror: Mirror = parts.first().and_then(unpack).unwrap_or_default();
    let mut events: Vec<Event> = parts.iter().skip(1).filter_map(unpack).collect();
    events.sort_by_key(|event| event.at_ns);
    for event in events {
        mirror.take_in(&event.by, event.what);
    }
    keep(note, &mirror);
    mirror
}

/// Puts a mirror back into its note.
pub(super) fn keep(note: &mut Value, mirror: &Mirror) {
    *note = Value::List(vec![pack(mirror)]);
}

fn pack<T: Serialize>(part: &T) -> Value {
    let bytes = postcard::to_stdvec(part).unwrap_or_default();
    Value::Bytes { total: bytes.len() as u64, bytes }
}

fn unpack<T: for<'de> Deserialize<'de>>(part: &Value) -> Option<T> {
    postcard::from_bytes(part.as_bytes()?.0).ok()
}

fn bytes(known: &[u8], total: u64) -> impl Iterator<Item = Byte> {
    let rest = (total as usize).saturating_sub(known.len()).min(MOST);
    known.iter().copied().map(Some).chain(std::iter::repeat_n(None, rest))
}

impl Mirror {
    fn take_in(&mut self, by: &str, what: What) {
        match what {
            What::Wrote(Side::Slave, _, total) if self.promised.iter().any(|write| write.by == by) => {
                // What it has not written after all stands somewhere in there.
                let kept = |write: &Promised| write.by != by || write.total == total;
                self.lost.1 |= !self.promised.iter().all(kept);
                self.promised.retain(|write| write.by != by);
            }
            What::Wrote(Side::Master, known, total) => self.line.typed(bytes(&known, total)),
            What::Wrote(Side::Slave, known, total) => self.line.printed(bytes(&known, total)),
            What::Read(Side::Slave, count, _) => self.line.slave_read(count as usize),
            What::Read(Side::Master, count, first) => {
                // 0 before data; another one is a report with nothing behind it (TIOCPKT in ioctl_tty(2)).
                let data = match first {
                    Some(0) if self.packets => count.saturating_sub(1),
                    Some(_) if self.packets => 0,
                    _ => count,
                };
                self.line.master_read(data as usize);
            }
            What::Set(settings, flush) => {
                if flush {
                    self.line.forget_input();
                }
                self.line.set(settings);
            }
            What::Packets(on) => self.packets = on,
            What::Flushed(Side::Slave) => self.line.forget_input(),
            What::Flushed(Side::Master) => self.line.forget_output(),
        }
        if self.line.readable().len() > MOST {
            self.line.forget_input();
            self.lost.0 = true;
        }
        if self.line.shown().len() > MOST {
            self.line.forget_output();
            self.lost.1 = true;
        }
    }

    /// Takes in what sleeping writers of the slave have to write, a name, the head and the length of each; and forgets
    /// those who sleep no more and have not told what they wrote.
    pub(super) fn promise(&mut self, writers: &[(String, Vec<u8>, u64)]) {
        let asleep = |write: &Promised| writers.iter().any(|(by, ..)| *by == write.by);
        self.lost.1 |= !self.promised.iter().all(asleep);
        self.promised.retain(asleep);
        for (by, known, total) in writers {
            if *total < MOST as u64 && !self.promised.iter().any(|write| write.by == *by) {
                let before = self.line.shown().len();
                self.line.printed(bytes(known, *total));
                let shown = self.line.shown().len() - before;
                self.promised.push(Promised { by: by.clone(), total: *total, shown });
            }
        }
    }

    /// How many bytes the master can read at least, by what has returned.
    fn sure(&self) -> usize {
        self.line.shown().len().saturating_sub(self.promised.iter().map(|write| write.shown).sum())
    }

    /// Whether what it says, and is not known to be wrong of, is what the kernel counts.
    pub(super) fn agrees(&self, counters: &Counters) -> bool {
        (self.lost.0 || self.input_agrees(counters)) && (self.lost.1 || self.output_agrees(counters))
    }

    fn input_agrees(&self, counters: &Counters) -> bool {
        let here = self.line.readable().len();
        counters.input.is_none_or(|there| {
            same(here, there) && (there > 0 || counters.ready == self.line.at_end()) || self.in_hands(there) > 0
        })
    }

    /// How many bytes a reader has taken that still waits for more, up to VMIN: the buffer has lost them, and no call
    /// has returned them.
    fn in_hands(&self, there: usize) -> usize {
        let several = !self.line.canonical() && self.line.settings().characters[libc::VMIN] > 1;
        if several { self.line.readable().len().saturating_sub(there) } else { 0 }
    }

    fn output_agrees(&self, counters: &Counters) -> bool {
        let here = self.line.shown().len();
        // Of what a sleeper writes any part may be there.
        let some = |there: usize| (self.sure().min(COUNTED)..=here).contains(&there);
        counters.output.is_none_or(|there| if self.promised.is_empty() { same(here, there) } else { some(there) })
    }

    /// Compares it with what the kernel says while nothing is under way: what is wrong is lost, what is empty is found
    /// again.
    pub(super) fn reconcile(&mut self, counters: &Counters) {
        if let Some(settings) = counters.settings
            && settings != *self.line.settings()
        {
            self.line.set(settings);
        }
        if counters.hung_up {
            self.line.forget_input();
            self.line.forget_output();
            self.promised.clear();
            self.lost = (false, false);
            return;
        }
        self.packets = counters.packets.unwrap_or(self.packets);
        self.lost.0 |= !self.input_agrees(counters);
        self.lost.1 |= !self.output_agrees(counters);
        if self.lost.0 && counters.input == Some(0) && !counters.ready {
            self.line.forget_readable();
            self.lost.0 = false;
        }
        if self.lost.1 && counters.output == Some(0) {
            self.line.forget_output();
            self.promised.clear();
            self.lost.1 = false;
        }
    }

    /// What the slave can read, the unfinished line, and what the master can read.
    pub(super) fn fields(&self, counters: &Counters) -> [Field; 3] {
        let lost = |name: &'static str, here: usize, there: Option<usize>| {
            let there = there.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
            let why =
                format!("the mirror has lost track: {here} bytes here, {there} there; it waits until there are none");
            Field::hidden(name, &why)
        };
        let told = |name: &'static str, bytes: &[Byte]| Field::new(name, head(bytes), Evidence::Mirror);
        let unasked = |field: Field, counter: Option<usize>, side: &str| match counter {
            _ if counters.hung_up => field.noted("the terminal has hung up, and its buffers are gone".to_owned()),
            Some(_) => field,
            None => field.noted(format!("not checked: no {side} is open through which the kernel could be asked")),
        };
        let (mut input, output) = (self.line.readable(), self.line.shown());
        let in_hands = counters.input.map_or(0, |there| self.in_hands(there));
        input.drain(..in_hands);
        [
            if self.lost.0 {
                lost("holds", input.len(), counters.input)
            } else {
                let field = unasked(told("holds", &input), counters.input, "slave");
                match in_hands {
                    0 => field,
                    n => field.noted(format!("{n} more are with a reader that waits for VMIN")),
                }
            },
            if self.lost.0 {
                Field::hidden("editing", "the mirror has lost track of what was typed")
            } else {
                told("editing", &self.line.editing())
            },
            if self.lost.1 {
                lost("shows", output.len(), counters.output)
            } else {
                self.of_sleepers(unasked(told("shows", output), counters.output, "master"), counters)
            },
        ]
    }
}

impl Mirror {
    /// As long as somebody's write sleeps, what is there is as much as the kernel counts.
    fn of_sleepers(&self, mut field: Field, counters: &Counters) -> Field {
        let (Some(there), Value::Bytes { bytes, total }) = (counters.output, &mut field.value) else { return field };
        let Some(last) = self.promised.last() else { return field };
        let there = there.max(self.sure()).min(*total as usize);
        *total = there as u64;
        bytes.truncate(there);
        field.noted(format!(
            "as many as are counted, {COUNTED} at most: how much more of {}'s write of {} bytes is in, the kernel does not \
             tell before it returns",
            last.by, last.total
        ))
    }
}

fn same(here: usize, there: usize) -> bool {
    here == there || here > COUNTED && there > 0
}

/// Bytes up to the first that is not known, and how many there are.
fn head(bytes: &[Byte]) -> Value {
    Value::Bytes { bytes: bytes.iter().copied().map_while(|b| b).collect(), total: bytes.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(input: usize, output: usize) -> Counters {
        Counters { input: Some(input), ready: input > 0, output: Some(output), ..Counters::default() }
    }

    fn wrote(at_ns: u64, side: Side, text: &[u8]) -> Event {
        Event { at_ns, by: String::new(), what: What::Wrote(side, text.to_vec(), text.len() as u64) }
    }

    fn text(field: &Field) -> &[u8] {
        field.value.as_bytes().unwrap().0
    }

    #[test]
    fn reports_count_in_order_of_time() {
        let mut note = Value::Nothing;
        note_event(&mut note, &Event { at_ns: 30, by: String::new(), what: What::Read(Side::Slave, 2, None) });
        note_event(&mut note, &wrote(20, Side::Master, b"b"));
        note_event(&mut note, &wrote(10, Side::Master, b"ax"));
        note_event(&mut note, &wrote(15, Side::Slave, b"out"));
        let mirror = catch_up(&mut note);
        let [holds, editing, shows] = mirror.fields(&counters(1, 3));
        assert_eq!((text(&holds), text(&editing), text(&shows)), (&b"b"[..], &b""[..], &b"out"[..]));
        assert!(mirror.agrees(&counters(1, 3)) && !mirror.agrees(&counters(0, 3)) && !mirror.agrees(&counters(1, 2)));
        assert_eq!(catch_up(&mut note), mirror, "what was taken in is kept");
    }

    #[test]
    fn what_is_wrong_is_hidden_until_there_is_nothing() {
        let mut note = Value::Nothing;
        note_event(&mut note, &wrote(1, Side::Master, b"abc"));
        let mut mirror = catch_up(&mut note);
        mirror.reconcile(&counters(5, 0));
        let [holds, editing, shows] = mirror.fields(&counters(5, 0));
        assert_eq!(
            (holds.evidence, editing.evidence, shows.evidence),
            (Evidence::Hidden, Evidence::Hidden, Evidence::Mirror)
        );
        assert!(holds.note.unwrap().contains("3 bytes here, 5 there"));
        assert!(mirror.agrees(&counters(9, 0)), "nobody waits for what is lost");
        mirror.reconcile(&counters(0, 0));
        assert_eq!(mirror.fields(&counters(0, 0))[0].evidence, Evidence::Mirror);
    }

    #[test]
    fn only_heads_are_shown_and_counts_saturate() {
        let mut note = Value::Nothing;
        note_event(
            &mut note,
            &Event { at_ns: 1, by: String::new(), what: What::Wrote(Side::Slave, b"head".to_vec(), 9000) },
        );
        let mirror = catch_up(&mut note);
        assert_eq!(mirror.fields(&counters(0, 4095))[2].value, Value::Bytes { bytes: b"head".to_vec(), total: 9000 });
        assert!(mirror.agrees(&counters(0, 4095)) && !mirror.agrees(&counters(0, 0)));
        let unasked = Counters { output: None, ..counters(0, 0) };
        assert!(mirror.fields(&unasked)[2].note.as_ref().unwrap().starts_with("not checked"));
    }

    #[test]
    fn of_a_write_that_sleeps_what_is_counted_is_there() {
        let sleeper = |total: usize| vec![("bob".to_owned(), vec![b'x'; total.min(64)], total as u64)];
        let mut note = Value::Nothing;
        note_event(&mut note, &wrote(1, Side::Slave, b"ab"));
        let mut mirror = catch_up(&mut note);
        mirror.promise(&sleeper(30_000));
        mirror.reconcile(&counters(0, 4095));
        let shows = &mirror.fields(&counters(0, 4095))[2];
        assert_eq!((&text(shows)[..4], shows.evidence), (&b"abxx"[..], Evidence::Mirror));
        assert!(matches!(shows.value, Value::Bytes { total: 4095, .. }), "{shows:?}");
        assert!(shows.note.as_ref().unwrap().contains("bob's write of 30000 bytes"), "{shows:?}");
        // A stopped terminal lets nothing in.
        assert!(mirror.agrees(&counters(0, 2)) && !mirror.agrees(&counters(0, 1)));
        assert_eq!(text(&mirror.fields(&counters(0, 2))[2]), b"ab");
        keep(&mut note, &mirror);
        note_event(&mut note, &Event { at_ns: 2, by: String::new(), what: What::Read(Side::Master, 29_000, None) });
        let done =
            |total| Event { at_ns: 1, by: "bob".to_owned(), what: What::Wrote(Side::Slave, vec![b'x'; 64], total) };
        let [mut whole, mut part] = [note.clone(), note];
        note_event(&mut whole, &done(30_000));
        let mut mirror = catch_up(&mut whole);
        mirror.promise(&[]);
        assert!(mirror.agrees(&counters(0, 1002)) && !mirror.agrees(&counters(0, 1001)), "nothing counts twice");
        // One that a signal has ended, and one that never told.
        note_event(&mut part, &done(20_000));
        assert!(catch_up(&mut part).lost.1);
        let mut dead = Mirror::default();
        dead.promise(&sleeper(9));
        dead.promise(&[]);
        assert!(dead.lost.1);
    }

    #[test]
    fn packets_have_a_byte_of_their_own() {
        let mut note = Value::Nothing;
        let read = |at_ns, count, first| Event {
            at_ns,
            by: String::new(),
            what: What::Read(Side::Master, count, Some(first)),
        };
        note_event(&mut note, &wrote(1, Side::Slave, b"hello"));
        note_event(&mut note, &Event { at_ns: 2, by: String::new(), what: What::Packets(true) });
        note_event(&mut note, &read(3, 1, 3));
        note_event(&mut note, &read(4, 3, 0));
        assert_eq!(text(&catch_up(&mut note).fields(&counters(0, 3))[2]), b"llo");
        note_event(&mut note, &Event { at_ns: 5, by: String::new(), what: What::Packets(false) });
        note_event(&mut note, &read(6, 2, b'l'));
        assert_eq!(text(&catch_up(&mut note).fields(&counters(0, 1))[2]), b"o");
    }

    #[test]
    fn many_reports_are_taken_in_early() {
        let mut note = Value::Nothing;
        for at in 0..2000 {
            note_event(&mut note, &wrote(at, Side::Slave, b"x"));
        }
        assert!(note.as_list().len() <= WAITING + 1);
        assert_eq!(catch_up(&mut note).line.shown().len(), 2000);
    }
}
