//! The linear face: the same stage as lines of text, for screen readers, logs and pipes; and as lines of JSON.
//!
//! No line is ever changed after it was written, nothing is drawn, and nothing here knows a facility.

pub mod bench;
pub mod commands;
pub mod cost;
pub mod desk;
pub mod diagnose;
pub mod json;
pub mod learn;
mod measure;
pub mod progress;
pub mod save;
pub mod script;
pub mod tell;
pub mod waits;
pub mod words;
