//! The JSON API of what upstreams allow us.

use std::time::Duration;

use entrepot_access::Operation;
use entrepot_api::{self as api, Problem as ProblemBody};
use entrepot_mirror::{AccountQuota, QuotaState, UpstreamBudget};
use http::Response;

use crate::{
    answer,
    body::Body,
    headers::JSON,
    sync::problem::Problem,
    web::{allowed::may_read, call::WebCall},
};

/// Say what upstreams allow us, account by account
///
/// As far as they tell it; what they do not tell is unknown, and only our own count is there.
#[utoipa::path(
    get, path = "/api/v1/budget", operation_id = "getBudget", tag = "mode",
    responses(
        (status = 200, description = "The budget", body = api::Budget),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn budget(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    let upstreams = call.state.mirror.budgets().into_iter().map(upstream).collect();
    Ok(answer::json(&api::Budget { upstreams }, JSON))
}

fn upstream(budget: UpstreamBudget) -> api::UpstreamBudget {
    api::UpstreamBudget {
        upstream: budget.upstream.to_string(),
        reserve: budget.reserve,
        accounts: budget.accounts.into_iter().map(account).collect(),
    }
}

fn account(quota: AccountQuota) -> api::AccountBudget {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
    api::AccountBudget {
        state: state(quota.state),
        limit: quota.limit,
        left: quota.left,
        window: seconds(quota.window),
        resets_in: seconds(quota.resets_in),
        source: quota.source,
        counts_address: quota.counts_address,
        spent: quota.spent,
        // A tenth is precise enough for people, and the same for a while.
        per_hour: (quota.per_hour * 10.0).round() / 10.0,
        used_up_in: seconds(quota.used_up_in),
        account: quota.account,
    }
}

/// The state on the wire.
pub(crate) fn state(state: QuotaState) -> api::BudgetState {
    match state {
        QuotaState::Unknown => api::BudgetState::Unknown,
        QuotaState::Usable => api::BudgetState::Usable,
        QuotaState::UsedUp => api::BudgetState::UsedUp,
        QuotaState::Resting => api::BudgetState::Resting,
    }
}
