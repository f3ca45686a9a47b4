//! Whole listings, of tags, of repositories and of referrers: page after page, whatever the registry makes of pages.
//!
//! - [`whole`] reads them all, for every kind of listing; `bounds` says when enough is enough
//! - `names` and `crate::referrers` hold what comes
//!
//! A page says where the next one is (`Link`), or it does not: some registries stop at a number of their own and keep
//! quiet about the rest, so where none is ever named, another one is asked for behind a page that looks full. A listing is
//! whole or an error.

pub(crate) mod bounds;
pub(crate) mod names;

use bytes::Bytes;
use entrepot_oci::{Repository, Tag};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::header;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::{
    ask::Ask,
    egress_error::EgressError,
    endpoints::Endpoint,
    error::{Endless, Error, InvalidAnswer},
    link,
    outcome::Receipt,
    remote::Remote,
};
use bounds::{Bounds, Progress};
use names::Names;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The largest page of names that is read, in bytes: some registries send all at once, whatever was asked.
pub(crate) const MAX_PAGE: usize = 8 << 20;

// The longest page asked for, beyond which ECR refuses; and one that everybody gives.
const LONG: usize = 1000;
const SHORT: usize = 100;

/// Who holds the entries of a listing.
pub(crate) trait Collect {
    /// Takes in a page. What is beyond the bounds of the listing is an error.
    fn take(&mut self, bytes: &[u8]) -> Result<Taken, InvalidAnswer>;

    /// How many bytes it holds.
    fn held(&self) -> usize;
}

/// What a page had.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// All of it.
    pub(crate) listed: usize,
    /// What no page before it had.
    pub(crate) new: usize,
    /// The last entry, where it has a name.
    pub(crate) last: Option<String>,
}

/// One answer of a listing.
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) receipt: Receipt,
    pub(crate) next: Next,
}

/// Where a page is.
pub(crate) struct Place {
    pub(crate) endpoint: Endpoint,
    pub(crate) url: Url,
    /// The most bytes that it may have.
    pub(crate) limit: usize,
}

/// Where the next one is.
pub(crate) enum Next {
    /// There.
    At(Url),
    /// There is one, but not where we go: at another place, or without TLS, which proxies in front of registries make of
    /// their addresses. It may be asked for by the last name.
    Elsewhere(EgressError),
    /// Nothing is said.
    Unsaid,
}

type Read<'a> = Box<dyn Fn(Url) -> BoxFuture<'a, Result<Page, Error>> + Send + Sync + 'a>;
type Behind<'a> = Box<dyn Fn(&str) -> Option<Url> + Send + Sync + 'a>;

/// How the pages of a listing are had.
pub(crate) struct Pages<'a> {
    pub(crate) bounds: Bounds,
    /// What a listing needs to become large: one of a registry is at a time.
    pub(crate) turns: &'a Semaphore,
    pub(crate) first: Url,
    /// Reads one.
    pub(crate) read: Read<'a>,
    /// Where it goes on behind a name, if that can be asked for.
    pub(crate) behind: Behind<'a>,
    /// How many names were asked for in each.
    pub(crate) size: usize,
}

/// Reads page after page, until there is no more. `new` makes what holds the entries.
///
/// # Errors
/// [`Endless`] where there seems to be no end, and whatever a page was an error for.
pub(crate) async fn whole<C: Collect>(pages: &Pages<'_>, new: impl Fn() -> C) -> Result<C, Error> {
    let limit = pages.bounds.time;
    match tokio::time::timeout(limit, in_turn(pages, new)).await {
        Ok(read) => read,
        Err(_) => Err(InvalidAnswer::from(Endless::Time { limit }).into()),
    }
}

// Nothing is held while others have their turn, so a large listing that meets another one is begun again.
async fn in_turn<C: Collect>(pages: &Pages<'_>, new: impl Fn() -> C) -> Result<C, Error> {
    let mut entries = new();
    if all(pages, &mut entries, None).await? {
        return Ok(entries);
    }
    entries = new();
    let turn = pages.turns.acquire().await.ok();
    all(pages, &mut entries, turn).await.map(|_| entries)
}

