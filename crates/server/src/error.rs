//! The single table from errors to responses: status, code, and a message with a fact and a hint.
//!
//! Errors before the server runs are in [`crate::Error`].

use std::{error::Error as StdError, sync::Arc, time::Duration};

use entrepot_mirror::{Error as MirrorError, NetworkFaultKind, UpstreamFault};
use entrepot_oci::{ErrorCode, Host, MAX_MANIFEST_BYTES, Method, PageError, RangeError, RouteError};
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::headers;

/// Default retry delay when an upstream did not say, in seconds.
const WAIT: u64 = 60;

/// Retry delay when memory is short, in seconds.
const BUSY: u64 = 5;

/// Retry delay while the store or the database fails or is away, in seconds.
pub(crate) const RETRY: u64 = 5;

/// An error response.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code in the body.
    pub code: ErrorCode,
    /// The message in the body: a fact, then `hint:` and a way out where there is one. Safe to show to anybody.
    pub message: String,
    /// Headers that belong to the status. A name may repeat, as `WWW-Authenticate` does.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The underlying error. It is logged and never sent to the client.
    pub cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Refusal {
    /// Makes a refusal without headers or cause.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), headers: Vec::new(), cause: None }
    }

    /// Adds a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the underlying error, for the log.
    pub fn because(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }

    /// The refusal for a request that matches no route. It depends on the method: a malformed tag is not found when
    /// read, but is a client error when written.
    pub fn of_route(error: RouteError, method: Method) -> Self {
        let bad = |code| Self::new(StatusCode::BAD_REQUEST, code, error.to_string());
        match error {
            RouteError::NotFound => Self::not_found(),
            RouteError::Method(allowed) => Self::method(allowed),
            RouteError::Name(_) | RouteError::Namespace => bad(ErrorCode::NameInvalid),
            RouteError::Digest(_) => bad(ErrorCode::DigestInvalid),
            RouteError::Tag(_) if method == Method::Put => bad(ErrorCode::NameInvalid),
            RouteError::Tag(_) => {
                Self::new(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, error.to_string())
            }
            RouteError::Page(PageError::Limit) => bad(ErrorCode::PaginationNumberInvalid),
            RouteError::Page(PageError::Last) => bad(ErrorCode::NameInvalid),
        }
    }

    /// Nothing exists at this address.
    pub fn not_found() -> Self {
        let message = "there is no such address; hint: the registry API is below `/v2/`";
        Self::new(StatusCode::NOT_FOUND, ErrorCode::Unsupported, message)
    }

    /// The address does not allow this method; `allowed` lists those it does.
    pub fn method(allowed: &'static str) -> Self {
        let message = format!("the method is not one of {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
            .with(header::ALLOW, HeaderValue::from_static(allowed))
    }

    /// The address is longer than the limit, in bytes.
    pub fn address_too_long(limit: usize) -> Self {
        let message = format!("the address is longer than {limit} bytes");
        Self::new(StatusCode::URI_TOO_LONG, ErrorCode::Unsupported, message)
    }

    /// The headers are larger than the limit, in bytes.
    pub fn headers_too_large(limit: usize) -> Self {
        let message = format!("the headers are larger than {limit} bytes");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, ErrorCode::Unsupported, message)
    }

    /// The request is denied admission, whatever it asks for.
    pub(crate) fn denied(status: StatusCode, message: String) -> Self {
        let code = if status == StatusCode::FORBIDDEN { ErrorCode::Denied } else { ErrorCode::Unsupported };
        Self::new(status, code, message)
    }

    /// A manifest over the size limit; the rest of it is not read.
    pub fn manifest_too_large() -> Self {
        let message = format!(
            "the manifest is larger than {MAX_MANIFEST_BYTES} bytes; hint: put content in a blob, not in the manifest"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::ManifestInvalid, message)
    }

    /// A `PUT` that closes an upload without a digest.
    pub fn digest_missing() -> Self {
        let message = "the digest of the blob is missing; hint: add `?digest=`";
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
    }

    /// A `Content-Range` that is malformed, or whose length differs from the body's.
    pub fn chunk(error: Option<RangeError>) -> Self {
        match error {
            Some(error) => {
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, error.to_string())
            }
            None => {
                let message = "the range of the chunk and its length differ";
                Self::new(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, message)
            }
        }
    }

    /// The blob has no bytes in the requested range.
    pub fn range(size: u64) -> Self {
        let message = format!("the range starts behind the end of the content, which has {size} bytes");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, message)
            .with(header::CONTENT_RANGE, headers::value(format!("bytes */{size}")))
    }

    /// No memory for another response. This is temporary: clients that do not read are cut.
    pub fn busy() -> Self {
        let (status, code) = class(&MirrorError::Busy);
        Self::new(status, code, message(&MirrorError::Busy)).with(header::RETRY_AFTER, BUSY)
    }

    /// True if the refusal is for lack of memory.
    pub(crate) fn is_for_memory(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE && self.code == ErrorCode::TooManyRequests
    }

    /// A handler failed unexpectedly.
    pub fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, "this should not have happened")
    }
}

