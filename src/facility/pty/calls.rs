//! The calls on pseudoterminals: what the language knows of them, and how a record of one reads.

use crate::facility::show::{self, Shown, constant, returned};
use crate::facility::table::{CALL, OPEN_FLAGS, keyed, open_flags, optional, required};
use crate::kernel::arena::Record;
use crate::kernel::pty::{CHARACTERS, Termios};
use crate::script::{ArgKind, ArgSpec, CallSpec, Makes, PredicateArg, PredicateSpec, Wants};

use super::termios;

/// The flags with which a master is opened.
const MASTER_FLAGS: &[(&str, i64)] = &[
    ("O_RDWR", libc::O_RDWR as i64),
    ("O_NOCTTY", libc::O_NOCTTY as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_CLOEXEC", libc::O_CLOEXEC as i64),
];

const ACTIONS: &[(&str, i64)] =
    &[("TCSANOW", libc::TCSANOW as i64), ("TCSADRAIN", libc::TCSADRAIN as i64), ("TCSAFLUSH", libc::TCSAFLUSH as i64)];

const QUEUES: &[(&str, i64)] =
    &[("TCIFLUSH", libc::TCIFLUSH as i64), ("TCOFLUSH", libc::TCOFLUSH as i64), ("TCIOFLUSH", libc::TCIOFLUSH as i64)];

/// The requests of ioctl(2) on terminals; see ioctl_tty(2).
const REQUESTS: &[(&str, i64)] = &[
    ("TIOCGPTPEER", libc::TIOCGPTPEER as i64),
    ("TIOCSCTTY", libc::TIOCSCTTY as i64),
    ("TIOCNOTTY", libc::TIOCNOTTY as i64),
    ("TIOCGWINSZ", libc::TIOCGWINSZ as i64),
    ("TIOCSWINSZ", libc::TIOCSWINSZ as i64),
    ("TIOCINQ", libc::TIOCINQ as i64),
    ("TIOCOUTQ", libc::TIOCOUTQ as i64),
    ("TIOCGPTN", libc::TIOCGPTN as i64),
    ("TIOCSPTLCK", libc::TIOCSPTLCK as i64),
    ("TIOCGPTLCK", libc::TIOCGPTLCK as i64),
    ("TIOCPKT", libc::TIOCPKT as i64),
    ("TIOCGPKT", libc::TIOCGPKT as i64),
    ("TIOCEXCL", libc::TIOCEXCL as i64),
    ("TIOCNXCL", libc::TIOCNXCL as i64),
    ("TIOCGEXCL", libc::TIOCGEXCL as i64),
];

const MASTER: ArgSpec = required("fd", ArgKind::Descriptor(Wants::Any), "the master");
const TERMINAL: ArgSpec =
    required("fd", ArgKind::Descriptor(Wants::Any), "the terminal; a master stands for its slave");

pub(super) static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "posix_openpt",
        args: &[
            required("name", ArgKind::NewName, "what the pseudoterminal shall be called: its master is NAME.m"),
            required("oflag", ArgKind::Flags(MASTER_FLAGS), "O_RDWR, and O_NOCTTY"),
        ],
        doc: "Makes a pseudoterminal and opens its master",
        man: "posix_openpt(3)",
        c: "{name}_m = posix_openpt({oflag})",
        makes: Makes::Ends("m", "s"),
        example: "alice: posix_openpt t O_RDWR|O_NOCTTY",
        ..CALL
    },
    CallSpec {
        name: "grantpt",
        args: &[MASTER],
        doc: "Gives the slave to the caller; on Linux it has it already",
        man: "grantpt(3)",
        c: "grantpt({fd})",
        example: "alice: grantpt t.m",
        ..CALL
    },
    CallSpec {
        name: "unlockpt",
        args: &[MASTER],
        doc: "Lets the slave be opened",
        man: "unlockpt(3)",
        c: "unlockpt({fd})",
        example: "alice: unlockpt t.m",
        ..CALL
    },
    CallSpec {
        name: "ptsname",
        args: &[MASTER],
        doc: "Tells the slave's path, which open takes",
        man: "ptsname(3)",
        c: "ptsname({fd})",
        gives: true,
        example: "alice: ptsname t.m -> $path",
        ..CALL
    },
    CallSpec {
        name: "isatty",
        args: &[required("fd", ArgKind::Descriptor(Wants::Any), "which")],
        doc: "Tells whether a descriptor is a terminal: 1, or ENOTTY",
        man: "isatty(3)",
        c: "isatty({fd})",
        example: "alice: isatty t.s",
        ..CALL
    },
    CallSpec {
        name: "tcgetattr",
        args: &[TERMINAL],
        doc: "Tells the settings; a variable takes them as struct termios",
        man: "termios(3)",
        c: "tcgetattr({fd}, &{into=t})",
        gives: true,
        example: "alice: tcgetattr t.s -> $t",
        ..CALL
    },
    CallSpec {
        name: "tcsetattr",
        args: &[
            TERMINAL,
            required("actions", ArgKind::Constant(ACTIONS), "TCSAFLUSH also throws away what was typed"),
            optional("termios", ArgKind::Data, "settings that tcgetattr gave; those in force if not given"),
            keyed("set", ArgKind::Flags(termios::FLAGS), "flags to set in them"),
            keyed("clear", ArgKind::Flags(termios::FLAGS), "flags to clear in them"),
            keyed("VINTR", ArgKind::Int, "the byte that sends SIGINT; 0 for none"),
            keyed("VQUIT", ArgKind::Int, "the byte that sends SIGQUIT"),
            keyed("VSUSP", ArgKind::Int, "the byte that sends SIGTSTP"),
            keyed("VEOF", ArgKind::Int, "the byte that ends a line without being in it"),
            keyed("VERASE", ArgKind::Int, "the byte that takes back the one before"),
            keyed("VKILL", ArgKind::Int, "the byte that takes back the line"),
            keyed("VMIN", ArgKind::Int, "without ICANON: how many bytes a read waits for"),
            keyed("VTIME", ArgKind::Int, "without ICANON: how many tenths of a second it waits for them"),
        ],
        doc: "Changes the settings",
        man: "termios(3)",
        c: "tcsetattr({fd}, {actions}, &{termios=t}{?set  /* flags |= {set} */?}{?clear  /* flags &= ~({clear}) */?}\
            {?VINTR  /* c_cc[VINTR] = {VINTR} */?}{?VQUIT  /* c_cc[VQUIT] = {VQUIT} */?}\
            {?VSUSP  /* c_cc[VSUSP] = {VSUSP} */?}{?VEOF  /* c_cc[VEOF] = {VEOF} */?}\
            {?VERASE  /* c_cc[VERASE] = {VERASE} */?}{?VKILL  /* c_cc[VKILL] = {VKILL} */?}\
            {?VMIN  /* c_cc[VMIN] = {VMIN} */?}{?VTIME  /* c_cc[VTIME] = {VTIME} */?})",
        example: "alice: tcsetattr t.s TCSANOW clear=ECHO|ICANON VMIN=1",
        ..CALL
    },
    CallSpec {
        name: "cfmakeraw",
        args: &[required("termios", ArgKind::Variable, "settings that tcgetattr gave")],
        doc: "Changes settings in memory so that bytes pass as they are; tcsetattr puts them in force",
        man: "termios(3)",
        c: "cfmakeraw(&{termios})",
        syscall: false,
        example: "alice: cfmakeraw $t",
        ..CALL
    },
    CallSpec {
        name: "tcflush",
        args: &[
            TERMINAL,
            required(
                "queue",
                ArgKind::Constant(QUEUES),
                "TCIFLUSH what this side has not read, TCOFLUSH what it wrote",
            ),
        ],
        doc: "Throws away what this side has not read, or what it wrote and has not arrived",
        man: "termios(3)",
        c: "tcflush({fd}, {queue})",
        example: "alice: tcflush t.s TCIFLUSH",
        ..CALL
    },
    CallSpec {
        name: "tcgetpgrp",
        args: &[TERMINAL],
        doc: "Tells the foreground process group",
        man: "tcgetpgrp(3)",
        c: "tcgetpgrp({fd})",
        gives: true,
        example: "alice: tcgetpgrp t.m",
        ..CALL
    },
    CallSpec {
        name: "tcsetpgrp",
        args: &[TERMINAL, required("pgrp", ArgKind::Actor, "whose process group: its leader's")],
        doc: "Makes a process group of the session the one in the foreground: keys send it signals, and it may read",
        man: "tcsetpgrp(3)",
        c: "tcsetpgrp({fd}, {pgrp})",
        example: "alice: tcsetpgrp t.s bob",
        ..CALL
    },
    CallSpec {
        name: "tcgetsid",
        args: &[TERMINAL],
        doc: "Tells the session that the terminal controls, by its leader",
        man: "tcgetsid(3)",
        c: "tcgetsid({fd})",
        gives: true,
        example: "alice: tcgetsid t.m",
        ..CALL
    },
    CallSpec {
        name: "ioctl",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Any), "of which terminal"),
            required("request", ArgKind::Constant(REQUESTS), "what to do"),
            optional("flags", ArgKind::Flags(OPEN_FLAGS), "for TIOCGPTPEER, as of open"),
            optional("arg", ArgKind::Int, "for TIOCPKT and TIOCSPTLCK, 1 or 0"),
            keyed("ws_row", ArgKind::Count, "for TIOCSWINSZ, how many rows"),
            keyed("ws_col", ArgKind::Count, "for TIOCSWINSZ, how many columns"),
        ],
        doc: "Opens a slave by its master, controls a session, sets the window size, counts bytes",
        man: "ioctl_tty(2)",
        c: "ioctl({fd}, {request}, {flags}{arg}{?ws_row &(struct winsize){ .ws_row = {ws_row}, .ws_col = {ws_col=0} }?}\
            {?into &{into}?})",
        makes: Makes::Descriptor,
        gives: true,
        example: "alice: ioctl t.m TIOCGPTPEER O_RDWR|O_NOCTTY",
        ..CALL
    },
];

