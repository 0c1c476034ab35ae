//! Two processes, each on its processor, and the wait for their end.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::control::Control;
use super::transport::{Side, Trouble};
use crate::kernel::borrow::pidfd_open;
use crate::kernel::process::{Fork, How, die_with_parent, exit_now, fork, kill, waitpid};

/// Why a measurement has no figures.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was asked to end.
    Asked,
    /// It could not be done.
    Trouble(Trouble),
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// Lives both sides in processes of their own, on these processors, until both have ended. Ends them when `stop` has
/// something to read or is closed, when one fails, and when the time is up. Reaps them in any case.
pub(super) fn run(
    control: &Control,
    cpus: [usize; 2],
    stop: BorrowedFd<'_>,
    limit: Duration,
    mut life: impl FnMut(Side, i32) -> Result<(), Trouble>,
) -> Result<(), Ended> {
    let keeper = std::process::id() as i32;
    let mut processes = Processes(Vec::new());
    for side in Side::BOTH {
        match fork().map_err(|errno| Trouble::new("fork", errno))? {
            Fork::Child => {
                let alive = die_with_parent(Signal::SIGKILL, keeper).unwrap_or(false);
                let mut live = || {
                    pin(cpus[side.index()])?;
                    let peer = control.meet(side)?;
                    life(side, peer)
                };
                let lived = catch_unwind(AssertUnwindSafe(|| if alive { live() } else { Ok(()) }));
                let trouble = lived.unwrap_or_else(|_| Err(Trouble("a defect of ours: it panicked".to_owned())));
                // No destructor runs in here: what they would remove is the keeper's to remove.
                match trouble {
                    Ok(()) => exit_now(0),
                    Err(trouble) => {
                        control.complain(&trouble);
                        exit_now(1)
                    }
                }
            }
            Fork::Parent(pid) => processes.0.push(Process { pid, pidfd: None }),
        }
    }
    processes.watch(control, stop, limit)
}

fn pin(cpu: usize) -> Result<(), Trouble> {
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|errno| Trouble::new("sched_setaffinity", errno))
}

struct Process {
    pid: i32,
    pidfd: Option<OwnedFd>,
}

/// Those that have not been reaped. Dropping it kills and reaps them.
struct Processes(Vec<Process>);

impl Processes {
    fn watch(&mut self, control: &Control, stop: BorrowedFd<'_>, limit: Duration) -> Result<(), Ended> {
        for process in &mut self.0 {
            process.pidfd = Some(pidfd_open(process.pid).map_err(|error| Trouble(error.to_string()))?);
        }
        let deadline = Instant::now() + limit;
        while !self.0.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Trouble(format!("it did not come to its end within {} s", limit.as_secs())).into());
            }
            let mut watched = vec![PollFd::new(stop, PollFlags::POLLIN)];
            let pidfds = self.0.iter().filter_map(|process| process.pidfd.as_ref());
            watched.extend(pidfds.map(|pidfd| PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)));
            match poll(&mut watched, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(errno) => return Err(Trouble::new("poll", errno).into()),
            }
            let ready: Vec<bool> = watched.iter().map(|fd| fd.any().unwrap_or(false)).collect();
            if ready[0] {
                return Err(Ended::Asked);
            }
            for index in (0..self.0.len()).rev().filter(|index| ready[index + 1]) {
                let ended = self.0.swap_remove(index);
                match waitpid(ended.pid, 0) {
                    Ok(Some((_, How::Exited(0)))) => {}
                    Ok(how) => {
                        let unknown = || Trouble(format!("one of the two processes ended early: {how:?}"));
                        return Err(control.complaint().unwrap_or_else(unknown).into());
                    }
                    Err(errno) => return Err(Trouble::new("waitpid", errno).into()),
                }
            }
        }
        Ok(())
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill(process.pid, libc::SIGKILL);
        }
        for process in self.0.drain(..) {
            let _ = waitpid(process.pid, 0);
        }
    }
}
