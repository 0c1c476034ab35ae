//! Properties that hold for all trees and all texts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::testing::registry;
use super::*;

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,6}(-[a-z0-9]{1,3})?".prop_filter("reserved", |n| !is_reserved(n) && n != "pagesize")
}

fn dotted() -> impl Strategy<Value = String> {
    prop_oneof![3 => name(), 1 => (name(), "[rw0-9]").prop_map(|(n, part)| format!("{n}.{part}"))]
}

fn radix() -> impl Strategy<Value = Radix> {
    select(vec![Radix::Decimal, Radix::Hex, Radix::Octal])
}

fn any_int() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -9..100i64, Just(i64::MIN), Just(i64::MAX)]
}

fn number() -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        (any_int(), radix()).prop_map(|(n, radix)| Expr::Int(n, radix)),
        "[a-z_][a-z0-9_]{0,5}".prop_map(Expr::Var),
        select(vec!["PIPE_BUF", "pagesize", "EAGAIN"]).prop_map(|q| Expr::Quantity(q.to_owned())),
    ];
    computation(leaf.boxed())
}

fn data() -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        vec(any::<u8>(), 0..12).prop_map(Expr::Text),
        ".{0,8}".prop_map(|s| Expr::Text(s.into_bytes())),
        any::<u8>().prop_map(Expr::Byte),
        Just(Expr::Var("buf".to_owned())),
    ];
    computation(leaf.boxed())
}

fn duration() -> BoxedStrategy<Expr> {
    prop_oneof![
        (0..=i64::MAX).prop_map(Expr::Duration),
        (0..5000i64).prop_map(|ms| Expr::Duration(ms * 1_000_000)),
        Just(Expr::Var("t".to_owned())),
    ]
    .boxed()
}

fn computation(leaf: BoxedStrategy<Expr>) -> BoxedStrategy<Expr> {
    let ops = vec![Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Rem];
    leaf.prop_recursive(4, 12, 2, move |inner| {
        prop_oneof![
            (select(ops.clone()), inner.clone(), inner.clone()).prop_map(|(op, l, r)| binary(op, l, r)),
            inner.prop_map(|e| Expr::Paren(Box::new(e))),
        ]
    })
    .boxed()
}

/// Two operands, in parentheses where the language needs them.
fn binary(op: Op, left: Expr, right: Expr) -> Expr {
    let wrap = |e: Expr, binds: u8| match &e {
        Expr::Binary(inner, ..) if inner.binds() < binds => Box::new(Expr::Paren(Box::new(e))),
        _ => Box::new(e),
    };
    Expr::Binary(op, wrap(left, op.binds()), wrap(right, op.binds() + 1))
}

/// An expression that is one operand.
fn one_operand(e: Expr) -> Expr {
    if matches!(e, Expr::Binary(..)) { Expr::Paren(Box::new(e)) } else { e }
}

fn not_negative(e: &Expr) -> bool {
    !matches!(e, Expr::Int(n, _) if *n < 0)
}

fn range() -> impl Strategy<Value = ArgValue> {
    (number(), option::of(number())).prop_map(|(from, until)| ArgValue::Range(from, until))
}

fn place() -> impl Strategy<Value = Place> {
    (name(), select(IntType::ALL.to_vec()), number(), option::weighted(0.2, number())).prop_map(
        |(base, (ty, _), index, until)| Place {
            base,
            ty: if until.is_some() { IntType::default() } else { ty },
            index,
            until,
        },
    )
}

fn constants(table: &'static [(&'static str, i64)]) -> Vec<String> {
    table.iter().map(|(n, _)| (*n).to_owned()).collect()
}

fn signal() -> impl Strategy<Value = String> {
    prop_oneof![
        select(SIGNALS.to_vec()).prop_map(str::to_owned),
        (1..=30u8).prop_map(|n| format!("SIGRTMIN+{n}")),
        (1..=30u8).prop_map(|n| format!("SIGRTMAX-{n}")),
    ]
}

fn address() -> impl Strategy<Value = SocketAddress> {
    let port = || {
        prop_oneof![(0..=u16::MAX).prop_map(|n| Expr::int(n.into())), number().prop_map(|e| Expr::Paren(Box::new(e)))]
    };
    let name = || prop_oneof!["[a-z]{1,4}([./-][a-z0-9]{1,3}){0,2}", "[^\\x00]{1,8}"];
    prop_oneof![
        name().prop_map(SocketAddress::Path),
        name().prop_map(SocketAddress::Abstract),
        (any::<[u8; 4]>(), port()).prop_map(|(ip, port)| SocketAddress::V4(ip.into(), port)),
        (any::<[u8; 16]>(), port()).prop_map(|(ip, port)| SocketAddress::V6(ip.into(), port)),
        port().prop_map(SocketAddress::Any),
        (self::name().prop_filter("an address", |name| name != "unix"), port())
            .prop_map(|(host, port)| SocketAddress::Host(host, port)),
    ]
}

