//! However the program ends, the terminal is given back whole. And it takes whatever a terminal may send.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod pty;
mod screens;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use pty::{Pty, Setup, ipclab, killer};

/// Starts Play and waits for its first frame.
#[track_caller]
fn play(setup: Setup) -> Pty {
    let mut pty = setup.start();
    pty.shows("a statement, such as");
    assert!(pty.is_held());
    pty
}

fn ready() -> Pty {
    play(ipclab(&["play"]))
}

#[test]
fn leaving_by_key() {
    let mut pty = ready();
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn leaving_after_the_mouse_was_taken() {
    let mut pty = ready();
    assert_eq!(pty.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None, "off until asked for");
    pty.keys("\x1bOQ");
    pty.until("the mouse", |p| p.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn leaving_by_ctrl_c_takes_two() {
    let mut pty = ready();
    pty.keys("spawn x\x03");
    pty.shows("once more leaves");
    assert!(!pty.text().contains("spawn x"), "the line is cleared");
    pty.keys("\x03");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn errors_and_panics() {
    for (fault, says, status) in
        [("error", "an error that a test asked for", 1), ("panic", "a panic that a test asked for", 101)]
    {
        let mut pty = play(ipclab(&["play"]).env("IPCLAB_FAULT", fault));
        pty.keys("\x1b[24~");
        assert_eq!(pty.ended().code(), Some(status), "{fault}");
        pty.is_whole();
        assert!(pty.text().contains(says), "{fault}: the message is on the main screen: {}", pty.text());
    }
}

#[test]
fn a_panic_elsewhere_leaves_the_screen_alone() {
    let mut pty = play(ipclab(&["play"]).env("IPCLAB_FAULT", "worker"));
    pty.keys("\x1b[24~");
    pty.shows("a part of ipclab has failed: thread worker");
    assert!(pty.is_held());
    // And it goes on.
    pty.keys("spawn");
    pty.shows("spawn NAME");
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn signals_that_end_it() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        let mut pty = ready();
        pty.signal(signal);
        assert_eq!(killer(pty.ended()), Some(signal), "whoever waits learns which signal it was");
        pty.is_whole();
    }
}

#[test]
fn stopped_by_key_in_a_shell_and_back() {
    let shell = Setup { command: vec!["/bin/sh".into(), "-i".into()], ..ipclab(&[]) };
    let mut pty = shell.env("PS1", "ready> ").env("ENV", "").start();
    pty.shows("ready>");
    pty.keys(format!("{} play; echo status $?\r", env!("CARGO_BIN_EXE_ipclab")));
    pty.shows("a statement, such as");
    for _ in 0..2 {
        pty.keys("\x1a");
        pty.until("the shell's screen", |p| !p.screen().alternate_screen() && p.text().trim_end().ends_with("ready>"));
        pty.quiet(Duration::from_millis(100));
        assert!(!pty.screen().hide_cursor() && !pty.screen().bracketed_paste());
        pty.keys("echo cooked; fg\r");
        pty.until("the whole screen", |p| p.is_held() && p.text().contains("transcript"));
    }
    pty.keys("spawn");
    pty.shows("spawn NAME");
    pty.keys("\x11");
    pty.until("the shell's prompt", |p| !p.screen().alternate_screen() && p.text().trim_end().ends_with("ready>"));
    pty.keys("exit\r");
    pty.ended();
    pty.is_whole();
}

#[test]
fn stopped_from_outside_and_back() {
    let shell = Setup { command: vec!["/bin/sh".into(), "-i".into()], ..ipclab(&[]) };
    let mut pty = shell.env("PS1", "ready> ").env("ENV", "").start();
    pty.shows("ready>");
    pty.keys(format!("{} play\r", env!("CARGO_BIN_EXE_ipclab")));
    pty.shows("a statement, such as");
    let program = screens::children(pty.pid())[0];
    // A stop for the whole group can meet the start of a stage halfway; no shell continues that one.
    pty.until("a stage", |_| !screens::children(program).is_empty());
    let stage = screens::children(program)[0];
    nix::sys::signal::kill(stage, Signal::SIGSTOP).unwrap();
    nix::sys::signal::kill(program, Signal::SIGTSTP).unwrap();
    pty.until("the shell's screen", |p| !p.screen().alternate_screen() && p.text().trim_end().ends_with("ready>"));
    // Sent on in the background it must not touch the terminal.
    pty.keys("bg\r");
    pty.quiet(Duration::from_millis(300));
    assert!(!pty.screen().alternate_screen(), "{}", pty.text());
    pty.keys("fg\r");
    pty.until("the whole screen", |p| p.is_held() && p.text().contains("transcript"));
    pty.until("the stage going on", |_| !stopped(stage));
    pty.keys("\x11");
    pty.until("the shell's prompt", |p| !p.screen().alternate_screen() && p.text().trim_end().ends_with("ready>"));
    pty.keys("exit\r");
    pty.ended();
    pty.is_whole();
}

fn stopped(pid: nix::unistd::Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
}

#[test]
fn without_a_shell_ctrl_z_does_not_strand_it() {
    // The harness's child leads its session: nobody could ever continue it.
    let mut pty = ready();
    pty.keys("\x1a");
    pty.keys("spawn");
    pty.shows("spawn NAME");
    assert_ne!(pty.state(), Some('T'));
    pty.keys("\x11");
    assert!(pty.ended().success());
}

#[test]
fn a_second_signal_need_not_wait() {
    let mut pty = ready();
    pty.signal(Signal::SIGTERM);
    // By now the first may have killed it.
    let _ = nix::sys::signal::kill(pty.pid(), Signal::SIGTERM);
    assert_eq!(killer(pty.ended()), Some(Signal::SIGTERM));
    pty.is_whole();
}

#[test]
fn neither_end_of_a_pipe_is_a_terminal() {
    let program = env!("CARGO_BIN_EXE_ipclab");
    for redirection in ["</dev/null", ">/dev/null"] {
        let line = format!("{program} play {redirection}; echo status $?");
        let shell = Setup { command: vec!["/bin/sh".into(), "-c".into(), line], ..ipclab(&[]) };
        let mut pty = shell.start();
        pty.ended();
        let text = pty.text();
        assert!(text.contains("is not a terminal") && text.contains("status 2"), "{text}");
        pty.is_whole();
    }
}

#[test]
fn started_in_the_background_it_waits_to_be_brought_forward() {
    let shell = Setup { command: vec!["/bin/sh".into(), "-i".into()], ..ipclab(&[]) };
    let mut pty = shell.env("PS1", "ready> ").env("ENV", "").start();
    pty.shows("ready>");
    pty.keys(format!("{} play &\r", env!("CARGO_BIN_EXE_ipclab")));
    pty.quiet(Duration::from_millis(300));
    assert!(!pty.screen().alternate_screen(), "{}", pty.text());
    pty.keys("fg\r");
    pty.until("the screen", |p| p.is_held() && p.text().contains("transcript"));
    pty.keys("\x11");
    pty.until("the shell's prompt", |p| !p.screen().alternate_screen() && p.text().trim_end().ends_with("ready>"));
    pty.keys("exit\r");
    pty.ended();
    pty.is_whole();
}

#[test]
fn too_small_is_said() {
    let mut pty = ipclab(&["play"]).size(20, 5).start();
    pty.shows("This terminal has 20");
    pty.resize(80, 24);
    pty.shows("a statement, such as");
    pty.resize(1, 1);
    pty.keys("\x11");
    assert!(pty.ended().success());
}

#[test]
fn a_storm_of_sizes() {
    let mut pty = ready();
    for i in 0u16..40 {
        pty.resize(1 + i * 37 % 200, 1 + i * 23 % 60);
    }
    pty.resize(120, 40);
    pty.keys("spawn");
    pty.shows("spawn NAME");
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn a_megabyte_pasted() {
    let mut pty = ready();
    let mut paste = b"\x1b[200~".to_vec();
    paste.resize(1 << 20, b'x');
    paste.extend(b"\x1b[201~");
    pty.keys_later(paste);
    pty.shows("what was pasted is too long");
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn a_line_and_lines_pasted() {
    let mut pty = ready();
    pty.keys("\x1b[200~spawn \x07alice\x1b[201~");
    pty.shows("spawn alice");
    pty.keys("\x03\x1b[200~spawn alice\nspawn bob\n\x1b[201~");
    pty.shows("new script");
    pty.shows("spawn bob");
    // The script is in no file, so that it takes two.
    pty.keys("\x11");
    pty.shows("not saved: the script");
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn random_bytes_as_keys() {
    // A small generator with a fixed seed: the same bytes in each run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut pty = ready();
    // Not those that mean to leave or to stop.
    let bytes: Vec<u8> = (0..20_000).map(|_| next()).filter(|b| !matches!(b, 0x03 | 0x11 | 0x1a | b'q')).collect();
    pty.keys_later(bytes);
    pty.quiet(Duration::from_millis(500));
    // A paste may have begun, a key may be half sent.
    pty.keys("\x1b[201~\x1b\x1b\x1b\x1b\x1b\x1b");
    pty.quiet(Duration::from_millis(300));
    // Twice, for they may have written something.
    pty.keys("\x11\x11");
    assert!(pty.ended().success(), "{}", pty.text());
    pty.is_whole();
}

#[test]
fn at_rest_it_does_nothing() {
    let mut pty = ready();
    pty.shows("settled");
    pty.quiet(Duration::from_millis(300));
    let (before, cpu) = (pty.bytes.len(), ticks(&pty));
    let begun = Instant::now();
    pty.quiet(Duration::from_secs(3));
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(pty.bytes.len(), before, "bytes were written at rest");
    // A tick is 10 ms.
    assert!(ticks(&pty) - cpu <= 1);
}

fn ticks(pty: &Pty) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pty.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn each_frame_is_one_synchronized_update() {
    let mut pty = ready();
    pty.quiet(Duration::from_millis(200));
    let before = pty.count(b"\x1b[?2026h");
    pty.keys("x");
    pty.quiet(Duration::from_millis(200));
    assert_eq!(pty.count(b"\x1b[?2026h"), before + 1);
    assert_eq!(pty.count(b"\x1b[?2026h"), pty.bytes.windows(8).filter(|w| w == b"\x1b[?2026l").count());
}

#[test]
fn without_colour_the_selection_is_still_seen() {
    let mut pty = play(ipclab(&["play"]).env("NO_COLOR", "1"));
    pty.keys("\x1b");
    pty.shows("Tab column");
    pty.keys("\x1b");
    pty.shows("First minute");
    let screen = pty.screen();
    let mut inverse = false;
    for row in 0..40 {
        for column in 0..120 {
            let cell = screen.cell(row, column).unwrap();
            assert_eq!((cell.fgcolor(), cell.bgcolor()), (vt100::Color::Default, vt100::Color::Default));
            inverse |= cell.inverse();
        }
    }
    assert!(inverse, "nothing is chosen:\n{}", pty.text());
}

#[test]
fn only_ascii_where_the_locale_has_no_more() {
    let pty = play(ipclab(&["play"]).env("LANG", "C"));
    assert!(pty.bytes.is_ascii());
}

#[test]
fn wrong_settings_are_told_and_the_rest_stands() {
    let setup = ipclab(&["play"])
        .settings("theme.toml", "base = \"drak\"\n")
        .settings("keys.toml", "qiut = \"x\"\nundo = \"q\"\n");
    let mut pty = setup.start();
    pty.shows("theme.toml:1:8: unknown base `drak`, the nearest is `dark`");
    pty.shows("keys.toml:1:1: unknown action `qiut`, the nearest is `quit`");
    pty.shows("`q` is both");
    pty.keys("\x1b");
    pty.shows("a statement, such as");
}

#[test]
fn a_terminal_that_hangs_up() {
    let status = ready().hang_up();
    assert_eq!(killer(status), Some(Signal::SIGHUP));
}

#[test]
fn somebody_types_into_a_terminal_on_stage() {
    let mut pty = ready();
    for line in [
        "spawn term",
        "term: posix_openpt t O_RDWR|O_NOCTTY",
        "term: unlockpt t.m",
        "term: fork shell",
        "shell: setsid",
        "shell: ioctl t.m TIOCGPTPEER O_RDWR",
        "shell: read t.s 100",
    ] {
        pty.keys(format!("{line}\r"));
    }
    pty.shows("shell waits to read");
    pty.keys("\x1b");
    pty.shows("detail");
    pty.keys("ihi\r");
    pty.shows("term: write t.m \"hi\\n\"");
    pty.shows("type into t");
    pty.keys("^C\r");
    pty.shows("killed by SIGINT");
    // Pasted lines go as they are, and what is left of the last one can be edited and finished.
    pty.keys("\x1b[200~one\ntwo \u{e9}\nthr\x1b[201~");
    pty.shows("\"one\\ntwo \u{e9}\\n\"");
    pty.keys("x\x7fee\r");
    pty.shows("three\\n\"");
    // The terminal's keys do not end ipclab, nor stop it.
    pty.keys("\x03\x1a\x11\x04ab\x15");
    pty.shows("\"ab\\x15\"");
    assert!(pty.is_held());
    pty.keys("\x1b");
    pty.until("no typing", |p| !p.text().contains("type into t"));
}