pub(super) static PREDICATES: &[PredicateSpec] = &[
    PredicateSpec {
        word: "holds",
        args: &[PredicateArg::Data],
        doc: "What the slave can read is exactly this",
        example: "expect t holds \"hello\\n\"",
    },
    PredicateSpec {
        word: "editing",
        args: &[PredicateArg::Data],
        doc: "The unfinished line is exactly this",
        example: "expect t editing \"hel\"",
    },
    PredicateSpec {
        word: "shows",
        args: &[PredicateArg::Data],
        doc: "What the master can read is exactly this: what was echoed and printed",
        example: "expect t shows \"hello\\r\\n\"",
    },
    PredicateSpec {
        word: "input",
        args: &[PredicateArg::Number],
        doc: "How many bytes the slave can read",
        example: "expect t input 6",
    },
    PredicateSpec {
        word: "output",
        args: &[PredicateArg::Number],
        doc: "How many bytes the master can read",
        example: "expect t output 7",
    },
    PredicateSpec {
        word: "canonical",
        args: &[],
        doc: "Lines are edited: ICANON is set",
        example: "expect t canonical",
    },
    PredicateSpec { word: "echo", args: &[], doc: "What is typed is shown: ECHO is set", example: "expect not t echo" },
    PredicateSpec { word: "signals", args: &[], doc: "Keys send signals: ISIG is set", example: "expect t signals" },
    PredicateSpec {
        word: "session",
        args: &[PredicateArg::Actors],
        doc: "This actor leads the session that it controls",
        example: "expect t session bob",
    },
    PredicateSpec {
        word: "foreground",
        args: &[PredicateArg::Actors],
        doc: "Exactly these actors are in its foreground process group",
        example: "expect t foreground bob carol",
    },
    PredicateSpec {
        word: "rows",
        args: &[PredicateArg::Number],
        doc: "How many rows its window has",
        example: "expect t rows 24",
    },
    PredicateSpec {
        word: "columns",
        args: &[PredicateArg::Number],
        doc: "How many columns its window has",
        example: "expect t columns 80",
    },
    PredicateSpec {
        word: "masters",
        args: &[PredicateArg::Number],
        doc: "How many descriptors lead to its master",
        example: "expect t masters 1",
    },
    PredicateSpec {
        word: "slaves",
        args: &[PredicateArg::Number],
        doc: "How many descriptors lead to its slave",
        example: "expect t slaves 2",
    },
];

