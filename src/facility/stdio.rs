//! Standard output as the C library buffers it: in whole lines on a terminal, in blocks elsewhere.
//!
//! The stream is the real `stdout` of the actor's process. How much it holds back is asked of the C library
//! (stdio_ext(3)); which bytes these are follows from what was printed, of which they are the last.

use std::cell::Cell;
use std::ffi::CString;

use super::perform::{Making, Performer, Refusal};
use super::show::{self, Shown, constant};
use super::table::{CALL, required};
use super::{Card, Facility};
use crate::facility;
use crate::kernel::arena::Record;
use crate::kernel::stdio;
use crate::model::Stdout;
use crate::script::{ArgKind, CallSpec, Data, Sleeps, WaitsOn};

/// The chapter of standard output.
#[derive(Debug)]
pub(super) struct Stdio;

static CARD: Card = Card {
    id: "stdio",
    title: "Standard output",
    family: "what all facilities stand on",
    what: "What a C program prints is kept in a buffer of its own memory first: until a line's end if descriptor 1 is \
           a terminal, until a block is full if it is not.",
    identifier: "none",
    handle: "descriptor",
    persistence: "process",
    access: "the process' own",
    blocking: "as write, where the buffer is written",
    boundaries: "none",
    manual: &["stdio(3)", "printf(3)", "setvbuf(3)", "fflush(3)", "exit(3)"],
};

/// The descriptor of standard output.
const STDOUT: i64 = libc::STDOUT_FILENO as i64;

const MODES: &[(&str, i64)] =
    &[("_IONBF", libc::_IONBF as i64), ("_IOLBF", libc::_IOLBF as i64), ("_IOFBF", libc::_IOFBF as i64)];

const FLUSHES: &[Sleeps] = &[
    Sleeps { syscall: libc::SYS_write, on: WaitsOn::Descriptor(0), direction: "write" },
    Sleeps { syscall: libc::SYS_writev, on: WaitsOn::Descriptor(0), direction: "write" },
];

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "printf",
        args: &[required("text", ArgKind::Data, "what to print, as it is: % means nothing in it")],
        doc: "Prints to standard output, which is descriptor 1 with a buffer before it",
        man: "printf(3)",
        c: "printf(\"%s\", {text})",
        sleeps: FLUSHES,
        example: "alice: printf \"hello\\n\"",
        ..CALL
    },
    CallSpec {
        name: "fflush",
        doc: "Writes what standard output holds back",
        man: "fflush(3)",
        c: "fflush(stdout)",
        sleeps: FLUSHES,
        example: "alice: fflush",
        ..CALL
    },
    CallSpec {
        name: "setvbuf",
        args: &[required(
            "mode",
            ArgKind::Constant(MODES),
            "_IONBF writes at once, _IOLBF with each line, _IOFBF in blocks",
        )],
        doc: "Sets how standard output buffers",
        man: "setvbuf(3)",
        c: "setvbuf(stdout, NULL, {mode}, BUFSIZ)",
        syscall: false,
        example: "alice: setvbuf _IONBF",
        ..CALL
    },
    CallSpec {
        name: "__fpending",
        doc: "Tells how many bytes standard output holds back",
        man: "stdio_ext(3)",
        c: "__fpending(stdout)",
        gives: true,
        syscall: false,
        example: "alice: __fpending -> $n",
        ..CALL
    },
];

impl Facility for Stdio {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "printf" => return printf(performer),
            "fflush" => flush(performer),
            "setvbuf" => {
                let mode = performer.int("mode", 0);
                let making = Making::new([STDOUT, mode, 0, 0, 0, 0]);
                let _ = performer.call(making, || stdio::setvbuf(mode as i32).map(|()| 0));
                note(performer, &[]);
            }
            "__fpending" => {
                let told = performer.call(Making::new([STDOUT, 0, 0, 0, 0, 0]), || Ok(stdio::pending() as i64));
                performer.deliver(Data::Int(told.unwrap_or(0)));
            }
            _ => return Err(Refusal::new(format!("{verb} is no call on standard output"))),
        }
        Ok(())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        Shown::args(match verb {
            "printf" => {
                let length = record.args[2] as u64;
                let head = record.bytes();
                show::text(&head[..head.len().min(length as usize)], length, 32)
            }
            "setvbuf" => format!("stdout, NULL, {}, BUFSIZ", constant(record.args[1], MODES)),
            _ => "stdout".to_owned(),
        })
    }
}

