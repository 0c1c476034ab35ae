//! The terminal guard: takes the terminal, and gives it back whole however the program ends.
//!
//! All that is set is undone by one [`restore`], which may be called from any path and any number of times: dropping
//! the [`Guard`], the panic hook, a signal, a stop. Only the thread that took the terminal acts on a panic; the panics
//! of other threads are sent to the event loop, for the screen is not theirs to leave.
//!
//! Endings by SIGTERM, SIGHUP, SIGINT and SIGQUIT restore the terminal and then let the signal kill the process, so
//! that whoever waits for it learns the truth; a shell shows 128 + the number of the signal.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use anyhow::Context as _;
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::sys::termios::{SetArg, SpecialCharacterIndices, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, getpid, getsid, tcgetpgrp};

/// What was set, and what it was before.
struct Held {
    before: Termios,
    owner: ThreadId,
}

static HELD: Mutex<Option<Held>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Alternate screen, cleared; cursor hidden; bracketed paste.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l\x1b[?2004h";
/// Ends a synchronized update, every mouse mode, focus reports and bracketed paste, resets attributes, shows the
/// cursor and leaves the alternate screen. Undoing what was never set does no harm, so there is but one list.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\
\x1b[0m\x1b[?25h\x1b[?1049l";
/// Reports presses, releases and the wheel, in SGR form.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Why the terminal could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// Standard input or output is something else than a terminal.
    #[error("{0} is not a terminal; `--plain` shows the same as lines of text")]
    NotATerminal(&'static str),
    /// The process runs in the background, and no shell could bring it forward.
    #[error("the terminal belongs to another process group, and there is no shell that could bring this one forward")]
    Background,
    /// The terminal refused.
    #[error("the terminal can't be set up")]
    Io(#[from] io::Error),
}

/// Holds the terminal; gives it back when dropped.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal: raw mode, alternate screen, no cursor, bracketed paste.
    ///
    /// In the background it stops first, as any program does that reads its terminal, until the shell brings it
    /// forward.
    pub fn take() -> Result<Self, TakeError> {
        if !io::stdin().is_terminal() {
            return Err(TakeError::NotATerminal("standard input"));
        }
        if !io::stdout().is_terminal() {
            return Err(TakeError::NotATerminal("standard output"));
        }
        wait_for_foreground()?;
        enter()?;
        Ok(Self(()))
    }

    /// Stops the process group as Ctrl-Z would, and takes the terminal again once it is brought forward.
    ///
    /// Does nothing and returns false where no shell watches the group: nobody could continue it.
    pub fn stop(&self) -> Result<bool, TakeError> {
        if !job_control() {
            return Ok(false);
        }
        restore();
        continue_children();
        {
            // A thread that waits for a child's exec does not stop, and with it not the process.
            let _nobody_starts = crate::stage::no_start();
            // SIGSTOP and not SIGTSTP, which our own handler would turn into another request to stop.
            raise(Signal::SIGSTOP).map_err(io::Error::from)?;
        }
        wait_for_foreground()?;
        enter()?;
        Ok(true)
    }

    /// Turns reports of the mouse on or off.
    pub fn mouse(&self, on: bool) -> io::Result<()> {
        write_all(if on { MOUSE_ON } else { MOUSE_OFF })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

fn enter() -> io::Result<()> {
    let stdin = io::stdin();
    let mut held = held();
    let before = tcgetattr(stdin.as_fd())?;
    let mut raw = before.clone();
    cfmakeraw(&mut raw);
    raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
    raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
    hold_back_ttou(true);
    if let Err(error) = tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &raw) {
        hold_back_ttou(false);
        return Err(error.into());
    }
    *held = Some(Held { before, owner: thread::current().id() });
    drop(held);
    write_all(ENTER)
}

/// Gives the terminal back as it was found. Safe to call at any time, from any thread, any number of times.
pub fn restore() {
    let Some(Held { before, .. }) = held().take() else { return };
    hold_back_ttou(true);
    // A terminal that is gone can't be restored, and this is no place to fail.
    let _ = write_all(LEAVE);
    let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSANOW, &before);
    hold_back_ttou(false);
}

/// Whether this thread holds the terminal.
fn is_owner() -> bool {
    held().as_ref().is_some_and(|h| h.owner == thread::current().id())
}

/// While it is held back, restoring from the background can't stop us: the kernel lets a blocked SIGTTOU pass.
fn hold_back_ttou(on: bool) {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTTOU);
    let _ = if on { set.thread_block() } else { set.thread_unblock() };
}

/// Writes to the terminal past every buffer.
pub(super) fn write_all(bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    let mut left = bytes;
    while !left.is_empty() {
        match nix::unistd::write(stdout.as_fd(), left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => left = &left[n..],
            Err(nix::errno::Errno::EINTR) => {}
            Err(nix::errno::Errno::EAGAIN) => wait_writable(&stdout)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The terminal may have been left non-blocking by whoever shares it.
fn wait_writable(stdout: &impl AsFd) -> io::Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    match poll(&mut [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether our process group may use the terminal. A terminal that controls no session asks no such question.
fn in_foreground() -> bool {
    tcgetpgrp(io::stdin()).map_or(true, |group| group == getpgrp())
}

fn wait_for_foreground() -> Result<(), TakeError> {
    while !in_foreground() {
        if !job_control() {
            return Err(TakeError::Background);
        }
        // The whole group, so that a wrapper such as `cargo run` stops with us and the shell takes notice.
        kill(Pid::from_raw(0), Signal::SIGTTIN).map_err(io::Error::from)?;
    }
    Ok(())
}

/// Whether some process of our session, but of another group, is the parent of our group: a shell that could continue
/// it. The kernel calls a group without one orphaned and lets no stop from the keyboard reach it.
pub(super) fn job_control() -> bool {
    let (group, Ok(session)) = (getpgrp(), getsid(None)) else { return false };
    let mut pid = getpid();
    while let Some(parent) = parent_of(pid) {
        if getsid(Some(parent)) != Ok(session) {
            return false;
        }
        match nix::unistd::getpgid(Some(parent)) {
            Ok(g) if g == group => pid = parent,
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
    false
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, parentheses too.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    (parent > 0).then(|| Pid::from_raw(parent))
}

/// Asks our whole process group to stop, as the terminal does on Ctrl-Z when it is not raw.
pub(super) fn request_stop() -> anyhow::Result<()> {
    let _nobody_starts = crate::stage::no_start();
    kill(Pid::from_raw(0), Signal::SIGTSTP).context("the process group can't be stopped")
}

/// Lets our children go on, and takes back stops that have not reached them yet. One that a stop for the whole group met
/// between its fork and its exec is in a group of its own by the time that it stops, which no shell continues; and until
/// it goes on its start does not end.
fn continue_children() {
    let own = nix::unistd::getpid().as_raw();
    for child in crate::kernel::proc::children(own).unwrap_or_default() {
        let _ = kill(Pid::from_raw(child), Signal::SIGCONT);
    }
}

/// Makes a panic give the terminal back before its message is printed, and hands panics of threads that don't hold the
/// terminal to `elsewhere` as one line, unprinted.
pub fn hook_panics(elsewhere: impl Fn(String) + Send + Sync + 'static) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if is_owner() {
            restore();
        } else if held().is_some() {
            let thread = thread::current().name().unwrap_or("without a name").to_owned();
            elsewhere(format!("thread {thread}: {info}").replace('\n', " "));
            return;
        }
        before(info);
    }));
}

/// Collects what a frame writes, to be sent as one synchronized update.
#[derive(Debug, Clone, Default)]
pub struct FrameWriter(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl FrameWriter {
    /// Sends what was collected; nothing at all if nothing was.
    pub fn send(&self) -> io::Result<()> {
        let mut bytes = self.0.borrow_mut();
        // Each frame without a cursor begins by hiding it again, and may hold nothing else.
        if bytes.is_empty() || *bytes == b"\x1b[?25l" {
            bytes.clear();
            return Ok(());
        }
        let mut frame = Vec::with_capacity(bytes.len() + 16);
        frame.extend_from_slice(b"\x1b[?2026h");
        frame.append(&mut bytes);
        frame.extend_from_slice(b"\x1b[?2026l");
        write_all(&frame)
    }
}

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
