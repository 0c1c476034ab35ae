//! Threads of an actor's process, as POSIX has them: made, joined, detached, ended. A thread is known by the number that
//! pthread_create(3) gives (its `pthread_t`), which means something inside its process only.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;

mod c {
    unsafe extern "C-unwind" {
        pub(super) fn pthread_exit(value: *mut libc::c_void) -> !;
    }
    unsafe extern "C" {
        pub(super) fn pthread_setcancelstate(state: libc::c_int, old: *mut libc::c_int) -> libc::c_int;
        pub(super) fn getcontext(context: *mut libc::ucontext_t) -> libc::c_int;
        pub(super) fn setcontext(context: *const libc::ucontext_t) -> libc::c_int;
        pub(super) fn makecontext(
            context: *mut libc::ucontext_t,
            run: extern "C-unwind" fn(),
            arguments: libc::c_int,
            ...
        );
    }
}

const PTHREAD_CANCEL_DISABLE: libc::c_int = 1;

type Run = Box<dyn FnOnce() -> u64 + Send>;

/// The threads of this process that may be joined: POSIX leaves it undefined to join any other. Only atomics, so that no
/// fork finds it locked.
static JOINABLE: [AtomicU64; 512] = [const { AtomicU64::new(0) }; 512];

fn replace(old: u64, new: u64) -> bool {
    JOINABLE.iter().any(|place| place.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok())
}

fn joinable(thread: u64) -> bool {
    thread != 0 && JOINABLE.iter().any(|place| place.load(Ordering::Acquire) == thread)
}

/// Says that the calling thread is the only one of its process: at its start, and after a fork.
pub fn alone() {
    for place in &JOINABLE {
        place.store(0, Ordering::Release);
    }
    replace(0, this());
}

/// Makes a thread of this process that runs `run`, see pthread_create(3); gives its `pthread_t`. What `run` gives is what
/// pthread_join(3) will tell.
///
/// # Errors
/// EAGAIN where a limit is reached.
pub fn create(detached: bool, run: Run) -> Result<u64, Errno> {
    extern "C" fn start(run: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: the pointer is that of `create`, which has left the box to this thread.
        let run = unsafe { Box::from_raw(run.cast::<Run>()) };
        run() as *mut libc::c_void
    }
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    // SAFETY: the structure is ours.
    code(unsafe { libc::pthread_attr_init(attributes.as_mut_ptr()) })?;
    let state = if detached { libc::PTHREAD_CREATE_DETACHED } else { libc::PTHREAD_CREATE_JOINABLE };
    // SAFETY: it was initialized above.
    code(unsafe { libc::pthread_attr_setdetachstate(attributes.as_mut_ptr(), state) })?;
    let run = Box::into_raw(Box::new(run));
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: `start` takes the box that `run` points to; nobody else does if the thread was made.
    let made = unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes.as_ptr(), start, run.cast()) };
    // SAFETY: as above; it is not used again.
    unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
    if let Err(errno) = code(made) {
        // SAFETY: there is no thread that would have taken it.
        drop(unsafe { Box::from_raw(run) });
        return Err(errno);
    }
    // SAFETY: pthread_create has succeeded, and has written it.
    let thread = unsafe { thread.assume_init() };
    if !detached {
        replace(0, thread);
    }
    Ok(thread)
}

/// Keeps this thread from being unwound by pthread_cancel(3): frames of Rust can't be.
pub fn disable_cancel() {
    let mut old = 0;
    // SAFETY: the old state goes to an int of ours.
    unsafe { c::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut old) };
}

/// Waits until a thread of this process has ended, and takes what it left, see pthread_join(3).
///
/// # Errors
/// EDEADLK for the caller itself or for one that joins the caller, EINVAL for one that may not be joined, or if another
/// joins it.
pub fn join(thread: u64) -> Result<u64, Errno> {
    if !joinable(thread) {
        return Err(Errno::EINVAL);
    }
    let mut value = std::ptr::null_mut();
    // SAFETY: the value is ours; the thread was neither joined nor detached, so its description is there.
    code(unsafe { libc::pthread_join(thread as libc::pthread_t, &raw mut value) })?;
    replace(thread, 0);
    Ok(value as u64)
}

/// Lets a thread's description go with it: nobody will join it, see pthread_detach(3).
///
/// # Errors
/// EINVAL if it is detached already, or was joined.
pub fn detach(thread: u64) -> Result<(), Errno> {
    if !replace(thread, 0) || thread == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the thread was neither joined nor detached, so its description is there.
    code(unsafe { libc::pthread_detach(thread as libc::pthread_t) })
}

/// Sends a signal to a thread of this process, see pthread_kill(3).
///
/// # Errors
/// ESRCH for one that may not be joined, of which nobody can say whether it is there; EINVAL for what is no signal.
pub fn kill(thread: u64, signal: i32) -> Result<(), Errno> {
    if !joinable(thread) {
        return Err(Errno::ESRCH);
    }
    // SAFETY: the thread was neither joined nor detached, so its description is there.
    code(unsafe { libc::pthread_kill(thread as libc::pthread_t, signal) })
}