fn interest(table: &'static [(&'static str, i64)]) -> impl Strategy<Value = Interest> {
    let descriptor = prop_oneof![
        3 => dotted().prop_map(ArgValue::Name),
        1 => number().prop_map(|e| ArgValue::Fd(one_operand(e)))
    ];
    let events = proptest::sample::subsequence(constants(table), 0..=table.len()).prop_shuffle();
    (descriptor, events).prop_map(|(descriptor, events)| Interest { descriptor, events })
}

fn value(kind: ArgKind) -> BoxedStrategy<ArgValue> {
    let zero = || Just(ArgValue::Expr(Expr::int(0)));
    match kind {
        ArgKind::NewName | ArgKind::NewActor | ArgKind::ObjectName => name().prop_map(ArgValue::Name).boxed(),
        ArgKind::Actor | ArgKind::Id => dotted().prop_map(ArgValue::Name).boxed(),
        ArgKind::Descriptor(_) => {
            prop_oneof![3 => dotted().prop_map(ArgValue::Name), 1 => number().prop_map(|e| ArgValue::Fd(one_operand(e)))].boxed()
        }
        ArgKind::Path => prop_oneof![
            "[a-z]{1,4}(/[a-z][a-z0-9]{0,3}){0,2}(\\.[a-z]{1,3})?"
                // A word of the language is one in front of a slash as well: such a path is written in quotes.
                .prop_filter("reserved", |n| !n.split(['/', '.']).next().is_some_and(is_reserved))
                .prop_map(ArgValue::Name),
            data().prop_map(ArgValue::Expr)
        ]
        .boxed(),
        ArgKind::Signal => prop_oneof![4 => signal().prop_map(ArgValue::Name), 1 => zero()].boxed(),
        ArgKind::Flags(table) => {
            let flags = proptest::sample::subsequence(constants(table), 1..=table.len());
            prop_oneof![4 => flags.prop_shuffle().prop_map(ArgValue::Flags), 1 => zero()].boxed()
        }
        ArgKind::Constant(table) => select(constants(table)).prop_map(ArgValue::Name).boxed(),
        ArgKind::Mode => (0..0o7777i64).prop_map(|n| ArgValue::Expr(Expr::Int(n, Radix::Octal))).boxed(),
        ArgKind::Int => number().prop_map(ArgValue::Expr).boxed(),
        ArgKind::Count => number().prop_filter("negative", not_negative).prop_map(ArgValue::Expr).boxed(),
        ArgKind::Data => data().prop_map(ArgValue::Expr).boxed(),
        ArgKind::Value => prop_oneof![number(), data(), duration()].prop_map(ArgValue::Expr).boxed(),
        ArgKind::Duration => duration().prop_map(ArgValue::Expr).boxed(),
        ArgKind::Range => range().boxed(),
        ArgKind::Place => place().prop_map(ArgValue::Place).boxed(),
        ArgKind::Address => {
            prop_oneof![name().prop_map(ArgValue::Name), (name(), number()).prop_map(|(n, e)| ArgValue::Address(n, e))]
                .boxed()
        }
        ArgKind::SocketAddress => address().prop_map(ArgValue::Socket).boxed(),
        ArgKind::Interests(table) => vec(interest(table), 1..4).prop_map(ArgValue::Interests).boxed(),
        ArgKind::Signals => {
            let signals = vec(signal(), 1..4).prop_map(|mut signals| {
                signals.sort();
                signals.dedup();
                ArgValue::Flags(signals)
            });
            prop_oneof![4 => signals, 1 => zero()].boxed()
        }
        ArgKind::Tuples(count, table) => {
            let flags = proptest::sample::subsequence(constants(table), 0..=table.len());
            let numbers = vec(number().prop_map(one_operand), count..=count);
            vec((numbers, flags).prop_map(|(numbers, flags)| Tuple { numbers, flags }), 1..4)
                .prop_map(ArgValue::Tuples)
                .boxed()
        }
        ArgKind::Words(table) => {
            let flags = proptest::sample::subsequence(constants(table), 0..=table.len());
            let address = prop_oneof![
                name().prop_map(ArgValue::Name),
                (name(), number()).prop_map(|(n, e)| ArgValue::Address(n, one_operand(e)))
            ];
            let word = (address, number().prop_map(one_operand), flags);
            vec(word.prop_map(|(address, value, flags)| MemoryWord { address, value, flags }), 1..4)
                .prop_map(ArgValue::Words)
                .boxed()
        }
        ArgKind::Variable => "[a-z]{1,4}".prop_map(|n| ArgValue::Expr(Expr::Var(n))).boxed(),
    }
}

