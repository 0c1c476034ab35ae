//! Calls on descriptors, which every other facility needs: open, read, write, duplicate, close.

use std::cell::Cell;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;

use super::deed::Deed;
use super::fifo;
use super::filelock::{
    LEASE_COMMANDS, LOCK_COMMANDS, LOCK_SLEEPS, LOCK_TYPES, fcntl_lease, fcntl_lock, is_lease_command, is_lock_command,
    lock_deed, means_fcntl, show_lease, show_lock,
};
use super::perform::{Bound, Making, Performer, Refusal};
use super::shm::{SEALS, shown_seals};
use super::show::{self, Shown, constant, returned};
use super::table::{CALL, OPEN_FLAGS, mode, open_flags, optional, required, saturated};
use super::{Card, Facility, pty, signal_name, socket};
use crate::kernel::arena::Record;
use crate::kernel::{fd as raw, path};
use crate::script::{ArgKind, CallSpec, Data, Makes, Sleeps, WaitsOn, Wants};

/// The chapter of descriptors.
#[derive(Debug)]
pub(super) struct Descriptors;

static CARD: Card = Card {
    id: "descriptor",
    title: "Descriptors",
    family: "what all facilities stand on",
    what: "A descriptor is a process' number for an open file description: offset and status flags, shared by \
           duplicates and across fork.",
    identifier: "path",
    handle: "descriptor",
    persistence: "process",
    access: "permissions of the file, checked once by open",
    blocking: "read, write and open as what they lead to does; not at all with O_NONBLOCK",
    boundaries: "none",
    manual: &["open(2)", "read(2)", "write(2)", "dup(2)", "fcntl(2)", "close(2)", "path_resolution(7)"],
};

const WHENCE: &[(&str, i64)] =
    &[("SEEK_SET", libc::SEEK_SET as i64), ("SEEK_CUR", libc::SEEK_CUR as i64), ("SEEK_END", libc::SEEK_END as i64)];

/// The commands of fcntl(2).
const COMMANDS: &[(&str, i64)] = &[
    ("F_GETFL", libc::F_GETFL as i64),
    ("F_SETFL", libc::F_SETFL as i64),
    ("F_GETFD", libc::F_GETFD as i64),
    ("F_SETFD", libc::F_SETFD as i64),
    ("F_DUPFD", libc::F_DUPFD as i64),
    ("F_DUPFD_CLOEXEC", libc::F_DUPFD_CLOEXEC as i64),
    ("F_GETPIPE_SZ", libc::F_GETPIPE_SZ as i64),
    ("F_SETPIPE_SZ", libc::F_SETPIPE_SZ as i64),
    ("F_SETOWN", libc::F_SETOWN as i64),
    ("F_GETOWN", libc::F_GETOWN as i64),
    ("F_SETSIG", raw::F_SETSIG as i64),
    ("F_GETSIG", raw::F_GETSIG as i64),
    LOCK_COMMANDS[0],
    LOCK_COMMANDS[1],
    LOCK_COMMANDS[2],
    LOCK_COMMANDS[3],
    LOCK_COMMANDS[4],
    LOCK_COMMANDS[5],
    LEASE_COMMANDS[0],
    LEASE_COMMANDS[1],
    ("F_ADD_SEALS", libc::F_ADD_SEALS as i64),
    ("F_GET_SEALS", libc::F_GET_SEALS as i64),
];

/// What F_SETFL, F_SETFD and F_ADD_SEALS may set.
const SETTABLE: &[(&str, i64)] = &[
    ("O_RDONLY", libc::O_RDONLY as i64),
    ("O_WRONLY", libc::O_WRONLY as i64),
    ("O_RDWR", libc::O_RDWR as i64),
    ("O_APPEND", libc::O_APPEND as i64),
    ("O_NONBLOCK", libc::O_NONBLOCK as i64),
    ("O_DIRECT", libc::O_DIRECT as i64),
    ("O_ASYNC", libc::O_ASYNC as i64),
    ("FD_CLOEXEC", libc::FD_CLOEXEC as i64),
    SEALS[0],
    SEALS[1],
    SEALS[2],
    SEALS[3],
    SEALS[4],
];

