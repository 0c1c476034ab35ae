//! What there is to choose from: the map of all facilities and their variants, how they compare,
//! and what becomes of a scenario on another one.

pub mod choose;
mod compare;
mod map;
pub mod swap;
pub mod touch;

pub use compare::{Cell, Column, cell, cells, column, columns, table_rows};
pub use map::{Leaf, Property, Row, leaf, leaves, rows};