/// A call as the test registry describes it, with any choice of its optional arguments.
fn call() -> impl Strategy<Value = CallExpr> {
    let registry = registry();
    let ids: Vec<u16> = (0..registry.calls().count() as u16).collect();
    select(ids).prop_flat_map(move |id| {
        let registry = super::testing::registry();
        let Some(spec) = registry.call_by_id(id) else { panic!("no call {id}") };
        let (verb, gives, by_as) = (spec.name, spec.gives, super::parse::names_by_as(spec));
        let forms: Vec<Form> = spec.args.iter().map(|a| a.form).collect();
        let args: Vec<_> = spec
            .args
            .iter()
            .map(|a| {
                let chance = if a.form == Form::Required { 1.0 } else { 0.6 };
                let arg_name = a.name;
                given(chance, (value(a.kind), any::<bool>()).prop_map(move |(v, k)| (arg_name, v, k)))
            })
            .collect();
        let bind = given(if by_as { 0.5 } else { 0.0 }, name());
        let into = given(if gives { 0.5 } else { 0.0 }, "[a-z]{1,4}");
        (args, bind, into).prop_map(move |(args, bind, into)| {
            let mut skipped = false;
            let mut written = Vec::new();
            for (arg, form) in args.into_iter().zip(&forms) {
                match (arg, form) {
                    (None, _) => skipped = true,
                    (Some((name, value, _)), Form::Required) => {
                        skipped = false;
                        written.push(Arg { span: Span::default(), name: name.to_owned(), value, keyed: false });
                    }
                    (Some((name, value, named)), form) => {
                        let keyed = *form == Form::Keyed || skipped || named;
                        skipped |= keyed;
                        written.push(Arg { span: Span::default(), name: name.to_owned(), value, keyed });
                    }
                }
            }
            CallExpr { span: Span::default(), verb: verb.to_owned(), args: written, bind, into }
        })
    })
}

/// Something that is always, sometimes or never given.
fn given<S>(chance: f64, strategy: S) -> BoxedStrategy<Option<S::Value>>
where
    S: Strategy + 'static,
    S::Value: Clone + std::fmt::Debug + 'static,
{
    match chance {
        c if c >= 1.0 => strategy.prop_map(Some).boxed(),
        c if c <= 0.0 => Just(None).boxed(),
        c => option::weighted(c, strategy).boxed(),
    }
}

fn comparison() -> impl Strategy<Value = Cmp> {
    select(vec![Cmp::Eq, Cmp::Ne, Cmp::Lt, Cmp::Le, Cmp::Gt, Cmp::Ge])
}

fn actors() -> impl Strategy<Value = Vec<String>> {
    vec(dotted(), 1..4).prop_map(|mut names| {
        names.sort();
        names.dedup();
        names
    })
}

fn actor_claim() -> impl Strategy<Value = ActorClaim> {
    let verb = || option::of(select(vec!["read", "write", "sem_wait"]).prop_map(str::to_owned));
    prop_oneof![
        (prop_oneof![number(), data()], verb()).prop_map(|(e, v)| ActorClaim::Returned(e, v)),
        (select(vec!["EAGAIN", "EPIPE"]), verb()).prop_map(|(e, v)| ActorClaim::Failed(e.to_owned(), v)),
        data().prop_map(ActorClaim::Got),
        (verb(), option::of(dotted())).prop_map(|(v, o)| ActorClaim::Blocked(v, o)),
        select(vec![ActorClaim::Idle, ActorClaim::Running, ActorClaim::Stopped]),
        signal().prop_map(ActorClaim::KilledBy),
        (select(SignalClaim::ALL.to_vec()), signal()).prop_map(|((of, _), s)| ActorClaim::Signal(of, s, None)),
        (signal(), number()).prop_map(|(s, n)| ActorClaim::Signal(SignalClaim::Pending, s, Some(n))),
        (signal(), number()).prop_map(|(s, n)| ActorClaim::Lost(s, n)),
        dotted().prop_map(ActorClaim::Group),
        dotted().prop_map(ActorClaim::Session),
        (signal(), option::of(number().prop_filter("negative", not_negative)))
            .prop_map(|(s, n)| ActorClaim::Handled(s, n)),
        (select(vec!["SCHED_FIFO", "SCHED_OTHER"]), option::of(number()))
            .prop_map(|(policy, priority)| ActorClaim::Policy(policy.to_owned(), priority)),
        vec(number().prop_filter("negative", not_negative), 1..3).prop_map(ActorClaim::Affinity),
        number().prop_map(ActorClaim::Exited),
    ]
}

