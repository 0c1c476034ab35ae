//! Leases: whoever holds one is told by a signal before another may open the file, and given time to make it ready.

use super::super::look::{Found, Look};
use super::super::perform::{Making, Performer, Refusal};
use super::super::show::{self, Shown};
use super::LOCK_TYPES;
use super::join::Wait;
use crate::kernel::arena::Record;
use crate::kernel::fd;
use crate::kernel::proc::LockKind;
use crate::script::Data;

/// The commands of fcntl(2) on leases.
pub(crate) const LEASE_COMMANDS: &[(&str, i64)] =
    &[("F_SETLEASE", libc::F_SETLEASE as i64), ("F_GETLEASE", libc::F_GETLEASE as i64)];

/// Whether a command of fcntl(2) is one of them.
pub(crate) fn is_lease_command(cmd: i64) -> bool {
    LEASE_COMMANDS.iter().any(|(_, number)| *number == cmd)
}

/// F_SETLEASE takes `type`; F_GETLEASE gives one, as a word.
pub(crate) fn fcntl_lease(performer: &mut Performer<'_>) -> Result<(), Refusal> {
    let (fd, cmd) = (performer.fd("fd"), performer.int("cmd", 0));
    let sets = cmd == i64::from(libc::F_SETLEASE);
    if sets && !performer.has("type") {
        return Err(Refusal::new("a lease has a type: F_RDLCK, F_WRLCK, or F_UNLCK to give it up")
            .help("fcntl f F_SETLEASE F_RDLCK"));
    }
    let kind = if sets { performer.int("type", 0) } else { 0 };
    let made = performer.call(Making::new([fd.into(), cmd, kind, 0, 0, 0]), || {
        fd::fcntl_int(fd, cmd as i32, kind as i32).map(i64::from)
    });
    if let (Ok(kind), false) = (made, sets) {
        performer.deliver(Data::Bytes(show::constant(kind, LOCK_TYPES).into_bytes()));
    }
    Ok(())
}

/// How such a call reads.
pub(crate) fn show_lease(record: &Record) -> Shown {
    let [fd, cmd, kind, ..] = record.args;
    if cmd == i64::from(libc::F_SETLEASE) {
        return Shown::args(format!("{fd}, F_SETLEASE, {}", show::constant(kind, LOCK_TYPES)));
    }
    let done = show::returned(record) && record.errno == 0;
    let result = done.then(|| format!("{} ({})", record.ret, show::constant(record.ret, LOCK_TYPES)));
    Shown { args: format!("{fd}, F_GETLEASE"), result }
}

/// Who sleeps in an open of this file, which can only be for a lease on it. The table of locks has not all of them.
pub(super) fn openers(found: &Found<'_>, look: &Look<'_>) -> Vec<Wait> {
    /// Longer than any path that a statement can hold.
    const MOST: usize = 256;
    let here = |asleep: &&super::super::look::Asleep| {
        if !matches!(asleep.nr, libc::SYS_openat2 | libc::SYS_openat) {
            return false;
        }
        let path = look.memory(asleep.pid, asleep.args[1], MOST).unwrap_or_default();
        let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
        let Ok(path) = std::str::from_utf8(&path[..end]) else { return false };
        let stat = nix::sys::stat::stat(&look.directory.join(path));
        stat.is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (found.key.dev, found.key.ino))
    };
    look.asleep.iter().filter(here).map(|asleep| Wait::opener(&asleep.actor)).collect()
}

/// Whether somebody has a lease on the file: then even to look at it by its name would break it.
pub(super) fn leased(found: &Found<'_>, look: &mut Look<'_>) -> bool {
    let file = (found.key.dev, found.key.ino);
    look.locks().iter().any(|lock| lock.kind == LockKind::Lease && (lock.dev(), lock.ino) == file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_strace() {
        let record = |args, ret| Record { args, ret, returned_ns: 1, ..Record::default() };
        let set = record([3, libc::F_SETLEASE.into(), 1, 0, 0, 0], 0);
        assert_eq!(show_lease(&set), Shown::args("3, F_SETLEASE, F_WRLCK".to_owned()));
        let got = show_lease(&record([3, libc::F_GETLEASE.into(), 0, 0, 0, 0], 2));
        assert_eq!((got.args.as_str(), got.result.as_deref()), ("3, F_GETLEASE", Some("2 (F_UNLCK)")));
    }
}
