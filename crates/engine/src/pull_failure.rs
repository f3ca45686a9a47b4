//! Why a pull fails, by what the engine says. All of it is pure.

use std::fmt;

use crate::message::Message;

/// The class of the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullError {
    /// The registry does not have the image.
    NotFound,
    /// The registry does not give it to this account.
    Denied,
    /// The registry limits how often it is asked.
    RateLimited,
    /// There is no trusted connection to the registry.
    Tls,
    /// The node's disk is full.
    DiskFull,
    /// There is no image for the node's platform.
    Platform,
    /// The registry fails.
    Registry,
    /// The node cannot reach the registry.
    Network,
    /// Anything else that the engine says.
    Engine,
}

/// Why a pull fails, in the engine's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullFailure {
    /// The class.
    pub error: PullError,
    /// What the engine says.
    pub message: Message,
}

impl fmt::Display for PullFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(formatter)
    }
}

impl PullFailure {
    pub(crate) fn not_understood(line: &[u8]) -> Self {
        Self { error: PullError::Engine, message: Message::from_bytes(line) }
    }
}

/// What each class is known by, in lower case. The first that is found counts: more particular texts come first, since a
/// refusal often names the request that it answers.
const KNOWN_BY: [(PullError, &[&str]); 8] = [
    (PullError::DiskFull, &["no space left on device", "disk quota exceeded"]),
    (
        PullError::RateLimited,
        &["toomanyrequests", "too many requests", "rate limit", "unexpected status code 429", "status: 429"],
    ),
    (
        PullError::Platform,
        &[
            "no matching manifest for",
            "no match for platform",
            "no image found in image index for architecture",
            "no image found in manifest list for architecture",
            "choosing an image from manifest list",
            "does not match the specified platform",
            "does not provide the specified platform",
            "cannot be used on this platform",
        ],
    ),
    (
        PullError::Tls,
        &[
            "x509:",
            "tls:",
            "certificate signed by unknown authority",
            "http response to https client",
            "remote error: tls",
        ],
    ),
    (
        PullError::Registry,
        &[
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway",
            "status code 500",
            "status code 502",
            "status code 503",
            "status code 504",
            "received unexpected http status: 5",
            "invalid status code from registry 5",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "manifest verification failed",
            "filesystem layer verification failed",
            "failed size validation",
            "digest did not match",
        ],
    ),
    (
        PullError::Denied,
        &[
            "unauthorized",
            "authentication required",
            "no basic auth credentials",
            "requested access to the resource is denied",
            "pull access denied",
            "insufficient_scope",
            "invalid username/password",
            "incorrect username or password",
            "403 forbidden",
            "401 unauthorized",
            "status code 401",
            "status code 403",
        ],
    ),
    (
        PullError::NotFound,
        &[
            "manifest unknown",
            "not found",
            "name unknown",
            "repository does not exist",
            "no such image",
            "404 page",
            "status code 404",
            "status: 404",
        ],
    ),
    (
        PullError::Network,
        &[
            "no such host",
            "connection refused",
            "connection reset",
            "i/o timeout",
            "tls handshake timeout",
            "no route to host",
            "network is unreachable",
            "client.timeout exceeded",
            "context deadline exceeded",
            "unexpected eof",
            "server misbehaving",
            "broken pipe",
            ": eof",
        ],
    ),
];

/// Says which class a text belongs to.
pub(crate) fn classify(text: &str) -> PullFailure {
    let lower = text.to_ascii_lowercase();
    let known = KNOWN_BY.iter().find(|(_, words)| words.iter().any(|word| lower.contains(word)));
    let error = match known {
        // The wait for a handshake is the network's fault, whatever the text begins with.
        Some((PullError::Tls, _)) if lower.contains("tls: handshake timeout") => PullError::Network,
        Some((error, _)) => *error,
        // Docker 20.10 says no more than this, and Podman says it behind the address.
        None if lower.trim() == "denied" || lower.trim_end().ends_with(": denied") => PullError::Denied,
        None if lower.contains("denied:") => PullError::Denied,
        None => PullError::Engine,
    };
    PullFailure { error, message: Message::new(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_engines_are_classed() {
        for (text, error) in [
            ("manifest for nginx:nope not found: manifest unknown: manifest unknown", PullError::NotFound),
            (r#"docker.io/library/nope:latest: not found"#, PullError::NotFound),
            (
                "initializing source docker://127.0.0.1:5000/a:b: reading manifest b in 127.0.0.1:5000/a: manifest unknown",
                PullError::NotFound,
            ),
            ("denied", PullError::Denied),
            ("initializing source docker://h/a:1: reading manifest 1 in h/a: denied", PullError::Denied),
            ("errors:\ndenied: not yours\n", PullError::Denied),
            (
                "pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                PullError::Denied,
            ),
            ("unauthorized: authentication required", PullError::Denied),
            ("unable to retrieve auth token: invalid username/password: unauthorized", PullError::Denied),
            ("toomanyrequests: You have reached your pull rate limit.", PullError::RateLimited),
            ("write /var/lib/docker/tmp/GetImageBlob123: no space left on device", PullError::DiskFull),
            ("no matching manifest for linux/arm64/v8 in the manifest list entries", PullError::Platform),
            (
                "choosing an image from manifest list docker://h/a:1: no image found in manifest list for architecture s390x, variant \"\", OS linux",
                PullError::Platform,
            ),
            (r#"Get "https://h/v2/": x509: certificate signed by unknown authority"#, PullError::Tls),
            (r#"Get "https://h/v2/": http: server gave HTTP response to HTTPS client"#, PullError::Tls),
            ("received unexpected HTTP status: 500 Internal Server Error", PullError::Registry),
            (
                r#"unexpected status from HEAD request to http://h/v2/a/manifests/1: 503 Service Unavailable"#,
                PullError::Registry,
            ),
            (
                "initializing source docker://h/a:1: reading manifest 1 in h/a: received unexpected HTTP status: 500 Internal Server Error",
                PullError::Registry,
            ),
            ("filesystem layer verification failed for digest sha256:00", PullError::Registry),
            (r#"Get "https://h/v2/": dial tcp: lookup h: no such host"#, PullError::Network),
            (r#"Get "https://h/v2/": net/http: TLS handshake timeout"#, PullError::Network),
            ("dial tcp 127.0.0.1:1: connect: connection refused", PullError::Network),
            ("something that nobody has seen", PullError::Engine),
            ("access is not denied here", PullError::Engine),
        ] {
            assert_eq!(classify(text).error, error, "{text}");
        }
    }
}
