//! Processes: making them, preparing them for a learner, and noticing how they end.

use std::convert::Infallible;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::ForkResult;

use super::clock::{from_timespec, timespec};

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fork {
    /// The new process.
    Child,
    /// The old one, with the pid of the new.
    Parent(i32),
}

/// Makes a copy of this process with only the calling thread in it, see fork(2).
///
/// Only for processes without other threads, or for a child that ends or executes soon: a lock that another thread
/// holds at this moment stays locked in the child for ever. The allocator is safe (glibc sees to its own locks).
pub fn fork() -> Result<Fork, Errno> {
    // SAFETY: a lock held by another thread may hang the child, which the contract above leaves to the caller; no
    // memory is touched that isn't the child's own copy.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(Fork::Child),
        ForkResult::Parent { child } => Ok(Fork::Parent(child.as_raw())),
    }
}

/// Ends the process at once: no destructors, no exit handlers, no flushing, see _exit(2). All its threads go.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: does not return, and the kernel takes everything back.
    unsafe { libc::_exit(status) }
}

/// Replaces this program by a new start of its own binary. Returns only if that fails.
///
/// Works in a stage too, where the binary has no path any more: the kernel keeps the file behind /proc/self/exe.
pub fn exec_self(argv: &[CString], env: &[CString]) -> Result<Infallible, Errno> {
    nix::unistd::execve(c"/proc/self/exe", argv, env)
}

/// How a child changed its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It exited with this status.
    Exited(i32),
    /// A signal of this number killed it.
    Killed(i32),
    /// A signal of this number stopped it.
    Stopped(i32),
    /// It has been continued.
    Continued,
}

impl How {
    /// From the number that waitpid(2) gives, and that procfs keeps for a zombie.
    pub const fn from_status(status: i32) -> Self {
        if libc::WIFEXITED(status) {
            Self::Exited(libc::WEXITSTATUS(status))
        } else if libc::WIFSIGNALED(status) {
            Self::Killed(libc::WTERMSIG(status))
        } else if libc::WIFSTOPPED(status) {
            Self::Stopped(libc::WSTOPSIG(status))
        } else {
            Self::Continued
        }
    }
}

/// Waits for a child as the manual says: `pid` and `options` as in waitpid(2). `None` is its answer 0: with WNOHANG,
/// no child has changed.
///
/// # Errors
/// ECHILD, EINTR, EINVAL.
pub fn waitpid(pid: i32, options: i32) -> Result<Option<(i32, How)>, Errno> {
    let mut status = 0;
    // SAFETY: the status is an int of ours.
    let pid = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, options) })?;
    Ok((pid != 0).then_some((pid, How::from_status(status))))
}

/// A child that has ended, without reaping it: it stays a zombie until [`waitpid`] takes it, so its pid, its
/// descriptors' records and its status can still be looked at. `None` if no child has ended.
///
/// # Errors
/// ECHILD if there are no children.
pub fn ended_child() -> Result<Option<(i32, How)>, Errno> {
    // SAFETY: all zero is a siginfo.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the siginfo is ours.
    Errno::result(unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) })?;
    // SAFETY: waitid fills this field, or leaves it 0 if there is nothing to tell.
    let pid = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let how = if info.si_code == libc::CLD_EXITED { How::Exited(status) } else { How::Killed(status) };
    Ok((pid != 0).then_some((pid, how)))
}

/// `struct pidfd_info` of linux/pidfd.h, in its first form.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// How the process behind a pidfd ended, even if its parent has reaped it since and it was never our child. `None`
/// while it is there, or where the kernel does not tell (before 6.15); a zombie's status stands in procfs.
pub fn pidfd_exit(pidfd: impl AsFd) -> Option<How> {
    const EXIT: u64 = 1 << 3;
    const PIDFD_GET_INFO: libc::Ioctl = nix::request_code_readwrite!(0xff, 11, size_of::<PidfdInfo>()) as libc::Ioctl;
    let mut info = PidfdInfo { mask: EXIT, ..PidfdInfo::default() };
    // SAFETY: the kernel fills the structure, whose size is part of the request.
    let ret = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    (ret == 0 && info.mask & EXIT != 0).then(|| How::from_status(info.exit_code))
}

