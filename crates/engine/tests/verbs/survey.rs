//! What an engine says of itself, its images and its volumes.

use entrepot_engine::{ContainerPurpose, Error, Owner, Usage, Volume};
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour};
use serde_json::json;

use crate::common::{IMAGE, installation, plain, started};

#[tokio::test]
async fn the_machine_is_described() {
    for (dialect, storage, by_containerd) in [
        (Dialect::Docker20, "overlay2", false),
        (Dialect::Docker28, "overlayfs", true),
        (Dialect::Podman4, "overlay", false),
    ] {
        let (_fake, engine) = started(dialect).await;
        let info = engine.info().await.unwrap();
        assert_eq!((info.storage.as_str(), info.has_containerd_store), (storage, by_containerd));
        assert_eq!((info.cpus, info.memory, info.cgroups.as_str()), (8, 64 << 30, "2"));
        assert!(info.runtimes.contains("runc") && !info.is_rootless);
    }
}

#[tokio::test]
async fn cards_and_runtimes_are_found() {
    let (fake, engine) = started(Dialect::Docker28).await;
    fake.set_info("Runtimes", json!({"runc": {}, "ascend": {}}));
    fake.set_info("SecurityOptions", json!(["name=rootless"]));
    let devices = json!([
        {"Source": "cdi", "ID": "nvidia.com/gpu=GPU-1"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=all"},
        {"Source": "other", "ID": "x"},
    ]);
    fake.set_info("DiscoveredDevices", devices);
    let info = engine.info().await.unwrap();
    assert!(info.runtimes.contains("ascend") && info.is_rootless);
    let found: Vec<&str> = info.cdi_devices.iter().map(String::as_str).collect();
    assert_eq!(found, ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=all"]);
    assert_eq!(info.cdi_directories, ["/etc/cdi", "/var/run/cdi"]);
}

#[tokio::test]
async fn bytes_on_disk_are_added_up() {
    let (_fake, engine) = started(Dialect::Podman5).await;
    let usage = engine.disk_usage().await.unwrap();
    assert_eq!((usage.images, usage.containers, usage.volumes), (1000, 0, 0));
    assert_eq!(usage.disk, Some(Usage { total: 100 << 30, used: 40 << 30 }));
    let (_fake, engine) = started(Dialect::Docker20).await;
    assert_eq!(engine.disk_usage().await.unwrap().disk, None);
}

#[tokio::test]
async fn images_are_looked_at() {
    for dialect in Dialect::ALL {
        let (_fake, engine) = started(dialect).await;
        let image = engine.image(&IMAGE.parse().unwrap()).await.unwrap();
        assert_eq!((image.platform.to_string().as_str(), image.size), ("linux/amd64", 1000));
        let listed = engine.images().await.unwrap();
        assert_eq!((listed.len(), &listed[0].id, listed[0].tags.len()), (1, &image.id, 1));
        let missing = engine.image(&"registry.example/nope:1".parse().unwrap()).await;
        assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
    }
}

#[tokio::test]
async fn volumes_are_ours_or_not() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        let volume = Volume {
            name: "data-7".parse().unwrap(),
            owner: Owner { installation: installation(), purpose: ContainerPurpose::Instance(7) },
        };
        engine.create_volume(&volume).await.unwrap();
        engine.create_volume(&volume).await.unwrap();
        assert_eq!(engine.volumes(&installation()).await.unwrap(), std::slice::from_ref(&volume));
        let elsewhere = "other".parse().unwrap();
        assert_eq!(engine.volumes(&elsewhere).await.unwrap(), []);
        let theirs =
            Volume { owner: Owner { installation: elsewhere, ..volume.owner.clone() }, ..volume.clone() };
        assert!(matches!(engine.create_volume(&theirs).await, Err(Error::Conflict(_))));
        engine.remove_volume(&volume.name).await.unwrap();
        assert!(matches!(engine.remove_volume(&volume.name).await, Err(Error::NotFound(_))));
        assert!(fake.volumes().is_empty());
    }
}

#[tokio::test]
async fn a_volume_in_use_stays() {
    let (_fake, engine) = started(Dialect::Docker28).await;
    let mut request = plain("train-1");
    let volume = "data-7".parse().unwrap();
    request.mounts.volumes = vec![entrepot_engine::VolumeMount { volume, target: "/data".parse().unwrap() }];
    engine.create(&request).await.unwrap();
    let refused = engine.remove_volume(&request.mounts.volumes[0].volume).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
}

// An engine that ignores the filter must not make others' things ours.
#[tokio::test]
async fn lists_are_looked_through_again() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let strange = json!({"Volumes": [{"Name": "x-1", "Labels": null}, {"Name": "../x", "Labels": {}}]});
    fake.fault(EngineFault::on("GET", "volumes", Misbehaviour::Body(strange.to_string().into())));
    assert_eq!(engine.volumes(&installation()).await.unwrap(), []);
}