const fn on_descriptor(syscall: libc::c_long, direction: &'static str) -> Sleeps {
    Sleeps { syscall, on: WaitsOn::Descriptor(0), direction }
}

static CALLS: &[CallSpec] = &[
    CallSpec {
        name: "open",
        args: &[
            required("name", ArgKind::ObjectName, "what the descriptor shall be called"),
            required("pathname", ArgKind::Path, "relative to the stage's directory"),
            required("flags", ArgKind::Flags(OPEN_FLAGS), "one of O_RDONLY, O_WRONLY, O_RDWR, and more"),
            optional("mode", ArgKind::Mode, "permissions of a new file, less the umask; 0666 if not given"),
        ],
        doc: "Opens a file; a FIFO waits for its other end",
        man: "open(2)",
        c: "{name} = open({pathname}, {flags}, {mode})",
        makes: Makes::Descriptor,
        sleeps: &[
            Sleeps { syscall: libc::SYS_openat2, on: WaitsOn::Path, direction: "open" },
            Sleeps { syscall: libc::SYS_openat, on: WaitsOn::Path, direction: "open" },
        ],
        example: "alice: open f \"notes\" O_RDWR|O_CREAT 0644",
        ..CALL
    },
    CallSpec {
        name: "close",
        args: &[required("fd", ArgKind::Descriptor(Wants::Any), "which")],
        doc: "Closes a descriptor; the name keeps its number",
        man: "close(2)",
        c: "close({fd})",
        example: "alice: close p.w",
        ..CALL
    },
    CallSpec {
        name: "read",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Read), "from where"),
            required("count", ArgKind::Count, "at most so many bytes"),
        ],
        doc: "Reads bytes; 0 is the end of file",
        man: "read(2)",
        c: "read({fd}, buf, {count})",
        gives: true,
        sleeps: &[on_descriptor(libc::SYS_read, "read")],
        example: "bob: read p 100 -> $buf",
        ..CALL
    },
    CallSpec {
        name: "write",
        args: &[required("fd", ArgKind::Descriptor(Wants::Write), "to where"), required("buf", ArgKind::Data, "what")],
        doc: "Writes bytes, perhaps fewer than given",
        man: "write(2)",
        c: "write({fd}, {buf}, {buf.len})",
        sleeps: &[on_descriptor(libc::SYS_write, "write")],
        example: "alice: write p \"hello\\n\"",
        ..CALL
    },
    CallSpec {
        name: "pread",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Read), "from where"),
            required("count", ArgKind::Count, "at most so many bytes"),
            required("offset", ArgKind::Int, "from which byte of the file on"),
        ],
        doc: "Reads at an offset, and leaves the file offset alone",
        man: "pread(2)",
        c: "pread({fd}, buf, {count}, {offset})",
        gives: true,
        sleeps: &[on_descriptor(libc::SYS_pread64, "read")],
        example: "alice: pread f 10 0",
        ..CALL
    },
    CallSpec {
        name: "pwrite",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Write), "to where"),
            required("buf", ArgKind::Data, "what"),
            required("offset", ArgKind::Int, "from which byte of the file on"),
        ],
        doc: "Writes at an offset, and leaves the file offset alone",
        man: "pwrite(2)",
        c: "pwrite({fd}, {buf}, {buf.len}, {offset})",
        sleeps: &[on_descriptor(libc::SYS_pwrite64, "write")],
        example: "alice: pwrite f \"x\" 10",
        ..CALL
    },
    CallSpec {
        name: "lseek",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Any), "of which file"),
            required("offset", ArgKind::Int, "how far"),
            required("whence", ArgKind::Constant(WHENCE), "counted from where"),
        ],
        doc: "Sets the file offset, which duplicates and children share; gives the new one",
        man: "lseek(2)",
        c: "lseek({fd}, {offset}, {whence})",
        gives: true,
        example: "alice: lseek f 0 SEEK_SET",
        ..CALL
    },
    CallSpec {
        name: "dup",
        args: &[required("oldfd", ArgKind::Descriptor(Wants::Any), "of which")],
        doc: "Makes another descriptor, the lowest free one, for the same open file description",
        man: "dup(2)",
        c: "dup({oldfd})",
        makes: Makes::Descriptor,
        example: "alice: dup p.w as spare",
        ..CALL
    },
    CallSpec {
        name: "dup2",
        args: &[
            required("oldfd", ArgKind::Descriptor(Wants::Any), "of which"),
            required(
                "newfd",
                ArgKind::Descriptor(Wants::Any),
                "a name, or fd and a number; closed first if it is open",
            ),
        ],
        doc: "Makes a given descriptor lead to the same open file description",
        man: "dup2(2)",
        c: "dup2({oldfd}, {newfd})",
        makes: Makes::Descriptor,
        example: "alice: dup2 p.w fd 1",
        ..CALL
    },
    CallSpec {
        name: "fcntl",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Any), "which"),
            required("cmd", ArgKind::Constant(COMMANDS), "what to do"),
            optional("flags", ArgKind::Flags(SETTABLE), "for F_SETFL, F_SETFD and F_ADD_SEALS"),
            optional("type", ArgKind::Constant(LOCK_TYPES), "for the commands on locks and leases"),
            optional("range", ArgKind::Range, "for the commands on locks; left out, the whole file"),
            optional("arg", ArgKind::Int, "for F_DUPFD the lowest number, for F_SETPIPE_SZ a size in bytes"),
            optional("sig", ArgKind::Signal, "for F_SETSIG which signal tells of input or output"),
            optional("owner", ArgKind::Actor, "for F_SETOWN who is told"),
        ],
        doc: "Reads or changes flags, duplicates, sizes a pipe, locks or leases a file, seals memory, has somebody told by a signal",
        man: "fcntl(2)",
        c: "fcntl({fd}, {cmd}, {flags}{arg}{sig}{owner}{?cmd:F_SETLEASE {type}?}{!cmd:F_SETLEASE {?type &(struct flock){ .l_type = {type}, \
            .l_start = {range.start=0}, .l_len = {range.len=0} }?}!})",
        makes: Makes::Descriptor,
        gives: true,
        sleeps: &[LOCK_SLEEPS],
        example: "alice: fcntl p.w F_SETFL O_NONBLOCK",
        ..CALL
    },
    CallSpec {
        name: "chmod",
        args: &[
            required("pathname", ArgKind::Path, "of which file"),
            required("mode", ArgKind::Mode, "the new permissions"),
        ],
        doc: "Sets the permissions of a file; what is open already stays open",
        man: "chmod(2)",
        c: "chmod({pathname}, {mode})",
        example: "alice: chmod \"notes\" 0600",
        ..CALL
    },
    CallSpec {
        name: "fchmod",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Any), "of which file"),
            required("mode", ArgKind::Mode, "the new permissions"),
        ],
        doc: "Sets the permissions of an open file",
        man: "fchmod(2)",
        c: "fchmod({fd}, {mode})",
        example: "alice: fchmod f 0600",
        ..CALL
    },
    CallSpec {
        name: "unlink",
        args: &[required("pathname", ArgKind::Path, "which name")],
        doc: "Takes a name off a file; who has it open can go on",
        man: "unlink(2)",
        c: "unlink({pathname})",
        example: "alice: unlink \"notes\"",
        ..CALL
    },
    CallSpec {
        name: "ftruncate",
        args: &[
            required("fd", ArgKind::Descriptor(Wants::Write), "of which file"),
            required("length", ArgKind::Int, "its new size in bytes"),
        ],
        doc: "Sets the size of a file; new bytes are 0",
        man: "ftruncate(2)",
        c: "ftruncate({fd}, {length})",
        example: "alice: ftruncate f 4096",
        ..CALL
    },
    CallSpec {
        name: "fstat",
        args: &[required("fd", ArgKind::Descriptor(Wants::Any), "of which file")],
        doc: "Tells type, permissions and size; gives the size",
        man: "fstat(2)",
        c: "fstat({fd}, &st)",
        gives: true,
        example: "alice: fstat f -> $size",
        ..CALL
    },
];

