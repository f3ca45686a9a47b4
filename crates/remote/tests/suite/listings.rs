//! Listings that do not end, through every operation that lists.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use entrepot_oci::{Digest, Tag};
use entrepot_remote::{Error, InvalidResponse, MAX_NAMES, MAX_REFERRERS, RemoteSettings, UnboundedListing};
use http::Response;

use crate::support::{Body, INDEX, Server, answer, credential, remote, repository, url};

/// A registry whose pages all link to another one; `page` makes the page of that number.
async fn endless(page: impl Fn(usize) -> String + Send + Sync + 'static) -> Server {
    let asked = AtomicUsize::new(0);
    Server::start(move |seen| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        let path = seen.path.split('?').next().unwrap();
        let link = format!("<{path}?page={nth}>; rel=\"next\"");
        answer(200, &[("content-type", INDEX), ("link", &link)], page(nth))
    })
    .await
}

fn end<T: std::fmt::Debug>(listed: Result<T, Error>) -> UnboundedListing {
    match listed {
        Err(Error::Invalid(InvalidResponse::UnboundedListing(endless))) => endless,
        other => panic!("{other:?}"),
    }
}

fn tags(of: std::ops::Range<usize>) -> String {
    let tags: Vec<_> = of.map(|nth| format!("\"v{nth}\"")).collect();
    format!(r#"{{"tags":[{}]}}"#, tags.join(","))
}

fn referrer(nth: usize) -> String {
    let digest = Digest::of(nth.to_string().as_bytes());
    format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":1}}"#)
}

// A09
#[tokio::test]
async fn fresh_names_for_ever_are_too_many() {
    const EACH: usize = 150_000;
    let server = endless(|nth| tags(nth * EACH..(nth + 1) * EACH)).await;
    assert_eq!(
        end(server.remote().all_tags(&repository()).await),
        UnboundedListing::Entries { limit: MAX_NAMES }
    );
    assert_eq!(server.count(), MAX_NAMES / EACH + 1);
}

#[tokio::test]
async fn a_million_tags_are_listed() {
    const EACH: usize = MAX_NAMES / 4;
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let nth = asked.fetch_add(1, Ordering::SeqCst);
        let link = [("link", format!("<?page={nth}>; rel=\"next\""))];
        let headers: Vec<_> =
            link.iter().filter(|_| nth < 3).map(|(name, value)| (*name, value.as_str())).collect();
        answer(200, &headers, tags(nth * EACH..(nth + 1) * EACH))
    })
    .await;
    let listed = server.remote().all_tags(&repository()).await.unwrap();
    assert_eq!((listed.len(), listed.last().map(Tag::as_str)), (MAX_NAMES, Some("v999999")));
}

