//! The line to a stage.

/// What a stage says.
#[derive(Debug)]
pub enum FromStage {
    /// It has ended, with the reason.
    Ended(String),
}
