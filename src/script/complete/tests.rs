use super::*;
use crate::script::testing::registry;
use crate::script::{parse, parse_line};

/// alice has pipe `p`, queue `q`, mapping `m`, variable `$x`; bob is her child.
fn scene() -> Scene {
    let registry = registry();
    let (statements, errors) = parse(
        "spawn alice\nalice: pipe p\nalice: mq_open q O_CREAT\nalice: mmap q 4096 PROT_READ MAP_SHARED as m\n\
         alice: set $x 1\nalice: fork bob\nalice: read p 100 -> $buf",
        &registry,
    );
    assert_eq!(errors, []);
    let mut scene = Scene::default();
    for statement in &statements {
        scene.learn(statement, &registry);
    }
    scene
}

fn at(marked: &str) -> Completion {
    let cursor = marked.find('^').unwrap();
    complete(&marked.replace('^', ""), cursor, &registry(), &scene())
}

fn inserts(marked: &str) -> Vec<String> {
    at(marked).candidates.into_iter().map(|c| c.insert).collect()
}

#[test]
fn offers_what_may_stand_at_the_cursor() {
    let cases: &[(&str, &[&str])] = &[
        ("al^", &["alice: "]),
        ("sp^", &["spawn "]),
        ("alice: re^", &["read "]),
        ("alice: read ^", &["p", "p.r", "q"]),
        ("alice: write p^", &["p.w"]),
        ("alice: close p^", &["p.r", "p.w"]),
        ("bob: read ^ 100", &["p", "p.r", "q"]),
        ("alice: read p $^", &["$x", "$buf"]),
        ("alice: read p pa^", &["pagesize"]),
        ("alice: read p 100 ^", &["-> $"]),
        ("alice: read p 100 -> $b^", &["$buf"]),
        ("alice: open f \"x\" O_RD^", &["O_RDONLY", "O_RDWR"]),
        ("alice: open f \"x\" O_RDWR|O_^", &["O_RDONLY", "O_WRONLY", "O_CREAT", "O_NONBLOCK"]),
        ("alice: open f \"x\" O_RDWR|O_CREAT|n^", &[]),
        ("alice: open f \"x\" O_RDWR|O_CREAT|no^", &["O_NONBLOCK"]),
        ("alice: fcntl p F_SETLKW F_W^", &["F_WRLCK"]),
        ("alice: kill b^", &["bob"]),
        ("alice: poll ^", &["p.r:", "p.w:", "q:"]),
        ("alice: poll p.r:PO^", &["POLLIN", "POLLPRI", "POLLOUT"]),
        ("alice: poll p.r:POLLIN|^", &["POLLPRI", "POLLOUT"]),
        ("alice: poll p.r:POLLIN p.^", &["p.r:", "p.w:"]),
        ("alice: poll p.r:POLLIN t^", &["timeout="]),
        ("alice: sigprocmask SIGUSR^", &["SIGUSR1", "SIGUSR2"]),
        ("alice: sigprocmask SIGUSR1|SIGUSR2^", &[]),
        ("alice: kill bob SIGUSR^", &["SIGUSR1", "SIGUSR2"]),
        ("alice: kill bob usr^", &["SIGUSR1", "SIGUSR2"]),
        ("alice: mq_open q m^", &["maxmsg="]),
        ("alice: mq_open ^", &["q"]),
        ("alice: dup p.w ^", &["as "]),
        ("alice: dup p.w as ^", &[]),
        ("alice: load $x ^", &["m["]),
        ("alice: load $x m:u^", &["u8[", "u16[", "u32[", "u64["]),
        ("alice: load $x m[$^", &["$x", "$buf"]),
        ("alice: sem_wait ^", &["m", "q"]),
        ("alice: futex_waitv m+64:0:FUT^", &["FUTEX2_PRIVATE"]),
        ("alice: semop s 0:-1:SEM^", &["SEM_UNDO"]),
        ("alice: semop s 0:-1:SEM_UNDO|IPC^", &["IPC_NOWAIT"]),
        ("alice: write p \"al^", &[]),
        ("alice: write p \"x\" # al^", &[]),
        ("step ^", &["alice", "bob"]),
        ("go alice ^", &["bob ", "times="]),
        ("await bob ^", &["limit="]),
        ("repeat f^", &["forever "]),
        ("repeat 3 a^", &["alice: "]),
        ("repeat 3 alice: rea^", &["read "]),
        ("program alice\n  rea^", &["read "]),
        ("program alice\n  en^", &["end"]),
        ("program alice\n  write ^", &["p", "p.w", "q"]),
        ("program alice\nend\nsp^", &["spawn "]),
        (
            "expect ^",
            &[
                "alice ",
                "bob ",
                "p ",
                "q ",
                "not ",
                "deadlock ",
                "certain ",
                "suspicious ",
                "syscalls ",
                "woken ",
                "gone ",
            ],
        ),
        (
            "expect not ^",
            &["alice ", "bob ", "p ", "q ", "deadlock ", "certain ", "suspicious ", "syscalls ", "woken ", "gone "],
        ),
        ("expect p ^", &["holds ", "bytes ", "waiters "]),
        ("expect q w^", &["write-locked ", "waiters "]),
        ("expect bob b^", &["blocked ", "blocks "]),
        ("expect bob pending SIGUSR^", &["SIGUSR1", "SIGUSR2"]),
        ("expect bob blocked ^", &["in ", "on "]),
        ("expect bob blocked in read on ^", &["p", "q"]),
        ("expect bob failed EA^", &["EAGAIN"]),
        ("expect bob killed by SIGPI^", &["SIGPIPE"]),
        ("expect q write-locked 0..100 by ^", &["alice ", "bob "]),
        ("expect deadlock alice ^", &["bob "]),
        ("expect certain l^", &["lock-order ", "lost-lock "]),
        ("expect suspicious lock-order bob ^", &["alice "]),
        ("expect syscalls 0 ^", &["since mark "]),
        ("blurb ^", &[]),
        ("alice: raed ^", &[]),
    ];
    for (marked, expected) in cases {
        assert_eq!(inserts(marked), *expected, "{marked}");
    }
}

