//! Lists one page of tags (distribution-spec, §listing tags).

use entrepot_oci::{Page, Repository, Tag};
use futures_util::FutureExt as _;
use http::header;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    endpoint::Endpoint,
    error::Error,
    link_header,
    listing::{MAX_PAGE, bounds::Bounds, collect::Collect as _, names::Names},
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
        self.try_endpoints(None, |endpoint| self.tags_at(endpoint, repository, page).boxed()).await
    }

    async fn tags_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        page: &Page,
    ) -> Result<TagPage, Error> {
        let response = self.exchange(endpoint, &Request::get(repository, path(page))).await?;
        let has_next = response.header(&header::LINK).and_then(link_header::next).is_some();
        let (bytes, guard) = response.document(MAX_PAGE, self.patience()).await?;
        let mut names = names();
        match names.take(&bytes) {
            Ok(_) => Ok(page_of(&names, has_next, page)),
            Err(fault) => Err(guard.fail(fault.into())),
        }
    }
}

fn path(page: &Page) -> String {
    // A request for no tags must still tell an existing repository from a missing one.
    let mut path = format!("tags/list?n={}", page.limit().max(1));
    if let Some(after) = page.after() {
        path.push_str("&last=");
        path.extend(utf8_percent_encode(after, NON_ALPHANUMERIC));
    }
    path
}

/// An empty collection of tags.
pub(crate) fn names() -> Names {
    Names::new(|name| name.parse::<Tag>().is_ok(), Bounds::NAMES)
}

// Cuts the requested page out of a listing, for registries that support neither `n` nor `last`.
pub(crate) fn page_of(listed: &Names, has_next: bool, page: &Page) -> TagPage {
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
        assert_eq!(path(&Page::default()), "tags/list?n=1000");
        assert_eq!(path(&page("2", "a&b=c")), "tags/list?n=2&last=a%26b%3Dc");
        assert_eq!(path(&page("0", "")), "tags/list?n=1");
    }

    fn listed(tags: &[&str]) -> Names {
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
