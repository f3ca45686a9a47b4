//! Lists the referrers of a manifest: from the referrers API, or from the tag that replaces it (distribution-spec,
//! §listing referrers).

use std::collections::HashSet;

use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Reference, Repository, referrers_tag};
use futures_util::FutureExt as _;
use http::{HeaderValue, header};

use crate::{
    egress_error::EgressError,
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    listing::{
        bounds::Bounds,
        collect::{Collect, PageSummary},
        pages::{self, PageRequest, Pages},
    },
    remote::Remote,
    request::Request,
};

/// The most bytes of a page.
const MAX_PAGE: usize = 4 << 20;

impl Remote {
    /// Lists the referrers of `subject`: all pages of the API, or the referrers tag if the registry has no API or its API
    /// lists none: some registries got it without taking over what the tags list. The list is empty if there are none.
    /// The descriptors are not verified.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] if the next page is at another origin.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        match self.referrers_by_api(repository, subject).await? {
            Some(listed) if !listed.is_empty() => Ok(listed),
            Some(_) => self.referrers_beside_api(repository, subject).await,
            None => self.referrers_by_tag(repository, subject).await,
        }
    }

    /// Like [`Remote::referrers`], from the API only; `None` if the registry does not seem to have it.
    ///
    /// # Errors
    /// As [`Remote::referrers`].
    pub async fn referrers_by_api(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let at = |endpoint| self.referrers_at(endpoint, repository, subject).boxed();
        match self.try_endpoints(None, at).await {
            // The spec says "no such API" with 404; some registries say it with one of the others, or with a web page.
            Err(Error::NotFound | Error::Denied { status: 400 | 405 | 406 | 422 | 501, .. })
            | Err(Error::Invalid(InvalidResponse::NotAListing)) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Like [`Remote::referrers_by_tag`], where the API lists none. Usually there is no such tag, so that is asked first,
    /// with a `HEAD`.
    ///
    /// # Errors
    /// As [`Remote::referrers`].
    pub async fn referrers_beside_api(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        match self.head_manifest(repository, &Reference::Tag(referrers_tag(subject))).await {
            Ok(_) => self.referrers_by_tag(repository, subject).await,
            Err(Error::NotFound | Error::Denied { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn referrers_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        let accept = HeaderValue::from_static("application/vnd.oci.image.index.v1+json");
        // GitHub redirects to a page for people.
        let request = Request::get(repository, format!("referrers/{subject}"))
            .with(header::ACCEPT, accept)
            .within_api();
        let pages = Pages {
            bounds: Bounds::REFERRERS,
            large_listings: self.large_listings(),
            first: request.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?,
            read: Box::new(|url| self.page(PageRequest { endpoint, url, limit: MAX_PAGE }, &request).boxed()),
            // Referrers have no names to request the next page by.
            after: Box::new(|_| None),
            size: None,
        };
        pages::read_all(&pages, Referrers::default).await.map(|referrers| referrers.found)
    }

    /// Like [`Remote::referrers`], from the referrers tag only. A tag that is no list has none: GitLab reads it as the digest
    /// in it, and responds with the subject itself.
    ///
    /// # Errors
    /// As [`Remote::referrers`].
    pub async fn referrers_by_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        let tag = Reference::Tag(referrers_tag(subject));
        let fetched = match self.manifest(repository, &tag).await {
            Ok(fetched) => fetched,
            Err(Error::NotFound) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut referrers = Referrers::default();
        match Manifest::parse(&fetched.bytes, Some(&fetched.media_type)) {
            Ok(index) if index.media_type().is_index() && !subject.matches(&fetched.bytes) => {
                referrers.add(index.into_manifests())?;
            }
            _ => {}
        }
        Ok(referrers.found)
    }
}

/// The referrers of a listing, each once and without annotations that are too long (see [`Descriptor::listed`]).
#[derive(Default)]
struct Referrers {
    found: Vec<Descriptor>,
    known: HashSet<Digest>,
    bytes: usize,
}

impl Referrers {
    // Returns the number of new ones.
    fn add(&mut self, listed: Vec<Descriptor>) -> Result<usize, InvalidResponse> {
        let before = self.found.len();
        for one in listed {
            if !self.known.insert(one.digest) {
                continue;
            }
            let one = one.listed();
            self.bytes += one.weight();
            Bounds::REFERRERS.check(self.found.len() + 1, self.bytes)?;
            self.found.push(one);
        }
        Ok(self.found.len() - before)
    }
}

impl Collect for Referrers {
    fn take(&mut self, bytes: &[u8]) -> Result<PageSummary, InvalidResponse> {
        let index =
            Manifest::parse(bytes, None).or_else(|_| Manifest::parse(bytes, Some(&MediaType::OCI_INDEX)));
        match index {
            Ok(index) if index.media_type().is_index() => {
                let listed = index.manifests().len();
                Ok(PageSummary { listed, new: self.add(index.into_manifests())?, last: None })
            }
            _ => Err(InvalidResponse::NotAListing),
        }
    }

    fn held(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::MAX_LISTED_ANNOTATIONS;

    use super::*;
    use crate::listing::bounds::MAX_REFERRERS;

    fn descriptor(nth: usize, annotations: &[(&str, String)]) -> Descriptor {
        let annotations: serde_json::Map<_, _> =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into())).collect();
        let digest = Digest::of(nth.to_string().as_bytes());
        let text = serde_json::json!({ "mediaType": "a/b", "digest": digest, "size": 1, "annotations": annotations });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn each_is_there_once_and_without_long_annotations() {
        let long = descriptor(1, &[("note", "x".repeat(MAX_LISTED_ANNOTATIONS))]);
        let mut referrers = Referrers::default();
        assert_eq!(referrers.add(vec![long, descriptor(1, &[]), descriptor(2, &[])]).unwrap(), 2);
        assert!(referrers.found[0].annotations.is_none());
    }

    #[test]
    fn they_are_bounded_in_number_and_in_bytes() {
        let mut referrers = Referrers::default();
        let many: Vec<_> = (0..=MAX_REFERRERS).map(|nth| descriptor(nth, &[])).collect();
        let told = referrers.add(many).unwrap_err().to_string();
        assert_eq!(told, "the listing has more than 10000 entries");
        let heavy: Vec<_> = (0..2200).map(|nth| descriptor(nth, &[("k", "x".repeat(4000))])).collect();
        let told = Referrers::default().add(heavy).unwrap_err().to_string();
        assert_eq!(told, "the listing has more than 8388608 bytes");
    }
}
