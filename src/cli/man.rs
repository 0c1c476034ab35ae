//! `ipclab man`: the manual page, and one for each command.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::BAD_INPUT;
use super::line::Line;
use crate::script::did_you_mean;

/// What the page of a command has in its examples: the command, the line, what it does.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("ipclab", "ipclab", "opens the terminal program"),
    ("ipclab", "ipclab learn pipe-eof --plain", "goes through a lesson in lines of text"),
    ("ipclab", "ipclab run --json play.ipc | jq .outcome", "runs a script and tells how each statement ended"),
    ("ipclab", "ipclab --pack FOLDER learn", "shows the lessons of a folder instead of the program's own"),
    ("ipclab-run", "printf 'spawn alice\\nalice: pipe p\\n' | ipclab run -", "runs what comes on standard input"),
    ("ipclab-run", "ipclab run --json play.ipc", "tells all that happens as lines of JSON"),
    ("ipclab-play", "ipclab play play.ipc", "opens a script in the editor beside a stage"),
    ("ipclab-play", "ipclab play --plain play.ipc", "runs it, and takes more statements from standard input"),
    ("ipclab-learn", "ipclab learn", "shows the lessons"),
    ("ipclab-learn", "ipclab learn --plain pipe-eof", "goes through one in lines of text"),
    ("ipclab-check", "ipclab check --json --junit results.xml", "checks all lessons, for machines"),
    ("ipclab-check", "ipclab check --watch own.md", "checks a lesson at each save"),
    ("ipclab-bench", "ipclab bench --quick pipe shm", "measures two facilities within seconds"),
    ("ipclab-swap", "ipclab swap play.ipc --to sysv-queue", "shows what breaks on a System V queue"),
    ("ipclab-choose", "ipclab choose --need messages,strangers", "names what fits, and why the others do not"),
    ("ipclab-progress", "ipclab progress export mine.txt", "writes what was done, for another ipclab"),
];

const EXIT: &[(&str, &str)] = &[
    ("0", "Fine. Of play and learn: you have left, whatever went wrong meanwhile."),
    ("1", "An expectation, a lesson or a claim failed, or a statement of a script was refused."),
    ("2", "Bad input: a script or lesson with mistakes, a file that can't be read, a wrong option."),
    ("3", "No stage could be opened; ipclab doctor says why."),
    ("130", "Cancelled by Ctrl-C."),
];

const FILES: &[(&str, &str)] = &[
    ("~/.config/ipclab/keys.toml", "Which key does what. What clashes is named at the start."),
    ("~/.config/ipclab/theme.toml", "Colours."),
    ("~/.local/state/ipclab/", "Progress, what was proved and what was measured. Nothing in it is needed to run."),
];

const ENVIRONMENT: &[(&str, &str)] = &[
    ("XDG_CONFIG_HOME", "Where settings are looked for instead of ~/.config, if it is an absolute path."),
    ("XDG_STATE_HOME", "Where state is kept instead of ~/.local/state, if it is an absolute path."),
    ("NO_COLOR", "If it is set and not empty, nothing is told by colour."),
    ("TERM", "If it is dumb, there are no colours either."),
    ("LC_ALL, LC_CTYPE, LANG", "Unless they name UTF-8, the screen is drawn with ASCII, as with --ascii."),
];

const PACKS: &str = "A pack is a folder with a file for each lesson, Markdown with statements in it, and perhaps a \
    pack.toml that puts them in order. With --pack FOLDER the commands learn, check, review and progress, and the \
    terminal program, have its lessons instead of the program's own. docs/authoring.md in the sources says how lessons \
    are written; ipclab lesson new begins one.";

/// Writes the page of a command, or that of the program where no command is named.
pub(super) fn man(words: &[String], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let mut command = Line::command();
    command.build();
    for word in words {
        let known: Vec<&Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
        let Some(found) = known.iter().find(|c| c.get_name() == word).map(|c| (*c).clone()) else {
            let help = did_you_mean(word, known.iter().map(|c| c.get_name()));
            let help = help.unwrap_or_else(|| "ipclab --help lists them".to_owned());
            writeln!(err, "error: there is no command {word} here; {help}")?;
            return Ok(BAD_INPUT.into());
        };
        command = found;
    }
    out.write_all(page(command)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn page(command: Command) -> io::Result<String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let whole = name == "ipclab";
    let has_commands = command.get_subcommands().any(|c| !c.is_hide_set());
    let man = Man::new(command).source(concat!("ipclab ", env!("CARGO_PKG_VERSION"))).manual("ipclab");
    let mut parts = Vec::new();
    man.render_title(&mut parts)?;
    man.render_name_section(&mut parts)?;
    man.render_synopsis_section(&mut parts)?;
    man.render_description_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    if has_commands {
        man.render_subcommands_section(&mut parts)?;
    }
    let mut page = once(&String::from_utf8_lossy(&parts));
    if whole {
        page += &format!(".SH PACKS\n{}\n", escaped(PACKS));
    }
    section(&mut page, "EXIT STATUS", EXIT);
    if whole {
        section(&mut page, "FILES", FILES);
        section(&mut page, "ENVIRONMENT", ENVIRONMENT);
    }
    let mut examples = EXAMPLES.iter().filter(|(of, ..)| *of == name).peekable();
    if examples.peek().is_some() {
        page.push_str(".SH EXAMPLES\n");
        for (_, line, does) in examples {
            page += &entry(line, does);
        }
    }
    page.push_str(".SH SEE ALSO\n");
    let others = if whole { "ipclab man COMMAND writes the page of a command." } else { "ipclab(1)" };
    page += others;
    page.push('\n');
    Ok(page)
}

/// Each section begins with definitions that are needed once.
fn once(parts: &str) -> String {
    let mut seen = false;
    let mut text = String::new();
    for line in parts.lines() {
        let definition = line.starts_with(".ie ") || line.starts_with(".el ");
        if !(definition && seen) {
            text.push_str(line);
            text.push('\n');
        }
        seen |= line.starts_with(".el ");
    }
    text
}

fn section(page: &mut String, title: &str, entries: &[(&str, &str)]) {
    page.extend([".SH \"", title, "\"\n"]);
    for (term, words) in entries {
        *page += &entry(term, words);
    }
}

fn entry(term: &str, words: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}\n", escaped(term), escaped(words))
}

/// A text in which roff finds nothing to do.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\*(Aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}