/// Sends a signal of this number, see kill(2); 0 only asks whether one could be sent.
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Sends a signal to a process group, see killpg(3).
///
/// # Errors
/// EINVAL for 0, 1 and negative numbers, which mean other groups or everybody; ESRCH, EPERM.
pub fn killpg(pgrp: i32, signal: i32) -> Result<(), Errno> {
    if pgrp <= 1 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: takes two integers.
    Errno::result(unsafe { libc::kill(-pgrp, signal) }).map(drop)
}

/// Sleeps for `ns`, see nanosleep(2).
///
/// # Errors
/// EINTR with what was left of it, in ns; EINVAL.
pub fn nanosleep(ns: u64) -> Result<(), (Errno, u64)> {
    let (asked, mut left) = (timespec(ns), timespec(0));
    // SAFETY: both times are ours.
    let ret = unsafe { libc::nanosleep(&raw const asked, &raw mut left) };
    Errno::result(ret).map(drop).map_err(|errno| (errno, from_timespec(&left)))
}

/// Gives a process that Rust has started the signals of a fresh one: each disposition at its default (Rust ignores
/// SIGPIPE and catches SIGSEGV), none blocked, no alternate stack.
///
/// The two signals that glibc keeps to itself (32 and 33) lose no handler, since glibc would not set it again.
pub fn reset_signals() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: the default disposition runs no code of ours. Numbers that can't be changed are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    (32..34).for_each(unignore);
    // SAFETY: all zero is the empty set.
    let empty: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours; the old one is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, std::ptr::null_mut()) };
    no_alternate_stack();
}

/// Gives a process that has executed a Rust program the signals that any program has after execve(2): the mask and what
/// is ignored are as before, and nothing is caught. Rust's start ignores SIGPIPE, and catches SIGSEGV and SIGBUS where
/// they are at their default.
pub fn keep_signals_over_exec(ignores_pipe: bool) {
    if !ignores_pipe {
        // SAFETY: the default disposition runs no code of ours.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    }
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        if !super::signal::is_ignored(signal) {
            // SAFETY: as above.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
    no_alternate_stack();
}

fn no_alternate_stack() {
    let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: no handler of ours is left that could run on the old stack.
    unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) };
}

/// Sets an ignored signal to its default, past glibc's refusal to speak of its own ones.
fn unignore(signal: i32) {
    // The kernel's own struct sigaction: handler, flags, restorer, and a mask of 8 bytes.
    let (default, mut present) = ([0_usize; 4], [0_usize; 4]);
    let no_action = std::ptr::null::<usize>();
    // SAFETY: asks only; the structure is ours and of the kernel's size.
    let asked = unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, no_action, present.as_mut_ptr(), 8) };
    if asked == 0 && present[0] == libc::SIG_IGN {
        // SAFETY: the default disposition runs no code of ours.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), no_action, 8) };
    }
}

