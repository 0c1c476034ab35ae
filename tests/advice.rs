//! What is said of those who sleep in vain is true, and whoever does as it says is not stuck.

mod common;

use common::{Play, both};
use ipclab::diagnosis::Looks;

/// A scenario in which somebody hangs, what is said of it, and the same with the advice followed.
struct Case {
    hangs: &'static str,
    /// Certainty and kind of each finding, in the order in which they are told.
    kinds: &'static [&'static str],
    /// What is among the words.
    says: &'static [&'static str],
    /// What is not.
    never: &'static [&'static str],
    /// On another stage; its expectations hold.
    followed: &'static str,
}

/// What two looks find: the kinds, and all words.
fn told(play: &mut Play) -> (Vec<String>, String) {
    let mut looks = Looks::default();
    looks.take(play.snapshot());
    looks.take(&play.look_again());
    assert!(looks.agree(), "{:#?}", looks.findings());
    let all = looks.findings();
    let words = |f: &ipclab::model::Finding| {
        let known: Vec<&str> = f.known.iter().map(|known| known.words.as_str()).collect();
        format!("{}. {}. {}.\n", f.words, known.join(". "), f.next)
    };
    (all.iter().map(|f| format!("{} {}", f.certainty.word(), f.kind.word)).collect(), all.iter().map(words).collect())
}

#[track_caller]
fn check(cases: &[Case]) {
    for case in cases {
        both(|play| {
            play.run(case.hangs);
            let (kinds, words) = told(play);
            assert_eq!(kinds, case.kinds, "{}\n{words}", case.hangs);
            for says in case.says {
                assert!(words.contains(says), "{}\n{says}\n{words}", case.hangs);
            }
            for never in case.never {
                assert!(!words.contains(never), "{}\n{never}\n{words}", case.hangs);
            }
        });
        both(|play| play.run(case.followed));
    }
}

#[test]
fn of_two_sockets_it_is_the_peer_that_holds_back_the_end() {
    check(&[
        Case {
            // The number 4 was that of an end of s.
            hangs: "spawn client\nclient: socketpair s AF_UNIX SOCK_STREAM\nclient: close s.1\n\
                    client: socketpair t AF_UNIX SOCK_STREAM\nclient: recv t.0 100",
            kinds: &["certain own-write-end"],
            says: &["client has t.1 (descriptor 5) open", "client should close t.1 (descriptor 5) before it reads"],
            never: &["s.1", "close t.0"],
            followed: "spawn client\nclient: socketpair t AF_UNIX SOCK_STREAM\nclient: close t.1\n\
                       client: recv t.0 100\nexpect client returned 0 from recv",
        },
        Case {
            hangs: "spawn a\na: socketpair s AF_UNIX SOCK_SEQPACKET\na: read s.1 100",
            kinds: &["certain own-write-end"],
            says: &["a should close s.0 (descriptor 3) before it reads"],
            never: &["close s.1"],
            followed: "spawn a\na: socketpair s AF_UNIX SOCK_SEQPACKET\na: close s.0\na: read s.1 100\n\
                       expect a returned 0 from read",
        },
        Case {
            // Each holds both ends. To close one would not help: they wait for each other's words.
            hangs: "spawn client\nclient: socketpair s AF_UNIX SOCK_STREAM\nclient: fork server\n\
                    server: recv s.1 100\nclient: recv s.0 100",
            kinds: &["certain deadlock"],
            says: &[
                "client for server to send on s.1; server for client to send on s.0",
                "client has s.1 (descriptor 4) open too",
                "server has s.0 (descriptor 3) open too",
                "client should send on s.0, which server waits for, before it waits itself",
            ],
            never: &["close", "ending one frees"],
            followed: "spawn client\nclient: socketpair s AF_UNIX SOCK_STREAM\nclient: fork server\n\
                       server: recv s.1 100\nclient: send s.0 \"x\"\nclient: recv s.0 100\n\
                       expect server returned 1 from recv\nexpect not certain deadlock\nexpect not deadlock client",
        },
    ]);
}

#[test]
fn who_may_shut_down_the_sleepers_own_end_is_a_way_out() {
    both(|play| {
        play.run(
            "spawn a\na: socketpair s AF_UNIX SOCK_STREAM\na: fork b\nb: close s.1\na: recv s.0 100\n\
             expect suspicious own-write-end a\nexpect not certain own-write-end\n\
             b: shutdown s.0 SHUT_RD\nexpect a returned 0 from recv",
        );
    });
}