#[test]
fn a_candidate_replaces_the_word_before_the_cursor() {
    let completion = at("alice: open f \"x\" O_RDWR|O_CR^ 0644");
    assert_eq!((completion.start, completion.candidates[0].insert.as_str()), (25, "O_CREAT"));
    let completion = at("alice: read p.^");
    assert_eq!((completion.start, completion.candidates[0].insert.as_str()), (12, "p.r"));
}

#[test]
fn shows_the_call_and_the_argument_at_the_cursor() {
    let cases = [
        ("alice: read ^", "read", Some(0)),
        ("alice: read p ^", "read", Some(1)),
        ("alice: read p 10^", "read", Some(1)),
        ("alice: read p 100 ^", "read", None),
        ("alice: re^ad p 100", "read", None),
        ("alice: open f \"no^", "open", Some(1)),
        ("alice: open f \"x\" O_RDWR|^", "open", Some(2)),
        ("alice: mq_open q maxmsg=^", "mq_open", Some(3)),
        ("alice: mmap ^", "mmap", Some(0)),
        ("alice: mmap 4096 ^", "mmap", Some(2)),
        ("await b^", "await", None),
        ("awa^it bob", "await", None),
        ("expect bob blocked ^", "blocked", None),
        ("expect p holds ^", "holds", None),
    ];
    for (marked, name, active) in cases {
        let signature = at(marked).signature.unwrap_or_else(|| panic!("{marked}"));
        assert_eq!((signature.name.as_str(), signature.active_arg), (name, active), "{marked}");
    }
    let signature = help_for("alice: write p \"x\"", 9, &registry()).unwrap();
    assert_eq!((signature.usage.as_str(), signature.args[1].doc.as_str()), ("write fd buf", "the bytes to write"));
    assert_eq!(help_for("blurb", 2, &registry()), None);
}

#[test]
fn what_is_offered_can_be_parsed() {
    // Each flag, constant and signal that is offered is one that the parser takes.
    for marked in ["alice: open f \"x\" ^", "alice: kill bob ^", "alice: pipe2 p ^", "alice: fcntl p ^ F_RDLCK 0.."] {
        let completion = at(marked);
        assert!(!completion.candidates.is_empty());
        for candidate in completion.candidates {
            let text = marked.replace('^', &candidate.insert);
            assert!(parse_line(&text, &registry()).is_ok(), "{text}");
        }
    }
}
