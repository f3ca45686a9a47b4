//! What follows from the answers of a registry's endpoints over its links. Pure.
//!
//! - an answer that may be the link's fault is asked for over one more link before it is believed
//! - a link whose proxy or address is gone is skipped, and one that was asked to slow down (429) makes room for the others
//! - when another link did better, the first is to blame

use std::time::Duration;

use crate::{
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    links::status::LinkFailure,
    network_fault::NetworkFaultKind,
};

/// How many links of an endpoint have to say something doubtful before it is believed.
const BELIEVED: usize = 2;

/// What an error says about the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkVerdict {
    /// The link is out of order, whatever the registry is.
    LinkDown(LinkFailure),
    /// The registry limits the link, and perhaps no other.
    Limited(Option<Duration>),
    /// The registry may have refused the link alone; another link decides.
    Refused(LinkFailure),
    /// The link may be at fault; another link decides.
    Doubtful(LinkFailure),
    /// Nothing.
    NotTheLink,
}

impl LinkVerdict {
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable { fault, .. } => match fault.kind() {
                NetworkFaultKind::SourceAbsent => Self::LinkDown(LinkFailure::Absent),
                NetworkFaultKind::ProxyLogin => Self::LinkDown(LinkFailure::Proxy(fault.clone())),
                _ if fault.is_at_proxy() => Self::LinkDown(LinkFailure::Proxy(fault.clone())),
                NetworkFaultKind::KeptConnection => Self::NotTheLink,
                _ => Self::Doubtful(LinkFailure::Unreachable(fault.clone())),
            },
            Error::Limited { retry_after } => Self::Limited(*retry_after),
            Error::Denied { status: status @ (403 | 451), .. }
            | Error::Failing { status: status @ 403, .. } => {
                Self::Refused(LinkFailure::Refused { status: *status })
            }
            Error::TimedOut => Self::Doubtful(LinkFailure::Silent),
            Error::Cut { .. } => Self::Doubtful(LinkFailure::Broken),
            Error::Failing { status, .. } => Self::Doubtful(LinkFailure::Refused { status: *status }),
            Error::Invalid(InvalidResponse::Range) => Self::NotTheLink,
            Error::Invalid(_) => Self::Doubtful(LinkFailure::Invalid),
            Error::NotFound | Error::Denied { .. } | Error::Refused(_) | Error::UploadBody { .. } => {
                Self::NotTheLink
            }
        }
    }
}

/// What a link is blamed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkBlame {
    pub(crate) link: usize,
    pub(crate) failure: LinkFailure,
    /// `Some` if it is for this registry alone, with the time that it asked for.
    pub(crate) for_registry: Option<Option<Duration>>,
}

/// What to do after an answer.
#[derive(Debug)]
pub(crate) enum TrialStep {
    /// Try the next endpoint that [`Trial::admits`].
    Try,
    /// This is the answer.
    Believe(Error),
}

/// The answers so far.
#[derive(Default)]
pub(crate) struct Trial {
    /// The error of the first endpoint that should have answered.
    first: Option<Error>,
    /// What an endpoint said that has the last word, unless another link gets more.
    decided: Option<Error>,
    /// That of a link that is down.
    down: Option<Error>,
    doubts: Vec<(Endpoint, LinkVerdict)>,
    /// The only endpoint that is still asked.
    only: Option<usize>,
}

impl Trial {
    /// Whether it makes sense to ask there.
    pub(crate) fn admits(&self, endpoint: Endpoint) -> bool {
        let of_it = self.doubts.iter().filter(|(at, _)| at.index == endpoint.index);
        let doubtful = of_it
            .filter(|(_, verdict)| matches!(verdict, LinkVerdict::Refused(_) | LinkVerdict::Doubtful(_)));
        let is_open = self.only.is_none_or(|only| only == endpoint.index);
        is_open && doubtful.count() < BELIEVED
    }

    /// Takes an error into account. `goes_on` says whether another endpoint may do better, whatever the link.
    pub(crate) fn failed(&mut self, endpoint: Endpoint, error: Error, goes_on: bool) -> TrialStep {
        let verdict = LinkVerdict::of(&error);
        match verdict {
            LinkVerdict::LinkDown(_) => self.down = self.down.take().or(Some(error)),
            LinkVerdict::Limited(_) | LinkVerdict::Refused(_) if !goes_on => {
                self.only = Some(endpoint.index);
                self.decided = self.decided.take().or(Some(error));
            }
            _ if goes_on => self.first = self.first.take().or(Some(error)),
            _ => return TrialStep::Believe(error),
        }
        self.doubts.push((endpoint, verdict));
        TrialStep::Try
    }

    /// The links that are to blame, since this endpoint gave what was asked for.
    pub(crate) fn blame(&self, endpoint: Endpoint) -> Vec<LinkBlame> {
        let of_it =
            self.doubts.iter().filter(|(at, _)| at.index == endpoint.index && at.link != endpoint.link);
        let blame = |(at, verdict): &(Endpoint, LinkVerdict)| {
            let (failure, for_registry) = match verdict.clone() {
                LinkVerdict::Limited(wait) => (LinkFailure::Limited, Some(wait)),
                LinkVerdict::Refused(failure) => (failure, Some(None)),
                LinkVerdict::Doubtful(failure) => (failure, None),
                // That was said at once; and this says nothing.
                LinkVerdict::LinkDown(_) | LinkVerdict::NotTheLink => return None,
            };
            Some(LinkBlame { link: at.link, failure, for_registry })
        };
        of_it.filter_map(blame).collect()
    }

