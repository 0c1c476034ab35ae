//! Opening a stage: the face's side, and the process that comes between face and director.
//!
//! The face starts its own program again with a hidden subcommand. That process, alone with one thread, may do what a
//! threaded one can't: fork, and change namespaces. It tries to isolate the stage and falls back to shared mode.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, Once, OnceLock};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::identity::Identity;
use super::probe::Refused;
use super::session::Id;
use super::{Setting, director, isolate, shared, sweep};
use crate::kernel::{borrow, fd, process};
use crate::model::Mode;

/// The hidden subcommand.
pub(super) const HIDDEN: &str = "__stage";
/// How long a stage that was told to end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to open a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The program to start: `/proc/self/exe` in the binary itself.
    pub launcher: PathBuf,
    /// Whether to open it in shared mode even where it could be isolated.
    pub shared: bool,
}

/// Why no stage could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The program could not be started again.
    #[error("{} could not be started again to hold the stage: {source}; start ipclab from a file that is still there and executable", .launcher.display())]
    Spawn {
        /// The launcher's path.
        launcher: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The face has no room for what it needs: a thread, a socket.
    #[error("no {what} for the stage: {source}; close other programs, or raise the limit (ulimit -n, ulimit -u)")]
    Resources {
        /// What is missing.
        what: &'static str,
        /// Why it is.
        source: io::Error,
    },
    /// The stage ended before it stood.
    #[error("the stage ended before it was open: {0}; `ipclab doctor` tells what this machine lacks")]
    Ended(String),
}

/// What a new stage is reached by.
#[derive(Debug)]
pub struct Launched {
    /// The wire to the director.
    pub wire: UnixStream,
    /// The process that stands between.
    pub child: Child,
}

/// The process between face and director. Dropping it ends the stage, and returns once nothing is left of it.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    wire: UnixStream,
    ended: bool,
}

impl Child {
    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.process.id() as i32
    }

    /// Ends the stage if it has not ended: closes the wire, and waits until the director and all that it leaves behind
    /// are gone. Takes a few milliseconds; a stage that does not end in time is killed.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        // Whoever else holds a duplicate: the wire is dead now.
        let _ = self.wire.shutdown(std::net::Shutdown::Both);
        let in_time = borrow::pidfd_open(self.pid()).is_ok_and(|pidfd| borrow::ends_within(pidfd, PATIENCE));
        if !in_time {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }

    /// What the stage wrote to its standard error, for the reason why it is gone. Ends it.
    pub fn last_words(&mut self) -> Option<String> {
        self.end();
        let mut words = Vec::new();
        // Bounded: it is shown to a person.
        self.process.stderr.take()?.take(4096).read_to_end(&mut words).ok()?;
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        (!words.is_empty()).then_some(words)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the process between is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A stage, isolated if it can be.
    Isolated,
    /// A stage in shared mode.
    Shared,
    /// Only to see whether it can be isolated.
    Probe,
}

impl Purpose {
    const ALL: [Self; 3] = [Self::Isolated, Self::Shared, Self::Probe];

    const fn word(self) -> &'static str {
        match self {
            Self::Isolated => "isolated",
            Self::Shared => "shared",
            Self::Probe => "probe",
        }
    }
}

/// Opens a stage: starts the process that becomes it. It may be called from any thread; the director says on the wire
/// when it is there, or the wire ends and [`Child::last_words`] tells why.
pub fn launch(options: &Options) -> Result<Launched, OpenError> {
    start(&options.launcher, if options.shared { Purpose::Shared } else { Purpose::Isolated })
}

/// Starts the process between, for this purpose.
pub(super) fn start(launcher: &Path, purpose: Purpose) -> Result<Launched, OpenError> {
    let missing = |what| move |source| OpenError::Resources { what, source };
    let (ours, theirs) = UnixStream::pair().map_err(missing("socket"))?;
    let spare = ours.try_clone().map_err(missing("descriptor"))?;
    let mut command = Command::new(launcher);
    command
        .arg0("ipclab")
        .args([HIDDEN, &std::process::id().to_string(), Id::new().as_str(), purpose.word()])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // What is typed at the terminal is for the face alone.
        .process_group(0);
    let spawned = keeper(command).map_err(missing("thread"))?;
    let process = spawned.map_err(|source| OpenError::Spawn { launcher: launcher.to_owned(), source })?;
    Ok(Launched { wire: ours, child: Child { process, wire: spare, ended: false } })
}

type Request = (Command, Sender<io::Result<std::process::Child>>);

/// Has the command spawned by a thread that lives as long as this process: the kernel ends a stage when the thread that
/// has started it ends (PR_SET_PDEATHSIG). The main thread is one; for the others there is the keeper.
fn keeper(command: Command) -> io::Result<io::Result<std::process::Child>> {
    static KEEPER: OnceLock<Mutex<Option<Sender<Request>>>> = OnceLock::new();
    if nix::unistd::gettid() == nix::unistd::getpid() {
        return Ok(spawn(command));
    }
    let gone = || io::Error::other("the thread that opens stages has ended");
    let mut keeper = KEEPER.get_or_init(Mutex::default).lock().map_err(|_poisoned| gone())?;
    let requests = if let Some(requests) = &*keeper {
        requests.clone()
    } else {
        let (sender, requests) = channel::<Request>();
        // The caller may have given up; the child ends with its wire.
        let keep = move || requests.into_iter().for_each(|(command, answer)| drop(answer.send(spawn(command))));
        std::thread::Builder::new().name("stage-keeper".to_owned()).spawn(keep)?;
        keeper.insert(sender).clone()
    };
    drop(keeper);
    let (sender, answer) = channel();
    requests.send((command, sender)).map_err(|_ended| gone())?;
    answer.recv().map_err(|_ended| gone())
}

