//! What the library pins in the mirror, and that it stays there.

use entrepot_catalog::{NewPin, PinFilter, PinSource};
use entrepot_library::{EntryChange, LayerScope, NewEntry, Volumes};
use entrepot_mirror::Clock;
use entrepot_oci::Page;
use entrepot_testkit::{TestImage, TestRegistry, engine::Dialect, until};

use crate::{
    images::{OTHER, other_entry},
    yard::{ANN, IMAGE, Yard, by, target},
};

/// What is pinned: by whom, and which image.
async fn pinned(yard: &Yard) -> Vec<(PinSource, String, String)> {
    let pins = yard.catalog.pins(&PinFilter::default(), &Page::default()).await.unwrap().rows;
    let of = |pin: NewPin| (pin.source, pin.held_by, format!("{}@{}", pin.key, pin.digest));
    let mut all: Vec<_> = pins.into_iter().map(|record| of(record.pin)).collect();
    all.sort_by_key(|(source, holder, _)| (source.as_str(), holder.clone()));
    all
}

fn shelf(id: i64, image: &str) -> (PinSource, String, String) {
    (PinSource::Shelf, id.to_string(), image.to_owned())
}

fn instance(id: i64, image: &str) -> (PinSource, String, String) {
    (PinSource::Instance, id.to_string(), image.to_owned())
}

#[tokio::test]
async fn an_entry_pins_its_image_while_it_is_on_the_shelf() {
    let yard = Yard::new(Dialect::Docker28).await;
    let entry = 1.try_into().unwrap();
    let shelved = async |is_on_shelf| {
        let change = EntryChange { is_on_shelf: Some(is_on_shelf), ..EntryChange::default() };
        yard.library.change_entry(entry, None, change, by()).await.unwrap();
    };
    let addressed = async |address: &str| {
        let change = EntryChange { address: Some(address.to_owned()), ..EntryChange::default() };
        yard.library.change_entry(entry, None, change, by()).await.unwrap();
    };
    addressed("quay.io/acme/torch:2.5").await;
    assert_eq!(pinned(&yard).await, [], "nobody has looked yet where the tag leads");
    addressed(IMAGE).await;
    let pins = yard.catalog.pins(&PinFilter::default(), &Page::default()).await.unwrap().rows;
    assert_eq!(pins.len(), 1);
    assert_eq!(pins[0].pin.reason, "entry `torch` is on the shelf", "an operator sees whose it is");
    shelved(false).await;
    assert_eq!(pinned(&yard).await, [], "off the shelf");
    shelved(true).await;
    assert_eq!(pinned(&yard).await, [shelf(1, IMAGE)]);
    addressed(OTHER).await;
    assert_eq!(pinned(&yard).await, [shelf(1, OTHER)], "the image before may go");
    yard.library.remove_entries(vec![entry], None, by()).await.unwrap();
    assert_eq!(pinned(&yard).await, []);
}

#[tokio::test]
async fn an_instance_pins_what_it_runs_from_until_it_is_gone() {
    let yard = Yard::new(Dialect::Docker28).await;
    let made = yard.run("a").await;
    assert_eq!(pinned(&yard).await, [instance(made.id, IMAGE)]);
    let pin = yard.catalog.pins(&PinFilter::default(), &Page::default()).await.unwrap().rows.remove(0).pin;
    assert_eq!(pin.reason, "instance `a` of ann runs from it");
    yard.library.stop_instance(target(made.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(pinned(&yard).await.len(), 1, "it starts from it again");
    let entry = other_entry(&yard, true, true).await;
    yard.library.reimage_instance(target(made.id), entry.try_into().unwrap(), by()).await.unwrap();
    assert_eq!(pinned(&yard).await, [instance(made.id, OTHER)]);
    yard.library.remove_instance(target(made.id), Volumes::Remove, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(pinned(&yard).await, []);
}

#[tokio::test]
async fn a_start_makes_up_for_what_a_crash_left_out() {
    let yard = Yard::new(Dialect::Docker28).await;
    let made = yard.run("a").await;
    let right = [instance(made.id, IMAGE), shelf(1, IMAGE)];
    let of_instances = PinFilter { source: Some(PinSource::Instance), ..PinFilter::default() };
    yard.catalog.unpin(&of_instances).await.unwrap();
    yard.library.settle_pins().await.unwrap();
    assert_eq!(pinned(&yard).await, right, "two are missing");

    let key = yard.catalog.pins(&of_instances, &Page::default()).await.unwrap().rows.remove(0).pin.key;
    let stray = |source, held_by: &str, digest: &str| NewPin {
        key: key.clone(),
        digest: digest.split_once('@').unwrap().1.parse().unwrap(),
        source,
        held_by: held_by.to_owned(),
        reason: String::new(),
        expires: None,
    };
    let hand = stray(PinSource::Hand, "ann", OTHER);
    let strays = [
        stray(PinSource::Instance, "99", IMAGE),
        stray(PinSource::Shelf, "98", OTHER),
        stray(PinSource::Shelf, "1", OTHER),
        hand.clone(),
    ];
    yard.catalog.pin(&strays, std::time::SystemTime::now()).await.unwrap();
    yard.library.settle_pins().await.unwrap();
    let by_hand = (PinSource::Hand, "ann".to_owned(), OTHER.to_owned());
    let [of_instance, of_shelf] = right;
    assert_eq!(pinned(&yard).await, [by_hand, of_instance, of_shelf], "what people pinned stays");
}

#[tokio::test]
async fn whoever_gets_no_instance_pins_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let mut request = yard.request("a");
    request.settings.volume = Some("entrepot-9-data".to_owned());
    yard.ask(request).await.unwrap_err();
    assert_eq!(pinned(&yard).await, []);
    assert_eq!(yard.account, ANN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_the_shelf_is_not_evicted() {
    let (quay, clock) = (TestRegistry::start().await, Clock::manual());
    let yard = Yard::in_front_of(&quay, clock.clone()).await;
    let mut held = Vec::new();
    for (seed, name, is_on_shelf) in [(1, "kept", true), (2, "gone", false)] {
        let image = TestImage::random(seed, 1, 1 << 20);
        quay.put_image(&format!("acme/{name}"), "1", &image);
        let (name, address) = (name.to_owned(), format!("quay.io/acme/{name}:1"));
        let entry = NewEntry { name, address, is_on_shelf, ..NewEntry::default() };
        let added = yard.library.add_entry(entry, by()).await.unwrap();
        let checked = yard.library.check_entry(added.id.try_into().unwrap(), LayerScope::All).await.unwrap();
        assert_eq!(checked.check.digest, Some(*image.digest()), "{:?}", checked.check);
        held.push(*image.digest());
    }
    let mirror = yard.mirror();
    let repositories = async || mirror.repositories(None, &Page::default()).await.unwrap().repositories.len();
    assert_eq!(repositories().await, 2);
    assert_eq!(pinned(&yard).await, [shelf(2, &format!("quay.io/acme/kept@{}", held[0]))]);
    clock.advance(std::time::Duration::from_secs(2 * 60 * 60));
    mirror.begin_eviction(None, Some(u64::MAX)).await.unwrap();
    let ended = || {
        let state = mirror.eviction();
        state.last.filter(|_| state.running.is_none())
    };
    assert_eq!(until("the eviction to end", ended).await.images, 1);
    let left = mirror.repositories(None, &Page::default()).await.unwrap().repositories;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name, "quay.io/acme/kept");
}
