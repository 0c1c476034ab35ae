//! The command language: one line, one statement.
//!
//! Pure: what it knows of calls it is told by a [`Registry`], which `facility` builds.

mod address;
mod ast;
mod c_line;
mod complete;
mod diagnostic;
mod expr;
mod limits;
mod parse;
mod print;
#[cfg(test)]
mod properties;
mod reference;
mod scene;
mod spec;
mod suggest;
#[cfg(test)]
pub(crate) mod testing;
mod token;
mod words;

pub use address::SocketAddress;
pub use ast::*;
pub use c_line::c_line;
pub use complete::{Candidate, CandidateKind, Completion, Signature, SignatureArg, complete, help_for};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use expr::{Data, Env, EvalError};
pub use limits::{DATA_MAX, DEPTH_MAX, DIAGNOSTICS_MAX, NAME_MAX, STATEMENT_MAX};
pub use parse::{incomplete, parse, parse_expectation, parse_expr, parse_line};
pub use reference::reference;
pub use scene::{Scene, SceneActor, SceneDescriptor, SceneObject, process_of};
pub use spec::*;
pub use suggest::{did_you_mean, nearest};
pub use token::{Token, TokenKind, tokenize};
pub use words::{
    ACTOR_CLAIMS, HOST_CLAIMS, OBJECT_CLAIMS, SIGNALS, STAGE_WORDS, WHOLE_CLAIMS, Word, is_reserved, stage_word,
};
