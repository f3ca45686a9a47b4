//! Entries of the image library.

use entrepot_catalog::{
    Accelerator, Catalog, CheckStatus, EntryCheck, EntryCursor, EntryFields, EntryFilter, EntryOrder,
    EntryPlatform, EntryRecord, EntryRemoval, EntrySave, EntryUse, ImageContents, Libc, PullQuota,
    SplitCheck,
};
use entrepot_oci::Digest;

use crate::setup::{Home, at};

fn fields(name: &str) -> EntryFields {
    EntryFields {
        name: name.to_owned(),
        address: format!("quay.io/acme/{name}:1.0"),
        host: "quay.io".to_owned(),
        repository: format!("acme/{name}"),
        tag: Some("1.0".to_owned()),
        digest: None,
        credential: None,
        description: "for 训练".to_owned(),
        source: "Quay".to_owned(),
        remark: String::new(),
        is_on_shelf: true,
        memory_split: false,
    }
}

async fn save(catalog: &Catalog, fields: EntryFields, seconds: u64) -> i64 {
    let saves = [EntrySave { of: None, fields }];
    catalog.save_entries(&saves, "account:ann", at(seconds)).await.unwrap().unwrap()[0]
}

async fn entry(catalog: &Catalog, id: i64) -> EntryRecord {
    catalog.entry(id).await.unwrap().unwrap()
}

fn found(digest: Digest) -> EntryCheck {
    let platform = "linux/amd64".parse().unwrap();
    EntryCheck {
        status: CheckStatus::Found,
        error: None,
        checked: Some(at(9)),
        digest: Some(digest),
        platforms: vec![EntryPlatform { platform, digest, size: Some(5 << 30) }],
        compressed_size: Some(5 << 30),
        built: Some(at(1)),
        quota: Some(PullQuota { limit: 100, remaining: 7, window: Some(21600) }),
        split: SplitCheck::Fits,
        accelerator: Accelerator::Nvidia,
        contents: Some(ImageContents {
            libc: Some(Libc::Glibc),
            libc_version: Some("2.35".to_owned()),
            cuda: Some("12.4".to_owned()),
            sshd: true,
            complete: true,
        }),
    }
}

async fn run_instance(home: &Home, id: i64, entry: i64, name: &str) {
    home.meddle(&format!(
        "INSERT INTO instance (id, account_id, owner, name, entry_id, spec_id, node_id, image, snapshot, settings, \
         container_name, phase, desired, cpu_milli, memory_mib, created_ms, changed_ms) \
         VALUES ({id}, 1, 'ann', '{name}', {entry}, 1, 1, 'x', '{{}}', '{{}}', 'c', 'running', 'running', 1, 1, 1, 1)"
    ))
    .await;
}

pub async fn entries_are_added_and_read_back(home: &Home) {
    let catalog = home.open().await;
    let id = save(&catalog, fields("a"), 1).await;
    let read = entry(&catalog, id).await;
    assert_eq!((id, read.revision, read.created, read.changed), (1, 1, at(1), at(1)));
    assert_eq!((read.fields, read.created_by.as_str()), (fields("a"), "account:ann"));
    assert_eq!((read.check, read.previous_digest), (EntryCheck::NONE, None));
    let whole = EntryFields {
        tag: None,
        digest: Some(Digest::of(b"x").to_string()),
        credential: Some("library/quay.io/acme/b".to_owned()),
        is_on_shelf: false,
        memory_split: true,
        remark: "'; --".to_owned(),
        ..fields("b")
    };
    let id = save(&catalog, whole.clone(), 2).await;
    assert_eq!(entry(&catalog, id).await.fields, whole);
    assert_eq!(catalog.entry(77).await.unwrap(), None);
}

// Who deletes an entry and adds one must not find that instances and links mean another one now.
pub async fn ids_of_entries_are_never_used_twice(home: &Home) {
    let catalog = home.open().await;
    let (first, second) = (save(&catalog, fields("a"), 1).await, save(&catalog, fields("b"), 1).await);
    catalog.remove_entries(&[first, second], None).await.unwrap();
    drop(catalog);
    let catalog = home.open().await;
    assert_eq!((first, second, save(&catalog, fields("c"), 1).await), (1, 2, 3));
}

pub async fn entries_change_only_as_they_were_seen(home: &Home) {
    let catalog = home.open().await;
    let id = save(&catalog, fields("a"), 1).await;
    let seen = entry(&catalog, id).await;
    let renamed = EntryFields { name: "A".to_owned(), ..fields("a") };
    let change = |fields: EntryFields| [EntrySave { of: Some(seen.clone()), fields }];
    assert_eq!(catalog.save_entries(&change(renamed.clone()), "bob", at(2)).await.unwrap(), Ok(vec![id]));
    let now = entry(&catalog, id).await;
    assert_eq!((now.fields, now.revision, now.changed, now.created), (renamed, 2, at(2), at(1)));
    assert_eq!(now.created_by, "account:ann");
    assert_eq!(catalog.save_entries(&change(fields("z")), "bob", at(3)).await.unwrap(), Err(id));
    assert_eq!(entry(&catalog, id).await.fields.name, "A");
}

