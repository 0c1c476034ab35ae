//! What the rows are compared with: the bare thing, done by a process of its own that has one thread, like a director.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use ipclab::kernel::apart::{self, fork_into};
use ipclab::kernel::arena::{Arena, Record, Writer};
use ipclab::kernel::clock::monotonic_ns;
use ipclab::kernel::fd;
use ipclab::kernel::process::{self, Fork};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, getgid, getuid, pipe};

/// The word that makes this program serve.
pub(super) const HIDDEN: &str = "bare";

/// Bytes of an order and of a reply like those of the step row.
const ORDER: usize = 64;
const REPLY: usize = 16;
/// Rounds of ping-pong before the clock is read.
const WARM: u64 = 100;

/// The serving process, seen from the bench.
pub(super) struct Bare {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Bare {
    pub(super) fn start() -> anyhow::Result<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).arg(HIDDEN).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asks = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?);
        Ok(Self { child, asks, answers })
    }

    fn ask(&mut self, what: &str) -> anyhow::Result<Vec<f64>> {
        writeln!(self.asks, "{what}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if let Some(error) = line.strip_prefix("error ") {
            bail!("{}", error.trim());
        }
        line.split_ascii_whitespace().map(|word| Ok(word.parse()?)).collect()
    }

    fn one(&mut self, what: &str) -> anyhow::Result<f64> {
        self.ask(what)?.first().copied().context("no answer")
    }

    /// Nanoseconds of the bare sequence: unshare, mounts, two forks, until the second child speaks.
    pub(super) fn stage(&mut self) -> anyhow::Result<f64> {
        self.one("stage")
    }

    /// Nanoseconds of each of `count` control round trips: an order, a call, a reply, over a socket pair. `apart`: the
    /// ends are kept on two processors, else the kernel puts them where it likes, and soon both on one.
    pub(super) fn trips(&mut self, count: usize, apart: bool) -> anyhow::Result<Vec<f64>> {
        self.ask(&format!("{} {count}", if apart { "apart" } else { "trips" }))
    }

    /// Processor time of both ends, in nanoseconds, for `rounds` of ping-pong over two pipes on one processor;
    /// `records`: each call is reported.
    pub(super) fn ping_pong(&mut self, rounds: u64, records: bool) -> anyhow::Result<f64> {
        self.one(&format!("{} {rounds}", if records { "records" } else { "plain" }))
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of the serving process.
pub(super) fn serve() -> ExitCode {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let (what, count) = line.split_once(' ').unwrap_or((&line, "0"));
        let count = count.parse().unwrap_or(0);
        let answer = match what {
            "stage" => open_stage().map(|ns| vec![ns]),
            "trips" => trips(count, false),
            "apart" => trips(count, true),
            "plain" => ping_pong(count, false).map(|ns| vec![ns]),
            "records" => ping_pong(count, true).map(|ns| vec![ns]),
            _ => Err(anyhow::anyhow!("unknown: {what}")),
        };
        match answer {
            Ok(values) => {
                let words: Vec<String> = values.iter().map(ToString::to_string).collect();
                println!("{}", words.join(" "));
            }
            Err(error) => println!("error {error:#}"),
        }
    }
    ExitCode::SUCCESS
}

fn forked<T>(what: impl FnOnce() -> T) -> anyhow::Result<i32> {
    match process::fork()? {
        Fork::Child => {
            what();
            process::exit_now(0)
        }
        Fork::Parent(pid) => Ok(pid),
    }
}

fn open_stage() -> anyhow::Result<f64> {
    let (heard, tells) = pipe()?;
    let start = Instant::now();
    // The first fork stands between, as the stage's own does.
    let between = forked(|| isolate(&tells))?;
    let mut byte = [0; 1];
    let n = fd::read(heard.as_raw_fd(), &mut byte)?;
    let took = start.elapsed().as_nanos() as f64;
    process::waitpid(between, 0)?;
    if n != 1 || byte != *b"y" {
        bail!("this machine does not let an ordinary user isolate anything");
    }
    Ok(took)
}

fn isolate(tells: &OwnedFd) {
    let namespaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS;
    let Ok((mapped, maps)) = pipe() else { return };
    match fork_into(namespaces) {
        Ok(Fork::Child) => {
            let _ = fd::read(mapped.as_raw_fd(), &mut [0; 1]);
            let word = if furnish().is_ok() { b"y" } else { b"n" };
            if forked(|| fd::write(tells.as_raw_fd(), word)).is_ok() {
                let _ = process::waitpid(-1, 0);
            }
            process::exit_now(0)
        }
        Ok(Fork::Parent(pid)) => {
            let write = |file: &str, text: String| std::fs::write(format!("/proc/{pid}/{file}"), text);
            let _ = write("setgroups", "deny".to_owned());
            let _ = write("uid_map", format!("{0} {0} 1", getuid()));
            let _ = write("gid_map", format!("{0} {0} 1", getgid()));
            let _ = fd::write(maps.as_raw_fd(), b"g");
            let _ = process::waitpid(pid, 0);
        }
        Err(_) => {
            let _ = fd::write(tells.as_raw_fd(), b"n");
        }
    }
}

