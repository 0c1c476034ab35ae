//! Signals by number, and sets of them as numbers: signal n is bit n - 1, as procfs shows them. And the only handlers
//! that an actor ever installs: they note that they ran, in the actor's slot, and do nothing else.

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::errno::Errno;

use super::arena::Slot;
use super::clock::{monotonic_ns, timespec};
use super::ring::{Handled, Handling};

/// A set as C has it. What is no signal is left out, and so are those that glibc keeps to itself.
pub(super) fn raw_set(set: u64) -> libc::sigset_t {
    // SAFETY: all zero is the empty set.
    let mut raw: libc::sigset_t = unsafe { std::mem::zeroed() };
    for signal in (1..=64).filter(|n| set & 1 << (n - 1) != 0) {
        // SAFETY: the set is ours; a number that it refuses changes nothing.
        unsafe { libc::sigaddset(&raw mut raw, signal) };
    }
    raw
}

fn from_raw_set(raw: &libc::sigset_t) -> u64 {
    // SAFETY: the set is ours.
    let has = |signal: i32| unsafe { libc::sigismember(raw, signal) } == 1;
    (1..=64).filter(|n| has(*n)).fold(0, |set, n| set | 1 << (n - 1))
}

/// Changes which signals are blocked, or with no set only asks, and gives those that were; see sigprocmask(2).
pub fn sigprocmask(how: i32, set: Option<u64>) -> Result<u64, Errno> {
    let (new, mut old) = (set.map(raw_set), raw_set(0));
    let new = new.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the new set is null or lives in this frame, the old one is ours.
    Errno::result(unsafe { libc::sigprocmask(how, new, &raw mut old) })?;
    Ok(from_raw_set(&old))
}

/// The signals that are blocked and have come, see sigpending(2).
pub fn sigpending() -> Result<u64, Errno> {
    let mut set = raw_set(0);
    // SAFETY: the set is ours.
    Errno::result(unsafe { libc::sigpending(&raw mut set) })?;
    Ok(from_raw_set(&set))
}

/// Waits, with these signals blocked in place of the present ones, until a handler has run; see sigsuspend(2).
///
/// # Errors
/// EINTR, always.
pub fn sigsuspend(set: u64) -> Errno {
    let set = raw_set(set);
    // SAFETY: the set is ours.
    unsafe { libc::sigsuspend(&raw const set) };
    Errno::last()
}

/// What shall happen when a signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// SIG_DFL.
    Default,
    /// SIG_IGN.
    Ignore,
    /// The handler that notes in the actor's slot that it ran.
    Handle,
}

/// Sets what happens when a signal comes, and which others are blocked while the handler runs; see sigaction(2). What
/// the handler notes goes to the slot that [`note_in`] named.
pub fn sigaction(signal: i32, disposition: Disposition, flags: i32, mask: u64) -> Result<(), Errno> {
    // SAFETY: all zero is a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
        Disposition::Handle if flags & libc::SA_SIGINFO != 0 => {
            told as extern "C" fn(i32, *const libc::siginfo_t, *const libc::c_void) as libc::sighandler_t
        }
        Disposition::Handle => called as extern "C" fn(i32) as libc::sighandler_t,
    };
    action.sa_flags = flags;
    action.sa_mask = raw_set(mask);
    if signal == libc::SIGSYS {
        super::trap::give_up();
    }
    // SAFETY: the handlers touch only atomics; the structure is ours.
    Errno::result(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) }).map(drop)
}

/// What happens when a signal comes: the disposition, its flags and its mask; see sigaction(2).
pub fn action(signal: i32) -> Result<(Disposition, i32, u64), Errno> {
    // SAFETY: all zero is a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks for the present action only; the structure is ours.
    Errno::result(unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) })?;
    let disposition = match action.sa_sigaction {
        ours if super::trap::is_handler(ours) => return Ok((Disposition::Default, 0, 0)),
        libc::SIG_DFL => Disposition::Default,
        libc::SIG_IGN => Disposition::Ignore,
        _ => Disposition::Handle,
    };
    // How a handler returns is between the C library and the kernel.
    const SA_RESTORER: i32 = 0x0400_0000;
    Ok((disposition, action.sa_flags & !SA_RESTORER, from_raw_set(&action.sa_mask)))
}

/// Whether a signal is ignored.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: all zero is a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks for the present action only; the structure is ours.
    unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0 && action.sa_sigaction == libc::SIG_IGN }
}

/// What came with a signal that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SigInfo {
    /// Its number.
    pub signal: i32,
    /// si_code: where it came from.
    pub code: i32,
    /// The two words behind the code; [`Handled`] tells what they mean.
    pub words: [u64; 2],
}

