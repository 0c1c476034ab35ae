//! What the results of calls on terminals mean here; see ERRORS of posix_openpt(3), grantpt(3), unlockpt(3),
//! ptsname(3), tcgetattr(3p), tcsetattr(3p), tcflush(3p), tcgetpgrp(3), tcgetsid(3), ioctl_tty(2), read(2), write(2).

use super::Side;
use crate::kernel::arena::Record;

pub(super) fn means(verb: &str, record: &Record) -> Option<String> {
    let words = match (verb, record.errno) {
        ("posix_openpt", libc::ENOSPC | libc::EAGAIN) => {
            "there are as many pseudoterminals as /proc/sys/kernel/pty/max allows"
        }
        ("posix_openpt", libc::ENOENT | libc::ENXIO) => "this machine has no /dev/ptmx that leads to terminals",
        ("posix_openpt", libc::EACCES) => "/dev/ptmx may not be opened by this user",
        ("grantpt" | "unlockpt" | "ptsname", libc::ENOTTY | libc::EINVAL) => {
            "this descriptor leads to no master of a pseudoterminal"
        }
        ("grantpt", libc::EACCES) => "the slave's file can't be given to the caller",
        ("isatty" | "tcgetattr", libc::ENOTTY) => NO_TERMINAL,
        ("tcsetattr" | "tcflush", libc::ENOTTY) => NO_TERMINAL,
        ("tcsetattr", libc::EINVAL) => "this terminal can't have these settings",
        ("tcflush", libc::EINVAL) => "there is no such queue",
        ("tcsetattr" | "tcflush" | "tcsetpgrp", libc::EIO) => HUNG_UP_OR_BACKGROUND,
        ("tcgetpgrp" | "tcsetpgrp" | "tcgetsid", libc::ENOTTY) => {
            "this is no terminal, or none that controls the caller's session; a master tells of another's, if there is one"
        }
        ("tcsetpgrp", libc::EPERM) => "no process of the caller's session is in that group",
        ("tcsetpgrp", libc::EINVAL) => "no process group has this number",
        ("tcgetpgrp" | "tcsetpgrp", libc::ESRCH) => "that group has ended",
        ("ioctl", errno) => requested(record.args[1], errno)?,
        (_, libc::EIO) => HUNG_UP,
        _ => return None,
    };
    Some(words.to_owned())
}

const NO_TERMINAL: &str = "this descriptor leads to no terminal";
const HUNG_UP: &str = "the terminal has hung up: no master of it is open any more";
const HUNG_UP_OR_BACKGROUND: &str = "the caller is in the background, and nobody is left in its session who could bring it \
                                     to the foreground; or the terminal has hung up";

fn requested(request: i64, errno: i32) -> Option<&'static str> {
    let request = libc::Ioctl::try_from(request).unwrap_or_default();
    let of_master =
        [libc::TIOCGPTPEER, libc::TIOCGPTN, libc::TIOCSPTLCK, libc::TIOCGPTLCK, libc::TIOCPKT, libc::TIOCGPKT];
    Some(match (request, errno) {
        (request, libc::ENOTTY) if of_master.contains(&request) => {
            "only the master of a pseudoterminal knows this request"
        }
        (libc::TIOCNOTTY, libc::ENOTTY) => "it does not control the caller's session, so it can't be given up",
        (_, libc::ENOTTY) => NO_TERMINAL,
        (libc::TIOCGPTPEER, libc::EIO) => "the slave is locked until unlockpt",
        (libc::TIOCSCTTY, libc::EPERM) => {
            "only the leader of a session that has no terminal yet gets one, and only one that controls no other session"
        }
        (_, libc::EIO) => HUNG_UP,
        (_, libc::EPERM) => "this takes a privilege, which no actor has",
        (_, libc::EINVAL) => "the request does not take this argument",
        (_, libc::EFAULT) => "the argument lies in no memory of the caller's",
        _ => return None,
    })
}

/// The same of a read or a write of one side.
pub(super) fn of_side(verb: &str, errno: i32, side: Side) -> Option<&'static str> {
    Some(match (verb, side, errno) {
        ("read", Side::Master, libc::EIO) => {
            "everybody has closed the slave: nothing is left to read, and nothing will come until it is opened again"
        }
        ("read", Side::Slave, libc::EIO) => {
            "the caller is in the background and does not hear SIGTTIN, or nobody could bring it to the foreground"
        }
        ("write", Side::Slave, libc::EIO) => HUNG_UP_OR_BACKGROUND,
        ("write", Side::Master, libc::EIO) => "the terminal takes nothing any more",
        ("read", Side::Master, libc::EAGAIN) => "nothing was printed, and with O_NONBLOCK the call does not wait",
        ("read", Side::Slave, libc::EAGAIN) => {
            "no line is finished (or without ICANON, nothing typed), and with O_NONBLOCK the call does not wait"
        }
        ("write", Side::Master, libc::EAGAIN) => {
            "the terminal has no room for more input, and O_NONBLOCK does not wait"
        }
        ("write", Side::Slave, libc::EAGAIN) => {
            "the terminal has no room for more output, or VSTOP was typed, and O_NONBLOCK does not wait"
        }
        _ => return None,
    })
}