#[test]
fn two_pipes_of_question_and_answer() {
    check(&[Case {
        hangs: "spawn parent\nparent: pipe req\nparent: pipe ans\nparent: fork child\nchild: read req 100\n\
                parent: read ans 100",
        kinds: &["certain deadlock"],
        says: &["parent for child to write to ans; child for parent to write to req", "parent should write to req"],
        never: &["should close", "parent for parent", "ending one frees"],
        followed: "spawn parent\nparent: pipe req\nparent: pipe ans\nparent: fork child\nchild: read req 100\n\
                   parent: write req \"job\"\nparent: read ans 100\nexpect child returned 3 from read\n\
                   expect not deadlock parent",
    }]);
}

#[test]
fn what_has_no_end_of_file_is_not_told_to_close() {
    check(&[
        Case {
            hangs: "spawn a\na: mq_open q O_CREAT|O_RDWR 0600\na: fork b\nb: mq_receive q 9000\na: waitpid b",
            kinds: &["suspicious deadlock"],
            says: &["a for b to end; b for a to send to q", "a should send to q first", "as q has none"],
            never: &["close", "last writer"],
            followed: "spawn a\na: mq_open q O_CREAT|O_RDWR 0600\na: fork b\nb: mq_receive q 9000\n\
                       a: mq_send q \"x\" 0\nexpect b returned 1 from mq_receive",
        },
        Case {
            hangs: "spawn a\na: mq_open q O_CREAT|O_RDWR 0600\na: mq_receive q 9000",
            kinds: &["suspicious deadlock"],
            says: &["somebody else must send to q, or a before it waits", "as q has none"],
            never: &["close"],
            followed: "spawn a\na: mq_open q O_CREAT|O_RDWR 0600\na: mq_send q \"x\" 0\na: mq_receive q 9000\n\
                       expect a returned 1 from mq_receive",
        },
        Case {
            hangs: "spawn a\na: socketpair s AF_UNIX SOCK_DGRAM\na: recv s.0 100",
            kinds: &["certain deadlock"],
            says: &["somebody else must send on s.1, or a before it waits", "as s.0 has none"],
            never: &["close"],
            followed: "spawn a\na: socketpair s AF_UNIX SOCK_DGRAM\na: send s.1 \"x\"\na: recv s.0 100\n\
                       expect a returned 1 from recv",
        },
        Case {
            hangs: "spawn a\na: eventfd e 0\na: read e 8",
            kinds: &["certain deadlock"],
            says: &["somebody else must write to e, or a before it waits"],
            never: &["close", "other end"],
            followed: "spawn a\na: eventfd e 0\na: eventfd_write e 1\na: eventfd_read e\nexpect a returned 0 from eventfd_read",
        },
    ]);
}

#[test]
fn parents_that_wait_with_the_write_end_open() {
    check(&[Case {
        hangs: "spawn a\na: pipe p\na: fork b\nb: fork c\nc: close p.w\nc: read p 1\nb: waitpid c\na: waitpid b",
        kinds: &["certain deadlock"],
        says: &[
            "a for b to end; b for c to end; c for a or b to write to p",
            "a closes p.w (descriptor 4) and b closes p.w (descriptor 4) before they sleep",
        ],
        never: &[],
        followed: "spawn a\na: pipe p\na: fork b\nb: fork c\nc: close p.w\nc: read p 1\nb: close p.w\n\
                   b: waitpid c\na: close p.w\na: waitpid b\nexpect c returned 0 from read",
    }]);
}

