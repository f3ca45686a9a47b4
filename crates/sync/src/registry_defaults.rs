//! Defaults for well-known registries, for settings that are not configured.

use entrepot_oci::Host;
use entrepot_remote::Rate;

use crate::{Format, Provider};

/// Defaults for a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistryDefaults {
    /// The media types that it accepts.
    pub format: Format,
    /// The highest rate of requests that it tolerates.
    pub rate: Option<Rate>,
    /// Manifest requests of its budget to leave for others.
    pub reserve: u32,
    /// The largest upload in one request, in bytes.
    pub chunk: Option<u64>,
}

impl RegistryDefaults {
    /// The defaults for `host`. Most registries need none.
    pub fn of(host: &Host) -> Self {
        match Provider::of(host) {
            // Leaves some of the 100 or 200 pulls in six hours (docs.docker.com, "Docker Hub usage and limits") for
            // others behind this address.
            Provider::DockerHub => Self { reserve: 10, ..Self::default() },
            // An upload is cut off after ten minutes (docs.github.com, "Working with the Container registry"); such a
            // chunk then needs 220 KB/s.
            Provider::Ghcr => Self { chunk: Some(128 << 20), ..Self::default() },
            // Refuses OCI indexes with "fail to parse 'manifest.json'", and responds with 503 above about 20 requests
            // per second and tenant (support.huaweicloud.com, SWR "Constraints").
            Provider::Swr => Self { format: Format::Docker, rate: "20/s".parse().ok(), ..Self::default() },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_registries_have_defaults() {
        let of = |host: &str| RegistryDefaults::of(&host.parse().unwrap());
        let swr = of("swr.cn-southwest-2.myhuaweicloud.com");
        assert_eq!((swr.format, swr.rate), (Format::Docker, "20/s".parse().ok()));
        assert_eq!((of("ghcr.io").chunk, of("index.docker.io").reserve), (Some(128 << 20), 10));
        assert_eq!(
            (of("quay.io"), of("lab.test:5000")),
            (RegistryDefaults::default(), RegistryDefaults::default())
        );
    }
}
