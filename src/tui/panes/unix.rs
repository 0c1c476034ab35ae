//! UNIX domain sockets: what waits to be received, what the peer has not taken yet, who is there.

use super::Pane;
use super::socket::{FIELDS, brief, draw};

pub(super) static PANE: Pane = Pane { facility: "unix", fields: FIELDS, roles: &[], draw, brief };
