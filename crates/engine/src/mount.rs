//! What of its machine a container sees.

use std::{fmt, str::FromStr};

use crate::names::VolumeName;

/// Where a container has the library that splits cards.
pub(crate) const SPLIT_DIRECTORY: &str = "/libvgpu/build";
/// Where that library looks for itself.
pub(crate) const SPLIT_DEFAULT: &str = "/usr/local/vgpu/libvgpu.so";
/// What the loader of the C library reads before any program.
pub(crate) const PRELOAD_FILE: &str = "/etc/ld.so.preload";
/// Where older libraries keep their lock.
pub(crate) const LOCK_DIRECTORY: &str = "/tmp/vgpulock";
/// The longest path.
const MAX_PATH: usize = 4096;

/// Why a text is no path that can be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not begin at the root, or does not stay on its way.
    #[error("the path is absolute, without `.`, `..`, empty parts, `:`, `,` and control characters")]
    Form,
    /// A place in the container that is not for data.
    #[error("data is not mounted over `/`, `/proc`, `/sys`, `/dev`, `/etc` or what splits cards")]
    Reserved,
}

// `:` and `,` divide parts of a mount in the words of some engines.
fn is_path(text: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    let is_allowed = |character: char| !character.is_control() && !matches!(character, ':' | ',');
    text.len() <= MAX_PATH
        && text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_part))
        && text.chars().all(is_allowed)
}

/// A path on the node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPath(String);

/// A path in a container where a volume may be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContainerPath(String);

impl FromStr for HostPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if is_path(text) { Ok(Self(text.to_owned())) } else { Err(PathError::Form) }
    }
}

impl FromStr for ContainerPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if !is_path(text) {
            return Err(PathError::Form);
        }
        let is_within = |place: &&str| {
            text.strip_prefix(*place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let reserved = ["/proc", "/sys", "/dev", "/etc", "/libvgpu", "/usr/local/vgpu", LOCK_DIRECTORY];
        if reserved.iter().any(is_within) { Err(PathError::Reserved) } else { Ok(Self(text.to_owned())) }
    }
}

impl HostPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A file in this directory.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }
}

impl ContainerPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A volume of ours in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Which.
    pub volume: VolumeName,
    /// Where.
    pub target: ContainerPath,
}

/// The library that splits cards, from a directory of the node. All of it is read-only, except the volume of its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitLibrary {
    /// The directory with `libvgpu.so`. It is at `/libvgpu/build`, and the library also where it looks for itself.
    pub directory: HostPath,
    /// A file that names the library, to be at `/etc/ld.so.preload`: then no environment can lose it.
    pub preload: Option<HostPath>,
    /// The volume of the lock, at `/tmp/vgpulock`.
    pub lock: VolumeName,
}

/// All that can be mounted into a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mounts {
    /// Data.
    pub volumes: Vec<VolumeMount>,
    /// What splits cards.
    pub split: Option<SplitLibrary>,
}

/// One mount, as all engines have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mount {
    pub(crate) target: String,
    pub(crate) source: MountSource,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MountSource {
    /// A volume, which may be written.
    Volume(String),
    /// A path of the node, which may only be read.
    Host(String),
}

impl Mounts {
    /// All of them, in the order in which they are made.
    pub(crate) fn all(&self) -> Vec<Mount> {
        let data = self.volumes.iter().map(|mount| Mount {
            target: mount.target.0.clone(),
            source: MountSource::Volume(mount.volume.as_str().to_owned()),
        });
        data.chain(self.split.iter().flat_map(SplitLibrary::mounts)).collect()
    }
}

impl SplitLibrary {
    fn mounts(&self) -> Vec<Mount> {
        let host =
            |target: &str, path: String| Mount { target: target.to_owned(), source: MountSource::Host(path) };
        let mut mounts = vec![
            host(SPLIT_DIRECTORY, self.directory.0.clone()),
            host(SPLIT_DEFAULT, self.directory.file("libvgpu.so")),
            Mount {
                target: LOCK_DIRECTORY.to_owned(),
                source: MountSource::Volume(self.lock.as_str().to_owned()),
            },
        ];
        mounts.extend(self.preload.iter().map(|path| host(PRELOAD_FILE, path.0.clone())));
        mounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_not_mounted_over_the_system() {
        for path in ["/data", "/root/work", "/workspace/数据", "/developer", "/etcetera"] {
            assert_eq!(path.parse::<ContainerPath>().unwrap().as_str(), path);
        }
        for path in
            ["/proc", "/sys/fs", "/dev/shm", "/etc", "/etc/ld.so.preload", "/libvgpu/build", "/tmp/vgpulock"]
        {
            assert_eq!(path.parse::<ContainerPath>(), Err(PathError::Reserved), "{path}");
        }
        for path in ["", "/", "data", "/a/../etc", "/a//b", "/a/", "/a:ro", "/a,b", "/a\nb", "/./a"] {
            assert_eq!(path.parse::<ContainerPath>(), Err(PathError::Form), "{path}");
            assert_eq!(path.parse::<HostPath>(), Err(PathError::Form), "{path}");
        }
    }
}
