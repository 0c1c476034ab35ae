//! What a learner has done, on screen.

use crate::pty::{Pty, ipclab};

/// Long ago, somebody was wrong about the end of a pipe.
const WRONG: &str = "version = 2\n[lessons.pipe-eof]\nstep = \"right\"\nat = \"2026-01-05 10:00:00 +0100\"\n\
                     [[lessons.pipe-eof.predictions.eof]]\nat = \"2026-01-05 10:00:00 +0100\"\nchoice = \"a\"\n\
                     text = \"0, end of file\"\noutcome = \"wrong\"\n";

/// What stands on the screen of what was done, when the question has been answered.
const OVER: &str = "0 of 1 foreseen, 1 put right since";

/// Reads on, or goes on.
fn next(pty: &mut Pty) {
    let before = pty.text();
    pty.keys("n");
    pty.until("something new", |p| p.text() != before || p.text().contains(OVER));
}

#[test]
fn where_one_was_what_is_due_and_what_is_forgotten() {
    for size in [(80, 24), (120, 40)] {
        let mut pty = ipclab(&[]).size(size.0, size.1).state("progress.toml", WRONG).start();
        pty.shows("This pipe is real");
        pty.keys("\x1b");
        pty.shows("Go on");
        pty.shows("End of file is a count of writers, step 2 of 3");
        pty.shows("one question is due again");
        pty.keys("p");
        pty.shows("0 of 1 foreseen");
        pty.shows("you believed: 0, end of file");
        pty.keys("x");
        pty.shows("once more forgets");
        pty.keys("z");
        pty.keys("x");
        pty.shows("once more forgets");
        pty.keys("x");
        pty.shows("forgotten; u brings it back");
        pty.keys("j");
        pty.shows("nothing is to be asked again");
        pty.keys("u");
        pty.shows("brought back: pipe-eof");
        pty.keys("v");
        pty.shows("Question 1 of 1");
        while !pty.text().contains("What do you predict?") {
            next(&mut pty);
        }
        let right = pty.text().lines().find_map(|l| Some(l.split_once("  it sleeps")?.0.trim().to_owned())).unwrap();
        pty.keys(right);
        pty.until("the outcome", |p| p.text().contains("You predicted it") || p.text().contains("more lines: n"));
        // What is to be read comes before what is to be done.
        while !pty.text().contains(OVER) {
            next(&mut pty);
        }
        pty.shows("comes in 3 days");
        pty.keys("k\r");
        pty.shows("Now do it right");
        pty.keys("\x11");
        assert!(pty.ended().success());
        pty.is_whole();
    }
}
