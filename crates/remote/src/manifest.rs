//! Manifests: their description, or their verified bytes.

use std::sync::Arc;

use bytes::Bytes;
use entrepot_oci::{
    Descriptor, Digest, ErrorBody, MAX_MANIFEST_BYTES, Manifest, ManifestError, MediaType, Reference,
    Repository, is_manifest_digest, schema1_media_type, schema1_signed_payload,
};
use futures_util::FutureExt as _;
use http::{HeaderValue, header};

use crate::{
    endpoint::Endpoint,
    error::{Error, InvalidResponse},
    remote::Remote,
    request::Request,
    response::Response,
};

/// What a registry says about a manifest without sending it. None of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// The digest, if the registry gives it.
    pub digest: Option<Digest>,
    /// The media type, if the registry gives a specific one.
    pub media_type: Option<MediaType>,
    /// The size in bytes, if the registry gives it.
    pub size: Option<u64>,
}

/// A manifest whose bytes match its digest: those of a signed Docker schema 1 manifest do so without the signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedManifest {
    /// The requested digest, or that of the bytes.
    pub digest: Digest,
    /// The `Content-Type` if it is specific, otherwise the type that the document gives.
    pub media_type: MediaType,
    /// The document as the registry sent it.
    pub bytes: Bytes,
}

/// What a registry says about a manifest, as far as that is enough; otherwise the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundManifest {
    /// It answered the `HEAD`.
    Head(ManifestHead),
    /// The `HEAD` did not decide, so the manifest was fetched.
    Whole(FetchedManifest),
}

impl FoundManifest {
    /// Its description.
    pub fn into_head(self) -> ManifestHead {
        match self {
            Self::Head(head) => head,
            Self::Whole(FetchedManifest { digest, media_type, bytes }) => {
                let (digest, media_type) = (Some(digest), Some(media_type));
                ManifestHead { digest, media_type, size: Some(bytes.len() as u64) }
            }
        }
    }
}

