//! Other images for instances, images that are made of them, and what is saved in between.

use std::time::SystemTime;

use entrepot_catalog::{EntryFields, EntrySave, InstancePhase, InstanceReason};
use entrepot_library::{Error, InstanceFault, RunFault, SavingPhase, SavingProgress, Volumes};
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour, PullableImage, Refusal};

use crate::yard::{IMAGE, Yard, by, gate, target};

pub(crate) const OTHER: &str =
    "quay.io/acme/torch@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// An entry that leads to another image, and its id.
pub(crate) async fn other_entry(yard: &Yard, is_on_shelf: bool, memory_split: bool) -> i64 {
    yard.engine.offer(OTHER, PullableImage::of_layers(&[2000]));
    let fields = EntryFields {
        name: "torch-2.5".to_owned(),
        address: "quay.io/acme/torch:2.5".to_owned(),
        host: "quay.io".to_owned(),
        repository: "acme/torch".to_owned(),
        tag: None,
        digest: Some(OTHER.split_once('@').unwrap().1.to_owned()),
        credential: None,
        description: String::new(),
        source: String::new(),
        remark: String::new(),
        is_on_shelf,
        memory_split,
    };
    let saved =
        yard.catalog.save_entries(&[EntrySave { of: None, fields }], "owner", SystemTime::now()).await;
    saved.unwrap().unwrap()[0]
}

async fn reimaged(yard: &Yard, id: i64, entry: i64) -> Result<(), Error> {
    yard.library.reimage_instance(target(id), entry.try_into().unwrap(), by()).await?;
    yard.library.instances_settled().await;
    Ok(())
}

#[tokio::test]
async fn another_image_keeps_data_ports_and_cards_but_not_the_disk() {
    for dialect in Dialect::ALL {
        let yard = Yard::new(dialect).await;
        let instance = yard.run_with_card("a").await;
        let entry = other_entry(&yard, true, true).await;
        reimaged(&yard, instance.id, entry).await.unwrap();
        let changed = yard.record(instance.id).await;
        assert_eq!(
            yard.state(instance.id).await,
            (InstancePhase::Running, None),
            "{:?}",
            changed.state.detail
        );
        assert_eq!((changed.entry_id, changed.image.as_str()), (entry, OTHER), "{dialect:?}");
        assert_eq!(yard.engine.containers(), [("entrepot-1.r1".to_owned(), "running")], "one container");
        assert_eq!(yard.engine.volumes(), ["entrepot-1-data"]);
        assert_eq!((yard.cards_taken().await, yard.runs(instance.id).await), (1, vec![true, false]));
        assert!(yard.engine.calls_of("POST", "commit").is_empty(), "the disk is not saved");
        yard.library.restart_instance(target(instance.id), by()).await.unwrap();
        yard.library.instances_settled().await;
        assert_eq!(yard.engine.containers(), [("entrepot-1.r1".to_owned(), "running")], "it is made once");
    }
}

#[tokio::test]
async fn a_stopped_one_has_it_from_its_next_start_on() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    yard.library.instances_settled().await;
    let entry = other_entry(&yard, true, true).await;
    reimaged(&yard, instance.id, entry).await.unwrap();
    assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "exited")], "nothing is done yet");
    yard.look().await;
    yard.library.start_instance(target(instance.id), true, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.engine.containers(), [("entrepot-1.r1".to_owned(), "running")]);
}

#[tokio::test]
async fn an_image_that_cannot_be_fetched_leaves_the_disk_for_the_one_before() {
    let yard = Yard::new(Dialect::Docker28).await;
    let instance = yard.run("a").await;
    let entry = other_entry(&yard, true, true).await;
    yard.engine.refuse(OTHER, Refusal::NotFound);
    reimaged(&yard, instance.id, entry).await.unwrap();
    assert_eq!(yard.state(instance.id).await, (InstancePhase::Failed, Some(InstanceReason::PullFailed)));
    assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "exited")], "it is still there");
    reimaged(&yard, instance.id, 1).await.unwrap();
    yard.library.start_instance(target(instance.id), true, by()).await.unwrap();
    yard.library.instances_settled().await;
    assert_eq!(yard.engine.containers(), [("entrepot-1".to_owned(), "running")], "with its disk");
    assert_eq!(yard.record(instance.id).await.image, IMAGE);
}

