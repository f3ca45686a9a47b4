//! What can be wrong with what is said about a node. Pure.

use entrepot_engine::{AddressError, EndpointError, PathError, PemError};

use super::limits::{MAX_CARDS, MAX_NAME, MAX_REMARK};

/// What is wrong with what is said about a node: always one field, and what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeFault {
    /// The name has other characters than names have.
    #[error("a name has 1 to {MAX_NAME} letters, digits, `.`, `_` and `-`, and begins with a letter")]
    Name,
    /// The region is too long, or has control characters.
    #[error("a region has at most {MAX_NAME} printable characters")]
    Region,
    /// The address is none.
    #[error("{0}")]
    Address(AddressError),
    /// Address and certificates do not go together.
    #[error("{0}")]
    Endpoint(EndpointError),
    /// A certificate or key cannot be used.
    #[error("{0}")]
    Pem(PemError),
    /// The host that people reach ports at is none.
    #[error("the host that people reach published ports at is a name or an IP address, without port")]
    PublicHost,
    /// The URL that the node reaches this server at is none.
    #[error("the node reaches this server at an address such as `http://10.0.0.5:5000`, without a path")]
    MirrorUrl,
    /// The directory of HAMi-core is no path.
    #[error("the directory of HAMi-core: {0}")]
    HamiCore(PathError),
    /// Too many cards.
    #[error("a node has at most {MAX_CARDS} Ascend cards")]
    AscendCards,
    /// The model of the cards is no name.
    #[error("the model of Ascend cards has 1 to {MAX_NAME} printable characters")]
    AscendModel,
    /// Too long.
    #[error("a remark has at most {MAX_REMARK} characters")]
    Remark,
}

impl NodeFault {
    /// The field that it is about.
    pub fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Region => "region",
            Self::Address(_) => "address",
            Self::Endpoint(_) => "tls",
            Self::Pem(PemError::Authority) => "tls.ca",
            Self::Pem(PemError::Certificate) => "tls.certificate",
            Self::Pem(PemError::Key | PemError::Pair) => "tls.key",
            Self::PublicHost => "public_host",
            Self::MirrorUrl => "mirror_url",
            Self::HamiCore(_) => "hami_core",
            Self::AscendCards => "ascend.cards",
            Self::AscendModel => "ascend.model",
            Self::Remark => "remark",
        }
    }
}
