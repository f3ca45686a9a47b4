use std::sync::Arc;

use entrepot_mirror::NetworkFault;
use entrepot_oci::{Digest, DigestError, ManifestError, RepositoryError, TagError};

use super::*;

fn shown(refusal: &Refusal) -> (u16, &'static str, &str) {
    (refusal.status.as_u16(), refusal.code.as_str(), refusal.message.as_str())
}

fn values<'a>(refusal: &'a Refusal, wanted: &HeaderName) -> Vec<&'a str> {
    let wanted = refusal.headers.iter().filter(|(name, _)| name == wanted);
    wanted.map(|(_, value)| value.to_str().unwrap()).collect()
}

fn upstream(fault: UpstreamFault) -> MirrorError {
    MirrorError::Upstream { host: Host::docker_hub(), fault }
}

fn name() -> String {
    "local/a".to_owned()
}

#[test]
fn what_the_mirror_says_of_names() {
    for (error, message) in [
        (
            MirrorError::NotAnAlias { host: "gitlab.m.test".to_owned(), aliases: "`quay.m.test`".to_owned() },
            "`gitlab.m.test` stands for no upstream of this mirror; hint: there are `quay.m.test`; \
             give a registry an `alias` under `registries`, or list a name of the server itself under `names`",
        ),
        (
            MirrorError::TwoRegistries { name: "quay.io/a".to_owned(), asked: "docker.io".parse().unwrap() },
            "`quay.io/a` begins with a registry, and the request asks `docker.io` for it; \
             hint: leave out the one that is not meant",
        ),
    ] {
        let refusal = Refusal::from(error);
        assert_eq!((refusal.status.as_u16(), refusal.code.as_str()), (404, "NAME_UNKNOWN"));
        assert_eq!(refusal.message, message);
    }
}

#[test]
fn what_the_mirror_says() {
    let digest = Digest::of(b"");
    let reference = "v1".to_owned();
    for (error, status, code, message) in [
        (
            MirrorError::NotAnUpstream { host: "evil.test".parse().unwrap() },
            404,
            "NAME_UNKNOWN",
            "`evil.test` is not an upstream of this mirror; hint: add it under `registries` with `mirror: true`"
                .to_owned(),
        ),
        (
            MirrorError::NotARepository { name: "A".to_owned() },
            400,
            "NAME_INVALID",
            "`A` is not the name of a repository".to_owned(),
        ),
        (
            MirrorError::RepositoryUnknown { name: name() },
            404,
            "NAME_UNKNOWN",
            "repository `local/a` is not known".to_owned(),
        ),
        (
            MirrorError::ManifestUnknown { name: name(), reference },
            404,
            "MANIFEST_UNKNOWN",
            "manifest `v1` is not known in `local/a`".to_owned(),
        ),
        (
            MirrorError::BlobUnknown { name: name(), digest },
            404,
            "BLOB_UNKNOWN",
            format!("blob `{digest}` is not known in `local/a`"),
        ),
        (
            MirrorError::UploadUnknown,
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "there is no such upload in this repository; hint: it may have expired, start a new one".to_owned(),
        ),
        (
            MirrorError::TooManyUploads,
            429,
            "TOOMANYREQUESTS",
            "too many uploads are open; hint: finish some, or end them with DELETE".to_owned(),
        ),
        (
            MirrorError::ReadOnly { name: "library/nginx".to_owned(), hosted: "`local/`".to_owned() },
            403,
            "DENIED",
            "`library/nginx` mirrors an upstream and takes no pushes; hint: push to a name that starts with `local/`"
                .to_owned(),
        ),
    ] {
        assert_eq!(shown(&Refusal::from(error)), (status, code, message.as_str()));
    }
}

#[test]
fn what_the_mirror_says_to_pushes() {
    let digest = Digest::of(b"");
    let other = Digest::of(b"x");
    for (error, status, code, message) in [
        (
            MirrorError::ManifestInvalid(Arc::new(ManifestError::Hybrid)),
            400,
            "MANIFEST_INVALID",
            "the document is both an index and an image".to_owned(),
        ),
        (
            MirrorError::ManifestBlobUnknown(digest),
            404,
            "MANIFEST_BLOB_UNKNOWN",
            format!(
                "the manifest names `{digest}`, which this repository does not have; hint: push it first"
            ),
        ),
        (
            MirrorError::DigestMismatch { expected: digest, actual: other },
            400,
            "DIGEST_INVALID",
            format!("the content has digest `{other}`, not `{digest}`"),
        ),
        (
            MirrorError::ChunkOutOfOrder { offset: 7 },
            416,
            "BLOB_UPLOAD_INVALID",
            "the upload has 7 bytes; hint: the next chunk must begin there".to_owned(),
        ),
        (MirrorError::SizeInvalid, 400, "SIZE_INVALID", "the content is not as long as was said".to_owned()),
        (
            MirrorError::DescriptorSizeInvalid { digest, stated: 3, actual: 2 },
            400,
            "SIZE_INVALID",
            format!(
                "the manifest gives `{digest}` 3 bytes, and it has 2; \
                 hint: the size in a descriptor must be that of its content (OCI image-spec, descriptors)"
            ),
        ),
        (
            MirrorError::TooLarge { limit: 9 },
            413,
            "SIZE_INVALID",
            "the upload is larger than the 9 bytes that a blob may have; hint: raise `mirror.max_blob_size`"
                .to_owned(),
        ),
        (MirrorError::BodyBroken, 400, "BLOB_UPLOAD_INVALID", "the request's body broke off".to_owned()),
    ] {
        assert_eq!(shown(&Refusal::from(error)), (status, code, message.as_str()));
    }
}

