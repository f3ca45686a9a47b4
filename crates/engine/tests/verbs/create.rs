//! What was asked for, and what the engine made of it.

use entrepot_engine::{Devices, Difference, Error, HostPath, Limit, SplitLibrary, VolumeMount, compare};
use entrepot_testkit::engine::{Dialect, EngineFault, Misbehaviour};
use serde_json::json;

use crate::common::{plain, started};

fn cards() -> Devices {
    Devices::Cdi(["nvidia.com/gpu=GPU-1".parse().unwrap()].into())
}

#[tokio::test]
async fn a_faithful_engine_makes_what_was_asked_for() {
    for dialect in Dialect::ALL {
        let (_fake, engine) = started(dialect).await;
        let mut request = plain("train-1");
        request.devices = cards();
        request.environment.set("A", "1=2").unwrap();
        let volume = "data-7".parse().unwrap();
        request.mounts.volumes = vec![VolumeMount { volume, target: "/data".parse().unwrap() }];
        request.mounts.split = Some(SplitLibrary {
            directory: "/root/HAMi-core/build".parse().unwrap(),
            preload: Some("/root/HAMi-core/build/ld.so.preload".parse::<HostPath>().unwrap()),
            lock: "vgpulock".parse().unwrap(),
        });
        request.ports = entrepot_engine::Ports::new([entrepot_engine::Publish {
            container: 22,
            host: 20022,
            address: Some("127.0.0.1".parse().unwrap()),
        }])
        .unwrap();
        let id = engine.create(&request).await.unwrap().id;
        let made = engine.inspect(&id).await.unwrap();
        assert_eq!(compare(&request, &made), [], "{dialect:?} after create");
        engine.start(&id).await.unwrap();
        let made = engine.inspect(&id).await.unwrap();
        assert_eq!(compare(&request, &made), [], "{dialect:?} after start");
    }
}

// Row 19: the container runs, and the card is not there.
#[tokio::test]
async fn cards_that_an_engine_drops_are_missed() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.drop_devices();
        let request = entrepot_engine::CreateRequest { devices: cards(), ..plain("train-1") };
        let id = engine.create(&request).await.unwrap().id;
        engine.start(&id).await.unwrap();
        let found = compare(&request, &engine.inspect(&id).await.unwrap());
        assert_eq!(found, [Difference::DeviceMissing("nvidia.com/gpu=GPU-1".to_owned())], "{dialect:?}");
        assert!(found[0].is_serious());
    }
}

// Row 64.
#[tokio::test]
async fn limits_that_an_engine_drops_are_a_warning() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.drop_limits();
        let request = plain("train-1");
        let id = engine.create(&request).await.unwrap().id;
        let found = compare(&request, &engine.inspect(&id).await.unwrap());
        assert_eq!(found, [Difference::Limit(Limit::Memory), Difference::Limit(Limit::Pids)], "{dialect:?}");
        assert!(!found.iter().any(Difference::is_serious));
    }
}

#[tokio::test]
async fn whatever_else_is_not_as_asked_is_named() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let mut request = plain("train-1");
    request.environment.set("A", "1").unwrap();
    let id = engine.create(&request).await.unwrap().id;
    let strange = json!({
        "Id": id.as_str(), "Name": "/train-1", "Image": "x", "Created": "",
        "State": {"Status": "running"},
        "Config": {"Image": "x", "Env": ["A=2"], "Tty": true, "Labels": null},
        "HostConfig": {
            "Privileged": true, "NetworkMode": "host", "PidMode": "host", "CapAdd": ["SYS_ADMIN"],
            "RestartPolicy": {"Name": "always"}, "Init": null,
            "DeviceRequests": [{"Driver": "nvidia", "Count": -1, "DeviceIDs": null}, {"DeviceIDs": ["nvidia.com/gpu=0"]}],
        },
        "Mounts": [{"Type": "bind", "Source": "/var/run/docker.sock", "Destination": "/var/run/docker.sock", "RW": true}],
    });
    fake.fault(EngineFault::on("GET", "containers/*/json", Misbehaviour::Body(strange.to_string().into())));
    let found = compare(&request, &engine.inspect(&id).await.unwrap());
    let expected = [
        Difference::Owner,
        Difference::DeviceForeign("nvidia.com/gpu=0".to_owned()),
        Difference::DevicesCounted,
        Difference::Privileged,
        Difference::HostNamespace("network"),
        Difference::HostNamespace("pid"),
        Difference::Capability("SYS_ADMIN".to_owned()),
        Difference::MountForeign("/var/run/docker.sock".to_owned()),
        Difference::Variable("A".to_owned()),
        Difference::Variable("ASCEND_VISIBLE_DEVICES".to_owned()),
        Difference::Variable("NVIDIA_VISIBLE_DEVICES".to_owned()),
        Difference::Restart,
        Difference::Limit(Limit::Cpu),
        Difference::Limit(Limit::Memory),
        Difference::Limit(Limit::Shm),
        Difference::Limit(Limit::Pids),
        Difference::Limit(Limit::Log),
        Difference::Init,
        Difference::Terminal,
    ];
    assert_eq!(found, expected);
    for difference in found {
        assert!(!difference.to_string().is_empty());
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_said_to_be_missing() {
    for dialect in Dialect::ALL {
        let (_fake, engine) = started(dialect).await;
        let mut request = plain("train-1");
        request.image = "registry.example/nope:1".parse().unwrap();
        let refused = engine.create(&request).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{dialect:?}: {refused:?}");
    }
}

// A directory that is missing is not made: neither by Docker, which would for other words, nor by Podman.
#[tokio::test]
async fn a_missing_directory_is_not_made() {
    for dialect in Dialect::ALL {
        let (fake, engine) = started(dialect).await;
        fake.lose_path("/root/HAMi-core/build");
        let mut request = plain("train-1");
        request.mounts.split = Some(SplitLibrary {
            directory: "/root/HAMi-core/build".parse().unwrap(),
            preload: None,
            lock: "vgpulock".parse().unwrap(),
        });
        let refused = engine.create(&request).await;
        assert!(
            matches!(&refused, Err(Error::Refused { message, .. }) if message.as_str().contains("/root/HAMi-core/build")),
            "{refused:?}"
        );
        assert!(fake.made_paths().is_empty() && fake.containers().is_empty());
    }
}
