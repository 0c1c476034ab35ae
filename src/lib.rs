//! ipclab: see interprocess communication happen.
//!
//! Real processes make real calls on real kernel objects, and the panes show what the kernel holds.
//! The layers, each knowing only those above it in this list; `ARCHITECTURE.md` tells the rest:
//!
//! - [`model`]: ids, objects, calls, evidence, snapshots, who waits for whom. Pure.
//! - [`script`]: the command language: tokens, parser, registry of calls, printer, completion. Pure.
//! - [`kernel`]: the only room with `unsafe` and raw calls.
//! - [`facility`]: one file a facility: its card, its calls, how it is performed and read.
//! - [`diagnosis`]: what is wrong, and who waits for whom, worked out of snapshots.
//! - [`stage`]: isolation, the director, actors, settling, replay.
//! - [`claim`]: what is said about IPC, and the experiments that show it.
//! - [`atlas`]: what there is to choose from: the map of all facilities.
//! - [`keep`]: what outlives the program, in files that are whole after a crash.
//! - [`lesson`]: lessons, their checks, progress.
//! - [`mod@bench`]: what each facility costs on this machine, and the machine's limits.
//! - [`plain`] and [`tui`]: the faces.
//! - [`cli`]: the command line that chooses a face.

pub mod atlas;
pub mod bench;
pub mod claim;
pub mod cli;
pub mod diagnosis;
pub mod facility;
pub mod keep;
pub mod kernel;
pub mod lesson;
pub mod model;
pub mod plain;
pub mod script;
pub mod stage;
pub mod tui;
