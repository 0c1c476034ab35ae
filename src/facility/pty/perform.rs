//! The calls on pseudoterminals, as an actor makes them.

use std::cell::Cell;
use std::os::fd::IntoRawFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::{DEVPTS, termios};
use crate::facility::perform::{Bound, Given, Making, OURS_FROM, Performer, Refusal};
use crate::facility::table::saturated;
use crate::kernel::fd as raw;
use crate::kernel::pty::{self, Termios};
use crate::script::Data;

pub(super) fn perform(verb: &str, performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let fd = performer.fd("fd");
    let on = Making::new([fd.into(), 0, 0, 0, 0, 0]);
    match verb {
        "posix_openpt" => posix_openpt(performer),
        "grantpt" => {
            let _ = performer.call(on, || pty::grantpt(fd).map(|()| 0));
        }
        "unlockpt" => {
            let _ = performer.call(on, || pty::unlockpt(fd).map(|()| 0));
        }
        "ptsname" => {
            let mut name = vec![0; 64];
            let _ = performer.call_into(on, &mut name, |name| {
                let told = pty::ptsname(fd)?;
                name[..told.len()].copy_from_slice(told.as_bytes());
                Ok(told.len() as i64)
            });
        }
        "isatty" => {
            let _ = performer.call(on, || pty::tcgetattr(fd).map(|_| 1));
        }
        "tcgetattr" => tcgetattr(performer, fd),
        "tcsetattr" => return tcsetattr(performer, fd),
        "cfmakeraw" => return cfmakeraw(performer),
        "tcflush" => {
            let queue = performer.int("queue", 0);
            let making = Making::new([fd.into(), queue, 0, 0, 0, 0]);
            let _ = performer.call(making, || pty::tcflush(fd, queue as i32).map(|()| 0));
        }
        "tcgetpgrp" | "tcgetsid" => {
            let told = performer.call(on, || match verb {
                "tcgetpgrp" => pty::tcgetpgrp(fd).map(i64::from),
                _ => pty::tcgetsid(fd).map(i64::from),
            });
            if let Ok(leader) = told {
                performer.deliver(Data::Int(leader));
            }
        }
        "tcsetpgrp" => {
            let group = performer.int("pgrp", -1);
            let making = Making::new([fd.into(), group, 0, 0, 0, 0]);
            let _ = performer.call(making, || pty::tcsetpgrp(fd, group as i32).map(|()| 0));
        }
        "ioctl" => return ioctl(performer, fd),
        _ => return Err(Refusal::new(format!("{verb} is no call on pseudoterminals"))),
    }
    Ok(())
}

fn posix_openpt(performer: &mut Performer<'_>) {
    let (name, flags) = (performer.name("name"), performer.int("oflag", 0));
    let making = Making::new([0, flags, 0, 0, 0, 0]);
    if let Ok(master) = performer.call(making, || pty::posix_openpt(flags as i32).map(i64::from)) {
        performer.bind(&format!("{name}.m"), name, Bound::Descriptor(master as i32));
    }
}

/// Flags as arguments of a record from place `at` on, and the control characters as its data.
fn describe(settings: &Termios, args: &mut [i64; 6], at: usize) {
    let words = [settings.iflag, settings.oflag, settings.lflag];
    for (arg, word) in args[at..].iter_mut().zip(words) {
        *arg = word.into();
    }
}

fn tcgetattr(performer: &mut Performer<'_>, fd: i32) {
    let told = Cell::new(Termios::default());
    let result = performer.call_then(
        Making::new([fd.into(), 0, 0, 0, 0, 0]),
        || pty::tcgetattr(fd).map(|settings| told.set(settings)).map(|()| 0),
        |record| {
            describe(&told.get(), &mut record.args, 1);
            record.set_data(&told.get().characters);
        },
    );
    if result.is_ok() {
        performer.deliver(Data::Bytes(told.get().to_bytes().to_vec()));
    }
}

