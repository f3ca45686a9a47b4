//! Instances: how they come to be, get their cards, and change.

use std::time::Duration;

use crate::setup::*;
use entrepot_catalog::{
    AllocationRecord, Catalog, ChosenPlace, InstanceChange, InstanceChanged, InstanceDesired, InstanceFilter,
    InstancePhase, InstanceReason, InstanceRecord, InstanceSplit, NewInstance, PeriodRecord, PlaceOutcome,
    PlacementFacts, PortRange, PortRecord, QuotaRecord, RetakeOutcome, VolumeRecord,
};

const PORTS: PortRange = PortRange { first: 30_000, last: 30_009 };
const CARD_MIB: u64 = 24_000;

/// An account, an entry, a spec, and two nodes with four cards each.
async fn stage(home: &Home) -> Catalog {
    let catalog = home.open().await;
    let mut sql = "INSERT INTO account (id, name, kind, role, member_of, created_ms, changed_ms) \
         VALUES (7, 'ann', 'local', 'user', '[]', 0, 0);\
         INSERT INTO image_entry (id, name, address, host, repository, created_by, created_ms, changed_ms) \
         VALUES (1, 'torch', 'a', 'docker.io', 'library/torch', 'x', 0, 0), \
         (2, 'old', 'a', 'docker.io', 'library/old', 'x', 0, 0);\
         UPDATE image_entry SET on_shelf = 0 WHERE id = 2;\
         INSERT INTO spec (id, name, cpu_milli, memory_mib, created_by, created_ms, changed_ms) \
         VALUES (1, 'slice', 1000, 1024, 'x', 0, 0);"
        .to_owned();
    for node in 1..=2 {
        sql.push_str(&format!(
            "INSERT INTO node (id, name, address, status, offers, cpus, memory_mib, created_by, created_ms, changed_ms) \
             VALUES ({node}, 'n{node}', 'unix:///x', 'connected', 'parts', 64000, 512000, 'x', 0, 0);"
        ));
        for card in 0..4 {
            sql.push_str(&format!(
                "INSERT INTO node_device (node_id, uuid, position, vendor, model, memory_mib, used_mib, seen_ms) \
                 VALUES ({node}, 'GPU-{node}-{card}', {card}, 'nvidia', 'A', {CARD_MIB}, 0, 0);"
            ));
        }
    }
    home.meddle(&sql).await;
    catalog
}

fn new(name: &str) -> NewInstance {
    NewInstance {
        account_id: 7,
        owner: "ann".to_owned(),
        name: name.to_owned(),
        request_key: None,
        entry_id: 1,
        spec_id: 1,
        image: "docker.io/library/torch@sha256:0".to_owned(),
        snapshot: "{}".to_owned(),
        settings: "{}".to_owned(),
        cpu_milli: 1000,
        memory_mib: 1024,
        is_split: true,
        ports: Vec::new(),
        stop_at: None,
        release_at: None,
    }
}

fn slice(uuid: &str, memory_mib: u64) -> AllocationRecord {
    AllocationRecord { uuid: uuid.to_owned(), memory_mib: Some(memory_mib), core_percent: Some(10) }
}

/// The first card that has room for so much.
fn first_fit(facts: &PlacementFacts, memory_mib: u64) -> Result<ChosenPlace, ()> {
    for node in &facts.nodes {
        for card in &node.cards {
            let taken: u64 = card.taken.iter().map(|share| share.memory_mib.unwrap()).sum();
            if taken + memory_mib <= card.memory_mib.unwrap() {
                return Ok(ChosenPlace { node_id: node.id, cards: vec![slice(&card.uuid, memory_mib)] });
            }
        }
    }
    Err(())
}

async fn create(catalog: &Catalog, new: &NewInstance, memory_mib: u64) -> PlaceOutcome<()> {
    catalog.create_instance(new, PORTS, at(0), &|ground| first_fit(ground, memory_mib)).await.unwrap()
}

async fn made(catalog: &Catalog, new: &NewInstance) -> InstanceRecord {
    match create(catalog, new, 1000).await {
        PlaceOutcome::New(made) => *made,
        other => panic!("{other:?}"),
    }
}

