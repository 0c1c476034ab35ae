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
            assert!(in_braces || name == "as" || call.args.iter().any(|a| a.name == name), "{}: {{{name}}}", call.c);
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
