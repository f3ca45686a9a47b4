//! The section `limits` of the configuration: how much clients may have. Nothing is limited unless it is written.

use std::time::Duration;

use serde::Deserialize;

use crate::allowance::Allowance;

/// How long one more blob is waited for, unless it is written. containerd gives up after 30 s.
const QUEUE: Duration = Duration::from_secs(10);

/// The section as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSection {
    /// What an account, or else an address, may have.
    pub per_client: ClientLimits,
    /// What all of them together may have.
    pub total: TotalLimits,
    /// Ready values; keys beside it go over it.
    pub profile: Option<Profile>,
    /// The accounts that are not limited.
    pub exempt: Vec<String>,
}

/// What a client may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientLimits {
    /// Requests for manifests: a pull has three or four.
    pub manifests: Option<Allowance>,
    /// Blobs at a time.
    pub blobs: Option<u32>,
    /// How long one more blob is waited for.
    #[serde(with = "humantime_serde")]
    pub queue: Option<Duration>,
}

impl ClientLimits {
    /// How long one more blob is waited for: less than clients wait for an answer.
    pub fn queue(&self) -> Duration {
        self.queue.unwrap_or(QUEUE)
    }
}

/// What all clients together may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TotalLimits {
    /// Requests for manifests.
    pub manifests: Option<Allowance>,
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
pub struct Limits {
    /// What a client may have.
    pub per_client: ClientLimits,
    /// What all clients together may have.
    pub total: TotalLimits,
    /// The accounts that are not limited.
    pub exempt: Vec<String>,
}

impl Profile {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
        }
    }

    // A node that starts sixty pods asks for about 240 manifests; one pull has eight blobs at a time at most.
    fn per_client(self) -> ClientLimits {
        match self {
            Self::Public => {
                ClientLimits { manifests: Some(Allowance::per_minute(120, 300)), blobs: Some(8), queue: None }
            }
        }
    }
}

impl Limits {
    /// What a section means.
    pub fn of(section: &LimitsSection) -> Self {
        let ready = section.profile.map(Profile::per_client).unwrap_or_default();
        let ClientLimits { manifests, blobs, queue } = section.per_client;
        Self {
            per_client: ClientLimits {
                manifests: manifests.or(ready.manifests),
                blobs: blobs.or(ready.blobs),
                queue,
            },
            total: section.total,
            exempt: section.exempt.clone(),
        }
    }

    /// True if nothing is limited.
    pub fn are_none(&self) -> bool {
        self.per_client == ClientLimits::default() && self.total == TotalLimits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_limited_unless_it_is_written() {
        assert!(Limits::of(&LimitsSection::default()).are_none());
        let section = LimitsSection { profile: Some(Profile::Public), ..LimitsSection::default() };
        let ready = Limits::of(&section);
        assert_eq!(
            ready.per_client.manifests.map(|rate| rate.to_string()),
            Some("120/m burst 300".to_owned())
        );
        let own = ClientLimits { blobs: Some(3), ..ClientLimits::default() };
        let over = Limits::of(&LimitsSection { per_client: own, ..section });
        assert_eq!((over.per_client.blobs, over.per_client.manifests), (Some(3), ready.per_client.manifests));
    }
}
