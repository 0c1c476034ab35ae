//! What the facilities' tables of calls have in common.

use crate::script::{ArgKind, ArgSpec, CallSpec, Form, Makes, PredicateArg, PredicateSpec};

/// What most calls are: a system call that makes, gives and waits for nothing.
pub(super) const CALL: CallSpec = CallSpec {
    name: "",
    args: &[],
    doc: "",
    man: "",
    c: "",
    makes: Makes::Nothing,
    gives: false,
    sleeps: &[],
    syscall: true,
    spins: false,
    undefined: "",
    example: "",
};

/// An argument that must be given.
pub(super) const fn required(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    ArgSpec { name, kind, form: Form::Required, doc }
}

/// An argument that may be left out.
pub(super) const fn optional(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    ArgSpec { name, kind, form: Form::Optional, doc }
}

/// An argument that is written `name=VALUE` and may be left out.
pub(super) const fn keyed(name: &'static str, kind: ArgKind, doc: &'static str) -> ArgSpec {
    ArgSpec { name, kind, form: Form::Keyed, doc }
}

/// A constant of C, an int, as tables of constants hold it.
pub(super) const fn c(value: i32) -> i64 {
    value as i64
}

/// The flags of open(2) that mean something for objects of a stage.
pub(super) const OPEN_FLAGS: &[(&str, i64)] = &[
    ("O_RDONLY", c(libc::O_RDONLY)),
    ("O_WRONLY", c(libc::O_WRONLY)),
    ("O_RDWR", c(libc::O_RDWR)),
    ("O_CREAT", c(libc::O_CREAT)),
    ("O_EXCL", c(libc::O_EXCL)),
    ("O_TRUNC", c(libc::O_TRUNC)),
    ("O_APPEND", c(libc::O_APPEND)),
    ("O_NONBLOCK", c(libc::O_NONBLOCK)),
    ("O_CLOEXEC", c(libc::O_CLOEXEC)),
    ("O_NOCTTY", c(libc::O_NOCTTY)),
    ("O_SYNC", c(libc::O_SYNC)),
    ("O_DSYNC", c(libc::O_DSYNC)),
    ("O_DIRECT", c(libc::O_DIRECT)),
    ("O_DIRECTORY", c(libc::O_DIRECTORY)),
    ("O_NOFOLLOW", c(libc::O_NOFOLLOW)),
    ("O_PATH", c(libc::O_PATH)),
];

/// What F_GETFL may tell beside the access mode. The kernel sets its own O_LARGEFILE, which libc has as 0, on each file
/// that a 64-bit program opens.
const SHOWN: &[(&str, i64)] = &[
    ("O_CREAT", c(libc::O_CREAT)),
    ("O_EXCL", c(libc::O_EXCL)),
    ("O_TRUNC", c(libc::O_TRUNC)),
    ("O_APPEND", c(libc::O_APPEND)),
    ("O_NONBLOCK", c(libc::O_NONBLOCK)),
    ("O_CLOEXEC", c(libc::O_CLOEXEC)),
    ("O_NOCTTY", c(libc::O_NOCTTY)),
    ("O_SYNC", c(libc::O_SYNC)),
    ("O_DSYNC", c(libc::O_DSYNC)),
    ("O_DIRECT", c(libc::O_DIRECT)),
    ("O_DIRECTORY", c(libc::O_DIRECTORY)),
    ("O_NOFOLLOW", c(libc::O_NOFOLLOW)),
    ("O_PATH", c(libc::O_PATH)),
    ("O_ASYNC", c(libc::O_ASYNC)),
    ("O_LARGEFILE", if cfg!(target_arch = "aarch64") { 0o400_000 } else { 0o100_000 }),
];

/// Flags of open(2) as C writes them: the access mode is a number of its own, not a bit.
pub(super) fn open_flags(flags: i64) -> String {
    let mode = match flags as i32 & libc::O_ACCMODE {
        libc::O_RDONLY => "O_RDONLY",
        libc::O_WRONLY => "O_WRONLY",
        libc::O_RDWR => "O_RDWR",
        _ => "O_ACCMODE",
    };
    match flags & !i64::from(libc::O_ACCMODE) {
        0 => mode.to_owned(),
        rest => format!("{mode}|{}", super::show::flags(rest, SHOWN, None)),
    }
}

/// A file mode as C writes it: `0644`.
pub(super) fn mode(mode: i64) -> String {
    format!("0{:o}", mode & 0o7777)
}

/// A number as C takes it, an int. One that does not fit becomes one that is as wrong, and not what its lower bits are.
pub(super) fn saturated(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// A predicate that compares a number.
pub(super) const fn number(word: &'static str, doc: &'static str, example: &'static str) -> PredicateSpec {
    PredicateSpec { word, args: &[PredicateArg::Number], doc, example }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_as_in_c() {
        let c = |flags: i32| open_flags(flags.into());
        assert_eq!(c(libc::O_RDONLY), "O_RDONLY");
        assert_eq!(c(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL), "O_RDWR|O_CREAT|O_EXCL");
        assert_eq!(c(libc::O_WRONLY | libc::O_SYNC), "O_WRONLY|O_SYNC");
        assert_eq!(c(libc::O_WRONLY | libc::O_DSYNC), "O_WRONLY|O_DSYNC");
        assert_eq!(c(libc::O_RDONLY | libc::O_NONBLOCK), "O_RDONLY|O_NONBLOCK");
        assert_eq!(mode(0o644), "0644");
        assert_eq!(mode(0), "00");
    }
}
