//! Message queues, semaphores and shared memory of System V on real stages.

mod common;

use common::{Play, both};
use ipclab::model::{Evidence, Mode, Value};
use ipclab::stage::Outcome;

#[test]
fn a_queue_is_not_simply_first_in_first_out() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: msgget q IPC_CREAT
expect q messages 0
expect q stime 0
alice: msgsnd q type=3 "three"
alice: msgsnd q type=5 "five"
alice: msgsnd q type=1 "one"
alice: msgsnd q type=4 "four"
alice: msgsnd q type=1 "one again"
expect q messages 5
expect q bytes 25
expect q types "3 5 1 4 1"
expect q next "three"
expect q holds "one again"
expect not q holds "one aga"
expect q lspid alice
expect q lrpid nobody
bob: msgget q
bob: msgrcv q 100 type=-4
expect bob got "one"
bob: msgrcv q 100 type=-4
expect bob got "one again"
bob: msgrcv q 100 type=5 MSG_EXCEPT
expect bob got "three"
bob: msgrcv q 100 type=4 -> $buf
expect bob $buf == "four"
bob: msgrcv q 100 type=7 IPC_NOWAIT
expect bob failed ENOMSG
bob: msgrcv q 2 IPC_NOWAIT
expect bob failed E2BIG
expect q messages 1
bob: msgrcv q 2 MSG_NOERROR
expect bob got "fi"
expect q messages 0
expect q bytes 0
expect q lrpid bob
expect q rtime > 0
"#,
        );
        assert!(play.last("bob").contains("<q>, {mtype=5, \"fi\"}, 2, 0, MSG_NOERROR) = 2"), "{}", play.last("bob"));
        let q = play.object("q");
        assert_eq!(
            (q.facility(), q.evidence("messages"), q.value("mode").as_text()),
            ("sysv-mq", Evidence::Kernel, Some("0600"))
        );
        assert!(q.identifier.starts_with("key 0x") && q.identifier.contains(", id "), "{}", q.identifier);
        assert_eq!(q.holding("id"), ["alice", "bob"]);
        assert!(matches!(q.evidence("queue"), Evidence::Kernel | Evidence::Mirror));
    });
}

#[test]
fn a_queue_of_thousands_is_read_at_its_ends() {
    both(|play| {
        play.run("spawn alice\nalice: msgget q IPC_CREAT\nalice: msgsnd q \"first\"\nrepeat 100 alice: msgsnd q \"x\"");
        let few = play.object("q").value("queue").as_list().len();
        play.run("repeat 5000 alice: msgsnd q \"x\"\nalice: msgsnd q \"last\"\nexpect q messages 5102");
        let told = |line: &str, play: &mut Play| play.line(line).ok();
        if play.object("q").evidence("queue") == Evidence::Kernel {
            // What is not read can't be said to be there, nor to be missing.
            assert!(told("expect q holds \"last\"", play) && told("expect q next \"first\"", play));
            assert!(!told("expect q holds \"y\"", play) && !told("expect not q holds \"y\"", play));
        }
        let q = play.object("q");
        let list = q.value("queue").as_list();
        if q.evidence("queue") == Evidence::Kernel {
            let text = |m: &Value| m.part("data").and_then(Value::as_bytes).map(|(b, _)| b.to_vec());
            assert_eq!((list.len(), few), (21, 21), "what is read does not grow with the queue");
            assert_eq!((text(&list[0]), text(&list[20])), (Some(b"first".to_vec()), Some(b"last".to_vec())));
            assert_eq!(list[16].part("left out").and_then(Value::as_int), Some(5102 - 20));
        }
    });
}

#[test]
fn receivers_and_senders_sleep_and_removal_wakes_them() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: msgget q IPC_CREAT
alice: fork bob
alice: fork carol
bob: msgrcv q 100 type=2
expect bob blocked in msgrcv on q
expect q waiters bob
alice: msgsnd q type=1 "not for bob"
expect bob blocked in msgrcv on q
alice: msgsnd q type=2 "for bob"
expect bob got "for bob"
alice: msgctl q IPC_SET qbytes=20
expect q qbytes 20
alice: msgsnd q "too much for it"
expect alice blocked in msgsnd on q
bob: msgsnd q 'x' * 20 IPC_NOWAIT
expect bob failed EAGAIN
bob: msgrcv q 100 type=9
expect bob blocked in msgrcv on q
"#,
        );
        let waiters: Vec<(&str, &str)> =
            play.object("q").waiters.iter().map(|w| (w.actor.as_ref(), w.direction.as_ref())).collect();
        assert_eq!(waiters, [("alice", "send"), ("bob", "receive")]);
        play.run(
            r#"
carol: msgctl q IPC_RMID
expect alice failed EIDRM from msgsnd
expect bob failed EIDRM from msgrcv
expect gone q
alice: msgsnd q "x"
expect alice failed EINVAL
alice: msgget q
expect alice failed ENOENT
alice: msgget q IPC_CREAT|IPC_EXCL 0640
alice: msgget q IPC_CREAT|IPC_EXCL
expect alice failed EEXIST
"#,
        );
        assert_eq!(play.object("q").value("mode").as_text(), Some("0640"));
        play.run("alice: msgctl q IPC_STAT -> $n\nexpect alice $n == 0");
        assert!(
            play.last("alice").contains("IPC_STAT, {msg_qnum=0, msg_cbytes=0, msg_qbytes="),
            "{}",
            play.last("alice")
        );
    });
}