/// Spawns it, and behind the first one sweeps, so that nobody waits for that.
fn spawn(mut command: Command) -> io::Result<std::process::Child> {
    static SWEEP: Once = Once::new();
    let spawned = {
        let _alone = no_start();
        command.spawn()
    };
    // Without room for a thread it is left to the next start.
    SWEEP.call_once(|| drop(std::thread::Builder::new().name("sweep".to_owned()).spawn(sweep::sweep)));
    spawned
}

/// Keeps stages from being started while it is held. A signal to the whole process group must not find a child between
/// fork and exec: one that stopped there would be continued by nobody, and its start would never return.
pub fn no_start() -> std::sync::MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The hidden subcommand, with the words after it: the life of the process between, and of the director that it forks.
pub(super) fn enter(args: &[OsString]) -> ExitCode {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    let parsed = match words[..] {
        [face, id, purpose] => {
            face.parse::<i32>().ok().zip(Id::parse(id)).zip(Purpose::ALL.into_iter().find(|one| one.word() == purpose))
        }
        _ => None,
    };
    let Some(((face, id), purpose)) = parsed else {
        complain("this subcommand is the program's own, and not to be called by hand");
        return ExitCode::from(2);
    };
    // First the tie, then the look: if the face has gone in between, we notice.
    if !process::die_with_parent(Signal::SIGKILL, face).is_ok_and(|alive| alive)
        || fd::close_all_except(&[0, 1, 2]).is_err()
    {
        return ExitCode::FAILURE;
    }
    // Do not pin the directory from which the program was started.
    let _ = nix::unistd::chdir("/");
    let identity = Identity::own();
    match purpose {
        Purpose::Shared => share(&id, face, &identity, "shared mode was asked for"),
        Purpose::Isolated => {
            isolated(&identity).unwrap_or_else(|refused| share(&id, face, &identity, &refused.sentence()))
        }
        Purpose::Probe => probe(&identity),
    }
}

/// Opens an isolated stage and lives on until it ends.
fn isolated(identity: &Identity) -> Result<ExitCode, Refused> {
    match isolate::attempt(identity)? {
        isolate::Side::Failed => Ok(ExitCode::FAILURE),
        isolate::Side::Outside(director) => {
            shared::close_stdin();
            Ok(exit_code(director))
        }
        isolate::Side::Inside(ready) => {
            isolate::enclose();
            let wire = match isolate::take_wire() {
                Ok(wire) => wire,
                Err(error) => {
                    complain(&error.to_string());
                    return Ok(ExitCode::FAILURE);
                }
            };
            let setting = Setting {
                wire,
                mode: Mode::Isolated,
                why_shared: None,
                directory: isolate::DIRECTORY.into(),
                tag: String::new(),
                uid: identity.uid,
                gid: identity.gid,
                strangers: identity.strangers,
                mqueue: ready.mqueue.then(|| isolate::MQUEUE.into()),
                journal: None,
            };
            if !ready.tell() {
                return Ok(ExitCode::FAILURE);
            }
            Ok(director::run(setting))
        }
    }
}

/// Opens a stage in shared mode and lives on until it has ended and is cleared away.
fn share(id: &Id, face: i32, identity: &Identity, why: &str) -> ExitCode {
    match shared::open(id, face, identity, shared::close_stdin) {
        Ok(shared::Side::Reaper(status)) => status.map_or(ExitCode::FAILURE, |code| ExitCode::from(code as u8)),
        Ok(shared::Side::Director { directory, mut journal }) => {
            let wire = match isolate::take_wire() {
                Ok(wire) => wire,
                Err(error) => {
                    complain(&error.to_string());
                    return ExitCode::FAILURE;
                }
            };
            let tag = id.tag();
            let mqueue = shared::queues(&tag, &mut journal);
            shared::enclose(&directory, mqueue.as_deref());
            director::run(Setting {
                wire,
                mode: Mode::Shared,
                why_shared: Some(why.to_owned()),
                directory,
                tag,
                uid: identity.uid,
                gid: identity.gid,
                strangers: identity.strangers,
                mqueue,
                journal: Some(journal),
            })
        }
        Err(error) => {
            complain(&format!(
                "the stage can't be isolated ({why}), and there is no room for it in shared mode: {error}"
            ));
            ExitCode::FAILURE
        }
    }
}

/// Tries to isolate a stage, lets it go, and writes what came of it to the wire.
fn probe(identity: &Identity) -> ExitCode {
    let came = match isolate::attempt(identity) {
        Ok(isolate::Side::Failed) => return ExitCode::FAILURE,
        Ok(isolate::Side::Inside(ready)) => {
            let _ = ready.tell();
            return ExitCode::SUCCESS;
        }
        Ok(isolate::Side::Outside(pid)) => {
            exit_code(pid);
            Ok(())
        }
        Err(refused) => Err(refused),
    };
    let written = isolate::take_wire()
        .map_err(|error| error.to_string())
        .and_then(|wire| serde_json::to_vec(&came).map(|text| (wire, text)).map_err(|error| error.to_string()))
        .and_then(|(wire, text)| UnixStream::from(wire).write_all(&text).map_err(|error| error.to_string()));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Waits for the director, and makes its exit status ours.
fn exit_code(director: i32) -> ExitCode {
    match waitpid(Pid::from_raw(director), None) {
        Ok(WaitStatus::Exited(_, code)) => ExitCode::from(code as u8),
        _ => ExitCode::FAILURE,
    }
}

/// The stage's last words.
fn complain(words: &str) {
    // The face reads them; if it is gone nobody does.
    let _ = writeln!(io::stderr(), "{words}");
}
