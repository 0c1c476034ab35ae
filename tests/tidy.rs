//! The invariants of ARCHITECTURE.md that can be read off the sources.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. Each may use those before it.
const LAYERS: [&[&str]; 10] = [
    &["model", "script"],
    &["kernel"],
    &["facility"],
    &["diagnosis"],
    &["stage"],
    &["claim"],
    &["atlas"],
    &["keep"],
    &["lesson", "bench"],
    &["plain", "tui", "cli"],
];

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    fn collect(path: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room), &mut found);
    found.sort();
    found
}

/// The lines of code: without comments, and without the unit tests at the end.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().lines().enumerate().filter_map(|(index, line)| {
        let line = line.split("//").next().unwrap_or_default();
        (!line.trim().is_empty()).then_some((index + 1, line))
    })
}

fn complain(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn no_layer_imports_one_above_it() {
    let mut wrong = Vec::new();
    for (height, layer) in LAYERS.iter().enumerate() {
        let above: Vec<&&str> = LAYERS[height + 1..].iter().flat_map(|l| l.iter()).collect();
        for room in *layer {
            for (path, text) in sources(room) {
                for (number, line) in code(&text) {
                    for other in above.iter().filter(|other| line.contains(&format!("crate::{other}"))) {
                        wrong.push(format!("{}:{number}: {room} knows nothing of {other}", path.display()));
                    }
                }
            }
        }
    }
    complain(&wrong);
}

#[test]
fn model_and_script_are_pure() {
    let outside = [
        "crate::kernel",
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::time",
        "std::env",
        "std::thread",
        "nix::",
    ];
    let mut wrong = Vec::new();
    for room in ["model", "script"] {
        for (path, text) in sources(room) {
            for (number, line) in code(&text) {
                for word in outside.iter().filter(|o| line.contains(*o)) {
                    wrong.push(format!("{}:{number}: {word} in {room}, which is pure", path.display()));
                }
            }
        }
    }
    complain(&wrong);
}

#[test]
fn unsafe_stands_only_in_kernel() {
    let mut wrong = Vec::new();
    for (path, text) in sources("") {
        if path.components().any(|c| c.as_os_str() == "kernel") {
            continue;
        }
        for (number, line) in code(&text) {
            if line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe") {
                wrong.push(format!("{}:{number}: unsafe outside kernel", path.display()));
            }
        }
    }
    complain(&wrong);
}

#[test]
fn nobody_sleeps_to_wait() {
    let mut wrong = Vec::new();
    for (path, text) in sources("") {
        for (number, line) in code(&text) {
            if line.contains("thread::sleep") || line.contains("park_timeout") {
                wrong.push(format!("{}:{number}: wait for a state, not for time", path.display()));
            }
        }
    }
    complain(&wrong);
}

#[test]
fn facilities_are_told_apart_only_at_home() {
    let ids: Vec<String> = ipclab::facility::ALL.iter().map(|f| format!("\"{}\"", f.card().id)).collect();
    let mut wrong = Vec::new();
    for room in ["diagnosis", "stage", "atlas", "lesson", "plain", "cli", "kernel"] {
        for (path, text) in sources(room) {
            for (number, line) in code(&text) {
                for id in &ids {
                    if line.contains(&format!("{id} =>")) || line.contains(&format!("== {id}")) {
                        wrong.push(format!("{}:{number}: asks whether a facility is {id}", path.display()));
                    }
                }
            }
        }
    }
    complain(&wrong);
}

#[test]
fn files_stay_small() {
    let long = |(path, text): (PathBuf, String)| {
        let lines = text.lines().count();
        (lines > 800).then(|| format!("{}: {lines} lines", path.display()))
    };
    complain(&sources("").into_iter().filter_map(long).collect::<Vec<_>>());
}
