//! One task: whether it runs, and in which call it sleeps.

use std::fs::File;

use nix::errno::Errno;

use super::{number, read_line};
use crate::kernel::{Result, SysResultExt};

/// What a task is doing, from /proc/PID/syscall. The kernel reads number and arguments between two looks at the
/// task's switch count, so they belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syscall {
    /// It runs, or could.
    Running,
    /// It sleeps in a system call.
    Blocked {
        /// The call's number. After a stop, a timed call shows as `restart_syscall` with its old arguments.
        nr: i64,
        /// The six argument registers; those beyond the call's own arguments hold anything.
        args: [u64; 6],
        /// Its stack pointer.
        sp: u64,
        /// Its program counter.
        pc: u64,
    },
    /// It sleeps outside any system call, in a page fault for one.
    Outside,
    /// The kernel does not tell: it is a zombie, or we may not look at it.
    Denied,
    /// There is no such task any more.
    Gone,
}

/// What /proc/PID/stat says, as far as it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `R` runs, `S` sleeps, `D` sleeps deeply, `T` stopped, `t` traced, `Z` zombie, `X` dead.
    pub state: char,
    /// Its parent's pid; 0 if that is outside our pid namespace.
    pub ppid: i32,
    /// The id of its process group: its leader's pid.
    pub pgrp: i32,
    /// The id of its session: its leader's pid.
    pub session: i32,
    /// When it started, in clock ticks since the machine did. With the pid it names a process for good.
    pub start_ticks: u64,
    /// How a zombie ended, in the form of waitpid(2); 0 for any other, and for one that we may not look at.
    pub exit_status: i32,
}

/// How a task is scheduled, from /proc/PID/stat and schedstat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scheduling {
    /// Its policy, as sched_getscheduler(2) tells it.
    pub policy: i32,
    /// Its realtime priority; 0 if it has none.
    pub priority: i64,
    /// Its niceness.
    pub nice: i64,
    /// How long it has run, in ns.
    pub cpu_ns: u64,
}

/// A task whose procfs files are kept open.
#[derive(Debug)]
pub struct Task {
    pid: i32,
    tid: i32,
    syscall: Option<File>,
    schedstat: Option<File>,
    stat: File,
}

impl Task {
    /// The main task of a process.
    pub fn open(pid: i32) -> Result<Self> {
        Self::thread(pid, pid)
    }

    /// One thread of a process.
    ///
    /// # Errors
    /// ENOENT if there is none. Files that the kernel lacks or denies are no error: what they would tell is absent.
    pub fn thread(pid: i32, tid: i32) -> Result<Self> {
        let base = if pid == tid { format!("/proc/{pid}") } else { format!("/proc/{pid}/task/{tid}") };
        let stat = File::open(format!("{base}/stat")).on("open", format!("{base}/stat"))?;
        let optional = |name| File::open(format!("{base}/{name}")).ok();
        Ok(Self { pid, tid, syscall: optional("syscall"), schedstat: optional("schedstat"), stat })
    }

    /// The process that it belongs to.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// Its own id; that of the process for the main task.
    pub const fn tid(&self) -> i32 {
        self.tid
    }

    /// The call in which it sleeps.
    pub fn syscall(&self) -> Syscall {
        let Some(file) = &self.syscall else { return Syscall::Denied };
        match read_line::<256>(file) {
            Ok((line, length)) => std::str::from_utf8(&line[..length]).map_or(Syscall::Denied, parse_syscall),
            Err(Errno::ESRCH | Errno::ENOENT) => Syscall::Gone,
            Err(_) => Syscall::Denied,
        }
    }

    /// How often it has been given a processor (the third number of schedstat). If this has not changed, the task
    /// has not run in between. `None` if it is gone, or the kernel keeps no such count.
    pub fn switches(&self) -> Option<u64> {
        let (line, length) = read_line::<128>(self.schedstat.as_ref()?).ok()?;
        parse_schedstat(std::str::from_utf8(&line[..length]).ok()?)
    }

    /// Whether it sleeps, if its state says so. Who was woken by a signal shows `S` once more for a moment, on its way out
    /// of the call in which it waited: it says that it will sleep before it looks whether it may (prepare_to_wait in
    /// kernel/sched/wait.c). `rested` is its switch count when it was last found at rest: who has not run since can't be on
    /// that way, and need not be asked again.
    pub fn rests(&self, rested: &mut Option<u64>) -> bool {
        let switches = self.switches();
        if switches.is_some() && switches == *rested {
            return true;
        }
        // The kernel tells the call only of one that is off its processor.
        let off = matches!(self.syscall(), Syscall::Blocked { .. } | Syscall::Denied);
        let rests = off && self.switches() == switches;
        *rested = switches.filter(|_| rests);
        rests
    }

