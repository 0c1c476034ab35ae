//! What the command line can say.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::stage::Options;

/// See interprocess communication happen: real processes, real kernel objects, live in a terminal.
#[derive(Debug, Parser)]
#[command(name = "ipclab", version, about, long_about = None, disable_help_subcommand = true)]
#[command(after_help = "Without a command, the terminal program opens. \
Exit status: 0 fine; 1 an expectation or lesson failed, or a statement was refused; \
2 bad input, such as a script with mistakes; 3 no stage could be opened; 130 cancelled.")]
pub(super) struct Line {
    #[command(flatten)]
    pub(super) options: Global,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What any command can be told.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// Open stages in shared mode, also where they could be isolated
    #[arg(long, global = true)]
    pub(super) shared: bool,
    /// Tell everything as lines of text: for screen readers, logs and pipes
    #[arg(long, global = true)]
    pub(super) plain: bool,
    /// Tell everything as lines of JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Draw with ASCII only
    #[arg(long, global = true)]
    pub(super) ascii: bool,
    /// Take the lessons from this folder, a pack, instead of the program's own
    #[arg(long = "pack", visible_alias = "lessons", global = true, value_name = "FOLDER")]
    pub(super) lessons: Option<PathBuf>,
}

impl Global {
    /// How to open stages.
    pub(super) fn stage(&self) -> Options {
        Options { launcher: PathBuf::from("/proc/self/exe"), shared: self.shared }
    }

    /// Whether lines are wanted, of text or JSON.
    pub(super) const fn linear(&self) -> bool {
        self.plain || self.json
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a script and tell what happens; exit with 1 if an expectation is not met or a statement is refused
    Run {
        /// The script; `-` is standard input
        file: PathBuf,
    },
    /// Play on a stage, with a script if one is named
    Play {
        /// A script
        file: Option<PathBuf>,
    },
    /// Go through a lesson; without one, choose
    Learn {
        /// Its id, or a lesson file
        lesson: Option<String>,
    },
    /// Ask again what came out otherwise than you predicted, after 1, 3, 7 and 16 days
    Review {
        /// Also what is not due yet
        #[arg(long)]
        all: bool,
    },
    /// Tell what you have done: where you were, what you predicted and how well, what is due again
    Progress {
        #[command(subcommand)]
        command: Option<ProgressCommand>,
    },
    /// Run again what somebody has exported, predictions included; exit with 1 if something comes out otherwise here
    Replay {
        /// The file; `-` is standard input
        file: PathBuf,
    },
    /// Check lessons: lint them, run them, and see that all comes out as they say
    Check(CheckArgs),
    /// Write lessons: a skeleton, checks at each save, a play that becomes one, what is not covered
    Lesson {
        #[command(subcommand)]
        command: LessonCommand,
    },
    /// Show each claim about IPC by an experiment on this machine; exit with 1 if one does not hold
    Claims {
        /// Their ids, such as X4; without one, all of them
        ids: Vec<String>,
        /// Tell also what was seen, how it is known, and what the counter-runs gave
        #[arg(short, long)]
        verbose: bool,
    },
    /// Show the map of all facilities, or the card of one
    Map {
        /// Its id, such as unix-datagram
        facility: Option<String>,
    },
    /// Compare facilities in a table; each answer can be shown by an experiment on this machine
    Compare {
        /// Their ids on the map, such as pipe or unix-datagram; without one, all of them
        facilities: Vec<String>,
        /// Run the experiments; exit with 1 if an answer is otherwise here
        #[arg(long)]
        prove: bool,
    },
    /// Measure what each facility costs on this machine, beside the machine's own limits
    Bench {
        /// Which facilities, such as pipe, tcp or shm; without one, all of them
        facilities: Vec<String>,
        /// Bytes of a message, such as 1,64,4K,1M
        #[arg(long, value_name = "SIZES")]
        sizes: Option<String>,
        /// Only with both processes on one core
        #[arg(long)]
        same_core: bool,
        /// Only with the processes on two cores
        #[arg(long)]
        across: bool,
        /// A first impression within seconds: fewer sizes, shorter runs
        #[arg(long)]
        quick: bool,
        /// Tell what was measured before instead
        #[arg(long, conflicts_with_all = ["sizes", "same_core", "across", "quick", "facilities"])]
        history: bool,
    },
    /// Run a script on another facility beside its own, and show what breaks; exit with 1 if something does
    Swap {
        /// The script; `-` is standard input
        file: PathBuf,
        /// The facility to swap to: an id on the map, such as sysv-queue
        #[arg(long, value_name = "ID")]
        to: String,
    },
    /// Choose a facility by what is needed; without a need, tell what may be needed
    Choose {
        /// What is needed, such as messages,strangers,poll
        #[arg(long, value_name = "NEED", value_delimiter = ',')]
        need: Vec<String>,
    },
    /// Look at what this machine can do, and say what to do about the rest
    Doctor,
    /// Write completions for a shell to standard output
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to standard output, or that of a command
    Man {
        /// The command, such as run, or lesson new
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Write the reference of the language
    #[command(hide = true)]
    Reference,
    /// Draw the screens of the terminal program as pictures
    #[command(hide = true)]
    Pictures {
        /// Where they are, or shall be
        directory: PathBuf,
        /// Compare only, and exit with 1 if one differs
        #[arg(long)]
        check: bool,
    },
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Folders, lesson files or ids of lessons; without one, all lessons of the program
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Start actors in another order, one that follows from this number
    #[arg(long, hide = true, value_name = "SEED")]
    pub(super) shuffle: Option<u64>,
    /// Check again whenever one of the files is saved, until Ctrl-C
    #[arg(long, conflicts_with = "junit")]
    pub(super) watch: bool,
}

/// What an author can do.
#[derive(Debug, Subcommand)]
pub(super) enum LessonCommand {
    /// Write a lesson that can be checked at once, with a TODO wherever something is to be written
    New {
        /// Its id, which becomes the file's name: small letters, digits and hyphens
        name: String,
        /// The folder to write it into
        #[arg(long, value_name = "FOLDER", default_value = ".")]
        dir: PathBuf,
    },
    /// Check lessons: lint them, run them, and see that all comes out as they say
    Check(CheckArgs),
    /// Run a script and write it as a lesson to standard output, with what was seen as expectations
    Record {
        /// The script; `-` is standard input
        file: PathBuf,
        /// The lesson's id; else that of the file's name
        #[arg(long, value_name = "NAME")]
        id: Option<String>,
    },
    /// Tell which claims each lesson proves; exit with 1 if a claim has no lesson or no experiment (with `--pack`: of those that the pack claims)
    Coverage,
}

/// What can be done with progress.
#[derive(Debug, Subcommand)]
pub(super) enum ProgressCommand {
    /// Tell it; of one lesson with every prediction
    Show {
        /// The lesson's id; without one, all in short
        lesson: Option<String>,
    },
    /// Forget what you have done; the file as it was is kept, and `undo` brings it back
    Reset {
        /// The lessons' ids
        #[arg(required_unless_present = "all", value_name = "LESSON")]
        ids: Vec<String>,
        /// All of it
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Bring back what the last `reset` took
    Undo,
    /// Write all of it as a text that another ipclab can import, and run again
    Export {
        /// A new file; `-` is standard output
        file: PathBuf,
    },
    /// Lay what somebody else has exported beside your own; shows what that changes, and loses nothing
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Line::command().debug_assert();
    }
}
