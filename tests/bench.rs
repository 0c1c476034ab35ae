//! The measuring room: each facility carries what it says, figures have all their parts, and nothing is left behind,
//! however it ends. No test asserts a time.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ipclab::bench::{ALL, Event, Kind, Machine, Measuring, Next, Outcome, Placement, Plan, Run};
use ipclab::kernel::borrow::{ends_within, pidfd_open};
use ipclab::kernel::proc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LIMIT: Duration = Duration::from_secs(60);

/// As little as can be measured.
fn plan(sizes: &[u64]) -> Plan {
    Plan { sizes: sizes.to_vec(), budget_ns: 1_000_000, limits: false, ..Plan::new(true) }
}

/// All that is told.
fn events(plan: &Plan) -> Vec<Event> {
    let mut measuring = Measuring::start(env!("CARGO_BIN_EXE_ipclab").as_ref(), plan).unwrap();
    let mut events = Vec::new();
    while let Next::Event(event) = measuring.next(None) {
        events.push(*event);
    }
    events
}

fn runs(events: Vec<Event>) -> Vec<Run> {
    events.into_iter().filter_map(|e| if let Event::Run(run) = e { Some(run) } else { None }).collect()
}

/// Why a step must come to no figures here, if it must.
fn refused(run: &Run) -> Option<&'static str> {
    let large = run.step.size > 8192;
    match run.step.facility.as_str() {
        _ if run.step.placement == Placement::Across && Machine::here().cpus.1.is_none() => Some("one processor"),
        "mq" if large => Some("msgsize_max"),
        "sysv-mq" if large => Some("msgmax"),
        "udp" if run.step.size > 65_507 => Some("65507 bytes"),
        "unix-datagram" | "unix-seqpacket" if run.step.size > 400_000 => Some("wmem_default"),
        _ => None,
    }
}

#[test]
fn each_facility_carries_every_byte_on_one_core_and_across() {
    // A size that no buffer, page or ring is a multiple of; and of the largest one of a kind, as to compare takes long.
    for (sizes, only) in [(&[1, 5003][..], &[][..]), (&[1 << 20], &["pipe", "unix-datagram", "mq", "udp", "shm-futex"])]
    {
        let mut plan = plan(sizes);
        plan.only(&only.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()).unwrap();
        let found = runs(events(&plan));
        assert_eq!(found.len(), plan.steps().len());
        for run in found {
            let at = format!("{:?}: {:?}", run.step, run.outcome);
            match (&run.outcome, refused(&run)) {
                (Outcome::Not(why), Some(expected)) => assert!(why.contains(expected), "{at}"),
                (Outcome::Latency(l), None) => {
                    assert!(run.step.kind != Kind::Throughput && l.rounds >= 32, "{at}");
                    assert_eq!(l.histogram.iter().map(|(_, count)| count).sum::<u64>(), l.rounds, "{at}");
                    let ordered = [l.min, l.p50, l.p90, l.p99, l.p999, l.max];
                    assert!(l.min > 0 && ordered.is_sorted() && (0.0..=1.0).contains(&l.tail), "{at}");
                }
                (Outcome::Throughput(t), None) => {
                    assert!(run.step.kind == Kind::Throughput && t.messages > 0, "{at}");
                    assert!(0.0 < t.low && t.low <= t.median && t.median <= t.high, "{at}");
                    assert!(t.lost == 0 || run.step.facility == "udp", "{at}");
                }
                _ => panic!("{at}"),
            }
        }
    }
}

#[test]
fn the_machines_limits_have_figures() {
    let events = events(&Plan { facilities: Vec::new(), limits: true, ..plan(&[1]) });
    let Some(Event::Begun { of, .. }) = events.first() else { panic!("{events:?}") };
    let limits: Vec<_> = events.iter().filter_map(|e| if let Event::Limit(l) = e { Some(l) } else { None }).collect();
    assert_eq!(limits.len(), *of);
    for limit in limits {
        match &limit.figures {
            Ok(f) => assert!(0.0 < f.low && f.low <= f.median && f.median <= f.high, "{limit:?}"),
            Err(why) => assert!(limit.id == "cache-line" && Machine::here().cpus.1.is_none(), "{limit:?}: {why}"),
        }
    }
    assert!(matches!(events.last(), Some(Event::Over { whole: true, .. })));
}