#[test]
fn what_the_mirror_says_when_it_cannot_store() {
    for (error, status, code, message) in [
        (
            MirrorError::Full,
            507,
            "UNKNOWN",
            "there is no space left to store this; hint: free space, then try again",
        ),
        (
            MirrorError::StoreDown,
            503,
            "UNKNOWN",
            "the store does not answer, and what it holds is not lost; hint: try again in 5 s",
        ),
        (MirrorError::Store, 503, "UNKNOWN", "the store failed; hint: the server's log says more"),
    ] {
        assert_eq!(shown(&Refusal::from(error)), (status, code, message));
    }
}

#[test]
fn what_upstreams_do_not_take() {
    for (status, reason, message) in [
        (407, "", "upstream `docker.io` answers with status 407"),
        (400, "NAME_INVALID: no", "upstream `docker.io` answers with status 400: NAME_INVALID: no"),
    ] {
        let refusal = Refusal::from(upstream(UpstreamFault::Rejected { status, reason: reason.to_owned() }));
        assert_eq!(shown(&refusal), (502, "UNKNOWN", message));
    }
}

#[test]
fn what_is_not_known_to_be_public_is_no_question_of_a_login() {
    for (fault, wait, message) in [
        (
            UpstreamFault::Failing(502),
            "5",
            "it is not known whether `docker.io/a/b` is public: upstream `docker.io` fails with status 502; \
             hint: try again in 5 s, or log in as somebody who was granted it",
        ),
        (
            UpstreamFault::Limited { retry_after: Some(Duration::from_millis(16_001)) },
            "17",
            "it is not known whether `docker.io/a/b` is public: upstream `docker.io` limits our requests; \
             hint: try again in 17 s, or log in as somebody who was granted it",
        ),
    ] {
        let name = "docker.io/a/b".to_owned();
        let refusal = Refusal::from(MirrorError::VisibilityUnknown { name, host: Host::docker_hub(), fault });
        assert_eq!(shown(&refusal), (503, "UNKNOWN", message));
        assert_eq!(values(&refusal, &header::RETRY_AFTER), [wait]);
        assert!(values(&refusal, &header::WWW_AUTHENTICATE).is_empty());
    }
}

#[test]
fn a_store_that_fails_says_when_to_come_back() {
    for error in [MirrorError::Store, MirrorError::StoreDown] {
        assert_eq!(values(&Refusal::from(error), &header::RETRY_AFTER), ["5"]);
    }
    let problem = crate::sync::problem::Problem::from(MirrorError::StoreDown).answer();
    assert_eq!(
        (problem.status().as_u16(), &problem.headers()[header::RETRY_AFTER]),
        (503, &"5".parse().unwrap())
    );
}

#[test]
fn what_upstreams_do() {
    let limited = |wait| upstream(UpstreamFault::Limited { retry_after: wait });
    for (error, status, code, message, wait) in [
        (
            upstream(UpstreamFault::Denied("UNAUTHORIZED: no".to_owned())),
            403,
            "DENIED",
            "upstream `docker.io` refuses this: UNAUTHORIZED: no; hint: check the name, or give the mirror \
             credentials for it",
            None,
        ),
        (
            limited(None),
            429,
            "TOOMANYREQUESTS",
            "upstream `docker.io` limits our requests; hint: try again in 60 s",
            Some("60"),
        ),
        (
            limited(Some(Duration::from_millis(1500))),
            429,
            "TOOMANYREQUESTS",
            "upstream `docker.io` limits our requests; hint: try again in 2 s",
            Some("2"),
        ),
        (
            upstream(UpstreamFault::Failing(500)),
            502,
            "UNKNOWN",
            "upstream `docker.io` fails with status 500",
            None,
        ),
        (
            upstream(UpstreamFault::TimedOut),
            504,
            "UNKNOWN",
            "upstream `docker.io` does not answer in time; hint: try again",
            None,
        ),
        // The upstream's own text stays in the log.
        (
            upstream(UpstreamFault::Invalid("<html>".to_owned())),
            502,
            "UNKNOWN",
            "upstream `docker.io` gave an answer that cannot be used",
            None,
        ),
    ] {
        let refusal = Refusal::from(error);
        assert_eq!(shown(&refusal), (status, code, message));
        assert_eq!(values(&refusal, &header::RETRY_AFTER), Vec::from_iter(wait));
    }
}

