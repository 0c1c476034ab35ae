//! Every lesson from begin to end, by keys alone.
//!
//! As a rule three of them are walked through; with IPCLAB_WALK=all, all of them, as `.ci/run` does once.

use crate::pty::{Pty, ipclab};

/// What the last line of a page says while the lesson waits for a key.
const ASKS: [&str; 8] = [
    "run this statement",
    "run these statements",
    "put your belief to the test",
    "What do you predict? Choose",
    "S solution",
    "go on:",
    "finish the lesson",
    "measure it here",
];

/// At the end the list of lessons is shown.
const LIST: &str = "ipclab · Learn";

/// A stage that can't hold the lesson is said, and the lesson goes no further.
const LACKS: &str = "lacks what the lesson needs";

fn waits(pty: &Pty) -> bool {
    let text = words(pty);
    let asks = reads_on(&text) || ASKS.iter().any(|ask| text.contains(ask));
    (asks && !text.contains("statements are being run")) || text.contains(LIST) || text.contains(LACKS)
}

/// What is on the screen, as one line: a narrow one breaks what it says.
fn words(pty: &Pty) -> String {
    pty.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the page goes on below.
fn reads_on(text: &str) -> bool {
    text.contains("more line: n") || text.contains("more lines: n")
}

/// Presses a key, and waits until what it does is done and drawn. The whole screen is drawn anew behind it, so that what
/// is seen then was drawn after the key was heard.
fn press(pty: &mut Pty, key: &str) {
    const CLEAR: &[u8] = b"\x1b[2J";
    let before = pty.bytes.len();
    pty.keys(format!("{key}\x0c"));
    pty.until("the screen to be drawn anew", |p| p.bytes[before..].windows(CLEAR.len()).any(|w| w == CLEAR));
    pty.until("the lesson to wait", waits);
}

/// Whether the lesson went to its end; false if this machine can't hold it, which was said.
fn walk(id: &str, (columns, rows): (u16, u16), env: Option<(&'static str, &str)>) -> bool {
    let setup = ipclab(&["learn", id]).size(columns, rows);
    let mut pty = match env {
        Some((name, value)) => setup.env(name, value).start(),
        None => setup.start(),
    };
    pty.until("the lesson to wait", waits);
    let mut number = 0;
    for keys in 0.. {
        let text = words(&pty);
        if text.contains(LACKS) {
            return false;
        }
        if text.contains(LIST) {
            assert!(keys > 5, "{id} was over before it began");
            break;
        }
        assert!(keys < 400, "{id} has no end; on the screen:\n{text}");
        press(
            &mut pty,
            match &text {
                text if reads_on(text) => "n",
                text if text.contains(ASKS[3]) => {
                    // Wrong and right, each in its turn: refutations are shown too.
                    number += 1;
                    if number % 2 == 0 { "1" } else { "2" }
                }
                text if text.contains(ASKS[4]) => "S",
                _ => "n",
            },
        );
    }
    pty.keys("\x11");
    assert!(pty.ended().success(), "{id}");
    pty.is_whole();
    true
}

/// Every second lesson from the given one on: two tests share the work. None may be left out that a stage without
/// gifts can hold.
fn lessons(from: usize, size: (u16, u16)) {
    let pack = ipclab::lesson::Pack::embedded(ipclab::facility::registry()).unwrap();
    let all = std::env::var_os("IPCLAB_WALK").is_some_and(|v| v == "all");
    let few = ["pipe-capacity", "fifo-rendezvous", "crash-drill"];
    let chosen = ipclab::lesson::account::order(&pack).filter(|l| all || few.contains(&l.id()));
    for lesson in chosen.skip(from).step_by(2) {
        let held = walk(lesson.id(), size, None);
        assert!(held || !lesson.front.requires.is_empty(), "{}", lesson.id());
    }
}

#[test]
fn even_lessons_by_keys_alone() {
    lessons(0, (80, 24));
}

#[test]
fn odd_lessons_by_keys_alone() {
    lessons(1, (120, 40));
}

#[test]
fn a_lesson_by_keys_alone_without_colour_and_in_the_least_size() {
    assert!(walk("sigpipe", (80, 24), Some(("NO_COLOR", "1"))));
    assert!(walk("sigpipe", (40, 12), None));
}