#[tokio::test]
async fn a_server_that_ends_while_the_image_changes_leaves_one_container() {
    for path in ["images/create", "containers/create", "containers/*/start"] {
        let mut yard = Yard::new(Dialect::Docker28).await;
        let instance = yard.run("a").await;
        let entry = other_entry(&yard, true, true).await;
        let gate = crate::yard::gate();
        let count = yard.engine.calls_of("POST", path).len();
        yard.engine.fault(EngineFault::on("POST", path, Misbehaviour::HoldAnswer(gate.clone())));
        yard.library.reimage_instance(target(instance.id), entry.try_into().unwrap(), by()).await.unwrap();
        yard.engine.asked("POST", path, count + 1).await;
        yard.restart().await;
        yard.look().await;
        yard.reaches(instance.id, InstancePhase::Running).await;
        yard.look().await;
        let containers = yard.engine.containers();
        assert_eq!(containers.len(), 1, "{path}: {containers:?}");
        assert!(
            containers[0].0.starts_with("entrepot-1.r") && containers[0].1 == "running",
            "{containers:?}"
        );
        assert_eq!(yard.record(instance.id).await.image, OTHER);
    }
}

#[tokio::test]
async fn what_is_not_offered_or_does_not_fit_changes_nothing() {
    let yard = Yard::new(Dialect::Docker28).await;
    let hidden = other_entry(&yard, false, true).await;
    let whole = other_entry(&yard, true, false).await;
    let instance = yard.run("a").await;
    let refused = reimaged(&yard, instance.id, hidden).await;
    assert!(matches!(refused, Err(Error::Instance(InstanceFault::OffShelf { kind: "entry", .. }))));
    assert!(matches!(reimaged(&yard, instance.id, 99).await, Err(Error::Unknown { kind: "entry", .. })));
    yard.engine.answer_exec("nvidia-smi", entrepot_testkit::engine::ExecAnswer::of("GPU-0, 8192\n"));
    let request = entrepot_library::RunRequest { spec: 3.try_into().unwrap(), ..yard.request("b") };
    let split = yard.up(request).await;
    assert_eq!(yard.state(split.id).await, (InstancePhase::Running, None), "{:?}", split.state.detail);
    let refused = reimaged(&yard, split.id, whole).await;
    let Err(Error::Instance(InstanceFault::Request(faults))) = refused else { panic!("{refused:?}") };
    assert!(matches!(faults[..], [RunFault::NotSplit { .. }]));
    for id in [instance.id, split.id] {
        let record = yard.record(id).await;
        assert_eq!((record.entry_id, record.state.phase), (1, InstancePhase::Running));
    }
}

// A disk is saved for other cards, and goes when the next one is there.
#[tokio::test]
async fn saved_disks_do_not_pile_up() {
    for dialect in [Dialect::Docker28, Dialect::Podman5] {
        let yard = Yard::new(dialect).await;
        let instance = yard.run_with_card("a").await;
        for with_cards in [false, true, false] {
            yard.library.stop_instance(target(instance.id), by()).await.unwrap();
            yard.library.start_instance(target(instance.id), with_cards, by()).await.unwrap();
            yard.library.instances_settled().await;
            assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None));
            assert_eq!(saved(&yard).len(), 1, "{dialect:?}: {:?}", saved(&yard));
        }
        yard.library.remove_instance(target(instance.id), Volumes::Remove, by()).await.unwrap();
        yard.library.instances_settled().await;
        assert!(yard.all().await.is_empty() && saved(&yard).is_empty());
    }
}

fn saved(yard: &Yard) -> Vec<String> {
    let images = yard.engine.images().into_iter();
    images.filter(|name| name.starts_with("saved.entrepot.invalid/")).collect()
}

