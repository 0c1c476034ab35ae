//! Where actors and objects live, apart from the rest of the machine.
//!
//! A face opens a [`Stage`], submits statements and gets [`StageEvent`]s back. It never talks to an actor.

mod report;
mod setting;
pub use report::{Outcome, Report, StageEvent, StageInfo, Verdict};
pub use setting::Setting;
