use super::*;
use crate::script::testing::registry;
use crate::script::{ArgValue, Body, IntType, Op, Radix};

/// Statements as they are printed; the same text must come back.
const SAME: &[&str] = &[
    "spawn alice",
    "spawn eve uid=65533",
    "alice: pipe p",
    "alice: pipe2 p O_CLOEXEC|O_NONBLOCK",
    "alice.t1: close p.w",
    "bob: close fd 7",
    "bob: close fd $n",
    "bob: close fd -1",
    "bob: close fd (3 + 1)",
    "alice: write p \"hello\\n\"",
    "alice: write p 'x' * 4097",
    "alice: write s.0 $buf",
    "alice: write p $buf + \"\\xff\\0\"",
    "bob: read p 100 -> $buf",
    "bob: read p 16 * pagesize",
    "bob: read p PIPE_BUF - 1",
    "bob: dup p.w as q",
    "alice: open f \"notes\" O_RDWR|O_CREAT 0644",
    "alice: open f notes.txt O_RDWR mode=0600",
    "alice: open f dir/a-b.5s 0",
    "alice: kill bob SIGUSR1",
    "alice: kill bob.t1 SIGRTMIN+3",
    "alice: kill bob 0",
    "alice: nanosleep 500ms",
    "alice: nanosleep 2 * 1s",
    "alice: fcntl f F_SETLKW F_WRLCK 0..100",
    "alice: fcntl f F_SETLK F_UNLCK 100..",
    "alice: fcntl f F_SETLK F_UNLCK -5..(2 + 3) * 4",
    "alice: lseek f -5 SEEK_END",
    "alice: lseek f 0x10",
    "alice: connect s unix:srv",
    "alice: connect s unix:dir/my-sock",
    "alice: connect s unix:@srv",
    "alice: connect s unix:\"a b\"",
    "alice: connect s 127.0.0.1:5000",
    "alice: connect s 127.0.0.1:$port",
    "alice: connect s [::1]:5000",
    "alice: connect s *:(5000 + 1)",
    "alice: mq_open q O_CREAT|O_RDWR 0600 maxmsg=3 timeout=2s",
    "alice: mq_open q as mine",
    "alice: mq_open q 0 0644",
    "alice: mmap board 4096 PROT_READ|PROT_WRITE MAP_SHARED as m",
    "alice: mmap pagesize PROT_NONE MAP_ANONYMOUS|MAP_PRIVATE offset=-1 as m",
    "alice: load $x m[0]",
    "alice: load $x m:u8[$i + 1]",
    "alice: store m[3] $x",
    "alice: store m[0..5] \"hello\"",
    "alice: set $buf \"...\"",
    "alice: set $n -0x41",
    "alice: sem_wait s",
    "alice: sem_wait m+12",
    "alice: sem_wait m+4 * 2",
    "program alice\n  load $x m[0]\n  store m[0] $x\nend",
    "program alice\nend",
    "step alice",
    "go alice bob times=1000",
    "go alice",
    "repeat 1000 alice: write p \"x\"",
    "repeat forever alice.t1: write p \"x\"",
    "repeat 2 * 5 alice\n  write p \"x\"\n  read p 1\nend",
    "repeat 3 alice\n  write p \"x\"\nend",
    "await bob",
    "await bob limit=2s",
    "cancel alice",
    "mark",
    "expect bob blocked in read on p",
    "expect bob blocked on p",
    "expect not bob blocked",
    "expect bob returned 0 from read",
    "expect bob returned -1",
    "expect bob failed EAGAIN from read",
    "expect bob got \"hello\"",
    "expect bob idle",
    "expect alice.t1 running",
    "expect bob stopped",
    "expect bob killed by SIGPIPE",
    "expect bob exited 0",
    "expect p holds \"hello\"",
    "expect p bytes 5",
    "expect p bytes > 5",
    "expect s waiters bob carol",
    "expect f write-locked 0..100 by alice",
    "expect f write-locked by alice",
    "expect f write-locked",
    "expect p capacity 65536",
    "expect p slots >= 16",
    "expect p packet yes",
    "expect s waiters 0",
    "expect f unlinked",
    "expect board[0] == 2",
    "expect board:u8[1] != 'x'",
    "expect board[0..5] == \"hello\"",
    "expect alice m[0] >= 2",
    "expect alice $x == 1",
    "expect not deadlock alice bob",
    "expect certain own-write-end bob",
    "expect not suspicious deadlock",
    "expect syscalls 0 since mark",
    "expect woken 6 since mark",
    "expect gone q",
    "expect q#2 messages 1",
    "expect s.0#3 waiters bob",
    "expect bob blocked in read on pipe#1",
    "expect east up west",
    "expect not east down west north",
    "expect east addresses \"10.0.0.1/24\"",
];