impl Facility for Descriptors {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn calls(&self) -> &'static [CallSpec] {
        CALLS
    }

    fn perform(&self, verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
        match verb {
            "open" => return open(performer),
            "close" => {
                let fd = performer.fd("fd");
                let _ = performer.call(Making::new([fd.into(), 0, 0, 0, 0, 0]), || raw::close(fd).map(|()| 0));
            }
            "read" | "pread" => return read(performer),
            "write" | "pwrite" => write(performer),
            "lseek" => {
                let (fd, offset, whence) = (performer.fd("fd"), performer.int("offset", 0), performer.int("whence", 0));
                let making = Making::new([fd.into(), offset, whence, 0, 0, 0]);
                if let Ok(at) = performer.call(making, || raw::lseek(fd, offset, whence as i32)) {
                    performer.deliver(Data::Int(at));
                }
            }
            "dup" => {
                let fd = performer.fd("oldfd");
                let made = performer.call(Making::new([fd.into(), 0, 0, 0, 0, 0]), || raw::dup(fd).map(i64::from));
                bind(performer, made);
            }
            "dup2" => {
                let (old, new) = (performer.fd("oldfd"), performer.fd("newfd"));
                let making = Making::new([old.into(), new.into(), 0, 0, 0, 0]);
                let made = performer.call(making, || raw::dup2(old, new).map(i64::from));
                bind(performer, made);
            }
            "fcntl" if is_lock_command(performer.int("cmd", 0)) => return fcntl_lock(performer),
            "fcntl" if is_lease_command(performer.int("cmd", 0)) => return fcntl_lease(performer),
            "fcntl" => return fcntl(performer),
            "chmod" => {
                let (path, mode) = (performer.path("pathname")?, performer.int("mode", 0));
                let making = Making::new([0, mode, 0, 0, 0, 0]).data(path.to_bytes());
                let _ =
                    performer.call(making, || path::chmod_beneath(AT_FDCWD, as_path(&path), mode as u32).map(|()| 0));
            }
            "fchmod" => {
                let (fd, mode) = (performer.fd("fd"), performer.int("mode", 0));
                let making = Making::new([fd.into(), mode, 0, 0, 0, 0]);
                let _ = performer.call(making, || raw::fchmod(fd, mode as u32).map(|()| 0));
            }
            "unlink" => {
                let path = performer.path("pathname")?;
                let making = Making::new([0; 6]).data(path.to_bytes());
                let _ = performer.call(making, || path::unlink_beneath(AT_FDCWD, as_path(&path)).map(|()| 0));
            }
            "ftruncate" => {
                let (fd, length) = (performer.fd("fd"), performer.int("length", 0));
                let making = Making::new([fd.into(), length, 0, 0, 0, 0]);
                let _ = performer.call(making, || raw::ftruncate(fd, length).map(|()| 0));
            }
            "fstat" => fstat(performer),
            _ => return Err(Refusal::new(format!("{verb} is no call on descriptors"))),
        }
        Ok(())
    }

    fn accounted(&self) -> &'static [&'static str] {
        &["close", "dup2", "fcntl"]
    }

    fn deed(&self, verb: &str, record: &Record) -> Option<Deed> {
        let [first, second, ..] = record.args;
        match verb {
            "fcntl" => lock_deed(record),
            _ if record.errno != 0 => None,
            "dup2" => (first != second).then_some(Deed::Close(second as i32)),
            _ => Some(Deed::Close(first as i32)),
        }
    }

    fn means(&self, verb: &str, record: &Record) -> Option<String> {
        let words = match (verb, record.errno) {
            ("fcntl", _) => means_fcntl(record)?,
            ("open", libc::EWOULDBLOCK) => {
                "somebody has a lease on it, and has been told now; O_NONBLOCK does not wait"
            }
            ("write" | "pwrite" | "ftruncate", libc::EPERM) => "a seal forbids it",
            _ => return None,
        };
        Some(words.to_owned())
    }

    fn show(&self, verb: &str, record: &Record) -> Shown {
        let [a, b, c, d, ..] = record.args;
        let data = || show::data(record);
        // What a call delivers is not there before it has returned, nor after it has failed.
        let delivered = || if returned(record) && record.errno == 0 { data() } else { "…".to_owned() };
        Shown::args(match verb {
            "open" if b & (i64::from(libc::O_CREAT)) != 0 => format!("{}, {}, {}", data(), open_flags(b), mode(c)),
            "open" => format!("{}, {}", data(), open_flags(b)),
            "read" => format!("{a}, {}, {c}", delivered()),
            "pread" => format!("{a}, {}, {c}, {d}", delivered()),
            "write" => format!("{a}, {}, {c}", data()),
            "pwrite" => format!("{a}, {}, {c}, {d}", data()),
            "lseek" => format!("{a}, {b}, {}", constant(c, WHENCE)),
            "dup2" => format!("{a}, {b}"),
            "fcntl" if is_lock_command(b) => return show_lock(record),
            "fcntl" if is_lease_command(b) => return show_lease(record),
            "fcntl" => return show_fcntl(record),
            "chmod" => format!("{}, {}", data(), mode(b)),
            "fchmod" => format!("{a}, {}", mode(b)),
            "unlink" => data(),
            "ftruncate" => format!("{a}, {b}"),
            "fstat" if returned(record) && record.errno == 0 => {
                format!("{a}, {{st_mode={}, st_size={c}}}", file_mode(b))
            }
            "fstat" => format!("{a}, …"),
            _ => a.to_string(),
        })
    }
}

