//! Features that real registries differ in, and the combinations of some well-known ones.

use bytes::Bytes;

/// Features of a [`crate::TestRegistry`]; by default it supports everything.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// The referrers API of OCI 1.1. Without it, requests get 404 and [`crate::TestRegistry::put_image`] maintains the
    /// referrers tag instead.
    pub referrers: bool,
    /// Ranges of blobs. Without them, a ranged request gets 200 and the whole blob.
    pub ranges: bool,
    /// The `Docker-Content-Digest` header.
    pub digest_header: bool,
    /// `HEAD`. Without it, requests get 405.
    pub head: bool,
    /// `DELETE`. Without it, requests get 405.
    pub delete: bool,
    /// Mounting a blob from another repository. Without it, a mount opens an upload session.
    pub mount: bool,
    /// Maximum number of tags per page; `None` for as many as requested.
    pub tags_page: Option<usize>,
    /// Maximum number of referrers per page; `None` for all.
    pub referrers_page: Option<usize>,
    /// Docker Hub's limit on manifest requests.
    pub rate_limit: Option<RateLimit>,
    /// Accepts OCI indexes. Without it, they are refused as Huawei's SWR does.
    pub oci_indexes: bool,
    /// Accepts OCI manifests. Without it, they are refused likewise.
    pub oci_manifests: bool,
    /// The status for an accepted manifest.
    pub manifest_taken: u16,
    /// Accepts a mount without `from`, which then finds nothing. Without it, 400.
    pub mount_from_anywhere: bool,
    /// Creates repositories on push. Without it, a push to a missing one gets 404.
    pub create_on_push: bool,
    /// Allows moving an existing tag.
    pub move_tags: bool,
    /// Maximum page size that may be requested; beyond it, 405.
    pub longest_page: Option<usize>,
    /// Sends a `Link` to the next page. Without it, pages do not mention the next one.
    pub links: bool,
    /// How pages of tags and repositories follow each other.
    pub paging: Paging,
    /// Gives the size with `HEAD`. Without it, there is no `Content-Length`.
    pub head_lengths: bool,
    /// The status of a `HEAD` for a blob that is there, if it is refused.
    pub refused_blob_heads: Option<u16>,
    /// Redirects requests for referrers with 303 to a page for people.
    pub referrers_for_people: bool,
    /// Reads a missing referrers tag as the digest in it, and responds with the image itself.
    pub digest_tags: bool,
    /// Maximum number of requests per second; beyond it, 503.
    pub per_second: Option<usize>,
    /// Maximum size of an upload body in bytes; beyond it, 413 as soon as that is known.
    pub largest_upload: Option<u64>,
    /// The `OCI-Chunk-Min-Length` of uploads; announced but not enforced.
    pub least_chunk: Option<u64>,
    /// Number of request body bytes read per second.
    pub upload_pace: Option<u64>,
    /// Redirects blob requests with 307 to this prefix followed by `/v2/…`, as registries behind a CDN do.
    pub blobs_at: Option<String>,
}

/// How the pages of a listing follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paging {
    /// By the last name, in `last`.
    #[default]
    ByName,
    /// By a cursor in `next_page`, as at Quay; `last` is ignored.
    NextPage,
    /// By a cursor in `last`, as at ECR Public; anything else there gets 405.
    OpaqueLast,
}

/// A limit on manifest requests, announced in `ratelimit-limit` and `ratelimit-remaining`; at 0 they get 429.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// Requests allowed per window.
    pub limit: u32,
    /// Requests left; each `GET` of a manifest takes one, `HEAD` takes none.
    pub remaining: u32,
    /// Whether `PUT` takes one as well.
    pub puts: bool,
    /// The `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
    /// Length of the window in seconds; announced, but it never passes.
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
            paging: Paging::ByName,
            head_lengths: true,
            refused_blob_heads: None,
            referrers_for_people: false,
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
    /// Huawei's SWR: only Docker manifests, and 20 requests per second.
    pub fn swr() -> Self {
        Self { oci_indexes: false, oci_manifests: false, per_second: Some(20), ..Self::default() }
    }

    /// Quay: a mount needs `from`, manifests get 202, short pages that follow by a cursor. Untagged manifests disappear when
    /// [`crate::TestRegistry::collect`] is called.
    pub fn quay() -> Self {
        let (tags_page, paging) = (Some(50), Paging::NextPage);
        Self { manifest_taken: 202, mount_from_anywhere: false, tags_page, paging, ..Self::default() }
    }

    /// Docker Hub: a limit on manifests per six hours. For its tokens, see [`crate::Bearer::at_most`].
    pub fn docker_hub(remaining: u32) -> Self {
        let (limit, window) = (100, 21_600);
        let rate_limit = RateLimit { limit, remaining, puts: false, retry_after: Some(window), window };
        Self { rate_limit: Some(rate_limit), delete: false, ..Self::default() }
    }

    /// ECR: repositories must exist, tags are immutable, pages have at most 1000 entries.
    pub fn ecr() -> Self {
        Self {
            create_on_push: false,
            move_tags: false,
            longest_page: Some(1000),
            tags_page: Some(1000),
            ..Self::default()
        }
    }

    /// ECR Public: pages follow by a cursor in `last`, and `HEAD` of a blob gets 401.
    pub fn ecr_public() -> Self {
        let paging = Paging::OpaqueLast;
        Self { tags_page: Some(50), paging, refused_blob_heads: Some(401), ..Self::default() }
    }

    /// GHCR: requests for referrers are sent to a page for people.
    pub fn ghcr() -> Self {
        Self { referrers: false, referrers_for_people: true, ..Self::default() }
    }

    /// Cloud Run and other load balancers in front of a registry: `HEAD` does not give the size.
    pub fn behind_load_balancer() -> Self {
        Self { head_lengths: false, ..Self::default() }
    }

    /// GitLab: responds to a referrers tag with the image itself.
    pub fn gitlab() -> Self {
        Self { digest_tags: true, referrers: false, ..Self::default() }
    }

    /// True if an upload body of this length is too large.
    pub(crate) fn refuses(&self, length: u64) -> bool {
        self.largest_upload.is_some_and(|largest| length > largest)
    }
}

/// The HTML page that a proxy in front of a registry sends for it.
pub(crate) const TOO_LARGE: Bytes = Bytes::from_static(b"<html><h1>413 Request Entity Too Large</h1></html>");
