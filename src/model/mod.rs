//! What is known: actors, objects, calls, and how each value is known.
//!
//! Pure: no input or output, no clock, nothing that can fail for outside reasons.

mod actor;
mod call;
mod fact;
mod finding;
mod normal;
mod object;
mod signals;
mod snapshot;
mod value;
mod waits;

pub use actor::{Access, Actor, ActorState, Copies, Death, Descriptor, Mapping, Program, Scheduling, Sleep, Stdout};
pub use call::{Call, CallState, UNNUMBERED};
pub use fact::Fact;
pub use finding::{Certainty, Finding, KINDS, Kind, Known, kind};
pub use object::{Holder, Object, ObjectKey, Waiter};
pub use signals::{Job, PendingSignal, SignalLine, Signals};
pub use snapshot::{Host, Mode, Snapshot};
pub use value::{Evidence, Field, Value, Word};
pub use waits::{Need, OtherEnd, Plight, Wait, WaitGraph};
