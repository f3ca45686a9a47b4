//! A request as a value: the operation on the registry API, before anything is looked up.

use percent_encoding::percent_decode_str;

use crate::{
    Algorithm, Digest, DigestError, Host, Name, Page, PageError, Reference, ReferenceError, RepositoryError,
    Tag, TagError,
};

/// The HTTP methods of the registry API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// The operation that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: checks for a registry.
    Ping,
    /// `/v2/<name>/manifests/<reference>`
    Manifest {
        /// The requested repository.
        name: Name,
        /// The manifest in it.
        reference: Reference,
        /// On `PUT` by digest: tags to set as well (`?tag=`).
        tags: Vec<Tag>,
    },
    /// `/v2/<name>/blobs/<digest>`
    Blob {
        /// The requested repository.
        name: Name,
        /// The blob in it.
        digest: Digest,
    },
    /// `/v2/<name>/tags/list`
    Tags {
        /// The requested repository.
        name: Name,
        /// The requested part of the listing.
        page: Page,
    },
    /// `/v2/<name>/referrers/<digest>`
    Referrers {
        /// The requested repository.
        name: Name,
        /// The manifest whose referrers are listed.
        subject: Digest,
        /// If set, only referrers of this artifact type.
        artifact_type: Option<String>,
    },
    /// `POST /v2/<name>/blobs/uploads/`
    Uploads {
        /// The target repository.
        name: Name,
        /// How the upload starts.
        start: UploadStart,
    },
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload {
        /// The target repository.
        name: Name,
        /// The upload session's id, chosen by this server.
        id: String,
        /// On `PUT`: the digest of the whole blob.
        digest: Option<Digest>,
    },
}

/// How a blob upload starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadStart {
    /// An upload session, hashed with this algorithm.
    Session(Algorithm),
    /// The whole blob is in this request's body.
    Monolithic(Digest),
    /// A mount of a blob that another repository may already have.
    Mount {
        /// The digest of the blob.
        digest: Digest,
        /// The repository that has it; `None` means any.
        from: Option<Name>,
    },
}

/// Why a request has no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// There is no such route.
    #[error("there is no such route")]
    NotFound,
    /// The route does not support this method; these are the supported ones.
    #[error("the method must be one of {0}")]
    Method(&'static str),
    /// The name is malformed.
    #[error(transparent)]
    Name(#[from] RepositoryError),
    /// A digest is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag is malformed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// The page is malformed.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The `ns` parameter is not a registry host.
    #[error("`ns` must be a registry host")]
    Namespace,
}

impl From<ReferenceError> for RouteError {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Digest(error) => Self::Digest(error),
            ReferenceError::Tag(error) => Self::Tag(error),
        }
    }
}

impl Route {
    /// Parses method, path and query; the path is the raw one, including `/v2/`.
    ///
    /// ```
    /// use entrepot_oci::{Method, Route, RouteError};
    ///
    /// let route = Route::parse(Method::Get, "/v2/docker.io/library/nginx/manifests/1.27", "")?;
    /// let Route::Manifest { name, reference, .. } = route else { panic!() };
    /// assert_eq!((name.as_str(), reference.to_string().as_str()), ("docker.io/library/nginx", "1.27"));
    /// assert_eq!(Route::parse(Method::Get, "/v1/search", ""), Err(RouteError::NotFound));
    /// # Ok::<(), RouteError>(())
    /// ```
    ///
    /// # Errors
    /// What is malformed, as reported by the type of that part.
    ///
    /// ```
    /// use entrepot_oci::{Method, Route, RouteError};
    ///
    /// let route = Route::parse(Method::Get, "/v2/docker.io/library/nginx/manifests/1.27", "")?;
    /// let Route::Manifest { name, reference, .. } = route else { unreachable!() };
    /// assert_eq!((name.as_str(), reference.to_string().as_str()), ("docker.io/library/nginx", "1.27"));
    ///
    /// let refused = Route::parse(Method::Post, "/v2/library/nginx/tags/list", "");
    /// assert_eq!(refused, Err(RouteError::Method("GET, HEAD")));
    /// # Ok::<(), RouteError>(())
    /// ```
    pub fn parse(method: Method, path: &str, query: &str) -> Result<Self, RouteError> {
        let decoded = decode(path)?;
        let rest = match decoded.strip_prefix("/v2") {
            Some("" | "/") => return only(&[Method::Get, Method::Head], "GET, HEAD", method, Self::Ping),
            Some(rest) => rest.strip_prefix('/').ok_or(RouteError::NotFound)?,
            None => return Err(RouteError::NotFound),
        };
        let query = Query(query);
        if let Some(name) = rest.strip_suffix("/tags/list") {
            let page = Page::parse(query.get("n").as_deref(), query.get("last").as_deref())?;
            return only(
                &[Method::Get, Method::Head],
                "GET, HEAD",
                method,
                Self::Tags { name: name.parse()?, page },
            );
        }
        let (head, last) = rest.rsplit_once('/').ok_or(RouteError::NotFound)?;
        let (name, kind) = head.rsplit_once('/').ok_or(RouteError::NotFound)?;
        match (kind, last) {
            ("manifests", reference) => Self::manifest(method, name, reference, &query),
            ("blobs", "uploads") => Self::uploads(method, name, &query),
            ("uploads", id) if name.ends_with("/blobs") => Self::upload(method, name, id, &query),
            ("blobs", digest) => {
                let route = Self::Blob { name: name.parse()?, digest: digest.parse()? };
                only(&[Method::Get, Method::Head, Method::Delete], "GET, HEAD, DELETE", method, route)
            }
            ("referrers", digest) => {
                let artifact_type = query.get("artifactType").filter(|kind| !kind.is_empty());
                let route = Self::Referrers { name: name.parse()?, subject: digest.parse()?, artifact_type };
                only(&[Method::Get, Method::Head], "GET, HEAD", method, route)
            }
            _ => Err(RouteError::NotFound),
        }
    }