#[test]
fn prints_what_it_parsed() {
    let registry = registry();
    for text in SAME {
        let statement = parse_line(text, &registry).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(statement.to_string(), *text);
        assert_eq!(parse_line(&statement.to_string(), &registry).as_ref(), Ok(&statement));
    }
    let all = SAME.join("\n");
    let (statements, errors) = parse(&all, &registry);
    assert_eq!((statements.len(), errors), (SAME.len(), vec![]));
}

#[test]
fn understands_other_spellings() {
    let cases = [
        ("  alice:read p 0144  # a comment", "alice: read p 0144"),
        ("alice: read p 3#2", "alice: read p 3"),
        ("alice: close p #2", "alice: close p"),
        ("alice: close p#two", "alice: close p"),
        ("bob: read p 10-5", "bob: read p 10 - 5"),
        ("bob: read p PIPE_BUF-1", "bob: read p PIPE_BUF - 1"),
        ("bob: read p (10 -5)", "bob: read p (10 - 5)"),
        ("bob: dup p -> $x", ""),
        ("alice: mq_open q maxmsg=3 O_CREAT mode = 0600", "alice: mq_open q O_CREAT mode=0600 maxmsg=3"),
        ("alice: open f \"x\" O_RDWR | O_CREAT|O_RDWR", "alice: open f \"x\" O_RDWR|O_CREAT"),
        ("alice: fcntl f F_SETLK F_RDLCK 0 .. 100", "alice: fcntl f F_SETLK F_RDLCK 0..100"),
        ("alice: load $x m : i32 [ 2 ]", "alice: load $x m[2]"),
        ("alice: sem_wait m + 4", "alice: sem_wait m+4"),
        ("alice: nanosleep 1500ms", "alice: nanosleep 1500ms"),
        ("alice: nanosleep 2000ms", "alice: nanosleep 2s"),
        ("alice: set $x 0xffffffffffffffff", "alice: set $x -0x1"),
        ("\nprogram alice\n\n  read p 1 # one\n # none\nend # done\n", "program alice\n  read p 1\nend"),
    ];
    for (text, printed) in cases.into_iter().filter(|(_, printed)| !printed.is_empty()) {
        let statement = parse_line(text, &registry()).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(statement.to_string(), printed, "{text}");
    }
}

#[test]
fn makes_the_trees_that_the_types_promise() {
    let order = |text: &str| match parse_line(text, &registry()).unwrap().body {
        Body::Order { call, .. } => call,
        other => panic!("{other:?}"),
    };
    let call = order("alice: open f \"notes\" 0 0644");
    let names: Vec<&str> = call.args.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["name", "path", "flags", "mode"]);
    assert_eq!(call.args[1].value, ArgValue::Expr(Expr::Text(b"notes".to_vec())));
    assert_eq!(call.args[2].value, ArgValue::Expr(Expr::int(0)), "bare 0 is a number");
    assert_eq!(call.args[3].value, ArgValue::Expr(Expr::Int(0o644, Radix::Octal)));
    let call = order("alice: load $x m:u8[2]");
    let ArgValue::Place(place) = &call.args[1].value else { panic!("{call:?}") };
    assert_eq!((place.base.as_str(), place.ty, &place.index), ("m", IntType::U8, &Expr::int(2)));
    let call = order("alice: mmap 4096 PROT_READ MAP_SHARED");
    let names: Vec<&str> = call.args.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["length", "prot", "flags"], "the optional first argument is told apart by kind");
    let tree = parse_expr("1 - 2 - 3 * 4", &registry()).unwrap();
    let Expr::Binary(Op::Sub, left, right) = tree else { panic!() };
    assert!(matches!(*left, Expr::Binary(Op::Sub, ..)) && matches!(*right, Expr::Binary(Op::Mul, ..)));
}