/// An actor's working directory is the stage's, and beneath it its paths are resolved.
pub(super) fn as_path(path: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(path.to_bytes()))
}

fn open(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    if let Some(opened) = pty::open_slave(performer) {
        return opened;
    }
    let path = performer.path("pathname")?;
    let name = performer.name("name");
    let (flags, mode) = (performer.int("flags", 0), performer.int("mode", 0o666));
    let making = Making::new([0, flags, mode, 0, 0, 0]).data(path.to_bytes());
    let made = performer
        .call(making, || path::open_beneath(AT_FDCWD, as_path(&path), flags as i32, mode as u32).map(i64::from));
    if let Ok(fd) = made {
        let fd = fd as i32;
        let fifo = raw::fstat(fd).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFIFO);
        let object = if fifo { fifo::stage_name(path.to_bytes()) } else { name.to_owned() };
        performer.bind(name, &object, Bound::Descriptor(fd));
    }
    Ok(())
}

fn read(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let fd = performer.fd("fd");
    let count = performer.size("count")?;
    let mut buffer = vec![0; count];
    let _ = if performer.spec.name == "pread" {
        let offset = performer.int("offset", 0);
        let making = Making::new([fd.into(), 0, count as i64, offset, 0, 0]);
        performer.call_into(making, &mut buffer, |buffer| raw::pread(fd, buffer, offset).map(|n| n as i64))
    } else {
        let making = Making::new([fd.into(), 0, count as i64, 0, 0, 0]);
        let making = socket::perhaps_timed(making, fd, libc::SO_RCVTIMEO);
        performer.call_into(making, &mut buffer, |buffer| raw::read(fd, buffer).map(|n| n as i64))
    };
    Ok(())
}

