//! Specs.

use entrepot_catalog::{Catalog, SpecFields, SpecFilter, SpecRecord, SpecRemoval, SpecVendor, SpecWait};

use crate::{
    nodes::instance,
    setup::{Home, at},
};

fn fields(name: &str) -> SpecFields {
    SpecFields {
        name: name.to_owned(),
        vendor: SpecVendor::Nvidia,
        gpu_model: Some("NVIDIA A100".to_owned()),
        gpu_count: 1,
        gpu_memory_mib: Some(20_480),
        memory_split: true,
        core_percent: Some(25),
        vnpu_template: None,
        cpu_milli: 8_500,
        memory_mib: 65_536,
        system_disk_gib: Some(50),
        data_disk_gib: None,
        shm_mib: Some(8_192),
        price: 123_456,
        start_seconds: Some(300),
        on_shelf: true,
        remark: "四分之一".to_owned(),
    }
}

fn cpu(name: &str) -> SpecFields {
    SpecFields {
        vendor: SpecVendor::None,
        gpu_model: None,
        gpu_count: 0,
        gpu_memory_mib: None,
        memory_split: false,
        core_percent: None,
        on_shelf: false,
        ..fields(name)
    }
}

async fn added(catalog: &Catalog, fields: &SpecFields) -> SpecRecord {
    let id = catalog.add_spec(fields, "admin", at(1)).await.unwrap().unwrap();
    catalog.spec(id).await.unwrap().unwrap()
}

pub async fn specs_are_kept_as_they_were_said(home: &Home) {
    let catalog = home.open().await;
    for (id, said) in [(1, fields("A100 四分之一")), (2, cpu("8 cores"))] {
        let spec = added(&catalog, &said).await;
        assert_eq!((spec.id, &spec.fields), (id, &said));
        assert_eq!((spec.revision, spec.created, spec.created_by.as_str()), (1, at(1), "admin"));
        assert_eq!(catalog.spec_by_name(&said.name).await.unwrap(), Some(spec));
    }
    assert_eq!(catalog.spec(9).await.unwrap(), None);
}

pub async fn specs_have_unique_names(home: &Home) {
    let catalog = home.open().await;
    let spec = added(&catalog, &fields("a")).await;
    assert_eq!(catalog.add_spec(&cpu("a"), "admin", at(2)).await.unwrap(), None);
    let other = added(&catalog, &fields("b")).await;
    assert_eq!((spec.id, other.id), (1, 2));
    assert!(!catalog.change_spec(&other, &cpu("a"), at(3)).await.unwrap());
    assert_eq!(catalog.spec(other.id).await.unwrap(), Some(other));
}

pub async fn specs_change_only_as_they_were_seen(home: &Home) {
    let catalog = home.open().await;
    let seen = added(&catalog, &fields("a")).await;
    assert!(catalog.change_spec(&seen, &cpu("b"), at(2)).await.unwrap());
    assert!(!catalog.change_spec(&seen, &fields("c"), at(3)).await.unwrap());
    let now = catalog.spec(seen.id).await.unwrap().unwrap();
    assert_eq!((&now.fields, now.revision, now.changed), (&cpu("b"), 2, at(2)));
    assert_eq!((now.created, now.created_by.as_str()), (at(1), "admin"));
}

pub async fn specs_are_found_by_what_they_are(home: &Home) {
    let catalog = home.open().await;
    for fields in [fields("part"), cpu("Cores"), SpecFields { memory_split: false, ..fields("whole") }] {
        added(&catalog, &fields).await;
    }
    let names = |filter: SpecFilter, limit: usize| {
        let catalog = catalog.clone();
        async move {
            let page = catalog.specs(&filter, limit).await.unwrap();
            let names: Vec<_> = page.rows.into_iter().map(|spec| spec.fields.name).collect();
            (names.join(" "), page.more)
        }
    };
    let none = SpecFilter::default;
    assert_eq!(names(none(), 2).await, ("Cores part".to_owned(), true));
    let after = SpecFilter { after: Some("part".to_owned()), ..none() };
    assert_eq!(names(after, 2).await, ("whole".to_owned(), false));
    let vendor = SpecFilter { vendor: Some(SpecVendor::None), ..none() };
    assert_eq!(names(vendor, 9).await.0, "Cores");
    assert_eq!(names(SpecFilter { on_shelf: Some(true), ..none() }, 9).await.0, "part whole");
    assert_eq!(names(SpecFilter { memory_split: Some(true), ..none() }, 9).await.0, "part");
    assert_eq!(names(SpecFilter { search: Some("cOR".to_owned()), ..none() }, 9).await.0, "Cores");
    assert_eq!(names(SpecFilter { search: Some("%".to_owned()), ..none() }, 9).await.0, "");
}

pub async fn specs_in_use_stay(home: &Home) {
    let catalog = home.open().await;
    let spec = added(&catalog, &fields("a")).await;
    for id in 1..=12 {
        home.meddle(&instance(id, 1, spec.id)).await;
    }
    let SpecRemoval::InUse(names) = catalog.remove_spec(spec.id, None).await.unwrap() else {
        panic!("it is in use")
    };
    assert_eq!((names.len(), names[0].as_str()), (10, "i1"), "some of them are named");
    home.meddle("DELETE FROM instance").await;
    assert_eq!(catalog.remove_spec(spec.id, Some(2)).await.unwrap(), SpecRemoval::Stale);
    assert_eq!(catalog.remove_spec(spec.id, Some(1)).await.unwrap(), SpecRemoval::Done);
    assert_eq!(catalog.remove_spec(spec.id, None).await.unwrap(), SpecRemoval::Stale);
}

pub async fn who_waits_for_a_spec_is_kept_until_told(home: &Home) {
    let catalog = home.open().await;
    let (one, two) = (added(&catalog, &fields("one")).await, added(&catalog, &cpu("two")).await);
    let wait = |spec: &SpecRecord, account_id, account: &str| SpecWait {
        spec: spec.id,
        account_id,
        account: account.to_owned(),
        since: at(5),
    };
    for wait in [wait(&one, 7, "ann"), wait(&one, 7, "ann"), wait(&one, 8, "bob"), wait(&two, 7, "ann")] {
        catalog.wait_for_spec(&wait).await.unwrap();
    }
    assert_eq!(
        catalog.spec_waits().await.unwrap(),
        [wait(&one, 7, "ann"), wait(&one, 8, "bob"), wait(&two, 7, "ann")]
    );
    assert!(catalog.end_spec_wait(one.id, 8).await.unwrap());
    assert!(!catalog.end_spec_wait(one.id, 8).await.unwrap());
    catalog.end_spec_waits(one.id).await.unwrap();
    assert_eq!(catalog.spec_waits().await.unwrap(), [wait(&two, 7, "ann")]);
    assert!(catalog.wait_for_spec(&SpecWait { spec: 99, ..wait(&one, 7, "ann") }).await.is_err());
}