#[test]
fn fifos_opened_the_wrong_way_round() {
    check(&[
        Case {
            hangs: "spawn p\np: mkfifo x 0600\np: mkfifo y 0600\np: fork q\np: open a \"x\" O_WRONLY\n\
                    q: open b \"y\" O_WRONLY",
            kinds: &["suspicious nobody-comes", "suspicious nobody-comes"],
            says: &["p waits in open on x for somebody to open x for reading", "in the same order"],
            never: &["in particular"],
            followed: "spawn p\np: mkfifo x 0600\np: mkfifo y 0600\np: fork q\np: open a \"x\" O_WRONLY\n\
                       q: open c \"x\" O_RDONLY\nexpect p idle\np: open d \"y\" O_RDONLY\nq: open b \"y\" O_WRONLY\n\
                       expect p idle",
        },
        Case {
            hangs: "spawn p\np: mkfifo x 0600\np: open a \"x\" O_RDONLY",
            kinds: &["suspicious nobody-comes"],
            says: &["for somebody to open x for writing"],
            never: &[],
            followed: "spawn p\np: mkfifo x 0600\np: open a \"x\" O_RDONLY\nspawn q\nq: open b \"x\" O_WRONLY\n\
                       expect p idle",
        },
    ]);
    // Who is idle may come yet.
    both(|play| {
        play.run("spawn p\nspawn q\np: mkfifo x 0600\np: open a \"x\" O_WRONLY\nexpect not suspicious nobody-comes");
        play.run("q: pause\nexpect suspicious nobody-comes p");
    });
}

#[test]
fn a_grandchild_that_keeps_the_write_end() {
    check(&[Case {
        hangs: "spawn alice\nalice: pipe p\nalice: fork bob\nbob: fork carol\nalice: close p.w\ncarol: close p.r\n\
                bob: exit 0\ncarol: pause\nalice: read p 10",
        kinds: &["suspicious held-write-end", "certain zombie"],
        says: &["carol still has p.w (descriptor 4) open", "carol was forked by bob", "carol should close p.w"],
        never: &[],
        followed: "spawn alice\nalice: pipe p\nalice: fork bob\nbob: fork carol\nalice: close p.w\ncarol: close p.r\n\
                   carol: close p.w\nbob: exit 0\ncarol: pause\nalice: read p 10\nexpect alice returned 0 from read",
    }]);
}

#[test]
fn readers_who_both_want_to_write_took_nothing_in_opposite_orders() {
    check(&[Case {
        hangs: "spawn a\na: open f \"f\" O_RDWR|O_CREAT 0666\nspawn b\nb: open g \"f\" O_RDWR\n\
                a: fcntl f F_OFD_SETLK F_RDLCK 0..10\nb: fcntl g F_OFD_SETLK F_RDLCK 0..10\n\
                a: fcntl f F_OFD_SETLKW F_WRLCK 0..10\nb: fcntl g F_OFD_SETLKW F_WRLCK 0..10",
        kinds: &["certain deadlock"],
        says: &["one of them must give its own back"],
        never: &["itself"],
        followed: "spawn a\na: open f \"f\" O_RDWR|O_CREAT 0666\nspawn b\nb: open g \"f\" O_RDWR\n\
                   a: fcntl f F_OFD_SETLK F_RDLCK 0..10\nb: fcntl g F_OFD_SETLK F_RDLCK 0..10\n\
                   a: fcntl f F_OFD_SETLKW F_WRLCK 0..10\nb: fcntl g F_OFD_SETLK F_UNLCK 0..10\n\
                   expect a returned 0 from fcntl",
    }]);
}

#[test]
fn threads_that_join_each_other_and_one_that_reads() {
    check(&[
        Case {
            hangs: "spawn a\na: pthread_create t1\na: pthread_create t2\na.t1: pthread_join a.t2\n\
                    a.t2: pthread_join a.t1",
            kinds: &["certain deadlock"],
            says: &["one of them must end without waiting for the next"],
            never: &["should end first"],
            followed: "spawn a\na: pthread_create t1\na: pthread_create t2\na.t1: pthread_join a.t2\n\
                       a.t2: pthread_exit 0\nexpect a.t1 returned 0 from pthread_join",
        },
        Case {
            hangs: "spawn a\na: pthread_create t1\na: pipe p\na.t1: read p.r 1\na: pthread_join a.t1",
            kinds: &["certain deadlock", "certain own-write-end"],
            says: &["a should write to p first"],
            never: &["a.t1 closes"],
            followed: "spawn a\na: pthread_create t1\na: pipe p\na.t1: read p.r 1\na: write p.w \"x\"\n\
                       expect a.t1 returned 1 from read",
        },
    ]);
}

#[test]
fn what_ends_by_itself_waits_for_nobody() {
    both(|play| {
        play.run(
            "spawn a\na: sigprocmask SIG_BLOCK SIGUSR1\na: signalfd f SIGUSR1\na: read f 128\n\
             expect not suspicious nobody-comes",
        );
    });
}