/// What a call on standard output sent to its descriptor, for the facility of the object behind it: as many bytes of
/// what was held back and was printed as are no longer held back. `None` for other calls.
///
/// The record of `printf` carries the text and behind it what was held back before, that of `fflush` only the latter.
pub(super) fn written(verb: &str, record: &Record) -> Option<(Vec<u8>, u64)> {
    let [_, _, text, before, after, _] = record.args;
    if !matches!(verb, "printf" | "fflush") {
        return None;
    }
    let total = (text + before - after).max(0) as u64;
    let told = record.bytes();
    let (text, before) = told.split_at((text as usize).min(told.len()));
    let mut bytes = [before, text].concat();
    if (before.len() as i64) < record.args[3] {
        // What was held back is not known to its end, so what follows it is not known either.
        bytes.truncate(before.len());
    }
    bytes.truncate(total as usize);
    Some((bytes, total))
}

fn printf(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let text = performer.bytes("text");
    let c = CString::new(text).map_err(|_nul| {
        Refusal::new("a text of C ends at its first NUL byte").help("write what has one: write fd 1 \"a\\0b\"")
    })?;
    let held = held(performer);
    let told = [text, &held].concat();
    let after = Cell::new(0);
    let making = Making::new([STDOUT, 0, text.len() as i64, held.len() as i64, 0, 0]).data(&told);
    let _ = performer.call_then(
        making,
        || {
            let printed = stdio::printf(&c);
            after.set(stdio::pending() as i64);
            printed.map(i64::from)
        },
        |record| record.args[4] = after.get(),
    );
    note(performer, text);
    Ok(())
}

fn flush(performer: &mut Performer<'_>) {
    let held = held(performer);
    let after = Cell::new(0);
    let making = Making::new([STDOUT, 0, 0, held.len() as i64, 0, 0]).data(&held);
    let _ = performer.call_then(
        making,
        || {
            let flushed = stdio::fflush();
            after.set(stdio::pending() as i64);
            flushed.map(|()| 0)
        },
        |record| record.args[4] = after.get(),
    );
    note(performer, &[]);
}

/// What exit(3) does before it ends the process: it flushes, and that is recorded as such.
pub(super) fn at_exit(performer: &mut Performer<'_>) {
    let Some((verb, spec)) = facility::registry().call("fflush") else { return };
    if stdio::pending() > 0 {
        flush(&mut Performer {
            body: performer.body,
            expr: performer.expr,
            spec,
            verb,
            arguments: performer.arguments,
        });
    }
}

fn held(performer: &Performer<'_>) -> Vec<u8> {
    performer.body.names.stdout.as_ref().map(|s| s.holds.clone()).unwrap_or_default()
}

/// Notes what the C library says of its buffer, after `text` has gone into it.
fn note(performer: &mut Performer<'_>, text: &[u8]) {
    let mut holds = held(performer);
    holds.extend_from_slice(text);
    let pending = stdio::pending().min(holds.len());
    holds.drain(..holds.len() - pending);
    let buffering = match stdio::buffer_size() {
        0 | 1 => "unbuffered",
        _ if stdio::line_buffered() => "line",
        _ => "block",
    };
    performer.body.names.stdout = Some(Stdout { holds, buffering: buffering.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(args: [i64; 6], data: &[u8]) -> Record {
        let mut record = Record { args, entered_ns: 1, returned_ns: 2, ..Record::default() };
        record.set_data(data);
        record
    }

    #[test]
    fn shows_calls_as_c_writes_them() {
        let shown = |verb: &str, args, data: &[u8]| Stdio.show(verb, &record(args, data)).args;
        assert_eq!(shown("printf", [1, 0, 2, 3, 0, 0], b"hiold"), "\"hi\"");
        assert_eq!(shown("printf", [1, 0, 100, 0, 0, 0], &[b'x'; 100]), format!("\"{}\"…", "x".repeat(32)));
        assert_eq!(shown("fflush", [1, 0, 0, 3, 0, 0], b"old"), "stdout");
        assert_eq!(shown("setvbuf", [1, libc::_IOLBF.into(), 0, 0, 0, 0], b""), "stdout, NULL, _IOLBF, BUFSIZ");
    }

    #[test]
    fn what_goes_out_is_the_oldest_first() {
        let out = |verb: &str, args, data: &[u8]| written(verb, &record(args, data)).unwrap();
        assert_eq!(out("printf", [1, 0, 3, 2, 1, 0], b"b\ncxa"), (b"xab\n".to_vec(), 4));
        assert_eq!(out("printf", [1, 0, 3, 2, 5, 0], b"b\ncxa"), (vec![], 0));
        assert_eq!(out("fflush", [1, 0, 0, 2, 0, 0], b"xa"), (b"xa".to_vec(), 2));
        let long = [b"end\n".as_slice(), &[b'x'; 100]].concat();
        assert_eq!(out("printf", [1, 0, 4, 100, 0, 0], &long), (vec![b'x'; 60], 104));
        assert_eq!(written("write", &record([1, 0, 3, 0, 0, 0], b"abc")), None);
    }
}
