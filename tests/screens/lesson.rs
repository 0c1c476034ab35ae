//! A lesson on a screen that is too narrow for words and stage side by side.

use crate::pty::{Pty, ipclab};

/// Reads on until the words are on the screen.
#[track_caller]
fn read_to(pty: &mut Pty, words: &str) {
    for _ in 0..12 {
        pty.until("the words, or more of them", |p| {
            p.text().contains(words) || p.text().contains(": n ") || p.text().contains("go on:")
        });
        if pty.text().contains(words) {
            return;
        }
        let before = pty.text();
        pty.keys("n");
        pty.until("something new", |p| p.text() != before);
    }
    panic!("{words} does not come; on the screen:\n{}", pty.text());
}

/// Predicts what these words say.
#[track_caller]
fn predict(pty: &mut Pty, words: &str) {
    pty.shows(words);
    let text = pty.text();
    let line = text.lines().find(|line| line.contains(words)).unwrap();
    pty.keys(line.trim().split(' ').next().unwrap());
}

#[test]
fn what_there_is_to_see_is_on_the_screen_where_the_words_fill_it() {
    let mut pty = ipclab(&["learn", "pipe-capacity"]).size(80, 24).start();
    pty.shows("(1 of 4)");
    pty.shows("run these statements");
    pty.keys("n");
    // What came of each statement stands beside it, and the stage below the words.
    pty.shows("alice: pipe p  = 0");
    pty.shows("the stage · Tab shows all of it");
    pty.shows("slots 0 of 16");
    predict(&mut pty, "16 pages, that is");
    pty.shows("slots 16 of 16");
    pty.shows("◌ asleep");
    pty.shows("✓ alice is asleep in write");
    pty.shows("You predicted it");
    read_to(&mut pty, "(2 of 4)");
    read_to(&mut pty, "nothing: she sleeps on");
    predict(&mut pty, "nothing: she sleeps on");
    pty.shows("bob: read p 1  = 1");
    read_to(&mut pty, "type a statement");
    // At the prompt the goal stays in sight, and so does the hint.
    pty.keys("h");
    pty.keys(":");
    pty.shows("○ goal: Get the pipe filled to its 16 pages again");
    pty.shows("Hint: Alice is still in the middle");
    pty.keys("bob: read p (pagesize - 1)\r");
    pty.shows("✓ done · Enter goes on");
    pty.keys("\x1b");
    pty.shows("✓ done · n goes on");
    pty.keys("n");
    pty.shows("With the last byte of the first page");
    pty.keys("\x11");
    assert!(pty.ended().success());
}

#[test]
fn from_the_prompt_an_empty_line_leads_on_once_the_goal_is_reached() {
    let mut pty = ipclab(&["learn", "pipe-capacity"]).size(120, 40).start();
    pty.shows("run these statements");
    pty.keys("n");
    predict(&mut pty, "16 pages, that is");
    pty.shows("go on: One byte of room");
    pty.keys("n");
    predict(&mut pty, "nothing: she sleeps on");
    pty.shows("type a statement");
    // Before that it leads nowhere.
    pty.keys(":\r");
    pty.keys("bob: read p (pagesize - 1)\r");
    pty.shows("Enter goes on");
    pty.shows("With the last byte of the first page");
    pty.keys("\r");
    pty.shows("(3 of 4)");
    pty.keys("\x11");
    assert!(pty.ended().success());
}
