//! Why a request is refused.

use std::time::Duration;

use bytesize::ByteSize;
use entrepot_oci::Platform;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no request of this id, or it is somebody else's.
    #[error("there is no request `{0}`")]
    Unknown(String),
    /// The request has ended.
    #[error("request `{0}` has ended")]
    Ended(i64),
    /// The image was pushed here.
    #[error("`{0}` was pushed here: all of it is here")]
    Hosted(String),
    /// The queue is full.
    #[error("{0} requests are open, and no more are taken")]
    Full(u32),
    /// The client has as many open requests as it may have.
    #[error("you have {0} open requests, and may have no more at a time")]
    TooManyOpen(u32),
    /// The client has asked as often as it may in a day.
    #[error("you have made {limit} requests in 24 hours, and may make no more")]
    TooManyToday {
        /// How often it may ask.
        limit: u32,
        /// When it may ask again.
        after: Duration,
    },
    /// The image has more bytes than images may have.
    #[error("`{image}` has {}, and images may have {}", ByteSize(*size), ByteSize(*limit))]
    TooLarge {
        /// The image.
        image: String,
        /// Its size.
        size: u64,
        /// The most.
        limit: u64,
    },
    /// The image is not for a platform that was asked for.
    #[error("`{image}` is not for {}; it is for {}", listed(absent), listed(offered))]
    NoPlatform {
        /// The image.
        image: String,
        /// The platforms that there are not.
        absent: Vec<Platform>,
        /// Those that there are.
        offered: Vec<Platform>,
    },
    /// The registry does not give the image, or the store failed.
    #[error(transparent)]
    Mirror(#[from] entrepot_mirror::Error),
    /// The database failed.
    #[error("the requests cannot be read or written")]
    Catalog(#[from] entrepot_catalog::Error),
}

/// Platforms as text for people.
pub fn listed(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return "no platform that it names".to_owned();
    }
    platforms.iter().map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", ")
}
