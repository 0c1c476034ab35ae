//! What there is to choose from: the map of all facilities and their variants, and how they compare.

mod compare;
mod map;

pub use compare::{Cell, Column, cell, cells, column, columns, table_rows};
pub use map::{Leaf, Property, Row, leaf, leaves, rows};
