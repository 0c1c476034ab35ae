//! The screens as a user goes through them, in a real terminal on real stages.

mod authoring;
mod learner;
mod lesson;
mod walk;
mod ways;

use crate::pty::{Pty, ipclab};

#[track_caller]
fn say(pty: &mut Pty, statement: &str) {
    let count = |p: &Pty| {
        let text = p.text();
        let (head, _) = text.split_once(" statement")?;
        head.rsplit(' ').next()?.parse::<u32>().ok()
    };
    pty.until("an open stage", |p| count(p).is_some());
    let before = count(pty);
    pty.keys(format!("{statement}\r"));
    pty.until(&format!("the end of {statement}"), |p| {
        count(p) == before.map(|n| n + 1) && !p.text().contains("a statement runs")
    });
}

#[test]
fn the_first_minute() {
    for size in [(80, 24), (120, 40)] {
        let mut pty = ipclab(&[]).size(size.0, size.1).start();
        pty.shows("This pipe is real");
        pty.shows("asleep in read");
        pty.keys(" ");
        pty.shows("The byte has moved");
        // One step back is a new stage on which the reader sleeps again.
        pty.keys("u");
        pty.shows("This pipe is real");
        pty.shows("asleep in read");
        pty.keys(" ");
        pty.shows("You stepped back");
        pty.keys("\r");
        pty.shows("What do you predict?");
        pty.keys("2");
        pty.shows("You predicted that it sleeps on");
        pty.keys("u");
        pty.shows("What do you predict?");
        pty.keys("1");
        pty.shows("You predicted it");
        pty.keys("\r");
        pty.shows("Learn");
        pty.keys("q");
        assert!(pty.ended().success());
        pty.is_whole();
    }
}

#[test]
fn play_with_a_pipe() {
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    say(&mut pty, "alice: pipe p");
    say(&mut pty, "alice: fork bob");
    say(&mut pty, "alice: write p \"hello\"");
    pty.shows("5 of 65536 bytes");
    say(&mut pty, "bob: read p 3");
    pty.shows("2 of 65536 bytes");
    say(&mut pty, "bob: read p 3");
    say(&mut pty, "bob: read p 3");
    pty.shows("asleep in read");
    // An order to one who sleeps is refused with the reason.
    pty.keys("bob: close p.w\r");
    pty.shows("bob is asleep in read");
    // The history, and a step back.
    pty.keys("\x1b[A");
    pty.shows("❯ bob: close p.w");
    pty.keys("\x03");
    pty.keys("\x1b");
    pty.shows("Enter detail");
    pty.keys("u");
    pty.shows("one step back, on a new stage");
    pty.until("bob is idle again", |p| !p.text().contains("waits to read"));
}

#[test]
fn completion_and_errors() {
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    pty.keys("alice: mq_\t");
    pty.shows("mq_receive");
    pty.keys("\x1b");
    pty.until("the end of the list", |p| !p.text().contains("mq_receive"));
    pty.keys("\x03");
    pty.keys("alice: wriet p 1\r");
    pty.shows("^^^^^");
    pty.shows("write");
    pty.keys("\x03");
    pty.keys("program alice\r");
    pty.shows("a line of the block");
    pty.keys("set $x 1\rend\r");
    pty.shows("set $x 1");
    pty.until("the program on the card", |p| p.text().contains("▸ set $x 1"));
}

#[test]
fn the_transcript_is_searched_filtered_and_copied() {
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    say(&mut pty, "alice: pipe p");
    say(&mut pty, "alice: fork bob");
    pty.keys("\x1b");
    pty.shows("Enter detail");
    pty.keys("\t");
    pty.shows("/ find");
    pty.keys("f");
    pty.shows("transcript of alice");
    pty.keys("ff");
    pty.keys("/pipe\r");
    pty.shows("with pipe");
    pty.keys("y");
    pty.shows("copied");
    // What goes to the clipboard is the chosen line: "alice pipe([3, 4]) = 0" or the statement.
    assert_eq!(pty.count(b"\x1b]52;c;"), 1);
}

#[test]
fn a_free_run_is_cancelled_by_esc_and_keys_stay_quick() {
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    say(&mut pty, "alice: umask 022");
    pty.keys("repeat forever alice: umask 022\r");
    pty.shows("running");
    pty.keys("spawn bo");
    pty.shows("❯ spawn bo");
    pty.keys("\x03");
    pty.keys("\x1b");
    pty.shows("cancelled");
    pty.until("alice is idle", |p| p.text().contains("settled"));
}

#[test]
fn a_script_is_run_line_by_line_and_as_a_whole() {
    let path = std::env::temp_dir().join(format!("ipclab-screens-{}.ipc", std::process::id()));
    std::fs::write(&path, "spawn alice\nalice: pipe p\nalice: write p \"abc\"\n").unwrap();
    let mut pty = ipclab(&["play", path.to_str().unwrap()]).start();
    pty.shows("alice: write p");
    pty.keys("\x12");
    pty.shows("● idle");
    pty.keys("\x1b[15~");
    pty.shows("3 of 65536 bytes");
    pty.keys("\x1b[F\x1b[B\x1b[B\x1b[B");
    pty.keys("alise: pipe q\r\x1b[15~");
    pty.shows("4:");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_lesson_from_begin_to_end() {
    let mut pty = ipclab(&["learn", "pipe-eof"]).start();
    pty.shows("End of file is a count of writers");
    // Whatever it asks for is done: going on, predicting, having the solution run.
    let mut last = String::new();
    for _ in 0..60 {
        pty.until("the lesson waits", |p| p.text() != last && !p.text().contains("statements are being run"));
        // One key may change the screen in several frames.
        pty.quiet(std::time::Duration::from_millis(80));
        pty.until("the end of what runs", |p| !p.text().contains("statements are being run"));
        let text = pty.text();
        last.clone_from(&text);
        if text.contains("the next one is chosen") {
            break;
        }
        pty.keys(if text.contains("more lines: n") {
            "n"
        } else if text.contains("What do you predict? Choose") {
            "2"
        } else if text.contains("S  solution") {
            "S"
        } else {
            "n"
        });
    }
    assert!(last.contains("the next one is chosen"), "{last}");
    assert!(last.contains("✓  2 End of file"), "{last}");
}

#[test]
fn in_shared_mode_the_header_says_so() {
    let mut pty = ipclab(&["--shared", "play"]).start();
    pty.shows("shared");
    say(&mut pty, "spawn alice");
    pty.shows("● idle");
    // A stage with something on it is asked about first.
    pty.keys("\x11\x11");
    assert!(pty.ended().success());
}

/// The processes whose parent is `pid`, whichever of its threads started them.
pub(crate) fn children(pid: nix::unistd::Pid) -> Vec<nix::unistd::Pid> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let all: String = tasks.map(|task| of(task.unwrap())).collect();
    all.split_whitespace().map(|n| nix::unistd::Pid::from_raw(n.parse().unwrap())).collect()
}

#[test]
fn a_lost_stage_is_opened_again() {
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    say(&mut pty, "alice: pipe p");
    let stage = children(pty.pid());
    assert_eq!(stage.len(), 1);
    nix::sys::signal::kill(stage[0], nix::sys::signal::Signal::SIGKILL).unwrap();
    pty.shows("u opens it again");
    pty.shows("no stage");
    pty.keys("\x1b");
    pty.shows("Enter detail");
    pty.keys("u");
    pty.shows("the same again, on a new stage");
    pty.shows("0 of 65536 bytes");
}
