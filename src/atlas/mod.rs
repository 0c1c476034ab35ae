//! What there is to choose from: the map of all facilities and their variants.

mod map;

pub use map::{Leaf, Property, Row, leaf, leaves, rows};