fn given_settings(bytes: &[u8]) -> Result<Termios, Refusal> {
    Termios::from_bytes(bytes).ok_or_else(|| {
        Refusal::new(format!("{} bytes are no struct termios, which has {}", bytes.len(), pty::TERMIOS))
            .help("get one first: tcgetattr t.s -> $t")
    })
}

fn tcsetattr(performer: &mut Performer<'_>, fd: i32) -> Result<(), Refusal> {
    // As a C program does, which changes what tcgetattr gave it. Where that fails so does tcsetattr, by itself.
    let mut settings = match performer.given("termios") {
        Some(Given::Bytes(bytes)) => given_settings(bytes)?,
        _ => pty::tcgetattr(fd).unwrap_or_default(),
    };
    termios::change(&mut settings, performer.int("set", 0), true);
    termios::change(&mut settings, performer.int("clear", 0), false);
    for (name, place) in termios::CHARACTERS {
        if performer.has(name) {
            let byte = performer.int(name, 0);
            settings.characters[*place] = u8::try_from(byte)
                .map_err(|_large| Refusal::new(format!("{name} is one byte, 0 to 255, and not {byte}")))?;
        }
    }
    let actions = performer.int("actions", 0);
    let mut args = [fd.into(), actions, 0, 0, 0, 0];
    describe(&settings, &mut args, 2);
    let making = Making::new(args).data(&settings.characters);
    let _ = performer.call(making, || pty::tcsetattr(fd, actions as i32, &settings).map(|()| 0));
    Ok(())
}

fn cfmakeraw(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let name = performer.name("termios");
    let Some(Data::Bytes(bytes)) = performer.body.names.variables.get(name) else {
        return Err(Refusal::new(format!("${name} holds no struct termios")).help("get one first: tcgetattr t.s -> $t"));
    };
    let raw = given_settings(bytes)?.raw();
    performer.body.names.variables.insert(name.to_owned(), Data::Bytes(raw.to_bytes().to_vec()));
    performer.computed(Making::new([0; 6]).data(name.as_bytes()), 0);
    Ok(())
}

fn ioctl(performer: &mut Performer<'_>, fd: i32) -> Result<(), Refusal> {
    let request = performer.int("request", 0);
    let Ok(code) = libc::Ioctl::try_from(request) else { return Err(Refusal::new("no such request")) };
    let value = saturated(performer.int("flags", performer.int("arg", 0)));
    let mut args = [fd.into(), request, value.into(), 0, 0, 0];
    match code {
        libc::TIOCGPTPEER => {
            let name = peer_name(performer, fd);
            let made = performer.call(Making::new(args), || pty::ioctl_value(fd, code, value).map(i64::from));
            if let Ok(slave) = made {
                let variable = name.as_ref().map(|name| format!("{name}.s")).unwrap_or_default();
                performer.bind(&variable, "", Bound::Descriptor(slave as i32));
            }
        }
        // Its argument 1 would steal a terminal from another session, which takes CAP_SYS_ADMIN.
        libc::TIOCSCTTY | libc::TIOCNOTTY | libc::TIOCEXCL | libc::TIOCNXCL => {
            args[2] = 0;
            let _ = performer.call(Making::new(args), || pty::ioctl_value(fd, code, 0).map(i64::from));
        }
        libc::TIOCPKT | libc::TIOCSPTLCK => {
            let _ = performer.call(Making::new(args), || pty::ioctl_set(fd, code, value).map(|()| 0));
        }
        libc::TIOCSWINSZ => {
            let size = |name: &str| {
                let n = performer.int(name, 0);
                u16::try_from(n).map_err(|_large| Refusal::new(format!("{name} is {n}; it may be 0 to 65535")))
            };
            let (rows, columns) = (size("ws_row")?, size("ws_col")?);
            (args[2], args[3]) = (rows.into(), columns.into());
            let _ = performer.call(Making::new(args), || pty::set_window_size(fd, rows, columns).map(|()| 0));
        }
        libc::TIOCGWINSZ => {
            let told = Cell::new((0, 0));
            let asked = performer.call_then(
                Making::new(args),
                || pty::window_size(fd).map(|size| told.set(size)).map(|()| 0),
                |record| (record.args[2], record.args[3]) = (told.get().0.into(), told.get().1.into()),
            );
            if asked.is_ok() {
                // struct winsize: rows, columns, and two that nobody sets.
                let (rows, columns) = told.get();
                let bytes = [rows.to_ne_bytes(), columns.to_ne_bytes(), [0; 2], [0; 2]].concat();
                performer.deliver(Data::Bytes(bytes));
            }
        }
        _ => {
            let told = Cell::new(0);
            let asked = performer.call_then(
                Making::new(args),
                || pty::ioctl_get(fd, code).map(|n| told.set(n)).map(|()| 0),
                |record| record.args[2] = told.get().into(),
            );
            if asked.is_ok() {
                performer.deliver(Data::Int(told.get().into()));
            }
        }
    }
    Ok(())
}

