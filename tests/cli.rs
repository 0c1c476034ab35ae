//! The command line: help, errors, exit statuses, the linear face, Ctrl-C and broken pipes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn ipclab(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipclab"));
    command.args(args).stdin(Stdio::null()).env("XDG_STATE_HOME", "relative paths do not count");
    command
}

fn run(args: &[&str]) -> Output {
    ipclab(args).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs with something on standard input.
fn with_input(command: &mut Command, input: &str) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may not want to hear all of it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn script(text: &str) -> Output {
    with_input(&mut ipclab(&["run", "-"]), text)
}

/// A place that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cli-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn help_says_what_there_is() {
    insta::assert_snapshot!("help", out(&run(&["--help"])));
    for command in ["run", "play", "learn", "check", "bench", "doctor", "completions"] {
        let output = run(&[command, "--help"]);
        assert!(output.status.success());
        insta::assert_snapshot!(format!("help-{command}"), out(&output));
    }
    assert_eq!(out(&run(&["--version"])), format!("ipclab {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn bad_input_is_said_with_the_nearest_right_thing() {
    for (args, parts) in [
        (&["--plian"][..], &["--plian", "--plain"][..]),
        (&["chekc"], &["chekc", "check"]),
        (&["run"], &["<FILE>"]),
        (&["run", "/nowhere/at-all.ipc"], &["/nowhere/at-all.ipc: No such file"]),
        (&["learn", "pipe-eoff", "--plain"], &["there is no lesson pipe-eoff; did you mean pipe-eof?"]),
        (&["learn", "zebra", "--plain"], &["there is no lesson zebra; `ipclab learn --plain` lists them"]),
        (&["learn", "--plain", "--lessons", "/nowhere/at-all"], &["/nowhere/at-all"]),
        (&["check", "--junit", "/nowhere/x.xml", "pipe-eof"], &["/nowhere/x.xml: No such file"]),
        (&["completions", "fsh"], &["fsh", "fish"]),
        (&[], &["standard input is not a terminal", "ipclab --plain"]),
        (&["play"], &["standard input is not a terminal"]),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", err(&output));
        for part in parts {
            assert!(err(&output).contains(part), "{args:?}: {part}\n{}", err(&output));
        }
    }
}

#[test]
fn completions_and_the_manual_page_come_on_standard_output() {
    for shell in ["bash", "zsh", "fish"] {
        let text = out(&run(&["completions", shell]));
        assert!(text.contains("ipclab") && text.contains("check"), "{shell}");
    }
    let page = out(&run(&["man"]));
    assert!(page.starts_with(".ie") && !page.contains("EXTRA"), "{page}");
    for section in ["PACKS", "\"EXIT STATUS\"", "FILES", "ENVIRONMENT", "EXAMPLES"] {
        assert!(
            page.contains(&format!(".SH {section}\n")) || page.contains(&format!(".SH \"{section}\"\n")),
            "{section}"
        );
    }
    for (words, title) in
        [(&["man", "run"][..], ".TH ipclab-run 1"), (&["man", "lesson", "new"], ".TH ipclab-lesson-new 1")]
    {
        assert!(out(&run(words)).contains(title), "{}", out(&run(words)));
    }
    let none = run(&["man", "rnu"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(err(&none).contains("did you mean `run`?"), "{}", err(&none));
    assert!(out(&run(&["reference"])).contains("mq_open"));
}

#[test]
fn a_script_tells_what_happened() {
    let output = script(
        "spawn alice # somebody\nalice: pipe p\nalice: fork bob\nbob: read p 100\nalice: write p \"hi\\n\"\nexpect bob got \"hi\\n\"\n",
    );
    assert!(output.status.success(), "{}", err(&output));
    // A shared stage says first that it is one; sizes are the machine's.
    let text = out(&output);
    let text = &text[text.find("spawn alice").unwrap()..];
    insta::with_settings!({ filters => vec![(r"capacity \d+", "capacity [16 pages]"), (r"= \d+<bob>", "= [pid]<bob>")] }, {
        insta::assert_snapshot!("script", text);
    });
    let ascii = with_input(&mut ipclab(&["run", "--ascii", "-"]), "spawn bob\nbob: pipe p\nbob: read p 1\n");
    assert!(out(&ascii).is_ascii() && out(&ascii).contains("bob is asleep in read(3, ..., 1) on p"), "{}", out(&ascii));
}

#[test]
fn the_exit_status_tells_how_a_script_ended() {
    for (text, status, on_out, on_err) in [
        ("", 0, "", ""),
        ("spawn alice\nexpect alice idle\n", 0, "true: ", ""),
        (
            "spawn alice\nexpect alice blocked\nexpect alice idle\n",
            1,
            "not true: expected alice blocked; seen: alice is idle [kernel]\n  --> standard input:2:1\n",
            "",
        ),
        ("spawn alice\nalice: pause\nawait alice limit=1ms\n", 1, "\n  --> standard input:3:1\n", ""),
        (
            "spawn alice\n\n  spawn alice\n",
            1,
            "refused: alice is taken by an actor on stage\n  help: alice2 is free\n  --> standard input:3:3\n",
            "",
        ),
        ("spawn alice\nalice: wirte p 1\nfoo\n", 2, "", "help: did you mean `write`?"),
    ] {
        let output = script(text);
        let (stdout, stderr) = (out(&output), err(&output));
        assert_eq!(output.status.code(), Some(status), "{text}\n{stdout}{stderr}");
        assert!(stdout.contains(on_out) && stderr.contains(on_err), "{text}\n{stdout}{stderr}");
    }
    let wrong = script("spawn alice\nalice: wirte p 1\nfoo\n");
    assert!(out(&wrong).is_empty(), "nothing is run of a script with an error in it");
    assert!(
        err(&wrong).contains("standard input:2:8") && err(&wrong).contains("standard input:3:1"),
        "{}",
        err(&wrong)
    );
    let folder = Folder::new("binary");
    let file = folder.0.join("a.ipc");
    std::fs::write(&file, b"spawn alice\n\xff\n").unwrap();
    let output = run(&["run", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("line 2 is not UTF-8 text"), "{}", err(&output));
}

#[test]
fn json_lines_can_be_read_by_machines() {
    let output = with_input(
        &mut ipclab(&["run", "--json", "-"]),
        "spawn alice\nalice: pipe p\nalice: write p \"hi\"\nexpect p bytes 2\n",
    );
    assert!(output.status.success());
    let lines: Vec<serde_json::Value> = out(&output).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().all(|l| l["version"] == 1));
    let events: Vec<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "ended", "ended", "ended", "ended"]);
    let wrote = &lines[3];
    assert_eq!(wrote["statement"], "alice: write p \"hi\"");
    assert_eq!(wrote["calls"].as_array().unwrap().last().unwrap()["ret"], 2);
    let pipe = &wrote["snapshot"]["objects"][0];
    let field = |name: &str| pipe["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!((field("bytes")["value"].as_i64(), field("bytes")["evidence"].as_str()), (Some(2), Some("kernel")));
    assert_eq!(field("holds")["value"]["hex"], "6869");
    assert_eq!(lines[4]["outcome"]["met"], true);
    assert_eq!(lines[4]["place"], serde_json::json!({ "file": "standard input", "line": 4, "column": 1 }));
}

#[test]
fn mistakes_are_lines_of_json_too() {
    let mistakes = |output: &Output| -> Vec<serde_json::Value> {
        assert_eq!(output.status.code(), Some(2));
        assert!(err(output).starts_with("error: "), "they are told in words as well: {}", err(output));
        out(output).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    };
    let json = |text: &str| with_input(&mut ipclab(&["run", "--json", "-"]), text);
    let found = mistakes(&json("spawn alice\nalice: wirte p 1\nfoo\n"));
    let expected = serde_json::json!({
        "version": 1, "event": "mistake", "file": "standard input", "line": 2, "column": 8, "severity": "error",
        "message": "unknown call `wirte`", "help": "did you mean `write`?",
    });
    assert_eq!((found.len(), &found[0]), (2, &expected));
    assert_eq!((found[1]["line"].as_u64(), found[1]["column"].as_u64()), (Some(3), Some(1)));

    let folder = Folder::new("mistakes");
    let file = folder.0.join("a.ipc");
    let path = file.to_str().unwrap();
    let found = mistakes(&run(&["run", "--json", path]));
    assert_eq!((found[0]["file"].as_str(), found[0]["line"].as_u64()), (Some(path), None));
    std::fs::write(&file, b"spawn alice\n\xff\n").unwrap();
    let found = mistakes(&run(&["play", "--json", path]));
    assert_eq!((found.len(), found[0]["line"].as_u64()), (1, Some(2)));
    std::fs::write(&file, b"nonsense\n").unwrap();
    for args in [&["swap", "--json", "--to", "fifo", path][..], &["lesson", "record", "--json", path]] {
        assert_eq!(mistakes(&run(args))[0]["event"], "mistake", "{args:?}");
    }

    let typed = with_input(&mut ipclab(&["play", "--json"]), "nonsense\n");
    let lines: Vec<serde_json::Value> = out(&typed).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let wrong = lines.iter().find(|l| l["event"] == "wrong").unwrap();
    assert_eq!(wrong["diagnostics"][0]["message"], "unknown statement `nonsense`");
}

#[test]
fn playing_in_lines_survives_what_is_typed() {
    let input = "spawn alice\nalice: pipe p\nprogram alice\n  write p \"x\"\nend\nstep alice\nnonsense\n/hlep\n/undo\nexpect p bytes 0\n/quit\nspawn never\n";
    let output = with_input(&mut ipclab(&["play", "--plain"]), input);
    assert!(output.status.success(), "{}", err(&output));
    let text = out(&output);
    for part in ["unknown statement `nonsense`", "did you mean `/help`?", "undone: step alice", "true: p bytes 0"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("never"));
    assert!(!text.contains('\u{1b}'), "no line of this face moves the cursor");
}

#[test]
fn a_play_is_saved_where_it_came_from_and_nothing_is_lost() {
    let folder = Folder::new("save");
    let path = |name: &str| folder.0.join(name);
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let play = |args: &[&str], input: &str| {
        let args = [&["play", "--plain"], args].concat();
        let output = with_input(ipclab(&args).current_dir(&folder.0), input);
        assert!(output.status.success() && err(&output).is_empty(), "{}", err(&output));
        out(&output)
    };
    let nowhere = play(&[], "spawn alice\n/save\n/save a.ipc\nspawn bob\n/save\n/save\n");
    for part in [
        "not saved: it needs a name, such as `/save play.ipc`",
        "> /save a.ipc\nwritten to a.ipc\n",
        "> /save\nwritten to a.ipc\n",
        "> /save\na.ipc holds all of it already\n",
    ] {
        assert!(nowhere.contains(part), "{part}\n{nowhere}");
    }
    assert_eq!(read("a.ipc"), "spawn alice\nspawn bob\n");
    assert!(play(&[], "/save\n").contains("not saved: nothing was run yet"));

    // What is in the script stays as it is, comments and refused statements included.
    let mine = "# mine\nspawn   alice\nspawn alice # refused";
    std::fs::write(path("b.ipc"), mine).unwrap();
    play(&["b.ipc"], "spawn bob\n/save\n");
    assert_eq!(read("b.ipc"), format!("{mine}\nspawn bob\n"));
    assert!(
        play(&["a.ipc"], "spawn carol\n/save b.ipc\n").contains("b.ipc stands there already, and is not overwritten")
    );

    // Where not, it is kept beside the new one.
    let before = read("b.ipc");
    let undone = play(&["b.ipc"], "/undo\n/save\n");
    assert!(undone.contains("as it was it is kept in") && undone.contains("b.ipc.before-1"), "{undone}");
    assert_eq!((read("b.ipc"), read("b.ipc.before-1")), ("spawn alice\n".to_owned(), before));
}

#[test]
fn who_leaves_out_the_slash_is_told_the_command() {
    let output =
        with_input(&mut ipclab(&["play", "--plain"]), "quit\nexit\nhelp pipe\nspawn alice\nalice: exit 3\n/help\n");
    let text = out(&output);
    for part in [
        "help: did you mean `/quit`?",
        "help: write `ACTOR: exit …`; here `/quit` is what you may mean",
        "help: did you mean `/help pipe`?",
        "alice has exited with 3",
        "without a\nname it goes to the script",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let json = with_input(&mut ipclab(&["play", "--json"]), "/help\n/show\n/undo\n/zzz\n/save\n");
    let events: Vec<serde_json::Value> = out(&json).lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let events: Vec<&str> = events.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "told", "told", "told", "wrong", "wrong"], "all of it is JSON");
}

#[test]
fn answers_are_numbers_as_shown_and_letters_too() {
    let folder = Folder::new("answers");
    let answered = |answer: &str| {
        let mut command = ipclab(&["learn", "pipe-eof", "--plain"]);
        out(&with_input(command.env("XDG_STATE_HOME", folder.0.join(answer)), &format!("\n{answer}\n\n")))
    };
    for answer in ["2", "b", "B", "b)", "(2)", "2."] {
        let text = answered(answer);
        assert!(text.contains("  2. it sleeps") && text.contains("You said so, and so it is"), "{answer}\n{text}");
    }
    for none in ["7", "x", "0"] {
        let text = answered(none);
        let said = format!("{none} is none of the answers: they are 1 to 3, or a to c");
        assert!(text.contains(&said) && !text.contains("error:"), "{text}");
    }
    assert!(answered("quit").contains("did you mean `/quit`?"));
}

#[test]
fn a_lesson_can_be_gone_through_in_lines_and_is_remembered() {
    let folder = Folder::new("learn");
    let lesson = |input: &str, more: &[&str]| {
        let args = [&["learn", "pipe-eof", "--plain"], more].concat();
        with_input(ipclab(&args).env("XDG_STATE_HOME", &folder.0), input)
    };
    let first = lesson("\nb\n\n", &[]);
    assert!(first.status.success(), "{}{}", out(&first), err(&first));
    assert!(out(&first).contains("You said so, and so it is: it sleeps."), "{}", out(&first));
    let second = lesson("\nchild: close p.w\nchild: read p 1\n\n\na\n\n\n/solve\n\n", &[]);
    let text = out(&second);
    assert!(text.contains("Step 2 of 3") && !text.contains("Step 1 of 3"), "it goes on where it was left\n{text}");
    for part in [
        "Done: Make the child see the end of file.",
        "You said: 0: its writer is dead.",
        "What happened: nothing, it sleeps.",
        "This is the end of the lesson.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let kept = std::fs::read_to_string(folder.0.join("ipclab/progress.toml")).unwrap();
    for part in ["done = true", "\"end\"", "\"release\"", "choice = \"b\"", "outcome = \"right\""] {
        assert!(kept.contains(part), "{part}\n{kept}");
    }
    let list = ipclab(&["learn", "--plain"]).env("XDG_STATE_HOME", &folder.0).output().unwrap();
    assert!(out(&list).contains("pipe-eof: End of file is a count of writers, 6 minutes, done"), "{}", out(&list));
    let json = lesson("\nb\n", &["--json"]);
    for line in out(&json).lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
}

#[test]
fn a_lesson_that_the_stage_cannot_hold_is_not_begun() {
    let folder = Folder::new("unfit");
    let learn = |more: &[&str]| {
        let args = [&["learn", "two-machines", "--plain", "--shared"], more].concat();
        with_input(ipclab(&args).env("XDG_STATE_HOME", &folder.0), "\n\n")
    };
    let output = learn(&[]);
    let text = out(&output);
    assert!(text.contains("This can't be shown here: this stage lacks hosts") && !text.contains("refused"), "{text}");
    let json = learn(&["--json"]);
    assert!(out(&json).lines().last().is_some_and(|line| line.contains("\"unfit\"")), "{}", out(&json));
}

#[test]
fn a_binary_alone_has_its_lessons() {
    let folder = Folder::new("alone");
    let alone = folder.0.join("ipclab");
    std::fs::copy(env!("CARGO_BIN_EXE_ipclab"), &alone).unwrap();
    let output = Command::new(&alone).args(["check", "sigpipe"]).current_dir(&folder.0).output().unwrap();
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
}

#[test]
fn progress_that_cannot_be_kept_is_said() {
    let folder = Folder::new("state");
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    let output = ipclab(&["learn", "--plain"]).env("XDG_STATE_HOME", &file).output().unwrap();
    assert!(output.status.success());
    assert!(err(&output).contains("progress is off"), "{}", err(&output));
}

/// Reads until the output contains `text`.
fn until(child: &mut Child, text: &str) {
    let stdout = child.stdout.as_mut().unwrap();
    let mut seen = Vec::new();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 {
        seen.push(byte[0]);
        if String::from_utf8_lossy(&seen).contains(text) {
            return;
        }
    }
    panic!("ended before {text:?}: {}", String::from_utf8_lossy(&seen));
}

#[test]
fn ctrl_c_cancels_what_runs_and_ends_with_130() {
    let folder = Folder::new("cancel");
    let file = folder.0.join("a.ipc");
    std::fs::write(&file, "spawn alice\nalice: pause\nawait alice limit=1000s\nspawn never\n").unwrap();
    let mut child = ipclab(&["run", file.to_str().unwrap()]).stdout(Stdio::piped()).spawn().unwrap();
    until(&mut child, "await alice");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", out(&output));
    assert!(!out(&output).contains("never"), "{}", out(&output));
}

#[test]
fn ctrl_c_in_play_cancels_the_statement_and_play_goes_on() {
    let mut child = ipclab(&["play", "--plain"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"spawn alice\nalice: pause\nawait alice limit=1000s\n").unwrap();
    until(&mut child, "> await alice");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    until(&mut child, "cancelled");
    stdin.write_all(b"spawn bob\n").unwrap();
    until(&mut child, "bob is on stage");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// The write end of a pipe that nobody can read from.
fn unread() -> std::io::PipeWriter {
    let (_, write_end) = std::io::pipe().unwrap();
    write_end
}

/// Whether a program ended as those do whose output nobody reads: by SIGPIPE, and without a word.
fn gone_quietly(words: &[&str], output: &Output) {
    use std::os::unix::process::ExitStatusExt as _;
    assert_eq!(output.status.signal(), Some(Signal::SIGPIPE as i32), "{words:?}: {:?} {}", output.status, err(output));
    assert!(err(output).is_empty(), "{words:?}: {}", err(output));
}

#[test]
fn whom_nobody_listens_to_goes_quietly() {
    for words in [
        &["reference"][..],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["--version"],
        &["check", "--json", "pipe-eof"],
        &["check", "pipe-eof"],
        &["doctor"],
        &["map"],
        &["compare"],
        &["choose"],
        &["claims", "X4"],
        &["learn", "--plain"],
        &["progress"],
        &["lesson", "coverage"],
        &["play", "--json"],
    ] {
        gone_quietly(words, &ipclab(words).stdout(unread()).output().unwrap());
    }
    let folder = Folder::new("unread");
    let file = folder.0.join("a.ipc");
    std::fs::write(&file, "spawn alice\nspawn bob\n").unwrap();
    let words = ["run", file.to_str().unwrap()];
    gone_quietly(&words, &ipclab(&words).stdout(unread()).output().unwrap());
}
