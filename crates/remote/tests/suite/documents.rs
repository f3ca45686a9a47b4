//! Manifests, tag lists and referrers, and other responses in their place.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use entrepot_oci::{Digest, MAX_MANIFEST_BYTES, MediaType, Page, Reference, Tag, referrers_tag};
use entrepot_remote::{EgressError, Error, InvalidResponse, TagPage, UnboundedListing};
use http::{Method, Response};

use crate::support::{Body, INDEX, MANIFEST, Server, answer, broken, latest, manifest, pieces, repository};

async fn fetch(reply: impl Fn() -> Response<Body> + Send + Sync + 'static) -> Result<Bytes, Error> {
    let server = Server::start(move |_| reply()).await;
    server.remote().manifest(&repository(), &latest()).await.map(|fetched| fetched.bytes)
}

#[tokio::test]
async fn a_manifest_comes_as_it_was_sent() {
    let digest = Digest::of(MANIFEST.as_bytes());
    let server = Server::start(move |_| {
        let digest = digest.to_string();
        answer(200, &[("content-type", INDEX), ("docker-content-digest", &digest)], MANIFEST)
    })
    .await;
    let remote = server.remote();
    for reference in [latest(), Reference::Digest(digest)] {
        let fetched = remote.manifest(&repository(), &reference).await.unwrap();
        assert_eq!((fetched.digest, &fetched.media_type), (digest, &MediaType::OCI_INDEX));
        assert_eq!(fetched.bytes, MANIFEST);
        let head = remote.head_manifest(&repository(), &reference).await.unwrap();
        assert_eq!((head.digest, head.size), (Some(digest), Some(MANIFEST.len() as u64)));
        assert_eq!(head.media_type, Some(MediaType::OCI_INDEX));
    }
    for seen in server.log() {
        assert!(seen.header("user-agent").unwrap().starts_with("entrepot/"));
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert_eq!(seen.header("accept"), Some(MediaType::ACCEPT));
    }
}

#[tokio::test]
async fn wrong_digests_are_refused() {
    let lie = Digest::of(b"other").to_string();
    let lying = move || answer(200, &[("content-type", INDEX), ("docker-content-digest", &lie)], MANIFEST);
    assert!(matches!(fetch(lying.clone()).await, Err(Error::Invalid(InvalidResponse::WrongDigest))));
    let malformed =
        || answer(200, &[("content-type", INDEX), ("docker-content-digest", "sha256:../..")], MANIFEST);
    assert!(matches!(fetch(malformed).await, Err(Error::Invalid(InvalidResponse::WrongDigest))));

    let server = Server::start(move |_| lying()).await;
    for asked in [Digest::of(b"other"), Digest::of(MANIFEST.as_bytes())] {
        let refused = server.remote().manifest(&repository(), &asked.into()).await;
        assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::WrongDigest))), "{refused:?}");
    }
    let head = server.remote().head_manifest(&repository(), &Digest::of(b"third").into()).await;
    assert!(matches!(head, Err(Error::Invalid(InvalidResponse::WrongDigest))));
}

#[tokio::test]
async fn other_pages_are_not_manifests() {
    let replies: [fn() -> Response<Body>; 5] = [
        || answer(200, &[("content-type", "text/html")], "<html>please log in</html>"),
        || answer(200, &[], "<html>please log in</html>"),
        || answer(200, &[("content-type", "text/html")], MANIFEST),
        || answer(200, &[("content-type", "application/json")], r#"{"errors":[{"code":"X"}]}"#),
        || answer(200, &[("content-type", INDEX)], r#"{"errors":[{"code":"X"}]}"#),
    ];
    for reply in replies {
        let refused = fetch(reply).await;
        assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::NotAManifest { .. }))), "{refused:?}");
    }
    assert!(matches!(
        fetch(|| answer(204, &[], "")).await,
        Err(Error::Invalid(InvalidResponse::Status(204)))
    ));
    assert!(matches!(
        fetch(|| answer(302, &[], "")).await,
        Err(Error::Invalid(InvalidResponse::Status(302)))
    ));
    let gzip = || answer(200, &[("content-type", INDEX), ("content-encoding", "gzip")], MANIFEST);
    assert!(matches!(fetch(gzip).await, Err(Error::Invalid(InvalidResponse::Encoded))));
}

