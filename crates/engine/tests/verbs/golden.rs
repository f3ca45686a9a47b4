//! The requests that reach an engine, word for word.

use entrepot_engine::{Command, CreateRequest, Devices, Network, Ports, Publish, SplitLibrary, VolumeMount};
use entrepot_testkit::engine::Dialect;
use serde_json::{Value, json};

use crate::common::{plain, started};

async fn sent(dialect: Dialect, request: &CreateRequest) -> Value {
    let (fake, engine) = started(dialect).await;
    // What the engine makes of it does not matter here.
    drop(engine.create(request).await);
    fake.calls().pop().unwrap().body
}

/// A request with everything.
fn full() -> CreateRequest {
    let mut request = plain("train-1");
    request.environment.set("LD_PRELOAD", "/libvgpu/build/libvgpu.so").unwrap();
    request.command = Command {
        entrypoint: Some(vec!["/bin/sh".to_owned()]),
        arguments: Some(vec!["-c".to_owned(), "sleep 1".to_owned()]),
        terminal: true,
    };
    request.limits.disk = Some(20 << 30);
    let names = ["nvidia.com/gpu=GPU-2", "nvidia.com/gpu=GPU-1"];
    request.devices = Devices::Cdi(names.iter().map(|name| name.parse().unwrap()).collect());
    let volume = "data-7".parse().unwrap();
    request.mounts.volumes = vec![VolumeMount { volume, target: "/data".parse().unwrap() }];
    request.mounts.split = Some(SplitLibrary {
        directory: "/root/HAMi-core/build".parse().unwrap(),
        preload: Some("/root/HAMi-core/preload".parse().unwrap()),
        lock: "vgpulock".parse().unwrap(),
    });
    request.ports = Ports::new([
        Publish { container: 22, host: 20022, address: None },
        Publish { container: 8888, host: 28888, address: Some("127.0.0.1".parse().unwrap()) },
    ])
    .unwrap();
    request
}

// Nothing but these keys: what is not here cannot be asked for.
#[tokio::test]
async fn docker_is_asked_in_these_words() {
    let expected = json!({
        "Image": "registry.example/team/app:1",
        "Env": [
            "ASCEND_VISIBLE_DEVICES=void", "LD_PRELOAD=/libvgpu/build/libvgpu.so", "NVIDIA_VISIBLE_DEVICES=void",
        ],
        "Cmd": ["-c", "sleep 1"],
        "Entrypoint": ["/bin/sh"],
        "Tty": true,
        "OpenStdin": true,
        "Labels": {"io.entrepot.installation": "test-1", "io.entrepot.instance": "7", "io.entrepot.purpose": "instance"},
        "StopTimeout": 10,
        "ExposedPorts": {"22/tcp": {}, "8888/tcp": {}},
        "HostConfig": {
            "NanoCpus": 1_500_000_000_u64,
            "Memory": 2_147_483_648_u64,
            "ShmSize": 1_073_741_824_u64,
            "PidsLimit": 4096,
            "Init": true,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "20m", "max-file": "3"}},
            "PortBindings": {
                "22/tcp": [{"HostIp": "", "HostPort": "20022"}],
                "8888/tcp": [{"HostIp": "127.0.0.1", "HostPort": "28888"}],
            },
            "Mounts": [
                {"Type": "volume", "Source": "data-7", "Target": "/data", "ReadOnly": false},
                {"Type": "bind", "Source": "/root/HAMi-core/build", "Target": "/libvgpu/build", "ReadOnly": true},
                {"Type": "bind", "Source": "/root/HAMi-core/build/libvgpu.so",
                 "Target": "/usr/local/vgpu/libvgpu.so", "ReadOnly": true},
                {"Type": "volume", "Source": "vgpulock", "Target": "/tmp/vgpulock", "ReadOnly": false},
                {"Type": "bind", "Source": "/root/HAMi-core/preload", "Target": "/etc/ld.so.preload", "ReadOnly": true},
            ],
            "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=GPU-1", "nvidia.com/gpu=GPU-2"]}],
            "StorageOpt": {"size": "21474836480"},
        },
    });
    for dialect in [Dialect::Docker20, Dialect::Docker28] {
        assert_eq!(sent(dialect, &full()).await, expected);
    }
}

