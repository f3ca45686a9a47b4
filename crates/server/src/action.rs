//! The effect of a registry API request on a repository. Pure.

use entrepot_mirror::Probe;
use entrepot_oci::{Digest, Method, Name, Reference, Route, UploadStart};

/// The effect of a request, in the detail that authorization needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Checks for the registry API (`/v2/`). Clients use it to find out if they must log in.
    Ping,
    /// Reads content, or checks that it exists.
    Pull(ContentRef<'a>),
    /// Writes a manifest, or any part of a blob.
    Push,
    /// Deletes content.
    Delete(ContentRef<'a>),
    /// Mounts a blob from another repository. Read access to that repository is checked separately, as
    /// [`Action::Pull`], once its name is resolved.
    Mount {
        /// The blob.
        digest: &'a Digest,
        /// The source repository as the client named it; `None` means any.
        from: Option<&'a Name>,
    },
    /// Lists the repositories that were pushed here (`/v2/_catalog`). It has no repository.
    ListRepositories,
    /// Lists tags.
    ListTags,
    /// Lists the referrers of a manifest.
    ListReferrers(&'a Digest),
}

/// The content that is read or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentRef<'a> {
    /// A manifest; a deletion by tag removes the tag only.
    Manifest(&'a Reference),
    /// A blob.
    Blob(&'a Digest),
}

impl<'a> Action<'a> {
    /// Returns the effect of `method` on `route`. Covers pairs that [`Route::parse`] rejects, too: anything not known
    /// to be a read counts as a write.
    pub fn of(route: &'a Route, method: Method) -> Self {
        match route {
            Route::Ping => Self::Ping,
            Route::Manifest { reference, .. } => Self::on(ContentRef::Manifest(reference), method),
            Route::Blob { digest, .. } => Self::on(ContentRef::Blob(digest), method),
            Route::Tags { .. } => Self::ListTags,
            Route::Referrers { subject, .. } => Self::ListReferrers(subject),
            Route::Uploads { start: UploadStart::Mount { digest, from }, .. } => {
                Self::Mount { digest, from: from.as_ref() }
            }
            Route::Uploads { .. } | Route::Upload { .. } => Self::Push,
        }
    }

    /// What an upstream may be asked for to find out whether its repository is public.
    pub(crate) fn probe(&self) -> Probe<'a> {
        match self {
            Self::Pull(ContentRef::Manifest(reference)) => Probe::Manifest(reference),
            Self::Pull(ContentRef::Blob(digest)) => Probe::Blob(digest),
            Self::ListReferrers(subject) => Probe::Referrers(subject),
            Self::Ping
            | Self::Push
            | Self::Delete(_)
            | Self::Mount { .. }
            | Self::ListRepositories
            | Self::ListTags => Probe::Repository,
        }
    }

    fn on(content: ContentRef<'a>, method: Method) -> Self {
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
            let (pull, delete) = (
                Action::Pull(ContentRef::Manifest(&reference)),
                Action::Delete(ContentRef::Manifest(&reference)),
            );
            assert_eq!(all(&manifest), [pull, pull, Action::Push, Action::Push, Action::Push, delete]);
        }
        let blob = route(Method::Get, &format!("a/blobs/{digest}"), "");
        let (pull, delete) =
            (Action::Pull(ContentRef::Blob(&digest)), Action::Delete(ContentRef::Blob(&digest)));
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
