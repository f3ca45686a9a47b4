//! What answers of well-known registries mean: pages by cursors, `HEAD`s that do not decide, sizes that are not said,
//! refusals that are none, referrers tags that are no lists.

use entrepot_oci::{Digest, MediaType, Page, Reference, Tag, referrers_tag};
use entrepot_remote::{Error, FoundManifest, Remote, RemoteSettings};
use entrepot_testkit::{Action, Capabilities, Fault, Match, TestImage, TestRegistry};

use crate::{
    push::to,
    support::{INDEX, Server, answer, challenge, latest, remote, repository},
};

const NAME: &str = "team/app";

async fn with_tags(capabilities: Capabilities, count: usize) -> (TestRegistry, Vec<String>) {
    let (registry, image) = (TestRegistry::start().await, TestImage::random(1, 0, 0));
    registry.capabilities(|can| *can = capabilities);
    let tags: Vec<String> = (0..count).map(|nth| format!("v{nth:03}")).collect();
    for tag in &tags {
        registry.put_manifest(NAME, Some(tag), &MediaType::OCI_MANIFEST, image.bytes().clone());
    }
    (registry, tags)
}

// As a client lists that says which tag it got last. `remote` may be another one for each page.
async fn page_by_page(limit: &str, remote: impl Fn() -> Remote) -> Vec<String> {
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = Page::parse(Some(limit), last.as_deref()).unwrap();
        let listed = remote().tags(&repository(), &page).await.unwrap();
        assert!(listed.tags.len() <= page.limit() && !(listed.more && listed.tags.is_empty()), "{listed:?}");
        found.extend(listed.tags.iter().map(ToString::to_string));
        last = listed.tags.last().map(ToString::to_string);
        if !listed.more {
            return found;
        }
    }
}

// R02
#[tokio::test]
async fn pages_are_followed_as_the_registry_says() {
    let refuses_long = Capabilities { longest_page: Some(100), ..Capabilities::default() };
    let refuses_any = Capabilities { longest_page: Some(0), ..Capabilities::default() };
    let says_nothing = Capabilities { links: false, tags_page: Some(50), ..Capabilities::default() };
    for capabilities in [
        Capabilities::default(),
        Capabilities::quay(),
        Capabilities::ecr_public(),
        refuses_long,
        refuses_any,
        says_nothing,
    ] {
        let (registry, tags) = with_tags(capabilities.clone(), 120).await;
        let all = to(&registry).all_tags(&repository()).await.unwrap();
        assert!(all.iter().map(Tag::as_str).eq(tags.iter()), "{capabilities:?}");
        for limit in ["7", "50", "1000"] {
            let remembers = to(&registry);
            assert_eq!(page_by_page(limit, || remembers.clone()).await, tags, "{capabilities:?}");
            // Without what the pages before said.
            assert_eq!(page_by_page(limit, || to(&registry)).await, tags, "{capabilities:?}");
        }
    }
}

// R02
#[tokio::test]
async fn a_cursor_that_is_remembered_costs_one_request_for_each_page() {
    for capabilities in [Capabilities::quay(), Capabilities::ecr_public(), Capabilities::default()] {
        let (registry, tags) = with_tags(Capabilities { tags_page: Some(50), ..capabilities }, 120).await;
        let remembers = to(&registry);
        assert_eq!(page_by_page("1000", || remembers.clone()).await, tags);
        assert_eq!(registry.log().len(), 3);
    }
}

// R02
#[tokio::test]
async fn a_page_that_is_only_guessed_may_be_refused() {
    // Fifty tags look like a full page, and ECR Public knows no page after a name.
    let (registry, tags) = with_tags(Capabilities::ecr_public(), 50).await;
    assert_eq!(to(&registry).all_tags(&repository()).await.unwrap().len(), 50);
    assert_eq!(page_by_page("50", || to(&registry)).await, tags);
}

// R02
#[tokio::test]
async fn a_name_that_is_not_there_is_an_error_where_pages_have_no_names() {
    let (registry, _) = with_tags(Capabilities::quay(), 120).await;
    let page = Page::parse(Some("50"), Some("v050x")).unwrap();
    let told = to(&registry).tags(&repository(), &page).await.unwrap_err().to_string();
    assert_eq!(told, "the listing does not have the name that it is to go on from");
}