/// The name of the pseudoterminal whose master a descriptor is: what its variable is called without `.m`.
fn peer_name(performer: &Performer<'_>, master: i32) -> Option<String> {
    let bound = &performer.body.names.bound;
    let mut names = bound.iter().filter(|(_, handle)| **handle == Bound::Descriptor(master)).map(|(name, _)| name);
    names.find_map(|name| name.strip_suffix(".m")).map(str::to_owned)
}

/// open(2) of a slave by the path that ptsname(3) told. `None` if the path is not one.
///
/// A stage with a devpts of its own has no other terminals there. In shared mode all of the machine's are there, so the
/// actor must hold the master or the slave already.
pub(in crate::facility) fn open_slave(performer: &mut Performer<'_>) -> Option<Result<(), Refusal>> {
    let path = std::str::from_utf8(performer.bytes("pathname")).ok()?;
    let number: u32 = path.strip_prefix(DEVPTS)?.strip_prefix('/')?.parse().ok()?;
    if !performer.body.tag.is_empty() && !holds(number) {
        let why = format!("{path} is a terminal of the machine, and this actor holds none of its sides");
        let help = "in shared mode a slave can be opened by who has its master open, or by TIOCGPTPEER";
        return Some(Err(Refusal::new(why).help(help)));
    }
    let flags = performer.int("flags", 0);
    let making = Making::new([0, flags, performer.int("mode", 0), 0, 0, 0]).data(path.as_bytes());
    let real = format!("{DEVPTS}/{number}");
    let made = performer.call(making, || {
        let flags = OFlag::from_bits_truncate(flags as i32 & !(libc::O_CREAT | libc::O_TRUNC));
        open(real.as_str(), flags, Mode::empty()).map(|fd| fd.into_raw_fd().into())
    });
    if let Ok(slave) = made {
        performer.bind(performer.name("name"), "", Bound::Descriptor(slave as i32));
    }
    Some(Ok(()))
}

/// Whether this actor has the master or the slave of that number open.
fn holds(number: u32) -> bool {
    (0..OURS_FROM as i32).any(|fd| {
        let master = pty::ioctl_get(fd, libc::TIOCGPTN) == Ok(number as i32);
        master || is_slave(fd, number).unwrap_or(false)
    })
}

fn is_slave(fd: i32, number: u32) -> Result<bool, Errno> {
    // Slaves have major numbers from 136 on, each with 256 of them; see Documentation/admin-guide/devices.txt.
    let (stat, rdev) = (raw::fstat(fd)?, u64::from(number));
    let character = stat.st_mode & libc::S_IFMT == libc::S_IFCHR;
    Ok(character && stat.st_rdev == libc::makedev(136 + (rdev >> 8) as u32, (rdev & 0xff) as u32))
}