/// The learner's names are descriptors, memory and ids of three kinds; one is not taken for another.
#[test]
fn an_id_is_of_one_kind() {
    both(|play| {
        play.run(
            "spawn alice\nalice: msgget q IPC_CREAT\nalice: semget s 1 IPC_CREAT\nalice: shmget board 100 IPC_CREAT\nalice: pipe p",
        );
        let why = play.refused("alice: msgsnd s \"x\"");
        assert_eq!(why, "s is an id of System V semaphores; msgsnd needs an id of System V message queues");
        assert!(play.refused("alice: semop q 0:1").contains("semop needs an id of System V semaphores"));
        assert!(play.refused("alice: write q \"x\"").contains("a descriptor is needed"));
        assert!(play.refused("alice: load $x board[0]").contains("memory is needed"));
        assert!(play.refused("alice: msgsnd p.w \"x\"").contains("p.w is no id"));
        assert_eq!(play.refused("alice: msgsnd r \"x\""), "this actor has no id of System V message queues called r");
        assert!(play.refused("alice: semop s 0:40000").contains("sem_op is 40000"));
        assert!(play.refused("alice: semop s 70000:1").contains("sem_num is 70000"));
    });
}

#[test]
fn a_forked_child_knows_the_id_and_a_stranger_only_the_key() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: msgget mine key=IPC_PRIVATE IPC_CREAT
alice: msgget shared IPC_CREAT
alice: fork bob
spawn carol
bob: msgsnd mine "from bob"
expect mine holds "from bob"
carol: msgget shared
carol: msgsnd shared "from carol"
expect shared holds "from carol"
bob: execve self
bob: msgsnd mine "still known"
expect mine messages 2
"#,
        );
        assert!(
            play.object("mine").identifier.starts_with("key IPC_PRIVATE, id "),
            "{}",
            play.object("mine").identifier
        );
        assert!(play.refused("carol: msgsnd mine \"x\"").contains("no id"));
        assert_eq!(
            (play.object("mine").holding("id"), play.object("shared").holding("id")),
            (vec!["alice", "bob"], vec!["alice", "bob", "carol"])
        );
    });
}

#[test]
fn keys_of_ones_own_need_a_stage_of_ones_own() {
    let mut play = Play::open(true);
    play.run("spawn alice");
    assert!(play.refused("alice: msgget q key=0x5eed IPC_CREAT").contains("isolated stage only"));
    let report = play.line("repeat 3 alice: msgget q key=IPC_PRIVATE IPC_CREAT");
    assert!(format!("{:?}", report.outcome).contains("one at a time"), "{:?}", report.outcome);
    let mut play = Play::open(false);
    if play.stage().info().mode != Mode::Isolated {
        common::left_out("keys of one's own: no stage can be isolated here");
        return;
    }
    play.run(
        r#"
spawn alice
spawn bob
alice: open f "notes" O_RDWR|O_CREAT 0644
alice: ftok "notes" 65 -> $key
bob: ftok "notes" 65 -> $key
alice: msgget q key=$key IPC_CREAT
bob: msgget r key=$key
bob: msgsnd r "met"
expect q holds "met"
bob: ftok "nothing" 65
expect bob failed ENOENT
alice: semget s 1 key=0x5eed IPC_CREAT
bob: semget s key=0x5eed
bob: semop s 0:1
expect s value 1
"#,
    );
    assert_eq!(play.object("s").identifier.split(", ").next(), Some("key 0x5eed"));
    assert!(play.last("alice").starts_with("semget(0x5eed<s>, 1, IPC_CREAT|0600) = "), "{}", play.last("alice"));
    assert!(play.refused("alice: ftok \"../x\" 65").contains("outside"));
}

