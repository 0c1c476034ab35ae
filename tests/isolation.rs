//! Stages leave nothing behind and see nothing outside, as root and as an ordinary user, isolated and shared.
//!
//! Faces run as processes of their own, so that they can be killed: this file's binary, started again in the part that
//! `IPCLAB_TEST_PART` names.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, DirBuilder};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ipclab::cli::doctor::doctor;
use ipclab::kernel::mq::mq_open;
use ipclab::kernel::sysv::{self, Kind};
use ipclab::kernel::{borrow, fd, proc};
use ipclab::stage::{self, Options, Stage, probe};
use ipclab::{facility, script};
use nix::errno::Errno;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LAUNCHER: &str = env!("CARGO_BIN_EXE_ipclab");
const PART: &str = "IPCLAB_TEST_PART";
const NOBODY: u32 = 65534;
/// Long enough for a loaded machine; nothing waits for it when all is well.
const LIMIT: Duration = Duration::from_secs(60);

// ---------------------------------------------------------------- the parts that other processes play

/// Not a test: what a process does that a test has started.
#[test]
#[ignore = "a part that the other tests start"]
fn part() {
    let Ok(part) = std::env::var(PART) else { return };
    match part.split_once(' ').unwrap_or((&part, "")) {
        ("face", words) => {
            let (mode, count) = words.split_once(' ').unwrap();
            let stages: Vec<Stage> = (0..count.parse().unwrap()).map(|_| busy(mode == "shared")).collect();
            for stage in &stages {
                println!("\nstage {}", stage.process());
            }
            println!("\nready");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
        ("nameless", words) => {
            let mut stage = busy(words == "shared");
            for line in [
                "alice: msgget x key=IPC_PRIVATE",
                "alice: semget y 1 key=IPC_PRIVATE",
                "alice: shmget z 1 key=IPC_PRIVATE",
            ] {
                let report = stage.run(&script::parse_line(line, facility::registry()).unwrap()).unwrap();
                let calls = report.calls.iter().filter_map(ipclab::model::Call::ret).collect::<Vec<_>>();
                println!("\nid {}", calls[0]);
            }
            println!("\nstage {}\nready", stage.process());
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        }
        ("many", words) => {
            let shared = words == "shared";
            drop(open(shared));
            // The harness, this test, and the thread that opens stages.
            let before = held(3);
            for _ in 0..200 {
                drop(open(shared));
            }
            assert_eq!(held(3), before, "descriptors and children, before and after");
            println!("\nready");
        }
        ("sweep", _) => {
            let swept = stage::sweep();
            println!("\nswept {}\nready", swept.sessions);
        }
        ("doctor", _) => {
            let mut said = Vec::new();
            let code = doctor(&launcher(), &mut said, false).unwrap();
            println!("\n{}", String::from_utf8(said).unwrap());
            println!("code {code:?}\nready");
        }
        (other, _) => panic!("no part is called {other}"),
    }
}

fn launcher() -> PathBuf {
    std::env::var_os("IPCLAB_TEST_LAUNCHER").map_or_else(|| LAUNCHER.into(), PathBuf::from)
}

fn open(shared: bool) -> Stage {
    Stage::open(&Options { launcher: launcher(), shared }).unwrap()
}

/// What the actors of a stage do before its face is killed: they hold and leave every kind of object, and are idle,
/// asleep, stopped and executed anew.
const PLAY: &str = r#"
spawn alice
alice: pipe p
alice: fork bob
alice: mkfifo f 0600
alice: open notes "notes" O_RDWR|O_CREAT 0600
alice: mq_open q O_RDWR|O_CREAT 0600 maxmsg=2 msgsize=8
alice: shm_open board O_RDWR|O_CREAT 0600
alice: ftruncate board 4096
alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m
alice: sem_open s O_CREAT 0600 value=0
alice: msgget box IPC_CREAT 0600
alice: msgsnd box "left behind"
alice: semget set 2 IPC_CREAT 0600
alice: shmget segment 4096 IPC_CREAT 0600
alice: shmat segment as seg
alice: fork carol
alice: fork dora
bob: fork erin
carol: execve self
alice: kill dora SIGSTOP
bob: read p 1
carol: read p 1
erin: exit 0
"#;
/// The processes of a stage at the end of it: reaper or intermediate, director, five actors, erin of them a zombie.
const FAMILY: usize = 7;

/// The names that it leaves: of a queue, a segment, a semaphore, and of all three kinds of System V.
const NAMES: usize = 6;

/// A stage on which that has happened.
fn busy(shared: bool) -> Stage {
    let mut stage = open(shared);
    let registry = facility::registry();
    for line in PLAY.lines().filter(|line| !line.is_empty()) {
        let report = stage.run(&script::parse_line(line, registry).unwrap()).unwrap();
        assert!(report.ok(), "{line}: {:?}", report.outcome);
        let failed = report.calls.iter().find(|call| call.errno().is_some());
        assert!(failed.is_none(), "{line}: {failed:?}");
    }
    stage
}

/// Descriptors and children of this process, once threads are no more than `threads`: those of dropped stages end when
/// they notice.
fn held(threads: usize) -> (usize, usize) {
    let own = std::process::id() as i32;
    let deadline = Instant::now() + LIMIT;
    while proc::tasks(own).unwrap().len() > threads {
        assert!(Instant::now() < deadline, "threads are left");
        std::thread::yield_now();
    }
    (proc::descriptors(own).unwrap().len(), proc::children(own).unwrap().len())
}

// ---------------------------------------------------------------- the tests' side

/// A directory for the sessions of one test, and the user who plays its parts.
struct Room {
    path: PathBuf,
    user: u32,
    test: PathBuf,
    launcher: PathBuf,
}

impl Room {
    fn new(name: &str, user: u32) -> Self {
        let path = std::env::temp_dir().join(format!("isolation-{name}-{user}-{}", std::process::id()));
        DirBuilder::new().mode(0o755).create(&path).unwrap();
        chown(&path, Some(user), Some(user)).unwrap();
        let own = std::env::current_exe().unwrap();
        let (test, launcher) = (for_all(&own, &path), for_all(Path::new(LAUNCHER), &path));
        Self { path, user, test, launcher }
    }

    /// A process that plays a part, and what it says up to `ready`.
    fn play(&self, part: &str) -> Player {
        self.play_in(part, &[])
    }

    fn command(&self, part: &str, wrapper: &[&str]) -> Command {
        let words = wrapper.iter().map(PathBuf::from).chain([self.test.clone()]).collect::<Vec<_>>();
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .args(["--exact", "part", "--ignored", "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env("IPCLAB_TEST_LAUNCHER", &self.launcher)
            .env("TMPDIR", &self.path)
            .env("HOME", &self.path)
            .env_remove("XDG_RUNTIME_DIR")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if self.user != nix::unistd::geteuid().as_raw() {
            command.uid(self.user).gid(self.user);
        }
        command
    }

    /// The same, started by another command.
    fn play_in(&self, part: &str, wrapper: &[&str]) -> Player {
        let mut child = self.command(part, wrapper).spawn().unwrap();
        let mut said = Vec::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while out.read_line(&mut line).unwrap() > 0 {
            match line.trim_end() {
                "ready" => return Player { child, said, out },
                other => said.push(other.to_owned()),
            }
            line.clear();
        }
        child.wait().unwrap();
        panic!("{part} failed:\n{}", said.join("\n"));
    }

    /// Sessions that lie here.
    fn sessions(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.path).unwrap().map(|entry| entry.unwrap());
        let sessions = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("ipclab-"));
        sessions.map(|entry| entry.path()).collect()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // A test that failed may have left a session with nobody who clears it away, and without its directory nobody can.
        if std::thread::panicking() {
            let _ = self.command("sweep", &[]).output();
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A program that everybody can execute: itself, or a copy if it lies where only its owner may go.
fn for_all(program: &Path, room: &Path) -> PathBuf {
    let open = |at: &Path| fs::metadata(at).is_ok_and(|meta| meta.permissions().mode() & 1 != 0);
    if program.ancestors().all(open) {
        return program.to_owned();
    }
    let copy = room.join(program.file_name().unwrap());
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

/// A process that plays a part. Dropping it lets it end by itself.
struct Player {
    child: Child,
    said: Vec<String>,
    out: BufReader<ChildStdout>,
}

impl Player {
    fn numbers(&self, word: &str) -> Vec<i32> {
        let prefix = format!("{word} ");
        self.said.iter().filter_map(|line| line.strip_prefix(&prefix)?.parse().ok()).collect()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // What it says at its end is read, lest it find nobody there.
        let _ = self.out.read_to_end(&mut Vec::new());
        let _ = self.child.wait();
    }
}

/// The users who play: root and an ordinary one if we are root, else who we are.
fn users() -> Vec<u32> {
    let own = nix::unistd::geteuid();
    let may = own.is_root() && mapped(NOBODY);
    if may { vec![0, NOBODY] } else { vec![own.as_raw()] }
}

fn mapped(id: u32) -> bool {
    let maps = [fs::read_to_string("/proc/self/uid_map").unwrap(), fs::read_to_string("/proc/self/gid_map").unwrap()];
    maps.iter().all(|map| {
        map.lines().any(|line| {
            let words: Vec<u32> = line.split_ascii_whitespace().map(|word| word.parse().unwrap()).collect();
            id >= words[0] && id - words[0] < words[2]
        })
    })
}

/// The modes that stages open in here. Isolation may be missing only where another program is refused it too.
fn modes() -> &'static [&'static str] {
    let line =
        ["--user", "--map-root-user", "--mount", "--ipc", "--net", "--uts", "--pid", "--fork", "--mount-proc", "true"];
    match probe::isolation(Path::new(LAUNCHER)).unwrap() {
        Ok(()) => &["isolated", "shared"],
        Err(refused) => {
            let other = Command::new("unshare").args(line).stderr(Stdio::null()).status();
            assert!(!other.is_ok_and(|status| status.success()), "{refused:?}");
            &["shared"]
        }
    }
}

/// A process and all its descendants, with descriptors that tell of their end.
fn family(root: i32) -> Vec<(i32, OwnedFd)> {
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(proc::children(*pid).unwrap_or_default());
        next += 1;
    }
    all.into_iter().filter_map(|pid| Some((pid, borrow::pidfd_open(pid).ok()?))).collect()
}

fn all_end(family: &[(i32, OwnedFd)]) {
    for (pid, pidfd) in family {
        assert!(borrow::ends_within(pidfd, LIMIT), "process {pid} is still there");
    }
}

/// What POSIX names of the session begin with that process `pid` belongs to.
fn tag(pid: i32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let id = line.split('\0').find(|word| word.contains('-')).unwrap();
    format!("ipclab-{id}-")
}

fn queue_name(tag: &str) -> CString {
    CString::new(format!("/{tag}q")).unwrap()
}

/// Names with the tag that exist, and objects of System V that names with it lead to.
fn names(tag: &str) -> Vec<String> {
    let memory = fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = memory.filter(|name| name.contains(tag)).collect();
    let kinds = [("box", Kind::Queues), ("set", Kind::Semaphores), ("segment", Kind::Segments)];
    let there = |(name, kind): &(&str, Kind)| sysv::find(*kind, facility::key_of(tag, name)) != Err(Errno::ENOENT);
    names.extend(kinds.iter().filter(|object| there(object)).map(|(name, _)| format!("key of {name}")));
    match mq_open(&queue_name(tag), libc::O_RDONLY, 0, None) {
        Err(Errno::ENOENT) => {}
        found => {
            names.push(format!("/{tag}q"));
            let _ = found.and_then(fd::close);
        }
    }
    names
}

#[test]
fn a_killed_face_takes_everything_with_it() {
    for user in users() {
        for mode in modes() {
            let room = Room::new("killed", user);
            let face = room.play(&format!("face {mode} 3"));
            let stages = face.numbers("stage");
            let families: Vec<_> = stages.iter().flat_map(|pid| family(*pid)).collect();
            let tags: Vec<String> = stages.iter().map(|pid| tag(*pid)).collect();
            assert_eq!((stages.len(), families.len()), (3, 3 * FAMILY));
            for pid in &stages {
                let group = |pid: i32| nix::unistd::getpgid(Some(Pid::from_raw(pid))).unwrap();
                assert_ne!(group(*pid), group(face.child.id() as i32), "what is typed reaches the stage");
            }
            let sessions = room.sessions();
            assert_eq!(sessions.len(), if *mode == "shared" { 3 } else { 0 });
            for tag in &tags {
                assert_eq!(names(tag).len(), if *mode == "shared" { NAMES } else { 0 });
            }
            face.kill();
            all_end(&families);
            assert_eq!(room.sessions(), Vec::<PathBuf>::new());
            for tag in &tags {
                assert_eq!(names(tag), Vec::<String>::new());
            }
        }
    }
}

#[test]
fn a_face_killed_at_any_moment_leaves_nothing() {
    const ROUNDS: u64 = 12;
    for user in users() {
        for mode in modes() {
            let room = Room::new("moment", user);
            for round in 0..ROUNDS {
                let mut face = room.command(&format!("face {mode} 2"), &[]).stderr(Stdio::null()).spawn().unwrap();
                let pid = face.id() as i32;
                // From before its first stage is started to after its last has been played on.
                borrow::ends_within(borrow::pidfd_open(pid).unwrap(), Duration::from_millis(round * 4));
                face.kill().unwrap();
                face.wait().unwrap();
                for (_, pidfd) in started_by(pid) {
                    assert!(borrow::ends_within(pidfd, LIMIT), "a process outlives its face");
                }
                assert!(started_by(pid).is_empty());
                room.play("sweep");
                assert_eq!(room.sessions(), Vec::<PathBuf>::new(), "{mode} killed in round {round}");
                assert_eq!(names(&format!("ipclab-{pid}-")), Vec::<String>::new(), "{mode} killed in round {round}");
            }
        }
    }
}

/// Processes of stages that face `pid` has opened.
fn started_by(pid: i32) -> Vec<(i32, OwnedFd)> {
    let of_face = |other: &i32| {
        let line = fs::read_to_string(format!("/proc/{other}/cmdline")).unwrap_or_default();
        line.contains(&format!("__stage\0{pid}\0"))
    };
    let all = proc::processes().unwrap().into_iter().filter(of_face);
    all.filter_map(|other| Some((other, borrow::pidfd_open(other).ok()?))).collect()
}

/// Kills the reaper of a face's stage, then the face. The session is dead when the director has heard of it.
fn kill_with_its_reaper(face: Player, reaper: i32) {
    let ends: Vec<OwnedFd> = [vec![reaper], proc::children(reaper).unwrap()]
        .concat()
        .into_iter()
        .map(|pid| borrow::pidfd_open(pid).unwrap())
        .collect();
    kill(Pid::from_raw(reaper), Signal::SIGKILL).unwrap();
    face.kill();
    assert!(ends.into_iter().all(|end| borrow::ends_within(end, LIMIT)));
}

#[test]
fn what_no_reaper_could_clear_is_swept_up() {
    for user in users() {
        let room = Room::new("swept", user);
        let (dead, living) = (room.play("face shared 1"), room.play("face shared 1"));
        let (reaper, other) = (dead.numbers("stage")[0], living.numbers("stage")[0]);
        let families = family(reaper);
        let tag = tag(reaper);
        kill_with_its_reaper(dead, reaper);
        assert_eq!((names(&tag).len(), room.sessions().len()), (NAMES, 2), "nobody was left to clear it away");
        // Those who sleep or are stopped hear of nothing.
        assert!(families.iter().any(|(_, pidfd)| !borrow::has_ended(pidfd)));

        let sweeper = room.play("sweep");
        assert_eq!(sweeper.numbers("swept"), [1]);
        all_end(&families);
        assert_eq!(names(&tag), Vec::<String>::new());
        assert_eq!(room.sessions().len(), 1, "the living session stays");
        assert!(!borrow::has_ended(borrow::pidfd_open(other).unwrap()));

        let families = family(other);
        drop(living);
        all_end(&families);
        assert_eq!(room.sessions(), Vec::<PathBuf>::new());
    }
}

/// The ids that exist of what the stage has made without a name.
fn nameless(ids: &[i32]) -> Vec<i32> {
    let [queue, set, segment] = ids[..] else { panic!("{ids:?}") };
    let there = [
        sysv::queue_of(queue).map(|found| found.id),
        sysv::set_of(set).map(|found| found.id),
        sysv::segment_of(segment).map(|found| found.id),
    ];
    there.into_iter().flatten().collect()
}

#[test]
fn what_only_an_id_leads_to_is_cleared_away_too() {
    for user in users() {
        let room = Room::new("nameless", user);
        let face = room.play("nameless shared");
        let families = family(face.numbers("stage")[0]);
        let ids = face.numbers("id");
        assert_eq!(nameless(&ids), ids);
        face.kill();
        all_end(&families);
        assert_eq!(nameless(&ids), Vec::<i32>::new());

        let face = room.play("nameless shared");
        let reaper = face.numbers("stage")[0];
        let families = family(reaper);
        let ids = face.numbers("id");
        kill_with_its_reaper(face, reaper);
        assert_eq!(nameless(&ids).len(), 3, "nobody was left to clear them away");
        room.play("sweep");
        all_end(&families);
        assert_eq!(nameless(&ids), Vec::<i32>::new());
    }
}

#[test]
fn an_isolated_stage_sees_itself_only() {
    if !modes().contains(&"isolated") {
        eprintln!("left out: no stage can be isolated here");
        return;
    }
    for user in users() {
        let room = Room::new("seen", user);
        let face = room.play("face isolated 1");
        let director = proc::children(face.numbers("stage")[0]).unwrap()[0];
        let status = proc::status(director).unwrap();
        assert_eq!(status.namespace_pids.last(), Some(&1));
        for kind in ["user", "ipc", "pid", "mnt", "net", "uts"] {
            let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
            assert_ne!(of(&director.to_string()), of("self"), "{kind}");
        }

        let mounts = fs::read_to_string(format!("/proc/{director}/mounts")).unwrap();
        let mut writable = BTreeSet::new();
        for line in mounts.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let system = ["/usr", "/lib", "/lib32", "/lib64"].iter().any(|dir| words[1].starts_with(dir));
            if words[3].starts_with("ro") {
                assert!(system || words[1] == "/", "{line}");
            } else {
                assert!(!system, "{line}");
                writable.insert(words[1]);
            }
        }
        let own = ["/proc", "/dev/shm", "/dev/mqueue", "/dev/pts", "/dev/null", "/stage"];
        assert!(writable.is_subset(&own.into()), "{mounts}");
        assert!(writable.contains("/proc") && writable.contains("/stage"), "{mounts}");

        let root = PathBuf::from(format!("/proc/{director}/root"));
        let listed: BTreeSet<String> =
            fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let may = ["dev", "proc", "stage", "usr", "lib", "lib32", "lib64"].map(str::to_owned);
        assert!(listed.is_subset(&may.into()), "{listed:?}");
        assert!(!root.join(room.path.strip_prefix("/").unwrap()).exists());
        let files: BTreeSet<String> = fs::read_dir(root.join("stage"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(files, ["f", "notes"].map(str::to_owned).into());

        let interfaces = fs::read_to_string(format!("/proc/{director}/net/dev")).unwrap();
        assert!(interfaces.lines().skip(2).all(|line| line.trim_start().starts_with("lo:")), "{interfaces}");
        // A loopback that is up has addresses.
        let addresses = fs::read_to_string(format!("/proc/{director}/net/fib_trie")).unwrap();
        assert!(addresses.contains("127.0.0.1"), "{addresses}");
    }
}

#[test]
fn two_hundred_stages_in_a_row_leave_nothing_in_the_face() {
    for user in users() {
        for mode in modes() {
            let room = Room::new("many", user);
            drop(room.play(&format!("many {mode}")));
            assert_eq!(room.sessions(), Vec::<PathBuf>::new());
        }
    }
}

#[test]
fn without_user_namespaces_stages_are_shared() {
    if !modes().contains(&"isolated") {
        eprintln!("left out: no stage can be isolated here");
        return;
    }
    const FORBID: &[&str] =
        &["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"", "sh"];
    for user in users() {
        let room = Room::new("refused", user);
        let face = room.play_in("face isolated 1", FORBID);
        let families = family(face.numbers("stage")[0]);
        assert_eq!((families.len(), room.sessions().len()), (FAMILY, 1));
        face.kill();
        all_end(&families);
        assert_eq!(room.sessions(), Vec::<PathBuf>::new());

        let told = room.play_in("doctor", FORBID).said.join("\n");
        assert!(told.contains("degraded  isolated stage: stages open in shared mode"), "{told}");
        assert!(told.contains("user.max_user_namespaces is 0") && told.contains("do: as root: sysctl"), "{told}");
        assert!(told.contains("works     shared stage"), "{told}");
        assert!(told.contains("code ExitCode(unix_exit_status(0))"), "{told}");
    }
}

#[test]
fn a_launcher_that_is_not_there_is_named() {
    let options = Options { launcher: "/nonesuch/ipclab".into(), shared: false };
    let told = stage::launch(&options).unwrap_err().to_string();
    assert!(told.contains("/nonesuch/ipclab") && told.contains("executable"), "{told}");
}
