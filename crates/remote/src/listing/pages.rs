//! Reading a listing page after page, whatever the registry makes of pages.
//!
//! A page says where the next one is (`Link`), or it does not: some registries stop at a number of their own and do not
//! mention the rest. Where no page has a link, another one is requested after a page that looks full; a registry that
//! refuses that one has no pages by name, so it would have sent a link. A listing is complete or an error.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::{
    bounds::{Bounds, ListingProgress},
    collect::Collect,
};
use crate::{
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse, UnboundedListing},
    outcome::OutcomeGuard,
};

/// One page of a listing.
pub(crate) struct ListingPage {
    pub(crate) bytes: Bytes,
    pub(crate) guard: OutcomeGuard,
    pub(crate) next: NextPage,
}

/// The page to request.
pub(crate) struct PageRequest {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: Url,
    /// The most bytes that are accepted.
    pub(crate) limit: usize,
}

/// Where the next page is.
pub(crate) enum NextPage {
    /// At this URL.
    At(Url),
    /// At a URL that is not allowed: at another origin, or without TLS, as proxies in front of registries write it.
    /// The page may be requested by the last name instead.
    Refused(EgressError),
    /// The page does not say.
    Unknown,
}

type PageFetch<'a> = Box<dyn Fn(Url) -> BoxFuture<'a, Result<ListingPage, Error>> + Send + Sync + 'a>;
type PageAddress<'a> = Box<dyn Fn(&str) -> Option<Url> + Send + Sync + 'a>;

/// How the pages of a listing are requested.
pub(crate) struct Pages<'a> {
    pub(crate) bounds: Bounds,
    /// A listing needs a permit to become large; each registry has one.
    pub(crate) large_listings: &'a Semaphore,
    pub(crate) first: Url,
    /// Requests a page.
    pub(crate) read: PageFetch<'a>,
    /// The URL of the page after a name, if pages can be requested by name.
    pub(crate) after: PageAddress<'a>,
    /// The number of names requested per page, if any.
    pub(crate) size: Option<usize>,
}

/// Reads all pages. `new` makes the collection of entries.
///
/// # Errors
/// [`UnboundedListing`] if there seems to be no end, and the errors of the pages.
pub(crate) async fn read_all<C: Collect>(pages: &Pages<'_>, new: impl Fn() -> C) -> Result<C, Error> {
    let limit = pages.bounds.time;
    match tokio::time::timeout(limit, read_with_permit(pages, new)).await {
        Ok(read) => read,
        Err(_) => Err(InvalidResponse::from(UnboundedListing::Time { limit }).into()),
    }
}

// Nothing is held while another large listing is read: this one starts again afterwards.
async fn read_with_permit<C: Collect>(pages: &Pages<'_>, new: impl Fn() -> C) -> Result<C, Error> {
    let mut entries = new();
    if read_pages(pages, &mut entries, None).await? {
        return Ok(entries);
    }
    entries = new();
    let permit = pages.large_listings.acquire().await.ok();
    read_pages(pages, &mut entries, permit).await.map(|_| entries)
}

// Returns whether the listing is complete. Without a permit it stops where it becomes large and another listing has
// the permit.
async fn read_pages(
    pages: &Pages<'_>,
    entries: &mut impl Collect,
    mut permit: Option<SemaphorePermit<'_>>,
) -> Result<bool, Error> {
    let (mut progress, mut has_links, mut is_guess) = (ListingProgress::new(pages.bounds), false, false);
    let mut url = pages.first.clone();
    loop {
        progress.request(&url).map_err(InvalidResponse::from)?;
        let is_later = !progress.is_first();
        let ListingPage { bytes, guard, next } = match (pages.read)(url).await {
            Err(error) if is_guess && has_no_such_page(&error) => return Ok(true),
            Err(error) if is_later => return Err(incomplete(error)),
            page => page?,
        };
        let taken = entries.take(&bytes).map_err(|fault| guard.fail(fault.into()));
        let taken = if is_later { taken.map_err(incomplete)? } else { taken? };
        has_links |= !matches!(next, NextPage::Unknown);
        is_guess = !has_links;
        let may_go_on = !has_links && taken.new > 0 && looks_full(taken.listed, pages.size);
        let after = taken.last.as_deref().and_then(|last| (pages.after)(last));
        url = match (next, after) {
            (NextPage::At(next), _) => next,
            (NextPage::Refused(_), Some(after)) => after,
            (NextPage::Refused(refused), None) => return Err(refused.into()),
            (NextPage::Unknown, Some(after)) if may_go_on => after,
            (NextPage::Unknown, _) => return Ok(true),
        };
        progress.record(taken.new).map_err(InvalidResponse::from)?;
        if entries.held() > pages.bounds.free && permit.is_none() {
            permit = pages.large_listings.try_acquire().ok();
            if permit.is_none() {
                return Ok(false);
            }
        }
    }
}

/// Whether a registry refuses the number or the name in the request for a page.
pub(crate) fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Denied { status: 400 | 405 | 406 | 422, .. })
}

/// Whether a registry has no page after a name, or does not know pages after names.
pub(crate) fn has_no_such_page(error: &Error) -> bool {
    matches!(error, Error::NotFound | Error::Denied { status: 501, .. }) || is_refused(error)
}

/// The error of a later page. On the first page such errors are about the whole listing; here it is incomplete.
pub(crate) fn incomplete(error: Error) -> Error {
    match error {
        Error::NotFound => InvalidResponse::Status(404).into(),
        Error::Denied { status, .. } if has_no_such_page(&error) => InvalidResponse::Status(status).into(),
        Error::Invalid(InvalidResponse::NotAListing) => InvalidResponse::BrokenListing.into(),
        other => other,
    }
}

/// Whether more may follow a page without a link: it has as many entries as requested, or a round number.
pub(crate) fn looks_full(listed: usize, size: Option<usize>) -> bool {
    listed > 0 && (size.is_some_and(|size| listed >= size) || listed.is_multiple_of(50))
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
