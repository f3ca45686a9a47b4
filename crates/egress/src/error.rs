//! Why an address is not contacted.

/// Why an address was refused. No request was made to it.
///
/// Hosts are given without path and query, which may hold a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a URL with a host.
    #[error("not a URL with a host")]
    Malformed,
    /// The scheme is neither `http` nor `https`.
    #[error("`{scheme}:` URLs are not allowed")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The URL contains a user name or a password.
    #[error("URLs with a user name or password are not allowed")]
    Userinfo,
    /// An `https` server led to an `http` URL.
    #[error("`{host}` would be contacted without TLS after a server with TLS")]
    Downgrade {
        /// The host of the `http` URL.
        host: String,
    },
    /// The host is not on the public internet and is not exempt.
    #[error("`{host}` is at a private address")]
    PrivateAddress {
        /// The host.
        host: String,
    },
    /// The host is the proxy that requests go through.
    #[error("`{host}` is the proxy in use")]
    Proxy {
        /// The host.
        host: String,
    },
    /// The URL had to have the same origin as the response that named it, and has another.
    #[error("`{host}` has another origin than the response that named it")]
    CrossOrigin {
        /// The host of the URL.
        host: String,
    },
}
