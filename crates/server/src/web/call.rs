//! A request as the handlers of the router see it.

use std::{net::IpAddr, sync::Arc};

use axum::extract::FromRequestParts;
use entrepot_access::{Operation, SessionOrigin};
use http::{HeaderMap, Method, Response, StatusCode, Uri, request::Parts};

use crate::{
    access::agent, answer::refuse, body::Body, client::Client, error::Refusal, ids::RequestId,
    limits::LimitedClient, metrics::RouteKind, origin::Origin, sender::Sender, state::ServerState,
    sync::problem::Problem,
};

/// True if `path` belongs to the JSON API, existing or not.
pub(crate) fn is_api(path: &str) -> bool {
    path.starts_with("/api/")
}

/// The sender and the id of a request. Passed on as a request extension.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) sender: Sender,
    /// The address of the other end; `None` for the local command line.
    pub(crate) address: Option<IpAddr>,
    /// The host that the request names.
    pub(crate) host: Option<String>,
    pub(crate) id: RequestId,
}

/// A request as the handlers of the router see it; its body is extracted separately.
pub(crate) struct WebCall {
    pub(crate) state: Arc<ServerState>,
    pub(crate) caller: Caller,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl WebCall {
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    pub(crate) fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// The address of this server as the client sees it.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let Caller { address, host, .. } = &self.caller;
        Origin { front: &self.state.front, address: *address, headers: &self.headers, host: host.as_deref() }
    }

    /// True if the caller may do this.
    pub(crate) fn may(&self, operation: Operation) -> bool {
        let access = self.state.access.as_ref();
        access.is_none_or(|access| access.rules().may(&self.caller.sender.principal, operation))
    }

    /// The client, for limits.
    pub(crate) fn client(&self) -> Client {
        Client::at(self.origin().client())
    }

    /// The caller, as limits count them.
    pub(crate) fn asker(&self) -> LimitedClient<'_> {
        LimitedClient { principal: &self.caller.sender.principal, address: self.origin().client() }
    }

    /// Where and with what the caller would begin a session.
    pub(crate) fn session_origin(&self) -> SessionOrigin {
        SessionOrigin {
            address: self.origin().client(),
            agent: Some(agent(&self.headers)).filter(|agent| !agent.is_empty()),
            request_id: Some(self.caller.id.as_str().to_owned()),
        }
    }

    /// Nothing exists at this address.
    pub(crate) fn not_found(&self) -> Response<Body> {
        if is_api(self.path()) {
            return Problem::not_found().answer();
        }
        let mut response = refuse(Refusal::not_found(), &self.caller.id);
        response.extensions_mut().insert(RouteKind::None);
        response
    }
}

impl FromRequestParts<Arc<ServerState>> for WebCall {
    // Only the service calls the router, and it always sets the caller.
    type Rejection = StatusCode;

    async fn from_request_parts(head: &mut Parts, state: &Arc<ServerState>) -> Result<Self, StatusCode> {
        let caller = head.extensions.remove::<Caller>().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        let (method, uri) = (head.method.clone(), head.uri.clone());
        // Nobody else needs them.
        let headers = std::mem::take(&mut head.headers);
        Ok(Self { state: Arc::clone(state), caller, method, uri, headers })
    }
}
