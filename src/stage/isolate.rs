//! The isolated stage: one process in namespaces of its own, and a root that holds only what the stage needs.
//!
//! The intermediate process forks the director straight into the new namespaces, as pid 1, and stays outside: it writes
//! the director's user mapping, and is there to open the stage in shared mode if the kernel refuses any step.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, chdir, pivot_root, sethostname, setsid};

use super::identity::Identity;
use super::probe::{Refused, step};
use crate::kernel::landlock::Ruleset;
use crate::kernel::process::Fork;
use crate::kernel::{SysError, SysResultExt, apart, fd, proc};

/// The stage's directory.
pub(super) const DIRECTORY: &str = "/stage";
/// Where the queues are listed.
pub(super) const MQUEUE: &str = "/dev/mqueue";
/// What the stage's files may hold, and its shared memory as much again; in the words of tmpfs(5).
const BYTES: &str = "256m";
/// How many files, likewise.
const FILES: &str = "16384";
/// The old root, until it is let go of.
const OLD: &str = "/old";

/// Which side of the attempt we are on.
pub(super) enum Side {
    /// The intermediate process, with the director's pid. The stage is open.
    Outside(i32),
    /// The director, in its stage. The intermediate waits until it has called [`Ready::tell`].
    Inside(Ready),
    /// What should have become the director. The intermediate knows already; all that is left to do is to end.
    Failed,
}

/// The director's word that the stage stands.
pub(super) struct Ready {
    line: UnixStream,
    /// Whether the mqueue file system could be mounted.
    pub(super) mqueue: bool,
}

impl Ready {
    /// Lets the intermediate process know; whether it lives, and we with it: if it died before we were tied to it, nobody
    /// else tells us.
    pub(super) fn tell(mut self) -> bool {
        self.line.write_all(b"ok").is_ok()
    }
}

/// Tries to open an isolated stage.
pub(super) fn attempt(identity: &Identity) -> Result<Side, Refused> {
    let (ours, theirs) = UnixStream::pair()
        .map_err(|error| Refused::because(step::START, &SysError::from_io("socketpair", "", &error)))?;
    let libraries = libraries().map_err(|error| Refused::because(step::BIND, &error))?;
    let mut namespaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS;
    if Path::new("/proc/self/ns/cgroup").exists() {
        namespaces |= CloneFlags::CLONE_NEWCGROUP;
    }
    match apart::fork_into(namespaces).map_err(|error| Refused::because(step::CLONE, &error))? {
        Fork::Child => {
            drop(ours);
            Ok(inside(theirs, &libraries).map_or(Side::Failed, Side::Inside))
        }
        Fork::Parent(pid) => {
            drop(theirs);
            outside(pid, ours, identity).inspect_err(|_refused| {
                // It ends by itself once the line is closed.
                let _ = waitpid(Pid::from_raw(pid), None);
            })?;
            Ok(Side::Outside(pid))
        }
    }
}

/// The intermediate's part: maps the user, and hears how the child fared.
fn outside(pid: i32, mut line: UnixStream, identity: &Identity) -> Result<(), Refused> {
    identity.write_maps(pid).map_err(|error| Refused::because(step::MAP, &error))?;
    let lost = |error| Refused::because(step::START, &SysError::from_io("read", "", &error));
    line.write_all(b"go").map_err(lost)?;
    let mut answer = String::new();
    line.read_to_string(&mut answer).map_err(lost)?;
    if answer == "ok" {
        return Ok(());
    }
    Err(match answer.split_once('\n').and_then(|(step, errno)| Some((step, errno.parse().ok()?))) {
        Some((step, errno)) => Refused::diagnose(step, Errno::from_raw(errno)),
        None => Refused::diagnose(step::START, Errno::ECHILD),
    })
}

/// The child's part, up to the moment in which the stage stands. `None`: it does not, and the intermediate was told why
/// if it is still there.
fn inside(mut line: UnixStream, libraries: &[PathBuf]) -> Option<Ready> {
    prctl::set_pdeathsig(Signal::SIGKILL).ok()?;
    line.read_exact(&mut [0; 2]).ok()?;
    match build(libraries) {
        Ok(mqueue) => Some(Ready { line, mqueue }),
        Err((step, error)) => {
            line.write_all(format!("{step}\n{}", error.errno as i32).as_bytes()).ok()?;
            None
        }
    }
}