#[tokio::test]
async fn podman_is_asked_in_these_words() {
    let expected = json!({
        "name": "train-1",
        "image": "registry.example/team/app:1",
        "env": {
            "ASCEND_VISIBLE_DEVICES": "void", "LD_PRELOAD": "/libvgpu/build/libvgpu.so", "NVIDIA_VISIBLE_DEVICES": "void",
        },
        "command": ["-c", "sleep 1"],
        "entrypoint": ["/bin/sh"],
        "terminal": true,
        "stdin": true,
        "labels": {"io.entrepot.installation": "test-1", "io.entrepot.instance": "7", "io.entrepot.purpose": "instance"},
        "stop_timeout": 10,
        "init": true,
        "restart_policy": "no",
        "shm_size": 1_073_741_824_u64,
        "resource_limits": {
            "cpu": {"quota": 150_000, "period": 100_000},
            "memory": {"limit": 2_147_483_648_u64},
            "pids": {"limit": 4096},
        },
        "log_configuration": {"driver": "k8s-file", "size": 62_914_560},
        "netns": {"nsmode": "bridge"},
        "portmappings": [
            {"host_ip": "", "container_port": 22, "host_port": 20022, "protocol": "tcp"},
            {"host_ip": "127.0.0.1", "container_port": 8888, "host_port": 28888, "protocol": "tcp"},
        ],
        "mounts": [
            {"type": "bind", "source": "/root/HAMi-core/build", "destination": "/libvgpu/build", "options": ["rbind", "ro"]},
            {"type": "bind", "source": "/root/HAMi-core/build/libvgpu.so",
             "destination": "/usr/local/vgpu/libvgpu.so", "options": ["rbind", "ro"]},
            {"type": "bind", "source": "/root/HAMi-core/preload", "destination": "/etc/ld.so.preload", "options": ["rbind", "ro"]},
        ],
        "volumes": [{"Name": "data-7", "Dest": "/data"}, {"Name": "vgpulock", "Dest": "/tmp/vgpulock"}],
        "devices": [{"path": "nvidia.com/gpu=GPU-1"}, {"path": "nvidia.com/gpu=GPU-2"}],
        "storage_opts": {"size": "21474836480"},
    });
    for dialect in [Dialect::Podman4, Dialect::Podman5] {
        assert_eq!(sent(dialect, &full()).await, expected);
    }
}

#[tokio::test]
async fn docker_names_cards_of_nvidia_and_never_counts_them() {
    let mut request = plain("train-1");
    request.devices = Devices::Nvidia(["GPU-1".parse().unwrap()].into());
    let sent = sent(Dialect::Docker20, &request).await;
    assert_eq!(
        sent["HostConfig"]["DeviceRequests"],
        json!([{"Driver": "nvidia", "DeviceIDs": ["GPU-1"], "Capabilities": [["gpu"]]}])
    );
    assert_eq!(sent["Env"], json!(["ASCEND_VISIBLE_DEVICES=void", "NVIDIA_VISIBLE_DEVICES=GPU-1"]));
    // Podman knows cards of NVIDIA by their specification only.
    let sent = crate::golden::sent(Dialect::Podman4, &request).await;
    assert_eq!(sent["devices"], json!([{"path": "nvidia.com/gpu=GPU-1"}]));
}

#[tokio::test]
async fn ascend_has_a_runtime_and_nothing_else() {
    let mut request = plain("train-1");
    request.devices = Devices::Ascend { cards: [1, 0].into(), template: None };
    let docker = sent(Dialect::Docker20, &request).await;
    assert_eq!(docker["HostConfig"]["Runtime"], "ascend");
    assert_eq!(docker["HostConfig"]["DeviceRequests"], Value::Null);
    assert_eq!(docker["Env"], json!(["ASCEND_VISIBLE_DEVICES=0,1", "NVIDIA_VISIBLE_DEVICES=void"]));
    let podman = sent(Dialect::Podman5, &request).await;
    assert_eq!((&podman["oci_runtime"], &podman["devices"]), (&json!("ascend"), &json!([])));
}

#[tokio::test]
async fn a_container_without_a_network_has_none() {
    let request = CreateRequest { network: Network::None, ..plain("train-1") };
    assert_eq!(sent(Dialect::Docker28, &request).await["HostConfig"]["NetworkMode"], "none");
    assert_eq!(sent(Dialect::Podman5, &request).await["netns"], json!({"nsmode": "none"}));
    assert_eq!(sent(Dialect::Docker28, &plain("train-1")).await["HostConfig"]["NetworkMode"], Value::Null);
}

#[tokio::test]
async fn the_platform_is_asked_for() {
    let (fake, engine) = started(Dialect::Docker28).await;
    let request = CreateRequest { platform: Some("linux/arm64/v8".parse().unwrap()), ..plain("train-1") };
    engine.create(&request).await.unwrap();
    let call = fake.calls().pop().unwrap();
    assert_eq!((call.value("name"), call.value("platform")), ("train-1", "linux/arm64/v8"));
    let podman = sent(Dialect::Podman5, &request).await;
    assert_eq!(
        [&podman["image_os"], &podman["image_arch"], &podman["image_variant"]],
        [&json!("linux"), &json!("arm64"), &json!("v8")]
    );
}
