//! The largest size of a blob that is accepted from an upstream: what a manifest states, else what the configuration allows.

use entrepot_oci::Host;

use crate::error::{Error, UpstreamFault};

/// The most bytes that are accepted of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeLimit {
    /// The size that a manifest of the repository states.
    Stated(u64),
    /// The size that the configuration allows any blob.
    Configured(u64),
}

impl SizeLimit {
    /// A stated size lowers the configured limit and never raises it.
    pub(crate) fn new(stated: Option<u64>, configured: u64) -> Self {
        stated.filter(|stated| *stated <= configured).map_or(Self::Configured(configured), Self::Stated)
    }

    /// The limit in bytes.
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Stated(bytes) | Self::Configured(bytes) => bytes,
        }
    }

    /// Checks the size of a blob that `host` offers.
    ///
    /// # Errors
    /// [`UpstreamFault::TooLarge`]
    pub(crate) fn check(self, host: &Host, size: u64) -> Result<(), Error> {
        if size <= self.bytes() {
            return Ok(());
        }
        let fault = UpstreamFault::TooLarge { limit: self.bytes(), named: matches!(self, Self::Stated(_)) };
        Err(Error::Upstream { host: host.clone(), fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A07
    #[test]
    fn a_manifest_lowers_the_limit_and_never_raises_it() {
        for (stated, limit) in [
            (None, SizeLimit::Configured(10)),
            (Some(3), SizeLimit::Stated(3)),
            (Some(11), SizeLimit::Configured(10)),
        ] {
            assert_eq!(SizeLimit::new(stated, 10), limit);
        }
        let host = Host::docker_hub();
        assert!(SizeLimit::Stated(3).check(&host, 3).is_ok());
        for (limit, text) in [
            (
                SizeLimit::Stated(3),
                "upstream `docker.io` sends more than the 3 bytes that a manifest gives the blob",
            ),
            (SizeLimit::Configured(10), "upstream `docker.io` sends a blob of more than 10 bytes"),
        ] {
            assert_eq!(limit.check(&host, 11).unwrap_err().to_string(), text);
        }
    }
}
