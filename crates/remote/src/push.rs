//! Writes and deletes manifests and tags (distribution-spec, §pushing manifests, §deleting tags).

use bytes::Bytes;
use entrepot_oci::{Digest, MediaType, Reference, Repository, Tag};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, header};

use crate::{
    auth::scope::Scope,
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    links::choose::RequestPurpose,
    remote::Remote,
    request::Request,
    response::Response,
};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// A manifest that a registry stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// The digest.
    pub digest: Digest,
    /// The subject of the manifest, if the registry maintains the list of its referrers. If this is `None` and the
    /// manifest has a subject, the client must update the referrers tag.
    pub subject: Option<Digest>,
}

impl Remote {
    /// Pushes a manifest. Everything it references must exist before.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::refusal`] says what a refusal is about.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
        media_type: &MediaType,
        bytes: Bytes,
    ) -> Result<PushedManifest, Error> {
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(_) => Digest::of(&bytes),
        };
        let kind = HeaderValue::try_from(media_type.as_str())
            .map_err(|_| InvalidResponse::NotAManifest { source: None })?;
        let rest = format!("manifests/{reference}");
        let request = Request::change(Method::PUT, Scope::Push(repository.clone()), repository, rest)
            .with(header::CONTENT_TYPE, kind)
            .sending(bytes);
        let response = self
            .try_for(None, RequestPurpose::Change, |endpoint| self.exchange(endpoint, &request).boxed())
            .await?;
        match response.digest_is(&digest) {
            Ok(()) => Ok(PushedManifest { digest, subject: subject(&response) }),
            Err(lie) => Err(response.fail(lie)),
        }
    }

    /// Deletes a manifest and every tag that points to it.
    ///
    /// # Errors
    /// See [`Error`]; [`crate::Refusal::Unsupported`] if the registry does not delete manifests.
    pub async fn delete_manifest(&self, repository: &Repository, digest: &Digest) -> Result<(), Error> {
        self.delete(repository, format!("manifests/{digest}")).await
    }

    /// Deletes a tag only, which not every registry supports.
    ///
    /// # Errors
    /// See [`Error`]; [`crate::Refusal::Unsupported`] if the registry does not delete tags.
    pub async fn delete_tag(&self, repository: &Repository, tag: &Tag) -> Result<(), Error> {
        self.delete(repository, format!("manifests/{tag}")).await
    }

    async fn delete(&self, repository: &Repository, rest: String) -> Result<(), Error> {
        let request = Request::change(Method::DELETE, Scope::Delete(repository.clone()), repository, rest);
        let at = |endpoint: Endpoint| self.exchange(endpoint, &request).boxed();
        self.try_for(None, RequestPurpose::Change, at).await?.drain().await;
        Ok(())
    }
}

fn subject(response: &Response) -> Option<Digest> {
    response.header(&SUBJECT)?.trim().parse().ok()
}