#[tokio::test]
async fn too_large_is_cut_off() {
    let declared = || answer(200, &[("content-type", INDEX)], vec![b' '; MAX_MANIFEST_BYTES + 1]);
    assert!(matches!(fetch(declared).await, Err(Error::Invalid(InvalidResponse::TooLarge { .. }))));

    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let endless = move || {
        let counter = Arc::clone(&counter);
        let piece = move |()| {
            counter.fetch_add(1 << 16, Ordering::SeqCst);
            Some((Ok(Bytes::from(vec![b' '; 1 << 16])), ()))
        };
        pieces(
            200,
            &[("content-type", INDEX)],
            futures_util::stream::unfold((), move |state| std::future::ready(piece(state))),
        )
    };
    assert!(matches!(fetch(endless).await, Err(Error::Invalid(InvalidResponse::TooLarge { .. }))));
    // The buffers of the sockets come on top.
    assert!(sent.load(Ordering::SeqCst) < 16 * MAX_MANIFEST_BYTES, "{sent:?}");
}

#[tokio::test]
async fn a_manifest_that_breaks_off_is_cut() {
    let broken = || broken(&[("content-type", INDEX)], br#"{"sch"#);
    assert!(matches!(fetch(broken).await, Err(Error::Cut { .. })));
}

#[tokio::test]
async fn error_statuses_stay_distinct() {
    assert!(matches!(fetch(|| answer(404, &[], "")).await, Err(Error::NotFound)));
    let denied = || answer(403, &[], r#"{"errors":[{"code":"DENIED","message":"not\nyours"}]}"#);
    assert!(matches!(
        fetch(denied).await,
        Err(Error::Denied { status: 403, reason }) if reason == "DENIED: not yours"
    ));
    let failing = fetch(|| answer(503, &[], "")).await;
    assert!(matches!(failing, Err(Error::Failing { status: 503, retry_after: None })));
    // Busy, with a `Retry-After`.
    match fetch(|| answer(503, &[("retry-after", "7")], "")).await {
        Err(Error::Failing { retry_after: Some(wait), .. }) => assert_eq!(wait.as_secs(), 7),
        other => panic!("{other:?}"),
    }
    for (header, wait) in [
        ("30", Some(30)),
        ("999999999999999999999", Some(3600)),
        ("soon", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
    ] {
        let limited = fetch(move || answer(429, &[("retry-after", header)], "")).await;
        let Err(Error::Limited { retry_after }) = limited else { panic!("{limited:?}") };
        assert_eq!(retry_after.map(|wait| wait.as_secs()), wait, "{header}");
    }
    assert!(matches!(fetch(|| answer(429, &[], "")).await, Err(Error::Limited { retry_after: None })));
}

#[tokio::test]
async fn get_stands_in_for_a_refused_head() {
    let server = Server::start(|seen| match seen.method {
        Method::HEAD => answer(405, &[], ""),
        _ => manifest(),
    })
    .await;
    let head = server.remote().head_manifest(&repository(), &latest()).await.unwrap();
    assert_eq!(head.digest, Some(Digest::of(MANIFEST.as_bytes())));
}

#[tokio::test]
async fn tags_come_in_pages() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/v2/team/app/tags/list?n=2" => answer(
            200,
            &[("link", r#"<http://169.254.169.254/>; rel="next""#)],
            r#"{"name":"team/app","tags":["a","b"]}"#,
        ),
        "/v2/team/app/tags/list?n=2&last=b" => answer(200, &[], r#"{"tags":null}"#),
        other => panic!("{other}"),
    })
    .await;
    let remote = server.remote();
    let first = remote.tags(&repository(), &Page::parse(Some("2"), None).unwrap()).await.unwrap();
    assert_eq!(first.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert!(first.more);
    let second = remote.tags(&repository(), &Page::parse(Some("2"), Some("b")).unwrap()).await.unwrap();
    assert_eq!(second, TagPage::default());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn tag_lists_are_bounded() {
    let server = Server::start(|_| {
        let endless = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![b' '; 1 << 16])));
        pieces(200, &[], endless)
    })
    .await;
    let refused = server.remote().tags(&repository(), &Page::default()).await;
    assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::TooLarge { .. }))));
    let server = Server::start(|_| answer(200, &[], "<html>")).await;
    let refused = server.remote().tags(&repository(), &Page::default()).await;
    assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::NotAListing))));
}