    /// The error, if none has answered.
    pub(crate) fn into_error(self) -> Error {
        // Something was tried: a registry has at least one endpoint.
        self.decided.or(self.first).or(self.down).unwrap_or(Error::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network_fault::NetworkFault;

    fn at(index: usize, link: usize) -> Endpoint {
        Endpoint { index, link }
    }

    fn denied(status: u16) -> Error {
        Error::Denied { status, reason: String::new() }
    }

    fn unreachable(kind: NetworkFaultKind) -> Error {
        let source = Arc::new(InvalidResponse::Status(0));
        Error::Unreachable { fault: NetworkFault::new(kind), source }
    }

    // Row 43 of research/operate.md.
    #[test]
    fn a_refusal_of_one_link_is_tried_over_another_before_it_is_believed() {
        let mut trial = Trial::default();
        assert!(matches!(trial.failed(at(0, 2), denied(403), false), TrialStep::Try));
        // Over another link, but not at another endpoint.
        assert!(trial.admits(at(0, 0)) && !trial.admits(at(1, 0)));
        let blame =
            LinkBlame { link: 2, failure: LinkFailure::Refused { status: 403 }, for_registry: Some(None) };
        assert_eq!(trial.blame(at(0, 0)), [blame]);
        // Two say so: a third is not asked, and none is to blame.
        assert!(matches!(trial.failed(at(0, 0), denied(403), false), TrialStep::Try));
        assert!(!trial.admits(at(0, 1)));
        assert!(matches!(trial.into_error(), Error::Denied { status: 403, .. }));
    }

    // Row 37 of research/operate.md.
    #[test]
    fn a_limit_is_asked_about_over_every_link() {
        let (mut trial, wait) = (Trial::default(), Some(Duration::from_secs(7)));
        for link in 0..5 {
            assert!(trial.admits(at(0, link)));
            let limited = Error::Limited { retry_after: wait };
            assert!(matches!(trial.failed(at(0, link), limited, false), TrialStep::Try));
        }
        assert_eq!(trial.blame(at(0, 5)).len(), 5);
        assert!(trial.blame(at(0, 5)).iter().all(|blame| blame.for_registry == Some(wait)));
        assert!(matches!(trial.into_error(), Error::Limited { .. }));
    }

    #[test]
    fn a_link_that_is_down_proves_nothing_about_the_registry() {
        let mut trial = Trial::default();
        for link in 0..3 {
            let down = unreachable(NetworkFaultKind::SourceAbsent);
            assert!(matches!(trial.failed(at(0, link), down, true), TrialStep::Try));
        }
        assert!(trial.admits(at(0, 3)));
        assert!(trial.blame(at(0, 3)).is_empty(), "that was said at once");
        assert!(matches!(trial.failed(at(0, 3), Error::TimedOut, true), TrialStep::Try));
        assert!(matches!(trial.into_error(), Error::TimedOut));
    }

    #[test]
    fn an_outage_is_asked_about_over_two_links_and_then_elsewhere() {
        let mut trial = Trial::default();
        for link in 0..2 {
            assert!(trial.admits(at(0, link)));
            let down = unreachable(NetworkFaultKind::Refused);
            assert!(matches!(trial.failed(at(0, link), down, true), TrialStep::Try));
        }
        assert!(!trial.admits(at(0, 2)) && trial.admits(at(1, 0)));
        assert!(trial.blame(at(1, 0)).is_empty(), "another endpoint proves nothing");
        assert_eq!(trial.blame(at(0, 2)).len(), 2);
    }

    #[test]
    fn an_endpoint_that_answers_has_the_last_word() {
        let mut trial = Trial::default();
        assert!(matches!(trial.failed(at(0, 0), Error::TimedOut, true), TrialStep::Try));
        assert!(matches!(trial.failed(at(1, 0), denied(403), false), TrialStep::Try));
        assert!(matches!(trial.into_error(), Error::Denied { status: 403, .. }));
    }

    #[test]
    fn what_is_no_matter_of_links_is_believed() {
        for error in [Error::NotFound, denied(401), denied(400)] {
            assert!(matches!(Trial::default().failed(at(0, 0), error, false), TrialStep::Believe(_)));
        }
        for (error, verdict) in [
            (
                Error::Failing { status: 403, retry_after: None },
                LinkVerdict::Refused(LinkFailure::Refused { status: 403 }),
            ),
            (
                Error::Failing { status: 502, retry_after: None },
                LinkVerdict::Doubtful(LinkFailure::Refused { status: 502 }),
            ),
            (InvalidResponse::NotAListing.into(), LinkVerdict::Doubtful(LinkFailure::Invalid)),
            (InvalidResponse::Range.into(), LinkVerdict::NotTheLink),
            (unreachable(NetworkFaultKind::KeptConnection), LinkVerdict::NotTheLink),
        ] {
            assert_eq!(LinkVerdict::of(&error), verdict, "{error}");
        }
    }
}