#[test]
fn modes_are_what_was_asked_for_whatever_the_umask() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: umask 077
alice: msgget q IPC_CREAT 0666
alice: semget s 1 IPC_CREAT 0666
alice: shmget board 100 IPC_CREAT 0666
",
        );
        for name in ["q", "s", "board"] {
            assert_eq!(play.object(name).value("mode").as_text(), Some("0666"), "{name}");
        }
        play.run(
            r#"
alice: msgctl q IPC_SET mode=0
alice: msgsnd q "x"
expect alice failed EACCES
alice: msgctl q IPC_SET mode=0600
alice: msgsnd q "x"
expect q messages 1
"#,
        );
        if play.stage().info().capabilities.iter().any(|c| c == "stranger") {
            play.run(
                r"
spawn eve uid=65533
eve: msgget q
eve: msgrcv q 100 IPC_NOWAIT
expect eve failed EACCES
eve: msgctl q IPC_RMID
expect eve failed EPERM
eve: semget s
eve: semop s 0:1
expect s value 1
",
            );
        }
    });
}

#[test]
fn operations_on_a_set_are_all_or_nothing() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: semget s 3 IPC_CREAT
expect s nsems 3
expect s otime 0
expect s values "0 0 0"
alice: semctl s SETALL 1 0 2
expect s values "1 0 2"
expect s[2] == 2
expect s otime 0
alice: fork bob
bob: semop s 0:-1 1:-1:IPC_NOWAIT
expect bob failed EAGAIN
expect s values "1 0 2"
bob: semop s 0:-1 1:-1
expect bob blocked in semop on s
expect s semncnt "0 1 0"
alice: fork carol
carol: semop s 2:0
expect carol blocked in semop on s
expect s semzcnt "0 0 1"
alice: semop s 1:1
expect bob returned 0 from semop
expect s values "0 0 2"
expect s sempid bob
expect s otime > 0
alice: semop s 2:-2
expect carol returned 0 from semop
alice: semctl s 2 SETVAL 5
alice: semctl s 2 GETVAL -> $v
expect alice $v == 5
alice: semctl s GETALL -> $all
expect alice $all == "0 0 5"
expect alice got "0 0 5"
alice: semctl s 2 GETNCNT
expect alice returned 0 from semctl
alice: semop s 2:-9:IPC_NOWAIT
expect alice failed EAGAIN
alice: semop s 3:1
expect alice failed EFBIG
alice: semctl s 0 SETVAL -1
expect alice failed ERANGE
"#,
        );
        assert!(play.refused("alice: semctl s SETALL 1 2").contains("3 semaphores, and 2 values"));
        assert!(play.refused("alice: semctl s SETVAL").contains("one value"));
        play.run("alice: semctl s 1 GETPID");
        assert!(play.last("alice").contains("1, GETPID) = "), "{}", play.last("alice"));
        assert!(play.last("alice").ends_with("<bob>"), "{}", play.last("alice"));
        play.run("alice: semctl s IPC_STAT -> $n\nexpect alice $n == 3");
        assert!(play.last("alice").ends_with("{sem_nsems=3, sem_otime>0, mode=0600}) = 0"), "{}", play.last("alice"));
    });
}

#[test]
fn what_each_sleeper_waits_for_is_read_from_its_memory() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: semget s 2 IPC_CREAT
alice: semctl s 1 SETVAL 3
alice: fork bob
alice: fork carol
bob: semop s 0:-1:SEM_UNDO 1:1
carol: semtimedop s 1:0 400ms
expect bob blocked in semop on s
expect carol blocked in semtimedop on s
",
        );
        let waits = play.object("s").value("waits").as_list().to_vec();
        let told: Vec<_> = waits.iter().map(|w| (w.part("actor").unwrap(), w.part("operations").unwrap())).collect();
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            told,
            [(&text("bob"), &text("{0, -1, SEM_UNDO}, {1, 1, 0}")), (&text("carol"), &text("{1, 0, 0}")),]
        );
        let directions: Vec<&str> = play.object("s").waiters.iter().map(|w| w.direction.as_ref()).collect();
        assert_eq!(directions, ["decrease", "see zero"]);
        let sleep = play.snapshot().actor("carol").unwrap().sleep().unwrap().clone();
        assert!((399_000_000..500_000_000).contains(&(sleep.deadline_ns.unwrap() - sleep.since_ns)), "{sleep:?}");
        play.run("await carol\nexpect carol failed EAGAIN from semtimedop\nalice: semctl s IPC_RMID\nexpect bob failed EIDRM");
    });
}

