//! The lessons, each a test: its start fails, its solution passes, predictions come out as marked, nothing is left.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn check(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ipclab")).arg("check").args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether the most isolated stage of this machine lacks something.
fn lacks(capability: &str) -> bool {
    let options = ipclab::stage::Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared: false };
    !ipclab::stage::Stage::open(&options).unwrap().info().capabilities.iter().any(|c| c == capability)
}

fn passes(lesson: &str) {
    for mode in [&[][..], &["--shared"]] {
        let output = check(&[&[lesson], mode].concat());
        assert!(output.status.success(), "{lesson} {mode:?}\n{}", said(&output));
        // Where a stage must be apart and can't be, that is said, and nothing else.
        let text = std::fs::read_to_string(format!("{}/lessons/{lesson}.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let needs =
            ["isolated", "hosts", "realtime"].into_iter().find(|c| text.contains(&format!("requires = [\"{c}\"]")));
        let skipped = needs.filter(|c| said(&output).contains(&format!("this stage lacks {c}")));
        assert!(skipped.is_some() || said(&output).contains("1 passed\n"), "{lesson} {mode:?}\n{}", said(&output));
        assert!(
            skipped.is_none_or(|c| (!mode.is_empty() && c != "realtime") || lacks(c)),
            "{lesson}\n{}",
            said(&output)
        );
    }
}

macro_rules! lessons {
    ($($name:ident = $id:literal,)*) => {
        $(#[test] fn $name() { passes($id); })*

        #[test]
        fn every_lesson_has_its_test() {
            let mut on_disk: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons"))
                .unwrap()
                .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".md").map(str::to_owned))
                .collect();
            on_disk.sort();
            let mut tested = vec![$($id),*];
            tested.sort_unstable();
            assert_eq!(on_disk, tested);
        }
    };
}

lessons! {
    bounded_buffer = "bounded-buffer",
    crash_drill = "crash-drill",
    fifo_rendezvous = "fifo-rendezvous",
    file_lock_owner = "file-lock-owner",
    lock_you_lose = "lock-you-lose",
    lost_update = "lost-update",
    mmap_views = "mmap-views",
    philosophers = "philosophers",
    lock_and_pipe = "lock-and-pipe",
    passing_descriptors = "passing-descriptors",
    performance = "performance",
    pipe_buf = "pipe-buf",
    condition_variables = "condition-variables",
    many_descriptors = "many-descriptors",
    mutex_owner = "mutex-owner",
    pipe_capacity = "pipe-capacity",
    pipe_eof = "pipe-eof",
    readers_writers = "readers-writers",
    priority_inversion = "priority-inversion",
    posix_notify = "posix-notify",
    semaphores = "semaphores",
    shm_lifetime = "shm-lifetime",
    socket_boundaries = "socket-boundaries",
    socket_names = "socket-names",
    tcp_close = "tcp-close",
    udp_loss = "udp-loss",
    interrupted_calls = "interrupted-calls",
    sigpipe = "sigpipe",
    signal_queues = "signal-queues",
    signal_driven_io = "signal-driven-io",
    sysv_types = "sysv-types",
    terminal_bytes = "terminal-bytes",
    thundering_herd = "thundering-herd",
    three_families = "three-families",
    two_machines = "two-machines",
    two_pipes = "two-pipes",
    who_survives = "who-survives",
    choosing = "choosing",
}

/// A folder of lessons that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lessons-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const SMALL: &str = r#"+++
id = "small"
title = "Small"
unit = "pipes"
misconception = "m"
objectives = ["o"]
claims = ["X4"]
minutes = 1
read = ["pipe(7)"]
+++
## One {#one}
```run
spawn alice
alice: pipe p
alice: close p.w
```
```predict id=eof
What does alice get?
- [x] 0 {alice returned 0 from read} -> yes
- [ ] she sleeps {alice blocked} -> no
```
```run
alice: read p 1
```
```run for=b
expect p eof
```
```goal
# Close the other end
expect gone p
```
```hint when=alice idle
She has it open.
```
```solve
alice: close p.r
```
```explain
So.
```
"#;

fn fails(name: &str, right: &str, wrong: &str, expected: &[&str]) {
    assert!(SMALL.contains(right), "{right}");
    let folder = Folder::new(name);
    let file = folder.write("small.md", &SMALL.replacen(right, wrong, 1));
    let output = check(&[&file]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in expected {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn a_sound_lesson_passes() {
    let folder = Folder::new("sound");
    let output = check(&[&folder.write("small.md", SMALL)]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_prediction_that_is_marked_wrong_fails() {
    fails(
        "marked",
        "- [x] 0 {alice returned 0 from read} -> yes\n- [ ] she",
        "- [ ] 0 {alice returned 0 from read} -> yes\n- [x] she",
        &[
            "choice a of `eof` holds and is not marked as right",
            "choice b of `eof` is marked as right and does not hold",
            "small.md:19:10",
            "seen: alice is idle",
        ],
    );
}

#[test]
fn two_choices_that_hold_fail() {
    fails("both", "{alice blocked}", "{alice idle}", &["choice b of `eof` holds and is not marked as right"]);
}

#[test]
fn a_goal_that_is_met_at_the_start_fails() {
    fails(
        "met",
        "expect gone p",
        "expect alice idle",
        &["is met before the learner has done anything", "small.md:29:1"],
    );
}

#[test]
fn a_solution_that_solves_nothing_fails() {
    fails(
        "unsolved",
        "alice: close p.r",
        "alice: getpid",
        &["the solution does not meet the goal `one`", "seen: p is on stage", "goal `one` of line 29", "small.md:36:1"],
    );
}

#[test]
fn a_statement_that_comes_out_otherwise_fails() {
    fails("refused", "alice: close p.w\n", "alice: close p.w\nalice: pipe p\n", &["p is taken", "small.md:16:1"]);
    fails("refuted", "expect p eof", "expect p bytes 1", &["`expect p bytes 1` came out otherwise", "seen: p bytes 0"]);
}

#[test]
fn a_hint_that_never_fits_fails() {
    fails(
        "hint",
        "when=alice idle",
        "when=alice blocked",
        &[
            "this hint fits no moment",
            "small.md:32:14",
            "alice is idle; alice's last call was close(3) = 0 (after `alice: close p.r`",
        ],
    );
}

#[test]
fn what_a_stage_lacks_is_the_reason_to_skip() {
    let folder = Folder::new("skip");
    let file = folder.write("small.md", &SMALL.replacen("minutes = 1", "minutes = 1\nrequires = [\"isolated\"]", 1));
    let output = check(&["--shared", &file]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("skipped: this stage lacks isolated ("), "{}", said(&output));
}

#[test]
fn a_step_that_a_stage_cannot_hold_is_left_out_and_said() {
    let folder = Folder::new("left-out");
    let away =
        "```explain\nSo.\n```\n\n## Away {#away requires=isolated}\n```run fresh\nspawn bob\nexpect bob running\n```\n";
    let file = folder.write("small.md", &SMALL.replacen("```explain\nSo.\n```\n", away, 1));
    let output = check(&["--shared", &file]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("“Away” is left out: this stage lacks isolated"), "{}", said(&output));
    // Where it can be held, it is: and what it says is not so.
    let output = check(&[&file]);
    assert_eq!(output.status.code(), Some(i32::from(!lacks("isolated"))), "{}", said(&output));
    let line = check(&["--shared", "--json", &file]);
    let line: serde_json::Value = serde_json::from_str(said(&line).lines().next().unwrap()).unwrap();
    assert_eq!(line["left_out"][0]["lacks"][0], "isolated");
}

#[test]
fn a_bad_lesson_is_named_and_the_others_are_checked() {
    let folder = Folder::new("bad");
    folder.write("a.md", &SMALL.replace("alice: pipe p", "alice: pip p"));
    folder.write("small.md", SMALL);
    folder.write("unproved.md", &SMALL.replace("id = \"small\"", "id = \"unproved\"").replace("X4", "X99"));
    let junit = folder.0.join("junit.xml");
    let output = check(&[folder.path(), "--junit", junit.to_str().unwrap()]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "error: unknown call `pip`",
        "a.md:14:8",
        "did you mean `pipe`?",
        "error: unknown claim `X99`",
        "small ok: ",
        "1 passed, 2 can't be used",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("tests=\"3\" failures=\"0\" errors=\"2\" skipped=\"0\""), "{xml}");
    assert!(xml.contains("<testcase classname=\"pipes\" name=\"small\""), "{xml}");
}

#[test]
fn results_come_as_json_too() {
    let folder = Folder::new("json");
    folder.write("small.md", &SMALL.replacen("expect gone p", "expect alice idle", 1));
    let output = check(&[folder.path(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> = said(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert_eq!(lines[0]["event"], "checked");
    assert_eq!(lines[0]["verdict"], "failed");
    assert_eq!(lines[0]["failures"][0]["line"], 29);
    assert_eq!(lines[1]["event"], "summary");
    assert_eq!(lines[1]["failed"], 1);
}

#[test]
fn what_is_nowhere_is_said_with_the_nearest() {
    let output = check(&["pipe-eoff"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        said(&output),
        "error: pipe-eoff is neither a file, nor a folder, nor the id of a lesson; did you mean pipe-eof?\n"
    );
    let folder = Folder::new("nothing");
    assert_eq!(check(&[folder.path()]).status.code(), Some(2));
    assert!(Path::new(folder.path()).is_dir());
}

/// The least that each lesson is to prove, so that together they prove all.
const PROVE: &[(&str, &str)] = &[
    ("three-families", "T1 D1 D2 G1 S6 F1"),
    ("pipe-eof", "X4 G2"),
    ("sigpipe", "X5"),
    ("pipe-capacity", "G2 G3"),
    ("pipe-buf", "B1 X6"),
    ("two-pipes", "X10"),
    ("fifo-rendezvous", "B1 X1 X7"),
    ("socket-boundaries", "B1 B2 M1 M2 M3 F4"),
    ("socket-names", "X1 X2 N2"),
    ("tcp-close", "B1 N1 N2"),
    ("udp-loss", "M1 F10 N1"),
    ("sysv-types", "M1 M2 M3 F5"),
    ("posix-notify", "M1 M2 M3 F5 F8"),
    ("mmap-views", "S1 S2 S7"),
    ("shm-lifetime", "S1 X1 X2"),
    ("lost-update", "S4 Y1 Y2"),
    ("semaphores", "S5 Y3 Y4 Y5 X11"),
    ("file-lock-owner", "Y6 Y8 Y9 Y10"),
    ("lock-you-lose", "X9 X10"),
    ("mutex-owner", "Y11 X11"),
    ("condition-variables", "Y11 X12"),
    ("signal-queues", "T2 T3 T4"),
    ("interrupted-calls", "X8"),
    ("terminal-bytes", "P1"),
    ("many-descriptors", "F6 F7"),
    ("signal-driven-io", "F6"),
    ("passing-descriptors", "F9 X1"),
    ("who-survives", "X2 X3"),
    ("performance", "D2 S2 S3"),
    ("choosing", "F1 F2 F3 F4 Y7 Y12"),
];

#[test]
fn each_lesson_proves_what_the_course_needs_of_it() {
    let pack = ipclab::lesson::Pack::embedded(ipclab::facility::registry()).unwrap();
    for (id, claims) in PROVE {
        let lesson = pack.lessons.iter().find(|l| l.id() == *id).unwrap_or_else(|| panic!("no lesson {id}"));
        for claim in claims.split(' ') {
            assert!(lesson.front.claims.iter().any(|c| c == claim), "{id} does not say that it proves {claim}");
        }
    }
}
