//! Registries that limit requests, and those that report what is left.

use entrepot_oci::Digest;
use entrepot_remote::{BlobRequest, Error, PullQuota, RemoteSettings};
use http::Method;

use crate::support::{Seen, Server, answer, credential, latest, manifest, remote, repository};

fn is_pull(seen: &Seen) -> bool {
    seen.method == Method::GET && seen.path.contains("/manifests/")
}

// U08
#[tokio::test]
async fn a_limited_question_is_not_asked_again_and_others_are() {
    let far = httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_secs(86_400));
    for (header, most) in
        [(Some("120"), 120), (Some(far.as_str()), 3600), (Some("9".repeat(30).as_str()), 3600), (None, 2)]
    {
        let headers: Vec<(String, String)> =
            header.iter().map(|value| ("retry-after".to_owned(), (*value).to_owned())).collect();
        let server = Server::start(move |seen| {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            if is_pull(seen) { answer(429, &headers, "") } else { answer(200, &[], "blob") }
        })
        .await;
        let remote = server.remote();
        let first = remote.manifest(&repository(), &latest()).await;
        assert!(matches!(first, Err(Error::Limited { .. })), "{first:?}");
        for _ in 0..5 {
            let again = remote.manifest(&"other/app".parse().unwrap(), &latest()).await;
            let Err(Error::Limited { retry_after: Some(wait) }) = again else {
                panic!("{header:?}: {again:?}")
            };
            assert!(wait.as_secs() <= most, "{header:?}: {wait:?}");
        }
        assert_eq!(server.count(), 1, "{header:?}");
        // Other kinds of requests continue.
        remote.head_manifest(&repository(), &latest()).await.unwrap();
        remote.blob(&repository(), &Digest::of(b"blob"), BlobRequest::default()).await.unwrap();
        assert_eq!(server.count(), 3, "{header:?}");
    }
}

#[tokio::test]
async fn a_wait_that_is_over_is_over() {
    let server = Server::start(|_| answer(429, &[("retry-after", "0")], "")).await;
    let remote = server.remote();
    for asked in 1..=3 {
        assert!(matches!(remote.manifest(&repository(), &latest()).await, Err(Error::Limited { .. })));
        assert_eq!(server.count(), asked);
    }
}

#[tokio::test]
async fn one_accounts_limit_is_not_the_others() {
    let server = Server::start(|seen| match seen.authorization() {
        Some("Basic b25lOmNhbmFyeQ==") => answer(429, &[("retry-after", "60")], ""),
        Some("Basic dHdvOmNhbmFyeQ==") => manifest(),
        _ => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
    })
    .await;
    let credentials = vec![credential("one"), credential("two")];
    let remote = remote(&RemoteSettings { credentials, ..server.settings() });
    remote.manifest(&repository(), &latest()).await.unwrap();
    let before = server.count();
    remote.manifest(&repository(), &latest()).await.unwrap();
    // The first account is known to be limited, the second has its grant.
    assert_eq!(server.count(), before + 1);
}

#[tokio::test]
async fn what_is_left_of_a_limit_is_known() {
    let server = Server::start(|seen| {
        let remaining = if is_pull(seen) { "75;w=21600" } else { "76;w=21600" };
        let headers = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", remaining)];
        answer(
            200,
            &[headers.as_slice(), &[("content-type", crate::support::INDEX)]].concat(),
            crate::support::MANIFEST,
        )
    })
    .await;
    let remote = server.remote();
    assert_eq!(remote.pull_quota(), None);
    remote.head_manifest(&repository(), &latest()).await.unwrap();
    let window = Some(std::time::Duration::from_secs(21_600));
    assert_eq!(remote.pull_quota(), Some(PullQuota { limit: 100, remaining: 76, window }));
    remote.clone().manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(remote.pull_quota().unwrap().remaining, 75);
}
