//! What refers to a manifest: the referrers API, and the tag that stands in for it (distribution-spec, §listing
//! referrers).

use entrepot_oci::{Descriptor, Digest, Manifest, MediaType, Reference, Repository, referrers_tag};
use futures_util::FutureExt as _;
use http::{HeaderValue, header};
use url::Url;

use crate::{
    answer::Answer,
    ask::Ask,
    egress::EgressError,
    endpoints::Endpoint,
    error::{Error, InvalidAnswer},
    link,
    remote::Remote,
    room,
};

/// The most referrers of one manifest that are taken.
const MAX_REFERRERS: usize = 10_000;

/// The most pages that are asked for, the most bytes of each, and of all together.
const MAX_PAGES: usize = 100;
const MAX_PAGE_BYTES: usize = 4 << 20;
const MAX_BYTES: usize = 8 << 20;

impl Remote {
    /// Lists what refers to `subject`: from the API, all pages of it, or where the registry has none from the referrers
    /// tag. None is an empty list. What the list says of each referrer is not proven, and what it says at length is left
    /// out ([`Descriptor::listed`]).
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] if the next page is said to be elsewhere, [`InvalidAnswer::TooLarge`] beyond 8 MiB
    /// in all.
    pub async fn referrers(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        match self.referrers_by_api(repository, subject).await? {
            Some(listed) => Ok(listed),
            None => self.referrers_by_tag(repository, subject).await,
        }
    }

    /// The same from the API alone; `None` where the registry seems to have none.
    ///
    /// # Errors
    /// As [`Remote::referrers`].
    pub async fn referrers_by_api(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let at = |endpoint| self.referrers_at(endpoint, repository, subject).boxed();
        match self.at_endpoints(None, at).await {
            // 404 is how the spec says "no such API"; some say it with one of the others.
            Err(Error::NotFound | Error::Denied { status: 400 | 405 | 501, .. }) => Ok(None),
            other => other.map(Some),
        }
    }

    async fn referrers_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, Error> {
        let accept = HeaderValue::from_static("application/vnd.oci.image.index.v1+json");
        let ask = Ask::get(repository, format!("referrers/{subject}")).with(header::ACCEPT, accept);
        if let Some(found) = self.gathered(endpoint, &ask, room::FREE).await? {
            return Ok(found);
        }
        // Nothing is held while there is no room for it, so a long listing is begun again.
        let _room = room::LISTINGS.take(MAX_BYTES).await;
        self.gathered(endpoint, &ask, MAX_BYTES).await.map(Option::unwrap_or_default)
    }

    // All pages; `None` if there are more of them than `room` has space for.
    async fn gathered(
        &self,
        endpoint: Endpoint,
        ask: &Ask,
        room: usize,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let mut url = ask.at(self.endpoint(endpoint)).ok_or(EgressError::Malformed)?;
        let (mut found, mut bytes) = (Vec::new(), 0);
        for _ in 0..MAX_PAGES {
            let answer = self.exchange_at(endpoint, url.clone(), ask).await?;
            let next = match self.next_page(&url, &answer) {
                Ok(next) => next,
                Err(foreign) => return Err(answer.fail(foreign)),
            };
            let (listed, length) = self.listed(answer, MAX_BYTES - bytes).await?;
            bytes += length;
            found.extend(listed);
            match next {
                Some(_) if bytes > room => return Ok(None),
                Some(next) if found.len() <= MAX_REFERRERS => url = next,
                None if found.len() <= MAX_REFERRERS => return Ok(Some(found)),
                _ => break,
            }
        }
        Err(InvalidAnswer::TooMany { limit: MAX_REFERRERS }.into())
    }

    fn next_page(&self, from: &Url, answer: &Answer) -> Result<Option<Url>, EgressError> {
        let target = answer.header(&header::LINK).and_then(link::next);
        target.map(|target| self.gate().page(from, target)).transpose()
    }

    // The entries of a page, and how many bytes it had.
    async fn listed(&self, answer: Answer, left: usize) -> Result<(Vec<Descriptor>, usize), Error> {
        let (bytes, receipt) = answer.document(MAX_PAGE_BYTES, self.patience()).await?;
        if bytes.len() > left {
            return Err(receipt.fail(InvalidAnswer::TooLarge { limit: MAX_BYTES as u64 }.into()));
        }
        let index =
            Manifest::parse(&bytes, None).or_else(|_| Manifest::parse(&bytes, Some(&MediaType::OCI_INDEX)));
        match index {
            Ok(index) if index.media_type().is_index() => Ok((entries(index), bytes.len())),
            _ => Err(receipt.fail(InvalidAnswer::NotAListing.into())),
        }
    }

    /// The same from the referrers tag alone.
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
        match Manifest::parse(&fetched.bytes, Some(&fetched.media_type)) {
            Ok(index) if index.media_type().is_index() && index.manifests().len() <= MAX_REFERRERS => {
                Ok(entries(index))
            }
            _ => Err(InvalidAnswer::NotAListing.into()),
        }
    }
}

fn entries(index: Manifest) -> Vec<Descriptor> {
    index.into_manifests().into_iter().map(Descriptor::listed).collect()
}
