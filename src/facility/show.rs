//! How a recorded call reads, in the manner of strace.

use std::fmt::Write;

use nix::errno::Errno;

use crate::kernel::arena::Record;

/// A call in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The arguments, without the parentheses; what the call has not filled yet stands as `…`.
    pub args: String,
    /// What stands behind `=`, if it is not simply the number.
    pub result: Option<String>,
}

impl Shown {
    /// Arguments, with the plain result.
    pub const fn args(args: String) -> Self {
        Self { args, result: None }
    }
}

/// Stands behind a number that means the object of the call's first argument, until the stage puts the actor's name
/// for it there: `5<q>`.
pub const OWN_NAME: &str = "<id>";

/// A pid, open for the name of its actor, which only the stage knows: it fills [`named`] in.
pub fn pid(number: i64) -> String {
    if number > 0 { format!("{number}<>") } else { number.to_string() }
}

/// Fills the names of actors in behind their pids: `7<>` becomes `7<bob>`, or `7` where nobody has that pid.
pub fn named(text: &str, name_of: impl Fn(i32) -> Option<String>) -> String {
    let mut pieces = text.split("<>");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = out.len() - out.bytes().rev().take_while(u8::is_ascii_digit).count();
        if let Some(name) = out[digits..].parse().ok().and_then(&name_of) {
            out = format!("{out}<{name}>");
        }
        out.push_str(piece);
    }
    out
}

/// Whether the call that a record tells of has returned.
pub const fn returned(record: &Record) -> bool {
    record.returned_ns != 0
}

/// What stands behind `=`: a number, or the error as strace writes it.
pub fn result(record: &Record) -> String {
    if record.errno == 0 {
        record.ret.to_string()
    } else {
        let errno = Errno::from_raw(record.errno);
        format!("-1 {errno:?} ({})", errno.desc())
    }
}

/// Flags joined by `|`, unknown bits in hex, `0` if none is set. `zero` names the value of no flag, such as `O_RDONLY`.
pub fn flags(value: i64, table: &[(&str, i64)], zero: Option<&str>) -> String {
    let mut left = value;
    let mut parts: Vec<String> = Vec::new();
    for (name, bit) in table {
        if *bit != 0 && left & bit == *bit {
            parts.push((*name).to_owned());
            left &= !bit;
        }
    }
    if let Some(zero) = zero.filter(|_| !table.iter().any(|(n, b)| *b != 0 && *b <= 3 && parts.iter().any(|p| p == n)))
    {
        parts.insert(0, zero.to_owned());
    }
    if left != 0 {
        parts.push(format!("{left:#x}"));
    }
    if parts.is_empty() { "0".to_owned() } else { parts.join("|") }
}

/// The name of a constant, or the number.
pub fn constant(value: i64, table: &[(&str, i64)]) -> String {
    table.iter().find(|(_, v)| *v == value).map_or_else(|| value.to_string(), |(n, _)| (*n).to_owned())
}

/// Bytes as a C string literal of at most `most` bytes, with `…` behind the closing quote where more follow.
pub fn text(bytes: &[u8], total: u64, most: usize) -> String {
    let shown = &bytes[..bytes.len().min(most)];
    let mut out = String::from("\"");
    for &b in shown {
        match b {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0 => out.push_str("\\0"),
            0x20..=0x7e => out.push(char::from(b)),
            _ => {
                let _ = write!(out, "\\x{b:02x}");
            }
        }
    }
    out.push('"');
    if (shown.len() as u64) < total {
        out.push('…');
    }
    out
}

/// The data of a record as a C string literal of at most 32 bytes.
pub fn data(record: &Record) -> String {
    let head = (record.data_len as usize).min(record.data.len());
    text(&record.data[..head], record.data_len, 32)
}

/// A name as numbers, for the arguments of a record that no number of the call needs. One of more than 24 bytes is
/// cut, with `…` behind it.
pub fn pack(name: &str) -> [i64; 3] {
    let mut bytes = [0; 24];
    if name.len() <= bytes.len() {
        bytes[..name.len()].copy_from_slice(name.as_bytes());
    } else {
        let head = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= 21).last().unwrap_or(0);
        bytes[..head].copy_from_slice(&name.as_bytes()[..head]);
        bytes[head..head + 3].copy_from_slice("…".as_bytes());
    }
    let mut words = [0; 3];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk.iter().rev().fold(0, |word, byte| word << 8 | i64::from(*byte));
    }
    words
}

/// The name that was packed.
pub fn unpack(words: [i64; 3]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
