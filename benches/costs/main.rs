//! What ipclab costs: `cargo bench` prints one row a question, as a ratio to something bare that is measured in the same
//! run, in turn with it. `cargo bench -- step record` asks only these. No bar is checked: machines differ.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

mod bare;
mod graph;
mod measure;
mod record;
mod refresh;
mod rest;
mod scene;
mod stage;
mod step;
mod terminal;

use std::process::ExitCode;

type Row = (&'static str, fn() -> anyhow::Result<()>);

const ROWS: &[Row] = &[
    ("stage", stage::run),
    ("step", step::run),
    ("refresh", refresh::run),
    ("graph", graph::run),
    ("record", record::run),
    ("rest", rest::run),
    ("terminal", terminal::run),
];

fn main() -> ExitCode {
    // cargo adds --bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some(bare::HIDDEN) => return bare::serve(),
        Some(terminal::INSIDE) => return terminal::inside(&words[1..]),
        Some(terminal::MINIMAL) => return terminal::minimal(),
        _ => {}
    }
    if let Some(unknown) = words.iter().find(|word| !ROWS.iter().any(|(name, _)| name == word)) {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        println!("no row is called {unknown}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    measure::about_this_machine();
    let mut code = ExitCode::SUCCESS;
    for (name, run) in ROWS {
        if !words.is_empty() && !words.iter().any(|word| word == name) {
            continue;
        }
        println!("\n{name}");
        if let Err(error) = run() {
            println!("  not measured: {error:#}");
            code = ExitCode::FAILURE;
        }
    }
    code
}
