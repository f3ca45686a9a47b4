//! The section `requests` of the configuration. Without it nobody can ask for images.

use std::time::Duration;

use bytesize::ByteSize;
use entrepot_oci::{Platform, PlatformError};
use serde::Deserialize;

/// The section as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestsSection {
    /// How many requests may be open at a time.
    pub queue: u32,
    /// The platforms that are fetched where the request names none, as far as the image has them.
    pub platforms: Vec<String>,
    /// The most bytes of an image.
    pub size: Option<ByteSize>,
    /// What one client may have.
    pub per_client: PerClient,
    /// How many images are fetched at a time.
    pub at_once: u32,
    /// How long a request waits for its turn before it leaves the queue.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
    /// How long what was asked for is not evicted.
    #[serde(with = "humantime_serde")]
    pub keep_for: Duration,
    /// How many requests that have ended are remembered.
    pub remembered: u32,
}

/// What one client may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PerClient {
    /// Requests that are open at a time.
    pub open: Option<u32>,
    /// Requests in 24 hours.
    pub daily: Option<u32>,
}

/// What is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSettings {
    /// How many requests may be open at a time.
    pub queue: u32,
    /// The platforms that are fetched where the request names none.
    pub platforms: Vec<Platform>,
    /// The most bytes of an image.
    pub size: Option<u64>,
    /// What one client may have.
    pub per_client: PerClient,
    /// How many images are fetched at a time.
    pub at_once: usize,
    /// How long a request waits for its turn.
    pub wait: Duration,
    /// How long what was asked for is not evicted.
    pub keep_for: Duration,
    /// How many requests that have ended are remembered.
    pub remembered: u32,
}

/// What is wrong with the section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionFault {
    /// Where, in keys and indexes below `requests`.
    pub path: Vec<String>,
    /// The fact.
    pub what: String,
}

impl PerClient {
    /// For a mirror that anyone may use: three at a time, twenty a day.
    pub const PUBLIC: Self = Self { open: Some(3), daily: Some(20) };
}

impl Default for RequestsSection {
    fn default() -> Self {
        Self {
            queue: 200,
            platforms: vec!["linux/amd64".to_owned()],
            size: None,
            per_client: PerClient::default(),
            at_once: 2,
            wait: Duration::from_secs(24 * 60 * 60),
            keep_for: Duration::from_secs(7 * 24 * 60 * 60),
            remembered: 1000,
        }
    }
}

impl RequestsSection {
    /// What the section means. `ready` counts where a key is left out.
    ///
    /// # Errors
    /// A platform is none, or a number is zero.
    pub fn check(&self, ready: PerClient) -> Result<RequestSettings, SectionFault> {
        let zero = |key: &str, number: u32| match number {
            0 => Err(SectionFault { path: vec![key.to_owned()], what: "this is 1 at least".to_owned() }),
            number => Ok(number),
        };
        let platform = |(index, text): (usize, &String)| {
            text.parse::<Platform>().map_err(|error: PlatformError| SectionFault {
                path: vec!["platforms".to_owned(), index.to_string()],
                what: error.to_string(),
            })
        };
        let platforms: Vec<Platform> =
            self.platforms.iter().enumerate().map(platform).collect::<Result<_, _>>()?;
        if platforms.is_empty() {
            let what = "this names one platform at least".to_owned();
            return Err(SectionFault { path: vec!["platforms".to_owned()], what });
        }
        let PerClient { open, daily } = self.per_client;
        Ok(RequestSettings {
            queue: zero("queue", self.queue)?,
            platforms,
            size: self.size.map(|size| size.as_u64()),
            per_client: PerClient { open: open.or(ready.open), daily: daily.or(ready.daily) },
            at_once: usize::try_from(zero("at_once", self.at_once)?).unwrap_or(1),
            wait: self.wait,
            keep_for: self.keep_for,
            remembered: self.remembered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_limited_unless_it_is_written_or_the_mirror_is_public() {
        let section = RequestsSection::default();
        let settings = section.check(PerClient::default()).unwrap();
        assert_eq!((settings.per_client, settings.size), (PerClient::default(), None));
        assert_eq!(section.check(PerClient::PUBLIC).unwrap().per_client, PerClient::PUBLIC);
        let own = PerClient { open: Some(9), daily: None };
        let section = RequestsSection { per_client: own, ..section };
        let both = PerClient { open: Some(9), daily: Some(20) };
        assert_eq!(section.check(PerClient::PUBLIC).unwrap().per_client, both);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let fault = |section: RequestsSection| {
            let fault = section.check(PerClient::default()).unwrap_err();
            format!("{}: {}", fault.path.join("."), fault.what)
        };
        let usual = RequestsSection::default;
        assert_eq!(fault(RequestsSection { queue: 0, ..usual() }), "queue: this is 1 at least");
        assert_eq!(fault(RequestsSection { at_once: 0, ..usual() }), "at_once: this is 1 at least");
        let platforms = vec!["linux/amd64".to_owned(), "arm".to_owned()];
        let told = fault(RequestsSection { platforms, ..usual() });
        assert!(told.starts_with("platforms.1: a platform is written"), "{told}");
        let none = fault(RequestsSection { platforms: vec![], ..usual() });
        assert_eq!(none, "platforms: this names one platform at least");
    }
}