/// How a record reads.
pub(super) fn show(verb: &str, record: &Record) -> Shown {
    let [fd, b, c, d, e, _] = record.args;
    let done = returned(record) && record.errno == 0;
    match verb {
        "posix_openpt" => Shown::args(open_flags(b)),
        "ptsname" => Shown { args: fd.to_string(), result: done.then(|| show::data(record)) },
        "tcgetattr" if done => Shown::args(format!("{fd}, {}", termios::shown(&told(record, [b, c, d])))),
        "tcgetattr" => Shown::args(format!("{fd}, …")),
        "tcsetattr" => {
            let settings = termios::shown(&told(record, [c, d, e]));
            Shown::args(format!("{fd}, {}, {settings}", constant(b, ACTIONS)))
        }
        "cfmakeraw" => {
            Shown { args: format!("&{}", String::from_utf8_lossy(record.bytes())), result: Some(String::new()) }
        }
        "tcflush" => Shown::args(format!("{fd}, {}", constant(b, QUEUES))),
        "tcsetpgrp" => Shown::args(format!("{fd}, {}", show::pid(b))),
        "tcgetpgrp" | "tcgetsid" => Shown { args: fd.to_string(), result: done.then(|| show::pid(record.ret)) },
        "ioctl" => Shown::args(format!("{fd}, {}{}", constant(b, REQUESTS), request(record, done))),
        _ => Shown::args(fd.to_string()),
    }
}

