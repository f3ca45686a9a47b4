//! The JSON API of rules about pulls: what is in force, which rule decides, and reading them again.

use entrepot_access::{AuditAction, Operation};
use entrepot_api::{Problem as ProblemBody, PullRuleDecision, PullRuleQuery, PullRules};
use entrepot_mirror::Origin;
use entrepot_oci::{ImageRef, Name, Reference};
use entrepot_policy::FullName;
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    query, rule_views as views,
    rules_in_force::LoadFault,
    sync::problem::Problem,
    web::{
        allowed::{allowed, may_read, note},
        call::WebCall,
    },
};

/// Say which rules about pulls are in force
///
/// With what is wrong with newer ones, if they cannot be used.
#[utoipa::path(
    get, path = "/api/v1/pull-rules", operation_id = "getPullRules", tag = "rules",
    responses(
        (status = 200, description = "The rules", body = PullRules),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pull_rules(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    Ok(status(&call))
}

/// Read the rules about pulls again
///
/// From the configuration and the files that it names. If they cannot be used, those that were in force stay, and the answer
/// says what is wrong.
#[utoipa::path(
    post, path = "/api/v1/pull-rules/reload", operation_id = "reloadPullRules", tag = "rules",
    responses(
        (status = 200, description = "They are in force", body = PullRules),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn reload(call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let rules = call.state.rules.clone();
    let read = tokio::task::spawn_blocking(move || rules.reload()).await;
    let read =
        read.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the rules could not be read"))?;
    let detail = read.as_ref().err().map(|fault| fault.problem.clone());
    note(&call, AuditAction { action: "rules.reload", object: "rules", detail }, read.is_ok()).await;
    read.map_err(unusable)?;
    Ok(status(&call))
}

/// Say whether the rules allow an image, and which one decides
#[utoipa::path(
    get, path = "/api/v1/pull-rules/explain", operation_id = "explainPullRules", tag = "rules",
    params(PullRuleQuery),
    responses(
        (status = 200, description = "The rule", body = PullRuleDecision),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn explain(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::See)?;
    let text = query::text(call.query(), "image").unwrap_or_default();
    let wrong = |what: String| {
        Problem::bad(what).about("image").in_chinese(format!("`{text}` 不是镜像名，例如 `nginx:1.27`"))
    };
    let (name, tag, digest) = ImageRef::split(&text);
    let reference = digest.or(tag).map(|text| text.parse::<Reference>()).transpose();
    let reference = reference.map_err(|error| wrong(error.to_string()))?;
    let name: Name = name.parse().map_err(|error| wrong(format!("{error}")))?;
    let key = call.state.mirror.held_as(&name)?;
    let Origin::Upstream(host) = &key.origin else {
        return Ok(answer::json(&views::hosted(text), JSON));
    };
    let name = FullName { host, repository: &key.repository };
    let decision = views::decision(&call.state.rules.current().rules, name, reference.as_ref());
    Ok(answer::json(&decision, JSON))
}

fn status(call: &WebCall) -> Response<Body> {
    let rules = &call.state.rules;
    answer::json(&views::status(&rules.current(), rules.fault()), JSON)
}

fn unusable(LoadFault { problem, hint }: LoadFault) -> Problem {
    let chinese = format!("规则无法使用，仍沿用原来的规则：{problem}");
    let problem = format!("the rules cannot be used, and those that were in force stay: {problem}");
    let problem = Problem::new(StatusCode::CONFLICT, problem).in_chinese(chinese);
    match hint {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}
