//! TCP sockets, in the manner of all sockets.

use super::Pane;
use super::socket::{FIELDS, brief, draw};

pub(super) static PANE: Pane = Pane { facility: "tcp", fields: FIELDS, roles: &[], draw, brief };
