//! The JSON API of grants, and of why somebody may do something or may not.

use axum::body::Body as RequestBody;
use entrepot_access::{ExplainedSubject, Grant, Operation, Repository, Verb, Verbs, Visibility};
use entrepot_api::{
    AccessExplanation, ExplanationQuery, Grant as GrantBody, GrantList, GrantListQuery, NewGrant,
    Problem as ProblemBody,
};
use entrepot_mirror::{AnonymousAccess, Probe, RepoKey};
use entrepot_oci::{Name, RepositoryPattern};
use http::{Response, StatusCode};

use crate::{
    account_views as views, answer,
    body::Body,
    explained,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by},
        call::WebCall,
        request::{Segment, document},
    },
};

/// List grants
///
/// Those of the configuration file and those that were made by API, all of which are in force.
#[utoipa::path(
    get, path = "/api/v1/grants", operation_id = "listGrants", tag = "accounts", params(GrantListQuery),
    responses(
        (status = 200, description = "The grants", body = GrantList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn grants(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let (to, repository) = (query::text(call.query(), "to"), query::text(call.query(), "repository"));
    let all = access.grants().into_iter();
    let found = all.filter(|(grant, _)| to.as_ref().is_none_or(|to| grant.to.to_string() == *to));
    let found = found.filter(|(grant, _)| repository.as_ref().is_none_or(|name| grant.covers(name)));
    let grants = found.map(|(grant, origin)| views::grant(&grant, origin)).collect();
    Ok(answer::json(&GrantList { grants }, JSON))
}

/// Grant a right
///
/// It counts at once.
#[utoipa::path(
    post, path = "/api/v1/grants", operation_id = "addGrant", tag = "accounts", request_body = NewGrant,
    responses(
        (status = 201, description = "It is in force", body = GrantBody),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn add_grant(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    let new: NewGrant = document(body).await?;
    let grant = read(&new)?;
    let id = access.add_grant(&grant, &by(&call)).await?.to_string();
    let known = access.grants().into_iter().find(|(_, origin)| origin.id() == id);
    let (grant, origin) = known.ok_or_else(|| Problem::from(entrepot_access::ChangeError::NoGrant(id)))?;
    Ok(answer::created(&views::grant(&grant, origin)))
}

/// Take a grant back
///
/// One that was made by API; it ends at once. Those of the configuration file are changed there.
#[utoipa::path(
    delete, path = "/api/v1/grants/{id}", operation_id = "removeGrant", tag = "accounts",
    params(("id" = String, Path, description = "The grant's id")),
    responses(
        (status = 204, description = "It was removed"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn remove_grant(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ManageAccounts)?;
    access.remove_grant(&id?.0, &by(&call)).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Say whether somebody may do something to a repository, and why
///
/// The answer comes from what decides about requests.
#[utoipa::path(
    get, path = "/api/v1/access/explain", operation_id = "explainAccess", tag = "accounts",
    params(ExplanationQuery),
    responses(
        (status = 200, description = "The reason", body = AccessExplanation),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn explain(call: WebCall) -> Result<Response<Body>, Problem> {
    let access = allowed(&call, Operation::ReadAudit)?;
    let query = call.query();
    let who = query::text(query, "principal").unwrap_or_default();
    let who: ExplainedSubject = who.parse().map_err(|error: entrepot_access::SomebodyError| {
        field("principal", error.to_string())
            .in_chinese("主体应为 `anonymous`、`local`、`account:NAME`、`token:NAME` 或 `group:NAME`")
    })?;
    let verb = query::text(query, "action").unwrap_or_default();
    let verb: Verb = verb.parse().map_err(|error: entrepot_access::VerbError| {
        field("action", error.to_string()).in_chinese("动作应为 `pull`、`push`、`delete` 或 `request`")
    })?;
    let key = repository(&call)?;
    let full = key.to_string();
    let visibility = match call.state.mirror.verdict(&key, Probe::Repository).await? {
        AnonymousAccess::Private => Visibility::Private,
        AnonymousAccess::Public => access.rules().visibility(&full),
    };
    let explanation = access.explain(&who, verb, Repository { name: &full, visibility }).await?;
    let asked = explained::AccessQuestion { access, who: &who, verb, repository: &full, visibility };
    Ok(answer::json(&explained::view(&asked, explanation), JSON))
}

fn repository(call: &WebCall) -> Result<RepoKey, Problem> {
    let text = query::text(call.query(), "repository").unwrap_or_default();
    let name: Name = text.parse().map_err(|error| {
        field("repository", format!("{error}")).in_chinese(format!("`{text}` 不是仓库名"))
    })?;
    Ok(call.state.mirror.held_as(&name)?)
}

fn read(new: &NewGrant) -> Result<Grant, Problem> {
    let to = new.to.parse().map_err(|error: entrepot_access::SubjectError| {
        field("to", error.to_string())
            .in_chinese("授权对象应为 `anonymous`、`account:NAME`、`group:NAME` 或 `role:ROLE`")
    })?;
    let patterns = new.repositories.iter().map(|text| text.parse::<RepositoryPattern>());
    let repositories = patterns.collect::<Result<_, _>>().map_err(|error| {
        field("repositories", error.to_string()).in_chinese("仓库模式有误，例如 `docker.io/acme/**`")
    })?;
    let verbs = new.may.iter().map(|text| text.parse::<Verb>());
    let may = verbs.collect::<Result<Verbs, _>>().map_err(|error| {
        field("may", error.to_string()).in_chinese("动作应为 `pull`、`push`、`delete` 或 `request`")
    })?;
    Ok(Grant { to, repositories, may })
}

fn field(name: &'static str, what: impl Into<String>) -> Problem {
    Problem::bad(what).about(name)
}
