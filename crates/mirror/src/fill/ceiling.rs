//! How long a blob may be: as long as a manifest says, else as long as the configuration lets any be.

use entrepot_catalog::RepoKey;
use entrepot_oci::{Digest, Host};

use crate::{Error, Mirror, UpstreamFault};

/// The most bytes that are taken of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ceiling {
    /// What a manifest of its repository gives as its size.
    Named(u64),
    /// What any blob may have.
    Any(u64),
}

impl Ceiling {
    // A manifest that names more than may be is no permission.
    fn of(named: Option<u64>, any: u64) -> Self {
        named.filter(|named| *named <= any).map_or(Self::Any(any), Self::Named)
    }

    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Named(bytes) | Self::Any(bytes) => bytes,
        }
    }

    /// Whether a blob may have `size` bytes.
    ///
    /// # Errors
    /// What is told of `host`, which has one that is larger.
    pub(crate) fn check(self, host: &Host, size: u64) -> Result<(), Error> {
        if size <= self.bytes() {
            return Ok(());
        }
        let fault = UpstreamFault::TooLarge { limit: self.bytes(), named: matches!(self, Self::Named(_)) };
        Err(Error::Upstream { host: host.clone(), fault })
    }
}

impl Mirror {
    /// How long a blob of an upstream's repository may be.
    pub(crate) async fn ceiling(&self, key: &RepoKey, digest: &Digest) -> Ceiling {
        let named = match self.0.memory.sizes.get(&(key.clone(), *digest)) {
            Some(size) => Some(size),
            // Without the catalog's word there is the other ceiling.
            None => self.0.catalog.said_size(key, digest).await.unwrap_or_default(),
        };
        Ceiling::of(named, self.0.max_blob_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A07
    #[test]
    fn a_manifest_lowers_the_ceiling_and_never_raises_it() {
        for (named, ceiling) in
            [(None, Ceiling::Any(10)), (Some(3), Ceiling::Named(3)), (Some(11), Ceiling::Any(10))]
        {
            assert_eq!(Ceiling::of(named, 10), ceiling);
        }
        let host = Host::docker_hub();
        assert!(Ceiling::Named(3).check(&host, 3).is_ok());
        for (ceiling, told) in [
            (
                Ceiling::Named(3),
                "upstream `docker.io` sends more than the 3 bytes that a manifest gives the blob",
            ),
            (Ceiling::Any(10), "upstream `docker.io` sends a blob of more than 10 bytes"),
        ] {
            assert_eq!(ceiling.check(&host, 11).unwrap_err().to_string(), told);
        }
    }
}
