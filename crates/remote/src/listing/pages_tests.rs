use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::*;
use crate::listing::names::NameList;

const SMALL: Bounds = Bounds { pages: 9, entries: 50, bytes: 400, ..Bounds::NAMES };

/// What a registry says to the page of this number: its names, and where the next one is.
type Script = fn(usize) -> (Vec<String>, NextPage);

// A listing with such pages, of which one may never come; also counts them.
fn pages<'a>(
    script: Script,
    never: Option<usize>,
    large_listings: &'a Semaphore,
) -> (Pages<'a>, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let read = move |_: Url| {
        let nth = counter.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            if Some(nth) == never {
                std::future::pending::<()>().await;
            }
            let (names, next) = script(nth);
            let bytes = serde_json::json!({ "tags": names }).to_string().into();
            let guard = OutcomeGuard::new(None, entrepot_oci::Host::docker_hub());
            Ok(ListingPage { bytes, guard, next })
        }
        .boxed()
    };
    let after = |last: &str| Some(address(&format!("last={last}")));
    let pages = Pages {
        bounds: SMALL,
        large_listings,
        first: address(""),
        read: Box::new(read),
        after: Box::new(after),
        size: Some(3),
    };
    (pages, asked)
}

fn address(query: &str) -> Url {
    format!("http://a.example/v2/a/tags/list?{query}").parse().unwrap()
}

fn linked(query: &str) -> NextPage {
    NextPage::At(address(query))
}

fn fresh(count: usize, page: usize) -> Vec<String> {
    (0..count).map(|nth| format!("v{page}-{nth}")).collect()
}

async fn listed(script: Script) -> (Result<usize, String>, usize) {
    let large_listings = Semaphore::new(1);
    let (pages, asked) = pages(script, None, &large_listings);
    let read = read_all(&pages, || NameList::new(|_| true, SMALL)).await;
    (read.map(|names| names.len()).map_err(|error| error.to_string()), asked.load(Ordering::SeqCst))
}

// A09
#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    let cases: [(Script, Result<usize, &str>, usize); 11] = [
        (|_| (fresh(2, 0), NextPage::Unknown), Ok(2), 1),
        (
            |page| (fresh(2, page), if page < 4 { linked(&format!("p={page}")) } else { NextPage::Unknown }),
            Ok(8),
            4,
        ),
        // A page without anything may be followed by one that has something.
        (
            |page| {
                (
                    fresh(page % 2, page),
                    if page < 5 { linked(&format!("p={page}")) } else { NextPage::Unknown },
                )
            },
            Ok(3),
            5,
        ),
        (|page| (fresh(if page < 3 { 3 } else { 0 }, page), NextPage::Unknown), Ok(6), 3),
        (
            |page| (fresh(6, page), linked(&format!("p={page}"))),
            Err("the listing has more than 50 entries"),
            9,
        ),
        (
            |page| (vec![format!("v{page}{}", "x".repeat(90))], linked(&format!("p={page}"))),
            Err("the listing has more than 400 bytes"),
            5,
        ),
        (|page| (fresh(1, page), linked(&format!("p={page}"))), Err("the listing has more than 9 pages"), 9),
        (
            |page| (Vec::new(), linked(&format!("p={page}"))),
            Err("two pages of the listing in a row have nothing new"),
            2,
        ),
        (
            |page| (fresh(2, 0), linked(&format!("p={page}"))),
            Err("two pages of the listing in a row have nothing new"),
            3,
        ),
        (
            |page| (fresh(2, page), linked(&format!("p={}", page % 2))),
            Err("a page of the listing leads back to one that was there before"),
            3,
        ),
        // The same name again and again, and the next page somewhere else: it is asked for at home, and once.
        (
            |_| (fresh(2, 0), NextPage::Refused(EgressError::Malformed)),
            Err("a page of the listing leads back to one that was there before"),
            2,
        ),
    ];
    for (nth, (script, expected, asked)) in cases.into_iter().enumerate() {
        let told = listed(script).await;
        assert_eq!(told, (expected.map_err(str::to_owned), asked), "case {nth}");
    }
}

// Each page may be in time, and the whole of it is not. A page that never comes stands for those that do not any more.
#[tokio::test]
async fn a_listing_that_drips_is_given_up() {
    let drip: Script = |page| (fresh(1, page), linked(&format!("p={page}")));
    let large_listings = Semaphore::new(1);
    let (mut pages, asked) = pages(drip, Some(4), &large_listings);
    pages.bounds.time = Duration::ZERO;
    let told = read_all(&pages, || NameList::new(|_| true, SMALL)).await.map(drop).unwrap_err();
    assert!(
        matches!(told, Error::Invalid(InvalidResponse::UnboundedListing(UnboundedListing::Time { .. }))),
        "{told}"
    );
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    let told = UnboundedListing::Time { limit: Bounds::NAMES.time }.to_string();
    assert_eq!(told, "the listing did not end within 15 minutes");
}

// A large one holds nothing while another one has the turn, and is begun again; a small one waits for nobody.
#[tokio::test]
async fn large_listings_come_one_at_a_time() {
    let script: Script = |page| {
        let next = if page % 3 == 0 { NextPage::Unknown } else { linked(&format!("p={page}")) };
        (fresh(3, page), next)
    };
    let large_listings = Semaphore::new(1);
    let (mut pages, asked) = pages(script, None, &large_listings);
    let names = || NameList::new(|_| true, SMALL);
    assert_eq!(read_all(&pages, names).await.unwrap().len(), 9);
    let other = large_listings.acquire().await.unwrap();
    assert_eq!(read_all(&pages, names).await.unwrap().len(), 9);
    assert_eq!(asked.swap(0, Ordering::SeqCst), 6);
    pages.bounds.free = 20;
    let mut waiting = Box::pin(read_all(&pages, names));
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    assert_eq!(asked.swap(0, Ordering::SeqCst), 2);
    drop(other);
    assert_eq!(waiting.await.unwrap().len(), 9);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
