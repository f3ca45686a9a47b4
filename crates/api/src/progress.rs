//! How far a run is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{cause::Cause, copy::CopyCounts, run_id::RunId, timestamp::Timestamp, words::words};

words! {
    /// The current phase of a run.
    Phase {
        /// It waits for a run of another rule to end.
        Waiting = "waiting",
        /// It lists tags and asks for digests.
        Looking = "looking",
        /// It copies.
        Copying = "copying",
    }
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// The run.
    pub run: RunId,
    /// The rule.
    pub rule: String,
    /// Why it was begun.
    pub cause: Cause,
    /// The image that it is confined to, if it is.
    #[schema(required = true)]
    pub part: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// Its current phase.
    pub phase: Phase,
    /// How many copies it has to settle; 0 until that is known.
    pub wanted: u64,
    /// The copies that are settled.
    pub copies: CopyCounts,
    /// Bytes of all images whose size is known.
    pub bytes: u64,
    /// How many of those bytes are dealt with.
    pub done: u64,
    /// Bytes that were read from sources.
    pub read: u64,
    /// The images that are being copied; the first of them if there are many.
    pub images: Vec<ImageProgress>,
}

/// How far the copying of an image is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageProgress {
    /// The image at its source.
    pub image: String,
    /// Its size in bytes; 0 until that is known.
    pub bytes: u64,
    /// How many of those bytes are dealt with.
    pub done: u64,
}
