//! What lies at the edge: limits, exhausted tables, actors that go while they run.

mod common;

use common::both;
use ipclab::model::ActorState;

#[test]
fn a_fork_needs_no_free_descriptor() {
    both(|play| {
        play.run("spawn a\na: pipe p\nrepeat 1100 a: dup p.r\nexpect a failed EMFILE from dup");
        play.run("a: fork b\nexpect a idle\nexpect b returned 0 from fork\nb: getpid");
        let open = |name: &str| play.snapshot().actor(name).unwrap().descriptors.len();
        assert_eq!((open("a"), open("b")), (997, 997));
    });
}

#[test]
fn no_number_leads_to_the_stages_own_descriptors() {
    both(|play| {
        play.run("spawn a");
        for call in ["close fd 1000", "close fd 4294968296", "dup2 fd 0 fd 1001", "read fd 8589935592 1"] {
            assert!(play.refused(&format!("a: {call}")).contains("not the learner's"), "{call}");
        }
        play.run("a: close fd 4294967299\nexpect a failed EBADF\na: getpid");
    });
}

#[test]
fn what_variables_and_names_take_is_limited_and_survives_a_new_program() {
    both(|play| {
        play.run("spawn a");
        assert!(play.refused("a: set $x 'x' * 200000").contains("VARIABLES_MAX"));
        play.run("a: set $x 'x' * 65536\na: execve self\nexpect a $x == 'x' * 65536\na: pipe p");
        assert!(play.refused("a: read p 70000 -> $y").contains("VARIABLES_MAX"));
        // What a thousand rounds make is told in one message.
        play.run(
            "repeat 5000 a: dup2 p.r fd 77 as k\nrepeat 2000 a\nopen f x O_RDWR|O_CREAT 0600\nclose f\nend\na: getpid",
        );
    });
}

#[test]
fn a_signal_to_one_that_runs_has_taken_effect_when_the_statement_ends() {
    both(|play| {
        play.run("spawn a");
        for _ in 0..10 {
            play.run("spawn b\nrepeat forever b: getpid");
            play.run("a: kill b SIGSTOP");
            assert!(matches!(play.snapshot().actor("b").unwrap().state, ActorState::Stopped { .. }));
            play.run("a: kill b SIGCONT\na: kill b SIGKILL");
            assert!(matches!(play.snapshot().actor("b").unwrap().state, ActorState::Dead(_)));
        }
    });
}

#[test]
fn a_repeat_of_nothing_can_be_cancelled_and_one_that_forks_is_refused() {
    both(|play| {
        play.run("spawn a\nrepeat forever a\nend\ncancel a\nexpect a idle");
        assert!(play.refused("repeat 3 a: fork b").contains("can't fork"));
        play.run("a: getpid");
    });
}

#[test]
fn too_few_descriptors_are_a_reason() {
    let script = std::env::temp_dir().join(format!("ipclab-few-{}", std::process::id()));
    std::fs::write(&script, "spawn a\n").unwrap();
    let command = format!("ulimit -n 200; exec {} run {}", env!("CARGO_BIN_EXE_ipclab"), script.display());
    let out = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
    std::fs::remove_file(&script).unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(said.contains("the limit of open files is 200") && said.contains("ulimit -n"), "{said}");
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn nobody_changes_the_stages_directory_or_is_root() {
    both(|play| {
        play.run("spawn a");
        for call in ["chmod . 0", "open d \"./\" O_RDONLY", "unlink \"./.\""] {
            assert!(play.refused(&format!("a: {call}")).contains("the stage's directory itself"), "{call}");
        }
        play.run("a: open f \".hidden\" O_RDWR|O_CREAT 0600\na: close f\nexpect f size 0");
        // Where root is the only user there is, actors are that one, without its rights.
        if play.stage().info().capabilities.iter().any(|word| word == "stranger") {
            assert!(play.refused("spawn root uid=0").contains("can't be root"));
        }
    });
}
