//! The section `limits` of the configuration: how much clients may have. Nothing is limited unless it is written.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use entrepot_oci::{Rate, Size};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    allowance::{Allowance, Volume},
    ban::BanRule,
    bucket::Bucket,
};

/// How long one more blob is waited for, unless it is written. containerd gives up after 30 s.
const QUEUE: Duration = Duration::from_secs(10);

/// The section as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// What an account, or else an address, may have.
    pub per_client: ClientLimits,
    /// What may be had of an image.
    pub per_image: ImageLimits,
    /// What all of them together may have.
    pub total: TotalLimits,
    /// When somebody is banned.
    pub bans: Option<BanRule>,
    /// Ready values; keys beside it go over it.
    pub profile: Option<Profile>,
    /// The accounts that are not limited.
    pub exempt: Vec<String>,
    /// The IPv6 networks of which each address is a client: those of providers that give single addresses to customers.
    #[serde(deserialize_with = "networks")]
    pub single_addresses: Vec<IpNet>,
}

/// What a client may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientLimits {
    /// Requests for manifests: a pull has three or four.
    pub manifests: Option<Allowance>,
    /// Requests that upstreams get for names that they do not have: one or two for each.
    pub misses: Option<Allowance>,
    /// Blobs at a time.
    pub blobs: Option<u32>,
    /// How long one more blob is waited for.
    #[serde(with = "humantime_serde")]
    pub queue: Option<Duration>,
    /// Bytes of blobs that an upstream is asked for.
    pub cold: Option<Volume>,
    /// Bytes of blobs that are held.
    pub hot: Option<Volume>,
    /// Bytes in a second, of all its downloads together.
    pub rate: Option<Rate>,
    /// Downloads of the same blob, before they go at `repeat_rate`.
    pub repeats: Option<Allowance>,
    /// Bytes in a second of a blob that was downloaded too often.
    pub repeat_rate: Option<Rate>,
}

/// What may be had of an image, by all clients together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageLimits {
    /// Bytes of its blobs.
    pub egress: Option<Volume>,
}

/// What all clients together may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TotalLimits {
    /// Requests for manifests.
    pub manifests: Option<Allowance>,
    /// Requests that upstreams get for names that they do not have.
    pub misses: Option<Allowance>,
    /// Bytes in a second.
    pub rate: Option<Rate>,
    /// Bytes in a second of blobs that an upstream is asked for.
    pub cold_rate: Option<Rate>,
}

/// Ready values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// For a mirror that anyone may use.
    Public,
}

/// What is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullLimits {
    /// What a client may have.
    pub per_client: ClientLimits,
    /// What may be had of an image.
    pub per_image: ImageLimits,
    /// What all clients together may have.
    pub total: TotalLimits,
    /// When somebody is banned.
    pub bans: Option<BanRule>,
    /// The accounts that are not limited.
    pub exempt: BTreeSet<String>,
    single_addresses: Vec<IpNet>,
}

// What is written goes over what is ready.
macro_rules! over {
    ($own:expr, $ready:expr, $of:ident { $($key:ident),+ $(,)? }) => {
        $of { $($key: $own.$key.or($ready.$key)),+ }
    };
}

impl Profile {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
        }
    }

    // A node that starts sixty pods asks for about 240 manifests; one pull has eight blobs at a time at most. A flood of names
    // that nobody has costs upstreams no more than sixty requests in any minute.
    fn section(self) -> LimitsSection {
        let Self::Public = self;
        let gib = |count: u64| Size::bytes(count << 30);
        let mib = |count: u64| Rate::bytes(count << 20);
        LimitsSection {
            per_client: ClientLimits {
                manifests: Some(Allowance::per_minute(120, 300)),
                misses: Some(Allowance::per_minute(20, 40)),
                blobs: Some(8),
                queue: None,
                cold: Some(Volume::per_hour(gib(4), gib(12))),
                hot: Some(Volume::per_hour(gib(30), gib(60))),
                rate: mib(20),
                repeats: Some(Allowance::per_day(20)),
                repeat_rate: mib(1),
            },
            per_image: ImageLimits { egress: Some(Volume::per_day(gib(2048))) },
            total: TotalLimits { misses: Some(Allowance::per_minute(30, 30)), ..TotalLimits::default() },
            bans: Some(BanRule::default()),
            ..LimitsSection::default()
        }
    }
}

impl ClientLimits {
    /// How long one more blob is waited for: less than clients wait for an answer.
    pub fn queue(&self) -> Duration {
        self.queue.unwrap_or(QUEUE)
    }

    /// True if bytes are counted.
    pub fn count_bytes(&self) -> bool {
        self.cold.is_some() || self.hot.is_some() || self.rate.is_some() || self.repeats.is_some()
    }

    fn over(self, ready: Self) -> Self {
        over!(
            self,
            ready,
            ClientLimits { manifests, misses, blobs, queue, cold, hot, rate, repeats, repeat_rate }
        )
    }
}

