//! What this kernel can do for us, found out by trying it: one probe for each feature in use.
//!
//! No table of versions: distributions carry features back, and filters and sysctls take them away. What is probed is
//! given back at once. Whether a stage can be isolated is not probed here, since only the whole sequence can tell.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;
use serde::Serialize;

use super::mq::{MqAttr, mq_open, mq_unlink};
use super::{borrow, fd, landlock, lock, memory, path, pipe, proc, process};

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It works.
    Works,
    /// Something lesser takes its place.
    Degraded {
        /// What: lower case, no full stop.
        to: String,
    },
    /// What needs it can't be had.
    Missing,
}

/// One feature, and whether it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The feature: a call, a file, a limit.
    pub name: &'static str,
    /// Whether it works.
    pub outcome: Outcome,
    /// Why it does not, or a figure worth knowing; lower case, no full stop.
    pub why: Option<String>,
    /// What to do about it, likewise.
    pub remedy: Option<String>,
}

impl Probe {
    const fn works(name: &'static str) -> Self {
        Self { name, outcome: Outcome::Works, why: None, remedy: None }
    }

    fn degraded(name: &'static str, to: &str, why: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Degraded { to: to.to_owned() }, why: Some(why.into()), remedy: None }
    }

    fn missing(name: &'static str, why: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Missing, why: Some(why.into()), remedy: None }
    }

    fn noting(mut self, figure: impl Into<String>) -> Self {
        self.why = Some(figure.into());
        self
    }

    fn remedy(mut self, remedy: &str) -> Self {
        if self.outcome != Outcome::Works {
            self.remedy = Some(remedy.to_owned());
        }
        self
    }

    /// Works, or is missing with the errno as the reason.
    fn of(name: &'static str, tried: Result<(), Errno>) -> Self {
        tried.map_or_else(|errno| Self::missing(name, said(errno)), |()| Self::works(name))
    }

    /// Works, or something lesser takes its place.
    fn or(name: &'static str, to: &str, tried: Result<(), Errno>) -> Self {
        tried.map_or_else(|errno| Self::degraded(name, to, said(errno)), |()| Self::works(name))
    }
}

fn said(errno: Errno) -> String {
    format!("{errno:?} ({})", errno.desc())
}

/// All probes, in the order in which they are best read.
pub fn all() -> Vec<Probe> {
    let mut probes = vec![kernel_version(), c_library()];
    match Sleeper::start() {
        Ok(sleeper) => probes.extend([
            syscall_file(&sleeper),
            schedstat(&sleeper),
            pidfd_getfd(&sleeper),
            process_vm_readv(&sleeper),
            kcmp(&sleeper),
        ]),
        Err(errno) => probes.push(Probe::missing("fork", said(errno))),
    }
    probes.extend([
        yama(),
        tee(),
        procmap_query(),
        memfd(),
        openat2(),
        close_range(),
        proc_locks(),
        fdinfo_locks(),
        posix_shm(),
        posix_queues(),
        landlock_version(),
        pipe_limits(),
        queue_limits(),
        descriptor_limit(),
        realtime(),
    ]);
    probes
}

/// A child that sleeps in `read` on a pipe of ours until this is dropped.
struct Sleeper {
    pid: i32,
    input: OwnedFd,
    output: OwnedFd,
}

/// What is looked for in the child's memory, which is a copy of ours.
static WORD: [u8; 8] = *b"a probe!";

impl Sleeper {
    fn start() -> Result<Self, Errno> {
        let (input, output) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        match process::fork()? {
            process::Fork::Child => {
                // No end of file comes while the child itself can write, and the end is ours to decide.
                let _ = process::die_with_parent(Signal::SIGKILL, 0);
                let _ = fd::read(input.as_raw_fd(), &mut [0; 8]);
                process::exit_now(0)
            }
            process::Fork::Parent(pid) => Ok(Self { pid, input, output }),
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = process::kill(self.pid, libc::SIGKILL);
        let _ = process::waitpid(self.pid, 0);
    }
}

fn syscall_file(sleeper: &Sleeper) -> Probe {
    const NAME: &str = "/proc/PID/syscall";
    let remedy = "use a kernel with CONFIG_HAVE_ARCH_TRACEHOOK, and let this user trace its own processes";
    let task = match proc::Task::open(sleeper.pid) {
        Ok(task) => task,
        Err(error) => return Probe::missing(NAME, error.to_string()).remedy(remedy),
    };
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match task.syscall() {
            proc::Syscall::Blocked { nr, args, .. } if nr == libc::SYS_read => {
                return if args[0] == sleeper.input.as_raw_fd() as u64 {
                    Probe::works(NAME)
                } else {
                    Probe::missing(NAME, "it does not show the arguments of a call").remedy(remedy)
                };
            }
            proc::Syscall::Denied | proc::Syscall::Gone => {
                return Probe::missing(NAME, "the kernel does not tell").remedy(remedy);
            }
            _ if Instant::now() > deadline => return Probe::missing(NAME, "a sleeping child never shows as asleep"),
            _ => std::thread::yield_now(),
        }
    }
}

