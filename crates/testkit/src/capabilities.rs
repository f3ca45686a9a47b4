//! What the registry can and cannot do, as real ones differ.

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
    /// Blob requests are answered 307 to this prefix followed by `/v2/…`, as registries in front of a CDN do.
    pub blobs_at: Option<String>,
}

/// A limit on `GET`s of manifests, told in `ratelimit-limit` and `ratelimit-remaining`; at 0 they get 429.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many are allowed in a window.
    pub limit: u32,
    /// How many are left; each `GET` of a manifest takes one, `HEAD` takes none.
    pub remaining: u32,
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
            blobs_at: None,
        }
    }
}
