//! Why a pull fails, and whether trying again helps. Pure.

use entrepot_engine::{Error as EngineError, PullError, PullStop};
use entrepot_mirror::{Error as MirrorError, UpstreamFault};

/// Why a pull fails. The hints for people are in the server, in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PullFault {
    /// The registry does not have the image.
    NotFound,
    /// The registry does not give it.
    Denied,
    /// The registry gives it to those with a login, and the node that asks it itself has none.
    NoLogin,
    /// The registry limits how often it is asked.
    RateLimited,
    /// There is no trusted connection to the registry.
    Tls,
    /// The node's disk is full.
    DiskFull,
    /// There is no image for the node's platform.
    PlatformMismatch,
    /// The registry fails.
    RegistryError,
    /// The node cannot reach the registry.
    Network,
    /// Nothing has come for too long.
    Stalled,
    /// The node's engine cannot be reached.
    Unreachable,
    /// The node takes nothing, or does not know where to pull from.
    NodeUnusable,
    /// The server was stopped meanwhile.
    Interrupted,
    /// Anything else that the engine says.
    Engine,
}

/// Why a pull failed, with the words of whoever said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullFailure {
    /// The class.
    pub fault: PullFault,
    /// The engine's or the registry's words.
    pub detail: String,
}

impl PullFault {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NotFound,
        Self::Denied,
        Self::NoLogin,
        Self::RateLimited,
        Self::Tls,
        Self::DiskFull,
        Self::PlatformMismatch,
        Self::RegistryError,
        Self::Network,
        Self::Stalled,
        Self::Unreachable,
        Self::NodeUnusable,
        Self::Interrupted,
        Self::Engine,
    ];

    /// The word as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Denied => "denied",
            Self::NoLogin => "no-login",
            Self::RateLimited => "rate-limited",
            Self::Tls => "tls",
            Self::DiskFull => "disk-full",
            Self::PlatformMismatch => "platform-mismatch",
            Self::RegistryError => "registry-error",
            Self::Network => "network",
            Self::Stalled => "stalled",
            Self::Unreachable => "unreachable",
            Self::NodeUnusable => "node-unusable",
            Self::Interrupted => "interrupted",
            Self::Engine => "engine",
        }
    }

    /// The fault with this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == word)
    }

    /// Whether the same may succeed if it is tried again soon.
    pub(crate) fn passes(self) -> bool {
        matches!(self, Self::RegistryError | Self::Network | Self::Stalled | Self::Unreachable)
    }

    /// The same where the node asks the registry itself: it never has the logins that are stored here.
    pub(crate) fn asked_directly(self) -> Self {
        if self == Self::Denied { Self::NoLogin } else { self }
    }

    pub(crate) fn because(self, detail: impl Into<String>) -> PullFailure {
        PullFailure { fault: self, detail: detail.into() }
    }
}

/// What the engine says.
pub(crate) fn of_stop(stop: &PullStop) -> PullFailure {
    let fault = match stop {
        PullStop::Failed(failure) => match failure.error {
            PullError::NotFound => PullFault::NotFound,
            PullError::Denied => PullFault::Denied,
            PullError::RateLimited => PullFault::RateLimited,
            PullError::Tls => PullFault::Tls,
            PullError::DiskFull => PullFault::DiskFull,
            PullError::Platform => PullFault::PlatformMismatch,
            PullError::Registry => PullFault::RegistryError,
            PullError::Network => PullFault::Network,
            PullError::Engine => PullFault::Engine,
        },
        PullStop::Engine(error) => of_engine(error),
    };
    fault.because(stop.to_string())
}

/// What it means that the engine does not do what it is asked.
pub(crate) fn of_engine(error: &EngineError) -> PullFault {
    if error.leaves_doubt() { PullFault::Unreachable } else { PullFault::Engine }
}

/// What our own mirror says when it is asked what there is to pull.
pub(crate) fn of_mirror(error: &MirrorError) -> PullFailure {
    let fault = match error {
        MirrorError::RepositoryUnknown { .. }
        | MirrorError::ManifestUnknown { .. }
        | MirrorError::NotARepository { .. }
        | MirrorError::NotAnUpstream { .. } => PullFault::NotFound,
        MirrorError::Upstream { fault, .. } | MirrorError::VisibilityUnknown { fault, .. } => match fault {
            UpstreamFault::Denied(_) => PullFault::Denied,
            UpstreamFault::Limited { .. } => PullFault::RateLimited,
            _ => PullFault::RegistryError,
        },
        _ => PullFault::RegistryError,
    };
    fault.because(error.to_string())
}

#[cfg(test)]
mod tests {
    use entrepot_engine::{LinkFault, Message};

    use super::*;

    fn said(error: PullError, text: &str) -> PullStop {
        PullStop::Failed(entrepot_engine::PullFailure { error, message: Message::new(text) })
    }

    #[test]
    fn words_are_read_back() {
        for fault in PullFault::ALL {
            assert_eq!(PullFault::of(fault.as_str()), Some(fault));
        }
        assert_eq!(PullFault::of("x"), None);
    }

    #[test]
    fn a_registry_that_fails_is_not_the_engines_fault() {
        let failure = of_stop(&said(PullError::Registry, "received unexpected HTTP status: 500"));
        assert_eq!(failure, PullFault::RegistryError.because("received unexpected HTTP status: 500"));
        assert_eq!(of_stop(&said(PullError::Denied, "denied")).fault, PullFault::Denied);
        let gone = PullStop::Engine(EngineError::Unreachable(LinkFault::Cut));
        assert_eq!(of_stop(&gone).fault, PullFault::Unreachable);
        let refused = EngineError::Refused { status: 500, message: Message::new("x") };
        assert_eq!(of_engine(&refused), PullFault::Engine);
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let again: Vec<_> = PullFault::ALL.into_iter().filter(|fault| fault.passes()).collect();
        use PullFault::*;
        assert_eq!(again, [RegistryError, Network, Stalled, Unreachable]);
    }

    #[test]
    fn what_our_mirror_says_is_classed_too() {
        let host = || "quay.io".parse().unwrap();
        for (fault, expected) in [
            (UpstreamFault::Denied("no".into()), PullFault::Denied),
            (UpstreamFault::Limited { retry_after: None }, PullFault::RateLimited),
            (UpstreamFault::Failing(500), PullFault::RegistryError),
        ] {
            assert_eq!(of_mirror(&MirrorError::Upstream { host: host(), fault }).fault, expected);
        }
        let unknown = MirrorError::ManifestUnknown { name: "a".into(), reference: "1".into() };
        assert_eq!(of_mirror(&unknown).fault, PullFault::NotFound);
        assert_eq!(of_mirror(&MirrorError::Busy).fault, PullFault::RegistryError);
    }
}
