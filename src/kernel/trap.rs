//! A trap at the first system call: how the kernel itself vouches that a load or a store makes none.
//!
//! Syscall user dispatch (Linux 5.11, prctl(2)) has the kernel look at a byte of ours before each system call of this
//! thread, and send SIGSYS instead of making the call while the byte says so. Here the byte says so for the length of one
//! access to memory. Should the access enter the kernel by a call after all, the handler takes the byte back and has the
//! call made again: nothing is changed by the trap, and the byte tells that it has sprung.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering, compiler_fence};

const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;
const PR_SYS_DISPATCH_OFF: u64 = 0;
const PR_SYS_DISPATCH_ON: u64 = 1;
/// si_code of a SIGSYS that a call has sprung.
const SYS_USER_DISPATCH: i32 = 2;
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Untried,
    Set,
    Unavailable,
}

thread_local! {
    /// The byte that the kernel looks at.
    static SELECTOR: AtomicU8 = const { AtomicU8::new(ALLOW) };
    static STATE: Cell<State> = const { Cell::new(State::Untried) };
}

/// Whether the kernel would have stopped a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// It would have, and there was none.
    Yes,
    /// There was one, or a handler of a signal came between.
    Sprung,
    /// This kernel can't, or SIGSYS has another use in this process.
    Unavailable,
}

/// Does something that should make no system call, and says whether the kernel vouches for it.
#[inline]
pub fn without_calls<T>(work: impl FnOnce() -> T) -> (T, Vouched) {
    if STATE.get() == State::Untried {
        STATE.set(if set() { State::Set } else { State::Unavailable });
    }
    if STATE.get() == State::Unavailable {
        return (work(), Vouched::Unavailable);
    }
    SELECTOR.with(|selector| {
        selector.store(BLOCK, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let made = work();
        compiler_fence(Ordering::SeqCst);
        let vouched = if selector.swap(ALLOW, Ordering::Relaxed) == BLOCK { Vouched::Yes } else { Vouched::Sprung };
        (made, vouched)
    })
}

/// Lets calls pass: the first thing that a handler of a signal does, for it may have come between.
pub(super) fn lift() {
    SELECTOR.with(|selector| selector.store(ALLOW, Ordering::Relaxed));
}

/// In a child that was just forked the kernel has taken the trap away, though memory says that it is set.
pub fn forked() {
    if STATE.get() == State::Set {
        STATE.set(State::Untried);
    }
}

/// Takes the trap away for good: the process wants SIGSYS for itself.
pub fn give_up() {
    if STATE.replace(State::Unavailable) == State::Set {
        // SAFETY: takes four integers, which must be 0 here.
        unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0_u64, 0_u64, 0_u64) };
    }
}

type Handler = extern "C" fn(i32, *const libc::siginfo_t, *mut libc::c_void);

/// Whether that is the handler of the trap, which stands where the default would.
pub(super) fn is_handler(handler: libc::sighandler_t) -> bool {
    handler == sprung as Handler as libc::sighandler_t
}

/// Sets the trap for this thread, all calls allowed for now.
fn set() -> bool {
    // SAFETY: all zero is a sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks for the present action only; the structure is ours.
    if unsafe { libc::sigaction(libc::SIGSYS, std::ptr::null(), &raw mut action) } != 0
        || (action.sa_sigaction != libc::SIG_DFL && !is_handler(action.sa_sigaction))
    {
        return false;
    }
    action.sa_sigaction = sprung as Handler as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO;
    let selector = SELECTOR.with(AtomicU8::as_ptr) as u64;
    // SAFETY: the handler touches an atomic and its own frame; the structure is ours.
    let caught = unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
    // SAFETY: the byte lives as long as the thread, and the setting goes with the thread.
    let set = unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0_u64, 0_u64, selector) };
    if caught == 0 && set == 0 {
        return true;
    }
    action.sa_sigaction = libc::SIG_DFL;
    // SAFETY: as above.
    unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) };
    false
}

extern "C" fn sprung(_signal: i32, info: *const libc::siginfo_t, context: *mut libc::c_void) {
    lift();
    // SAFETY: the kernel hands the handler a siginfo of its own.
    let code = unsafe { (*info).si_code };
    if code != SYS_USER_DISPATCH {
        // Somebody has sent it: what it does to any process it does to this one, as soon as the handler has returned.
        // SAFETY: the default disposition runs no code of ours.
        unsafe { libc::signal(libc::SIGSYS, libc::SIG_DFL) };
        // SAFETY: takes an integer.
        unsafe { libc::raise(libc::SIGSYS) };
        return;
    }
    let context = context.cast::<libc::ucontext_t>();
    // The registers are as before the call, but for the address: back to the instruction that makes it.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel hands the handler the registers that it will restore.
    unsafe {
        (*context).uc_mcontext.gregs[libc::REG_RIP as usize] -= 2;
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        (*context).uc_mcontext.pc -= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::{How, kill};
    use crate::kernel::testing::in_child;

    #[test]
    fn it_springs_at_a_call_and_not_at_a_store() {
        let how = in_child(|| {
            crate::kernel::process::reset_signals();
            let mut word = 1_u32;
            let ((), vouched) = without_calls(|| word += 1);
            if vouched == Vouched::Unavailable {
                // Said to be reported then, and no more.
                return 0;
            }
            let own = std::process::id() as i32;
            let (seen, sprung) = without_calls(|| {
                // SAFETY: asks for the process id.
                unsafe { libc::syscall(libc::SYS_getpid) as i32 }
            });
            let again = without_calls(|| word).1;
            forked();
            let anew = without_calls(|| word).1;
            give_up();
            let after = without_calls(std::process::id).1;
            let expected = [Vouched::Yes, Vouched::Sprung, Vouched::Yes, Vouched::Yes, Vouched::Unavailable];
            i32::from([vouched, sprung, again, anew, after] != expected || seen != own)
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn one_that_is_sent_kills_as_ever() {
        let how = in_child(|| {
            crate::kernel::process::reset_signals();
            without_calls(|| ());
            kill(std::process::id() as i32, libc::SIGSYS).map_or(1, |()| 0)
        });
        assert_eq!(how, How::Killed(libc::SIGSYS));
    }

    #[test]
    fn another_use_of_the_signal_is_left_alone() {
        let how = in_child(|| {
            crate::kernel::process::reset_signals();
            // SAFETY: to ignore a signal runs no code of ours.
            unsafe { libc::signal(libc::SIGSYS, libc::SIG_IGN) };
            let unavailable = without_calls(|| ()).1 == Vouched::Unavailable;
            i32::from(!unavailable || !crate::kernel::signal::is_ignored(libc::SIGSYS))
        });
        assert_eq!(how, How::Exited(0));
    }
}