#[test]
fn a_death_undoes_what_was_done_under_sem_undo() {
    both(|play| {
        play.run(
            r#"
spawn alice
alice: semget s 2 IPC_CREAT
alice: semctl s SETALL 1 1
alice: fork bob
bob: semop s 0:-1:SEM_UNDO
expect s undoes bob
bob: semop s 1:-1
expect s values "0 0"
alice: kill bob SIGKILL
expect s values "1 0"
expect not s undoes bob
expect s sempid bob
alice: fork dora
dora: semop s 0:-1:SEM_UNDO
alice: semctl s 0 SETVAL 0
expect not s undoes dora
alice: kill dora SIGKILL
expect s value 0
"#,
        );
        assert_eq!(play.object("s").evidence("undo"), Evidence::Reported);
    });
}

#[test]
fn semaphores_of_a_set_can_lock_each_other_out() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: semget s 2 IPC_CREAT
alice: semctl s SETALL 1 1
alice: fork bob
alice: semop s 0:-1
bob: semop s 1:-1
alice: semop s 1:-1
bob: semop s 0:-1
expect deadlock alice bob
",
        );
    });
}

#[test]
fn a_segment_is_shared_wherever_it_is_attached() {
    both(|play| {
        play.run(
            r"
spawn alice
alice: shmget board 5000 IPC_CREAT
expect board size 5000
expect board nattch 0
expect board cpid alice
",
        );
        assert_eq!(play.object("board").evidence("memory"), Evidence::Hidden, "it is not attached to be read");
        play.run(
            r"
alice: shmat board as m
alice: store m[0] 7
expect board[0] == 7
expect board nattch 1
expect board lpid alice
spawn bob
bob: shmget board
bob: shmat board SHM_RDONLY as r
bob: load $x r[0]
expect bob $x == 7
expect bob r[0] == 7
expect board nattch 2
alice: shmat board -> $second as m2
alice: store m2[1] 8
expect board[1] == 8
expect alice m[1] == 8
expect board nattch 3
alice: fork carol
expect board nattch 5
carol: shmdt m2
carol: load $x m2[0]
expect carol killed by SIGSEGV
expect board nattch 3
alice: shmdt m2
expect board nattch 2
alice: shmdt m2
expect alice failed EINVAL
alice: shmat board addr=$second as back
expect alice back[0] == 7
alice: shmat board addr=$second
expect alice failed EINVAL
alice: shmctl board IPC_STAT -> $n
expect alice $n == 3
bob: store r[0] 1
expect bob killed by SIGSEGV
expect board nattch 2
expect board[0] == 7
",
        );
        let board = play.object("board");
        assert_eq!((board.evidence("memory"), board.value("removed").as_text()), (Evidence::Kernel, Some("no")));
        let mapped: Vec<&str> = board.holders.iter().filter(|h| h.role == "map").map(|h| h.actor.as_str()).collect();
        assert_eq!(mapped, ["alice", "alice"]);
        let holders: Vec<&str> = board.holders.iter().map(|h| h.role.as_ref()).collect();
        assert_eq!(holders, ["map", "map", "id"]);
    });
}

#[test]
fn a_removed_segment_lives_while_it_is_attached() {
    both(|play| {
        play.run(
            r#"
spawn alice
spawn bob
alice: shmget board 4096 IPC_CREAT
alice: shmat board as m
alice: store m[0..5] "hello"
bob: shmget board
alice: shmctl board IPC_RMID
expect board removed
expect board holds "hello"
bob: shmat board as n
bob: load $text n[0..5]
expect bob $text == "hello"
bob: shmget board
expect bob failed ENOENT
alice: shmdt m
expect board nattch 1
bob: exit 0
expect gone board
"#,
        );
    });
}

#[test]
fn a_segment_outlives_its_maker() {
    both(|play| {
        play.run(
            r"
spawn alice
spawn bob
alice: shmget board 4096 IPC_CREAT
alice: shmat board as m
alice: store m[0] 7
bob: kill alice SIGKILL
expect board nattch 0
expect board cpid alice
bob: shmget board
bob: shmat board as m
expect board[0] == 7
bob: sem_init m+64 1 1 as s
expect s value 1
bob: fork carol
carol: sem_wait s
bob: sem_wait s
expect bob blocked in sem_wait on s
",
        );
    });
}