fn write(performer: &mut Performer<'_>) {
    let (fd, data) = (performer.fd("fd"), performer.bytes("buf"));
    let count = data.len() as i64;
    let _ = if performer.spec.name == "pwrite" {
        let offset = performer.int("offset", 0);
        let making = Making::new([fd.into(), 0, count, offset, 0, 0]).data(data);
        performer.call(making, || raw::pwrite(fd, data, offset).map(|n| n as i64))
    } else {
        let making = Making::new([fd.into(), 0, count, 0, 0, 0]).data(data);
        let making = socket::perhaps_timed(making, fd, libc::SO_SNDTIMEO);
        performer.call(making, || raw::write(fd, data).map(|n| n as i64))
    };
}

/// Names a duplicate, if a name was written for it. It makes no new object.
fn bind(performer: &mut Performer<'_>, made: Result<i64, Errno>) {
    if let Ok(fd) = made {
        performer.bind("", "", Bound::Descriptor(fd as i32));
    }
}

fn fcntl(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (fd, cmd) = (performer.fd("fd"), performer.int("cmd", 0));
    // A number would be somebody else's pid or group.
    if cmd as i32 == libc::F_SETOWN && !performer.has("owner") {
        return Err(Refusal::new("F_SETOWN needs the name of an actor").help("say who is to be told: F_SETOWN bob"));
    }
    let [flags, arg, signal, owner] =
        ["flags", "arg", "sig", "owner"].map(|name| performer.has(name).then(|| performer.int(name, 0)));
    let arg = flags.or(arg).or(signal).or(owner).unwrap_or(0);
    let making = Making::new([fd.into(), cmd, arg, 0, 0, 0]);
    let result = performer.call(making, || raw::fcntl_int(fd, cmd as i32, saturated(arg)).map(i64::from));
    if matches!(cmd as i32, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
        bind(performer, result);
    } else if let Ok(value) = result {
        performer.deliver(Data::Int(value));
    }
    Ok(())
}

