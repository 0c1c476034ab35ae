//! Whole processes: their status, threads, children, and which there are.

use std::fs::File;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::descriptors::directory_numbers;
use super::{number, read_single};
use crate::kernel::{Result, SysResultExt};

/// What /proc/PID/status says, as far as it is used. Signal sets have signal n in bit n - 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The name of the program, at most 15 bytes.
    pub name: String,
    /// Its parent; 0 if that is outside our pid namespace.
    pub ppid: i32,
    /// Real, effective, saved and file system user id.
    pub uid: [u32; 4],
    /// How many threads it has.
    pub threads: u32,
    /// How many signals are queued for its user, in all processes of its user namespace.
    pub queued: u64,
    /// Signals pending for this thread.
    pub pending: u64,
    /// Signals pending for the whole process.
    pub shared_pending: u64,
    /// Signals blocked by this thread.
    pub blocked: u64,
    /// Signals ignored.
    pub ignored: u64,
    /// Signals with a handler.
    pub caught: u64,
    /// Effective capabilities.
    pub capabilities: u64,
    /// The processors that it may run on, as the kernel lists them: `0-1`.
    pub cpus: String,
    /// How often it gave its processor up by itself, and how often it was taken away.
    pub switches: (u64, u64),
    /// Whether execve(2) can gain it nothing.
    pub no_new_privs: bool,
    /// Its pid in each pid namespace, outermost first.
    pub namespace_pids: Vec<i32>,
}

/// The status of a process, and of its first thread.
pub fn status(pid: i32) -> Result<Status> {
    thread_status(pid, pid)
}

/// The status of a thread.
pub fn thread_status(pid: i32, tid: i32) -> Result<Status> {
    let path = format!("/proc/{pid}/task/{tid}/status");
    let file = File::open(&path).on("open", &path)?;
    read_status(&file).on("read", path)
}

fn read_status(file: &File) -> std::io::Result<Status> {
    let mut buffer = Vec::new();
    Ok(parse_status(&String::from_utf8_lossy(read_single(file, &mut buffer)?)))
}

/// /proc/PID/status of the first thread of a process, kept open.
#[derive(Debug)]
pub struct KeptStatus(File);

impl KeptStatus {
    /// Opens it.
    pub fn open(pid: i32) -> Result<Self> {
        let path = format!("/proc/{pid}/task/{pid}/status");
        File::open(&path).map(Self).on("open", path)
    }

    /// What it says now; `None` if the thread is gone.
    pub fn read(&self) -> Option<Status> {
        read_status(&self.0).ok()
    }
}

fn parse_status(text: &str) -> Status {
    let mut status = Status::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let set = || number(value, 16).unwrap_or(0);
        match key {
            "Name" => value.clone_into(&mut status.name),
            "PPid" => status.ppid = value.parse().unwrap_or(0),
            "Uid" => {
                for (uid, word) in status.uid.iter_mut().zip(value.split_ascii_whitespace()) {
                    *uid = word.parse().unwrap_or(u32::MAX);
                }
            }
            "Threads" => status.threads = value.parse().unwrap_or(0),
            "SigQ" => status.queued = value.split_once('/').and_then(|(n, _)| n.parse().ok()).unwrap_or(0),
            "SigPnd" => status.pending = set(),
            "ShdPnd" => status.shared_pending = set(),
            "SigBlk" => status.blocked = set(),
            "SigIgn" => status.ignored = set(),
            "SigCgt" => status.caught = set(),
            "CapEff" => status.capabilities = set(),
            "Cpus_allowed_list" => value.clone_into(&mut status.cpus),
            "voluntary_ctxt_switches" => status.switches.0 = value.parse().unwrap_or(0),
            "nonvoluntary_ctxt_switches" => status.switches.1 = value.parse().unwrap_or(0),
            "NoNewPrivs" => status.no_new_privs = value == "1",
            "NSpid" => {
                status.namespace_pids = value.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            }
            _ => {}
        }
    }
    status
}

/// The threads of a process, in order of their ids.
///
/// # Errors
/// ENOENT if there is no such process.
pub fn tasks(pid: i32) -> Result<Vec<i32>> {
    numbers_in(&format!("/proc/{pid}/task"))
}

/// All processes of our pid namespace that procfs shows, in order of their pids.
pub fn processes() -> Result<Vec<i32>> {
    numbers_in("/proc")
}

/// The children of a process, zombies among them, in order of their pids.
pub fn children(pid: i32) -> Result<Vec<i32>> {
    let mut children = Vec::new();
    for task in tasks(pid)? {
        match std::fs::read_to_string(format!("/proc/{pid}/task/{task}/children")) {
            Ok(text) => children.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return children_by_parent(pid),
            Err(_) => {}
        }
    }
    children.sort_unstable();
    Ok(children)
}

/// The same where the kernel was built without the `children` file.
fn children_by_parent(pid: i32) -> Result<Vec<i32>> {
    let of_parent = |child: &i32| status(*child).is_ok_and(|status| status.ppid == pid);
    Ok(processes()?.into_iter().filter(of_parent).collect())
}

fn numbers_in(path: &str) -> Result<Vec<i32>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = open(path, flags, Mode::empty()).on("open", path)?;
    let mut numbers = Vec::new();
    directory_numbers(&dir, |number| numbers.push(number));
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_status() {
        let text = "Name:\ta b\nPPid:\t41\nUid:\t0\t65534\t0\t65534\nNSpid:\t6066\t3\nThreads:\t2\nSigPnd:\t0000000000000200\n\
                    SigCgt:\t8000000000000440\nCapEff:\t000001ffffffffff\nNoNewPrivs:\t1\nnonsense\n";
        let status = parse_status(text);
        let expected = Status {
            name: "a b".to_owned(),
            ppid: 41,
            uid: [0, 65534, 0, 65534],
            threads: 2,
            pending: 1 << 9,
            caught: 0x8000_0000_0000_0440,
            capabilities: 0x1ff_ffff_ffff,
            no_new_privs: true,
            namespace_pids: vec![6066, 3],
            ..Status::default()
        };
        assert_eq!(status, expected);
    }

    #[test]
    fn knows_this_process_and_its_child() {
        let pid = std::process::id() as i32;
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let id = child.id() as i32;
        let (found, by_parent, of_child) = (children(pid), children_by_parent(pid), status(id));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(found.unwrap().contains(&id));
        assert!(by_parent.unwrap().contains(&id));
        assert_eq!(of_child.unwrap().ppid, pid);
        assert!(processes().unwrap().contains(&pid));
        assert!(tasks(pid).unwrap().contains(&nix::unistd::gettid().as_raw()));
        assert_eq!(tasks(id).unwrap_err().errno, nix::errno::Errno::ENOENT);
        assert_eq!(status(pid).unwrap().uid[1], nix::unistd::geteuid().as_raw());
    }
}
