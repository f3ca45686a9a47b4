//! What was found of a node. Pure.

use entrepot_engine::{DiskUsage, EngineVersion, Info, Product};
use serde::{Deserialize, Serialize};

/// What was found of a node at its last check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// `Docker` or `Podman`.
    pub product: String,
    /// Its version.
    pub release: String,
    /// The version of Docker's API that is spoken to it.
    pub api: String,
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture in Go's words, `amd64`.
    pub architecture: String,
    /// The version of the kernel.
    pub kernel: String,
    /// What the machine calls itself.
    pub host_name: String,
    /// The machine's system, for people.
    pub system: String,
    /// The engine's own id, if it has one.
    pub engine_id: String,
    /// How layers are stored.
    pub storage: String,
    /// The file system below them.
    pub file_system: String,
    /// Whether images are kept by containerd.
    pub has_containerd_store: bool,
    /// Whether a container's own disk can be limited.
    pub has_disk_quota: bool,
    /// Where the engine keeps everything.
    pub root: String,
    /// The runtimes that containers can have.
    pub runtimes: Vec<String>,
    /// `1` or `2`.
    pub cgroups: String,
    /// Whether the engine runs without root.
    pub is_rootless: bool,
    /// Bytes of images on its disk.
    pub image_bytes: Option<u64>,
    /// Bytes of volumes on its disk.
    pub volume_bytes: Option<u64>,
    /// Bytes of the disk, where the engine says so.
    pub disk_total: Option<u64>,
    /// Bytes of it that are in use.
    pub disk_used: Option<u64>,
    /// How far its clock is ahead of ours, in milliseconds; behind, if below zero.
    pub clock_ahead_ms: Option<i64>,
    /// The version of the card driver, where it is known.
    pub driver: Option<String>,
    /// The version of CUDA that the driver knows, where it is known.
    pub cuda: Option<String>,
    /// What the engine warns about.
    pub warnings: Vec<String>,
}

/// What an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) product: Product,
    pub(crate) release: String,
    pub(crate) api: String,
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) kernel: String,
}

impl From<&EngineVersion> for Version {
    fn from(version: &EngineVersion) -> Self {
        Self {
            product: version.product,
            release: version.release.to_string(),
            api: version.api.to_string(),
            os: version.os.clone(),
            architecture: version.architecture.clone(),
            kernel: version.kernel.clone(),
        }
    }
}

/// What was asked of an engine.
#[derive(Clone, Debug)]
pub(crate) struct EngineAnswers {
    pub(crate) version: Version,
    pub(crate) info: Info,
    /// `None` if it did not say, or was not asked this time.
    pub(crate) disk: Option<DiskUsage>,
    /// Our clock when it said so, in milliseconds since 1970.
    pub(crate) now_ms: i64,
}

impl Facts {
    /// Reads what is stored; what cannot be read counts as not known.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    pub(crate) fn written(&self) -> String {
        // Texts and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What an engine says, with what only a look at the cards tells, which stays from `before`.
    pub(crate) fn of(answers: &EngineAnswers, before: &Self) -> Self {
        let EngineAnswers { version, info, disk, now_ms } = answers;
        let usage = disk.and_then(|disk| disk.disk);
        let known = |now: Option<u64>, before: Option<u64>| if disk.is_some() { now } else { before };
        Self {
            product: version.product.to_string(),
            release: version.release.clone(),
            api: version.api.clone(),
            os: version.os.clone(),
            architecture: version.architecture.clone(),
            kernel: version.kernel.clone(),
            host_name: info.name.clone(),
            system: info.system.clone(),
            engine_id: info.id.clone(),
            storage: info.storage.clone(),
            file_system: info.file_system.clone(),
            has_containerd_store: info.has_containerd_store,
            has_disk_quota: has_disk_quota(version.product, info),
            root: info.root.clone(),
            runtimes: info.runtimes.iter().cloned().collect(),
            cgroups: info.cgroups.clone(),
            is_rootless: info.is_rootless,
            image_bytes: known(disk.map(|disk| disk.images), before.image_bytes),
            volume_bytes: known(disk.map(|disk| disk.volumes), before.volume_bytes),
            disk_total: known(usage.map(|usage| usage.total), before.disk_total),
            disk_used: known(usage.map(|usage| usage.used), before.disk_used),
            clock_ahead_ms: info.clock_ms.map(|clock| clock - now_ms),
            driver: before.driver.clone(),
            cuda: before.cuda.clone(),
            warnings: info.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}

// Row 42: `size` is kept by overlay2 on xfs and by the stores that make a file system for each container; containerd's store
// drops it without a word.
fn has_disk_quota(product: Product, info: &Info) -> bool {
    match (product, info.storage.as_str()) {
        (Product::Docker, _) if info.has_containerd_store => false,
        (Product::Docker, "overlay2") | (Product::Podman, "overlay") => info.file_system == "xfs",
        (_, "btrfs" | "zfs" | "devicemapper") => true,
        _ => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use entrepot_engine::Usage;

    use super::*;

    pub(crate) fn asked() -> EngineAnswers {
        let version = Version {
            product: Product::Docker,
            release: "28.5.1".to_owned(),
            api: "1.51".to_owned(),
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            kernel: "6.12".to_owned(),
        };
        let info = Info {
            name: "gpu-1".to_owned(),
            storage: "overlay2".to_owned(),
            file_system: "xfs".to_owned(),
            cpus: 64,
            memory: 512 << 30,
            runtimes: ["nvidia", "runc"].map(str::to_owned).into(),
            clock_ms: Some(61_000),
            ..Info::default()
        };
        let disk =
            DiskUsage { images: 7, containers: 1, volumes: 9, disk: Some(Usage { total: 100, used: 40 }) };
        EngineAnswers { version, info, disk: Some(disk), now_ms: 1000 }
    }

    #[test]
    fn what_only_the_cards_tell_stays() {
        let before = Facts { driver: Some("550.1".into()), volume_bytes: Some(1), ..Facts::default() };
        let facts = Facts::of(&asked(), &before);
        assert_eq!(
            (facts.product.as_str(), facts.release.as_str(), facts.api.as_str()),
            ("Docker", "28.5.1", "1.51")
        );
        assert_eq!((facts.driver.as_deref(), facts.clock_ahead_ms), (Some("550.1"), Some(60_000)));
        assert_eq!((facts.disk_total, facts.disk_used, facts.volume_bytes), (Some(100), Some(40), Some(9)));
        assert_eq!(Facts::read(&facts.written()), facts);
        assert_eq!(Facts::read("nothing"), Facts::default());
        // It is not counted at each check.
        let later = Facts::of(&EngineAnswers { disk: None, ..asked() }, &facts);
        assert_eq!((later.disk_used, later.image_bytes), (Some(40), Some(7)));
    }

    // Row 42.
    #[test]
    fn a_disk_quota_is_promised_only_where_it_is_kept() {
        let of = |storage: &str, file_system: &str, has_containerd_store: bool| {
            let info = Info {
                storage: storage.into(),
                file_system: file_system.into(),
                has_containerd_store,
                ..Info::default()
            };
            has_disk_quota(Product::Docker, &info)
        };
        assert!(of("overlay2", "xfs", false) && of("btrfs", "btrfs", false));
        assert!(!of("overlay2", "extfs", false) && !of("overlayfs", "xfs", true) && !of("vfs", "xfs", false));
        let podman = Info { storage: "overlay".into(), file_system: "xfs".into(), ..Info::default() };
        assert!(has_disk_quota(Product::Podman, &podman));
    }
}
