//! Whole listings, of tags and of repositories: page after page, whatever the registry makes of pages.
//!
//! A page says where the next one is (`Link`), or it does not: some registries stop at a number of their own and keep
//! quiet about the rest, so where none is ever named, another one is asked for behind a page that looks full.

use std::collections::HashSet;

use entrepot_oci::{Repository, Tag};
use futures_util::FutureExt as _;
use http::header;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use crate::{
    ask::Ask,
    egress::EgressError,
    endpoints::Endpoint,
    error::{Error, InvalidAnswer},
    link,
    remote::Remote,
};

/// The largest page of a listing that is read, in bytes: some registries send all at once, whatever was asked.
pub(crate) const MAX_LISTING: usize = 8 << 20;

/// The most entries of one listing that are taken.
pub const MAX_ENTRIES: usize = 200_000;

// The longest page asked for, beyond which ECR refuses; and one that everybody gives.
const LONG: usize = 1000;
const SHORT: usize = 100;

#[derive(Deserialize)]
struct Names {
    // Registries in Go send `null` for none.
    #[serde(alias = "repositories")]
    tags: Option<Vec<String>>,
}

/// One answer of a listing.
struct Part {
    names: Vec<String>,
    next: Next,
}

/// Where the next one is.
enum Next {
    /// There.
    At(Url),
    /// There is one, but not where we go: at another place, or without TLS, which proxies in front of registries make of
    /// their addresses. It can be asked for by the last name.
    Behind,
    /// Nothing is said.
    Unsaid,
}

/// What is listed.
#[derive(Clone, Copy)]
enum Subject<'a> {
    Tags(&'a Repository),
    Repositories,
}

impl Remote {
    /// Lists all tags of a repository, in the registry's order. What is no tag is left out.
    ///
    /// # Errors
    /// See [`Error`]; [`InvalidAnswer::TooMany`] beyond [`MAX_ENTRIES`], and [`InvalidAnswer::Circle`] where the pages
    /// do not end. A listing is whole or an error.
    pub async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let subject = Subject::Tags(repository);
        let names = self.at_endpoints(None, |endpoint| self.whole(endpoint, subject).boxed()).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Lists all repositories of a registry that says which it has. Most of the large ones do not.
    ///
    /// # Errors
    /// As [`Remote::all_tags`].
    pub async fn all_repositories(&self) -> Result<Vec<Repository>, Error> {
        let subject = Subject::Repositories;
        let names = self.at_endpoints(None, |endpoint| self.whole(endpoint, subject).boxed()).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn whole(&self, endpoint: Endpoint, subject: Subject<'_>) -> Result<Vec<String>, Error> {
        let (first, limit) = self.first_part(endpoint, subject).await?;
        let (mut found, mut seen, mut asked) = (Vec::new(), HashSet::new(), HashSet::new());
        let mut part = Some(first);
        let mut links = false;
        while let Some(Part { names, next }) = part {
            links |= !matches!(next, Next::Unsaid);
            let (before, listed) = (found.len(), names.len());
            let last = names.last().cloned();
            found.extend(names.into_iter().filter(|name| seen.insert(name.clone())));
            if found.len() > MAX_ENTRIES {
                return Err(InvalidAnswer::TooMany { limit: MAX_ENTRIES }.into());
            }
            let is_new = found.len() > before;
            let is_full = !links && looks_full(listed, limit);
            part = match (next, last) {
                (Next::At(next), _) if asked.insert(next.clone()) => {
                    Some(self.part(endpoint, next, &subject.ask(limit, None)).await?)
                }
                (Next::At(_), _) => return Err(InvalidAnswer::Circle.into()),
                (Next::Behind, _) if !is_new => return Err(InvalidAnswer::Circle.into()),
                (Next::Behind, Some(last)) => {
                    Some(self.part_of(endpoint, &subject.ask(limit, Some(&last))).await?)
                }
                (Next::Unsaid, Some(last)) if is_new && is_full => {
                    Some(self.part_of(endpoint, &subject.ask(limit, Some(&last))).await?)
                }
                _ => None,
            };
        }
        Ok(found)
    }

    // Some refuse long pages instead of giving shorter ones.
    async fn first_part(&self, endpoint: Endpoint, subject: Subject<'_>) -> Result<(Part, usize), Error> {
        match self.part_of(endpoint, &subject.ask(LONG, None)).await {
            Err(Error::Denied { status: 400 | 405 | 422, .. }) => {
                let part = self.part_of(endpoint, &subject.ask(SHORT, None)).await?;
                Ok((part, SHORT))
            }
            other => other.map(|part| (part, LONG)),
        }
    }

    async fn part_of(&self, endpoint: Endpoint, ask: &Ask) -> Result<Part, Error> {
        let url = ask.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        self.part(endpoint, url, ask).await
    }

    async fn part(&self, endpoint: Endpoint, url: Url, ask: &Ask) -> Result<Part, Error> {
        let answer = self.exchange_at(endpoint, url.clone(), ask).await?;
        let next = match answer.header(&header::LINK).and_then(link::next) {
            Some(target) => self.gate().page(&url, target).map_or(Next::Behind, Next::At),
            None => Next::Unsaid,
        };
        let (bytes, receipt) = answer.document(MAX_LISTING, self.patience()).await?;
        match serde_json::from_slice::<Names>(&bytes) {
            Ok(listed) => Ok(Part { names: listed.tags.unwrap_or_default(), next }),
            Err(_) => Err(receipt.fail(InvalidAnswer::NotAListing.into())),
        }
    }
}

impl Subject<'_> {
    fn ask(self, limit: usize, after: Option<&str>) -> Ask {
        let mut query = format!("n={limit}");
        if let Some(after) = after {
            query.push_str("&last=");
            query.extend(utf8_percent_encode(after, NON_ALPHANUMERIC));
        }
        match self {
            Self::Tags(repository) => Ask::get(repository, format!("tags/list?{query}")),
            Self::Repositories => Ask::catalog(format!("_catalog?{query}")),
        }
    }
}

// Whether more may be behind a page that names no next one: it has as many as were asked for, or a round number.
fn looks_full(listed: usize, limit: usize) -> bool {
    listed > 0 && (listed >= limit || listed.is_multiple_of(50))
}
