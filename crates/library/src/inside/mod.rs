//! What is inside an image, as far as the names in its layers tell.
//!
//! - `tar_names`: the names in a layer; `unpacked`: its bytes, decompressed
//! - `sightings`: what those names mean, pure
//! - `layers`: reads the layers that the mirror holds

mod layers;
mod sightings;
mod tar_names;
mod unpacked;

pub use layers::LayerScope;
pub(crate) use layers::{Layers, look_into};
pub(crate) use sightings::judged;
