//! The list of repositories, `/v2/_catalog`: no part of the distribution-spec, but of the API that it came from
//! (docs.docker.com, "Registry HTTP API V2", §listing repositories).

use entrepot_mirror::Mirror;
use entrepot_oci::{Method, Page, RouteError};
use http::{Response, header};
use serde::Serialize;

use crate::{
    answer,
    body::Body,
    error::Refusal,
    headers::{self, JSON},
    query,
};

#[derive(Serialize)]
struct Catalog<'a> {
    repositories: &'a [String],
}

/// True if the path is that of the list.
pub(super) fn is_at(path: &str) -> bool {
    path == "/v2/_catalog"
}

/// Answers with a page of the names that were pushed here. Mirrored repositories are not listed: which of them are held is
/// no property of a registry, and says what others pulled.
///
/// A page has the names for which `may_see` is true, and is as if there were no others: it is full while more follow.
pub(super) async fn list(
    mirror: &Mirror,
    method: Method,
    query: &str,
    may_see: impl Fn(&str) -> bool,
) -> Result<Response<Body>, Refusal> {
    let refuse = |error| Refusal::of_route(error, method);
    let (n, last) = (query::find(query, "n"), query::find(query, "last"));
    let page = Page::parse(n.as_deref(), last.as_deref()).map_err(|error| refuse(error.into()))?;
    let (mut names, mut part) = (Vec::new(), page.clone());
    loop {
        let Some(found) = mirror.hosted_names(&part).await? else { return Err(Refusal::not_found()) };
        // What is left out is passed over in large steps.
        let next = found.names.last().filter(|_| found.more).map(|last| Page::default().following(last));
        names.extend(found.names.into_iter().filter(|name| may_see(name)));
        match next {
            Some(next) if names.len() <= page.limit() => part = next,
            _ => break,
        }
    }
    let more = names.len() > page.limit();
    names.truncate(page.limit());
    if !matches!(method, Method::Get | Method::Head) {
        return Err(refuse(RouteError::Method("GET, HEAD")));
    }
    let mut response = answer::json(&Catalog { repositories: &names }, JSON);
    if let Some(last) = names.last().filter(|_| more) {
        let next = headers::value(format!("</v2/_catalog?n={}&last={last}>; rel=\"next\"", page.limit()));
        response.headers_mut().insert(header::LINK, next);
    }
    Ok(response)
}