fn show_fcntl(record: &Record) -> Shown {
    let [fd, cmd, arg, ..] = record.args;
    let name = constant(cmd, COMMANDS);
    let fd_flags = |value: i64| show::flags(value, &[("FD_CLOEXEC", libc::FD_CLOEXEC.into())], None);
    let done = returned(record) && record.errno == 0;
    let result = match cmd as i32 {
        libc::F_GETFL if done => Some(format!("{:#x} ({})", record.ret, open_flags(record.ret))),
        libc::F_GETFD if done => Some(format!("{:#x} ({})", record.ret, fd_flags(record.ret))),
        libc::F_GETOWN if done => Some(show::pid(record.ret)),
        libc::F_GET_SEALS if done => Some(format!("{:#x} ({})", record.ret, shown_seals(record.ret))),
        raw::F_GETSIG if done && record.ret > 0 => Some(format!("{} ({})", record.ret, signal_name(record.ret as i32))),
        _ => None,
    };
    let args = match cmd as i32 {
        libc::F_GETFL | libc::F_GETFD | libc::F_GETPIPE_SZ | libc::F_GETOWN | libc::F_GET_SEALS | raw::F_GETSIG => {
            format!("{fd}, {name}")
        }
        libc::F_SETOWN => format!("{fd}, {name}, {}", show::pid(arg)),
        raw::F_SETSIG if arg > 0 => format!("{fd}, {name}, {}", signal_name(arg as i32)),
        libc::F_SETFL => format!("{fd}, {name}, {}", open_flags(arg)),
        libc::F_SETFD => format!("{fd}, {name}, {}", fd_flags(arg)),
        libc::F_ADD_SEALS => format!("{fd}, {name}, {}", shown_seals(arg)),
        _ => format!("{fd}, {name}, {arg}"),
    };
    Shown { args, result }
}

fn fstat(performer: &mut Performer<'_>) {
    let fd = performer.fd("fd");
    let told = Cell::new((0, 0));
    let result = performer.call_then(
        Making::new([fd.into(), 0, 0, 0, 0, 0]),
        || {
            let stat = raw::fstat(fd)?;
            told.set((stat.st_mode.into(), stat.st_size));
            Ok(0)
        },
        |record| (record.args[1], record.args[2]) = told.get(),
    );
    if result.is_ok() {
        performer.deliver(Data::Int(told.get().1));
    }
}