/// Asks for `signal` when the *thread* that forked us ends, and says whether the parent is still `parent`: if not, it
/// ended before the request, and the signal will not come. A change of user id takes the request back: ask after it.
pub fn die_with_parent(signal: Signal, parent: i32) -> Result<bool, Errno> {
    nix::sys::prctl::set_pdeathsig(signal)?;
    Ok(nix::unistd::getppid().as_raw() == parent)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kernel::borrow::{ends_within, pidfd_open};
    use crate::kernel::proc;
    use crate::kernel::testing::{in_child, start};

    #[test]
    fn statuses_come_through() {
        assert_eq!(in_child(|| 7), How::Exited(7));
        assert_eq!(in_child(|| kill(std::process::id() as i32, libc::SIGKILL).map_or(1, |()| 0)), How::Killed(9));
        let realtime = libc::SIGRTMIN() + 3;
        assert_eq!(
            in_child(|| {
                reset_signals();
                kill(std::process::id() as i32, realtime).map_or(1, |()| 0)
            }),
            How::Killed(realtime)
        );
        assert_eq!(waitpid(i32::MAX, 0), Err(Errno::ECHILD));
    }

    #[test]
    fn signals_are_as_in_a_fresh_process() {
        let how = in_child(|| {
            reset_signals();
            let status = proc::status(std::process::id() as i32).unwrap();
            // SAFETY: all zero is a stack_t.
            let mut stack: libc::stack_t = unsafe { std::mem::zeroed() };
            // SAFETY: asks for the present stack only.
            unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
            let caught = status.caught & !(0b11 << 31);
            i32::from(status.ignored != 0)
                | i32::from(caught != 0) << 1
                | i32::from(status.blocked != 0) << 2
                | i32::from(stack.ss_flags != libc::SS_DISABLE) << 3
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn an_end_is_seen_before_and_after_reaping() {
        // A child of its own, so that waitid sees nobody else's children.
        let how = in_child(|| {
            let pid = start(|| 5);
            let pidfd = pidfd_open(pid).unwrap();
            assert!(ends_within(&pidfd, Duration::from_secs(20)));
            let seen = ended_child();
            let stat = proc::Task::open(pid).unwrap().stat().unwrap();
            assert_eq!((stat.state, How::from_status(stat.exit_status)), ('Z', How::Exited(5)));
            assert_eq!(seen, Ok(Some((pid, How::Exited(5)))));
            assert_eq!(waitpid(pid, libc::WNOHANG), Ok(Some((pid, How::Exited(5)))), "it was not reaped by looking");
            assert_eq!(ended_child(), Err(Errno::ECHILD));
            assert!(matches!(pidfd_exit(&pidfd), None | Some(How::Exited(5))));
            0
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn a_live_process_has_not_ended() {
        let pid = start(|| nanosleep(60_000_000_000).map_or(1, |()| 0));
        let pidfd = pidfd_open(pid).unwrap();
        let early = (pidfd_exit(&pidfd), waitpid(pid, libc::WNOHANG));
        kill(pid, libc::SIGKILL).unwrap();
        let how = waitpid(pid, 0);
        assert_eq!(early, (None, Ok(None)));
        assert_eq!(how, Ok(Some((pid, How::Killed(9)))));
    }

    #[test]
    fn a_child_dies_with_its_parent() {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
        let parent = start(|| {
            let us = std::process::id() as i32;
            start(|| {
                let alive = die_with_parent(Signal::SIGKILL, us).unwrap();
                let _ = nix::unistd::write(&write, &[u8::from(alive)]);
                nanosleep(60_000_000_000).map_or(1, |()| 0)
            });
            nanosleep(60_000_000_000).map_or(1, |()| 0)
        });
        drop(write);
        let mut byte = [9];
        let asked = nix::unistd::read(&read, &mut byte);
        kill(parent, libc::SIGKILL).unwrap();
        waitpid(parent, 0).unwrap();
        assert_eq!((asked, byte), (Ok(1), [1]));
        assert_eq!(nix::unistd::read(&read, &mut byte), Ok(0), "the pipe's last writer is gone");
    }

    #[test]
    fn sleeps_and_says_what_was_left() {
        assert_eq!(nanosleep(1_000), Ok(()));
        let how = in_child(|| {
            extern "C" fn nothing(_: i32) {}
            // SAFETY: the handler does nothing.
            unsafe { libc::signal(libc::SIGALRM, nothing as extern "C" fn(i32) as libc::sighandler_t) };
            let timer = libc::itimerval {
                it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
                it_value: libc::timeval { tv_sec: 0, tv_usec: 20_000 },
            };
            // SAFETY: the timer is ours.
            unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
            match nanosleep(50_000_000_000) {
                Err((Errno::EINTR, left)) if left > 1_000_000_000 && left < 50_000_000_000 => 0,
                _ => 1,
            }
        });
        assert_eq!(how, How::Exited(0));
    }
}
