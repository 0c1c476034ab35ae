//! Lessons in lines, as they are told: golden files, the same on every machine and in both modes once pids are put
//! aside.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::io::Write;
use std::process::{Command, Stdio};

/// A lesson as it is told, in what is the same everywhere.
fn told(lesson: &str, mode: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ipclab"))
        .args(mode)
        .args(["learn", "--plain", lesson])
        // Progress is off, and that is said on standard error.
        .env("XDG_STATE_HOME", "relative paths do not count")
        .env_remove("HOME")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{lesson}");
    let text = String::from_utf8(output.stdout).unwrap();
    // What a shared stage says of itself ends with its sentence.
    let text = match text.split_once("This stage is shared:") {
        Some((before, after)) => format!("{before}{}", after.split_once(".\n").unwrap().1),
        None => text,
    };
    normal(&text)
}

/// Pids as `PID`: the results of fork, and what stands before a name in angle brackets.
fn normal(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(at) = rest.find('<') {
            let (before, after) = rest.split_at(at);
            let head = before.trim_end_matches(|c: char| c.is_ascii_digit());
            out.push_str(head);
            if head.len() < before.len() {
                out.push_str("PID");
            }
            let end = after.find('>').map_or(after.len(), |n| n + 1);
            out.push_str(&after[..end]);
            rest = &after[end..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

#[track_caller]
fn golden(lesson: &str, input: &str) {
    let isolated = told(lesson, &[], input);
    let shared = told(lesson, &["--shared"], input);
    similar(&isolated, &shared);
    insta::assert_snapshot!(lesson, isolated);
}

#[track_caller]
fn similar(isolated: &str, shared: &str) {
    for (one, other) in isolated.lines().zip(shared.lines()) {
        assert_eq!(one, other, "isolated, and shared");
    }
    assert_eq!(isolated.lines().count(), shared.lines().count());
}

#[test]
fn the_end_of_file() {
    golden("pipe-eof", "\na\n\n\n?\nchild: close p.w\nchild: read p 1\n\n\nc\n\n?\n/solve\n\n\n");
}

#[test]
fn the_one_who_writes_to_nobody() {
    golden("sigpipe", "\na\n\n\n?\n?\n?\n/solve\n\n\na\n\n\n\na\n\n\n/solve\n\n\n");
}

#[test]
fn a_lock_and_a_pipe() {
    golden("lock-and-pipe", "\na\n\n\n?\n/solve\n\n\na\n\n\n/solve\n\n\n");
}