impl PullLimits {
    /// What a section means.
    pub fn of(section: &LimitsSection) -> Self {
        let ready = section.profile.map(Profile::section).unwrap_or_default();
        Self {
            per_client: section.per_client.over(ready.per_client),
            per_image: over!(section.per_image, ready.per_image, ImageLimits { egress }),
            total: over!(section.total, ready.total, TotalLimits { manifests, misses, rate, cold_rate }),
            bans: section.bans.or(ready.bans),
            exempt: section.exempt.iter().cloned().collect(),
            single_addresses: section.single_addresses.clone(),
        }
    }

    /// True if nothing is limited.
    pub fn are_none(&self) -> bool {
        self.per_client == ClientLimits::default()
            && self.per_image == ImageLimits::default()
            && self.total == TotalLimits::default()
    }

    /// True if the bytes of answers are counted.
    pub fn count_bytes(&self) -> bool {
        let total = &self.total;
        let in_all = total.rate.is_some() || total.cold_rate.is_some() || self.per_image.egress.is_some();
        in_all || self.per_client.count_bytes()
    }

    /// True if names that nobody has are counted.
    pub fn count_misses(&self) -> bool {
        self.per_client.misses.is_some() || self.total.misses.is_some()
    }

    /// All that is limited, by its key in the configuration.
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        fn said<T: ToString>(key: &'static str, of: Option<T>) -> Option<(&'static str, String)> {
            of.map(|of| (key, of.to_string()))
        }
        let (own, all) = (&self.per_client, &self.total);
        let entries = [
            said("per_client.manifests", own.manifests),
            said("per_client.misses", own.misses),
            said("per_client.blobs", own.blobs),
            said("per_client.cold", own.cold),
            said("per_client.hot", own.hot),
            said("per_client.rate", own.rate),
            said("per_client.repeats", own.repeats),
            said("per_client.repeat_rate", own.repeat_rate),
            said("per_image.egress", self.per_image.egress),
            said("total.manifests", all.manifests),
            said("total.misses", all.misses),
            said("total.rate", all.rate),
            said("total.cold_rate", all.cold_rate),
        ];
        entries.into_iter().flatten().collect()
    }

    /// True if this address alone is a client, although it is an IPv6 address.
    pub fn is_single(&self, address: IpAddr) -> bool {
        self.single_addresses.iter().any(|network| network.contains(&address))
    }
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let wrong = |text: &str| format!("`{text}` is not a network, such as `2001:db8::/32`");
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(|_| D::Error::custom(wrong(text)))).collect()
}

/// The bucket of a rate: a second of it may be had at once.
pub fn rate_bucket(rate: Rate) -> Bucket {
    Bucket::new(rate.as_bytes(), Duration::from_secs(1), rate.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_limited_unless_it_is_written() {
        assert!(PullLimits::of(&LimitsSection::default()).are_none());
        let section = LimitsSection { profile: Some(Profile::Public), ..LimitsSection::default() };
        let ready = PullLimits::of(&section);
        let said = |rate: Option<Allowance>| rate.map(|rate| rate.to_string()).unwrap_or_default();
        assert_eq!(said(ready.per_client.manifests), "120/m burst 300");
        assert!(ready.count_bytes() && ready.count_misses() && ready.bans.is_some());
        let own = ClientLimits { blobs: Some(3), ..ClientLimits::default() };
        let over = PullLimits::of(&LimitsSection { per_client: own, ..section });
        assert_eq!((over.per_client.blobs, over.per_client.manifests), (Some(3), ready.per_client.manifests));
        let one = LimitsSection { per_client: own, ..LimitsSection::default() };
        let one = PullLimits::of(&one);
        assert!(!one.are_none() && !one.count_bytes() && !one.count_misses());
        assert_eq!(one.entries(), [("per_client.blobs", "3".to_owned())]);
        let keys: Vec<_> = ready.entries().into_iter().map(|(key, _)| key).collect();
        assert!(keys.contains(&"total.misses") && keys.contains(&"per_image.egress"), "{keys:?}");
    }

    // operate.md §3: a flood of names costs upstreams sixty requests in any minute.
    #[test]
    fn the_public_profile_holds_off_a_flood() {
        let ready =
            PullLimits::of(&LimitsSection { profile: Some(Profile::Public), ..LimitsSection::default() });
        let bucket = ready.total.misses.unwrap().bucket();
        let (mut full, mut given) = (Duration::ZERO, 0);
        for millis in 0..60_000 {
            if let crate::TakeOutcome::Yes(then) = bucket.take(1, full, Duration::from_millis(millis)) {
                (full, given) = (then, given + 1);
            }
        }
        assert!((30..=60).contains(&given), "{given}");
    }

    // operate.md row 16
    #[test]
    fn single_addresses_are_those_of_listed_networks() {
        let section = LimitsSection {
            single_addresses: vec!["2001:db8::/32".parse().unwrap()],
            ..LimitsSection::default()
        };
        let limits = PullLimits::of(&section);
        let is_single = |text: &str| limits.is_single(text.parse().unwrap());
        assert!(is_single("2001:db8::7") && !is_single("2001:db9::7") && !is_single("192.0.2.1"));
    }
}