/// A text, what the only message must contain, what the help must contain, and the text under the span.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("alice: connect s srv", "an address", "`unix:srv`", "srv"),
    ("alice: connect s 127.0.0.1", "`:` and a port", "", ""),
    ("alice: connect s 127.0.0.1:70000", "0 to 65535", "", "70000"),
    ("alice: connect s unix: srv", "right behind", "", "srv"),
    ("alice: connect s [fe80::1%2]:80", "expected `addr` of `connect`", "no zone stands behind it", "["),
    ("alice: fcntl f F_WRLCK", "expected `cmd` of `fcntl`", "`F_WRLCK` is for `type`", "F_WRLCK"),
    ("alice: raed p 100", "unknown call `raed`", "did you mean `read`?", "raed"),
    ("alice: read p", "`read` needs `count`: number of bytes", "read fd count", ""),
    ("alice: read", "`read` needs `fd`", "", ""),
    ("alice: write p \"a\" \"b\"", "`write` takes 2 arguments, this is a third", "write fd buf", "\"b\""),
    ("alice: close p 1", "`close` takes 1 argument, this is a second", "", "1"),
    (
        "alice: pipe2 p O_CLOSEXEC",
        "`flags` of `pipe2`, 0 or flags out of O_CLOEXEC, O_NONBLOCK, O_DIRECT",
        "`O_CLOEXEC`",
        "O_CLOSEXEC",
    ),
    ("alice: pipe2 p 5", "0 or flags out of", "", "5"),
    ("alice: open f \"x\" O_RDWR|O_CRAET", "flags out of", "`O_CREAT`", "O_CRAET"),
    (
        "alice: open f \"x\" O_TMPFILE",
        "flags out of",
        "`O_TMPFILE` is left out: nobody could name the file",
        "O_TMPFILE",
    ),
    ("alice: open f \"x\" O_RDWR 644", "644 is decimal", "write `0644`", "644"),
    ("alice: mq_open q maxmgs=3", "no argument `maxmgs=`", "`maxmsg`", "maxmgs"),
    ("alice: mq_open q maxmsg=3 maxmsg=4", "given twice", "", "maxmsg=4"),
    ("alice: read p count=3", "by its place", "read fd count", "count"),
    ("alice: read 7 100", "`fd` of `read`, a descriptor", "written `fd 7`", "7"),
    ("alice: read p \"x\"", "`count` of `read`, a number that is not negative, found data", "", "\"x\""),
    ("alice: read p -1", "negative", "", "-1"),
    ("alice: write p 65", "found a number", "'x'", "65"),
    ("alice: write p hello", "`hello` is no value", "\"hello\"", "hello"),
    ("alice: write p \"abc", "not closed", "", "\"abc"),
    ("alice: write p 239.1.2.3", "expected a value", "in quotes: \"239.1.2.3\"", "239.1.2.3"),
    ("alice: write p [ff02::1]", "expected a value", "in quotes: \"ff02::1\"", "[ff02::1]"),
    ("alice: read \"/p\" 1", "`fd` of `read`", "without quotes and without the slash: `p`", "\"/p\""),
    ("alice: fork \"bob\"", "`child` of `fork`", "without quotes: `bob`", "\"bob\""),
    ("alice: fork \"two words\"", "`child` of `fork`", "", "\"two words\""),
    ("alice: read /p 1", "`fd` of `read`", "without the slash: `p`", "/"),
    ("alice: write p ~ \"abc\"", "means nothing", "", "~"),
    ("alice: read p pagesiz", "no quantity", "`pagesize`", "pagesiz"),
    ("alice: read p (1 + 2", "expected `)`", "", ""),
    ("alice: nanosleep 100", "a duration such as 500ms, found a number", "unit", "100"),
    ("alice: kill bob SIGUSR", "unknown signal", "`SIGUSR1`", "SIGUSR"),
    ("alice: kill bob USR1", "unknown signal", "`SIGUSR1`", "USR1"),
    ("alice: kill 1 SIGUSR1", "the name of an actor", "", "1"),
    ("alice: write p \"x\" as y", "makes nothing", "", "as y"),
    ("alice: pipe p as y", "first argument", "", "as y"),
    ("alice: write p \"x\" -> $y", "gives nothing", "", "-> $y"),
    ("alice: pipe end", "`end` is a word of the language", "another name", "end"),
    ("alice: pipe aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "NAME_MAX", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("alice: load $x m:u9[0]", "expected a type", "`u8`", "u9"),
    ("alice: load $x m", "expected `[`", "", ""),
    ("alice: load x m[0]", "expected a variable", "", "x"),
    ("alice: store m:u8[0..2] 1", "no type", "m[0..5]", ":u8[0..2]"),
    ("alice: fcntl f F_SETLK F_RDLCK 5", "`..`", "", ""),
    ("alice: set $x -$y", "after `-`", "0 - $x", "-"),
    ("alice:", "expected a call", "", ""),
    ("alice: spawn bob", "unknown call `spawn`", "order to the stage", "spawn"),
    ("spwan bob", "unknown statement `spwan`", "`spawn`", "spwan"),
    ("read p 100", "no actor is named", "ACTOR: read", "read"),
    ("blurb", "unknown statement", "ACTOR: CALL", "blurb"),
    ("spawn", "expected a name for the new actor", "", ""),
    ("spawn alice bob", "expected `uid=`", "", "bob"),
    ("spawn alice uid=-1", "negative", "", "-1"),
    ("spawn alice uid=4294967295", "a number from 0", "", "uid=4294967295"),
    ("spawn alice @", "the name of a host", "", ""),
    ("spawn alice @east bob", "expected `uid=`", "", "bob"),
    ("host unix", "no host can be called `unix`", "HOST:PORT", "unix"),
    ("host", "expected a name for the new host", "", ""),
    ("link east", "the name of another host", "", ""),
    ("link east east down", "no line to itself", "", "east"),
    ("link east west", "`up` or `down`", "", ""),
    ("link east west off", "`up` or `down`", "", "off"),
    ("spawn repeat", "word of the language", "", "repeat"),
    ("go alice alice", "named twice", "", "alice"),
    ("go alice time=3", "expected `times=`", "`times=`", "time"),
    ("await bob 2s", "expected `limit=`", "", "2s"),
    ("await bob limit=2", "a duration", "unit", "2"),
    ("repeat alice: read p 1", "a number of rounds, or `forever`", "", "alice"),
    ("repeat 3 alice read p 1", "expected `:`", "", "read"),
    ("repeat forver alice: read p 1", "a number of rounds", "`forever`", "forver"),
    ("mark now", "nothing more", "", "now"),
    ("program alice\n  read p 1", "`program alice` is not closed", "`end`", "program alice"),
    ("end", "`end` closes no block", "", "end"),
    ("expect", "expected a claim", "", ""),
    ("expect bob blokced", "nothing called `blokced`", "`blocked`", "blokced"),
    ("expect bob retruned 0", "nothing called `retruned`", "`returned`", "retruned"),
    ("expect p byts 5", "nothing called `byts`", "`bytes`", "byts"),
    ("expect p capacity 5 6", "nothing called `capacity`", "", "capacity"),
    ("expect bob is idle", "nothing called `is`", "leave `is` out", "is"),
    ("expect f write-lokced", "nothing called `write-lokced`", "`write-locked`", "write-lokced"),
    ("expect p bytes", "expected a number", "expect p bytes > 5", ""),
    ("expect p bytes = 5", "does not compare", "expect p bytes > 5", "="),
    ("expect p holds 5", "found a number", "", "5"),
    ("expect p bytes 5 6", "nothing more", "", "6"),
    ("expect board[0] 2", "a comparison", "", "2"),
    ("expect board[0] = 2", "`=` does not compare", "`==`", "="),
    ("expect bob failed EAGIAN", "unknown error `EAGIAN`", "`EAGAIN`", "EAGIAN"),
    ("expect bob killed SIGPIPE", "`by` and a signal", "", "SIGPIPE"),
    ("expect bob blocked in raed", "unknown call `raed`", "`read`", "raed"),
    ("expect not not bob idle", "second `not`", "", "not"),
    ("expect syscalls 0", "`since mark`", "", ""),
    ("expect woken 6", "`since mark`", "", ""),
    ("expect deadlock", "name of an actor", "", ""),
    ("expect certain lock-oder bob", "`lock-oder` is no kind of finding", "did you mean `lock-order`?", "lock-oder"),
    ("99999999999999999999: read", "too large", "", "99999999999999999999"),
];

