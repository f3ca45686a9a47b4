//! Writing and deleting manifests and tags (distribution-spec, §pushing manifests, §deleting tags).

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference, Repository, Tag};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, header};

use crate::{
    answer::Answer,
    ask::Ask,
    auth::scope::Scope,
    endpoints::Endpoint,
    error::{Error, InvalidAnswer},
    remote::Remote,
};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// A manifest that a registry has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Its digest.
    pub digest: Digest,
    /// What it refers to, where the registry keeps the list of referrers. `None` for a manifest that has a subject: the
    /// referrers tag of that is for the client to keep.
    pub subject: Option<Digest>,
}

impl Remote {
    /// Puts a manifest. What it names must be there before it.
    ///
    /// # Errors
    /// See [`Error`]; what a refusal is about is said by [`Error::refusal`].
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<Pushed, Error> {
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(_) => Digest::of(&bytes),
        };
        let kind = HeaderValue::try_from(media_type.as_str())
            .map_err(|_| InvalidAnswer::NotAManifest { source: None })?;
        let about = (repository, format!("manifests/{reference}"));
        let ask = Ask::change(Method::PUT, Scope::Push(repository.clone()), about)
            .with(header::CONTENT_TYPE, kind)
            .sending(bytes);
        let answer = self.at_endpoints(None, |endpoint| self.exchange(endpoint, &ask).boxed()).await?;
        match answer.digest_is(&digest) {
            Ok(()) => Ok(Pushed { digest, subject: subject(&answer) }),
            Err(lie) => Err(answer.fail(lie)),
        }
    }

    /// Deletes a manifest, and with it every tag that points at it.
    ///
    /// # Errors
    /// See [`Error`]; a refusal about [`crate::Refusal::Unsupported`] where nothing is deleted.
    pub async fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        self.delete(repository, format!("manifests/{digest}")).await
    }

    /// Deletes a tag alone, which not every registry that deletes manifests does.
    ///
    /// # Errors
    /// See [`Error`]; a refusal about [`crate::Refusal::Unsupported`] where tags are not deleted.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<(), Error> {
        self.delete(repository, format!("manifests/{tag}")).await
    }

    async fn delete(&self, repository: &Repository, rest: String) -> Result<(), Error> {
        let ask = Ask::change(Method::DELETE, Scope::Delete(repository.clone()), (repository, rest));
        let at = |endpoint: Endpoint| self.exchange(endpoint, &ask).boxed();
        self.at_endpoints(None, at).await?.drain().await;
        Ok(())
    }
}

fn subject(answer: &Answer) -> Option<Digest> {
    answer.header(&SUBJECT)?.trim().parse().ok()
}