// Whether it came to its end: without a turn it breaks off where it becomes large and another one has it.
async fn all(
    pages: &Pages<'_>,
    entries: &mut impl Collect,
    mut turn: Option<SemaphorePermit<'_>>,
) -> Result<bool, Error> {
    let (mut progress, mut has_links) = (Progress::new(pages.bounds), false);
    let mut url = pages.first.clone();
    loop {
        progress.ask(&url).map_err(InvalidAnswer::from)?;
        let page = (pages.read)(url).await;
        let Page { bytes, receipt, next } =
            if progress.is_first() { page? } else { page.map_err(broken_off)? };
        let taken = entries.take(&bytes).map_err(|fault| receipt.fail(fault.into()))?;
        has_links |= !matches!(next, Next::Unsaid);
        let may_go_on = !has_links && taken.new > 0 && looks_full(taken.listed, pages.size);
        let behind = taken.last.as_deref().and_then(|last| (pages.behind)(last));
        url = match (next, behind) {
            (Next::At(next), _) => next,
            (Next::Elsewhere(_), Some(behind)) => behind,
            (Next::Elsewhere(refused), None) => return Err(refused.into()),
            (Next::Unsaid, Some(behind)) if may_go_on => behind,
            (Next::Unsaid, _) => return Ok(true),
        };
        progress.came(taken.new).map_err(InvalidAnswer::from)?;
        if entries.held() > pages.bounds.free && turn.is_none() {
            turn = pages.turns.try_acquire().ok();
            if turn.is_none() {
                return Ok(false);
            }
        }
    }
}

// What a registry says of the whole listing, it says with the first page. Later the same is an end that is none.
fn broken_off(error: Error) -> Error {
    match error {
        Error::NotFound => InvalidAnswer::Status(404).into(),
        Error::Denied { status: status @ (400 | 405 | 422 | 501), .. } => {
            InvalidAnswer::Status(status).into()
        }
        other => other,
    }
}

// Whether more may be behind a page that names no next one: it has as many as were asked for, or a round number.
fn looks_full(listed: usize, size: usize) -> bool {
    listed > 0 && (listed >= size || listed.is_multiple_of(50))
}

/// What has names to be listed.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Tags(&'a Repository),
    Repositories,
}

impl Remote {
    /// Lists all tags of a repository, in the registry's order. What is no tag is left out.
    ///
    /// # Errors
    /// See [`Error`]; [`InvalidAnswer::Endless`] where there seems to be no end of it.
    pub async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let names = self.names(Subject::Tags(repository)).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Lists all repositories of a registry that says which it has. Most of the large ones do not.
    ///
    /// # Errors
    /// As [`Remote::all_tags`].
    pub async fn all_repositories(&self) -> Result<Vec<Repository>, Error> {
        let names = self.names(Subject::Repositories).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn names(&self, subject: Subject<'_>) -> Result<Names, Error> {
        self.at_endpoints(None, |endpoint| self.names_at(endpoint, subject).boxed()).await
    }

    // Some refuse long pages instead of giving shorter ones.
    async fn names_at(&self, endpoint: Endpoint, subject: Subject<'_>) -> Result<Names, Error> {
        match self.names_by(endpoint, subject, LONG).await {
            Err(Error::Denied { status: 400 | 405 | 422, .. }) => {
                self.names_by(endpoint, subject, SHORT).await
            }
            other => other,
        }
    }

    async fn names_by(&self, endpoint: Endpoint, subject: Subject<'_>, size: usize) -> Result<Names, Error> {
        let ask = subject.ask(size, None);
        let at = move |ask: &Ask| ask.at(self.endpoint(endpoint));
        let pages = Pages {
            bounds: Bounds::NAMES,
            turns: self.turns(),
            first: at(&ask).ok_or(EgressError::Malformed)?,
            read: Box::new(|url| self.page(Place { endpoint, url, limit: MAX_PAGE }, &ask).boxed()),
            behind: Box::new(move |last| at(&subject.ask(size, Some(last)))),
            size,
        };
        whole(&pages, || Names::new(subject.form(), pages.bounds)).await
    }

    /// Reads one page of a listing.
    pub(crate) async fn page(&self, place: Place, ask: &Ask) -> Result<Page, Error> {
        let Place { endpoint, url, limit } = place;
        let answer = self.exchange_at(endpoint, url, ask).await?;
        let next = match answer.header(&header::LINK).and_then(link::next) {
            // Seen from whoever answered, which may be where the question was redirected to.
            Some(target) => match self.gate().same_origin(answer.url(), target) {
                Ok(url) => Next::At(url),
                Err(refused) => Next::Elsewhere(refused.into()),
            },
            None => Next::Unsaid,
        };
        let (bytes, receipt) = answer.document(limit, self.patience()).await?;
        Ok(Page { bytes, receipt, next })
    }
}

impl Subject<'_> {
    fn ask(self, size: usize, after: Option<&str>) -> Ask {
        let mut query = format!("n={size}");
        if let Some(after) = after {
            query.push_str("&last=");
            query.extend(utf8_percent_encode(after, NON_ALPHANUMERIC));
        }
        match self {
            Self::Tags(repository) => Ask::get(repository, format!("tags/list?{query}")),
            Self::Repositories => Ask::catalog(format!("_catalog?{query}")),
        }
    }

    fn form(self) -> fn(&str) -> bool {
        match self {
            Self::Tags(_) => |name| name.parse::<Tag>().is_ok(),
            Self::Repositories => |name| name.parse::<Repository>().is_ok(),
        }
    }
}

#[cfg(test)]
mod tests;