#[test]
fn says_what_is_wrong_where_and_what_is_near() {
    let registry = registry();
    for (text, message, help, under) in WRONG {
        let errors = parse_line(text, &registry).expect_err(text);
        let e = &errors[0];
        assert!(e.message.contains(message), "{text}: {} (wanted {message})", e.message);
        assert!(e.help.as_deref().unwrap_or("").contains(help), "{text}: {:?} (wanted {help})", e.help);
        assert_eq!(&text[e.span.start..e.span.end], *under, "{text}: {}", e.message);
        let first = e.message.chars().next().unwrap();
        assert!(!first.is_uppercase() && !e.message.ends_with('.'), "{text}: {}", e.message);
    }
}

#[test]
fn goes_on_behind_an_error() {
    let text =
        "spawn alice\nalice: raed p\nspwan bob\nalice: pipe p O_X\nalice: open f \"x\" O_A|O_B 5 6\nspawn carol\n";
    let (statements, errors) = parse(text, &registry());
    let printed: Vec<String> = statements.iter().map(ToString::to_string).collect();
    assert_eq!(printed, ["spawn alice", "spawn carol"]);
    let messages: Vec<&str> = errors.iter().map(|e| e.message.as_str()).collect();
    assert_eq!(messages.len(), 7, "{messages:#?}");
    assert!(errors.is_sorted_by_key(|e| e.span.start));
}