fn furnish() -> anyhow::Result<()> {
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    let fresh = |kind: &str, at: &str| mount(Some(kind), at, Some(kind), MsFlags::MS_NOSUID, none);
    fresh("proc", "/proc")?;
    fresh("tmpfs", "/tmp")?;
    fresh("tmpfs", "/dev/shm")?;
    let _ = fresh("mqueue", "/dev/mqueue");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), MsFlags::MS_NOSUID, Some("newinstance"))?;
    apart::loopback_up()?;
    Ok(())
}

fn only(processor: usize) -> nix::Result<CpuSet> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    Ok(set)
}

fn trips(count: u64, apart: bool) -> anyhow::Result<Vec<f64>> {
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    let (out, into) = pipe()?;
    let before = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    let pin = |to: usize| if apart { sched_setaffinity(Pid::from_raw(0), &only(to)?) } else { Ok(()) };
    let child = forked(|| {
        let _ = pin(1);
        let mut order = [0; 2 * ORDER];
        while matches!(recv(theirs.as_raw_fd(), &mut order, MsgFlags::empty()), Ok(1..)) {
            let _ = fd::write(into.as_raw_fd(), b"x");
            let _ = send(theirs.as_raw_fd(), &order[..REPLY], MsgFlags::empty());
        }
    })?;
    pin(0)?;
    let mut took = Vec::new();
    let mut reply = [0; 2 * ORDER];
    for _ in 0..count {
        let start = Instant::now();
        send(ours.as_raw_fd(), &[7; ORDER], MsgFlags::empty())?;
        recv(ours.as_raw_fd(), &mut reply, MsgFlags::empty())?;
        took.push(start.elapsed().as_nanos() as f64);
        fd::read(out.as_raw_fd(), &mut reply)?;
    }
    // Ours has a duplicate in the child: an empty message ends it.
    send(ours.as_raw_fd(), &[], MsgFlags::empty())?;
    sched_setaffinity(Pid::from_raw(0), &before)?;
    process::waitpid(child, 0)?;
    Ok(took)
}

/// A writer of reports, or none.
struct Reports(Option<Writer>, u64);

impl Reports {
    fn around(&mut self, call: impl FnOnce() -> bool) -> bool {
        let Some(writer) = &mut self.0 else { return call() };
        self.1 += 1;
        let mut record = Record { seq: self.1, entered_ns: monotonic_ns(), ..Record::default() };
        record.set_data(b"x");
        writer.enter(&record);
        let done = call();
        record.returned_ns = monotonic_ns();
        writer.finish(&record);
        done
    }
}

fn cpu_ns() -> u64 {
    let spent = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(std::time::Duration::from);
    spent.map_or(0, |spent| spent.as_nanos() as u64)
}

fn ping_pong(rounds: u64, records: bool) -> anyhow::Result<f64> {
    let arena = Arena::create(2)?;
    let writer = |n: usize| arena.slot(n).filter(|_| records).map(|slot| slot.writer());
    let (ping, pong, spent) = (pipe()?, pipe()?, pipe()?);
    let one_way = |from: &OwnedFd, to: &OwnedFd, reports: &mut Reports, first: bool| {
        let mut byte = [0; 1];
        let write = |reports: &mut Reports| reports.around(|| fd::write(to.as_raw_fd(), b"x") == Ok(1));
        let mut read = |reports: &mut Reports| reports.around(|| fd::read(from.as_raw_fd(), &mut byte) == Ok(1));
        (first || read(reports)) && write(reports) && (!first || read(reports))
    };
    let child = forked(|| {
        let _ = only(0).map(|set| sched_setaffinity(Pid::from_raw(0), &set));
        let mut reports = Reports(writer(1), 0);
        let mut go = |rounds: u64| (0..rounds).all(|_| one_way(&ping.0, &pong.1, &mut reports, false));
        go(WARM);
        let start = cpu_ns();
        go(rounds);
        let _ = fd::write(spent.1.as_raw_fd(), &(cpu_ns() - start).to_ne_bytes());
    })?;
    let before = nix::sched::sched_getaffinity(Pid::from_raw(0))?;
    sched_setaffinity(Pid::from_raw(0), &only(0)?)?;
    let mut reports = Reports(writer(0), 0);
    let mut go = |rounds: u64| (0..rounds).all(|_| one_way(&pong.0, &ping.1, &mut reports, true));
    let warm = go(WARM);
    let start = cpu_ns();
    let done = go(rounds);
    let ours = cpu_ns() - start;
    sched_setaffinity(Pid::from_raw(0), &before)?;
    let mut theirs = [0; 8];
    fd::read(spent.0.as_raw_fd(), &mut theirs)?;
    process::waitpid(child, 0)?;
    if warm && done { Ok((ours + u64::from_ne_bytes(theirs)) as f64) } else { bail!("the pipes broke") }
}