impl SigInfo {
    fn of(info: &libc::siginfo_t) -> Self {
        let start = std::ptr::from_ref(info).cast::<u8>();
        let word = |offset: usize| {
            // SAFETY: a siginfo has 128 bytes, and both offsets lie in it.
            let at = unsafe { start.add(offset) };
            // SAFETY: the union behind the three ints begins at offset 16 where pointers have 8 bytes, and all of a
            // siginfo that the kernel has filled is initialized.
            unsafe { at.cast::<u64>().read_unaligned() }
        };
        Self { signal: info.si_signo, code: info.si_code, words: [word(16), word(24)] }
    }
}

/// Waits for a signal of a set and takes it, at most for `timeout_ns`; see sigwaitinfo(2) and sigtimedwait(2).
///
/// # Errors
/// EAGAIN when the time is up, EINTR when a handler ran for another signal.
pub fn sigwaitinfo(set: u64, timeout_ns: Option<u64>) -> Result<SigInfo, Errno> {
    let (set, timeout) = (raw_set(set), timeout_ns.map(timespec));
    // SAFETY: all zero is a siginfo.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let ret = match &timeout {
        // SAFETY: set and siginfo are ours.
        None => unsafe { libc::sigwaitinfo(&raw const set, &raw mut info) },
        // SAFETY: as above, and so is the time.
        Some(timeout) => unsafe { libc::sigtimedwait(&raw const set, &raw mut info, std::ptr::from_ref(timeout)) },
    };
    Errno::result(ret)?;
    Ok(SigInfo::of(&info))
}

/// Sends a signal with a value, see sigqueue(3).
pub fn sigqueue(pid: i32, signal: i32, value: i64) -> Result<(), Errno> {
    let value = libc::sigval { sival_ptr: value as *mut libc::c_void };
    // SAFETY: takes two integers and a value that nobody follows as a pointer.
    Errno::result(unsafe { libc::sigqueue(pid, signal, value) }).map(drop)
}

/// Sends a signal to one thread of a process, see tgkill(2).
pub fn tgkill(tgid: i32, tid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: takes three integers.
    Errno::result(unsafe { libc::syscall(libc::SYS_tgkill, tgid, tid, signal) }).map(drop)
}

/// Sends a signal to the calling thread, see raise(3). It has been handled when this returns, unless it is blocked.
pub fn raise(signal: i32) -> Result<(), Errno> {
    // SAFETY: takes an integer.
    Errno::result(unsafe { libc::raise(signal) }).map(drop)
}

/// Where handlers note that they ran in a thread which is no actor.
static NOTES: AtomicPtr<Handling> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    /// Where handlers note that they ran in this thread. Neither made when first used nor dropped, so a handler may.
    static OWN_NOTES: Cell<*mut Handling> = const { Cell::new(std::ptr::null_mut()) };
}

/// Has the handlers of this process note in this slot that they ran, but for those in threads that are actors
/// themselves. The arena stays mapped until the process ends, by a reference that is kept for good.
pub fn note_in(slot: &Slot) {
    note_in_thread(slot);
    NOTES.store(OWN_NOTES.get(), Ordering::Release);
}

/// Has the handlers that run in this thread note in this slot that they did.
pub fn note_in_thread(slot: &Slot) {
    std::mem::forget(slot.clone());
    OWN_NOTES.set(std::ptr::from_ref(slot.handling()).cast_mut());
}

fn note(handled: &Handled) {
    let own = OWN_NOTES.get();
    let notes = if own.is_null() { NOTES.load(Ordering::Acquire) } else { own };
    // SAFETY: null, or memory that `note_in` keeps mapped for good; it is atomics only.
    if let Some(notes) = unsafe { notes.as_ref() } {
        notes.push(handled);
    }
}

/// The signals that are blocked just now; may be asked from a handler.
fn blocked() -> u64 {
    sigprocmask(libc::SIG_BLOCK, None).unwrap_or(0)
}

extern "C" fn called(signal: i32) {
    super::trap::lift();
    note(&Handled { signal, at_ns: monotonic_ns(), blocked: blocked(), ..Handled::default() });
}

extern "C" fn told(signal: i32, info: *const libc::siginfo_t, _context: *const libc::c_void) {
    super::trap::lift();
    // SAFETY: the kernel hands the handler a siginfo of its own.
    let info = unsafe { info.as_ref() }.map(SigInfo::of).unwrap_or_default();
    note(&Handled {
        signal,
        info: Some((info.code, info.words)),
        at_ns: monotonic_ns(),
        blocked: blocked(),
        thread: false,
    });
}

