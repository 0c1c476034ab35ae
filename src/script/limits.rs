//! Limits of the language, each with the name that its message uses.

/// The longest statement in bytes, a block with its `end` included.
pub const STATEMENT_MAX: usize = 65_536;
/// How deep the tree of one expression may be: parentheses and chained operators together.
pub const DEPTH_MAX: usize = 64;
/// The longest name of an actor, object or variable, in bytes.
pub const NAME_MAX: usize = 32;
/// The most data that one expression may make, in bytes.
pub const DATA_MAX: usize = 16 << 20;
/// How many diagnostics one text can yield; the last one says that more were left out.
pub const DIAGNOSTICS_MAX: usize = 200;
