//! Why somebody could not be asked, or did not confirm.

use std::path::PathBuf;

use crate::token::TokenError;

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file with certificates cannot be read.
    #[error("cannot read the certificates in `{}`", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no certificates.
    #[error("`{}` holds no certificates in PEM format", path.display())]
    CaForm {
        /// The file.
        path: PathBuf,
    },
    /// The system's certificates cannot be used.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Why an OpenID provider did not say who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer, or not as a server that works.
    #[error("the OpenID provider at `{host}` does not answer: {why}")]
    Unreachable {
        /// Its host.
        host: String,
        /// The deepest cause.
        why: String,
    },
    /// It answers with something else than it should.
    #[error("the OpenID provider answers wrongly for its {what}: {why}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// What came.
        why: String,
    },
    /// It says that it is somebody else than the configuration says.
    #[error("the configuration says `issuer: {configured}`, and the provider there calls itself `{told}`")]
    Issuer {
        /// As configured.
        configured: String,
        /// As told.
        told: String,
    },
    /// One of its addresses must not be contacted.
    #[error("the provider's {what} may not be contacted: {why}")]
    Address {
        /// Which one.
        what: &'static str,
        /// Why not.
        why: entrepot_egress::Error,
    },
    /// The file with its keys cannot be used.
    #[error("cannot use the keys in `{}`: {why}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// It does not accept us, in its own words.
    #[error(
        "the OpenID provider does not accept this client: {0}; are `client_id` and `client_secret` right?"
    )]
    Client(String),
    /// It refuses the login, in its own words.
    #[error("the OpenID provider refuses the login: {0}")]
    Refused(String),
    /// Its token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The ID token and the userinfo endpoint speak of different people.
    #[error("the provider's userinfo endpoint speaks of somebody else than its ID token")]
    OtherPerson,
    /// There are too many groups for a token, so that it has none (Entra's group overage).
    #[error("the provider left out the groups because there are too many for a token (claim `{claim}`)")]
    Overage {
        /// The claim.
        claim: String,
    },
}

/// Why a directory did not say who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// It does not answer in time, or the connection failed.
    #[error("the LDAP directory at `{host}` does not answer: {why}")]
    Unreachable {
        /// Its host.
        host: String,
        /// The deepest cause.
        why: String,
    },
    /// It does not accept our own bind.
    #[error("the LDAP directory refuses our bind as `{who}`: {why}")]
    Bind {
        /// The DN.
        who: String,
        /// In its words.
        why: String,
    },
    /// It answers a request with an error.
    #[error("the LDAP directory refuses {what}: {why}")]
    Refused {
        /// Which request.
        what: &'static str,
        /// In its words.
        why: String,
    },
    /// Several entries match a user name.
    #[error("several entries of the LDAP directory match this user name")]
    Ambiguous,
    /// An entry has no usable name, or more groups than are read.
    #[error("{0}")]
    Entry(String),
}

impl ProviderError {
    /// True if trying again later may help, and nothing was refused.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Answer { .. }
            | Self::Issuer { .. }
            | Self::Client(_)
            | Self::Address { .. }
            | Self::KeyFile { .. } => true,
            Self::Refused(_) | Self::Token(_) | Self::OtherPerson | Self::Overage { .. } => false,
        }
    }
}

/// The deepest cause of an error, which says the most.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