#[test]
fn a_block_keeps_what_it_understood() {
    let text = "program alice\n  read p 1\n  raed p 1\n  bob: read p 2\nend\nspawn x";
    let (statements, errors) = parse(text, &registry());
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(statements[0].to_string(), "program alice\n  read p 1\n  read p 2\nend");
    assert_eq!(statements[1].to_string(), "spawn x");

    let (statements, errors) = parse("program alice\n  read p 1\nspawn bob\nspawn carol", &registry());
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(statements.len(), 3);
    assert_eq!(&text[statements[0].span.start..][..7], "program");
}

#[test]
fn one_statement_means_one() {
    assert!(parse_line("", &registry()).unwrap_err()[0].message.contains("a statement was expected"));
    assert!(parse_line("spawn a\nspawn b", &registry()).unwrap_err()[0].message.contains("a second"));
    assert!(parse_expectation("bob idle", &registry()).is_ok());
    assert!(parse_expectation("bob idle now", &registry()).is_err());
    assert!(parse_expectation("", &registry()).is_err());
    assert!(parse_expr("1 +", &registry()).is_err());
}

#[test]
fn an_open_block_is_incomplete() {
    for text in [
        "program alice",
        "program alice\nread p 1",
        "repeat 3 alice\n",
        "repeat forever alice # x",
        "program a\nend\nprogram b",
    ] {
        assert!(incomplete(text), "{text}");
    }
    for text in [
        "",
        "spawn alice",
        "program",
        "program alice\nend",
        "repeat 3 alice: read p 1",
        "repeat 3",
        "program a\nspawn b",
    ] {
        assert!(!incomplete(text), "{text}");
    }
}

#[test]
fn limits_have_names() {
    let registry = registry();
    let message = |text: &str| parse(text, &registry).1.first().map(|d| d.message.clone()).unwrap_or_default();
    let long = format!("alice: write p \"{}\"", "x".repeat(70_000));
    assert!(message(&long).contains("STATEMENT_MAX"));
    let block = format!("program alice\n{}end", "  write p \"xxxxxxxxxxxxxxxx\"\n".repeat(3000));
    assert!(message(&block).contains("STATEMENT_MAX"));
    for deep in [
        format!("{}1{}", "(".repeat(30_000), ")".repeat(30_000)),
        "(".repeat(65_000),
        format!("1{}", " + 1".repeat(10_000)),
        format!("1{}", " + (1".repeat(5_000)),
    ] {
        assert!(message(&format!("alice: read p {deep}")).contains("DEPTH_MAX"), "{}", message(&deep));
    }
    let (ok, errors) = parse(&format!("alice: read p 1{}", " + 1".repeat(63)), &registry);
    assert_eq!((ok.len(), errors.len()), (1, 0));
    let many = "é ".repeat(1000) + "\n" + &"spwan x\n".repeat(1000);
    let (_, errors) = parse(&many, &registry);
    assert_eq!(errors.len(), DIAGNOSTICS_MAX + 1);
    assert!(errors[DIAGNOSTICS_MAX].message.contains("DIAGNOSTICS_MAX"));
}

#[test]
fn long_texts_take_no_longer_than_they_must() {
    // These would take minutes if each line looked at all the others.
    let registry = registry();
    for line in ["a: read p PIPE_BUF-1\n", "~\n", "program a\n", "\"\n", "a: pipe2 p O_X|O_Y\n", "expect p byts 5\n"] {
        let (_, errors) = parse(&line.repeat((1 << 17) / line.len()), &registry);
        assert!(errors.len() <= DIAGNOSTICS_MAX + 1);
    }
}