pub async fn several_entries_are_stored_or_none(home: &Home) {
    let catalog = home.open().await;
    let id = save(&catalog, fields("a"), 1).await;
    let stale = EntryRecord { revision: 9, ..entry(&catalog, id).await };
    let new = |name: &str| EntrySave { of: None, fields: fields(name) };
    let all = [new("b"), EntrySave { of: Some(stale), fields: fields("c") }, new("d")];
    assert_eq!(catalog.save_entries(&all, "ann", at(2)).await.unwrap(), Err(id));
    assert_eq!(catalog.count_entries(&EntryFilter::default()).await.unwrap(), 1);
    assert_eq!(catalog.save_entries(&[new("b"), new("c")], "ann", at(2)).await.unwrap().unwrap().len(), 2);
    assert_eq!(catalog.count_entries(&EntryFilter::default()).await.unwrap(), 3);
}

pub async fn what_a_check_found_is_kept_until_the_address_changes(home: &Home) {
    let catalog = home.open().await;
    let id = save(&catalog, fields("a"), 1).await;
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    assert!(catalog.record_check(id, "quay.io/acme/a:1.0", &found(one)).await.unwrap());
    let checked = entry(&catalog, id).await;
    assert_eq!((checked.check, checked.previous_digest, checked.revision), (found(one), None, 1));
    // The tag leads to another image now.
    catalog.record_check(id, "quay.io/acme/a:1.0", &found(two)).await.unwrap();
    catalog.record_check(id, "quay.io/acme/a:1.0", &found(two)).await.unwrap();
    let moved = entry(&catalog, id).await;
    assert_eq!((moved.check.digest, moved.previous_digest), (Some(two), Some(one)));
    // A check that took long, of an address that it has not any more.
    assert!(!catalog.record_check(id, "quay.io/acme/a:0.9", &found(one)).await.unwrap());
    let other_text = EntryFields { remark: "x".to_owned(), ..fields("a") };
    let save = [EntrySave { of: Some(moved.clone()), fields: other_text }];
    catalog.save_entries(&save, "ann", at(2)).await.unwrap().unwrap();
    let seen = entry(&catalog, id).await;
    assert_eq!((seen.check.digest, seen.previous_digest), (Some(two), None), "somebody has looked at it");
    let other_tag = EntryFields { tag: Some("2".to_owned()), ..fields("a") };
    let save = [EntrySave { of: Some(seen), fields: other_tag }];
    catalog.save_entries(&save, "ann", at(3)).await.unwrap().unwrap();
    assert_eq!(entry(&catalog, id).await.check, EntryCheck::NONE);
}

pub async fn entries_are_found_and_ordered(home: &Home) {
    let catalog = home.open().await;
    let mut split = fields("Torch");
    (split.memory_split, split.source) = (true, "Docker_Hub".to_owned());
    let mut off = fields("tensor%flow");
    (off.is_on_shelf, off.address) = (false, "quay.io/acme/tf:1.0".to_owned());
    for (number, fields) in [split, off, fields("镜像"), fields("torch")].into_iter().enumerate() {
        save(&catalog, fields, number as u64).await;
    }
    catalog.record_check(1, "quay.io/acme/Torch:1.0", &found(Digest::of(b"x"))).await.unwrap();
    let all = EntryFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, names) in [
        (all(), "torch 镜像 tensor%flow Torch"),
        (EntryFilter { search: text("TOR"), ..all() }, "torch Torch"),
        (EntryFilter { search: text("/tf:"), ..all() }, "tensor%flow"),
        (EntryFilter { name: text("%"), ..all() }, "tensor%flow"),
        (EntryFilter { name: text("镜"), ..all() }, "镜像"),
        (EntryFilter { address: text("acme/torch"), ..all() }, "torch Torch"),
        (EntryFilter { source: text("r_h"), ..all() }, "Torch"),
        (EntryFilter { is_on_shelf: Some(false), ..all() }, "tensor%flow"),
        (EntryFilter { memory_split: Some(true), ..all() }, "Torch"),
        (EntryFilter { status: Some(CheckStatus::Found), ..all() }, "Torch"),
        (
            EntryFilter { accelerator: Some(Accelerator::Unknown), is_on_shelf: Some(true), ..all() },
            "torch 镜像",
        ),
        (EntryFilter { created_from: Some(at(1)), created_to: Some(at(2)), ..all() }, "镜像 tensor%flow"),
        (EntryFilter { search: text("'"), ..all() }, ""),
    ] {
        let rows = catalog.find_entries(&filter, EntryOrder::Newest, None, 10).await.unwrap().rows;
        assert_eq!(joined(&rows), names, "{filter:?}");
        assert_eq!(catalog.count_entries(&filter).await.unwrap(), rows.len() as u64, "{filter:?}");
    }
    let ordered = async |order| joined(&catalog.find_entries(&all(), order, None, 10).await.unwrap().rows);
    assert_eq!(ordered(EntryOrder::Oldest).await, "Torch tensor%flow 镜像 torch");
    assert_eq!(ordered(EntryOrder::Name).await, "Torch tensor%flow torch 镜像");
    assert_eq!(ordered(EntryOrder::NameBack).await, "镜像 torch tensor%flow Torch");
    assert_eq!(joined(&catalog.entry_page(&all(), 2, 1).await.unwrap()), "镜像 tensor%flow");
    assert_eq!(joined(&catalog.entry_page(&all(), 2, 4).await.unwrap()), "");
    assert_eq!(joined(&catalog.entries_named("torch", 5).await.unwrap().rows), "torch");
    let of_image = catalog.entries_of_image("quay.io", "acme/torch", 5).await.unwrap();
    assert_eq!(joined(&of_image.rows), "torch");
}

