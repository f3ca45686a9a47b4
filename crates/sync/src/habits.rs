//! What is known of registries that many use: how they are treated where nobody says otherwise.

use entrepot_oci::Host;
use entrepot_remote::Rate;

use crate::{Format, Service};

/// How a registry is treated where the configuration does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habits {
    /// The form of document it takes.
    pub format: Format,
    /// The most requests it likes.
    pub rate: Option<Rate>,
    /// How many manifest requests of its budget are left for others.
    pub reserve: u32,
    /// The largest upload in one request, in bytes.
    pub chunk: Option<u64>,
}

impl Habits {
    /// Those of `host`; of most there are none.
    pub fn of(host: &Host) -> Self {
        match Service::of(host) {
            // Some of 100 or 200 pulls in six hours (docs.docker.com, "Docker Hub usage and limits") stay for whoever else
            // pulls from this address.
            Service::DockerHub => Self { reserve: 10, ..Self::default() },
            // An upload is ended after ten minutes (docs.github.com, "Working with the Container registry"), which such a
            // piece makes at 220 KB/s.
            Service::Ghcr => Self { chunk: Some(128 << 20), ..Self::default() },
            // Refuses OCI indexes as "fail to parse 'manifest.json'", and answers 503 beyond about 20 requests a second for
            // each tenant (support.huaweicloud.com, SWR "Constraints").
            Service::Swr => Self { format: Format::Docker, rate: "20/s".parse().ok(), ..Self::default() },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_have_habits() {
        let of = |host: &str| Habits::of(&host.parse().unwrap());
        let swr = of("swr.cn-southwest-2.myhuaweicloud.com");
        assert_eq!((swr.format, swr.rate), (Format::Docker, "20/s".parse().ok()));
        assert_eq!((of("ghcr.io").chunk, of("index.docker.io").reserve), (Some(128 << 20), 10));
        assert_eq!((of("quay.io"), of("lab.test:5000")), (Habits::default(), Habits::default()));
    }
}