#[test]
fn a_stop_ends_it_at_any_time() {
    let plan = Plan { budget_ns: 30_000_000_000, ..plan(&[1]) };
    for subject in ALL {
        let plan = Plan { facilities: vec![subject.id.to_owned()], ..plan.clone() };
        let mut measuring = Measuring::start(env!("CARGO_BIN_EXE_ipclab").as_ref(), &plan).unwrap();
        // It begins to measure what takes half a minute.
        while !matches!(measuring.next(None), Next::Event(event) if matches!(*event, Event::Now(_))) {}
        measuring.stopper().stop();
        let mut rest = Vec::new();
        while let Next::Event(event) = measuring.next(None) {
            rest.push(*event);
        }
        assert!(matches!(rest[..], [Event::Over { whole: false, .. }]), "{}: {rest:?}", subject.id);
    }
}

/// A place that goes with the test; its name is in the environment of every process that the test starts.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bench-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn ipclab(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipclab"));
        command.arg("bench").args(args).stdin(Stdio::null()).env("XDG_STATE_HOME", &self.0).env("TMPDIR", &self.0);
        command
    }

    /// The processes that have our environment and have not ended.
    fn processes(&self) -> BTreeSet<i32> {
        let word = self.0.to_str().unwrap();
        let has = |pid: &i32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(word)
        };
        proc::processes().unwrap().into_iter().filter(has).collect()
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(&self.0).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts to measure for long, and waits until it tells that this facility is begun.
fn begun(folder: &Folder, facility: &str) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = folder.ipclab(&[facility]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(&format!("] {facility}")) {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended");
    }
    (child, err)
}

#[test]
fn ctrl_c_prints_what_there_is_and_leaves_nothing() {
    let folder = Folder::new("cancel");
    let (mut child, mut err) = begun(&folder, "fifo");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let (mut out, mut rest) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    err.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(out.contains("The machine's limits") && rest.contains("cancelled; "), "{out}{rest}");
    assert_eq!(folder.processes(), BTreeSet::new());
    assert_eq!(folder.files(), ["ipclab"], "no FIFO, only what was measured");
}

#[test]
fn a_killed_face_leaves_nothing() {
    let folder = Folder::new("killed");
    let (mut child, _err) = begun(&folder, "shm-sysv-sem");
    let all: Vec<_> = folder.processes().into_iter().filter_map(|pid| pidfd_open(pid).ok()).collect();
    assert!(all.len() > 1, "a keeper and what it has started");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all.into_iter().all(|pidfd| ends_within(pidfd, LIMIT)));
    // What a process that was starting meanwhile has become.
    let late = folder.processes().into_iter().filter_map(|pid| pidfd_open(pid).ok());
    assert!(late.into_iter().all(|pidfd| ends_within(pidfd, LIMIT)));
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn lines_of_json_say_all_that_the_tables_do() {
    let folder = Folder::new("json");
    let args = ["pipe", "udp", "--quick", "--same-core", "--sizes", "1,1M"];
    let output = folder.ipclab(&args).arg("--json").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().all(|line| line["version"] == 1));
    let of = |event: &str| lines.iter().filter(|l| l["event"] == event).collect::<Vec<_>>();
    assert_eq!(of("machine").len(), 1);
    assert_eq!(of("limit").len() + of("measured").len(), of("machine")[0]["of"].as_u64().unwrap() as usize);
    assert!(of("measured")[0]["latency"]["p50"].as_u64().unwrap() > 0, "{}", of("measured")[0]);
    assert!(of("measured").iter().any(|l| l["facility"] == "udp" && l["why"].as_str().is_some()));
    assert_eq!(of("measured all")[0]["whole"], true);
    // And it is remembered.
    let history = folder.ipclab(&["--history", "--json"]).output().unwrap();
    assert_eq!(String::from_utf8(history.stdout).unwrap().lines().count(), lines.len() - 1);
    let history = String::from_utf8(folder.ipclab(&["--history"]).output().unwrap().stdout).unwrap();
    assert!(history.contains("Round trip, p50, 1 byte, same core") && history.contains("\npipe  "), "{history}");
}

#[test]
fn bad_input_is_said_and_a_newer_history_left_alone() {
    let folder = Folder::new("bad");
    for (args, said) in [
        (&["pip"][..], "there is no facility pip to measure; did you mean pipe?"),
        (&["--sizes", "4K,9Q"], "\"9Q\" is no size of a message"),
        (&["--history", "--quick"], "cannot be used with"),
    ] {
        let output = folder.ipclab(args).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && err.contains(said), "{args:?}: {err}");
    }
    std::fs::create_dir(folder.0.join("ipclab")).unwrap();
    let (file, newer) = (folder.0.join("ipclab/measurements.json"), "{\"version\":7}");
    std::fs::write(&file, newer).unwrap();
    let output = folder.ipclab(&["pipe", "--quick", "--sizes", "1", "--same-core"]).output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("written by a newer ipclab (version 7"));
    assert!(String::from_utf8(output.stdout).unwrap().contains("Latency of 1 byte, same core"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), newer);
}
