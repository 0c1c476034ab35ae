//! The side of whoever wants something measured: it starts the keeper, reads what it tells, and can end it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use super::figures::{Limit, Load, Run};
use super::keeper;
use super::machine::Machine;
use super::plan::{Plan, Step};
use crate::kernel::borrow;
use crate::stage::no_start;

/// How long the keeper may take to end once it is told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the keeper tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It begins.
    Begun {
        /// What is measured on.
        machine: Machine,
        /// How many limits and measurements there will be.
        of: usize,
    },
    /// A limit of the machine has been measured.
    Limit(Limit),
    /// This is being measured.
    Now(Step),
    /// A measurement is over.
    Run(Run),
    /// Nothing can be measured.
    Failed(String),
    /// It is at its end.
    Over {
        /// What else the machine did all the while.
        load: Load,
        /// Whether all was measured that should be.
        whole: bool,
    },
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The keeper tells something.
    Event(Box<Event>),
    /// There is something to read from what was also waited for.
    Asked,
    /// The keeper has ended.
    Ended,
}

/// Ends what is being measured. Clones end the same.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Mutex<Option<ChildStdin>>>);

impl Stop {
    /// Tells the keeper to end. What it tells until then can still be read.
    pub fn stop(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Something that is being measured. Dropping it ends it, and returns when nothing is left of it.
#[derive(Debug)]
pub struct Measuring {
    keeper: Child,
    out: ChildStdout,
    stop: Stop,
    pending: Vec<u8>,
    lines: VecDeque<Vec<u8>>,
}

impl Measuring {
    /// Starts the keeper, by this path of our own program.
    ///
    /// # Errors
    /// Of the start.
    pub fn start(launcher: &Path, plan: &Plan) -> io::Result<Self> {
        let mut keeper = {
            let _guard = no_start();
            Command::new(launcher)
                .arg(keeper::HIDDEN)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                // A Ctrl-C at the terminal is for us, who tell it to end.
                .process_group(0)
                .spawn()?
        };
        let stdin = keeper.stdin.take();
        let (Some(mut stdin), Some(out)) = (stdin, keeper.stdout.take()) else {
            return Err(io::Error::other("the keeper has no pipes"));
        };
        let mut line = serde_json::to_vec(plan)?;
        line.push(b'\n');
        let written = stdin.write_all(&line);
        let stop = Stop(Arc::new(Mutex::new(Some(stdin))));
        let measuring = Self { keeper, out, stop, pending: Vec::new(), lines: VecDeque::new() };
        written.map(|()| measuring)
    }

    /// What ends it.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Waits for what comes next: from the keeper, or from a descriptor of the caller's.
    pub fn next(&mut self, also: Option<BorrowedFd<'_>>) -> Next {
        loop {
            while let Some(line) = self.lines.pop_front() {
                // What can't be read was written by another version of the program; there is none.
                if let Ok(event) = serde_json::from_slice(&line) {
                    return Next::Event(Box::new(event));
                }
            }
            let mut watched = vec![PollFd::new(self.out.as_fd(), PollFlags::POLLIN)];
            watched.extend(also.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
            match poll(&mut watched, PollTimeout::NONE) {
                Ok(_) => {}
                Err(nix::Error::EINTR) => continue,
                Err(_) => return Next::Ended,
            }
            let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            if ready.get(1) == Some(&true) {
                return Next::Asked;
            }
            let mut chunk = [0; 16_384];
            match self.out.read(&mut chunk) {
                Ok(0) => return Next::Ended,
                Ok(count) => self.take(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Next::Ended,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = self.pending.drain(..=end).collect();
            line.pop();
            self.lines.push_back(line);
        }
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        self.stop.stop();
        let pid = self.keeper.id() as i32;
        let in_time = borrow::pidfd_open(pid).is_ok_and(|pidfd| borrow::ends_within(pidfd, PATIENCE));
        if !in_time {
            let _ = self.keeper.kill();
        }
        let _ = self.keeper.wait();
    }
}