fn schedstat(sleeper: &Sleeper) -> Probe {
    const NAME: &str = "/proc/PID/schedstat";
    match proc::Task::open(sleeper.pid).ok().and_then(|task| task.switches()) {
        Some(_) => Probe::works(NAME),
        None => Probe::missing(NAME, "the kernel keeps no such count").remedy("use a kernel with CONFIG_SCHED_INFO"),
    }
}

fn pidfd_getfd(sleeper: &Sleeper) -> Probe {
    let tried = borrow::pidfd_open(sleeper.pid).map_err(|error| error.errno).and_then(|pidfd| {
        let borrowed = borrow::borrow(&pidfd, sleeper.output.as_raw_fd())?;
        if fd::same_file(&borrowed, &sleeper.output)? { Ok(()) } else { Err(Errno::EBADF) }
    });
    Probe::of("pidfd_getfd", tried).remedy(
        "Linux 5.6 or newer has it; in a container, start that with CAP_SYS_PTRACE or without its seccomp filter",
    )
}

fn process_vm_readv(sleeper: &Sleeper) -> Probe {
    let mut copy = [0; WORD.len()];
    let tried = borrow::read_memory(sleeper.pid, WORD.as_ptr() as u64, &mut copy);
    let tried = tried.and_then(|_| if copy == WORD { Ok(()) } else { Err(Errno::EFAULT) });
    Probe::of("process_vm_readv", tried)
        .remedy("use a kernel with CONFIG_CROSS_MEMORY_ATTACH; in a container, start that with CAP_SYS_PTRACE")
}

fn kcmp(sleeper: &Sleeper) -> Probe {
    let ours = (std::process::id() as i32, sleeper.input.as_raw_fd());
    let tried = borrow::kcmp_file(ours, (sleeper.pid, ours.1));
    let tried = tried.and_then(|order| if order.is_eq() { Ok(()) } else { Err(Errno::EBADF) });
    Probe::or("kcmp", "shared descriptions are not told from separate ones", tried)
        .remedy("use a kernel with CONFIG_KCMP")
}

fn tee() -> Probe {
    const NAME: &str = "tee";
    let tried = || {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        nix::unistd::write(&write, &WORD)?;
        let mut scratch = pipe::Scratch::new().map_err(|error| error.errno)?;
        let seen = scratch.contents(&read)?;
        if seen.bytes == WORD && seen.slots == [WORD.len()] { Ok(()) } else { Err(Errno::EIO) }
    };
    Probe::or(NAME, "contents of pipes are hidden", tried())
}

fn procmap_query() -> Probe {
    Probe::or("PROCMAP_QUERY", "mappings are read as text, which takes longer", proc::query_works())
        .remedy("Linux 6.11 and newer have it")
}

fn memfd() -> Probe {
    let tried = super::arena::Arena::create(1).map(drop).map_err(|error| error.errno);
    Probe::of("memfd_create", tried)
}

fn openat2() -> Probe {
    Probe::or("openat2", "paths are walked step by step, without symbolic links", path::openat2_works())
        .remedy("in a container, start that without its seccomp filter")
}

fn close_range() -> Probe {
    Probe::or("close_range", "descriptors are closed one by one", fd::close_range_works())
        .remedy("Linux 5.9 and newer have it")
}

fn proc_locks() -> Probe {
    match proc::locks() {
        Ok(_) => Probe::works("/proc/locks"),
        Err(error) => Probe::missing("/proc/locks", error.to_string()).remedy("use a kernel with CONFIG_FILE_LOCKING"),
    }
}

