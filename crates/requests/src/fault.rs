//! Why an image could not be fetched, and whether trying again helps. Pure.

use std::time::Duration;

use entrepot_mirror::{Error as MirrorError, UpstreamFault};

/// The longest pause that a registry may ask for while an image is fetched.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Why an image could not be fetched. The hints for people are in the server, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestFault {
    /// The registry does not have the image.
    NotFound,
    /// The registry does not give it.
    Denied,
    /// The registry limits how often it is asked.
    RateLimited,
    /// The registry fails, or cannot be reached.
    Registry,
    /// The image is not for a platform that was asked for.
    NoPlatform,
    /// The image has become larger than images may be.
    TooLarge,
    /// There is no space to keep it.
    NoSpace,
    /// Bytes that are here are damaged.
    Damaged,
    /// The store or the database fails.
    Store,
    /// It waited too long for its turn.
    Lapsed,
}

/// Why an image could not be fetched, in the words of whoever said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FetchFailure {
    /// The class.
    pub(crate) fault: RequestFault,
    /// The words.
    pub(crate) detail: String,
    /// When the registry wants to be asked again.
    pub(crate) after: Option<Duration>,
}

impl RequestFault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NotFound,
        Self::Denied,
        Self::RateLimited,
        Self::Registry,
        Self::NoPlatform,
        Self::TooLarge,
        Self::NoSpace,
        Self::Damaged,
        Self::Store,
        Self::Lapsed,
    ];

    /// The word as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::RateLimited => "rate-limited",
            Self::Registry => "registry",
            Self::NoPlatform => "no-platform",
            Self::TooLarge => "too-large",
            Self::NoSpace => "no-space",
            Self::Damaged => "damaged",
            Self::Store => "store",
            Self::Lapsed => "lapsed",
        }
    }

    /// The fault with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == word)
    }

    pub(crate) fn because(self, detail: impl Into<String>) -> FetchFailure {
        FetchFailure { fault: self, detail: detail.into(), after: None }
    }
}

impl FetchFailure {
    /// How long to wait before the same may succeed, where `usual` is the pause if nobody asked for another.
    pub(crate) fn pause(&self, usual: Duration) -> Option<Duration> {
        match self.fault {
            RequestFault::Registry | RequestFault::Store => Some(usual),
            RequestFault::RateLimited => self.after.filter(|after| *after <= LONGEST_PAUSE),
            _ => None,
        }
    }
}

impl From<MirrorError> for FetchFailure {
    fn from(error: MirrorError) -> Self {
        let mut after = None;
        let fault = match &error {
            MirrorError::RepositoryUnknown { .. }
            | MirrorError::ManifestUnknown { .. }
            | MirrorError::BlobUnknown { .. }
            | MirrorError::NotARepository { .. }
            | MirrorError::NotAnUpstream { .. } => RequestFault::NotFound,
            MirrorError::Upstream { fault, .. } | MirrorError::VisibilityUnknown { fault, .. } => match fault
            {
                UpstreamFault::Denied(_) => RequestFault::Denied,
                UpstreamFault::Limited { retry_after } => {
                    after = *retry_after;
                    RequestFault::RateLimited
                }
                _ => RequestFault::Registry,
            },
            MirrorError::Full => RequestFault::NoSpace,
            MirrorError::Store | MirrorError::StoreDown | MirrorError::Busy => RequestFault::Store,
            _ => RequestFault::Registry,
        };
        Self { fault, detail: error.to_string(), after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for fault in RequestFault::ALL {
            assert_eq!(RequestFault::of(fault.as_str()), Some(fault));
        }
        assert_eq!(RequestFault::of("x"), None);
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let usual = Duration::from_secs(2);
        let upstream =
            |fault| FetchFailure::from(MirrorError::Upstream { host: "quay.io".parse().unwrap(), fault });
        let limited = |seconds| UpstreamFault::Limited { retry_after: Some(Duration::from_secs(seconds)) };
        for (failure, fault, pause) in [
            (upstream(UpstreamFault::Failing(500)), RequestFault::Registry, Some(2)),
            (upstream(UpstreamFault::Denied("no".into())), RequestFault::Denied, None),
            (upstream(limited(30)), RequestFault::RateLimited, Some(30)),
            (upstream(limited(3600)), RequestFault::RateLimited, None),
            (upstream(UpstreamFault::Limited { retry_after: None }), RequestFault::RateLimited, None),
            (MirrorError::StoreDown.into(), RequestFault::Store, Some(2)),
            (MirrorError::Full.into(), RequestFault::NoSpace, None),
            (
                MirrorError::ManifestUnknown { name: "a".into(), reference: "1".into() }.into(),
                RequestFault::NotFound,
                None,
            ),
        ] {
            assert_eq!(failure.fault, fault);
            assert_eq!(failure.pause(usual).map(|pause| pause.as_secs()), pause, "{fault:?}");
        }
    }
}