// U17
#[tokio::test]
async fn a_million_tags_are_cut_to_the_page_or_refused() {
    let list = |count: usize| {
        let tags: Vec<_> = (0..count).map(|nth| format!("\"v{nth:06}\"")).collect();
        Bytes::from(format!(r#"{{"name":"team/app","tags":[{}]}}"#, tags.join(",")))
    };
    // Registries without pagination send all tags each time.
    let (some, all) = (list(500_000), list(1_000_000));
    let server = Server::start(move |_| answer(200, &[], some.clone())).await;
    let page = server.remote().tags(&repository(), &Page::default()).await.unwrap();
    assert_eq!((page.tags.len(), page.more), (1000, true));
    let server = Server::start(move |_| answer(200, &[], all.clone())).await;
    let refused = server.remote().tags(&repository(), &Page::default()).await;
    assert!(matches!(refused, Err(Error::Invalid(InvalidResponse::TooLarge { .. }))), "{refused:?}");
    assert_eq!(server.count(), 1);
}

// U17: each page says that there is another, which the caller requests.
#[tokio::test]
async fn tags_without_end_are_asked_for_page_by_page() {
    let server = Server::start(|_| {
        answer(200, &[("link", r#"<?again>; rel="next""#)], r#"{"name":"team/app","tags":["a"]}"#)
    })
    .await;
    let remote = server.remote();
    for asked in 1..=3 {
        assert!(remote.tags(&repository(), &Page::default()).await.unwrap().more);
        assert_eq!(server.count(), asked);
    }
}

fn listing(names: &[&str]) -> String {
    let one = |name: &&str| {
        let digest = Digest::of(name.as_bytes());
        format!(r#"{{"mediaType":"application/x","digest":"{digest}","size":1}}"#)
    };
    format!(r#"{{"manifests":[{}]}}"#, names.iter().map(one).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn referrers_are_collected_from_all_pages() {
    let subject = Digest::of(b"subject");
    let server = Server::start(|seen| {
        if seen.path.ends_with("page=2") {
            return answer(200, &[("content-type", INDEX)], listing(&["b"]));
        }
        answer(200, &[("content-type", INDEX), ("link", r#"<?page=2>; rel="next""#)], listing(&["a"]))
    })
    .await;
    let found = server.remote().referrers(&repository(), &subject).await.unwrap();
    let digests: Vec<_> = found.iter().map(|descriptor| descriptor.digest).collect();
    assert_eq!(digests, [Digest::of(b"a"), Digest::of(b"b")]);
    assert_eq!(server.log()[0].path, format!("/v2/team/app/referrers/{subject}"));
}

#[tokio::test]
async fn the_next_page_is_not_elsewhere_and_pages_end() {
    let foreign = Server::start(|_| answer(200, &[], listing(&["b"]))).await;
    let link = format!(r#"<{}/x>; rel="next""#, foreign.url());
    let server = Server::start(move |_| answer(200, &[("link", &link)], listing(&["a"]))).await;
    let settings = entrepot_remote::RemoteSettings { private_network: true, ..server.settings() };
    let refused = crate::support::remote(&settings).referrers(&repository(), &Digest::of(b"x")).await;
    assert!(matches!(refused, Err(Error::Refused(EgressError::ForeignPage { .. }))));
    assert_eq!((server.count(), foreign.count()), (1, 0));

    let server = Server::start(|_| answer(200, &[("link", r#"<?again>; rel="next""#)], listing(&[]))).await;
    let refused = server.remote().referrers(&repository(), &Digest::of(b"x")).await;
    assert!(matches!(
        refused,
        Err(Error::Invalid(InvalidResponse::UnboundedListing(UnboundedListing::NothingNew)))
    ));
    assert_eq!(server.count(), 2);
}

// A05: entries that are too long are not held, and the rest has 8 MiB in all.
#[tokio::test]
async fn a_listing_of_referrers_has_eight_mebibytes_in_all_and_keeps_no_large_annotations() {
    let one = |number: usize, note: usize| {
        let (digest, text) = (Digest::of(&number.to_be_bytes()), "v".repeat(note));
        format!(r#"{{"digest":"{digest}","size":1,"annotations":{{"k":"{text}"}}}}"#)
    };
    let page = move |first: usize, note: usize| {
        let all: Vec<_> = (first..first + 100).map(|number| one(number, note)).collect();
        format!(r#"{{"manifests":[{}]}}"#, all.join(","))
    };
    let at = |seen: &str| seen.split_once("page=").map_or(1, |(_, page)| page.parse::<usize>().unwrap());
    for (note, pages, kept) in [(39_000, 7, Some(false)), (15_000, 5, Some(true)), (15_000, 6, None)] {
        let server = Server::start(move |seen| {
            let at = at(&seen.path);
            let link = format!(r#"<?page={}>; rel="next""#, at + 1);
            let headers = [("content-type", INDEX), ("link", link.as_str())];
            answer(200, &headers[..if at < pages { 2 } else { 1 }], page(at * 100, note))
        })
        .await;
        match server.remote().referrers(&repository(), &Digest::of(b"x")).await {
            Ok(found) => {
                assert_eq!(found.len(), pages * 100);
                assert!(found.iter().all(|one| Some(one.annotations.is_some()) == kept));
            }
            Err(refused) => {
                assert_eq!(refused.to_string(), "the listing has more than 8388608 bytes");
                assert_eq!(kept, None);
            }
        }
    }
}

#[tokio::test]
async fn the_referrers_tag_stands_in_for_the_api() {
    let subject = Digest::of(b"subject");
    let path = format!("/v2/team/app/manifests/{}", referrers_tag(&subject));
    let server = Server::start(move |seen| {
        if seen.path == path {
            answer(200, &[("content-type", INDEX)], listing(&["a"]))
        } else {
            answer(404, &[], "")
        }
    })
    .await;
    let remote = server.remote();
    assert_eq!(remote.referrers(&repository(), &subject).await.unwrap().len(), 1);
    assert_eq!(remote.referrers(&repository(), &Digest::of(b"lonely")).await.unwrap(), []);

    let server = Server::start(|seen| match seen.path.contains("/referrers/") {
        true => answer(404, &[], ""),
        false => answer(200, &[], format!(r#"{{"config":{}}}"#, descriptor())),
    })
    .await;
    // R06: a tag that is no list has none.
    assert_eq!(server.remote().referrers(&repository(), &subject).await.unwrap(), []);
    // Where everything is a web page, nothing was said.
    let server = Server::start(|_| answer(200, &[("content-type", "text/html")], "<html>")).await;
    assert!(matches!(
        server.remote().referrers(&repository(), &subject).await,
        Err(Error::Invalid(InvalidResponse::NotAManifest { .. }))
    ));
}

fn descriptor() -> String {
    format!(r#"{{"mediaType":"a/b","digest":"{}","size":1}}"#, Digest::of(b"x"))
}
