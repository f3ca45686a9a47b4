//! Lists one page of tags (distribution-spec, §listing tags), after a name.
//!
//! - the registry is asked for the page after that name, or for the page that its last `Link` led to (`cursors`)
//! - a registry whose links do not name the last tag ignores or refuses the name: the page is looked for from the first
//!   one on

use entrepot_oci::{Page, Repository, Tag};
use futures_util::FutureExt as _;
use url::Url;

use crate::{
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse, UnboundedListing},
    listing::{
        self, MAX_PAGE, SHORT,
        bounds::{Bounds, ListingProgress},
        collect::Collect as _,
        cursors::CursorKey,
        names::NameList,
        pages::{self, NextPage, PageRequest},
    },
    remote::Remote,
    request::Request,
};

/// One page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// The tags, in the registry's order. Fewer than requested does not mean that these are the last.
    pub tags: Vec<Tag>,
    /// Whether more tags follow the last one.
    pub more: bool,
}

impl Remote {
    /// Lists one page of a repository's tags.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tags(&self, repository: &Repository, page: &Page) -> Result<TagPage, Error> {
        let at =
            |endpoint| async move { TagListing { remote: self, endpoint, repository, page }.read().await };
        self.try_endpoints(None, |endpoint| at(endpoint).boxed()).await
    }
}

/// The listing that a page is wanted of, at one endpoint.
struct TagListing<'a> {
    remote: &'a Remote,
    endpoint: Endpoint,
    repository: &'a Repository,
    page: &'a Page,
}

/// A page as the registry sent it.
struct ReceivedPage {
    url: Url,
    names: NameList,
    /// The number of its entries, those included that are not tags.
    entries: usize,
    next: NextPage,
    /// The number of entries that were requested, if any.
    size: Option<usize>,
}

impl ReceivedPage {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|listed| listed == name)
    }

    // Whether its link, if it has one, asks for the names after its last one.
    fn is_by_name(&self) -> bool {
        let NextPage::At(next) = &self.next else { return true };
        let last = self.names.iter().last();
        next.query_pairs().any(|(key, value)| key == "last" && Some(&*value) == last)
    }
}

impl TagListing<'_> {
    async fn read(&self) -> Result<TagPage, Error> {
        if self.page.limit() == 0 {
            return self.first(None).await.map(|_| TagPage::default());
        }
        if let Some(after) = self.page.after()
            && let Some(url) = self.remote.cursors().get(&self.key(after))
        {
            match self.received(url, None).await {
                // It has expired.
                Err(error) if pages::has_no_such_page(&error) => {}
                received => return self.serve(received?, true).await,
            }
        }
        match self.first(self.page.after()).await {
            Ok(received) if self.is_at_the_name(&received) => self.serve(received, true).await,
            Err(error) if self.page.after().is_none() || !pages::has_no_such_page(&error) => Err(error),
            _ => self.search().await,
        }
    }

    // Whether what was requested by name starts there: registries with cursors of their own start at the beginning.
    fn is_at_the_name(&self, received: &ReceivedPage) -> bool {
        self.page.after().is_none_or(|after| received.is_by_name() || received.has(after))
    }

    // Looks for the page with the name. Only one listing of a registry does so at a time.
    async fn search(&self) -> Result<TagPage, Error> {
        let limit = Bounds::SEARCH.time;
        let search = async {
            let _permit = self.remote.large_listings().acquire().await.ok();
            self.serve(self.first(None).await?, false).await
        };
        match tokio::time::timeout(limit, search).await {
            Ok(found) => found,
            Err(_) => Err(InvalidResponse::from(UnboundedListing::Time { limit }).into()),
        }
    }

    // Cuts the wanted page out of a received one, or out of one that follows. `is_past`: all that the first one lists is
    // behind the name, unless the name is there.
    async fn serve(&self, mut received: ReceivedPage, mut is_past: bool) -> Result<TagPage, Error> {
        let mut progress = ListingProgress::new(Bounds::SEARCH);
        progress.request(&received.url).map_err(InvalidResponse::from)?;
        loop {
            is_past |= self.page.after().is_none_or(|after| received.has(after));
            let found = if is_past {
                page_of(&received.names, self.has_next(&received), self.page)
            } else {
                TagPage::default()
            };
            let next = match received.next {
                NextPage::At(ref next) if found.tags.is_empty() => next.clone(),
                NextPage::Refused(refused) if found.tags.is_empty() => return Err(refused.into()),
                _ if !is_past => return Err(InvalidResponse::UnknownName.into()),
                _ => {
                    self.remember(&found, received).await;
                    return Ok(found);
                }
            };
            progress.record(received.entries).map_err(InvalidResponse::from)?;
            progress.request(&next).map_err(InvalidResponse::from)?;
            received = self.received(next, None).await.map_err(pages::incomplete)?;
        }
    }

    // A page without a link that looks full may be followed by another one. One that a link led to says so.
    fn has_next(&self, received: &ReceivedPage) -> bool {
        match received.next {
            NextPage::At(_) | NextPage::Refused(_) => true,
            NextPage::Unknown => {
                received.size.is_some() && pages::looks_full(received.entries, received.size)
            }
        }
    }

    // If the page was cut off, what follows is on the same page.
    async fn remember(&self, found: &TagPage, received: ReceivedPage) {
        let Some(last) = found.tags.last().filter(|_| found.more) else { return };
        let is_cut_off = received.names.iter().last() != Some(last.as_str());
        let url = match received.next {
            _ if is_cut_off => received.url,
            NextPage::At(next) => next,
            NextPage::Refused(_) | NextPage::Unknown => return,
        };
        self.remote.cursors().remember(self.key(last.as_str()), url);
    }

    fn key(&self, after: &str) -> CursorKey {
        let (endpoint, repository) = (self.endpoint, self.repository.clone());
        CursorKey { endpoint, repository, after: after.to_owned() }
    }

    // The page after a name, or the first one, of any size that the registry accepts.
    async fn first(&self, after: Option<&str>) -> Result<ReceivedPage, Error> {
        // A request for no tags must still tell an existing repository from a missing one.
        let wanted = self.page.limit().max(1);
        for size in [Some(wanted), Some(SHORT).filter(|short| *short < wanted)].into_iter().flatten() {
            match self.received(self.url(Some(size), after)?, Some(size)).await {
                Err(error) if pages::is_refused(&error) => {}
                other => return other,
            }
        }
        self.received(self.url(None, after)?, None).await
    }

    fn url(&self, size: Option<usize>, after: Option<&str>) -> Result<Url, Error> {
        let request = Request::get(self.repository, format!("tags/list{}", listing::query(size, after)));
        Ok(request.at(self.remote.endpoint(self.endpoint)).ok_or(EgressError::Malformed)?)
    }

    async fn received(&self, url: Url, size: Option<usize>) -> Result<ReceivedPage, Error> {
        // Where it goes is said by the address.
        let request = Request::get(self.repository, "tags/list".to_owned());
        let wanted = PageRequest { endpoint: self.endpoint, url: url.clone(), limit: MAX_PAGE };
        let received = self.remote.page(wanted, &request).await?;
        let mut names = names();
        match names.take(&received.bytes) {
            Ok(summary) => {
                Ok(ReceivedPage { url, names, entries: summary.listed, next: received.next, size })
            }
            Err(fault) => Err(received.guard.fail(fault.into())),
        }
    }
}