fn object_claim() -> impl Strategy<Value = Claim> {
    let object = |object: String, word: &str, args: Vec<ArgValue>, cmp: Option<Cmp>| Claim::Object {
        object,
        word: word.to_owned(),
        args,
        cmp,
    };
    prop_oneof![
        (dotted(), data()).prop_map(move |(o, e)| object(o, "holds", vec![ArgValue::Expr(e)], None)),
        (dotted(), number(), option::of(comparison())).prop_map(move |(o, e, c)| object(
            o,
            "bytes",
            vec![ArgValue::Expr(e)],
            c
        )),
        (dotted(), select(vec!["waiters", "owner"]), actors()).prop_map(move |(o, word, names)| {
            object(o, word, names.into_iter().map(ArgValue::Name).collect(), None)
        }),
        (dotted(), option::of(range()), option::of(dotted().prop_map(ArgValue::By)))
            .prop_map(move |(o, range, by)| object(o, "write-locked", range.into_iter().chain(by).collect(), None)),
        (dotted(), number(), option::of(comparison())).prop_map(move |(o, e, c)| object(
            o,
            "capacity",
            vec![ArgValue::Expr(e)],
            c
        )),
        dotted().prop_map(move |o| object(o, "unlinked", vec![], None)),
    ]
}

fn claim() -> impl Strategy<Value = Claim> {
    let compared = || prop_oneof![number(), data()];
    let claim = prop_oneof![
        (dotted(), actor_claim()).prop_map(|(a, c)| Claim::Actor(a, c)),
        object_claim(),
        (option::of(dotted()), place(), comparison(), compared())
            .prop_map(|(actor, place, cmp, value)| Claim::Memory { actor, place, cmp, value }),
        (dotted(), "[a-z]{1,4}", comparison(), compared()).prop_map(|(actor, name, cmp, value)| Claim::Variable {
            actor,
            name,
            cmp,
            value
        }),
        actors().prop_map(Claim::Deadlock),
        (any::<bool>(), select(crate::model::KINDS), option::of(actors())).prop_map(|(sure, kind, actors)| {
            Claim::Finding {
                certainty: if sure { FindingClaim::Certain } else { FindingClaim::Suspicious },
                kind: kind.word.to_owned(),
                actors: actors.unwrap_or_default(),
            }
        }),
        number().prop_filter("negative", not_negative).prop_map(Claim::Syscalls),
        number().prop_filter("negative", not_negative).prop_map(Claim::Woken),
        dotted().prop_map(Claim::Gone),
    ];
    (any::<bool>(), claim).prop_map(|(not, claim)| if not { Claim::Not(Box::new(claim)) } else { claim })
}

fn statement() -> impl Strategy<Value = Statement> {
    let times = || option::of(number().prop_filter("negative", not_negative));
    let stage = prop_oneof![
        (name(), option::of(name()), option::of(0..u32::MAX)).prop_map(|(name, host, uid)| Body::Spawn {
            name,
            host,
            uid
        }),
        name().prop_filter("an address", |name| name != "unix").prop_map(|name| Body::Host { name }),
        (name(), name(), any::<bool>())
            .prop_filter("the same", |(first, second, _)| first != second)
            .prop_map(|(first, second, up)| Body::Link { first, second, up }),
        dotted().prop_map(|actor| Body::Step { actor }),
        (actors(), times()).prop_map(|(actors, times)| Body::Go { actors, times }),
        (dotted(), option::of(duration())).prop_map(|(actor, limit)| Body::Await { actor, limit }),
        dotted().prop_map(|actor| Body::Cancel { actor }),
        Just(Body::Mark),
    ];
    let blocks = prop_oneof![
        (dotted(), vec(call(), 0..4)).prop_map(|(actor, body)| Body::Program { actor, body }),
        (times(), dotted(), call()).prop_map(|(times, actor, call)| Body::Repeat {
            times,
            actor,
            body: vec![call],
            block: false
        }),
        (times(), dotted(), vec(call(), 0..4)).prop_map(|(times, actor, body)| Body::Repeat {
            times,
            actor,
            body,
            block: true
        }),
    ];
    let order = (dotted(), call()).prop_map(|(actor, call)| Body::Order { actor, call });
    let expect = claim().prop_map(|claim| Body::Expect(Expectation { span: Span::default(), claim }));
    let body = prop_oneof![2 => stage, 1 => blocks, 4 => order, 3 => expect];
    body.prop_map(|body| Statement { span: Span::default(), body })
}

