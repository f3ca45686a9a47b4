//! For whom something is asked of upstreams, and how far that goes now. Pure.

use entrepot_policy::Mode;

/// For whom something is asked of upstreams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// A client that pulls: it gets what the mode offers.
    #[default]
    Client,
    /// Somebody asked for it besides the mode: an operator, or a request that was accepted.
    Request,
    /// Nobody waits for it, such as a refresh by schedule. It is besides the mode, and leaves the reserve of a budget to clients.
    Background,
}

/// How far to go for what is not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the upstream.
    Upstream,
    /// To the upstream, for blobs of so many bytes at most.
    Small(u64),
    /// No further than what is held.
    Held,
}

impl Purpose {
    /// How far to go in a mode whose small blobs have so many bytes at most.
    pub(crate) fn reach(self, mode: Mode, small: u64) -> Reach {
        match (self, mode) {
            (Self::Request | Self::Background, _) | (Self::Client, Mode::Normal) => Reach::Upstream,
            (Self::Client, Mode::SmallOnly) => Reach::Small(small),
            (Self::Client, Mode::CachedOnly | Mode::Closed) => Reach::Held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_are_held_back() {
        for mode in Mode::ALL {
            for purpose in [Purpose::Request, Purpose::Background] {
                assert_eq!(purpose.reach(mode, 7), Reach::Upstream);
            }
        }
        let reaches = Mode::ALL.map(|mode| Purpose::Client.reach(mode, 7));
        assert_eq!(reaches, [Reach::Upstream, Reach::Small(7), Reach::Held, Reach::Held]);
    }
}
