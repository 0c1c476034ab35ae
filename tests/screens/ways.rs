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
    pty.shows("the stage in Play, after 1 statement, is lost then");
    pty.keys("q");
    assert!(pty.ended().success());
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
    pty.until("the stage and the script", |p| p.text().contains("script new script") && p.text().contains("● idle"));
    assert!(!pty.text().contains("not run yet"));
}
