//! Why an address that a registry named is not contacted.

/// How many redirects are followed for one request.
pub const MAX_REDIRECTS: usize = 5;

/// Why an address that a registry named is not contacted. No request was made to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The text is not a URL with a host.
    #[error("the registry led to something that is not an address")]
    Malformed,
    /// The scheme is neither `http` nor `https`.
    #[error("the registry led to a `{scheme}:` address")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The URL contains a user name or a password.
    #[error("the registry led to an address with a user name in it")]
    Userinfo,
    /// The registry uses TLS and led to an `http` URL.
    #[error("the registry led from https to http, at `{host}`")]
    Downgrade {
        /// The host of the `http` URL.
        host: String,
    },
    /// The host is not on the public internet, and is not one of the configured endpoints.
    #[error(
        "`{host}` is at a private address (hint: name it under `endpoints`, or set `private_network: true` for \
         this registry)"
    )]
    PrivateAddress {
        /// The host.
        host: String,
    },
    /// The host is the proxy that requests go through.
    #[error("the registry led to the proxy, `{host}`, itself")]
    Proxy {
        /// The host.
        host: String,
    },
    /// More than [`MAX_REDIRECTS`] redirects followed each other.
    #[error("the registry redirected more than {MAX_REDIRECTS} times")]
    TooManyRedirects,
    /// The registry's token server belongs to somebody else, who must not see the password.
    #[error("the registry wants the password to be sent to `{host}`")]
    ForeignRealm {
        /// The host of the token server.
        host: String,
    },
    /// The endpoint has another name than the registry, and so must not see the registry's password.
    #[error("the password is for the registry itself, and not for its endpoint `{host}`")]
    ForeignEndpoint {
        /// The host of the endpoint.
        host: String,
    },
    /// The next page of a listing has another origin than the page before.
    #[error("the next page of the listing is said to be at `{host}`")]
    ForeignPage {
        /// The host of the next page.
        host: String,
    },
}

impl From<entrepot_egress::Error> for EgressError {
    fn from(error: entrepot_egress::Error) -> Self {
        match error {
            entrepot_egress::Error::Malformed => Self::Malformed,
            entrepot_egress::Error::Scheme { scheme } => Self::Scheme { scheme },
            entrepot_egress::Error::Userinfo => Self::Userinfo,
            entrepot_egress::Error::Downgrade { host } => Self::Downgrade { host },
            entrepot_egress::Error::PrivateAddress { host } => Self::PrivateAddress { host },
            entrepot_egress::Error::Proxy { host } => Self::Proxy { host },
            // Only the pages of a listing must stay at their origin.
            entrepot_egress::Error::CrossOrigin { host } => Self::ForeignPage { host },
        }
    }
}