fn joined(rows: &[EntryRecord]) -> String {
    rows.iter().map(|row| row.fields.name.as_str()).collect::<Vec<_>>().join(" ")
}

pub async fn entries_come_in_pages(home: &Home) {
    let catalog = home.open().await;
    // Names need not be unique, so pages go on by name and id.
    for name in ["b", "a", "b", "b", "c"] {
        save(&catalog, fields(name), 1).await;
    }
    for (order, ids) in [
        (EntryOrder::Oldest, [1, 2, 3, 4, 5]),
        (EntryOrder::Newest, [5, 4, 3, 2, 1]),
        (EntryOrder::Name, [2, 1, 3, 4, 5]),
        (EntryOrder::NameBack, [5, 4, 3, 1, 2]),
    ] {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = catalog.find_entries(&EntryFilter::default(), order, after.as_ref(), 2).await.unwrap();
            read.extend(page.rows.iter().map(|row| row.id));
            let Some(last) = page.rows.last().filter(|_| page.more) else { break };
            after = Some(EntryCursor { id: last.id, name: last.fields.name.clone() });
        }
        assert_eq!(read, ids, "{order:?}");
    }
}

pub async fn an_entry_in_use_is_not_removed(home: &Home) {
    let catalog = home.open().await;
    let (used, free) = (save(&catalog, fields("a"), 1).await, save(&catalog, fields("b"), 1).await);
    for number in 0..12 {
        run_instance(home, number, used, &format!("train-{number}")).await;
    }
    let EntryRemoval::InUse { entry: blocking, by } =
        catalog.remove_entries(&[free, used], None).await.unwrap()
    else {
        panic!("it is in use");
    };
    let first = EntryUse { id: 0, name: "train-0".to_owned(), owner: "ann".to_owned() };
    assert_eq!((blocking, by.len(), &by[0]), (used, 10, &first));
    assert_eq!(catalog.entry_uses(used).await.unwrap(), by);
    assert!(catalog.entry(free).await.unwrap().is_some(), "all or none");
    home.meddle("DELETE FROM instance").await;
    assert_eq!(catalog.remove_entries(&[used], Some(7)).await.unwrap(), EntryRemoval::Stale);
    let EntryRemoval::Removed(removed) = catalog.remove_entries(&[used, free, 77], None).await.unwrap()
    else {
        panic!("nobody uses them");
    };
    assert_eq!(joined(&removed), "a b");
    assert_eq!(catalog.remove_entries(&[used], Some(1)).await.unwrap(), EntryRemoval::Removed(Vec::new()));
}

pub async fn a_credential_is_known_by_its_entries(home: &Home) {
    let catalog = home.open().await;
    let with = EntryFields { credential: Some("library/quay.io/acme/a".to_owned()), ..fields("a") };
    let id = save(&catalog, with, 1).await;
    assert!(catalog.has_entry_with_credential("library/quay.io/acme/a").await.unwrap());
    assert!(!catalog.has_entry_with_credential("quay.io").await.unwrap());
    catalog.remove_entries(&[id], None).await.unwrap();
    assert!(!catalog.has_entry_with_credential("library/quay.io/acme/a").await.unwrap());
}

pub async fn many_add_entries_at_once(home: &Home) {
    let catalog = home.open().await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let catalog = catalog.clone();
            tokio::spawn(async move { save(&catalog, fields(&format!("n{number}")), 1).await })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.push(task.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=16).collect::<Vec<_>>());
}