// R02
#[tokio::test]
async fn links_are_read_as_they_are_written() {
    for link in [
        r#"</v2/team/app/tags/list?next_page=x>; rel="next""#,
        r#"/v2/team/app/tags/list?next_page=x; rel="next""#,
        "</v2/team/app/tags/list?next_page=x>",
        "<?next_page=x>; rel=next",
        // What it is called behind its proxy.
        r#"<http://registry.internal:8080/v2/team/app/tags/list?next_page=x>; rel="next""#,
    ] {
        let server = Server::start(move |seen| match seen.path.split_once("next_page=") {
            None => answer(200, &[("link", link)], r#"{"tags":["a"]}"#),
            // An empty page in between.
            Some((_, "x")) => answer(200, &[("link", r#"<?next_page=y>; rel="next""#)], r#"{"tags":null}"#),
            Some(_) => answer(200, &[], r#"{"tags":["b"]}"#),
        })
        .await;
        let remote = server.remote();
        let all = remote.all_tags(&repository()).await.unwrap();
        assert_eq!(all.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"], "{link}");
        assert_eq!(page_by_page("5", || remote.clone()).await, ["a", "b"], "{link}");
    }
}

// R03
#[tokio::test]
async fn where_head_does_not_decide_get_does() {
    let (registry, image) = (TestRegistry::start().await, TestImage::random(1, 1, 500));
    registry.put_image(NAME, "latest", &image);
    let (remote, blob) = (to(&registry), image.blobs()[1].0);
    let size = Some(image.blobs()[1].1.len() as u64);
    for status in [400, 401, 403, 404, 405, 501] {
        registry.clear_faults();
        registry.clear_log();
        registry.fault(Fault::on(Match::any().head()).always().then(Action::status(status)));
        let found = remote.find_manifest(&repository(), &latest()).await.unwrap();
        assert!(matches!(&found, FoundManifest::Whole(whole) if whole.digest == *image.digest()), "{status}");
        assert_eq!(remote.find_blob(&repository(), &blob).await.unwrap().size, size, "{status}");
        assert_eq!(registry.log().blob_gets()[0].range.as_deref(), Some("bytes=0-0"));
        // What would be written if it is missing is not asked for twice.
        let is_missing = status == 404;
        assert_eq!(remote.head_blob(&repository(), &blob).await.is_err(), is_missing);
        assert_eq!(remote.head_manifest(&repository(), &latest()).await.is_err(), is_missing);
    }
    registry.clear_faults();
    registry.capabilities(|can| *can = Capabilities::ecr_public());
    assert_eq!(remote.find_blob(&repository(), &blob).await.unwrap().size, size);
    let absent = remote.find_blob(&repository(), &Digest::of(b"absent")).await;
    assert!(matches!(absent, Err(Error::NotFound)), "{absent:?}");
}

// R03
#[tokio::test]
async fn a_registry_that_counts_pulls_is_believed_that_it_has_none() {
    let registry = TestRegistry::start().await;
    registry.put_image(NAME, "latest", &TestImage::random(1, 1, 10));
    registry.capabilities(|can| *can = Capabilities::docker_hub(100));
    let remote = to(&registry);
    remote.find_manifest(&repository(), &latest()).await.unwrap();
    let absent = Reference::Tag("absent".parse().unwrap());
    assert!(matches!(remote.find_manifest(&repository(), &absent).await, Err(Error::NotFound)));
    assert_eq!(registry.log().manifest_gets().len(), 0);
}

// R01
#[tokio::test]
async fn a_size_that_is_not_said_is_unknown() {
    let (registry, image) = (TestRegistry::start().await, TestImage::random(1, 1, 500));
    registry.put_image(NAME, "latest", &image);
    let empty = registry.put_blob(NAME, "");
    let (remote, blob) = (to(&registry), image.blobs()[1].0);
    let probed = Some(image.blobs()[1].1.len() as u64);
    for zero in [false, true] {
        registry.clear_faults();
        match zero {
            false => registry.capabilities(|can| *can = Capabilities::behind_load_balancer()),
            // It has the registry's answer without its body, and says so.
            true => registry
                .fault(Fault::on(Match::any().head()).always().then(Action::header("content-length", "0"))),
        }
        let head = remote.head_manifest(&repository(), &latest()).await.unwrap();
        assert_eq!((head.digest, head.size), (Some(*image.digest()), None));
        assert_eq!(remote.find_blob(&repository(), &blob).await.unwrap().size, None);
        for ranges in [true, false] {
            registry.capabilities(|can| can.ranges = ranges);
            assert_eq!(remote.probe_blob(&repository(), &blob).await.unwrap().size, probed);
        }
        assert_eq!(remote.probe_blob(&repository(), &empty).await.unwrap().size, Some(0));
        registry.capabilities(|can| *can = Capabilities::default());
    }
    assert_eq!(remote.find_blob(&repository(), &empty).await.unwrap().size, Some(0));
}

// R04
#[tokio::test]
async fn a_web_page_is_no_refusal_of_the_registry() {
    for (body, is_page) in [
        ("<html><body>Access denied</body></html>", true),
        ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", true),
        (r#"{"errors":[{"code":"DENIED","message":"no"}]}"#, false),
        ("no", false),
        ("", false),
    ] {
        let server = Server::start(move |_| answer(403, &[], body)).await;
        let remote = server.remote();
        let told = remote.manifest(&repository(), &latest()).await.unwrap_err();
        match is_page {
            true => assert!(matches!(told, Error::Failing { status: 403, .. }), "{body}: {told:?}"),
            false => assert!(matches!(told, Error::Denied { status: 403, .. }), "{body}: {told:?}"),
        }
        // The registry is not down.
        for _ in 0..5 {
            assert!(remote.manifest(&repository(), &latest()).await.is_err());
        }
        assert_eq!(server.count(), 6);
    }
}

// R04
#[tokio::test]
async fn a_token_server_that_is_not_there_says_nothing_about_the_image() {
    let nowhere = Server::start(|_| answer(404, &[], "")).await;
    let realm = format!("{}/token", nowhere.url());
    let server = Server::start(move |_| challenge(&realm)).await;
    let lab = remote(&RemoteSettings { private_network: true, ..server.settings() });
    let told = lab.manifest(&repository(), &latest()).await.unwrap_err();
    assert!(matches!(told, Error::Failing { status: 404, .. }), "{told:?}");
}

// R06
#[tokio::test]
async fn what_is_no_list_of_referrers_is_none() {
    let image = TestImage::random(1, 1, 10);
    let subject = TestImage::index([image.clone()]);
    let signature = TestImage::random(9, 1, 10).artifact("example/signature").refer_to(&subject);
    let tag = referrers_tag(subject.digest()).to_string();
    let listed = async |registry: &TestRegistry| {
        let found = to(registry).referrers(&repository(), subject.digest()).await.unwrap();
        found.iter().map(|one| one.digest).collect::<Vec<_>>()
    };
    for capabilities in [Capabilities::gitlab(), Capabilities::ghcr()] {
        let registry = TestRegistry::start().await;
        registry.capabilities(|can| *can = capabilities);
        registry.put_image(NAME, "latest", &subject);
        assert_eq!(listed(&registry).await, []);
        registry.put_untagged(NAME, &signature);
        assert_eq!(listed(&registry).await, [*signature.digest()]);
        // Nobody is sent to a page for people.
        assert!(registry.log().iter().all(|request| request.path.starts_with("/v2/")));
        registry.put_manifest(NAME, Some(&tag), image.media_type(), image.bytes().clone());
        assert_eq!(listed(&registry).await, []);
    }
}

// R06
#[tokio::test]
async fn an_api_that_is_none_or_lists_none_leaves_the_tag() {
    let (subject, referrer) = (Digest::of(b"subject"), Digest::of(b"referrer"));
    let list = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"{referrer}","size":1}}]}}"#
    );
    let tag = format!("/manifests/{}", referrers_tag(&subject));
    for (status, headers, body) in [
        (200, vec![("content-type", "text/html")], "<html>not found</html>"),
        (200, vec![("content-type", INDEX)], r#"{"manifests":[]}"#),
        (303, vec![("location", "/-/v2/packages/for-people")], ""),
        (406, vec![], ""),
        (404, vec![], ""),
    ] {
        let (tag, list) = (tag.clone(), list.clone());
        let server = Server::start(move |seen| match seen.path.contains("/referrers/") {
            true => answer(status, &headers, body),
            false if seen.path.ends_with(&tag) => answer(200, &[("content-type", INDEX)], list.clone()),
            false => answer(429, &[], ""),
        })
        .await;
        let found = server.remote().referrers(&repository(), &subject).await.unwrap();
        assert_eq!(found.iter().map(|one| one.digest).collect::<Vec<_>>(), [referrer], "{status} {body}");
    }
    // Refused or failing, it does not say that there are none.
    for status in [401, 403, 500] {
        let server = Server::start(move |seen| match seen.path.contains("/referrers/") {
            true => answer(status, &[], ""),
            false => answer(404, &[], ""),
        })
        .await;
        assert!(server.remote().referrers(&repository(), &subject).await.is_err(), "{status}");
    }
}
