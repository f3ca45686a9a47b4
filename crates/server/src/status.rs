//! How the service stands, for everybody: the JSON API, and what the page of that name shows.

use entrepot_access::Operation;
use entrepot_api::{self as api, Problem as ProblemBody, ServiceStatus};
use entrepot_mirror::{EndpointHealth, LinkState, LinkStatus, Mirror, UpstreamState};
use http::Response;

use crate::{
    answer,
    body::Body,
    headers::JSON,
    modes,
    state::ServerState,
    sync::problem::Problem,
    web::{allowed::may_read, call::WebCall},
};

/// Say how the service stands
///
/// For everybody who may see the pages: which mode is in force and why, how upstreams are, and what the operator says.
#[utoipa::path(
    get, path = "/api/v1/status", operation_id = "getStatus", tag = "mode",
    responses(
        (status = 200, description = "The status", body = ServiceStatus),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn status(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::See)?;
    Ok(answer::json(&of(&call.state), JSON))
}

/// How the service stands now.
pub(crate) fn of(state: &ServerState) -> ServiceStatus {
    let offer = state.mirror.offer();
    ServiceStatus {
        notice: state.notice.text(),
        mode: modes::shown(offer.mode),
        reason: offer.why(),
        until: offer.until.map(Into::into),
        small: offer.small,
        tag_lists: offer.lists_tags,
        disk: state.modes.disk_used().map(|used| used.ratio()),
        upstreams: upstreams(&state.mirror),
    }
}

fn upstreams(mirror: &Mirror) -> Vec<api::UpstreamStatus> {
    let links = mirror.links();
    mirror.upstream_states().into_iter().map(|state| upstream(state, &links)).collect()
}

fn upstream(state: UpstreamState, links: &[LinkStatus]) -> api::UpstreamStatus {
    api::UpstreamStatus {
        links: count(links.iter().filter(|link| link.registries.contains(&state.upstream))),
        upstream: state.upstream.to_string(),
        standing: match state.health {
            EndpointHealth::Unknown => api::UpstreamStanding::Unknown,
            EndpointHealth::Up => api::UpstreamStanding::Up,
            EndpointHealth::Down => api::UpstreamStanding::Down,
        },
        budget: state.budget.map(|left| left.ratio()),
    }
}

// Everybody may know how many there are, and only operators where they lead.
fn count<'a>(links: impl Iterator<Item = &'a LinkStatus>) -> Option<api::LinkCount> {
    let is_ready = |link: &LinkStatus| matches!(link.state, LinkState::Ready | LinkState::OnTrial);
    let (ready, all) = links.fold((0, 0), |(ready, all), link| (ready + u64::from(is_ready(link)), all + 1));
    (all > 0).then_some(api::LinkCount { ready, all })
}
