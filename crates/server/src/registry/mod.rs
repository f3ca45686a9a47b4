//! The registry API: a request is parsed into a route, its action is authorized, a verb of the mirror runs it, and the
//! outcome becomes a response as the spec says.
//!
//! - `ask`: the input of handlers
//! - `manifests`, `blobs`: pull and delete both, push manifests
//! - `parts`: several ranges of a blob
//! - `uploads`: push blobs; `lists`: tags and referrers; `catalog`: repositories

mod ask;
mod blobs;
mod catalog;
mod expiry;
mod lists;
mod manifests;
mod parts;
mod uploads;

use std::time::SystemTime;

use ask::Ask;
use entrepot_access::Verb;
use entrepot_mirror::RegistryHint;
use entrepot_oci::{Host, Method, Route, RouteError};
use entrepot_policy::Withheld;
use http::{HeaderMap, Response, StatusCode, header};
use http_body::Body as _;

use crate::{
    action::{Action, ContentRef},
    answer::respond,
    audit_log::{AuditActor, AuditSubject},
    authorize::{self, Question},
    body::Body,
    call::Call,
    client::Client,
    error::Refusal,
    headers::{self, JSON, OCI_NAMESPACE},
    incoming::Upload,
    limits::{LimitedClient, UpstreamInquiry},
    metrics::RouteKind,
    policy::Decision,
    sender::{Credentials, Sender},
    top::ServedContent,
};

