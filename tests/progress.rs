//! What a learner has done, from outside: told, asked again, forgotten and brought back.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A learner with a place for their progress, which goes with the test.
struct Learner(PathBuf);

impl Learner {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("learner-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// One who was wrong about a pipe's end long ago, and foresaw that of another one.
    fn wrong_once(name: &str) -> Self {
        let learner = Self::new(name);
        learner.keep(
            "version = 2\n[lessons.pipe-eof]\nstep = \"right\"\nat = \"2026-01-05 10:00:00 +0100\"\n\
             [[lessons.pipe-eof.predictions.eof]]\nat = \"2026-01-05 10:00:00 +0100\"\nchoice = \"a\"\n\
             text = \"0, end of file\"\noutcome = \"wrong\"\n\
             [[lessons.pipe-eof.predictions.daemon]]\nat = \"2026-01-05 10:01:00 +0100\"\nchoice = \"b\"\n\
             text = \"nothing, it sleeps\"\noutcome = \"right\"\n",
        );
        learner
    }

    fn file(&self) -> PathBuf {
        self.0.join("ipclab/progress.toml")
    }

    fn keep(&self, text: &str) {
        std::fs::create_dir_all(self.0.join("ipclab")).unwrap();
        std::fs::write(self.file(), text).unwrap();
    }

    fn prove(&self, lines: &str) {
        std::fs::create_dir_all(self.0.join("ipclab")).unwrap();
        std::fs::write(self.0.join("ipclab/proofs.txt"), lines).unwrap();
    }

    fn proved(&self) -> String {
        std::fs::read_to_string(self.0.join("ipclab/proofs.txt")).unwrap()
    }

    fn kept(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn says(&self, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipclab"));
        command.args(args).env("XDG_STATE_HOME", &self.0).env("TZ", "UTC").current_dir(&self.0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It may not want to hear all of it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What it says where all goes well.
    #[track_caller]
    fn fine(&self, args: &[&str], input: &str) -> String {
        let output = self.says(args, input);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        said
    }

    /// What it says where the input is bad.
    #[track_caller]
    fn bad(&self, args: &[&str]) -> String {
        let output = self.says(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn account(&self) -> serde_json::Value {
        serde_json::from_str(&self.fine(&["progress", "--json"], "")).unwrap()
    }
}

impl Drop for Learner {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lesson<'a>(account: &'a serde_json::Value, id: &str) -> &'a serde_json::Value {
    account["lessons"].as_array().unwrap().iter().find(|l| l["lesson"] == id).unwrap()
}

#[test]
fn what_was_done_is_told() {
    let learner = Learner::new("told");
    assert!(learner.fine(&["progress"], "").contains("No lesson has been begun"));
    learner.fine(&["learn", "--plain", "pipe-eof"], "\na\n\n\n/quit\n");
    let said = learner.fine(&["progress"], "");
    for part in [
        "0 of 1 predictions came out as foreseen (0 %).",
        "step 2 of 3, Now do it right",
        "`ipclab learn pipe-eof`",
        "the next question comes tomorrow",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let said = learner.fine(&["progress", "show", "pipe-eof"], "");
    for part in
        ["you believed: 0, end of file", "What happens: it sleeps.", "only counts the descriptors", "Box 1 of 4"]
    {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let account = learner.account();
    assert_eq!((&account["go_on"]["lesson"], &account["go_on"]["step"]), (&"pipe-eof".into(), &2.into()));
    let eof = &lesson(&account, "pipe-eof")["predictions"][0];
    assert_eq!((&eof["answers"][0]["outcome"], &eof["box"]), (&"wrong".into(), &1.into()));
    let said = learner.fine(&["learn", "--plain"], "");
    assert!(said.contains("You were in") && said.contains("`ipclab learn --plain pipe-eof` goes on there"), "{said}");
    assert!(learner.bad(&["progress", "show", "pipe-eo"]).contains("did you mean pipe-eof?"));
}

#[test]
fn the_way_to_a_goal_is_kept_if_it_was_ones_own() {
    let learner = Learner::new("way");
    learner.fine(&["learn", "--plain", "pipe-eof"], "\nb\n\n\nchild: close p.w\nchild: read p 10\n/quit\n");
    let kept = learner.kept();
    assert!(kept.contains("[lessons.pipe-eof.solved]") && kept.contains("child: read p 10"), "{kept}");
    let other = Learner::new("solution");
    other.fine(&["learn", "--plain", "pipe-eof"], "\nb\n\n\n/solve\n\n/quit\n");
    assert!(other.kept().contains("goals = [\"end\"]") && !other.kept().contains("solved"), "{}", other.kept());
}

#[test]
fn what_was_wrong_is_asked_again_and_decided_anew() {
    let learner = Learner::wrong_once("again");
    let account = learner.account();
    assert_eq!(account["due"], serde_json::json!([{ "lesson": "pipe-eof", "prediction": "eof" }]));
    // Whichever place the right choice has this time: look for it, as a learner would.
    let asked = learner.fine(&["review", "--plain"], "/quit\n");
    assert!(asked.contains("Question 1 of 1, from") && !asked.contains("bye"), "{asked}");
    let right = asked.lines().find_map(|l| l.trim().strip_suffix(". it sleeps")).unwrap().to_owned();
    assert_eq!(learner.account()["due"], account["due"], "who leaves is asked again");
    let again = learner.fine(&["review", "--plain"], "/quit\n");
    assert_eq!(asked, again, "in the same order");
    let said = learner.fine(&["review", "--plain"], &format!("{right}\n\n"));
    assert!(said.contains("You said so, and so it is: it sleeps"), "{said}");
    assert!(said.contains("1 of 1 came out as you said."), "{said}");
    let account = learner.account();
    let eof = &lesson(&account, "pipe-eof")["predictions"][0];
    assert_eq!(
        (&eof["box"], &eof["answers"][1]["review"], &eof["answers"][1]["choice"]),
        (&2.into(), &true.into(), &"b".into())
    );
    assert_eq!(account["first_tries"]["mended"], 1);
    assert!(account["due"].as_array().unwrap().is_empty());
    assert!(learner.fine(&["review", "--plain"], "").contains("Nothing is due; the next question comes in 3 days"));
    // The place in the lesson is as it was.
    assert_eq!(account["go_on"]["step"], 2);
}

#[test]
fn who_is_wrong_again_begins_again_and_sees_it_refuted() {
    let learner = Learner::wrong_once("wrong");
    let asked = learner.fine(&["review", "--plain"], "/quit\n");
    let wrong = asked.lines().find_map(|l| l.trim().strip_suffix(". 0, end of file")).unwrap().to_owned();
    let said = learner.fine(&["review", "--json"], &format!("{wrong}\n\n\n"));
    let events: Vec<serde_json::Value> = said.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let event = |name: &str| events.iter().find(|e| e["event"] == name);
    assert_eq!(event("revealed").unwrap()["right"], false);
    assert!(events.iter().any(|e| e["event"] == "statements" && e["kind"] == "refutation"), "{said}");
    assert_eq!((&event("reviewed").unwrap()["asked"], &event("reviewed").unwrap()["right"]), (&1.into(), &0.into()));
    assert_eq!(lesson(&learner.account(), "pipe-eof")["predictions"][0]["box"], 1);
}

#[test]
fn a_question_of_every_lesson_can_be_asked_again() {
    // The last of each, which has the longest way to it: wrong, long ago; then each is asked, and all are answered with the first choice. Enter shows a belief
    // refuted, or does nothing where a question is asked.
    let learner = Learner::new("every");
    let account = learner.account();
    let mut kept = "version = 2\n".to_owned();
    let mut all = 0;
    for lesson in account["lessons"].as_array().unwrap() {
        if let Some(prediction) = lesson["predictions"].as_array().unwrap().last() {
            all += 1;
            kept.push_str(&format!(
                "[[lessons.{}.predictions.{}]]\nat = \"2026-01-05 10:00:00 +0000\"\nchoice = \"a\"\ntext = \"x\"\noutcome = \"wrong\"\n",
                lesson["lesson"].as_str().unwrap(),
                prediction["prediction"].as_str().unwrap(),
            ));
        }
    }
    learner.keep(&kept);
    let said = learner.fine(&["review", "--json"], &"a\n\n".repeat(all));
    let events: Vec<serde_json::Value> = said.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let decided: Vec<_> = events.iter().filter(|e| e["event"] == "revealed").collect();
    assert!(decided.iter().all(|e| !e["held"].is_null()), "each is decided by running");
    assert!(!events.iter().any(|e| e["event"] == "differs"), "and comes out as in its lesson");
    let ended = events.last().unwrap();
    assert_eq!(ended["event"], "reviewed");
    let asked = ended["asked"].as_u64().unwrap() as usize;
    assert_eq!(asked, decided.len());
    // What needs an isolated stage is left out where there is none.
    assert!(asked * 2 > all && asked <= all, "{asked} of {all}");
}

#[test]
fn what_is_forgotten_can_be_brought_back() {
    let learner = Learner::wrong_once("forget");
    let before = learner.kept();
    assert!(learner.bad(&["progress", "reset", "pipe-eof"]).contains("`--yes` says so"));
    assert!(learner.bad(&["progress", "reset", "pipe-eo", "--yes"]).contains("did you mean pipe-eof?"));
    assert!(learner.bad(&["progress", "reset", "sigpipe", "--yes"]).contains("nothing is known of sigpipe"));
    assert_eq!(learner.kept(), before);
    let said = learner.fine(&["progress", "reset", "--all", "--yes"], "");
    assert!(said.contains("forgotten: pipe-eof") && said.contains("progress.toml.before-1"), "{said}");
    assert!(learner.account()["due"].as_array().unwrap().is_empty());
    assert!(learner.fine(&["progress", "undo"], "").contains("brought back: pipe-eof"));
    assert_eq!(learner.account()["due"].as_array().unwrap().len(), 1);
    assert!(learner.fine(&["progress", "undo"], "").contains("nothing to bring back"));
}

#[test]
fn a_newer_version_is_left_alone_and_said() {
    let learner = Learner::new("newer");
    let newer = "version = 3\nlessons = \"otherwise\"\n";
    learner.keep(newer);
    for args in [&["progress"][..], &["review", "--plain"], &["learn", "--plain"]] {
        let said = learner.fine(args, "");
        assert!(
            said.contains("was written by a newer ipclab (version 3, this one knows 2) and is left alone"),
            "{said}"
        );
    }
    learner.fine(&["learn", "--plain", "pipe-eof"], "\na\n/quit\n");
    assert_eq!(learner.says(&["progress", "reset", "--all", "--yes"], "").status.code(), Some(1));
    assert_eq!(learner.kept(), newer);
}

#[test]
fn what_is_exported_can_be_run_again_and_laid_beside_ones_own() {
    let home = Learner::new("home");
    home.fine(&["learn", "--plain", "pipe-eof"], "\na\n\n\n\nchild: close p.w\nchild: read p 10\n/quit\n");
    assert!(home.fine(&["progress", "export", "all.txt"], "").contains("all.txt: 1 answer in 1 lesson"));
    let text = std::fs::read_to_string(home.0.join("all.txt")).unwrap();
    for part in ["parent: close p.w\nchild: read p 1\n", "claim = \"child blocked in read on p\"", "child: read p 10"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(home.fine(&["progress", "export", "-"], ""), text);
    assert!(home.bad(&["progress", "export", "all.txt"]).contains("is not overwritten"));
    let replayed = home.fine(&["replay", "all.txt"], "");
    for part in [
        "you believed: 0, end of file",
        "so it is",
        "What happens here: it sleeps",
        "reached here too",
        "2 came out as then",
    ] {
        assert!(replayed.contains(part), "{part}\n{replayed}");
    }
    assert!(home.fine(&["--shared", "replay", "all.txt"], "").contains("2 came out as then, 0 otherwise"));

    // Somebody who has the text but not the lessons can run it all the same.
    let work = Learner::wrong_once("work");
    std::fs::write(work.0.join("all.txt"), &text).unwrap();
    let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/own");
    assert!(work.fine(&["replay", "all.txt", "--pack", pack], "").contains("2 came out as then"));
    let before = work.kept();
    let output = work.says(&["progress", "import", "all.txt"], "");
    assert_eq!(output.status.code(), Some(2), "nobody was asked");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.starts_with("pipe-eof: ") && shown.contains("1 answer more (1 wrong), 1 goal more, 1 way to a goal more"),
        "{shown}"
    );
    assert_eq!(work.kept(), before);
    assert!(work.fine(&["progress", "import", "all.txt", "--yes"], "").contains("imported: 1 change"));
    assert!(work.fine(&["progress", "import", "all.txt", "--yes"], "").contains("all of it is known already"));
    let account = work.account();
    assert_eq!(lesson(&account, "pipe-eof")["predictions"][0]["answers"].as_array().unwrap().len(), 2);
    assert_eq!(
        lesson(&account, "pipe-eof")["predictions"][1]["answers"].as_array().unwrap().len(),
        1,
        "nothing is lost"
    );
    // And the other way round it comes to the same.
    home.fine(&["progress", "import", work.file().to_str().unwrap(), "--yes"], "");
    assert_eq!(home.kept(), work.kept());
}

#[test]
fn what_comes_out_otherwise_in_a_replay_is_told() {
    let learner = Learner::new("otherwise");
    learner.fine(&["learn", "--plain", "pipe-eof"], "\nb\n\n\nchild: close p.w\nchild: read p 10\n/quit\n");
    learner.fine(&["progress", "export", "all.txt"], "");
    let text = std::fs::read_to_string(learner.0.join("all.txt")).unwrap();
    // As if another kernel had written it: the outcome is another one, and the way leads elsewhere.
    let other = text.replace("outcome = \"right\"", "outcome = \"wrong\"").replace("child: close p.w", "child: getpid");
    std::fs::write(learner.0.join("other.txt"), other).unwrap();
    let output = learner.says(&["replay", "other.txt", "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(
        (&lines[0]["event"], &lines[0]["as_then"], &lines[0]["held"]),
        (&"predicted".into(), &false.into(), &"it sleeps".into())
    );
    assert_eq!((&lines[1]["event"], &lines[1]["goals"][0]["met"]), (&"way".into(), &false.into()));
    assert_eq!((&lines[2]["event"], &lines[2]["otherwise"]), (&"replayed".into(), &2.into()));
}

#[test]
fn a_broken_transfer_is_told_with_its_line_and_changes_nothing() {
    let learner = Learner::wrong_once("broken");
    learner.prove("1 pipe/boundaries 5.6.0\n");
    let whole = learner.fine(&["progress", "export", "-"], "");
    let cut = whole[..whole.find("statements").unwrap() + 20].to_owned();
    let cases = [
        ("hello", "hello\n".to_owned(), ":1: ", "expected `=`"),
        ("empty", String::new(), ":1: ", "missing field `version`"),
        (
            "newer",
            whole.replace("version = 3", "version = 4\nnew = 1"),
            ":4: ",
            "written by a newer ipclab (version 4, this one knows 3)",
        ),
        ("cut", cut, ":", "invalid multi-line basic string"),
        ("word", whole.replace("\"wrong\"", "\"wrnog\""), ":", "did you mean `wrong`?"),
        ("key", whole.replace("choice = \"a\"", "chioce = \"a\""), ":", "did you mean `choice`?"),
        ("call", whole.replace("parent: pipe p", "parent: pip p"), ":", "unknown call `pip`; did you mean `pipe`?"),
        ("claim", whole.replace("failed EBADF\"", "faild EBADF\""), ":", "did you mean `failed`?"),
        ("moment", whole.replace("2026-01-05 10:00:00 +0100", "yesterday"), ":", "expected a moment such as"),
        ("cell", whole.replace("pipe/boundaries", "pipe boundaries"), ":", "did you mean `pipe/boundaries`?"),
        ("kernel", whole.replace("5.6.0", "5.6.0 of mine"), ":", "found `5.6.0 of mine`"),
        ("none", whole.replace("[\"5.6.0\"]", "[]"), ":", "found none"),
    ];
    let before = learner.kept();
    for (name, text, place, words) in cases {
        std::fs::write(learner.0.join(name), text).unwrap();
        for args in [&["progress", "import", "--yes", name][..], &["replay", name]] {
            let said = learner.bad(args);
            assert!(said.starts_with(&format!("error: {name}{place}")) && said.contains(words), "{args:?}: {said}");
        }
    }
    // The line is that of the statement, not that of the string it stands in.
    let line = whole.lines().position(|l| l == "parent: pipe p").unwrap() + 1;
    assert!(learner.bad(&["replay", "call"]).starts_with(&format!("error: call:{line}: ")));
    assert!(learner.bad(&["replay", "nowhere"]).contains("nowhere"));
    let line = whole.lines().position(|l| l.contains("pipe/boundaries")).unwrap() + 1;
    assert!(learner.bad(&["replay", "kernel"]).starts_with(&format!("error: kernel:{line}: ")));
    assert_eq!((learner.kept(), learner.proved()), (before, "1 pipe/boundaries 5.6.0\n".to_owned()));
}

#[test]
fn what_was_proved_goes_with_an_export_and_is_proved_again() {
    let home = Learner::new("proved");
    home.prove("1 pipe/boundaries 5.6.0\n1 pipe/order 5.6.0\n1 soup/order 5.6.0\n");
    let said = home.fine(&["progress", "export", "all.txt"], "");
    assert!(said.contains("all.txt: 0 answers in 0 lessons, and 3 cells of the comparison"), "{said}");
    let text = std::fs::read_to_string(home.0.join("all.txt")).unwrap();
    let replayed = home.fine(&["replay", "all.txt"], "");
    for part in [
        "pipe/boundaries: you have proved it on 5.6.0; so it is here too",
        "soup/order: you have proved it on 5.6.0; left out: this ipclab does not ask it",
        "2 came out as then, 0 otherwise, 1 left out",
    ] {
        assert!(replayed.contains(part), "{part}\n{replayed}");
    }

    let work = Learner::new("proved-work");
    std::fs::write(work.0.join("all.txt"), &text).unwrap();
    work.prove("1 pipe/order 6.1.0\n");
    let output = work.says(&["progress", "import", "all.txt"], "");
    assert_eq!(output.status.code(), Some(2), "nobody was asked");
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("2 cells more proved, 1 cell on other kernels too, 1 of them this ipclab does not ask"),
        "{told}"
    );
    assert_eq!(work.proved(), "1 pipe/order 6.1.0\n");
    work.fine(&["progress", "import", "all.txt", "--yes"], "");
    for line in ["1 pipe/order 6.1.0\n", "1 pipe/order 5.6.0\n", "1 pipe/boundaries 5.6.0\n", "1 soup/order 5.6.0\n"] {
        assert!(work.proved().contains(line), "{line}");
    }
    assert!(work.fine(&["progress", "import", "all.txt", "--yes"], "").contains("all of it is known already"));
    assert!(work.fine(&["compare", "pipe"], "").contains("stream*"), "it is ticked here");

    // What an ipclab wrote before proofs were part of it.
    let old = Learner::wrong_once("proved-old");
    let text = old.fine(&["progress", "export", "-"], "").replace("version = 3", "version = 2");
    std::fs::write(work.0.join("old.txt"), text).unwrap();
    assert!(work.fine(&["progress", "import", "old.txt", "--yes"], "").contains("imported: 1 change"));
    assert_eq!(work.proved().lines().count(), 4);
}
