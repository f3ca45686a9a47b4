//! Who may read a page. A handler that takes a [`PageReader`] is for those who may see; everybody else is sent to log in.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use entrepot_access::{Identity, Operation};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

use super::{
    errors::is_for_people,
    response::{language, see_other},
    words::Language,
};
use crate::{answer::empty, body::Body, state::ServerState, sync::problem::Problem, web::call::WebCall};

/// A request of somebody who may see the pages.
pub(super) struct PageReader(pub(super) WebCall);

impl FromRequestParts<Arc<ServerState>> for PageReader {
    type Rejection = Response<Body>;

    async fn from_request_parts(head: &mut Parts, state: &Arc<ServerState>) -> Result<Self, Response<Body>> {
        let call = WebCall::from_request_parts(head, state).await;
        let call = call.map_err(empty)?;
        if call.may(Operation::See) { Ok(Self(call)) } else { Err(refused(&call)) }
    }
}

/// The response to somebody who may not see a page.
pub(super) fn refused(call: &WebCall) -> Response<Body> {
    if let Identity::Account(_) = call.caller.sender.principal.identity {
        let who = call.caller.sender.principal.label();
        let problem = Problem::new(StatusCode::FORBIDDEN, format!("{who} may not see this"));
        return problem.with_hint("an API token needs a scope; a password has none").answer();
    }
    if matches!(call.method, Method::GET | Method::HEAD) && is_for_people(call.path(), &call.headers) {
        return see_other(&login_address(call, language(call)));
    }
    Problem::new(StatusCode::UNAUTHORIZED, "this needs a login")
        .with_hint("send a user name and password, or an API token; with a browser: `/login`")
        .answer()
}

/// The address of the page that logs in and comes back here.
pub(super) fn login_address(call: &WebCall, language: Language) -> String {
    let here = call.uri.path_and_query().map_or("/", |here| here.as_str());
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", here).append_pair("lang", language.code());
    format!("/login?{}", query.finish())
}

/// The metrics are for operators, this machine, and the networks that the configuration names.
pub(super) fn metrics_refused(call: &WebCall) -> Option<Response<Body>> {
    let is_named = call.origin().client().is_some_and(|client| call.state.metrics_readers.include(client));
    if is_named || call.may(Operation::ReadMetrics) {
        return None;
    }
    let (status, what) = match call.caller.sender.principal.identity {
        Identity::Account(_) => (StatusCode::FORBIDDEN, "the metrics are for operators"),
        _ => (StatusCode::UNAUTHORIZED, "the metrics are for operators: this needs a login"),
    };
    let hint =
        "list the network of your Prometheus under `access.metrics`, or let it log in with `basic_auth`";
    let mut response = Problem::new(status, what).with_hint(hint).answer();
    if status == StatusCode::UNAUTHORIZED {
        let basic = HeaderValue::from_static("Basic realm=\"entrepot\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
    }
    Some(response)
}