/// The settings that a record carries: flags as arguments, control characters as data.
fn told(record: &Record, [iflag, oflag, lflag]: [i64; 3]) -> Termios {
    let mut characters = [0; CHARACTERS];
    let data = record.bytes();
    let length = data.len().min(CHARACTERS);
    characters[..length].copy_from_slice(&data[..length]);
    let word = |flags: i64| flags as u32;
    Termios { iflag: word(iflag), oflag: word(oflag), cflag: 0, lflag: word(lflag), characters }
}

/// What stands behind a request.
fn request(record: &Record, done: bool) -> String {
    let [_, request, c, d, ..] = record.args;
    let Ok(request) = libc::Ioctl::try_from(request) else { return String::new() };
    match request {
        libc::TIOCGPTPEER => format!(", {}", open_flags(c)),
        libc::TIOCNOTTY | libc::TIOCEXCL | libc::TIOCNXCL => String::new(),
        libc::TIOCSCTTY => format!(", {c}"),
        libc::TIOCPKT | libc::TIOCSPTLCK => format!(", [{c}]"),
        libc::TIOCSWINSZ => format!(", {{ws_row={c}, ws_col={d}}}"),
        libc::TIOCGWINSZ if done => format!(", {{ws_row={c}, ws_col={d}}}"),
        _ if done => format!(", [{c}]"),
        _ => ", …".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_calls_as_strace_does() {
        let c = |n: libc::Ioctl| n as i64;
        let lflag = i64::from(libc::ICANON | libc::ECHO);
        let rows: &[(&str, [i64; 6], &[u8], i64, &str, Option<&str>)] = &[
            ("posix_openpt", [0, (libc::O_RDWR | libc::O_NOCTTY).into(), 0, 0, 0, 0], b"", 3, "O_RDWR|O_NOCTTY", None),
            ("ptsname", [3, 0, 0, 0, 0, 0], b"/dev/pts/0", 10, "3", Some("\"/dev/pts/0\"")),
            (
                "tcsetattr",
                [4, 0, 0, 1, lflag, 0],
                b"",
                0,
                "4, TCSANOW, {c_iflag=0, c_oflag=OPOST, c_lflag=ICANON|ECHO, …}",
                None,
            ),
            ("tcgetattr", [4, 0, 0, lflag, 0, 0], b"", 0, "4, {c_iflag=0, c_oflag=0, c_lflag=ICANON|ECHO, …}", None),
            ("tcsetpgrp", [4, 7, 0, 0, 0, 0], b"", 0, "4, 7<>", None),
            ("tcgetpgrp", [4, 0, 0, 0, 0, 0], b"", 7, "4", Some("7<>")),
            ("tcflush", [4, libc::TCIFLUSH.into(), 0, 0, 0, 0], b"", 0, "4, TCIFLUSH", None),
            ("ioctl", [3, c(libc::TIOCGPTPEER), 2, 0, 0, 0], b"", 4, "3, TIOCGPTPEER, O_RDWR", None),
            ("ioctl", [4, c(libc::TIOCSCTTY), 0, 0, 0, 0], b"", 0, "4, TIOCSCTTY, 0", None),
            ("ioctl", [4, c(libc::TIOCINQ), 6, 0, 0, 0], b"", 0, "4, TIOCINQ, [6]", None),
            ("ioctl", [4, c(libc::TIOCSWINSZ), 24, 80, 0, 0], b"", 0, "4, TIOCSWINSZ, {ws_row=24, ws_col=80}", None),
            ("ioctl", [3, c(libc::TIOCPKT), 1, 0, 0, 0], b"", 0, "3, TIOCPKT, [1]", None),
        ];
        for (verb, args, data, ret, shown, result) in rows {
            let mut record = Record { args: *args, ret: *ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
            record.set_data(data);
            let got = show(verb, &record);
            assert_eq!((got.args.as_str(), got.result.as_deref()), (*shown, *result), "{verb}");
        }
        let failed = Record { args: [4, c(libc::TIOCINQ), 0, 0, 0, 0], errno: 5, returned_ns: 2, ..Record::default() };
        assert_eq!(show("ioctl", &failed).args, "4, TIOCINQ, …");
    }
}
