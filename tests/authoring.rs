//! What authors need: the skeleton, a play that becomes a lesson, packs from a folder, what is not covered.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const PACK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/own");

/// An author's folder, which goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("author-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn says(&self, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ipclab"));
        command.args(args).current_dir(&self.0).env("XDG_STATE_HOME", &self.0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// What it says, which ends with this status.
    #[track_caller]
    fn with(&self, status: i32, args: &[&str], input: &str) -> String {
        let output = self.says(args, input);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{args:?}\n{said}");
        said
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_skeleton_passes_and_names_what_is_to_be_written() {
    let folder = Folder::new("new");
    assert!(folder.with(0, &["lesson", "new", "own", "--dir", "deep/pack"], "").contains("deep/pack/own.md is ready"));
    let checked = folder.with(0, &["lesson", "check", "deep/pack/own.md"], "");
    assert!(checked.contains("1 passed\n") && !checked.contains("error:"), "{checked}");
    let todos = folder.read("deep/pack/own.md").matches("TODO").count();
    assert!(checked.contains(&format!("unfinished: own, with {todos} TODO\n")), "{checked}");
    assert_eq!(checked.matches("warning: still to be written: ").count(), todos);
    assert!(
        checked.contains("still to be written: a title\n --> deep/pack/own.md:3:10") || checked.contains("own.md:3:10")
    );
    let before = folder.read("deep/pack/own.md");
    assert!(folder.with(2, &["lesson", "new", "own", "--dir", "deep/pack"], "").contains("is not overwritten"));
    assert_eq!(folder.read("deep/pack/own.md"), before);
    assert!(folder.with(2, &["lesson", "new", "My Own!"], "").contains("my-own would do"));
    assert!(folder.with(2, &["lesson", "neww", "own"], "").contains("similar subcommand exists: 'new'"));
}

const PLAY: &str = "\
# Two share a pipe.
spawn alice
alice: pipe p
alice: fork bob
## The message
# Bob reads a part of it.
alice: write p \"hello\" # all of it
bob: read p 3
alice: close p.w
bob: close p.w
bob: read p 100
bob: read p 100
alice: close p.r
bob: exit 3
spawn eve
eve: mq_open q O_RDWR
eve: kill eve SIGKILL
";

#[test]
fn a_script_becomes_a_lesson_that_passes() {
    let folder = Folder::new("record");
    folder.write("My play.ipc", PLAY);
    for mode in [&[][..], &["--shared"]] {
        let output = folder.says(&[mode, &["lesson", "record", "My play.ipc"]].concat(), "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        folder.write("my-play.md", &text);
        for part in [
            "id = \"my-play\"",
            "\nTwo share a pipe.\n",
            "## The message {#step-2}",
            "alice: write p \"hello\"\nexpect p bytes 5\n",
            "bob: read p 3\nexpect bob got \"hel\"\nalice: close p.w\nexpect p writers 1\n",
            "expect bob got \"lo\"\nbob: read p 100\n",
            "expect bob returned 0 from read",
            "expect bob exited 3",
            "expect eve failed ENOENT from mq_open",
            "- [x] TODO: in words: eve killed by SIGKILL {eve killed by SIGKILL}",
        ] {
            assert!(text.contains(part), "{mode:?} {part}\n{text}");
        }
        assert!(!text.contains("all of it"), "a comment behind a statement stays out");
        // Nothing is said twice: not what the prediction decides, nor what a call was asked for.
        assert!(!text.contains("expect eve killed") && !text.contains("returned 5"), "{text}");
        let told = String::from_utf8(output.stderr).unwrap();
        let todos = text.matches("TODO").count();
        assert!(told.contains("one prediction; still to be written, at"), "{told}");
        assert!(told.contains(&format!("at {todos} places")) && told.contains("a goal with hints"), "{told}");
        let checked = folder.with(0, &[mode, &["lesson", "check", "my-play.md"]].concat(), "");
        assert!(checked.contains("1 passed\n"), "{checked}");
        // The check names the goal that is missing, and counts as the recorder does.
        assert!(checked.contains("still to be written: a goal for the learner, and what is still wrong"), "{checked}");
        assert!(checked.contains(&format!("unfinished: my-play, with {todos} TODO")), "{checked}");
    }
    // The other mode must agree with what the last one has written.
    assert!(folder.with(0, &["lesson", "check", "my-play.md"], "").contains("1 passed\n"));
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let folder = Folder::new("unrecorded");
    let record = |text: &str| folder.with(2, &["lesson", "record", "-"], text);
    assert!(record("spawn alice\nalice: pip p\n").contains("did you mean `pipe`?"));
    let refused = folder.with(1, &["lesson", "record", "-"], "spawn alice\nalice: pipe p\nalice: pipe p\n");
    assert!(refused.contains("p is taken") && refused.contains("standard input:3:"), "{refused}");
    assert!(record("spawn alice\n").contains("nothing of this can be predicted"));
    assert!(folder.with(2, &["lesson", "record", "nowhere.ipc"], "").contains("nowhere.ipc"));
    assert!(folder.with(2, &["lesson", "record", "-", "--id", "A B"], PLAY).contains("a-b would do"));
}

#[test]
fn what_was_played_in_lines_is_saved_as_a_lesson() {
    let folder = Folder::new("play");
    let typed = format!("/save own.md\nspawn zoe\n/save own.md\n{PLAY}/save own.md\n/save own.md\n/save A.md\n");
    let said = folder.with(0, &["play", "--plain"], &typed);
    for part in [
        "nothing was run yet",
        "nothing of this can be predicted yet",
        "recorded as the lesson own.md",
        "a goal too",
        "is not overwritten",
        "`A` can't be",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(folder.with(0, &["lesson", "check", "own.md"], "").contains("1 passed\n"));
}

#[test]
fn coverage_names_every_gap() {
    let folder = Folder::new("coverage");
    // A pack of one's own answers for its own claims alone.
    let said = folder.with(0, &["lesson", "coverage", "--pack", PACK], "");
    assert!(
        said.contains("two-numbers            X4") && said.contains("1 of 58 claims have a lesson here;"),
        "{said}"
    );
    assert!(said.contains("only those of this pack count") && !said.contains("no lesson proves"), "{said}");
    let line: serde_json::Value =
        serde_json::from_str(&folder.with(0, &["lesson", "coverage", "--json", "--pack", PACK], "")).unwrap();
    assert_eq!(line["pack"], PACK);
    assert_eq!(line["without_lesson"], serde_json::json!([]));
    assert_eq!(line["without_experiment"], serde_json::json!([]));
    let said = folder.with(0, &["lesson", "coverage"], "");
    assert!(said.contains("58 of 58 claims have a lesson\n"), "{said}");
    let own = std::fs::read_to_string(format!("{PACK}/two-numbers.md")).unwrap();
    folder.write("wrong.md", &own.replace("\"X4\"", "\"X44\""));
    let said = folder.with(1, &["lesson", "coverage", "--pack", "."], "");
    assert!(said.contains("./wrong.md: there is no claim X44; did you mean X4?"), "{said}");
}

#[test]
fn a_pack_from_a_folder_serves_everywhere_and_one_bad_lesson_hides_no_other() {
    let folder = Folder::new("pack");
    assert!(folder.with(0, &["check", "--pack", PACK], "").contains("two-numbers ok"));
    assert!(folder.with(0, &["--shared", "lesson", "check", PACK], "").contains("1 passed\n"));
    let own = std::fs::read_to_string(format!("{PACK}/two-numbers.md")).unwrap();
    folder.write("two-numbers.md", &own);
    folder.write("broken.md", &own.replace("alice: pipe p", "alice: pip p").replace("two-numbers", "broken"));
    for args in [&["learn", "--plain", "--pack", "."][..], &["progress", "--pack", "."]] {
        let said = folder.with(0, args, "");
        assert!(said.contains("./broken.md:") && said.contains("did you mean `pipe`?"), "{said}");
    }
    let learned = folder.with(0, &["learn", "--plain", "--pack", ".", "two-numbers"], "\na\n\n\nalice: close copy\n\n");
    assert!(learned.contains("Done: Let bob see the end of file."), "{learned}");
    let account = folder.with(0, &["progress", "--pack", PACK], "");
    assert!(account.contains("1 of 1 lessons done"), "{account}");
    // With the program's own pack, what is kept of another is not lost and not in the way.
    assert!(folder.with(0, &["progress"], "").contains("not of this pack: two-numbers"));
    let checked = folder.with(2, &["lesson", "check", "broken.md", "two-numbers.md"], "");
    assert!(checked.contains("1 passed, 1 can't be used"), "{checked}");
    let missing = folder.with(2, &["learn", "--plain", "--pack", ".", "two-number"], "");
    assert!(missing.contains("did you mean two-numbers?"), "{missing}");
    assert!(folder.with(2, &["check", "--pack", "nowhere"], "").contains("nowhere"));
}

#[test]
fn what_cannot_be_watched_is_said() {
    let folder = Folder::new("unwatched");
    assert!(folder.with(2, &["lesson", "check", "--watch"], "").contains("name the files or folders"));
    assert!(folder.with(2, &["lesson", "check", "--watch", "nowhere.md"], "").contains("nowhere.md is neither"));
}

#[test]
fn what_a_pack_does_not_say_is_said() {
    let folder = Folder::new("notes");
    let own = std::fs::read_to_string(format!("{PACK}/two-numbers.md")).unwrap();
    folder.write("pack.toml", &std::fs::read_to_string(format!("{PACK}/pack.toml")).unwrap());
    folder.write("two-numbers.md", &own);
    folder.write("forgotten.md", &own);
    for args in [&["check", "."][..], &["learn", "--plain", "--pack", "."]] {
        let said = folder.with(0, args, "");
        assert!(
            said.contains("warning: ./pack.toml does not list it") && said.contains("./forgotten.md:1:1"),
            "{said}"
        );
    }
    let lines = folder.with(0, &["check", "--json", "."], "");
    assert!(lines.lines().any(|line| line.contains("\"noted\"") && line.contains("forgotten.md")), "{lines}");
    // A folder is no lesson.
    assert!(folder.with(2, &["learn", "--plain", "."], "").contains("`ipclab learn --pack .` opens it"));
    // A pipe proves nothing about networks.
    folder.write("far.md", &own.replace("\"two-numbers\"", "\"far\"").replace("\"X4\"", "\"N1\""));
    let said = folder.with(2, &["check", "far.md"], "");
    assert!(said.contains("error: the lesson can't prove N1, “Only sockets"), "{said}");
    // The id and the name of the file.
    let said = folder.with(2, &["check", "forgotten.md"], "");
    assert!(said.contains("error: the id is `two-numbers`, and the file is called forgotten.md"), "{said}");
    assert!(said.contains("help: `id = \"forgotten\"`, or call the file two-numbers.md"), "{said}");
}

#[test]
fn a_place_that_is_always_right_is_said() {
    let folder = Folder::new("places");
    let own = std::fs::read_to_string(format!("{PACK}/two-numbers.md")).unwrap();
    for (count, told) in [(3, false), (4, true)] {
        let id = format!("own-{count}");
        let (from, to) = (own.find("## A number").unwrap(), own.find("```run for=a").unwrap());
        let mut text = own[..from].replace("two-numbers", &id);
        for number in 0..count {
            let part = own[from..to].replace("#copy", &format!("#copy{number}"));
            text.push_str(&part.replace("id=closed", &format!("id=closed{number}")).replacen(
                "```run\n",
                "```run fresh\n",
                1,
            ));
        }
        text.push_str(&own[own.find("## Your turn").unwrap()..]);
        folder.write(&format!("{id}.md"), &text);
        let said = folder.with(0, &["check", &format!("{id}.md")], "");
        let words = "of 4 predictions 4 have their right answer at place 2: who always presses 2 is right";
        assert_eq!(said.contains(words), told, "{said}");
    }
}

/// Everything that the guide says can be measured can be, and nothing else.
#[test]
fn the_guide_names_what_can_be_measured() {
    let guide = include_str!("../docs/authoring.md");
    let from = guide.find("It holds ids of `ipclab bench` (").unwrap();
    let list = &guide[from..from + guide[from..].find("and perhaps a line").unwrap()];
    let named: Vec<&str> = list.split('`').skip(1).step_by(2).filter(|word| *word != "ipclab bench").collect();
    let known: Vec<&str> = ipclab::bench::ALL.iter().map(|subject| subject.id).collect();
    assert_eq!(named, known);
}