fn fdinfo_locks() -> Probe {
    let tried = || {
        let file = nix::sys::memfd::memfd_create("ipclab-probe", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?;
        lock::flock(file.as_raw_fd(), libc::LOCK_EX)?;
        let info = proc::fdinfo(std::process::id() as i32, file.as_raw_fd()).map_err(|error| error.errno)?;
        if info.locks.len() == 1 { Ok(()) } else { Err(Errno::ENOTSUP) }
    };
    Probe::or("locks in fdinfo", "the holder of a lock is known only by the pid that took it", tried())
}

fn posix_shm() -> Probe {
    let tried = || {
        let name = probe_name();
        let number = memory::shm_open(&name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, 0o600)?;
        let closed = fd::close(number);
        memory::shm_unlink(&name).and(closed)
    };
    Probe::of("POSIX shared memory and semaphores", tried())
        .remedy("mount a tmpfs on /dev/shm that this user may write")
}

fn posix_queues() -> Probe {
    let tried = || {
        let name = probe_name();
        let attr = MqAttr { maxmsg: 1, msgsize: 1, ..MqAttr::default() };
        let number = mq_open(&name, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL, 0o600, Some(attr))?;
        let closed = fd::close(number);
        mq_unlink(&name).and(closed)
    };
    Probe::of("POSIX message queues", tried()).remedy("use a kernel with CONFIG_POSIX_MQUEUE, and raise `ulimit -q`")
}

fn probe_name() -> std::ffi::CString {
    let name = format!("/ipclab-probe-{}-{:x}", std::process::id(), super::clock::monotonic_ns());
    std::ffi::CString::new(name).unwrap_or_default()
}

fn landlock_version() -> Probe {
    const NAME: &str = "Landlock";
    match landlock::abi() {
        Some(abi @ 6..) => Probe::works(NAME).noting(format!("version {abi}")),
        Some(abi) => {
            let figure = format!("version {abi} of 6");
            Probe::degraded(NAME, "signals and abstract sockets are not held back", figure)
                .remedy("Linux 6.12 and newer have it")
        }
        None => Probe::degraded(NAME, "only paths are checked", "the kernel has none, or it is switched off")
            .remedy("use a kernel with CONFIG_SECURITY_LANDLOCK, and `landlock` in its `lsm=` parameter"),
    }
}

fn yama() -> Probe {
    const NAME: &str = "tracing of own processes";
    match sysctl("kernel/yama/ptrace_scope") {
        None | Some(0) => Probe::works(NAME),
        Some(1) => Probe::works(NAME).noting("kernel.yama.ptrace_scope is 1: only descendants, which actors are"),
        Some(scope) => Probe::missing(NAME, format!("kernel.yama.ptrace_scope is {scope}"))
            .remedy("as root: sysctl kernel.yama.ptrace_scope=1"),
    }
}

fn kernel_version() -> Probe {
    const NAME: &str = "Linux 5.6 or newer";
    let release = nix::sys::utsname::uname()
        .map_or_else(|_unknown| String::new(), |names| names.release().to_string_lossy().into_owned());
    match parse_release(&release) {
        Some(version) if version >= (5, 6) => Probe::works(NAME).noting(release),
        _ => Probe::missing(NAME, format!("this is {release:?}")).remedy("use a newer kernel"),
    }
}

fn parse_release(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn c_library() -> Probe {
    const NAME: &str = "GNU C library";
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: takes nothing.
        let version = unsafe { libc::gnu_get_libc_version() };
        // SAFETY: it is a C string that lives for ever.
        let version = unsafe { std::ffi::CStr::from_ptr(version) };
        Probe::works(NAME).noting(version.to_string_lossy())
    }
    #[cfg(not(target_env = "gnu"))]
    Probe::degraded(NAME, "words of semaphores and locks are not decoded", "this binary was built with another one")
}

fn pipe_limits() -> Probe {
    const NAME: &str = "limits of pipes";
    let largest = sysctl("fs/pipe-max-size").unwrap_or(0);
    let soft = sysctl("fs/pipe-user-pages-soft").unwrap_or(0);
    let figures = format!("largest {largest} bytes, {soft} pages a user");
    let tried = || {
        let (read, _write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        pipe::capacity(read)
    };
    match tried() {
        Ok(size) if size >= 16 * page_size() => Probe::works(NAME).noting(figures),
        Ok(size) => Probe::degraded(NAME, "pipes are small", format!("a new pipe has {size} bytes; {figures}"))
            .remedy("this user has too many pipes: end programs that hold them, or raise fs.pipe-user-pages-soft"),
        Err(errno) => Probe::missing(NAME, said(errno)),
    }
}

fn queue_limits() -> Probe {
    const NAME: &str = "limits of message queues";
    let figure = |name: &str| sysctl(&format!("fs/mqueue/{name}")).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let bytes = getrlimit(Resource::RLIMIT_MSGQUEUE).map_or(0, |(soft, _)| soft);
    let figures = format!(
        "{} messages of {} bytes a queue, {} queues, {bytes} bytes a user",
        figure("msg_max"),
        figure("msgsize_max"),
        figure("queues_max")
    );
    // A queue of default size: ten messages of 8192 bytes, and what the kernel keeps for each.
    if bytes >= 10 * 8192 + 10 * 128 {
        Probe::works(NAME).noting(figures)
    } else {
        Probe::degraded(NAME, "only small queues can be made", figures).remedy("raise it: ulimit -q 819200")
    }
}

fn descriptor_limit() -> Probe {
    const NAME: &str = "limit of descriptors";
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Probe::missing(NAME, "getrlimit failed");
    };
    if hard >= 2048 {
        Probe::works(NAME).noting(format!("{soft}, at most {hard}"))
    } else {
        Probe::degraded(NAME, "our own descriptors lie among a learner's", format!("at most {hard}"))
            .remedy("raise it: ulimit -Hn 4096")
    }
}

fn realtime() -> Probe {
    const NAME: &str = "realtime priorities";
    let (limit, reach) = (super::sched::realtime_limit(), super::sched::realtime_reach());
    match reach {
        0 => Probe::degraded(
            NAME,
            "SCHED_FIFO and SCHED_RR fail with EPERM, and lessons that need them are left out",
            "actors have no rights, and RLIMIT_RTPRIO is 0",
        )
        .remedy(
            "raise it before you start ipclab, as root: prlimit --rtprio=10 --pid $$; or in /etc/security/limits.conf; \
             or start ipclab with a priority that its actors may lower: chrt -f 10 ipclab",
        ),
        most if most == limit => Probe::works(NAME).noting(format!("up to {most} (RLIMIT_RTPRIO)")),
        most => Probe::works(NAME).noting(format!("up to {most}, with which ipclab itself was started")),
    }
}

/// The number in a file below /proc/sys.
fn sysctl(name: &str) -> Option<u64> {
    std::fs::read_to_string(format!("/proc/sys/{name}")).ok()?.trim().parse().ok()
}

fn page_size() -> usize {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().map_or(4096, |size| size as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finds_something_and_says_why_not() {
        let probes = all();
        assert!(probes.len() >= 18);
        for probe in &probes {
            assert!(probe.outcome == Outcome::Works || probe.why.is_some(), "{probe:?}");
            assert!(probe.outcome != Outcome::Works || probe.remedy.is_none(), "{probe:?}");
        }
        let mut names: Vec<_> = probes.iter().map(|probe| probe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), probes.len(), "names are unique");
    }

    #[test]
    fn a_release_is_read_whatever_follows() {
        for (release, version) in [
            ("6.18.44-fc-v669", Some((6, 18))),
            ("5.6", Some((5, 6))),
            ("5.15.0-91-generic", Some((5, 15))),
            ("six", None),
            ("", None),
        ] {
            assert_eq!(parse_release(release), version, "{release}");
        }
    }

    #[test]
    fn a_refusal_degrades_or_is_missing() {
        let lesser = Probe::or("kcmp", "less", Err(Errno::ENOSYS)).remedy("build it");
        assert_eq!(lesser.outcome, Outcome::Degraded { to: "less".to_owned() });
        assert_eq!(lesser.why.as_deref(), Some("ENOSYS (Function not implemented)"));
        assert_eq!(lesser.remedy.as_deref(), Some("build it"));
        assert_eq!(Probe::of("tee", Err(Errno::EPERM)).outcome, Outcome::Missing);
        assert_eq!(Probe::of("tee", Ok(())).remedy("none needed").remedy, None);
    }
}
