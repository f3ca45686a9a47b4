//! What can go wrong between us and a registry.
//!
//! [`Error`] is made for whoever decides what to do next; [`InvalidAnswer`] says in which way an answer was not one.
//! Both are cheap to clone, because many readers may wait for one download.

use std::{sync::Arc, time::Duration};

use entrepot_oci::ManifestError;

use crate::egress_error::EgressError;

/// Why the network failed, for logs. Never holds an address with its query: that may be a signed one.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a registry did not give what was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The registry says that it is not there. Remember it for a moment and tell the client.
    #[error("not found")]
    NotFound,
    /// The registry refuses. Tell the client why.
    #[error("refused with status {status}: {reason}")]
    Denied {
        /// The status of the answer.
        status: u16,
        /// The registry's own words without control characters, at most 300 characters; may be empty.
        reason: String,
    },
    /// Too many requests (429). Serve what is held, and ask again later.
    #[error("asked to slow down")]
    Limited {
        /// How long to wait, where the registry said it; at most [`crate::MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// The registry is broken, or busy (5xx). Serve what is held.
    #[error("failing with status {status}")]
    Failing {
        /// The status of the answer.
        status: u16,
        /// How long to wait, where the registry said it; at most [`crate::MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// There was no answer because there was no connection, or it broke first. Serve what is held.
    #[error("not reachable")]
    Unreachable {
        /// What failed.
        #[source]
        source: Cause,
    },
    /// A connection, an answer or its next bytes took too long. Serve what is held, or resume.
    #[error("no answer in time")]
    TimedOut,
    /// The registry sent us where we do not go. No request was made there.
    #[error(transparent)]
    Refused(#[from] EgressError),
    /// The answer is not one that a registry gives. Keep nothing of it.
    #[error(transparent)]
    Invalid(#[from] InvalidAnswer),
    /// What was to be sent did not come, or not as long as was said. The registry is not to blame; ask the source.
    #[error("what was being sent broke off")]
    Supply {
        /// What failed there.
        #[source]
        source: Cause,
    },
    /// The connection broke in the middle of a body. Resume behind the last byte.
    #[error("the connection broke before the end")]
    Cut {
        /// What failed.
        #[source]
        source: Cause,
    },
}

/// In which way an answer was wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvalidAnswer {
    /// A status that has no meaning for what was asked, such as a redirect without a target.
    #[error("the status {0} makes no sense here")]
    Status(u16),
    /// The body is not a manifest, but a login page, an error message or the like.
    #[error("the answer is not a manifest")]
    NotAManifest {
        /// What is wrong with it, where it could be looked into.
        #[source]
        source: Option<Arc<ManifestError>>,
    },
    /// The body, or the `Docker-Content-Digest` header, does not belong to what was asked for.
    #[error("the answer has another digest than was said")]
    WrongDigest,
    /// The body is longer than such an answer may be.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The most that is taken, in bytes.
        limit: u64,
    },
    /// The body is compressed in transit although that was not asked for, so that its bytes have another digest.
    #[error("the answer is encoded in transit")]
    Encoded,
    /// The bytes sent are not the range that was asked for.
    #[error("the answer is another range of bytes than was asked for")]
    Range,
    /// A listing that goes on and on.
    #[error(transparent)]
    Endless(#[from] Endless),
    /// A list of tags or of referrers that cannot be read.
    #[error("the answer is not a listing")]
    NotAListing,
    /// An upload was begun, but not said where.
    #[error("the registry does not say where to send the blob")]
    NoLocation,
    /// The token server's answer has no token in it.
    #[error("the token server gave no token")]
    NoToken,
    /// The token server's token is longer than a header should be.
    #[error("the token server gave a token of more than {limit} bytes")]
    TokenTooLong {
        /// The most that is taken, in bytes.
        limit: usize,
    },
}

/// In which way a listing has no end, or none that is worth waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Endless {
    /// One entry after another.
    #[error("the listing has more than {limit} entries")]
    Entries {
        /// The most that are taken.
        limit: usize,
    },
    /// More than anybody needs to name things.
    #[error("the listing has more than {limit} bytes")]
    Bytes {
        /// The most that are taken.
        limit: usize,
    },
    /// One page after another.
    #[error("the listing has more than {limit} pages")]
    Pages {
        /// The most that are asked for.
        limit: usize,
    },
    /// Pages of what was there before, or of nothing.
    #[error("two pages of the listing in a row have nothing new")]
    NothingNew,
    /// A page that was asked for before.
    #[error("a page of the listing leads back to one that was there before")]
    Circle,
    /// Pages that come too slowly.
    #[error("the listing did not end within {} minutes", limit.as_secs() / 60)]
    Time {
        /// The longest that is waited.
        limit: Duration,
    },
}

impl Error {
    /// Whether another endpoint of the same registry might do better.
    pub(crate) fn is_the_endpoints(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Denied { .. } | Self::Limited { .. } | Self::Supply { .. })
    }

    /// Whether somebody else answers in the registry's place, such as the login page of a network.
    pub(crate) fn is_an_impostors(&self) -> bool {
        matches!(self, Self::Invalid(InvalidAnswer::NotAManifest { .. } | InvalidAnswer::NotAListing))
    }

    /// Whether the endpoint is down, so that asking it again at once is a waste.
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut | Self::Failing { .. })
    }
}

/// What a failed request means, before there was an answer.
pub(crate) fn before_answer(error: reqwest::Error) -> Error {
    if let Some(refused) = egress_refusal(&error) {
        return refused.into();
    }
    if error.is_timeout() {
        return Error::TimedOut;
    }
    Error::Unreachable { source: Arc::new(error.without_url()) }
}

/// What a failure means in the middle of a body.
pub(crate) fn within_body(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::TimedOut;
    }
    Error::Cut { source: Arc::new(error.without_url()) }
}

// Our resolver's refusal comes back as one of the causes of the client's own error.
fn egress_refusal(error: &reqwest::Error) -> Option<EgressError> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<entrepot_egress::Error>() {
            return Some(refused.clone().into());
        }
        cause = error.source();
    }
    None
}