    /// The `ns` parameter: the registry that the client means (distribution-spec, §proxying).
    ///
    /// # Errors
    /// [`RouteError::Namespace`] if it is not a host.
    ///
    /// ```
    /// use entrepot_oci::Route;
    ///
    /// let upstream = Route::namespace("ns=quay.io")?;
    /// assert_eq!(upstream.map(|host| host.to_string()).as_deref(), Some("quay.io"));
    /// # Ok::<(), entrepot_oci::RouteError>(())
    /// ```
    pub fn namespace(query: &str) -> Result<Option<Host>, RouteError> {
        if query.is_empty() {
            return Ok(None);
        }
        let ns = Query(query).get("ns").filter(|ns| !ns.is_empty());
        ns.map(|ns| ns.parse().map_err(|_| RouteError::Namespace)).transpose()
    }

    /// The repository name of the request; `/v2/` has none.
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Ping => None,
            Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Tags { name, .. }
            | Self::Referrers { name, .. }
            | Self::Uploads { name, .. }
            | Self::Upload { name, .. } => Some(name),
        }
    }

    fn manifest(method: Method, name: &str, reference: &str, query: &Query<'_>) -> Result<Self, RouteError> {
        let reference = reference.parse()?;
        let tags = match (&reference, method) {
            (Reference::Digest(_), Method::Put) => {
                query.all("tag").map(|tag| tag.parse()).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let route = Self::Manifest { name: name.parse()?, reference, tags };
        let allowed = [Method::Get, Method::Head, Method::Put, Method::Delete];
        only(&allowed, "GET, HEAD, PUT, DELETE", method, route)
    }

    fn uploads(method: Method, name: &str, query: &Query<'_>) -> Result<Self, RouteError> {
        let start = if let Some(mount) = query.get("mount") {
            let from = query.get("from").map(|from| from.parse()).transpose()?;
            UploadStart::Mount { digest: mount.parse()?, from }
        } else if let Some(digest) = query.get("digest") {
            UploadStart::Monolithic(digest.parse()?)
        } else {
            let algorithm = query.get("digest-algorithm").map(|name| name.parse()).transpose()?;
            UploadStart::Session(algorithm.unwrap_or(Algorithm::Sha256))
        };
        only(&[Method::Post], "POST", method, Self::Uploads { name: name.parse()?, start })
    }

    fn upload(method: Method, name: &str, id: &str, query: &Query<'_>) -> Result<Self, RouteError> {
        if id.is_empty() {
            return Self::uploads(method, name.strip_suffix("/blobs").unwrap_or(name), query);
        }
        let name = name.strip_suffix("/blobs").ok_or(RouteError::NotFound)?.parse()?;
        let digest = query.get("digest").map(|digest| digest.parse()).transpose()?;
        let allowed = [Method::Get, Method::Head, Method::Put, Method::Patch, Method::Delete];
        only(
            &allowed,
            "GET, HEAD, PATCH, PUT, DELETE",
            method,
            Self::Upload { name, id: id.to_owned(), digest },
        )
    }
}

fn only(allowed: &[Method], names: &'static str, method: Method, route: Route) -> Result<Route, RouteError> {
    if allowed.contains(&method) { Ok(route) } else { Err(RouteError::Method(names)) }
}

// Some clients send `sha256%3A…`. A slash that appears only after decoding is not a separator.
fn decode(path: &str) -> Result<std::borrow::Cow<'_, str>, RouteError> {
    if !path.contains('%') {
        return Ok(path.into());
    }
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| RouteError::NotFound)?;
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    if slashes(&decoded) == slashes(path) { Ok(decoded) } else { Err(RouteError::NotFound) }
}