// A09
#[tokio::test]
async fn pages_that_bring_nothing_new_are_left() {
    for (page, asked) in [(tags(0..0), 2), (tags(0..3), 3), (r#"{"tags":["no tag"]}"#.to_owned(), 2)] {
        let of_tags = page.clone();
        let server = endless(move |_| of_tags.clone()).await;
        assert_eq!(end(server.remote().all_tags(&repository()).await), UnboundedListing::NothingNew);
        assert_eq!(server.count(), asked);
        let server = endless(move |_| page.replace("tags", "repositories")).await;
        assert_eq!(end(server.remote().all_repositories().await), UnboundedListing::NothingNew);
    }
}

// A09
#[tokio::test]
async fn referrers_end_too() {
    let list = |of: Vec<String>| format!(r#"{{"manifests":[{}]}}"#, of.join(","));
    let subject = Digest::of(b"subject");
    let server = endless(move |nth| list((0..2000).map(|one| referrer(nth * 2000 + one)).collect())).await;
    let told = end(server.remote().referrers(&repository(), &subject).await);
    assert_eq!((told, server.count()), (UnboundedListing::Entries { limit: MAX_REFERRERS }, 6));
    let server = endless(move |_| list(vec![referrer(1)])).await;
    let told = end(server.remote().referrers(&repository(), &subject).await);
    assert_eq!((told, server.count()), (UnboundedListing::NothingNew, 3));
    // Bounded in bytes; entries that are too long are not held.
    let heavy = |nth: usize, note: usize| {
        let one = referrer(nth);
        format!(r#"{},"annotations":{{"k":"{}"}}}}"#, &one[..one.len() - 1], "x".repeat(note))
    };
    let server = endless(move |nth| list((0..500).map(|one| heavy(nth * 500 + one, 4000)).collect())).await;
    let told = end(server.remote().referrers(&repository(), &subject).await);
    assert!(
        matches!(told, UnboundedListing::Bytes { .. }) && server.count() == 4,
        "{told} {}",
        server.count()
    );
    let server =
        Server::start(move |_| answer(200, &[("content-type", INDEX)], list(vec![heavy(1, 40_000)]))).await;
    let found = server.remote().referrers(&repository(), &subject).await.unwrap();
    assert!(found[0].annotations.is_none());
}

// Otherwise an incomplete list would count as empty, and a signed image as unsigned.
#[tokio::test]
async fn a_listing_that_breaks_off_is_not_one_that_is_not_there() {
    for status in [400, 404, 405, 422, 501] {
        let server = Server::start(move |seen| match seen.path.ends_with("page=2") {
            true => answer(status, &[], ""),
            false if seen.path.contains("/referrers/") => {
                let one = format!(r#"{{"manifests":[{}]}}"#, referrer(1));
                answer(200, &[("content-type", INDEX), ("link", r#"<?page=2>; rel="next""#)], one)
            }
            false => answer(200, &[("link", r#"<?page=2>; rel="next""#)], tags(0..1)),
        })
        .await;
        let listed = server.remote().referrers(&repository(), &Digest::of(b"subject")).await.map(drop);
        let tagged = server.remote().all_tags(&repository()).await.map(drop);
        for told in [listed, tagged] {
            assert!(
                matches!(&told, Err(Error::Invalid(InvalidResponse::Status(said))) if *said == status),
                "{told:?}"
            );
        }
        assert_eq!(server.count(), 4);
    }
}

// A listing that is redirected continues at the target of the redirect, without an account.
#[tokio::test]
async fn pages_go_on_where_the_first_came_from() {
    fn page(path: &str, more: bool, name: &str) -> Response<Body> {
        let link = format!("<{path}?page=2>; rel=\"next\"");
        let headers: &[(&str, &str)] = if more { &[("link", &link)] } else { &[] };
        answer(200, headers, format!(r#"{{"tags":["{name}"]}}"#))
    }
    let elsewhere = Server::start(|seen| match seen.path.ends_with("page=2") {
        true => page("", false, "b"),
        false => page("/v2/private/tags/list", true, "a"),
    })
    .await;
    let location = format!("{}/v2/moved/tags/list", elsewhere.url());
    let server = Server::start(move |seen| match seen.authorization() {
        None => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
        Some(_) => answer(307, &[("location", &location)], ""),
    })
    .await;
    let endpoints = vec![url(&server.url()), url(&elsewhere.url())];
    let credentials = vec![credential("me")];
    let remote = remote(&RemoteSettings { endpoints, credentials, ..RemoteSettings::default() });
    let tags = remote.all_tags(&repository()).await.unwrap();
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
    assert!(server.log().iter().all(|seen| !seen.path.contains("private")), "{:?}", server.log());
    assert_eq!(elsewhere.log()[1].path, "/v2/private/tags/list?page=2");
    assert!(elsewhere.log().iter().all(|seen| seen.authorization().is_none()));
}

// A page that another host links to is requested at the endpoint without an account.
#[tokio::test]
async fn a_stranger_does_not_choose_what_is_listed_at_home() {
    let home = Arc::new(std::sync::OnceLock::<String>::new());
    let there = Arc::clone(&home);
    let elsewhere = Server::start(move |_| {
        let link = format!("<{}/v2/private/tags/list>; rel=\"next\"", there.get().unwrap());
        answer(200, &[("link", &link)], r#"{"tags":["a"]}"#)
    })
    .await;
    let location = format!("{}/v2/moved/tags/list", elsewhere.url());
    let server = Server::start(move |seen| match seen.authorization() {
        None => answer(401, &[("www-authenticate", "Basic realm=lab")], ""),
        Some(_) => answer(307, &[("location", &location)], ""),
    })
    .await;
    home.set(server.url()).unwrap();
    let endpoints = vec![url(&server.url()), url(&elsewhere.url())];
    let credentials = vec![credential("me")];
    let remote = remote(&RemoteSettings { endpoints, credentials, ..RemoteSettings::default() });
    assert!(remote.all_tags(&repository()).await.is_err());
    assert!(server.log().iter().all(|seen| !seen.path.contains("private")), "{:?}", server.log());
}