/// Runs in a thread that glibc has made for it: a message has come, and SIGEV_THREAD was asked for.
pub(super) extern "C" fn notified(value: libc::sigval) {
    let words = [0, value.sival_ptr as u64];
    let info = Some((libc::SI_MESGQ, words));
    note(&Handled { signal: 0, info, at_ns: monotonic_ns(), blocked: blocked(), thread: true });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::arena::Arena;
    use crate::kernel::process::{How, kill};
    use crate::kernel::testing::in_child;

    const fn bit(signal: i32) -> u64 {
        1 << (signal - 1)
    }

    #[test]
    fn sets_come_and_go() {
        let set = bit(libc::SIGUSR1) | bit(64) | bit(1);
        assert_eq!(from_raw_set(&raw_set(set)), set);
        assert_eq!(from_raw_set(&raw_set(0)), 0);
    }

    #[test]
    fn handlers_note_what_came() {
        let arena = Arena::create(1).unwrap();
        let how = in_child(|| {
            let us = std::process::id() as i32;
            note_in(&arena.slot(0).unwrap());
            sigaction(libc::SIGUSR1, Disposition::Handle, 0, 0).unwrap();
            sigaction(libc::SIGUSR2, Disposition::Handle, libc::SA_SIGINFO, 0).unwrap();
            kill(us, libc::SIGUSR1).unwrap();
            sigqueue(us, libc::SIGUSR2, 77).unwrap();
            sigaction(libc::SIGUSR1, Disposition::Ignore, 0, 0).unwrap();
            kill(us, libc::SIGUSR1).unwrap();
            let (flags, other) = (libc::SA_NODEFER | libc::SA_RESTART, bit(libc::SIGUSR2));
            sigaction(libc::SIGHUP, Disposition::Handle, flags, other).unwrap();
            let set = action(libc::SIGHUP);
            tgkill(us, us, libc::SIGHUP).unwrap();
            raise(libc::SIGHUP).unwrap();
            sigprocmask(libc::SIG_BLOCK, Some(bit(libc::SIGUSR2))).unwrap();
            sigqueue(us, libc::SIGUSR2, 5).unwrap();
            let pending = sigpending().unwrap();
            let came = sigwaitinfo(bit(libc::SIGUSR2), None).unwrap();
            let late = sigwaitinfo(bit(libc::SIGUSR2), Some(1_000_000));
            i32::from(pending != bit(libc::SIGUSR2))
                | i32::from(set != Ok((Disposition::Handle, flags, other))) << 4
                | i32::from(action(libc::SIGUSR1).map(|(what, ..)| what) != Ok(Disposition::Ignore)) << 5
                | i32::from(action(65) != Err(Errno::EINVAL) || tgkill(us, us, 65) != Err(Errno::EINVAL)) << 6
                | i32::from((came.signal, came.code, came.words[1]) != (libc::SIGUSR2, libc::SI_QUEUE, 5)) << 1
                | i32::from(late != Err(Errno::EAGAIN)) << 2
                | i32::from(sigprocmask(libc::SIG_SETMASK, Some(0)) != Ok(bit(libc::SIGUSR2))) << 3
        });
        assert_eq!(how, How::Exited(0));
        let mut seen = Vec::new();
        assert_eq!(arena.slot(0).unwrap().reader().handled(|h| seen.push(h)), 0);
        let masks: Vec<_> = seen.iter().map(|h| (h.signal, h.blocked)).collect();
        let usr2 = bit(libc::SIGUSR2);
        // With SA_NODEFER the signal itself is not blocked, only the action's mask.
        assert_eq!(
            masks,
            [(libc::SIGUSR1, bit(libc::SIGUSR1)), (libc::SIGUSR2, usr2), (libc::SIGHUP, usr2), (libc::SIGHUP, usr2)]
        );
        let seen: Vec<_> = seen.iter().map(|h| (h.signal, h.info.map(|(code, words)| (code, words[1])))).collect();
        assert_eq!(seen[..2], [(libc::SIGUSR1, None), (libc::SIGUSR2, Some((libc::SI_QUEUE, 77)))]);
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let arena = Arena::create(1).unwrap();
        let slot = arena.slot(0).unwrap();
        for signal in 0..100 {
            slot.handling().push(&Handled { signal, ..Handled::default() });
        }
        let mut seen = Vec::new();
        let lost = slot.reader().handled(|h| seen.push(h.signal));
        assert_eq!((lost + seen.len() as u64, seen.last()), (100, Some(&99)));
        assert_eq!(slot.reader().handled(|_| ()), 0);
    }
}