impl From<MirrorError> for Refusal {
    fn from(error: MirrorError) -> Self {
        let refusal = match &error {
            MirrorError::Upstream { host, fault } => of_upstream(host, fault),
            MirrorError::VisibilityUnknown { fault, .. } => {
                let wait = match fault {
                    UpstreamFault::Limited { retry_after } => retry_after.map_or(WAIT, whole_seconds),
                    _ => RETRY,
                };
                let text =
                    format!("{error}; hint: try again in {wait} s, or log in as somebody who was granted it");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown, text)
                    .with(header::RETRY_AFTER, wait)
            }
            MirrorError::Busy => Self::busy(),
            MirrorError::Reserved { .. } => {
                let (status, code) = class(&error);
                let text = format!("{error}; hint: try again in {WAIT} s; see `entrepot budget`");
                Self::new(status, code, text).with(header::RETRY_AFTER, WAIT)
            }
            MirrorError::NotOffered(what) => {
                let (status, code) = class(&error);
                let refusal = Self::new(status, code, what.message.clone());
                match what.retry_after {
                    Some(wait) => refusal.with(header::RETRY_AFTER, whole_seconds(wait).max(1)),
                    None => refusal,
                }
            }
            MirrorError::Store | MirrorError::StoreDown => {
                let (status, code) = class(&error);
                Self::new(status, code, message(&error)).with(header::RETRY_AFTER, RETRY)
            }
            error => {
                let (status, code) = class(error);
                Self::new(status, code, message(error))
            }
        };
        refusal.because(error)
    }
}

fn class(error: &MirrorError) -> (StatusCode, ErrorCode) {
    match error {
        MirrorError::NotAnUpstream { .. }
        | MirrorError::NotAnAlias { .. }
        | MirrorError::TwoRegistries { .. }
        | MirrorError::RepositoryUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
        MirrorError::NotARepository { .. } => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
        MirrorError::ManifestUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown),
        MirrorError::BlobUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown),
        MirrorError::UploadUnknown => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        MirrorError::TooManyUploads | MirrorError::Reserved { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests)
        }
        // Clients show the sentence of a 403, fall back to the next mirror or the upstream, and do not come back at once.
        MirrorError::ReadOnly { .. } | MirrorError::NotOffered(_) => {
            (StatusCode::FORBIDDEN, ErrorCode::Denied)
        }
        MirrorError::ManifestInvalid(_) | MirrorError::MediaTypeRefused(_) => {
            (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid)
        }
        MirrorError::ManifestBlobUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown),
        MirrorError::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        MirrorError::ChunkOutOfOrder { .. } => {
            (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid)
        }
        MirrorError::SizeInvalid | MirrorError::DescriptorSizeInvalid { .. } => {
            (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid)
        }
        MirrorError::BodyBroken => (StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid),
        MirrorError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid),
        MirrorError::EvictionRuns | MirrorError::ScrubRuns | MirrorError::PlanChanged => {
            (StatusCode::CONFLICT, ErrorCode::Unknown)
        }
        MirrorError::Busy => (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::TooManyRequests),
        MirrorError::Full => (StatusCode::INSUFFICIENT_STORAGE, ErrorCode::Unknown),
        MirrorError::Upstream { .. } => (StatusCode::BAD_GATEWAY, ErrorCode::Unknown),
        MirrorError::Store | MirrorError::StoreDown | MirrorError::VisibilityUnknown { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unknown)
        }
    }
}