/// True if the path belongs to the registry API.
pub(crate) fn is_below(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Answers a request below `/v2/`.
pub(crate) async fn answer(call: Call<'_>) -> Result<Response<Body>, Refusal> {
    let metrics = &call.state.metrics;
    answered(call).await.inspect_err(|refusal| metrics.refused(refusal.status))
}

async fn answered(call: Call<'_>) -> Result<Response<Body>, Refusal> {
    let (path, query) = (call.path(), call.query());
    if catalog::is_at(path) {
        return Box::pin(repositories(call)).await;
    }
    let method = method(&call.head.method, path, query)?;
    let refuse = |error| Refusal::of_route(error, method);
    let route = Route::parse(method, path, query).map_err(refuse)?;
    *call.kind = kind(&route);
    let namespace = Route::namespace(query).map_err(refuse)?;
    let asked = RegistryHint { host: call.host(), namespace: namespace.as_ref() };
    let state = call.state;
    let late = sender_of_upload(&call, &route).await;
    let sender = late.as_ref().unwrap_or(call.sender);
    let mirror = &state.mirror;
    let target = route.name().map(|name| mirror.locate(name, asked)).transpose()?;
    if let Some(name) = route.name() {
        mirror.check_open(name.as_str())?;
    }
    let repository = route.name().zip(target.as_ref().map(|target| &target.key));
    let (headers, origin) = (&call.head.headers, &call.origin());
    let action = &Action::of(&route, method);
    let key = target.as_ref().map(|target| &target.key);
    let matter = AuditSubject { route: &route, method, action, repository: key };
    let question = Question { sender, action, method, repository, origin, ruled: call.ruled };
    let permit = match authorize::admit(state, &question).await {
        Ok(permit) => permit,
        Err(refusal) => {
            note(&call, &matter, refusal.status).await;
            return Err(refusal);
        }
    };
    let Some((name, target)) = route.name().zip(target.as_ref()) else {
        let mut response = ping();
        response.body_mut().hold(permit);
        return Ok(response);
    };
    let lending = call.peer.lending(call.head.version);
    let ask = Ask {
        mirror,
        headers,
        query,
        name,
        target,
        asked,
        sender,
        state,
        origin,
        lending,
        ruled: call.ruled,
    };
    let wanted = UpstreamInquiry { key: &target.key, action, method };
    let mut response = dispatch_paid(&ask, wanted, &route, &mut *call.body).await?;
    note(&call, &matter, response.status()).await;
    describe_namespace(response.headers_mut(), namespace.as_ref().filter(|_| target.by_namespace));
    describe_access(response.headers_mut(), sender);
    note_served(&ask, action, &response);
    // It lives until the answer has been sent.
    response.body_mut().hold(permit);
    Ok(response)
}

async fn sender_of_upload(call: &Call<'_>, route: &Route) -> Option<Sender> {
    match (route, &call.state.access) {
        (Route::Upload { .. }, Some(access)) => {
            Box::pin(call.sender.of_upload(&call.head.headers, access)).await
        }
        _ => None,
    }
}

// What an upstream does not have costs whoever asks for it.
async fn dispatch_paid(
    ask: &Ask<'_>,
    wanted: UpstreamInquiry<'_>,
    route: &Route,
    body: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    let limits = &ask.state.limits;
    if !limits.count_misses() {
        return dispatch(ask, wanted.method, route, body).await;
    }
    let inquiry = Box::pin(limits.inquire(ask.mirror, &ask.asker(), wanted)).await?;
    let outcome = dispatch(ask, wanted.method, route, body).await;
    if let Some(inquiry) = inquiry {
        inquiry.answered(outcome.as_ref().map_or_else(|refusal| refusal.status, Response::status));
    }
    outcome
}

fn describe_namespace(to: &mut HeaderMap, namespace: Option<&Host>) {
    if let Some(namespace) = namespace {
        to.insert(OCI_NAMESPACE, headers::value(namespace.as_str().to_owned()));
    }
}

// What was allowed and is given: of what is refused, no name is kept.
fn note_served(ask: &Ask<'_>, action: &Action<'_>, response: &Response<Body>) {
    if let (Action::Pull(content), StatusCode::OK | StatusCode::PARTIAL_CONTENT) = (action, response.status())
    {
        ask.state.top.note(&ServedContent {
            key: &ask.target.key,
            principal: &ask.sender.principal,
            client: Client::at(ask.origin.client()),
            is_pull: matches!(content, ContentRef::Manifest(_)),
            bytes: response.body().size_hint().exact().unwrap_or_default(),
        });
    }
}

// What is for an account is not for a cache in front of us to give to others. Credentials that were of no use are no reason
// to refuse what everybody gets, but whoever sent them should know.
fn describe_access(to: &mut HeaderMap, sender: &Sender) {
    if let Some(warning) = expiry::warning(&sender.principal, SystemTime::now) {
        to.append(header::WARNING, warning);
    }
    match &sender.credentials {
        Credentials::Refused(_) => {
            to.append(header::WARNING, headers::IGNORED_CREDENTIALS);
        }
        Credentials::Accepted | Credentials::Session(_) | Credentials::Token(_)
            if sender.principal.account().is_some() =>
        {
            if to.get(header::CACHE_CONTROL) == Some(&headers::IMMUTABLE) {
                to.insert(header::CACHE_CONTROL, headers::PRIVATE_IMMUTABLE);
            }
        }
        Credentials::None | Credentials::Accepted | Credentials::Session(_) | Credentials::Token(_) => {}
    }
}

// Writes pushes and deletions into the audit log, and those that an account may not do.
async fn note(call: &Call<'_>, matter: &AuditSubject<'_>, status: StatusCode) {
    let Some(access) = call.state.access.as_ref().filter(|_| matter.is_noted()) else { return };
    let client = Client::at(call.origin().client());
    let doer = AuditActor { access, sender: call.sender, client, id: call.id };
    Box::pin(doer.registry(matter, status)).await;
}

// A list of its own: it belongs to no repository. It has what its reader may pull.
async fn repositories(call: Call<'_>) -> Result<Response<Body>, Refusal> {
    let (path, query) = (call.path(), call.query());
    // A method that is none of the API's is none of this address either.
    let method = method(&call.head.method, path, query).map_err(|_| Refusal::not_found())?;
    let (state, sender) = (call.state, call.sender);
    state
        .limits
        .check_ban(&LimitedClient { principal: &sender.principal, address: call.origin().client() })?;
    state.mirror.check_open("_catalog")?;
    if !state.mirror.offer().lists_names {
        return Err(state.mirror.not_offered(Withheld::Names).into());
    }
    if let Some(access) = &state.access {
        authorize::admit_to_list(access, sender, &call.origin())?;
    }
    let permit = match state.policy.decide(sender, &Action::ListRepositories, None) {
        Decision::Allow(permit) => permit,
        Decision::Refuse(refusal) => return Err(refusal),
    };
    let may_see = |name: &str| {
        state.access.as_ref().is_none_or(|access| {
            let rules = access.rules();
            rules.rights(&sender.principal, name, rules.visibility(name)).has(Verb::Pull)
        })
    };
    let mut response = catalog::list(&state.mirror, method, query, may_see).await?;
    *call.kind = RouteKind::Tags;
    response.body_mut().hold(permit);
    Ok(response)
}

// All but pulls are boxed: a future is moved while a request is answered, and these would make that of a pull several times as large.
async fn dispatch(
    ask: &Ask<'_>,
    method: Method,
    route: &Route,
    body: &mut Upload,
) -> Result<Response<Body>, Refusal> {
    match (route, method) {
        (Route::Manifest { reference, .. }, Method::Get) => manifests::get(ask, reference).await,
        (Route::Manifest { reference, .. }, Method::Head) => manifests::head(ask, reference).await,
        (Route::Manifest { reference, tags, .. }, Method::Put) => {
            Box::pin(manifests::put(ask, reference, tags, body)).await
        }
        (Route::Manifest { reference, .. }, Method::Delete) => {
            Box::pin(manifests::delete(ask, reference)).await
        }
        (Route::Blob { digest, .. }, Method::Get) => blobs::get(ask, digest).await,
        (Route::Blob { digest, .. }, Method::Head) => blobs::head(ask, digest).await,
        (Route::Blob { digest, .. }, Method::Delete) => Box::pin(blobs::delete(ask, digest)).await,
        (Route::Tags { page, .. }, _) => Box::pin(lists::tags(ask, page)).await,
        (Route::Referrers { subject, artifact_type, .. }, _) => {
            Box::pin(lists::referrers(ask, subject, artifact_type.as_deref())).await
        }
        (Route::Uploads { start, .. }, _) => Box::pin(uploads::start(ask, start, body)).await,
        (Route::Upload { id, .. }, Method::Get | Method::Head) => Box::pin(uploads::status(ask, id)).await,
        (Route::Upload { id, .. }, Method::Patch) => Box::pin(uploads::patch(ask, id, body)).await,
        (Route::Upload { id, digest, .. }, Method::Put) => {
            Box::pin(uploads::put(ask, id, digest.as_ref(), body)).await
        }
        (Route::Upload { id, .. }, Method::Delete) => Box::pin(uploads::cancel(ask, id)).await,
        // `Route::parse` allows no other pair.
        (Route::Ping | Route::Manifest { .. } | Route::Blob { .. } | Route::Upload { .. }, _) => {
            Err(Refusal::not_found())
        }
    }
}

// An unknown method still gets the address's own error, such as the list of methods it allows.
fn method(method: &http::Method, path: &str, query: &str) -> Result<Method, Refusal> {
    Ok(match *method {
        http::Method::GET => Method::Get,
        http::Method::HEAD => Method::Head,
        http::Method::POST => Method::Post,
        http::Method::PUT => Method::Put,
        http::Method::PATCH => Method::Patch,
        http::Method::DELETE => Method::Delete,
        _ => {
            return Err(match Route::parse(Method::Post, path, query) {
                Ok(_) => Refusal::of_route(RouteError::Method("POST"), Method::Post),
                Err(error) => Refusal::of_route(error, Method::Post),
            });
        }
    })
}

fn kind(route: &Route) -> RouteKind {
    match route {
        Route::Ping => RouteKind::Ping,
        Route::Manifest { .. } => RouteKind::Manifest,
        Route::Blob { .. } => RouteKind::Blob,
        Route::Tags { .. } => RouteKind::Tags,
        Route::Referrers { .. } => RouteKind::Referrers,
        Route::Uploads { .. } | Route::Upload { .. } => RouteKind::Upload,
    }
}

fn ping() -> Response<Body> {
    let mut response = respond(StatusCode::OK, Body::bytes("{}"));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}
