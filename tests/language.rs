//! The language as it is shipped: each example is right, and `docs/language.md` tells what the program knows.

use ipclab::facility::registry;
use ipclab::script::{Body, STAGE_WORDS, c_line, parse_line, reference};

#[test]
fn examples_of_calls_are_right() {
    let registry = registry();
    for call in registry.calls() {
        let statement = parse_line(call.example, registry).unwrap_or_else(|e| panic!("{}: {e:?}", call.example));
        assert_eq!(statement.to_string(), call.example);
        let Body::Order { call: order, .. } = statement.body else { panic!("{}", call.example) };
        assert_eq!(order.verb, call.name);
        let c = c_line(&order, call);
        assert!(!c.contains('\0') && !c.contains(", )") && !c.contains("{?"), "{c}");
        for arg in call.args {
            assert!(!c.contains(&format!("{{{}", arg.name)), "{c}");
        }
    }
}

#[test]
fn each_argument_has_a_place_in_c() {
    for call in registry().calls() {
        for hole in call.c.split('{').skip(1) {
            let name: String = hole
                .chars()
                .skip_while(|c| "?!".contains(*c))
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let in_braces = hole.starts_with([' ', '}']) || name.is_empty();
            assert!(
                in_braces || name == "as" || name == "into" || call.args.iter().any(|a| a.name == name),
                "{}: {{{name}}}",
                call.c
            );
        }
    }
}

#[test]
fn examples_of_predicates_and_words_are_right() {
    let registry = registry();
    let predicates = registry.chapters.iter().flat_map(|c| c.predicates).map(|p| p.example);
    for example in predicates.chain(STAGE_WORDS.iter().map(|w| w.example)) {
        let statement = parse_line(example, registry).unwrap_or_else(|e| panic!("{example}: {e:?}"));
        assert_eq!(statement.to_string(), example);
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/language.md");
    let made = reference(registry());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    let line = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "docs/language.md is stale from line {}: run `UPDATE_DOCS=1 cargo test --test language`",
        line.unwrap_or_else(|| kept.lines().count().min(made.lines().count())) + 1
    );
}

#[test]
fn optional_arguments_are_told_apart() {
    let registry = registry();
    let given = |text: &str| {
        let statement = parse_line(text, registry).unwrap_or_else(|e| panic!("{text}: {e:?}"));
        assert_eq!(statement.to_string(), text);
        let Body::Order { call, .. } = statement.body else { panic!("{text}") };
        let (_, spec) = registry.call(&call.verb).unwrap();
        (call.args.iter().map(|a| a.name.clone()).collect::<Vec<_>>().join(" "), c_line(&call, spec))
    };
    let cases = [
        ("alice: fcntl f F_GETFL", "fd cmd", "fcntl(f, F_GETFL)"),
        ("alice: fcntl f F_SETFL 0", "fd cmd flags", "fcntl(f, F_SETFL, 0)"),
        ("alice: fcntl p.w F_SETPIPE_SZ 65536", "fd cmd arg", "fcntl(p_w, F_SETPIPE_SZ, 65536)"),
        ("alice: fcntl p.w F_SETPIPE_SZ 2 * pagesize", "fd cmd arg", "fcntl(p_w, F_SETPIPE_SZ, 2 * pagesize)"),
        (
            "alice: fcntl f F_SETLKW F_WRLCK 0..100",
            "fd cmd type range",
            "fcntl(f, F_SETLKW, &(struct flock){ .l_type = F_WRLCK, .l_start = 0, .l_len = 100 })",
        ),
        (
            "alice: fcntl f F_SETLK F_UNLCK",
            "fd cmd type",
            "fcntl(f, F_SETLK, &(struct flock){ .l_type = F_UNLCK, .l_start = 0, .l_len = 0 })",
        ),
        ("alice: waitpid", "", "waitpid(-1, &status, 0)"),
        ("alice: waitpid any WNOHANG", "pid options", "waitpid(-1, &status, WNOHANG)"),
        ("alice: waitpid WNOHANG", "options", "waitpid(-1, &status, WNOHANG)"),
        (
            "alice: mmap 4096 PROT_READ MAP_PRIVATE|MAP_ANONYMOUS as m",
            "length prot flags",
            "m = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)",
        ),
        ("alice: mq_open q O_RDONLY", "name oflag", "q = mq_open(\"/q\", O_RDONLY)"),
    ];
    for (text, args, c) in cases {
        assert_eq!(given(text), (args.to_owned(), c.to_owned()), "{text}");
    }
}

#[test]
fn who_writes_as_in_c_or_mistypes_is_told_what_is_right() {
    for (line, helps) in [
        ("alice: sem_open \"/turn\"", &["a name stands without quotes and without the slash: `turn`"][..]),
        ("alice: sem_open turn O_CREAT 0600 1", &["did you mean `value=1`?"]),
        ("alice: setsockopt s IPPROTO_IP IP_ADD_MEMBERSHIP 239.1.2.3", &["in quotes: \"239.1.2.3\""]),
        (
            "alice: setsockopt s IP_ADD_MEMBERSHIP 239.1.2.3",
            &["`IP_ADD_MEMBERSHIP` is for `optname`", "in quotes: \"239.1.2.3\""],
        ),
        ("alice: setsockopt s IP_ADD_MEMBERSHIP \"239.1.2.3\"", &["`IP_ADD_MEMBERSHIP` is for `optname`"]),
        ("alice: flok f LOCK_EX", &["did you mean `flock`?"]),
        ("alice: semop s 1:-1", &[]),
        ("alice: mqopen q O_RDWR", &["did you mean `mq_open`?"]),
        ("alice: nmap 4096 PROT_READ MAP_SHARED", &["did you mean `mmap`?"]),
    ] {
        let found = parse_line(line, registry()).err().unwrap_or_default();
        assert_eq!(found.len(), helps.len(), "{line}: {found:?}");
        for (mistake, help) in found.iter().zip(helps) {
            assert!(mistake.help.as_ref().is_some_and(|said| said.contains(help)), "{line}: {mistake:?}");
        }
    }
}
