//! Where actors and objects live, apart from the rest of the machine.
//!
//! A face opens a [`Stage`], submits statements and gets [`StageEvent`]s back. It never talks to an actor. Three kinds
//! of process take part: the face; the director, which is pid 1 of an isolated stage; and the actors, forked by the
//! director or by each other.

mod actor;
mod chronicle;
mod director;
mod expect;
mod member;
mod orders;
mod report;
mod scan;
mod setting;
mod settle;
mod snapshot;
mod wire;

pub use expect::{describe, graph, in_words, judge};
pub use report::{Outcome, Report, StageEvent, StageInfo, Verdict};
pub use setting::Setting;
