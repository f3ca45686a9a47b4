//! Complete listings of tags and repositories.
//!
//! - `pages` reads them, for every kind of listing; `bounds` says when a listing is too long
//! - `cursors` remembers where the next page is, for clients that list page by page (`crate::tags`)
//! - `collect` is what entries are collected in: `names` here, and descriptors in `crate::referrers`

pub(crate) mod bounds;
pub(crate) mod collect;
pub(crate) mod cursors;
pub(crate) mod names;
pub(crate) mod pages;

use entrepot_oci::{Repository, Tag};
use futures_util::FutureExt as _;
use http::header;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{
    egress_error::EgressError, endpoint::Endpoint, error::Error, link_header, remote::Remote,
    request::Request,
};
use bounds::Bounds;
use names::NameList;
use pages::{ListingPage, NextPage, PageRequest, Pages, is_refused, read_all};

/// The most bytes of a page of names: some registries send all names at once.
pub(crate) const MAX_PAGE: usize = 8 << 20;

// The number of names to request per page. ECR refuses more than 1000; every registry takes 100.
const LONG: usize = 1000;
pub(crate) const SHORT: usize = 100;

/// What is listed.
#[derive(Clone, Copy)]
enum ListingKind<'a> {
    Tags(&'a Repository),
    Repositories,
}

impl Remote {
    /// Lists all tags of a repository, in the registry's order. Entries that are not tags are left out.
    ///
    /// # Errors
    /// See [`Error`]; [`crate::InvalidResponse::UnboundedListing`] if the listing does not seem to end.
    pub async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let names = self.names(ListingKind::Tags(repository)).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Lists all repositories of a registry that allows it. Most of the large ones do not.
    ///
    /// # Errors
    /// As [`Remote::all_tags`].
    pub async fn all_repositories(&self) -> Result<Vec<Repository>, Error> {
        let names = self.names(ListingKind::Repositories).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn names(&self, kind: ListingKind<'_>) -> Result<NameList, Error> {
        self.try_endpoints(None, |endpoint| self.names_at(endpoint, kind).boxed()).await
    }

    // Some registries refuse long pages instead of sending shorter ones, and some refuse any number.
    async fn names_at(&self, endpoint: Endpoint, kind: ListingKind<'_>) -> Result<NameList, Error> {
        for size in [LONG, SHORT] {
            match self.names_with_page_size(endpoint, kind, Some(size)).await {
                Err(error) if is_refused(&error) => {}
                other => return other,
            }
        }
        self.names_with_page_size(endpoint, kind, None).await
    }

    async fn names_with_page_size(
        &self,
        endpoint: Endpoint,
        kind: ListingKind<'_>,
        size: Option<usize>,
    ) -> Result<NameList, Error> {
        let request = kind.request(size, None);
        let at = move |request: &Request| request.at(self.endpoint(endpoint));
        let pages = Pages {
            bounds: Bounds::NAMES,
            large_listings: self.large_listings(),
            first: at(&request).ok_or(EgressError::Malformed)?,
            read: Box::new(|url| self.page(PageRequest { endpoint, url, limit: MAX_PAGE }, &request).boxed()),
            after: Box::new(move |last| at(&kind.request(size, Some(last)))),
            size,
        };
        read_all(&pages, || NameList::new(kind.form(), pages.bounds)).await
    }

    /// Requests one page of a listing.
    pub(crate) async fn page(&self, page: PageRequest, request: &Request) -> Result<ListingPage, Error> {
        let PageRequest { endpoint, url, limit } = page;
        let response = self.exchange_at(endpoint, url, request).await?;
        let links = response.headers().get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
        let next = match links.filter_map(link_header::next).next() {
            Some(target) => self.next(response.url(), target),
            None => NextPage::Unknown,
        };
        let (bytes, guard) = response.document(limit, self.patience()).await?;
        Ok(ListingPage { bytes, guard, next })
    }

    // Relative to the server that responded, which may be the target of a redirect. A registry behind a proxy may write
    // the address that it has there; of that, only the query is used.
    fn next(&self, from: &Url, target: &str) -> NextPage {
        let refused = match self.gate().same_origin(from, target) {
            Ok(url) => return NextPage::At(url),
            Err(refused) => refused,
        };
        match from.join(target) {
            Ok(other) if other.path() == from.path() && other.query().is_some() => {
                let mut url = from.clone();
                url.set_query(other.query());
                NextPage::At(url)
            }
            _ => NextPage::Refused(refused.into()),
        }
    }
}

impl ListingKind<'_> {
    fn request(self, size: Option<usize>, after: Option<&str>) -> Request {
        match self {
            Self::Tags(repository) => Request::get(repository, format!("tags/list{}", query(size, after))),
            Self::Repositories => Request::catalog(format!("_catalog{}", query(size, after))),
        }
    }

    fn form(self) -> fn(&str) -> bool {
        match self {
            Self::Tags(_) => |name| name.parse::<Tag>().is_ok(),
            Self::Repositories => |name| name.parse::<Repository>().is_ok(),
        }
    }
}

/// The query for a page of `size` names after one, as far as these are given: `?n=100&last=v1`.
pub(crate) fn query(size: Option<usize>, after: Option<&str>) -> String {
    let size = size.map(|size| format!("n={size}"));
    let after = after.map(|after| format!("last={}", utf8_percent_encode(after, NON_ALPHANUMERIC)));
    let parts: Vec<String> = size.into_iter().chain(after).collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}
