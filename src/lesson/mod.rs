//! Lessons: their format, the pack, the linter, the headless runner, a learner's way through one, and progress.
//!
//! A lesson holds no code, only statements of the language. What a lesson can do, a learner can type.

pub mod account;
pub mod capture;
pub mod day;
mod embedded;
mod fence;
mod figure;
mod format;
mod front;
mod leftovers;
pub mod leitner;
pub mod lint;
mod measure;
mod model;
mod pack;
pub mod places;
pub mod progress;
pub mod proofs;
pub mod prose;
pub mod record;
pub mod review;
pub mod runner;
pub mod session;
pub mod shuffle;
#[cfg(test)]
mod tests;
mod text;
pub mod transfer;

pub use format::{LESSON_MAX, parse};
pub use measure::Measure;
pub use model::*;
pub use pack::{BadLesson, FORMAT_VERSION, Pack, PackError, Unit};
pub use pack::{is_lesson_file, write_new};
pub use text::{as_id, is_id};