    /// Whether it stands still, if its state says that it is stopped: it says so before it has told its parent
    /// (do_signal_stop in kernel/signal.c). `rested` as above.
    pub fn stands(&self, rested: &mut Option<u64>) -> bool {
        let switches = self.switches();
        if switches.is_some() && switches == *rested {
            return true;
        }
        let stands = !matches!(self.syscall(), Syscall::Running) && self.switches() == switches;
        *rested = switches.filter(|_| stands);
        stands
    }

    /// Its state, parent and start; `None` if it is gone.
    pub fn stat(&self) -> Option<Stat> {
        let (line, length) = read_line::<1024>(&self.stat).ok()?;
        parse_stat(&String::from_utf8_lossy(&line[..length]))
    }

    /// How it is scheduled; `None` if it is gone, or the kernel keeps no account of its time.
    pub fn scheduling(&self) -> Option<Scheduling> {
        let (line, length) = read_line::<1024>(&self.stat).ok()?;
        let (time, time_length) = read_line::<128>(self.schedstat.as_ref()?).ok()?;
        let time = std::str::from_utf8(&time[..time_length]).ok()?;
        parse_scheduling(&String::from_utf8_lossy(&line[..length]), time)
    }

    /// Its state letter; `X` if it is gone.
    pub fn state(&self) -> char {
        self.stat().map_or('X', |stat| stat.state)
    }
}

fn parse_syscall(line: &str) -> Syscall {
    let mut words = line.split_ascii_whitespace();
    let nr = match words.next() {
        Some("running") => return Syscall::Running,
        Some(word) => word.parse::<i64>(),
        None => return Syscall::Gone,
    };
    let mut next = || words.next().and_then(|word| number(word.strip_prefix("0x")?, 16));
    let blocked = || {
        let nr = nr.ok()?;
        if nr < 0 {
            return Some(Syscall::Outside);
        }
        let mut args = [0; 6];
        for arg in &mut args {
            *arg = next()?;
        }
        Some(Syscall::Blocked { nr, args, sp: next()?, pc: next()? })
    };
    blocked().unwrap_or(Syscall::Denied)
}