/// The calling thread's own `pthread_t`, see pthread_self(3).
pub fn this() -> u64 {
    // SAFETY: takes nothing.
    unsafe { libc::pthread_self() }
}

/// The stack on which a thread ends that can't return to its start.
const STACK: usize = 64 << 10;

/// Ends the calling thread, be it the first of its process, see pthread_exit(3). No destructors run: the C library unwinds
/// the stack, which frames of Rust do not bear, so it gets a stack on which there are none.
pub fn exit(value: u64) -> ! {
    extern "C-unwind" fn end() {
        let value = LEAVES_WITH.get();
        // SAFETY: on this stack lies nothing but this frame, which owns nothing.
        unsafe { c::pthread_exit(value as *mut libc::c_void) }
    }
    LEAVES_WITH.set(value);
    let stack = Box::leak(vec![0_u8; STACK].into_boxed_slice());
    let mut context = MaybeUninit::<libc::ucontext_t>::uninit();
    // SAFETY: the structure is ours, and getcontext fills it.
    if unsafe { c::getcontext(context.as_mut_ptr()) } == 0 {
        // SAFETY: getcontext has filled it.
        let mut context = unsafe { context.assume_init() };
        context.uc_stack.ss_sp = stack.as_mut_ptr().cast();
        context.uc_stack.ss_size = stack.len();
        context.uc_link = std::ptr::null_mut();
        // SAFETY: the stack is ours for good, and `end` takes no argument.
        unsafe { c::makecontext(&raw mut context, end, 0) };
        // SAFETY: the context was made just now; what is left behind on the present stack is leaked.
        unsafe { c::setcontext(&raw const context) };
    }
    super::process::exit_now(127)
}

thread_local! {
    static LEAVES_WITH: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// The functions of POSIX threads give their error as their result.
fn code(result: libc::c_int) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(Errno::from_raw(result)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::{How, exit_now};
    use crate::kernel::testing::in_child;

    #[test]
    fn a_thread_gives_what_it_leaves_to_one_who_joins() {
        let how = in_child(|| {
            let thread = create(false, Box::new(|| u64::MAX - 1)).unwrap();
            let (joined, again) = (join(thread), join(thread));
            alone();
            let detached = create(true, Box::new(|| 0)).unwrap();
            i32::from(joined != Ok(u64::MAX - 1))
                | i32::from(join(this()) != Err(Errno::EDEADLK)) << 1
                | i32::from(again != Err(Errno::EINVAL) || detach(thread) != Err(Errno::EINVAL)) << 2
                | i32::from(join(detached) != Err(Errno::EINVAL)) << 3
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn a_signal_reaches_the_thread_that_is_named() {
        use crate::kernel::signal::{sigprocmask, sigwaitinfo};
        let how = in_child(|| {
            let set = 1 << (libc::SIGUSR1 - 1);
            let _ = sigprocmask(libc::SIG_BLOCK, Some(set));
            alone();
            // Both block it and wait for it: who is not named would take it just as well.
            let waits = move || sigwaitinfo(set, None).map_or(0, |info| info.signal as u64);
            let thread = create(false, Box::new(waits)).unwrap();
            let asked = kill(thread, 0);
            let sent = kill(thread, libc::SIGUSR1);
            let wrong = kill(this(), 65);
            let own = sigwaitinfo(set, Some(0));
            let took = join(thread);
            i32::from(asked != Ok(()) || sent != Ok(()))
                | i32::from(wrong != Err(Errno::EINVAL)) << 1
                | i32::from(own != Err(Errno::EAGAIN)) << 2
                | i32::from(took != Ok(libc::SIGUSR1 as u64)) << 3
                | i32::from(kill(thread, 0) != Err(Errno::ESRCH)) << 4
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn a_thread_may_end_from_within_frames_that_own_things() {
        let how = in_child(|| {
            let thread = create(
                false,
                Box::new(|| {
                    let owned = String::from("leaked");
                    disable_cancel();
                    exit(owned.len() as u64)
                }),
            )
            .unwrap();
            i32::from(join(thread) != Ok(6))
        });
        assert_eq!(how, How::Exited(0));
    }

    #[test]
    fn the_process_outlives_its_first_thread() {
        let how = in_child(|| {
            static FIRST: AtomicU64 = AtomicU64::new(0);
            alone();
            FIRST.store(this(), Ordering::Release);
            create(
                false,
                Box::new(|| match join(FIRST.load(Ordering::Acquire)) {
                    Ok(7) => exit_now(3),
                    _ => exit_now(1),
                }),
            )
            .unwrap();
            exit(7)
        });
        assert_eq!(how, How::Exited(3));
        let how = in_child(|| {
            create(true, Box::new(|| 0)).unwrap();
            exit(9)
        });
        assert_eq!(how, How::Exited(0), "the last thread that ends ends the process, with 0");
    }
}