type Failed = (&'static str, SysError);

/// Says at which step something failed.
trait At<T> {
    fn at(self, step: &'static str) -> Result<T, Failed>;
}

impl<T> At<T> for crate::kernel::Result<T> {
    fn at(self, step: &'static str) -> Result<T, Failed> {
        self.map_err(|error| (step, error))
    }
}

/// Lays out the stage, and says whether it has the mqueue file system.
fn build(libraries: &[PathBuf]) -> Result<bool, Failed> {
    setsid().on("setsid", "").at(step::START)?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).on("mount", "private /").at(step::ROOT)?;
    // The new root grows over /usr, which comes to light again in the old root as soon as the roots have changed.
    fresh("tmpfs", "/usr", plain, "mode=0755,size=1m").at(step::ROOT)?;
    chdir("/usr").on("chdir", "/usr").at(step::ROOT)?;
    directory("old").at(step::ROOT)?;
    pivot_root(".", "old").on("pivot_root", "").at(step::ROOT)?;
    chdir("/").on("chdir", "/").at(step::ROOT)?;

    directory("/proc").at(step::PROC)?;
    fresh("proc", "/proc", quiet, "").at(step::PROC)?;
    for at in ["/dev", "/dev/shm", MQUEUE, "/dev/pts", DIRECTORY] {
        directory(at).at(step::MOUNT)?;
    }
    files().at(step::MOUNT)?;
    symlink("pts/ptmx", "/dev/ptmx").on("symlink", "/dev/ptmx").at(step::MOUNT)?;
    // A kernel can be built without it.
    let mqueue = fresh("mqueue", MQUEUE, quiet, "").is_ok();

    bind_file(Path::new("/dev/null"), Path::new("/dev/null")).at(step::MOUNT)?;
    bind_system(libraries).at(step::BIND)?;

    umount2(OLD, MntFlags::MNT_DETACH).on("umount2", OLD).at(step::ROOT)?;
    fs::remove_dir(OLD).on("rmdir", OLD).at(step::ROOT)?;
    let frozen = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(none, "/", none, frozen, none).on("mount", "read-only /").at(step::ROOT)?;

    apart::loopback_up().at(step::LOOPBACK)?;
    sethostname("stage").on("sethostname", "stage").at(step::MOUNT)?;
    chdir(DIRECTORY).on("chdir", DIRECTORY).at(step::MOUNT)?;
    Ok(mqueue)
}

/// Mounts what actors write to: shared memory, the stage's directory, pseudoterminals.
fn files() -> crate::kernel::Result<()> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    fresh("tmpfs", "/dev/shm", plain, &format!("mode=1777,size={BYTES},nr_inodes={FILES}"))?;
    // Not sticky: with that bit the kernel would also refuse to open others' files and FIFOs with O_CREAT
    // (fs.protected_regular), which no mode bit shows.
    fresh("tmpfs", DIRECTORY, plain, &format!("mode=0777,size={BYTES},nr_inodes={FILES}"))?;
    fresh("devpts", "/dev/pts", MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
}

/// In new mount and IPC namespaces, replaces what actors write to by a host's own.
pub(super) fn furnish(mqueue: bool) -> crate::kernel::Result<()> {
    chdir("/").on("chdir", "/")?;
    for at in ["/dev/shm", DIRECTORY, "/dev/pts", MQUEUE] {
        if mqueue || at != MQUEUE {
            umount2(at, MntFlags::MNT_DETACH).on("umount2", at)?;
        }
    }
    files()?;
    if mqueue {
        fresh("mqueue", MQUEUE, MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC, "")?;
    }
    Ok(())
}

/// Forbids signals and abstract sockets to leave the stage a second time, after the namespaces. Rights on files are not
/// touched: a domain that does so forbids every later mount, and hosts are mounted later.
pub(super) fn enclose() {
    if prctl::set_no_new_privs().is_ok()
        && let Ok(rules) = Ruleset::new(0)
    {
        // Nothing depends on it.
        let _ = rules.enter();
    }
}

fn directory(at: &str) -> crate::kernel::Result<()> {
    fs::create_dir(at).on("mkdir", at)
}

/// Mounts a new file system.
fn fresh(kind: &str, at: &str, flags: MsFlags, options: &str) -> crate::kernel::Result<()> {
    let options = (!options.is_empty()).then_some(options);
    mount(Some(kind), at, Some(kind), flags, options).on("mount", format!("{kind} at {at}"))
}

/// Shows a file of the old root on stage.
fn bind_file(from: &Path, to: &Path) -> crate::kernel::Result<()> {
    fs::write(to, "").on("creat", to.display().to_string())?;
    bind(from, to)
}

fn bind(from: &Path, to: &Path) -> crate::kernel::Result<()> {
    let source = old(from);
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(&source), to, None::<&str>, flags, None::<&str>).on("mount", format!("bind {}", to.display()))
}

