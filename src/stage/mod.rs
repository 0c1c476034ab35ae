//! Where actors and objects live, apart from the rest of the machine.
//!
//! A face opens a [`Stage`], submits statements and gets [`StageEvent`]s back. It never talks to an actor. Three kinds
//! of process take part: the face; the director, which is pid 1 of an isolated stage; and the actors, forked by the
//! director or by each other.

mod actor;
mod chronicle;
mod director;
mod expect;
mod fatal;
mod handles;
mod held;
mod hosts;
mod identity;
mod inbox;
mod inside;
mod isolate;
mod known;
mod launch;
mod ledger;
mod mail;
mod member;
mod nameless;
mod open;
mod orders;
mod origins;
mod post;
pub mod probe;
mod readings;
mod reaper;
mod replay;
mod report;
mod scan;
mod session;
mod setting;
mod settle;
mod shared;
mod snapshot;
mod sweep;
mod table;
mod threads;
mod wire;

pub use expect::{describe, in_words, judge};
pub use launch::{Child, Launched, OpenError, Options, launch, no_start};
pub use open::{Lost, Stage};
pub use replay::{Rerun, Timeline};
pub use report::{Outcome, Report, StageEvent, StageInfo, Verdict};
pub use session::Journal;
pub use setting::Setting;
pub use sweep::{Swept, sweep};

/// Does what a hidden subcommand says, if the words after the program's name are one: they start the processes of a
/// stage, and actors anew.
pub fn hidden(args: &[std::ffi::OsString]) -> Option<std::process::ExitCode> {
    let (first, rest) = args.split_first()?;
    if first == launch::HIDDEN {
        return Some(launch::enter(rest));
    }
    if first == actor::HIDDEN {
        actor::reborn(rest.iter().filter_map(|word| word.to_str()));
    }
    None
}
