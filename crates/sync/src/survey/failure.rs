//! Turns survey errors into messages: the fact, and a hint if one is known.

use entrepot_remote::{Error as RemoteError, InvalidResponse};

use super::findings::TagFinding;
use crate::{CopyFailure, Place, endpoints::EndpointError};

/// Interprets an error about a tag.
pub(super) fn seen(place: &Place, error: &EndpointError, at_source: bool) -> TagFinding {
    match error {
        EndpointError::Registry(RemoteError::NotFound) => TagFinding::Missing,
        // Some registries respond like this for missing repositories. A push will show whether permission is missing.
        EndpointError::Registry(RemoteError::Denied { status: 403, .. }) if !at_source => TagFinding::Missing,
        other => TagFinding::Unknown(failure(place, other, at_source)),
    }
}

/// The reason a source could not be listed.
pub(super) fn listing(place: &Place, error: &EndpointError) -> CopyFailure {
    match error {
        EndpointError::Registry(RemoteError::NotFound) => CopyFailure {
            what: format!("there is no repository `{place}`"),
            hint: Some(
                "look at its name; a private one may also need an account under `credentials`".to_owned(),
            ),
            at_source: true,
        },
        EndpointError::Registry(RemoteError::Invalid(InvalidResponse::UnboundedListing(endless))) => {
            CopyFailure {
                what: format!("`{place}` cannot be listed: {endless}"),
                hint: Some("name its tags in the rule: then it need not be listed".to_owned()),
                at_source: true,
            }
        }
        other => failure(place, other, true),
    }
}

fn failure(place: &Place, error: &EndpointError, at_source: bool) -> CopyFailure {
    let host = place.host().map_or_else(|| place.to_string(), ToString::to_string);
    let (what, hint) = match error {
        EndpointError::Registry(denied @ RemoteError::Denied { status: 401, .. }) => {
            let what = format!("cannot read `{place}` ({})", denied.reason());
            return CopyFailure { what, hint: Some(format!("log in: `entrepot login {host}`")), at_source };
        }
        EndpointError::Registry(denied @ RemoteError::Denied { .. }) => (
            format!("no right to read `{place}` ({})", denied.reason()),
            Some("set an account that has it under `credentials`, or log in"),
        ),
        EndpointError::Registry(unreachable @ RemoteError::Unreachable { fault, .. }) => {
            (format!("`{host}` cannot be reached: {}", unreachable.reason()), Some(fault.hint()))
        }
        EndpointError::Registry(RemoteError::TimedOut) => {
            (format!("`{host}` did not answer in time"), Some(LATER))
        }
        EndpointError::Registry(RemoteError::Cut { .. }) => {
            (format!("`{host}` breaks off in the middle of answers"), Some(LATER))
        }
        EndpointError::Registry(RemoteError::Failing { status, .. }) => {
            (format!("`{host}` fails with status {status}"), Some(LATER))
        }
        EndpointError::Registry(RemoteError::Limited { .. }) => {
            (format!("`{host}` asks to slow down"), Some("set a lower `rate` for this registry"))
        }
        other => (format!("`{host}`: {other}"), None),
    };
    CopyFailure { what, hint: hint.map(str::to_owned), at_source }
}

const LATER: &str = "run it again later";
