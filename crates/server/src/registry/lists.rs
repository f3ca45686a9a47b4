//! Tags and referrers (distribution-spec, §content discovery).

use entrepot_oci::{Descriptor, Digest, MAX_MANIFEST_BYTES, MediaType, Page, ReferrersIndex, Tag};
use http::{HeaderValue, Response, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::ask::Ask;
use crate::{
    answer,
    body::Body,
    error::Refusal,
    headers::{self, JSON, OCI_FILTERS_APPLIED, STALE},
    query,
};

/// Characters not escaped in a query: RFC 3986's unreserved, and those of hosts, digests and media types.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':').remove(b'/');
/// Allowance for a page of referrers besides its descriptors, in bytes.
const ENVELOPE: usize = 256;

#[derive(Serialize)]
struct TagList<'a> {
    name: &'a str,
    tags: Vec<&'a str>,
}

pub(super) async fn tags(ask: &Ask<'_>, page: &Page) -> Result<Response<Body>, Refusal> {
    let found = ask.mirror.tags(ask.target, page).await?;
    let tags = found.tags.iter().take(page.limit()).map(Tag::as_str).collect();
    let mut response = answer::json(&TagList { name: ask.name.as_str(), tags }, JSON);
    let to = response.headers_mut();
    if let Some(last) = found.tags.last().filter(|_| found.more && page.limit() > 0) {
        let next = ask.address(format_args!("tags/list?n={}&last={last}", page.limit()));
        to.insert(header::LINK, link(ask, next));
    }
    if found.stale {
        to.insert(header::WARNING, STALE);
    }
    Ok(response)
}

pub(super) async fn referrers(
    ask: &Ask<'_>,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let found = ask.mirror.referrers(ask.target, subject).await?;
    ask.state.rules.refers(&ask.pulled(), found.descriptors.iter().map(|one| one.digest));
    let fits =
        |one: &&Descriptor| artifact_type.is_none_or(|wanted| one.artifact_type.as_deref() == Some(wanted));
    let descriptors = found.descriptors.iter().filter(fits).cloned().collect();
    let after = query::find(ask.query, "last").and_then(|last| last.parse().ok());
    let (page, more) = cut(descriptors, after, MAX_MANIFEST_BYTES - ENVELOPE);
    let last = page.last().map(|descriptor| descriptor.digest);
    let index = HeaderValue::from_static("application/vnd.oci.image.index.v1+json");
    debug_assert_eq!(index, MediaType::OCI_INDEX.as_str());
    let mut response = answer::json(&ReferrersIndex::new(page), index);
    let to = response.headers_mut();
    if let Some(last) = last.filter(|_| more) {
        let mut next = ask.address(format_args!("referrers/{subject}?last={last}"));
        if let Some(wanted) = artifact_type {
            next.push_str("&artifactType=");
            next.extend(utf8_percent_encode(wanted, PLAIN));
        }
        to.insert(header::LINK, link(ask, next));
    }
    if artifact_type.is_some() {
        to.insert(OCI_FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    if found.stale {
        to.insert(header::WARNING, STALE);
    }
    Ok(response)
}

// One page of at most `limit` bytes after `after`, and true if more follow. A single page keeps the original order;
// several are ordered by digest, since entries may come and go between pages.
fn cut(mut all: Vec<Descriptor>, after: Option<Digest>, limit: usize) -> (Vec<Descriptor>, bool) {
    let sizes = |all: &[Descriptor]| -> Vec<usize> {
        all.iter().map(|one| serde_json::to_vec(one).map_or(0, |json| json.len()) + 1).collect()
    };
    if after.is_none() && sizes(&all).iter().sum::<usize>() <= limit {
        return (all, false);
    }
    all.sort_by_key(|descriptor| descriptor.digest);
    if let Some(after) = after {
        all.retain(|descriptor| descriptor.digest > after);
    }
    let mut total = 0;
    let fitting = sizes(&all).into_iter().take_while(|size| {
        total += size;
        total <= limit
    });
    // An oversized entry must still be returned, or the list would never end.
    let count = fitting.count().max(1).min(all.len());
    let more = count < all.len();
    all.truncate(count);
    (all, more)
}

// The next page is requested with the same form of the name.
fn link(ask: &Ask<'_>, mut next: String) -> HeaderValue {
    if let Some(namespace) = ask.asked.namespace {
        next.push_str("&ns=");
        next.extend(utf8_percent_encode(namespace.as_str(), PLAIN));
    }
    headers::value(format!("<{next}>; rel=\"next\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(text: &str) -> Descriptor {
        Descriptor {
            media_type: String::new(),
            digest: Digest::of(text.as_bytes()),
            size: 0,
            artifact_type: None,
            annotations: None,
            platform: None,
            urls: Vec::new(),
        }
    }

    #[test]
    fn pages_cover_everything_once() {
        let all: Vec<_> = ["a", "b", "c", "d", "e"].map(descriptor).into();
        assert_eq!(cut(all.clone(), None, 10_000), (all.clone(), false));
        for limit in [1, 250, 300, 500] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (page, more) = cut(all.clone(), after, limit);
                after = page.last().map(|last| last.digest);
                seen.extend(page.into_iter().map(|one| one.digest));
                if !more {
                    break;
                }
            }
            let mut expected: Vec<_> = all.iter().map(|one| one.digest).collect();
            expected.sort();
            assert_eq!(seen, expected, "{limit}");
        }
        assert_eq!(cut(Vec::new(), None, 1), (Vec::new(), false));
    }

    // H21
    #[test]
    fn a_hundred_thousand_take_a_few_full_pages() {
        let all: Vec<_> = (0..100_000).map(|nth: u32| descriptor(&nth.to_string())).collect();
        let (mut seen, mut after, mut pages) = (0, None, 0);
        loop {
            let (page, more) = cut(all.clone(), after, MAX_MANIFEST_BYTES - ENVELOPE);
            assert!(page.iter().all(|one| after.is_none_or(|after| one.digest > after)));
            assert!(
                serde_json::to_vec(&ReferrersIndex::new(page.clone())).unwrap().len() <= MAX_MANIFEST_BYTES
            );
            after = page.last().map(|last| last.digest);
            (seen, pages) = (seen + page.len(), pages + 1);
            if !more {
                break;
            }
        }
        assert_eq!((seen, pages), (100_000, 3));
    }
}