#[test]
fn a_second_run_shows_the_same() {
    let script = r#"
spawn alice
alice: msgget q IPC_CREAT
alice: msgget mine key=IPC_PRIVATE IPC_CREAT
alice: semget s 2 IPC_CREAT
alice: shmget board 4096 IPC_CREAT
alice: shmat board as m
alice: store m[0] 7
alice: fork bob
alice: msgsnd q type=3 "three"
bob: msgrcv q 100 type=-5
bob: msgrcv q 100
alice: semop s 0:1:SEM_UNDO
spawn carol
carol: semget s
carol: semop s 0:-1 1:-1
alice: msgctl q IPC_RMID
alice: shmctl board IPC_RMID
alice: shmctl board IPC_STAT
"#;
    let (statements, diagnostics) = ipclab::script::parse(script, ipclab::facility::registry());
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    for shared in [false, true] {
        let options = ipclab::stage::Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared };
        let mut timeline = ipclab::stage::Timeline::default();
        let mut first = ipclab::stage::Stage::open(&options).unwrap();
        for statement in &statements {
            let report = first.run(statement).unwrap();
            assert!(report.ok(), "{statement}: {:#?}", report.outcome);
            timeline.note(statement, &report);
        }
        let mut second = ipclab::stage::Stage::open(&options).unwrap();
        let rerun = timeline.rerun(&mut second, timeline.len()).unwrap();
        assert_eq!(rerun.differences, [], "shared: {shared}");
    }
}

/// Whether looking changes nothing: the same results, with the objects read after each statement and never.
#[test]
fn looking_leaves_no_trace() {
    let script = r#"
spawn alice
alice: msgget q IPC_CREAT
alice: msgsnd q "x"
alice: msgctl q IPC_STAT
alice: msgrcv q 10 IPC_NOWAIT
alice: msgrcv q 10 IPC_NOWAIT
alice: semget s 1 IPC_CREAT
alice: semctl s GETPID
alice: semop s 0:1
alice: semctl s GETVAL
alice: shmget board 100 IPC_CREAT
alice: shmat board as m
alice: shmctl board IPC_STAT
alice: shmctl board IPC_RMID
alice: shmdt m
alice: shmctl board IPC_STAT
"#;
    let (statements, _) = ipclab::script::parse(script, ipclab::facility::registry());
    for shared in [false, true] {
        let runs: Vec<Vec<String>> = [true, false]
            .into_iter()
            .map(|observed| {
                let options = ipclab::stage::Options { launcher: env!("CARGO_BIN_EXE_ipclab").into(), shared };
                let mut stage = ipclab::stage::Stage::open(&options).unwrap();
                stage.observe(observed);
                let calls = |report: ipclab::stage::Report| {
                    report.calls.iter().map(|call| format!("{:?}", call.normal())).collect::<Vec<_>>()
                };
                statements.iter().flat_map(|statement| calls(stage.run(statement).unwrap())).collect()
            })
            .collect();
        assert_eq!(runs[0], runs[1], "shared: {shared}");
    }
}

/// One call that waits for zero and for more waits for whichever the kernel counts it under, and that may change while
/// it sleeps.
#[test]
fn a_sleep_of_two_reasons_is_told_by_the_one_that_holds() {
    both(|play| {
        play.run(
            "spawn alice\nalice: semget s 2 IPC_CREAT\nalice: semctl s 0 SETVAL 1\nalice: fork bob\nbob: semop s 0:0 1:-1",
        );
        let told = |play: &Play| {
            let sleep = play.snapshot().actor("bob").unwrap().sleep().unwrap().clone();
            let waiter = play.object("s").waiters[0].direction.clone();
            assert_eq!(sleep.direction, waiter);
            waiter
        };
        play.run("expect s semzcnt \"1 0\"");
        assert_eq!(told(play), "see zero");
        play.run("alice: semctl s 0 SETVAL 0\nexpect s semncnt \"0 1\"");
        assert_eq!(told(play), "decrease");
        play.run("alice: semctl s 1 SETVAL 1\nexpect bob returned 0 from semop");
    });
}

#[test]
fn a_key_that_stands_where_c_has_it_is_not_taken_for_flags() {
    both(|play| {
        play.run("spawn alice");
        for line in ["msgget q IPC_PRIVATE", "semget q 1 IPC_PRIVATE", "shmget q 4096 IPC_PRIVATE"] {
            let outcome = play.line(&format!("alice: {line}")).outcome;
            let Outcome::Refused { why, help } = &outcome else { panic!("{line}: {outcome:?}") };
            assert!(why.starts_with("IPC_PRIVATE is a key") && help.is_some(), "{line}: {why}");
        }
        play.run("alice: msgget q IPC_CREAT key=IPC_PRIVATE\nexpect q messages 0\nalice: msgctl q IPC_RMID");
    });
}