/// Where a path of the machine is found while the old root is there.
fn old(path: &Path) -> PathBuf {
    Path::new(OLD).join(path.strip_prefix("/").unwrap_or(path))
}

/// Makes what was bound read-only.
fn make_readonly(at: &Path) -> crate::kernel::Result<()> {
    match apart::make_readonly(at) {
        Err(error) if error.errno == Errno::ENOSYS => {}
        done => return done,
    }
    // The older way takes the flags that the mount has already and must keep, and leaves out mounts below it.
    let has = statvfs(at).on("statvfs", at.display().to_string())?.flags();
    let mut flags =
        MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    for (has_it, flag) in [
        (has.contains(FsFlags::ST_NOEXEC), MsFlags::MS_NOEXEC),
        (has.contains(FsFlags::ST_NOATIME), MsFlags::MS_NOATIME),
        (has.contains(FsFlags::ST_NODIRATIME), MsFlags::MS_NODIRATIME),
        (has.contains(FsFlags::ST_RELATIME), MsFlags::MS_RELATIME),
    ] {
        flags.set(flag, has_it);
    }
    mount(None::<&str>, at, None::<&str>, flags, None::<&str>).on("mount", format!("read-only {}", at.display()))
}

/// Where programs and libraries are.
pub(super) const SYSTEM: &[&str] = &["/usr", "/lib", "/lib32", "/lib64"];

/// Files mapped into this program that lie in none of the system's directories: the loader and libraries, where a
/// distribution keeps them elsewhere. The program itself is not needed: the kernel keeps it behind /proc/self/exe.
pub(super) fn libraries() -> crate::kernel::Result<Vec<PathBuf>> {
    let own = fs::read_link("/proc/self/exe").on("readlink", "/proc/self/exe")?;
    let mut libraries: Vec<PathBuf> = proc::maps(std::process::id() as i32)?
        .into_iter()
        .map(|entry| PathBuf::from(entry.path))
        .filter(|file| file.is_absolute() && *file != own && !SYSTEM.iter().any(|dir| file.starts_with(dir)))
        .filter(|file| file.is_file())
        .collect();
    libraries.sort();
    libraries.dedup();
    Ok(libraries)
}

/// Shows on stage, read-only, what our own program needs to be executed again.
fn bind_system(libraries: &[PathBuf]) -> crate::kernel::Result<()> {
    for name in SYSTEM {
        let at = Path::new(name);
        let Ok(meta) = fs::symlink_metadata(old(at)) else { continue };
        if meta.is_symlink() {
            let target = fs::read_link(old(at)).on("readlink", *name)?;
            symlink(target, at).on("symlink", *name)?;
        } else if meta.is_dir() {
            directory(name)?;
            bind(at, at)?;
            make_readonly(at)?;
        }
    }
    for library in libraries {
        let parent = library.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).on("mkdir", parent.display().to_string())?;
        bind_file(library, library)?;
        make_readonly(library)?;
    }
    Ok(())
}

/// Takes the wire from standard input to a number where the stage's own descriptors are, out of an actor's reach; and
/// gives standard input to /dev/null.
pub(super) fn take_wire() -> crate::kernel::Result<OwnedFd> {
    const OURS: i32 = 1000;
    let wire = std::io::stdin().as_fd().try_clone_to_owned().on("dup", "the wire")?;
    let null = fs::File::open("/dev/null").on("open", "/dev/null")?;
    fd::place_fd(null.as_fd(), 0, false).on("dup3", "/dev/null")?;
    // With a very low limit of open files it stays where it is.
    let spare = wire.try_clone().on("dup", "the wire")?;
    Ok(fd::move_fd(spare, OURS).unwrap_or(wire))
}
