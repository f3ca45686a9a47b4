//! Permission to start and stop runs. Pure.
//!
//! Allowed: the local socket, whoever has the token, and, if no token is set, programs on this machine, provided that a
//! local address proves anything. Pages of other sites were refused before (`admission`).

use entrepot_access::{Identity, Operation, Principal};
use http::{StatusCode, header};

use super::problem::Problem;
use crate::{sender::Credentials, state::ServerState, web::call::WebCall};

/// The permission to start and stop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Allowed.
    Granted,
    /// The API token is required.
    NeedsToken,
    /// Denied: no token is configured, so another way is needed.
    Refused,
}

/// Returns the permission of `principal`.
pub(crate) fn permission(state: &ServerState, principal: &Principal) -> Permission {
    let may = |principal| {
        state.access.as_ref().is_some_and(|access| access.rules().may(principal, Operation::RunSyncs))
    };
    of(principal, state.token.is_some(), may(principal))
}

// `may` is what the rules say, and `has_token` whether a token is configured.
fn of(principal: &Principal, has_token: bool, may: bool) -> Permission {
    match &principal.identity {
        Identity::Owner | Identity::SyncToken => Permission::Granted,
        Identity::Account(_) if may => Permission::Granted,
        Identity::Local if !has_token => Permission::Granted,
        Identity::Local | Identity::Anonymous if has_token => Permission::NeedsToken,
        Identity::Account(_) | Identity::Workload(_) | Identity::Local | Identity::Anonymous => {
            Permission::Refused
        }
    }
}

/// Lets the caller start and stop runs, or says what is missing.
pub(super) fn admit(call: &WebCall) -> Result<(), Problem> {
    // A registry token is for the registry API alone.
    let permission = match &call.caller.sender.credentials {
        Credentials::Token(_) => Permission::Refused,
        _ => permission(&call.state, &call.caller.sender.principal),
    };
    answer(permission, call.headers.contains_key(header::AUTHORIZATION))
}

fn answer(permission: Permission, has_sent: bool) -> Result<(), Problem> {
    match (permission, has_sent) {
        (Permission::Granted, _) => Ok(()),
        (Permission::NeedsToken, true) => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "the token is not the right one");
            Err(problem.with_hint("it is what `api_token` says in the server's configuration"))
        }
        (Permission::NeedsToken, false) => {
            let hint =
                "send `Authorization: Bearer …` with what `api_token` says in the server's configuration";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "this needs a token").with_hint(hint))
        }
        (Permission::Refused, _) => {
            let problem =
                Problem::new(StatusCode::FORBIDDEN, "only programs on the server's machine may do this");
            let hint = "run `entrepot sync run` there, or set `api_token` in the server's configuration";
            Err(problem.with_hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(principal: &Principal, has_token: bool, has_sent: bool) -> u16 {
        answer(of(principal, has_token, false), has_sent)
            .map_or_else(|problem| problem.status.as_u16(), |()| 200)
    }

    #[test]
    fn this_machine_may_unless_a_token_is_configured() {
        assert_eq!(status(&Principal::LOCAL, false, false), 200);
        assert_eq!(status(&Principal::LOCAL, true, false), 401);
        for has_token in [false, true] {
            assert_eq!(status(&Principal::OWNER, has_token, false), 200);
            assert_eq!(status(&Principal::SYNC_TOKEN, has_token, true), 200);
        }
    }

    #[test]
    fn others_need_the_token() {
        assert_eq!(status(&Principal::ANONYMOUS, false, false), 403);
        assert_eq!(status(&Principal::ANONYMOUS, false, true), 403);
        assert_eq!(status(&Principal::ANONYMOUS, true, true), 401);
    }
}