// Replaces the mirror's messages that have no hint, or that tell a client too much.
fn message(error: &MirrorError) -> String {
    match error {
        MirrorError::NotAnUpstream { host } => format!(
            "`{host}` is not an upstream of this mirror; hint: add it under `registries` with `mirror: true`"
        ),
        MirrorError::NotAnAlias { host, aliases } => format!(
            "`{host}` stands for no upstream of this mirror; hint: there are {aliases}; \
             give a registry an `alias` under `registries`, or list a name of the server itself under `names`"
        ),
        MirrorError::TwoRegistries { name, asked } => format!(
            "`{name}` begins with a registry, and the request asks `{asked}` for it; \
             hint: leave out the one that is not meant"
        ),
        MirrorError::UploadUnknown => {
            "there is no such upload in this repository; hint: it may have expired, start a new one"
                .to_owned()
        }
        MirrorError::TooManyUploads => {
            "too many uploads are open; hint: finish some, or end them with DELETE".to_owned()
        }
        MirrorError::ReadOnly { name, hosted } => format!(
            "`{name}` mirrors an upstream and takes no pushes; hint: push to a name that starts with {hosted}"
        ),
        MirrorError::MediaTypeRefused(media_type) => format!(
            "a manifest cannot have the media type `{media_type}`, which browsers may render; \
             hint: use one below `application/vnd.`, such as `application/vnd.oci.image.manifest.v1+json`"
        ),
        MirrorError::ManifestBlobUnknown(digest) => {
            format!("the manifest names `{digest}`, which this repository does not have; hint: push it first")
        }
        MirrorError::DescriptorSizeInvalid { digest, stated, actual } => format!(
            "the manifest gives `{digest}` {stated} bytes, and it has {actual}; \
             hint: the size in a descriptor must be that of its content (OCI image-spec, descriptors)"
        ),
        MirrorError::ChunkOutOfOrder { offset } => {
            format!("the upload has {offset} bytes; hint: the next chunk must begin there")
        }
        MirrorError::TooLarge { limit } => format!(
            "the upload is larger than the {limit} bytes that a blob may have; hint: raise `mirror.max_blob_size`"
        ),
        MirrorError::Busy => format!(
            "as much is being answered as there is memory for; hint: try again in {BUSY} s, and read answers as they come"
        ),
        MirrorError::Full => {
            "there is no space left to store this; hint: free space, then try again".to_owned()
        }
        MirrorError::EvictionRuns | MirrorError::ScrubRuns => {
            format!("{error}; hint: wait for it, or cancel it")
        }
        MirrorError::PlanChanged => {
            format!("{error}; hint: look at what would go now: `entrepot cache gc --dry-run`")
        }
        MirrorError::StoreDown => {
            format!("the store does not answer, and what it holds is not lost; hint: try again in {RETRY} s")
        }
        MirrorError::Store => "the store failed; hint: the server's log says more".to_owned(),
        error => error.to_string(),
    }
}

fn of_upstream(host: &Host, fault: &UpstreamFault) -> Refusal {
    let gateway = |fact: &str| {
        Refusal::new(StatusCode::BAD_GATEWAY, ErrorCode::Unknown, format!("upstream `{host}` {fact}"))
    };
    match fault {
        UpstreamFault::Denied(reason) => {
            let message = format!(
                "upstream `{host}` refuses this: {reason}; hint: check the name, or give the mirror credentials for it"
            );
            Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message)
        }
        UpstreamFault::Limited { retry_after } => {
            let wait = retry_after.map_or(WAIT, whole_seconds);
            let message = format!("upstream `{host}` limits our requests; hint: try again in {wait} s");
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
                .with(header::RETRY_AFTER, wait)
        }
        UpstreamFault::Rejected { status, reason } if reason.is_empty() => {
            gateway(&format!("answers with status {status}"))
        }
        UpstreamFault::Rejected { .. } => gateway(&fault.to_string()),
        UpstreamFault::Failing(status) => gateway(&format!("fails with status {status}")),
        UpstreamFault::Unreachable(reason) => {
            let (fact, hint) = (reason.summary(), reason.hint());
            let refusal = gateway(&format!("cannot be reached: {fact}; hint: {hint}"));
            match reason.kind() {
                NetworkFaultKind::ConnectTimeout => {
                    Refusal { status: StatusCode::GATEWAY_TIMEOUT, ..refusal }
                }
                _ => refusal,
            }
        }
        UpstreamFault::Invalid(_) => gateway("gave an answer that cannot be used"),
        UpstreamFault::TooLarge { named: true, .. } => gateway(&fault.to_string()),
        UpstreamFault::TooLarge { named: false, .. } => {
            gateway(&format!("{fault}; hint: raise `mirror.max_blob_size` if that is meant"))
        }
        UpstreamFault::TimedOut => {
            let message = format!("upstream `{host}` does not answer in time; hint: try again");
            Refusal::new(StatusCode::GATEWAY_TIMEOUT, ErrorCode::Unknown, message)
        }
    }
}

// Rounded up: a client that retries a moment early is refused again.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
