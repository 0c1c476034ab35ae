//! The terminal face.

pub mod config;
pub mod event;
pub mod glyphs;
pub mod keys;
mod link;
mod nearest;
pub mod terminal;
pub mod theme;