/// Text made of pieces of the language in any order.
fn soup() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "alice",
        "alice:",
        "bob",
        "p",
        "p.r",
        "p.",
        "read",
        "write",
        "open",
        "fcntl",
        "mmap",
        "store",
        "m[0]",
        "m[",
        "m:u8[1]",
        "]",
        "$x",
        "$",
        "100",
        "0644",
        "0..100",
        "100..",
        "..",
        "500ms",
        "semop",
        "0:-1",
        "1:2:SEM_UNDO",
        "\"text\"",
        "\"",
        "'x'",
        "'",
        "\\",
        "->",
        "as",
        "fd",
        "7",
        "-",
        "-5",
        "+",
        "*",
        "(",
        ")",
        "|",
        "O_RDWR",
        "O_CREAT|",
        "F_SETLKW",
        "SIGUSR1",
        "SIGRTMIN+",
        "poll",
        "p.r:POLLIN",
        "p:",
        "POLLIN|",
        "sigprocmask",
        "=",
        "maxmsg=",
        "==",
        ">",
        "expect",
        "not",
        "program",
        "end",
        "repeat",
        "forever",
        "go",
        "times=",
        "await",
        "spawn",
        "host",
        "@",
        "connect",
        "unix:",
        "127.0.0.1",
        "[::1]:",
        "*:",
        "PIPE_BUF-",
        "PIPE_BUF-1",
        "holds",
        "bytes",
        "write-locked",
        "by",
        "blocked",
        "in",
        "on",
        "#",
        "é",
        "\u{202e}",
        "\n",
        "\n",
        "\n",
        " ",
        "  ",
        "\t",
    ];
    vec((select(PIECES), any::<bool>()), 0..40).prop_map(|pieces| {
        pieces.into_iter().flat_map(|(piece, blank)| [piece, if blank { " " } else { "" }]).collect()
    })
}

fn holds_for_any_text(text: &str) -> Result<(), TestCaseError> {
    let registry = registry();
    let (statements, errors) = parse(text, &registry);
    for span in errors.iter().map(|e| e.span).chain(statements.iter().map(|s| s.span)) {
        prop_assert!(text.get(span.start..span.end).is_some(), "{span:?} in {text:?}");
    }
    for statement in &statements {
        let printed = statement.to_string();
        let again = parse_line(&printed, &registry);
        prop_assert_eq!(again.as_ref(), Ok(statement), "{}", printed);
    }
    let _ = incomplete(text);
    for cursor in (0..text.len() + 2).step_by(1 + text.len() / 8) {
        let completion = complete(text, cursor, &registry, &Scene::default());
        prop_assert!(completion.start <= cursor && text.is_char_boundary(completion.start));
    }
    let _ = parse_expectation(text, &registry);
    let (tokens, mistakes) = tokenize(text);
    for span in tokens.iter().map(|t| t.span).chain(mistakes.iter().map(|e| e.span)) {
        prop_assert!(text.get(span.start..span.end).is_some(), "{span:?} in {text:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_parsing_are_inverse(statement in statement()) {
        let printed = statement.to_string();
        let parsed = parse_line(&printed, &registry());
        prop_assert_eq!(parsed.as_ref(), Ok(&statement), "{}", printed);
        prop_assert_eq!(parsed.map(|s| s.to_string()), Ok(printed));
    }

    #[test]
    fn expressions_survive_printing(e in prop_oneof![number(), data(), duration()]) {
        let printed = e.to_string();
        let parsed = parse_expr(&printed, &registry());
        prop_assert_eq!(parsed.as_ref(), Ok(&e), "{}", printed);
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>()) {
        holds_for_any_text(&text)?;
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in vec(any::<u8>(), 0..200)) {
        holds_for_any_text(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn pieces_of_the_language_in_any_order(text in soup()) {
        holds_for_any_text(&text)?;
    }
}
