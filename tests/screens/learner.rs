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
        // Whoever has begun a lesson starts with the menu.
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

#[test]
fn what_was_done_goes_into_a_file_and_comes_back() {
    for size in [(80, 24), (120, 40)] {
        let folder = std::env::temp_dir().join(format!("ipclab-carry-{}-{}", std::process::id(), size.0));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        let (file, other, bad) = (folder.join("all.txt"), folder.join("other.txt"), folder.join("bad.txt"));
        let mut pty = ipclab(&[]).size(size.0, size.1).state("progress.toml", WRONG).start();
        pty.shows("Go on");
        pty.keys("p");
        pty.shows("0 of 1 foreseen");
        pty.keys("e");
        pty.shows("file: ipclab-progress.txt");
        // A character that is an action elsewhere is one of the name here.
        pty.keys(format!("\x15{}\r", file.display()));
        pty.says("1 answer in 1 lesson");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&other, text.replace("2026-01-05 10", "2026-01-05 11")).unwrap();
        std::fs::write(&bad, text.replace("\"wrong\"", "\"wrnog\"")).unwrap();
        pty.keys("e");
        pty.keys(format!("\x15{}\r", file.display()));
        pty.says("stands there already");
        pty.keys("\x1b");
        pty.until("the window closed", |p| !p.text().contains("Writes all"));
        pty.keys("i");
        pty.shows("Reads what an ipclab has exported");
        pty.keys(format!("{}\r", bad.display()));
        pty.says("bad.txt:15:");
        pty.says("`wrong`?");
        pty.keys(format!("\x15{}\r", other.display()));
        pty.says("pipe-eof: 1 answer more (1 wrong)");
        pty.keys("\x1b");
        pty.until("the window closed", |p| !p.text().contains("answer more"));
        pty.keys("i");
        pty.keys(format!("{}\r", other.display()));
        pty.says("pipe-eof: 1 answer more (1 wrong)");
        pty.keys("\r");
        pty.says("imported: 1 change");
        pty.keys("i");
        pty.keys(format!("{}\r", other.display()));
        pty.says("all of it is known already");
        pty.keys("\x11");
        assert!(pty.ended().success());
        pty.is_whole();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn who_measures_from_a_lesson_comes_back_to_it() {
    let mut pty = ipclab(&["learn", "performance"]).size(80, 24).start();
    pty.shows("know what you pay for");
    pty.keys("m");
    pty.shows("quickly");
    pty.keys("\x1b");
    pty.shows("know what you pay for");
    pty.keys("\x1b");
    pty.shows("p progress");
    pty.keys("\x11");
    assert!(pty.ended().success());
    pty.is_whole();
}
