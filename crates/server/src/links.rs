//! The JSON API of egress links: how each of them is.

use entrepot_access::Operation;
use entrepot_api::{self as api, LinkList, Problem as ProblemBody};
use entrepot_mirror::{LinkFailure, LinkState, LinkStatus};
use http::Response;

use crate::{
    answer,
    body::Body,
    headers::JSON,
    sync::problem::Problem,
    web::{allowed::may_read, call::WebCall},
};

/// Say how the links are that registries are reached over
///
/// Those that the configuration names under `links`. Rates and failures are since the server started.
#[utoipa::path(
    get, path = "/api/v1/links", operation_id = "listLinks", tag = "rules",
    responses(
        (status = 200, description = "The links", body = LinkList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn links(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    let links = call.state.mirror.links().into_iter().map(view).collect();
    Ok(answer::json(&LinkList { links }, JSON))
}

fn view(status: LinkStatus) -> api::Link {
    api::Link {
        name: status.name,
        registries: status.registries.iter().map(ToString::to_string).collect(),
        state: state(status.state),
        rate: status.rate.map(|rate| rate.to_string()),
        measured: status.measured,
        active: status.active as u64,
        received: status.received,
        sent: status.sent,
        failures: status.failures,
        last_failure: status.last_failure.map(|(at, failure)| api::LinkFailure {
            at: at.into(),
            reason: reason(&failure),
            detail: failure.to_string(),
        }),
        rests: status
            .refused_by
            .iter()
            .map(|(registry, left, failure)| api::LinkRest {
                registry: registry.to_string(),
                seconds: left.as_secs() + 1,
                reason: reason(failure),
            })
            .collect(),
        seen_as: status.seen_as,
    }
}

fn state(state: LinkState) -> api::LinkState {
    match state {
        LinkState::Ready => api::LinkState::Ready,
        LinkState::OnTrial => api::LinkState::OnTrial,
        LinkState::Silent => api::LinkState::Silent,
        LinkState::Resting => api::LinkState::Resting,
        LinkState::Absent => api::LinkState::Absent,
    }
}

fn reason(failure: &LinkFailure) -> api::LinkReason {
    match failure {
        LinkFailure::Absent => api::LinkReason::Absent,
        LinkFailure::Proxy(_) => api::LinkReason::Proxy,
        LinkFailure::Unreachable(_) => api::LinkReason::Unreachable,
        LinkFailure::Broken => api::LinkReason::Broken,
        LinkFailure::Silent => api::LinkReason::Silent,
        LinkFailure::Refused { .. } => api::LinkReason::Refused,
        LinkFailure::Limited => api::LinkReason::Limited,
        LinkFailure::Invalid => api::LinkReason::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_link_is_shown_with_what_it_rests_for() {
        let hub = "docker.io".parse::<entrepot_oci::Host>().unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
        let shown = view(LinkStatus {
            name: "10.0.0.4".to_owned(),
            registries: vec![hub.clone()],
            state: LinkState::Ready,
            rate: "30Mbit/s".parse().ok(),
            measured: Some(7),
            active: 1,
            received: 2,
            sent: 3,
            failures: 4,
            last_failure: Some((at, LinkFailure::Refused { status: 403 })),
            refused_by: vec![(hub, Duration::from_millis(1500), LinkFailure::Limited)],
            seen_as: Some("203.0.113.7".to_owned()),
        });
        assert_eq!((shown.rate.as_deref(), shown.measured), (Some("30Mbit/s"), Some(7)));
        let last = shown.last_failure.unwrap();
        assert_eq!(
            (last.reason, last.detail.as_str()),
            (api::LinkReason::Refused, "refused with status 403, unlike another link")
        );
        let rest = &shown.rests[0];
        assert_eq!(
            (rest.registry.as_str(), rest.seconds, rest.reason),
            ("docker.io", 2, api::LinkReason::Limited)
        );
    }
}
