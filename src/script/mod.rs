//! The command language: one line, one statement.
//!
//! Pure: what it knows of calls it is told by a [`Registry`], which `facility` builds.

mod ast;
mod diagnostic;
mod spec;

pub use ast::*;
pub use diagnostic::{Diagnostic, Severity, Span};
pub use spec::*;
