//! The measuring room: what each facility costs on this machine, between two real processes, beside the machine's limits.
//!
//! A process of its own, the *keeper*, makes the objects, forks the two processes that measure, pins them, and works out
//! the figures. Whoever started it reads events, and ends it by closing its standard input; it then leaves nothing behind.

mod control;
mod figures;
mod history;
mod keeper;
mod limits;
mod machine;
mod pair;
mod pitfalls;
mod plan;
mod rounds;
mod session;
mod transport;
pub mod words;

use std::ffi::OsString;
use std::process::ExitCode;

pub use figures::{Latency, Limit, Load, Outcome, Run, Spread, Throughput, bucket, next_bucket};
pub use history::{Entry, History};
pub use machine::Machine;
pub use pitfalls::{Pitfall, Where, pitfalls};
pub use plan::{Kind, Placement, Plan, QUICK_SIZES, SIZE_MAX, SIZES, Step};
pub use session::{Event, Measuring, Next, Stop};
pub use transport::{ALL, Subject, subject};

/// Does what the hidden subcommand says, if the words after the program's name are one: it starts the keeper.
pub fn hidden(args: &[OsString]) -> Option<ExitCode> {
    (args.first()? == keeper::HIDDEN).then(keeper::keep)
}