/// A query string, parsed on demand: routes have only a few parameters. A `+` is literal, not a space: artifact types
/// end in `+json`, and nothing here contains spaces.
struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    fn all(&self, key: &'static str) -> impl Iterator<Item = String> + use<'a> {
        self.0.split('&').filter_map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == key).then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
        })
    }

    fn get(&self, key: &'static str) -> Option<String> {
        self.all(key).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Result<Route, RouteError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Route::parse(Method::Get, path, query)
    }

    #[test]
    fn reads_every_route() {
        let digest = Digest::of(b"");
        assert_eq!(get("/v2/"), Ok(Route::Ping));
        assert_eq!(get("/v2"), Ok(Route::Ping));
        let Ok(Route::Manifest { name, reference, .. }) = get("/v2/docker.io/library/nginx/manifests/1.27")
        else {
            panic!("a manifest")
        };
        assert_eq!((name.as_str(), reference.to_string().as_str()), ("docker.io/library/nginx", "1.27"));
        let escaped = digest.to_string().replace(':', "%3A");
        assert!(matches!(get(&format!("/v2/a/blobs/{escaped}")), Ok(Route::Blob { .. })));
        assert!(
            matches!(get("/v2/a/b/tags/list?n=5&last=x"), Ok(Route::Tags { page, .. }) if page.limit() == 5)
        );
        assert!(matches!(get(&format!("/v2/a/referrers/{digest}?artifactType=a%2Fb+json")),
            Ok(Route::Referrers { artifact_type: Some(kind), .. }) if kind == "a/b+json"));
        // Keywords of the grammar are also valid names.
        assert!(matches!(get("/v2/blobs/manifests/manifests/x"), Ok(Route::Manifest { name, .. })
            if name.as_str() == "blobs/manifests"));
    }

    #[test]
    fn reads_pushes() {
        let digest = Digest::of(b"");
        let post = |query: &str| Route::parse(Method::Post, "/v2/a/blobs/uploads/", query);
        let start = |route| match route {
            Ok(Route::Uploads { start, .. }) => start,
            other => panic!("{other:?}"),
        };
        assert_eq!(start(post("")), UploadStart::Session(Algorithm::Sha256));
        assert_eq!(start(post("digest-algorithm=sha512")), UploadStart::Session(Algorithm::Sha512));
        assert_eq!(start(post(&format!("digest={digest}"))), UploadStart::Monolithic(digest));
        let from = Some("x/y".parse().unwrap());
        assert_eq!(start(post(&format!("mount={digest}&from=x/y"))), UploadStart::Mount { digest, from });
        assert!(matches!(Route::parse(Method::Post, "/v2/a/blobs/uploads", ""), Ok(Route::Uploads { .. })));
        let put = Route::parse(Method::Put, "/v2/a/blobs/uploads/7", &format!("digest={digest}"));
        assert!(matches!(put, Ok(Route::Upload { id, digest: Some(_), .. }) if id == "7"));
        let put = Route::parse(Method::Put, &format!("/v2/a/manifests/{digest}"), "tag=a&tag=b");
        assert!(matches!(put, Ok(Route::Manifest { tags, .. }) if tags.len() == 2));
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(get("/"), Err(RouteError::NotFound));
        assert_eq!(get("/v2x"), Err(RouteError::NotFound));
        assert_eq!(get("/v2/x"), Err(RouteError::NotFound));
        assert_eq!(get("/v2/a%2Fmanifests%2Fx"), Err(RouteError::NotFound));
        assert_eq!(get("/v2/%2e%2e/manifests/x"), Err(RouteError::Name(RepositoryError::Characters)));
        assert_eq!(get("/v2//manifests/x"), Err(RouteError::Name(RepositoryError::Characters)));
        assert_eq!(get("/v2/a/blobs/sha256:x"), Err(RouteError::Digest(DigestError::Hex)));
        assert_eq!(get("/v2/a/manifests/.x"), Err(RouteError::Tag(TagError)));
        assert_eq!(get("/v2/a/tags/list?n=-1"), Err(RouteError::Page(PageError::Limit)));
        assert_eq!(get("/v2/a/tags/list?last=%00"), Err(RouteError::Page(PageError::Last)));
        assert_eq!(Route::parse(Method::Put, "/v2/", ""), Err(RouteError::Method("GET, HEAD")));
        assert_eq!(Route::namespace("ns=docker.io").unwrap().unwrap(), Host::docker_hub());
        assert_eq!(Route::namespace("ns=a%20b"), Err(RouteError::Namespace));
    }
}
