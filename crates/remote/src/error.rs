//! What can go wrong between us and a registry.
//!
//! [`Error`] says what the caller should do next; [`InvalidResponse`] says what was wrong with a response. Both are
//! cheap to clone, because many readers may wait for one download.

use std::{sync::Arc, time::Duration};

use entrepot_oci::ManifestError;
use url::Url;

use crate::{
    egress_error::EgressError,
    network_fault::{NetworkFault, NetworkFaultKind, ProxyUsed},
};

/// Why the network failed, for logs. It holds no URL with a query, which may be a signed one.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Why a request to a registry failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The content does not exist. Remember that briefly, and tell the client.
    #[error("not found")]
    NotFound,
    /// The registry refused the request. Tell the client the reason. Only 401 and 403 are about rights; what is held
    /// may be served after any other.
    #[error("refused with status {}", said(*status, reason))]
    Denied {
        /// The status of the response.
        status: u16,
        /// The registry's message without control characters, at most 300 characters. It may be empty.
        reason: String,
    },
    /// Too many requests (429). Serve what is held, and retry later.
    #[error("asked to slow down")]
    Limited {
        /// How long to wait, if the registry said so; at most [`crate::MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// The registry is broken or busy (5xx), or something in front of it answered with a page of its own (403). Serve what
    /// is held.
    #[error("failing with status {status}")]
    Failing {
        /// The status of the answer.
        status: u16,
        /// How long to wait, where the registry said it; at most [`crate::MAX_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// There was no response, because no connection was made or it broke first. Serve what is held.
    #[error("not reachable: {fault}")]
    Unreachable {
        /// The class of the reason, with a way out.
        fault: NetworkFault,
        /// What failed, in the system's words.
        #[source]
        source: Cause,
    },
    /// A connection, a response or its next bytes took too long. Serve what is held, or resume.
    #[error("no answer in time")]
    TimedOut,
    /// The registry led to an address that is not allowed. No request was made to it.
    #[error(transparent)]
    Refused(#[from] EgressError),
    /// The response is not what a registry sends. Discard it.
    #[error(transparent)]
    Invalid(#[from] InvalidResponse),
    /// The source of an upload failed, or did not have the announced length. The registry is not to blame.
    #[error("what was being sent broke off")]
    UploadBody {
        /// What failed there.
        #[source]
        source: Cause,
    },
    /// The connection broke within a body. Resume after the last byte.
    #[error("the connection broke before the end")]
    Cut {
        /// What failed.
        #[source]
        source: Cause,
    },
}

/// What is wrong with a response.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvalidResponse {
    /// The status has no meaning for the request, such as a redirect without a target.
    #[error("the status {0} makes no sense here")]
    Status(u16),
    /// The body is not a manifest, but a login page, an error message or the like.
    #[error("the answer is not a manifest")]
    NotAManifest {
        /// What is wrong with it, if it could be parsed that far.
        #[source]
        source: Option<Arc<ManifestError>>,
    },
    /// The body or the `Docker-Content-Digest` header does not match the request.
    #[error("the answer has another digest than was said")]
    WrongDigest,
    /// The body is too long.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The most bytes that are accepted.
        limit: u64,
    },
    /// The body is compressed in transit although that was not requested, so its bytes have another digest.
    #[error("the answer is encoded in transit")]
    Encoded,
    /// The bytes are not the requested range.
    #[error("the answer is another range of bytes than was asked for")]
    Range,
    /// The listing does not seem to end.
    #[error(transparent)]
    UnboundedListing(#[from] UnboundedListing),
    /// A list of tags or referrers cannot be parsed.
    #[error("the answer is not a listing")]
    NotAListing,
    /// A later page of a listing cannot be parsed.
    #[error("a page of the listing is not one")]
    BrokenListing,
    /// A listing is to go on after a name that it does not have, and its pages have no other names.
    #[error("the listing does not have the name that it is to go on from")]
    UnknownName,
    /// The upload was begun without a `Location`.
    #[error("the registry does not say where to send the blob")]
    NoLocation,
    /// The response of the token server has no token.
    #[error("the token server gave no token")]
    NoToken,
    /// The token is too long for a header.
    #[error("the token server gave a token of more than {limit} bytes")]
    TokenTooLong {
        /// The most that is taken, in bytes.
        limit: usize,
    },
}

/// Why a listing was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnboundedListing {
    /// It has too many entries.
    #[error("the listing has more than {limit} entries")]
    Entries {
        /// The most that are accepted.
        limit: usize,
    },
    /// Its names are too long together.
    #[error("the listing has more than {limit} bytes")]
    Bytes {
        /// The most that are accepted.
        limit: usize,
    },
    /// It has too many pages.
    #[error("the listing has more than {limit} pages")]
    Pages {
        /// The most that are requested.
        limit: usize,
    },
    /// Two consecutive pages had no new entries.
    #[error("two pages of the listing in a row have nothing new")]
    NothingNew,
    /// A page links to an earlier page.
    #[error("a page of the listing leads back to one that was there before")]
    Circle,
    /// It took too long.
    #[error("the listing did not end within {} minutes", limit.as_secs() / 60)]
    Time {
        /// The longest time allowed.
        limit: Duration,
    },
}

impl Error {
    /// Whether another endpoint of the registry might succeed.
    pub(crate) fn is_endpoint_specific(&self) -> bool {
        !matches!(self, Self::NotFound | Self::Denied { .. } | Self::Limited { .. } | Self::UploadBody { .. })
    }

    /// Whether this answer to a `HEAD` says nothing about a `GET` of the same: ECR Public, Nexus and some proxies refuse
    /// `HEAD`, or do not know what they would give.
    pub(crate) fn leaves_open(&self) -> bool {
        matches!(self, Self::Denied { status: 400 | 401 | 403 | 405 | 501, .. })
    }

    /// Whether somebody else answered in place of the registry, such as the login page of a network.
    pub(crate) fn is_from_impostor(&self) -> bool {
        matches!(self, Self::Invalid(InvalidResponse::NotAManifest { .. } | InvalidResponse::NotAListing))
    }

    /// Whether the endpoint is down, so that retrying it at once is useless.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { fault, .. } => fault.kind() != NetworkFaultKind::KeptConnection,
            Self::TimedOut => true,
            // A page of something in front of it may be about one request alone.
            Self::Failing { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// What to do about a registry that cannot be reached.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { fault, .. } => Some(fault.hint()),
            _ => None,
        }
    }

    /// The reason alone, in the registry's words for a refusal (`403: DENIED`) and in the system's for a registry that cannot
    /// be reached.
    pub fn reason(&self) -> String {
        match self {
            Self::Denied { status, reason } => said(*status, reason),
            Self::Unreachable { fault, source } => {
                let cause: &(dyn std::error::Error + 'static) = source.as_ref();
                let root = std::iter::successors(Some(cause), |&error| error.source()).last();
                format!("{fault} ({})", root.map(ToString::to_string).unwrap_or_default())
            }
            other => other.to_string(),
        }
    }

    /// The error with all its causes, for logs.
    pub fn whole(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

impl Error {
    /// The same about a host that the registry led to.
    pub(crate) fn at(self, url: &Url) -> Self {
        match self {
            Self::Unreachable { fault, source } => Self::Unreachable { fault: fault.at(url), source },
            other => other,
        }
    }
}

/// The error for a request to `url` through `proxy` that failed before its response.
pub(crate) fn before_answer(error: reqwest::Error, url: &Url, proxy: Option<ProxyUsed>) -> Error {
    if let Some(refused) = egress_refusal(&error) {
        return refused.into();
    }
    let fault = NetworkFault::of(&error, url, proxy);
    Error::Unreachable { fault, source: Arc::new(error.without_url()) }
}

// A registry that refuses with nothing but a status has said that.
fn said(status: u16, reason: &str) -> String {
    if reason.is_empty() { status.to_string() } else { format!("{status}: {reason}") }
}

/// The error for a body that failed.
pub(crate) fn within_body(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::TimedOut;
    }
    Error::Cut { source: Arc::new(error.without_url()) }
}

// The resolver's refusal is one of the sources of the client's error.
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
