//! Images that people ask for: what they mean, whose turn it is, and having all of each here.
//!
//! - `asked`: what a text means ([`read`]), pure
//! - `section`: what is written; `queue`: whose turn it is and who may ask, `fault`: why an image did not come; all pure
//! - `requests`: [`Requests`]; what can be done with them: `verbs`; those that are open: `jobs`; fetching one: `run`
//!
//! What was asked for is in the catalog and goes on after a restart. An image is done when the store has given back every
//! byte of it. Whatever else fetches in the background waits while requests are open: [`Requests::are_open`].

#![forbid(unsafe_code)]

mod asked;
mod error;
mod fault;
mod jobs;
mod metrics;
mod queue;
mod requests;
mod run;
mod section;
mod verbs;

pub use asked::{Image, ImageMeaning, ParsedText, read};
pub use error::{Error, listed};
pub use fault::RequestFault;
pub use jobs::{RequestState, RequestWatch};
pub use queue::QueuePosition;
pub use requests::{Requests, RequestsParts};
pub use section::{PerClient, RequestSettings, RequestsSection, SectionFault};
pub use verbs::{ImageLook, RequestedImage, Requester};