fn parse_schedstat(line: &str) -> Option<u64> {
    line.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// The name of a program may hold blanks and parentheses, so the fields are counted from the last `)`.
fn parse_stat(line: &str) -> Option<Stat> {
    let mut words = line[line.rfind(')')? + 1..].split_ascii_whitespace();
    let state = words.next()?.chars().next()?;
    let ppid = words.next()?.parse().ok()?;
    let pgrp = words.next()?.parse().ok()?;
    let session = words.next()?.parse().ok()?;
    let start_ticks = words.nth(15)?.parse().ok()?;
    let exit_status = words.nth(29).and_then(|word| word.parse().ok()).unwrap_or(0);
    Some(Stat { state, ppid, pgrp, session, start_ticks, exit_status })
}

fn parse_scheduling(stat: &str, schedstat: &str) -> Option<Scheduling> {
    let mut words = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let nice = words.nth(16)?.parse().ok()?;
    let priority = words.nth(20)?.parse().ok()?;
    let policy = words.next()?.parse().ok()?;
    let cpu_ns = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Scheduling { policy, priority, nice, cpu_ns })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::kernel::process::{self, Fork};
    use crate::kernel::shared::Shared;

    #[test]
    fn reads_a_syscall_line() {
        let args = [3, 0x7ffc_0000_1000, 100, 0, 0xffff_ffff_ffff_ffff, 1];
        let table = [
            ("running\n", Syscall::Running),
            (
                "0 0x3 0x7ffc00001000 0x64 0x0 0xffffffffffffffff 0x1 0x7ffc12345678 0x7f0000000001\n",
                Syscall::Blocked { nr: 0, args, sp: 0x7ffc_1234_5678, pc: 0x7f00_0000_0001 },
            ),
            ("-1 0x7ffc12345678 0x7f0000000001\n", Syscall::Outside),
            ("", Syscall::Gone),
            ("0 0x3\n", Syscall::Denied),
            ("none\n", Syscall::Denied),
        ];
        for (line, expected) in table {
            assert_eq!(parse_syscall(line), expected, "{line:?}");
        }
    }

    #[test]
    fn reads_stat_whatever_the_name() {
        let rest = "S 41 42 42 0 -1 4194304 103 0 0 0 0 0 0 0 20 0 1 0 123456 2334720 209 18446744073709551615 \
                    1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 1280";
        let (ppid, pgrp, session, exit_status) = (41, 42, 42, 1280);
        let expected = Stat { state: 'S', ppid, pgrp, session, start_ticks: 123_456, exit_status };
        for name in ["cat", "a b", "x) R 1 (y", ")"] {
            let stat = parse_stat(&format!("42 ({name}) {rest}\n"));
            assert_eq!(stat, Some(expected), "{name}");
        }
        let realtime = rest.replace("17 1 0 0 0", "17 1 10 1 0").replace("20 0 1 0", "-11 -5 1 0");
        let expected = Scheduling { policy: 1, priority: 10, nice: -5, cpu_ns: 1234 };
        assert_eq!(parse_scheduling(&format!("42 (a) b) {realtime}\n"), "1234 56 78\n"), Some(expected));
        assert_eq!(parse_stat("42 (cat) S"), None);
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_schedstat("1234 56 78\n"), Some(78));
        assert_eq!(parse_schedstat("1234 56\n"), None);
    }

    /// So many dead children a waiter looks through each time, and so many signals it is sent.
    const DEAD: u32 = 400;
    const SIGNALS: u32 = 1000;

    /// How often the handler has run, in the process that is watched.
    static HANDLED: AtomicU32 = AtomicU32::new(0);

    extern "C" fn count(_signal: i32) {
        HANDLED.fetch_add(1, SeqCst);
    }

    /// Where the two speak: what was handled, whether to end, whether all is ready.
    const SEEN: usize = 0;
    const END: usize = 4;
    const READY: usize = 8;

    /// Waits for a child to stop, which none does, again and again. Who waits so says that it sleeps, and only then looks
    /// through its children: with many of them it shows `S` for a long time while it runs.
    fn wait_among_many(shared: &Shared) -> i32 {
        use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
        use nix::sys::wait::{Id, WaitPidFlag, waitid};
        let handler = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does nothing but to add to an atomic.
        unsafe { sigaction(Signal::SIGUSR1, &handler) }.unwrap();
        // Somebody must be left who could stop.
        let Fork::Parent(alive) = process::fork().unwrap() else {
            nix::unistd::pause();
            process::exit_now(0);
        };
        for _ in 0..DEAD {
            if matches!(process::fork().unwrap(), Fork::Child) {
                process::exit_now(0);
            }
        }
        shared.word32(READY).store(1, SeqCst);
        while shared.word32(END).load(SeqCst) == 0 {
            let _interrupted = waitid(Id::All, WaitPidFlag::WSTOPPED);
            shared.word32(SEEN).store(HANDLED.load(SeqCst), SeqCst);
        }
        process::kill(alive, libc::SIGKILL).unwrap();
        while process::waitpid(-1, 0).is_ok() {}
        0
    }

    #[test]
    fn one_on_its_way_out_of_a_call_does_not_rest() {
        let shared = Shared::new(12).unwrap();
        let pid = crate::kernel::testing::start(|| wait_among_many(&shared));
        let task = Task::open(pid).unwrap();
        let word = |at| shared.word32(at).load(SeqCst);
        let deadline = Instant::now() + Duration::from_secs(60);
        let late = || Instant::now() > deadline;
        let mut rested = None;
        let mut at_rest = || task.state() == 'S' && task.rests(&mut rested);
        while !late() && (word(READY) == 0 || !at_rest()) {
            std::thread::yield_now();
        }
        let mut wrong = 0;
        for sent in 1..=SIGNALS {
            process::kill(pid, libc::SIGUSR1).unwrap();
            while !late() && !at_rest() {}
            // It can't rest before its handler has run.
            wrong += u32::from(word(SEEN) < sent);
            while !late() && word(SEEN) < sent {
                std::thread::yield_now();
            }
        }
        shared.word32(END).store(1, SeqCst);
        process::kill(pid, libc::SIGUSR1).unwrap();
        let end = process::waitpid(pid, 0).unwrap();
        assert_eq!(wrong, 0, "taken to be at rest with a signal to handle");
        assert_eq!(end, Some((pid, process::How::Exited(0))));
    }

    #[test]
    fn tells_a_sleeping_child_from_a_running_self_and_a_dead_one() {
        use std::process::{Command, Stdio};
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let task = Task::open(child.id() as i32).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let asleep = loop {
            match task.syscall() {
                Syscall::Blocked { nr, args, .. } if nr == libc::SYS_read && args[0] == 0 => break true,
                _ if Instant::now() > deadline => break false,
                _ => std::thread::yield_now(),
            }
        };
        let (before, after) = (task.switches(), task.switches());
        let stat = task.stat();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(asleep, "never seen asleep");
        assert!(before.is_some() && before == after, "a sleeper has run: {before:?} {after:?}");
        assert_eq!(stat.map(|s| (s.state, s.ppid)), Some(('S', std::process::id() as i32)));
        assert_eq!((task.syscall(), task.switches(), task.state()), (Syscall::Gone, None, 'X'));
        assert_eq!(Task::open(child.id() as i32).unwrap_err().errno, Errno::ENOENT);

        let this = Task::thread(std::process::id() as i32, nix::unistd::gettid().as_raw()).unwrap();
        assert_eq!(this.state(), 'R');
        assert!(matches!(this.syscall(), Syscall::Blocked { nr: libc::SYS_pread64, .. }), "it reads itself");
    }
}
