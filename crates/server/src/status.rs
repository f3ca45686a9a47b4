//! How the service stands, for everybody: the JSON API, and what the page of that name shows.

use entrepot_access::Operation;
use entrepot_api::{self as api, Problem as ProblemBody, ServiceStatus};
use entrepot_mirror::{Standing, UpstreamState};
use http::Response;

use crate::{
    answer,
    body::Body,
    headers::JSON,
    modes,
    state::State,
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
pub(crate) fn of(state: &State) -> ServiceStatus {
    let offer = state.mirror.offer();
    ServiceStatus {
        notice: state.notice.clone(),
        mode: modes::shown(offer.mode),
        reason: offer.why(),
        until: offer.until.map(Into::into),
        small: offer.small,
        tag_lists: offer.lists_tags,
        disk: state.modes.disk_used().map(|used| used.ratio()),
        upstreams: state.mirror.upstream_states().into_iter().map(upstream).collect(),
    }
}

fn upstream(state: UpstreamState) -> api::UpstreamStatus {
    api::UpstreamStatus {
        upstream: state.upstream.to_string(),
        standing: match state.standing {
            Standing::Unknown => api::UpstreamStanding::Unknown,
            Standing::Up => api::UpstreamStanding::Up,
            Standing::Down => api::UpstreamStanding::Down,
        },
        budget: state.budget.map(|left| left.ratio()),
    }
}
