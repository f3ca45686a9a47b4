//! What a request of the registry API does to a repository. Pure.

use entrepot_oci::{Digest, Method, Name, Reference, Route, UploadStart};

/// What a request does, as far as it matters for whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Asks whether this is a registry (`/v2/`), which is how clients find out whether they must log in.
    Ping,
    /// Reads something, or asks whether it is there.
    Pull(Content<'a>),
    /// Writes a manifest, or any part of a blob.
    Push,
    /// Takes something away.
    Delete(Content<'a>),
    /// Pushes a blob by taking it from another repository. Whether that one may be read is asked apart, as
    /// [`Action::Pull`], once it is known where its name leads.
    Mount {
        /// The blob.
        digest: &'a Digest,
        /// The other repository, as it was asked for; not said means anywhere.
        from: Option<&'a Name>,
    },
    /// Lists tags.
    ListTags,
    /// Lists what refers to a manifest.
    ListReferrers(&'a Digest),
}

/// What is read or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A manifest, or on deletion its tag alone.
    Manifest(&'a Reference),
    /// A blob.
    Blob(&'a Digest),
}

impl<'a> Action<'a> {
    /// What `method` does to `route`. Also where [`Route::parse`] lets no such pair through: what is not known to read
    /// counts as writing.
    pub fn of(route: &'a Route, method: Method) -> Self {
        match route {
            Route::Ping => Self::Ping,
            Route::Manifest { reference, .. } => Self::on(Content::Manifest(reference), method),
            Route::Blob { digest, .. } => Self::on(Content::Blob(digest), method),
            Route::Tags { .. } => Self::ListTags,
            Route::Referrers { subject, .. } => Self::ListReferrers(subject),
            Route::Uploads { start: UploadStart::Mount { digest, from }, .. } => {
                Self::Mount { digest, from: from.as_ref() }
            }
            Route::Uploads { .. } | Route::Upload { .. } => Self::Push,
        }
    }

    fn on(content: Content<'a>, method: Method) -> Self {
        match method {
            Method::Get | Method::Head => Self::Pull(content),
            Method::Delete => Self::Delete(content),
            Method::Post | Method::Put | Method::Patch => Self::Push,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [Method; 6] =
        [Method::Get, Method::Head, Method::Post, Method::Put, Method::Patch, Method::Delete];

    fn route(method: Method, rest: &str, query: &str) -> Route {
        Route::parse(method, &format!("/v2/{rest}"), query).unwrap()
    }

    fn all(route: &Route) -> [Action<'_>; 6] {
        METHODS.map(|method| Action::of(route, method))
    }

    #[test]
    fn every_method_of_every_route() {
        let digest = Digest::of(b"");
        let (tag, by_digest) = (Reference::Tag("1".parse().unwrap()), Reference::Digest(digest));
        for (reference, text) in [(tag, "1".to_owned()), (by_digest, digest.to_string())] {
            let manifest = route(Method::Get, &format!("a/manifests/{text}"), "");
            let (pull, delete) =
                (Action::Pull(Content::Manifest(&reference)), Action::Delete(Content::Manifest(&reference)));
            assert_eq!(all(&manifest), [pull, pull, Action::Push, Action::Push, Action::Push, delete]);
        }
        let blob = route(Method::Get, &format!("a/blobs/{digest}"), "");
        let (pull, delete) = (Action::Pull(Content::Blob(&digest)), Action::Delete(Content::Blob(&digest)));
        assert_eq!(all(&blob), [pull, pull, Action::Push, Action::Push, Action::Push, delete]);
        assert_eq!(all(&route(Method::Get, "", "")), [Action::Ping; 6]);
        assert_eq!(all(&route(Method::Get, "a/tags/list", "n=3")), [Action::ListTags; 6]);
        let referrers = route(Method::Get, &format!("a/referrers/{digest}"), "artifactType=x/y");
        assert_eq!(all(&referrers), [Action::ListReferrers(&digest); 6]);
        let session = route(Method::Patch, "a/blobs/uploads/0195d5a0-7a1b-7000-8000-000000000000", "");
        assert_eq!(all(&session), [Action::Push; 6]);
    }

    #[test]
    fn a_blob_gets_in_by_push_or_mount() {
        let digest = Digest::of(b"");
        let start = |query: &str| route(Method::Post, "a/blobs/uploads/", query);
        assert_eq!(all(&start("")), [Action::Push; 6]);
        assert_eq!(all(&start(&format!("digest={digest}"))), [Action::Push; 6]);
        let anywhere = start(&format!("mount={digest}"));
        assert_eq!(all(&anywhere), [Action::Mount { digest: &digest, from: None }; 6]);
        let (from, mount) = ("local/b".parse().unwrap(), start(&format!("mount={digest}&from=local/b")));
        assert_eq!(all(&mount), [Action::Mount { digest: &digest, from: Some(&from) }; 6]);
    }
}
