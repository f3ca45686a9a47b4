//! The API of the socket for the local command line: what is held, and taking it away.
//!
//! Whoever can open the socket owns the data directory, so nothing more is asked of them.

use entrepot_mirror::RepoKey;
use entrepot_oci::{ErrorCode, Method, Name, Page, Reference, RouteError};
use http::{Response, StatusCode};

use crate::{answer, body::Body, call::Call, error::Refusal, headers::JSON, metrics::Kind, query};

/// Answers the command line.
pub(crate) async fn answer(call: Call<'_>) -> Result<Response<Body>, Refusal> {
    let mirror = &call.state.mirror;
    let query = call.query();
    *call.kind = Kind::Page;
    Ok(match (call.path(), call.head.method.as_str()) {
        ("/v1/totals", "GET") => answer::json(&mirror.holdings().await?, JSON),
        ("/v1/repositories", "GET") => {
            let prefix = query::find(query, "prefix");
            answer::json(&mirror.repositories(prefix.as_deref(), &page(query)?).await?, JSON)
        }
        ("/v1/images", "GET") => {
            answer::json(&mirror.images(&key(&call, query)?, &page(query)?).await?, JSON)
        }
        ("/v1/images", "DELETE") => {
            let reference = reference(query)?;
            answer::json(&mirror.remove(&key(&call, query)?, reference.as_ref()).await?, JSON)
        }
        ("/v1/totals" | "/v1/repositories", _) => return Err(Refusal::method("GET")),
        ("/v1/images", _) => return Err(Refusal::method("GET, DELETE")),
        _ => return Err(Refusal::not_found()),
    })
}

fn page(query: &str) -> Result<Page, Refusal> {
    let (n, last) = (query::find(query, "n"), query::find(query, "last"));
    let page = Page::parse(n.as_deref(), last.as_deref());
    page.map_err(|error| Refusal::of_route(RouteError::Page(error), Method::Get))
}

fn key(call: &Call<'_>, query: &str) -> Result<RepoKey, Refusal> {
    let missing = || Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::NameInvalid, "`name` is missing");
    let name: Name = query::find(query, "name").ok_or_else(missing)?.parse().map_err(wrong)?;
    Ok(call.state.mirror.held_as(&name)?)
}

fn reference(query: &str) -> Result<Option<Reference>, Refusal> {
    query::find(query, "reference").map(|reference| reference.parse().map_err(wrong)).transpose()
}

fn wrong(error: impl Into<RouteError>) -> Refusal {
    Refusal::of_route(error.into(), Method::Put)
}
