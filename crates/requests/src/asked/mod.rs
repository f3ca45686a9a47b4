//! What people mean by a text about an image, however they wrote or copied it. Pure.
//!
//! - `words`: the text without what only people read; `web`: addresses at which registries show images to people
//! - `platform`: words that name a platform; `placeholder`: words that stand for a name
//! - `image`: an image that can be pulled from here; `read`: what all of it means

mod image;
mod placeholder;
mod platform;
mod read;
mod web;
mod words;

pub use image::Image;
pub use read::{ImageMeaning, ParsedText, read};
