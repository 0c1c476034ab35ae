//! The ways between the screens: where the program begins, what leaves it, what is asked before something is lost.

use super::say;
use crate::pty::ipclab;

#[test]
fn whoever_knows_the_first_minute_begins_at_the_menu() {
    let mut pty = ipclab(&[]).size(80, 24).state("first-minute", "").start();
    pty.shows("the live pipe again");
    // Esc usually leads back: here it would lead out.
    pty.keys("\x1b");
    pty.shows("once more leaves ipclab");
    pty.keys("j");
    pty.until("the keys again", |p| !p.text().contains("once more leaves"));
    pty.keys("\x1b");
    pty.shows("once more leaves ipclab");
    pty.keys("\x1b");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn a_stage_is_not_lost_unasked() {
    let mut pty = ipclab(&["play"]).size(80, 24).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    // It is saved from where one types.
    pty.keys("\x13");
    pty.shows("save the session as:");
    pty.shows("a name that ends in .md makes it a lesson");
    pty.keys("\x1b");
    pty.shows("a statement, such as");
    pty.keys("\x1b");
    pty.shows("Enter detail");
    pty.keys("\x1b");
    pty.shows("the stage stays as it is");
    pty.keys("q");
    pty.says("not saved: 1 statement in Play; once more, or Enter, leaves all the same, ^S in Play saves");
    pty.keys("q");
    assert!(pty.ended().success());
}

#[test]
fn ctrl_q_asks_once_where_something_would_be_lost() {
    let asks = "leaves all the same";
    // Nothing was done, or only what the script does that it was begun with.
    let mut pty = ipclab(&["play"]).size(80, 24).start();
    pty.shows("a statement, such as");
    pty.keys("\x11");
    assert!(pty.ended().success());

    let mut pty = ipclab(&["play"]).size(80, 24).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    pty.keys("\x11");
    pty.shows("not saved: 1 statement in Play");
    // Another key takes it back, and is itself.
    pty.keys("x");
    pty.until("the question gone", |p| !p.text().contains(asks) && p.text().contains("❯ x"));
    pty.keys("\x7f\x11");
    pty.shows(asks);
    pty.keys("\r");
    assert!(pty.ended().success());
    pty.is_whole();
}

#[test]
fn what_was_saved_is_left_at_once_and_commands_do_it_from_the_prompt() {
    let file = std::env::temp_dir().join(format!("ipclab-ways-{}.ipc", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let mut pty = ipclab(&["play"]).size(120, 40).start();
    pty.shows("a statement, such as");
    say(&mut pty, "spawn alice");
    pty.keys(format!("/save {}\r", file.display()));
    pty.shows("saved as");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "spawn alice\n");
    say(&mut pty, "spawn bob");
    // Without a name it goes where it went before.
    pty.keys("/sa\t\r");
    pty.until("it saved", |_| std::fs::read_to_string(&file).is_ok_and(|text| text == "spawn alice\nspawn bob\n"));
    pty.keys("/hlep\r");
    pty.shows("unknown command /hlep; did you mean `/help`?");
    pty.keys("\x15quit\r");
    pty.shows("did you mean `/quit`?");
    pty.keys("\x15/help mq_send\r");
    pty.shows("Sends a message; waits while the queue is full");
    pty.keys("\x1b");
    pty.shows("a statement, such as");
    pty.keys("/quit\r");
    assert!(pty.ended().success(), "all of it is saved, so nothing is asked");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_list_of_lessons_tells_no_answers_and_says_what_lies_below() {
    let mut pty = ipclab(&["learn"]).size(80, 24).start();
    pty.shows(" 1 Three families");
    pty.shows(" below");
    assert!(!pty.text().contains("Many believe"), "{}", pty.text());
    pty.keys("\x1b[F");
    pty.until("the end of the list", |p| !p.text().contains(" below") && p.text().contains(" above"));
    pty.keys("\x1b[H");
    pty.until("its beginning", |p| p.text().contains(" 1 Three families"));
}

#[test]
fn pages_have_the_footer_of_what_works_there() {
    let mut pty = ipclab(&["play"]).size(80, 24).start();
    pty.shows("a statement, such as");
    pty.keys("\x1bOS");
    pty.shows("Who waits for whom");
    assert!(!pty.text().contains("keys or language"), "{}", pty.text());
    pty.keys("\x1b");
    pty.shows("a statement, such as");
    // The help is read to the end of each line, and an example keeps its lines.
    pty.keys("\x1bOP\x1bOP");
    pty.shows("Help: the language");
    pty.keys("/holds back\r");
    pty.until("the example", |p| p.text().lines().any(|l| l.trim_matches(['│', ' ']) == "end"));
}

#[test]
fn a_script_says_that_it_has_not_run_and_then_shows_what_came_of_it() {
    let mut pty = ipclab(&["play"]).size(80, 24).start();
    pty.shows("a statement, such as");
    pty.keys("\x05spawn alice");
    pty.shows("not run yet: F5 runs it all");
    pty.keys("\x1b[15~");
    pty.shows("alice ── pid");
    pty.shows("Enter detail");
    // Back at the script, the stage stays in sight below it.
    pty.keys("e");
    pty.shows("the stage");
    pty.until("the stage and the script", |p| p.text().contains("── new script") && p.text().contains("● idle"));
    assert!(!pty.text().contains("not run yet"));
}
