//! What the registry can and cannot do, as real ones differ, and the sets of it that some of them are known for.

use bytes::Bytes;

/// Switches of a [`crate::TestRegistry`]; by default it can do everything.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The referrers API of OCI 1.1. Without it, it answers 404 and [`crate::TestRegistry::put_image`] keeps the
    /// referrers tag instead.
    pub referrers: bool,
    /// Ranges of blobs. Without them, a ranged request gets 200 and the whole blob.
    pub ranges: bool,
    /// The `Docker-Content-Digest` header.
    pub digest_header: bool,
    /// `HEAD`. Without it, it answers 405.
    pub head: bool,
    /// `DELETE`. Without it, it answers 405.
    pub delete: bool,
    /// Mounting a blob from another repository. Without it, a mount opens an upload session.
    pub mount: bool,
    /// The most tags of one page; `None` for as many as were asked for.
    pub tags_page: Option<usize>,
    /// The most referrers of one page; `None` for all.
    pub referrers_page: Option<usize>,
    /// Docker Hub's limit on manifest requests.
    pub rate_limit: Option<RateLimit>,
    /// Taking OCI indexes. Without it, they are refused as Huawei's SWR does.
    pub oci_indexes: bool,
    /// Taking OCI manifests. Without it, the same.
    pub oci_manifests: bool,
    /// The status that says that a manifest was taken.
    pub manifest_taken: u16,
    /// Mounting without `from`, which then finds nothing. Without it, 400.
    pub mount_from_anywhere: bool,
    /// Repositories come by pushing. Without it, pushing to one that is not there is answered 404.
    pub create_on_push: bool,
    /// Moving a tag that is there.
    pub move_tags: bool,
    /// The longest page that may be asked for, beyond which the answer is 405.
    pub longest_page: Option<usize>,
    /// `Link`s from page to page. Without them, a page is silent about the next.
    pub links: bool,
    /// Referrers tags that are not there are taken for the digest in them, so that they answer the image itself.
    pub digest_tags: bool,
    /// The most requests in a second, beyond which the answer is 503.
    pub per_second: Option<usize>,
    /// The largest body of an upload in bytes, beyond which the answer is 413, as soon as that is known.
    pub largest_upload: Option<u64>,
    /// The `OCI-Chunk-Min-Length` of uploads, which is said but not held.
    pub least_chunk: Option<u64>,
    /// The bytes of a request's body that are taken per second.
    pub upload_pace: Option<u64>,
    /// Blob requests are answered 307 to this prefix followed by `/v2/…`, as registries in front of a CDN do.
    pub blobs_at: Option<String>,
}

/// A limit on manifest requests, told in `ratelimit-limit` and `ratelimit-remaining`; at 0 they get 429.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many are allowed in a window.
    pub limit: u32,
    /// How many are left; each `GET` of a manifest takes one, `HEAD` takes none.
    pub remaining: u32,
    /// Whether `PUT`s take one as well.
    pub puts: bool,
    /// The `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
    /// The length of the window in seconds, which is said but never passes.
    pub window: u32,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            referrers: true,
            ranges: true,
            digest_header: true,
            head: true,
            delete: true,
            mount: true,
            tags_page: None,
            referrers_page: None,
            rate_limit: None,
            oci_indexes: true,
            oci_manifests: true,
            manifest_taken: 201,
            mount_from_anywhere: true,
            create_on_push: true,
            move_tags: true,
            longest_page: None,
            links: true,
            digest_tags: false,
            per_second: None,
            largest_upload: None,
            least_chunk: None,
            upload_pace: None,
            blobs_at: None,
        }
    }
}

impl Capabilities {
    /// Huawei's SWR: Docker's manifests only, and 20 requests in a second.
    pub fn swr() -> Self {
        Self { oci_indexes: false, oci_manifests: false, per_second: Some(20), ..Self::default() }
    }

    /// Quay: a mount needs `from`, 202 for manifests, short pages. What is not tagged goes when
    /// [`crate::TestRegistry::collect`] is called.
    pub fn quay() -> Self {
        Self { manifest_taken: 202, mount_from_anywhere: false, tags_page: Some(50), ..Self::default() }
    }

    /// Docker Hub: so many manifests in six hours. Its tokens are those of [`crate::Bearer::at_most`].
    pub fn docker_hub(remaining: u32) -> Self {
        let (limit, window) = (100, 21_600);
        let rate_limit = RateLimit { limit, remaining, puts: false, retry_after: Some(window), window };
        Self { rate_limit: Some(rate_limit), delete: false, ..Self::default() }
    }

    /// ECR: repositories must be there, tags stay where they are, pages have 1000 entries at the most.
    pub fn ecr() -> Self {
        Self {
            create_on_push: false,
            move_tags: false,
            longest_page: Some(1000),
            tags_page: Some(1000),
            ..Self::default()
        }
    }

    /// GitLab: a referrers tag is answered with the image itself.
    pub fn gitlab() -> Self {
        Self { digest_tags: true, referrers: false, ..Self::default() }
    }

    /// How much of an upload's body is taken.
    pub(crate) fn refuses(&self, length: u64) -> bool {
        self.largest_upload.is_some_and(|largest| length > largest)
    }
}

/// What a page of HTML says in front of a registry that does not take so much.
pub(crate) const TOO_LARGE: Bytes = Bytes::from_static(b"<html><h1>413 Request Entity Too Large</h1></html>");
