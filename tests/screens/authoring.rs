//! What an author sees: checks at each save, and a play that becomes a lesson.

use crate::pty::ipclab;

const OWN: &str = include_str!("../packs/own/two-numbers.md");

#[test]
fn a_lesson_is_checked_again_at_each_save() {
    let folder = std::env::temp_dir().join(format!("watched-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("two-numbers.md");
    std::fs::write(&file, OWN).unwrap();
    let mut pty = ipclab(&["lesson", "check", "--watch", file.to_str().unwrap()]).start();
    pty.shows("1 passed");
    pty.shows("Ctrl-C ends");
    // Other files don't matter.
    std::fs::write(folder.join("other.md"), "no lesson").unwrap();
    // Written in place.
    std::fs::write(&file, OWN.replace("alice: dup p.w", "alice: dpu p.w")).unwrap();
    pty.shows("did you mean `dup`?");
    pty.until("a clear screen", |p| !p.text().contains("1 passed"));
    pty.shows("1 can't be used");
    // Written beside and put in its place, as many editors do.
    std::fs::write(folder.join("two-numbers.md.new"), OWN.replace("writers 1", "writers 7")).unwrap();
    std::fs::rename(folder.join("two-numbers.md.new"), &file).unwrap();
    pty.shows("seen: p writers 1");
    pty.shows("1 failed");
    std::fs::write(&file, OWN).unwrap();
    pty.shows("1 passed");
    pty.until("the end of the check", |p| p.text().contains("Ctrl-C ends"));
    // Taken away, and back.
    std::fs::remove_file(&file).unwrap();
    pty.until("that it is gone", |p| p.text().contains("error:") && p.text().contains("Ctrl-C ends"));
    std::fs::write(&file, OWN).unwrap();
    pty.until("a check", |p| p.text().contains("1 passed") && p.text().contains("Ctrl-C ends"));
    // Moved aside before it is written anew, as other editors do.
    std::fs::rename(&file, folder.join("two-numbers.md~")).unwrap();
    std::fs::write(&file, OWN.replace("writers 1", "writers 9")).unwrap();
    pty.shows("seen: p writers 1");
    std::fs::write(&file, OWN).unwrap();
    pty.until("a check", |p| p.text().contains("1 passed") && p.text().contains("Ctrl-C ends"));
    pty.keys("\x03");
    assert_eq!(pty.ended().code(), Some(130));
    pty.is_whole();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_link_is_watched_where_it_leads_and_a_folder_that_goes_is_said() {
    let folder = std::env::temp_dir().join(format!("watched-link-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (here, there) = (folder.join("here"), folder.join("there"));
    std::fs::create_dir_all(&here).unwrap();
    std::fs::create_dir_all(&there).unwrap();
    let (link, file) = (here.join("two-numbers.md"), there.join("two-numbers.md"));
    std::fs::write(&file, OWN).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let mut pty = ipclab(&["lesson", "check", "--watch", link.to_str().unwrap()]).start();
    pty.until("a check", |p| p.text().contains("1 passed") && p.text().contains("Ctrl-C ends"));
    std::fs::write(&file, OWN.replace("alice: dup p.w", "alice: dpu p.w")).unwrap();
    pty.until("another", |p| p.text().contains("did you mean `dup`?") && p.text().contains("Ctrl-C ends"));
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    pty.says("the folder is gone or was moved");
    assert_eq!(pty.ended().code(), Some(2));
}

#[test]
fn what_was_played_is_saved_as_a_lesson() {
    let file = std::env::temp_dir().join(format!("played-{}.md", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let mut pty = ipclab(&["play"]).start();
    pty.shows("a statement, such as");
    for line in ["spawn alice", "alice: pipe p", "alice: read p 1"] {
        super::say(&mut pty, line);
    }
    pty.keys("\x1b");
    pty.shows("Tab column");
    pty.keys("\x13");
    pty.shows("accept");
    pty.keys(format!("{}\r", file.display()));
    pty.shows("recorded as the lesson");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(text.contains("{alice blocked in read on p}"), "{text}");
    pty.keys("\x11");
    assert!(pty.ended().success());
}

#[test]
fn a_lesson_measures_where_it_says_so_and_can_be_stopped() {
    let folder = std::env::temp_dir().join(format!("measured-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("clock.md");
    for (facilities, stop) in [("shm-spin\nsizes 1", false), ("pipe fifo unix tcp udp shm-semaphore", true)] {
        let fence = format!("## Clock {{#clock}}\n\n```measure\n{facilities}\n```\n\nBehind it.\n\n## A number");
        let text = OWN.replace("\"two-numbers\"", "\"clock\"").replacen("## A number", &fence, 1);
        std::fs::write(&file, text).unwrap();
        let mut pty = ipclab(&["learn", file.to_str().unwrap()]).start();
        pty.shows("measure it here");
        pty.keys("n");
        if stop {
            pty.shows("Esc  stop");
            pty.keys("\x1b");
            pty.shows("cancelled: what was measured until now is kept");
        } else {
            pty.shows("same core");
            pty.shows("its p99");
        }
        pty.shows("Behind it.");
        pty.until("the end of the measuring", |p| !p.text().contains("Esc  stop"));
        pty.keys("\x11");
        assert!(pty.ended().success());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