#[tokio::test]
async fn whoever_saves_sees_how_far_that_is() {
    let yard = Yard::with_address(Dialect::Docker28, "http://127.0.0.1:5000").await;
    let instance = yard.run("a").await;
    let watched = async || yard.library.watch_saving(target(instance.id)).await;
    let refused = |error| matches!(error, Error::Instance(InstanceFault::NotBeingSaved));
    assert!(refused(watched().await.unwrap_err()));
    let gate = gate();
    yard.engine.fault(EngineFault::on("POST", "commit", Misbehaviour::Hold(gate.clone())));
    let (library, image) = (yard.library.clone(), yard.library.image_to_push("my-torch:1").unwrap());
    let id = instance.id;
    let saving = tokio::spawn(async move { library.commit_instance(target(id), image, by()).await });
    let mut watch = loop {
        match watched().await {
            Ok(watch) => break watch,
            Err(error) => assert!(refused(error)),
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert_eq!(watch.next().await.map(|one| one.phase), Some(SavingPhase::Making));
    assert!(
        yard.library
            .watch_saving(entrepot_library::InstanceTarget { account: Some(99), ..target(id) })
            .await
            .is_err()
    );
    gate.open();
    let mut last = None;
    while let Some(progress) = watch.next().await {
        last = Some(progress);
    }
    let whole = SavingProgress { phase: SavingPhase::Sending, done: 5000, total: 5000 };
    // Whoever looks at the end of a fast one sees nothing more.
    assert!(last.is_none_or(|last| last == whole), "{last:?}");
    saving.await.unwrap().unwrap();
    assert!(refused(watched().await.unwrap_err()), "it has ended");
}

#[tokio::test]
async fn a_disk_becomes_an_image_of_ours() {
    for dialect in Dialect::ALL {
        let yard = Yard::with_address(dialect, "http://127.0.0.1:5000").await;
        let mut request = yard.request("a");
        request.settings.environment = vec![("TOKEN".to_owned(), "hush".to_owned())];
        let instance = yard.up(request).await;
        let image = yard.library.image_to_push("my-torch:1").unwrap();
        let saved = yard.library.commit_instance(target(instance.id), image, by()).await.unwrap();
        assert_eq!(saved.image, "local/my-torch:1");
        let commit = &yard.engine.calls_of("POST", "commit")[0];
        assert_eq!((commit.value("repo"), commit.value("tag")), ("127.0.0.1:5000/local/my-torch", "1"));
        let changes = commit.values("changes").join("\n");
        assert!(changes.contains(r#"ENV TOKEN="""#) && !changes.contains("hush"), "{changes}");
        let push = &yard.engine.calls_of("POST", "images/127.0.0.1:5000/local/my-torch/push")[0];
        assert!(push.headers.contains_key("x-registry-auth"), "with a login of its own");
        assert!(!yard.engine.has_image("127.0.0.1:5000/local/my-torch:1"), "its node need not keep it");
        assert_eq!(yard.state(instance.id).await, (InstancePhase::Running, None), "it ran all the time");
    }
}

#[tokio::test]
async fn what_cannot_be_saved_says_why() {
    let yard = Yard::with_address(Dialect::Docker28, "http://127.0.0.1:5000").await;
    let instance = yard.run("a").await;
    let commit = async |text: &str| {
        let image = yard.library.image_to_push(text).unwrap();
        match yard.library.commit_instance(target(instance.id), image, by()).await {
            Err(Error::Instance(fault)) => fault,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(commit("docker.io/library/a:1").await, InstanceFault::NotHosted(_)));
    yard.engine.refuse("127.0.0.1:5000/local/a:1", Refusal::Denied);
    let InstanceFault::NotSaved(why) = commit("a:1").await else { panic!() };
    assert!(!why.is_empty());
    assert!(!yard.engine.has_image("127.0.0.1:5000/local/a:1"), "nothing is left");
    yard.library.stop_instance(target(instance.id), by()).await.unwrap();
    yard.engine.stop().await;
    assert!(matches!(commit("a:2").await, InstanceFault::NodeSilent(node) if node == "n1"));
}