/// Type and permissions as strace writes them: `S_IFREG|0644`.
fn file_mode(bits: i64) -> String {
    let kind = match bits as u32 & libc::S_IFMT {
        libc::S_IFREG => "S_IFREG",
        libc::S_IFDIR => "S_IFDIR",
        libc::S_IFIFO => "S_IFIFO",
        libc::S_IFCHR => "S_IFCHR",
        libc::S_IFBLK => "S_IFBLK",
        libc::S_IFSOCK => "S_IFSOCK",
        libc::S_IFLNK => "S_IFLNK",
        _ => return format!("0{bits:o}"),
    };
    format!("{kind}|{}", mode(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(verb: &str, args: [i64; 6], data: &[u8], ret: i64) -> Shown {
        let mut record = Record { args, ret, entered_ns: 1, returned_ns: 2, ..Record::default() };
        record.set_data(data);
        Descriptors.show(verb, &record)
    }

    #[test]
    fn shows_calls_as_strace_does() {
        let c = i64::from;
        let long = format!("4, \"{}\"…, 40", "x".repeat(32));
        let rows: &[(&str, [i64; 6], &[u8], &str)] = &[
            ("open", [0, c(libc::O_RDWR | libc::O_CREAT), 0o644, 0, 0, 0], b"f", "\"f\", O_RDWR|O_CREAT, 0644"),
            ("open", [0, c(libc::O_RDONLY), 0, 0, 0, 0], b"f", "\"f\", O_RDONLY"),
            ("read", [3, 0, 100, 0, 0, 0], b"hello", "3, \"hello\", 100"),
            ("read", [3, 0, 100, 0, 0, 0], b"", "3, \"\", 100"),
            ("pread", [3, 0, 100, 7, 0, 0], b"lo", "3, \"lo\", 100, 7"),
            ("write", [4, 0, 2, 0, 0, 0], b"a\n", "4, \"a\\n\", 2"),
            ("write", [4, 0, 40, 0, 0, 0], &[b'x'; 40], &long),
            ("pwrite", [4, 0, 1, 9, 0, 0], b"a", "4, \"a\", 1, 9"),
            ("lseek", [3, -1, 2, 0, 0, 0], b"", "3, -1, SEEK_END"),
            ("dup", [3, 0, 0, 0, 0, 0], b"", "3"),
            ("dup2", [3, 7, 0, 0, 0, 0], b"", "3, 7"),
            ("close", [3, 0, 0, 0, 0, 0], b"", "3"),
            ("chmod", [0, 0o600, 0, 0, 0, 0], b"notes", "\"notes\", 0600"),
            ("unlink", [0; 6], b"notes", "\"notes\""),
            ("fstat", [3, 0o100_644, 12, 0, 0, 0], b"", "3, {st_mode=S_IFREG|0644, st_size=12}"),
        ];
        for (verb, args, data, expected) in rows {
            assert_eq!(shown(verb, *args, data, 0), Shown::args((*expected).to_owned()), "{verb}");
        }
    }

    #[test]
    fn what_is_not_delivered_is_not_shown() {
        let entered = Record { args: [3, 0, 100, 0, 0, 0], entered_ns: 1, ..Record::default() };
        assert_eq!(Descriptors.show("read", &entered).args, "3, …, 100");
        let failed = Record { ret: -1, errno: libc::EAGAIN, returned_ns: 2, ..entered };
        assert_eq!(Descriptors.show("read", &failed).args, "3, …, 100");
        assert_eq!(Descriptors.show("fstat", &failed).args, "3, …");
    }

    #[test]
    fn fcntl_reads_by_command() {
        let c = i64::from;
        let fcntl = |cmd: i32, arg: i32, ret: i32| {
            let shown = shown("fcntl", [3, c(cmd), c(arg), 0, 0, 0], b"", c(ret));
            (shown.args, shown.result)
        };
        assert_eq!(fcntl(libc::F_SETFL, libc::O_NONBLOCK, 0), ("3, F_SETFL, O_RDONLY|O_NONBLOCK".into(), None));
        assert_eq!(fcntl(libc::F_SETFD, 1, 0), ("3, F_SETFD, FD_CLOEXEC".into(), None));
        assert_eq!(fcntl(libc::F_GETFD, 0, 1), ("3, F_GETFD".into(), Some("0x1 (FD_CLOEXEC)".into())));
        assert_eq!(fcntl(libc::F_GETFL, 0, 0o4001), ("3, F_GETFL".into(), Some("0x801 (O_WRONLY|O_NONBLOCK)".into())));
        assert_eq!(fcntl(libc::F_SETFL, libc::O_ASYNC, 0).0, "3, F_SETFL, O_RDONLY|O_ASYNC");
        assert_eq!(fcntl(libc::F_SETOWN, 7, 0), ("3, F_SETOWN, 7<>".into(), None));
        assert_eq!(fcntl(libc::F_GETOWN, 0, 7), ("3, F_GETOWN".into(), Some("7<>".into())));
        assert_eq!(fcntl(raw::F_SETSIG, libc::SIGUSR1, 0), ("3, F_SETSIG, SIGUSR1".into(), None));
        assert_eq!(fcntl(libc::F_SETPIPE_SZ, 8192, 8192), ("3, F_SETPIPE_SZ, 8192".into(), None));
        assert_eq!(fcntl(libc::F_GETPIPE_SZ, 0, 65536), ("3, F_GETPIPE_SZ".into(), None));
    }
}