// U28
#[test]
fn why_upstreams_cannot_be_reached() {
    for (kind, status, said) in [
        (
            NetworkFaultKind::ConnectTimeout,
            504,
            "there is no connection in time; hint: the network or a firewall is in the way: set `HTTPS_PROXY`, or \
             name a mirror under `endpoints`; README.md: \"docker.io cannot be reached\" (docker.io 连不上怎么办)",
        ),
        (
            NetworkFaultKind::PlainHttp,
            502,
            "it speaks plain HTTP and not TLS; hint: write `http://` instead of `https://` under `endpoints`",
        ),
    ] {
        let refusal = Refusal::from(upstream(UpstreamFault::Unreachable(NetworkFault::new(kind))));
        let message = format!("upstream `docker.io` cannot be reached: {said}");
        assert_eq!(shown(&refusal), (status, "UNKNOWN", message.as_str()));
    }
}

#[test]
fn what_is_no_route() {
    for (error, method, status, code, message) in [
        (
            RouteError::NotFound,
            Method::Get,
            404,
            "UNSUPPORTED",
            "there is no such address; hint: the registry API is below `/v2/`",
        ),
        (RouteError::Method("POST"), Method::Get, 405, "UNSUPPORTED", "the method is not one of POST"),
        (
            RouteError::Name(RepositoryError::Length),
            Method::Get,
            400,
            "NAME_INVALID",
            "a repository name has at most 255 characters",
        ),
        (
            RouteError::Digest(DigestError::Form),
            Method::Get,
            400,
            "DIGEST_INVALID",
            "a digest is written `algorithm:hex`",
        ),
        (
            RouteError::Tag(TagError),
            Method::Get,
            404,
            "MANIFEST_UNKNOWN",
            "a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
        ),
        (
            RouteError::Tag(TagError),
            Method::Put,
            400,
            "NAME_INVALID",
            "a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
        ),
        (
            RouteError::Page(PageError::Limit),
            Method::Get,
            400,
            "PAGINATION_NUMBER_INVALID",
            "`n` must be a whole number, 0 or more",
        ),
        (
            RouteError::Page(PageError::Last),
            Method::Get,
            400,
            "NAME_INVALID",
            "`last` must be an entry of the listing",
        ),
        (RouteError::Namespace, Method::Get, 400, "NAME_INVALID", "`ns` must be a registry host"),
    ] {
        assert_eq!(shown(&Refusal::of_route(error, method)), (status, code, message));
    }
}

#[test]
fn what_the_server_refuses_by_itself() {
    for (refusal, status, code, message) in [
        (Refusal::address_too_long(8192), 414, "UNSUPPORTED", "the address is longer than 8192 bytes"),
        (Refusal::headers_too_large(32768), 431, "UNSUPPORTED", "the headers are larger than 32768 bytes"),
        (
            Refusal::manifest_too_large(),
            413,
            "MANIFEST_INVALID",
            "the manifest is larger than 4194304 bytes; hint: put content in a blob, not in the manifest",
        ),
        (
            Refusal::digest_missing(),
            400,
            "DIGEST_INVALID",
            "the digest of the blob is missing; hint: add `?digest=`",
        ),
        (
            Refusal::chunk(Some(RangeError::Malformed)),
            400,
            "BLOB_UPLOAD_INVALID",
            "a chunk's range is written `first-last`",
        ),
        (Refusal::chunk(None), 400, "SIZE_INVALID", "the range of the chunk and its length differ"),
        (
            Refusal::range(7),
            416,
            "SIZE_INVALID",
            "the range starts behind the end of the content, which has 7 bytes",
        ),
        (Refusal::panicked(), 500, "UNKNOWN", "this should not have happened"),
    ] {
        assert_eq!(shown(&refusal), (status, code, message));
    }
}

// A06
#[test]
fn want_of_memory_passes_and_says_when() {
    let refusal = Refusal::from(MirrorError::Busy);
    assert_eq!(values(&refusal, &header::RETRY_AFTER), ["5"]);
    let message = "as much is being answered as there is memory for; hint: try again in 5 s, and read answers as they come";
    assert_eq!(shown(&refusal), (503, "TOOMANYREQUESTS", message));
}