impl Remote {
    /// Asks whether there is a manifest, with `HEAD`, which Docker Hub does not count. A registry that refuses `HEAD` is
    /// sent `GET`, which also returns the reason of a refusal. For those who would write it if it is missing: some
    /// registries answer 404 to a `HEAD` of what they have.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn head_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<ManifestHead, Error> {
        let at = |endpoint| self.head_or_get(endpoint, repository, reference).boxed();
        self.try_endpoints(None, at).await.map(FoundManifest::into_head)
    }

    /// Like [`Remote::head_manifest`], for those who want to read it: where the answer to the `HEAD` is 404 or cannot be
    /// used, `GET` decides. Only a registry that counts pulls ([`Remote::pull_quota`]) is believed that it has none.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<FoundManifest, Error> {
        let find = |endpoint| async move {
            match self.head_or_get(endpoint, repository, reference).await {
                Err(Error::NotFound) if self.pull_quota().is_none() => {}
                Err(Error::Invalid(_)) => {}
                answered => return answered,
            }
            self.manifest_at(endpoint, repository, reference).await.map(FoundManifest::Whole)
        };
        self.try_endpoints(None, |endpoint| find(endpoint).boxed()).await
    }

    /// Fetches a manifest and verifies it against the requested digest, or by tag against the `Docker-Content-Digest`
    /// header if there is one. The bytes are JSON that [`Manifest::parse`] accepts, at most [`MAX_MANIFEST_BYTES`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<FetchedManifest, Error> {
        self.try_endpoints(None, |endpoint| self.manifest_at(endpoint, repository, reference).boxed()).await
    }

    async fn head_or_get(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<FoundManifest, Error> {
        let request = accepting(Request::head(repository, format!("manifests/{reference}")));
        match self.exchange(endpoint, &request).await {
            Ok(response) => head(response, reference).map(FoundManifest::Head),
            Err(error) if error.leaves_open() => {
                self.manifest_at(endpoint, repository, reference).await.map(FoundManifest::Whole)
            }
            Err(error) => Err(error),
        }
    }

    async fn manifest_at(
        &self,
        endpoint: Endpoint,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<FetchedManifest, Error> {
        let request = accepting(Request::get(repository, format!("manifests/{reference}")));
        self.read_manifest(self.exchange(endpoint, &request).await?, reference).await
    }

    /// Reads and verifies the manifest in a response.
    pub(crate) async fn read_manifest(
        &self,
        response: Response,
        reference: &Reference,
    ) -> Result<FetchedManifest, Error> {
        let (said, declared) = (response.digest(), content_type(&response));
        let (bytes, guard) = response.document(MAX_MANIFEST_BYTES, self.patience()).await?;
        said.and_then(|said| proven(reference, said, &bytes))
            .and_then(|digest| Ok((digest, kind(&bytes, declared?)?)))
            .map(|(digest, media_type)| FetchedManifest { digest, media_type, bytes })
            .map_err(|invalid| guard.fail(invalid.into()))
    }
}

pub(crate) fn accepting(request: Request) -> Request {
    request.with(header::ACCEPT, HeaderValue::from_static(MediaType::ACCEPT))
}

/// What the response to a `HEAD` says about a manifest.
pub(crate) fn head(response: Response, reference: &Reference) -> Result<ManifestHead, Error> {
    let facts = || {
        if let Reference::Digest(asked) = reference {
            response.digest_is(asked)?;
        }
        let (digest, media_type) = (response.digest()?, content_type(&response)?);
        // No manifest is empty: some proxies write 0 for what they do not know.
        Ok(ManifestHead { digest, media_type, size: response.content_length().filter(|size| *size > 0) })
    };
    facts().map_err(|invalid: InvalidResponse| response.fail(invalid))
}

// The `Content-Type` if it is specific. A web page is not a manifest, whatever it contains.
fn content_type(response: &Response) -> Result<Option<MediaType>, InvalidResponse> {
    let Some(media_type) = response.header(&header::CONTENT_TYPE).and_then(MediaType::parse) else {
        return Ok(None);
    };
    match media_type.as_str().to_ascii_lowercase().as_str() {
        "application/json" | "application/octet-stream" | "binary/octet-stream" | "text/plain" => Ok(None),
        "text/html" | "application/xhtml+xml" => Err(InvalidResponse::NotAManifest { source: None }),
        _ => Ok(Some(media_type)),
    }
}

// The digest of the bytes, if it is the requested and the announced one.
fn proven(reference: &Reference, said: Option<Digest>, bytes: &[u8]) -> Result<Digest, InvalidResponse> {
    let digest = match (reference, said) {
        (Reference::Digest(asked), _) => *asked,
        (Reference::Tag(_), Some(said)) => said,
        // The registry that does not say a digest has one all the same: that of the document without its signatures.
        (Reference::Tag(_), None) => {
            return Ok(schema1_signed_payload(bytes)
                .map_or_else(|| Digest::of(bytes), |payload| Digest::of(&payload)));
        }
    };
    let matches = |one: &Digest| is_manifest_digest(one, bytes);
    let all_match = matches(&digest) && said.is_none_or(|said| said == digest || matches(&said));
    if all_match { Ok(digest) } else { Err(InvalidResponse::WrongDigest) }
}

fn kind(bytes: &[u8], declared: Option<MediaType>) -> Result<MediaType, InvalidResponse> {
    let not_a_manifest =
        |error: ManifestError| InvalidResponse::NotAManifest { source: Some(Arc::new(error)) };
    let manifest = match Manifest::parse(bytes, declared.as_ref()) {
        // Neither the header nor the document gives it; OCI allows that for the document.
        Err(ManifestError::NoMediaType) => by_shape(bytes),
        other => other,
    }
    .map_err(not_a_manifest)?;
    let is_error =
        manifest.config().is_none() && manifest.manifests().is_empty() && ErrorBody::parse(bytes).is_some();
    if is_error {
        Err(InvalidResponse::NotAManifest { source: None })
    } else {
        Ok(manifest.media_type().clone())
    }
}

fn by_shape(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let index = Manifest::parse(bytes, Some(&MediaType::OCI_INDEX));
    if index.is_ok() {
        return index;
    }
    if let Some(media_type) = schema1_media_type(bytes) {
        return Manifest::parse(bytes, Some(&media_type));
    }
    let image = Manifest::parse(bytes, Some(&MediaType::OCI_MANIFEST))?;
    let config: Option<&Descriptor> = image.config();
    if config.is_some() { Ok(image) } else { Err(ManifestError::NoMediaType) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor() -> String {
        format!(r#"{{"mediaType":"a/b","digest":"{}","size":1}}"#, Digest::of(b"x"))
    }

    #[test]
    fn the_kind_is_what_is_said_or_else_seen() {
        let index = format!(r#"{{"manifests":[{}]}}"#, descriptor());
        let image = format!(r#"{{"config":{},"layers":[]}}"#, descriptor());
        assert_eq!(kind(index.as_bytes(), None).unwrap(), MediaType::OCI_INDEX);
        assert_eq!(kind(image.as_bytes(), None).unwrap(), MediaType::OCI_MANIFEST);
        assert_eq!(kind(index.as_bytes(), Some(MediaType::DOCKER_LIST)).unwrap(), MediaType::DOCKER_LIST);
        let schema1 = MediaType::DOCKER_SCHEMA1_SIGNED;
        assert_eq!(kind(br#"{"name":"a"}"#, Some(schema1.clone())).unwrap(), schema1);
        let old = br#"{"schemaVersion":1,"fsLayers":[]}"#;
        assert_eq!(kind(old, None).unwrap(), MediaType::DOCKER_SCHEMA1);
    }

    #[test]
    fn other_documents_are_not_manifests() {
        let error = br#"{"errors":[{"code":"DENIED","message":"no"}]}"#;
        for declared in [None, Some(MediaType::OCI_MANIFEST)] {
            assert!(kind(error, declared.clone()).is_err());
            assert!(kind(b"<html></html>", declared).is_err());
        }
        assert!(kind(b"{}", None).is_err());
        assert!(kind(br#"{"mediaType":"not a type"}"#, None).is_err());
    }

    #[test]
    fn digests_are_proven() {
        let (tag, right, wrong) = (Reference::Tag("t".parse().unwrap()), Digest::of(b"x"), Digest::of(b"y"));
        let long = Digest::with(entrepot_oci::Algorithm::Sha512, b"x");
        assert_eq!(proven(&tag, None, b"x").unwrap(), right);
        assert_eq!(proven(&tag, Some(long), b"x").unwrap(), long);
        assert_eq!(proven(&right.into(), Some(long), b"x").unwrap(), right);
        assert!(proven(&tag, Some(wrong), b"x").is_err());
        assert!(proven(&right.into(), None, b"y").is_err());
        assert!(proven(&right.into(), Some(wrong), b"x").is_err());
        assert!(proven(&right.into(), Some(wrong), b"y").is_err());
    }
}