pub async fn are_created_once_for_a_request(home: &Home) {
    let catalog = stage(home).await;
    let request = NewInstance { request_key: Some("k1".to_owned()), ..new("a") };
    let first = made(&catalog, &request).await;
    assert_eq!((first.state.phase, first.state.desired), (InstancePhase::Queued, InstanceDesired::Running));
    assert_eq!((first.state.holds, first.state.split), (true, InstanceSplit::Unverified));
    assert_eq!(first.state.container_name, format!("entrepot-{}", first.id));
    assert_eq!(create(&catalog, &request, 1000).await, PlaceOutcome::Known(Box::new(first.clone())));
    assert_eq!(catalog.instance(first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(catalog.instance_cards(first.id).await.unwrap(), [slice("GPU-1-0", 1000)]);
    let elsewhere = NewInstance { account_id: 8, ..request };
    assert!(
        matches!(create(&catalog, &elsewhere, 1000).await, PlaceOutcome::New(_)),
        "keys are an account's own"
    );
}

pub async fn names_are_an_accounts_own(home: &Home) {
    let catalog = stage(home).await;
    made(&catalog, &new("a")).await;
    assert_eq!(create(&catalog, &new("a"), 1000).await, PlaceOutcome::NameTaken);
    made(&catalog, &NewInstance { account_id: 8, ..new("a") }).await;
}

pub async fn what_is_off_the_shelf_is_not_run(home: &Home) {
    let catalog = stage(home).await;
    for (entry_id, spec_id) in [(2, 1), (3, 1), (1, 2)] {
        let refused = create(&catalog, &NewInstance { entry_id, spec_id, ..new("a") }, 1000).await;
        assert_eq!(refused, PlaceOutcome::OffShelf, "{entry_id} {spec_id}");
    }
    assert!(catalog.instances(&InstanceFilter::default(), 10).await.unwrap().rows.is_empty());
}

pub async fn a_refusal_leaves_nothing(home: &Home) {
    let catalog = stage(home).await;
    assert_eq!(create(&catalog, &new("a"), CARD_MIB + 1).await, PlaceOutcome::Refused(()));
    let many = NewInstance { ports: (1..=11).collect(), ..new("a") };
    assert_eq!(create(&catalog, &many, 1000).await, PlaceOutcome::NoPorts);
    assert!(catalog.instances(&InstanceFilter::default(), 10).await.unwrap().rows.is_empty());
    let ground = catalog.ground(7, at(0)).await.unwrap();
    assert!(ground.nodes.iter().flat_map(|node| &node.cards).all(|card| card.taken.is_empty()));
    assert_eq!(made(&catalog, &new("a")).await.id, 1, "no id was used up");
}

pub async fn many_at_once_never_share_more_than_there_is(home: &Home) {
    let catalog = stage(home).await;
    let create_one = |n: usize| {
        let catalog = catalog.clone();
        tokio::spawn(async move { create(&catalog, &new(&format!("i{n}")), 5000).await })
    };
    let tasks: Vec<_> = (0..100).map(create_one).collect();
    let (mut made, mut refused) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            PlaceOutcome::New(_) => made += 1,
            PlaceOutcome::Refused(()) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    // Four parts of 5,000 MiB fit on each of eight cards.
    assert_eq!((made, refused), (32, 68));
    let ground = catalog.ground(7, at(0)).await.unwrap();
    for card in ground.nodes.iter().flat_map(|node| &node.cards) {
        assert_eq!(card.taken.len(), 4, "{}", card.uuid);
    }
    assert_eq!((ground.holdings.instances, ground.holdings.cards), (32, 32));
    let taken: Vec<_> = ground.nodes.iter().map(|node| (node.cpu_taken, node.memory_taken)).collect();
    assert_eq!(taken, [(16_000, 16_384); 2]);
}

pub async fn are_found_and_come_in_pages(home: &Home) {
    let catalog = stage(home).await;
    for n in 0..5 {
        let account_id = if n == 4 { 8 } else { 7 };
        made(&catalog, &NewInstance { account_id, ..new(&format!("train_{n}")) }).await;
    }
    let names = async |filter: InstanceFilter, limit: usize| {
        let page = catalog.instances(&filter, limit).await.unwrap();
        let names: Vec<_> = page.rows.iter().map(|row| row.name.clone()).collect();
        (names.join(" "), page.more)
    };
    let mine = InstanceFilter { account: Some(7), ..InstanceFilter::default() };
    assert_eq!(names(mine.clone(), 3).await, ("train_3 train_2 train_1".to_owned(), true));
    assert_eq!(
        names(InstanceFilter { before: Some(2), ..mine.clone() }, 3).await,
        ("train_0".to_owned(), false)
    );
    let search = |text: &str| InstanceFilter { search: Some(text.to_owned()), ..InstanceFilter::default() };
    assert_eq!(names(search("n_4"), 9).await.0, "train_4");
    assert_eq!(names(search("n%4"), 9).await.0, "");
    let running = InstanceFilter { phase: Some(InstancePhase::Running), ..mine };
    assert_eq!(names(running, 9).await.0, "");
    let on_node = catalog.instances_on(1, 1, 2).await.unwrap();
    assert_eq!(on_node.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [2, 3]);
    assert!(on_node.more);
}

pub async fn change_only_as_they_were_seen(home: &Home) {
    let catalog = stage(home).await;
    let (one, _) = (made(&catalog, &new("a")).await, made(&catalog, &new("b")).await);
    let mut state = one.state.clone();
    state.phase = InstancePhase::Running;
    state.reason = Some(InstanceReason::NodeUnreachable);
    state.container_id = Some("c1".to_owned());
    state.made_of = Some("quay.io/a/b@sha256:1".to_owned());
    state.started = Some(at(5));
    assert!(catalog.save_instance(&one, &state, at(1)).await.unwrap());
    assert!(!catalog.save_instance(&one, &state, at(1)).await.unwrap(), "it was changed since");
    let one = catalog.instance(one.id).await.unwrap().unwrap();
    assert_eq!((&one.state, one.revision, one.changed), (&state, 2, at(1)));

    let rename = |name: &str| InstanceChange { name: Some(name.to_owned()), ..InstanceChange::default() };
    let changed = catalog.change_instance(&one, &rename("b"), at(2)).await.unwrap();
    assert_eq!(changed, InstanceChanged::NameTaken);
    let timed = InstanceChange { stop_at: Some(Some(at(99))), release_at: Some(None), ..rename("a") };
    assert_eq!(catalog.change_instance(&one, &timed, at(2)).await.unwrap(), InstanceChanged::Done);
    assert_eq!(catalog.change_instance(&one, &timed, at(2)).await.unwrap(), InstanceChanged::Stale);
    let one = catalog.instance(one.id).await.unwrap().unwrap();
    assert_eq!((one.stop_at, one.release_at, one.name.as_str()), (Some(at(99)), None, "a"));
}

pub async fn a_stopped_one_frees_its_cards(home: &Home) {
    let catalog = stage(home).await;
    let one = made(&catalog, &new("a")).await;
    let stopped =
        entrepot_catalog::InstanceState { holds: false, phase: InstancePhase::Stopped, ..one.state.clone() };
    assert!(catalog.save_instance(&one, &stopped, at(1)).await.unwrap());
    let holdings = catalog.ground(7, at(1)).await.unwrap().holdings;
    assert_eq!((holdings.instances, holdings.cards), (1, 0));
    let one = catalog.instance(one.id).await.unwrap().unwrap();
    assert_eq!(
        catalog.instance_cards(one.id).await.unwrap(),
        [slice("GPU-1-0", 1000)],
        "the next start tries it first"
    );

    let refused = catalog.take_again(&one, at(2), &|_| Err::<ChosenPlace, _>("full")).await.unwrap();
    assert_eq!(refused, RetakeOutcome::Refused("full"));
    let without = |_: &PlacementFacts| Ok::<_, ()>(ChosenPlace { node_id: 1, cards: Vec::new() });
    assert_eq!(catalog.take_again(&one, at(2), &without).await.unwrap(), RetakeOutcome::Has(Vec::new()));
    let bare = catalog.instance(one.id).await.unwrap().unwrap();
    assert!(bare.state.holds && !bare.state.has_devices);
    assert_eq!(catalog.ground(7, at(2)).await.unwrap().holdings.cards, 0);

    let other =
        |_: &PlacementFacts| Ok::<_, ()>(ChosenPlace { node_id: 1, cards: vec![slice("GPU-1-3", 1000)] });
    assert_eq!(catalog.take_again(&one, at(3), &other).await.unwrap(), RetakeOutcome::Changed);
    let taken = catalog.take_again(&bare, at(3), &other).await.unwrap();
    assert_eq!(taken, RetakeOutcome::Has(vec![slice("GPU-1-3", 1000)]));
    assert_eq!(catalog.ground(7, at(3)).await.unwrap().holdings.cards, 1);
}

pub async fn ports_are_given_once(home: &Home) {
    let catalog = stage(home).await;
    let one = made(&catalog, &NewInstance { ports: vec![22, 8888], ..new("a") }).await;
    let two = made(&catalog, &NewInstance { ports: vec![22], ..new("b") }).await;
    let port = |host, container| PortRecord { host, container };
    assert_eq!(catalog.instance_ports(one.id).await.unwrap(), [port(30_000, 22), port(30_001, 8888)]);
    assert_eq!(catalog.instance_ports(two.id).await.unwrap(), [port(30_002, 22)]);
    let other = catalog.other_port(&one, port(30_000, 22), PORTS).await.unwrap();
    assert_eq!(other, Some(port(30_003, 22)));
    assert_eq!(catalog.instance_ports(one.id).await.unwrap(), [port(30_003, 22), port(30_001, 8888)]);
    let full = PortRange { first: 30_001, last: 30_003 };
    assert_eq!(catalog.other_port(&one, port(30_003, 22), full).await.unwrap(), None);
    assert!(catalog.remove_instance(one.id).await.unwrap());
    assert!(!catalog.remove_instance(one.id).await.unwrap());
    let three = made(&catalog, &NewInstance { ports: vec![22], ..new("c") }).await;
    assert_eq!(catalog.instance_ports(three.id).await.unwrap(), [port(30_000, 22)]);
    assert_eq!(three.id, 3, "an id is never used twice");
}

pub async fn quotas_and_holdings_are_told(home: &Home) {
    let catalog = stage(home).await;
    assert_eq!(catalog.quota(7).await.unwrap(), None);
    let quota = QuotaRecord { account_id: 7, instances: Some(2), cards: None, hours: Some(10) };
    for hours in [Some(10), Some(20)] {
        catalog.set_quota(&QuotaRecord { hours, ..quota }).await.unwrap();
    }
    let quota = QuotaRecord { hours: Some(20), ..quota };
    assert_eq!(catalog.ground(7, at(0)).await.unwrap().holdings.quota, Some(quota));
    assert_eq!(catalog.quotas(0, 10).await.unwrap().rows, [quota]);
    assert!(catalog.remove_quota(7).await.unwrap() && !catalog.remove_quota(7).await.unwrap());
}

pub async fn periods_begin_and_end_once(home: &Home) {
    let catalog = stage(home).await;
    let period = PeriodRecord {
        instance_id: 1,
        started: at(10),
        ended: None,
        account_id: 7,
        spec_id: 1,
        cards: 2,
        price: 15_000,
        unknown: Duration::ZERO,
    };
    for _ in 0..2 {
        catalog.begin_period(&period).await.unwrap();
    }
    assert_eq!(catalog.open_period(1).await.unwrap(), Some(period.clone()));
    catalog.end_period(1, at(10), at(70), Duration::from_secs(3)).await.unwrap();
    catalog.end_period(1, at(10), at(99), Duration::ZERO).await.unwrap();
    assert_eq!(catalog.open_period(1).await.unwrap(), None);
    let ended = PeriodRecord { ended: Some(at(70)), unknown: Duration::from_secs(3), ..period.clone() };
    assert_eq!(catalog.periods(1, None, 10).await.unwrap().rows, std::slice::from_ref(&ended));
    catalog.begin_period(&PeriodRecord { started: at(100), cards: 0, ..period }).await.unwrap();
    let counted = catalog.ground(7, at(200)).await.unwrap().holdings.periods;
    assert_eq!(counted, [ended], "runs without cards use up no hours");
    let later = at(0) + Duration::from_secs(40 * 24 * 3600);
    assert!(catalog.ground(7, later).await.unwrap().holdings.periods.is_empty());
}

pub async fn volumes_wait_for_another_instance(home: &Home) {
    let catalog = stage(home).await;
    let one = made(&catalog, &new("a")).await;
    let name = "entrepot-1-data".to_owned();
    let volume = VolumeRecord { name, node_id: 1, account_id: 7, instance_id: Some(one.id), created: at(0) };
    for _ in 0..2 {
        catalog.add_volume(&volume).await.unwrap();
    }
    assert_eq!(catalog.volumes_of(one.id).await.unwrap(), std::slice::from_ref(&volume));
    assert!(!catalog.attach_volume(&volume.name, 9).await.unwrap(), "it has one");
    catalog.remove_instance(one.id).await.unwrap();
    let waiting = VolumeRecord { instance_id: None, ..volume.clone() };
    assert_eq!(catalog.volumes(Some(7), "", 10).await.unwrap().rows, std::slice::from_ref(&waiting));
    assert!(catalog.volumes(Some(8), "", 10).await.unwrap().rows.is_empty());
    assert_eq!(catalog.volumes(None, "", 10).await.unwrap().rows.len(), 1);
    assert!(catalog.attach_volume(&volume.name, 9).await.unwrap());
    assert_eq!(catalog.volume(&volume.name).await.unwrap().unwrap().instance_id, Some(9));
    assert!(
        catalog.remove_volume(&volume.name).await.unwrap()
            && !catalog.remove_volume(&volume.name).await.unwrap()
    );
}