/// An empty collection of tags.
pub(crate) fn names() -> NameList {
    NameList::new(|name| name.parse::<Tag>().is_ok(), Bounds::NAMES)
}

// Cuts the requested page out of a listing, for registries that support neither `n` nor `last`.
pub(crate) fn page_of(listed: &NameList, has_next: bool, page: &Page) -> TagPage {
    let seen = page.after().and_then(|after| listed.iter().position(|tag| tag == after));
    let behind = seen.map_or(0, |index| index + 1);
    let is_cut_off = listed.len() - behind > page.limit();
    let tags: Vec<Tag> =
        listed.iter().skip(behind).take(page.limit()).filter_map(|tag| tag.parse().ok()).collect();
    let more = !tags.is_empty() && (is_cut_off || has_next);
    TagPage { tags, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: &str, last: &str) -> Page {
        Page::parse(Some(n), Some(last)).unwrap()
    }

    fn texts(page: &TagPage) -> Vec<&str> {
        page.tags.iter().map(Tag::as_str).collect()
    }

    #[test]
    fn asks_for_a_page() {
        assert_eq!(listing::query(Some(1000), None), "?n=1000");
        assert_eq!(listing::query(Some(2), Some("a&b=c")), "?n=2&last=a%26b%3Dc");
        assert_eq!(listing::query(None, Some("a")), "?last=a");
        assert_eq!(listing::query(None, None), "");
    }

    fn listed(tags: &[&str]) -> NameList {
        let mut names = names();
        names.take(serde_json::json!({ "tags": tags }).to_string().as_bytes()).unwrap();
        names
    }

    #[test]
    fn pages_what_the_registry_did_not() {
        let all = listed(&["a", "b", "not a tag", "c", "d"]);
        let first = page_of(&all, false, &page("2", ""));
        assert_eq!((texts(&first), first.more), (vec!["a", "b"], true));
        let second = page_of(&all, false, &page("2", "b"));
        assert_eq!((texts(&second), second.more), (vec!["c", "d"], false));
        let linked = page_of(&all, true, &page("9", ""));
        assert_eq!((linked.tags.len(), linked.more), (4, true));
        assert_eq!(page_of(&all, true, &page("0", "")), TagPage::default());
    }

    // Else they would go round in a circle.
    #[test]
    fn pages_of_what_repeats_itself_end() {
        let all = listed(&["a", "b", "a", "b", "c"]);
        let first = page_of(&all, false, &page("2", ""));
        assert_eq!((texts(&first), first.more), (vec!["a", "b"], true));
        let second = page_of(&all, false, &page("2", "b"));
        assert_eq!((texts(&second), second.more), (vec!["c"], false));
        // There is nothing to go on from.
        assert_eq!(page_of(&listed(&["not a tag"]), true, &page("2", "")), TagPage::default());
    }
}
