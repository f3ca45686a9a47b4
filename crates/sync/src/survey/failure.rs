//! What people are told when a survey could not see something: the fact, and a way out where there is one.

use entrepot_remote::{Error as RemoteError, InvalidResponse};

use super::Seen;
use crate::{Failure, Place, ends::EndError};

/// What an error says of a tag.
pub(super) fn seen(place: &Place, error: &EndError, at_source: bool) -> Seen {
    match error {
        EndError::Registry(RemoteError::NotFound) => Seen::Missing,
        // Some say this of what is not there. A push tells whether it is a matter of rights.
        EndError::Registry(RemoteError::Denied { status: 403, .. }) if !at_source => Seen::Missing,
        other => Seen::Unknown(failure(place, other, at_source)),
    }
}

/// Why a source could not be listed.
pub(super) fn listing(place: &Place, error: &EndError) -> Failure {
    match error {
        EndError::Registry(RemoteError::NotFound) => Failure {
            what: format!("there is no repository `{place}`"),
            hint: Some(
                "look at its name; a private one may also need an account under `credentials`".to_owned(),
            ),
            at_source: true,
        },
        EndError::Registry(RemoteError::Invalid(InvalidResponse::UnboundedListing(endless))) => Failure {
            what: format!("`{place}` cannot be listed: {endless}"),
            hint: Some("name its tags in the rule: then it need not be listed".to_owned()),
            at_source: true,
        },
        other => failure(place, other, true),
    }
}

fn failure(place: &Place, error: &EndError, at_source: bool) -> Failure {
    let host = place.host().map_or_else(|| place.to_string(), ToString::to_string);
    let (what, hint) = match error {
        EndError::Registry(RemoteError::Denied { status, reason }) => {
            let words = if reason.is_empty() { status.to_string() } else { format!("{status}: {reason}") };
            let hint = "name an account that may under `credentials`, or log in";
            (format!("no right to read `{place}` ({words})"), Some(hint))
        }
        EndError::Registry(RemoteError::Unreachable { .. }) => {
            let hint = "look at the address under `endpoints`, and at the network";
            (format!("`{host}` cannot be reached"), Some(hint))
        }
        EndError::Registry(RemoteError::TimedOut) => {
            (format!("`{host}` did not answer in time"), Some(LATER))
        }
        EndError::Registry(RemoteError::Cut { .. }) => {
            (format!("`{host}` breaks off its answers"), Some(LATER))
        }
        EndError::Registry(RemoteError::Failing { status, .. }) => {
            (format!("`{host}` fails with status {status}"), Some(LATER))
        }
        EndError::Registry(RemoteError::Limited { .. }) => {
            (format!("`{host}` asks to slow down"), Some("set a lower `rate` for this registry"))
        }
        other => (format!("`{host}`: {other}"), None),
    };
    Failure { what, hint: hint.map(str::to_owned), at_source }
}

const LATER: &str = "run it again later";
