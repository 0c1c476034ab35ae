//! The line between the face and its stages.
//!
//! The face sends [`ToStage`] and gets [`FromStage`]; it waits for neither. Each stage carries a number, so that what
//! an abandoned one still says is known as such.

use crate::model::Snapshot;
use crate::script::Statement;
use crate::stage::{Report, StageInfo};

/// What the face asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum ToStage {
    /// Open a stage.
    Open(u64),
    /// Run a statement there; its number among all that the face ever said.
    Submit(u64, u64, Box<Statement>),
    /// Stop what runs there: a free run, an `await`.
    Cancel(u64),
    /// Look at everything anew.
    Refresh(u64),
    /// Close it.
    Close(u64),
}

/// What a stage says.
#[derive(Debug, Clone, PartialEq)]
pub enum FromStage {
    /// It is open.
    Opened(Box<StageInfo>),
    /// It could not be opened: why, and what to do.
    Failed(String),
    /// The statement of that number has ended.
    Ended(u64, Box<Report>),
    /// Something changed while no statement ended.
    Refreshed {
        /// Calls since the last report or refresh.
        calls: Vec<crate::model::Call>,
        /// What the kernel says now.
        snapshot: Box<Snapshot>,
        /// What happened that nobody ordered.
        news: Vec<String>,
    },
    /// The director is gone, and all of the stage with it.
    Lost(String),
}
