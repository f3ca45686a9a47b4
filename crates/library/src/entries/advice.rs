//! What would be better about an entry. Pure: it follows from what is known of it.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{Accelerator, CheckStatus, EntryRecord, SplitCheck};

/// From this compressed size on an image is large, in bytes.
const LARGE: u64 = 10 << 30;
/// From this age on an image is old.
const OLD: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The newest major version of CUDA that the splitting library is known to count right.
const KNOWN_CUDA: u32 = 12;
/// How much of a registry's budget is little, in parts of a hundred.
const LITTLE: u64 = 10;

/// What would be better about an entry, or must be known before it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Its address has neither tag nor digest.
    NoTag,
    /// Its tag is `latest`.
    Latest,
    /// Its tag has no version in it.
    NoVersion(String),
    /// The tag leads to another image than before.
    Moved,
    /// It is large: so many bytes, compressed.
    Large(u64),
    /// It was built long ago.
    Old(SystemTime),
    /// There is nothing of it for Linux on amd64 or arm64.
    NoUsualPlatform,
    /// Its memory is to be split, and its C library does not allow that.
    CannotSplit(SplitCheck),
    /// Its memory is to be split, and nobody knows whether that works: its layers are not held.
    SplitUnknown,
    /// Its memory is to be split, and it brings a CUDA that the splitting library may count wrong.
    NewCuda(u32),
    /// It has an SSH server: the split counts in its sessions only where nodes are strict about it.
    Sshd,
    /// Its registry allows few pulls more.
    LittleQuota {
        /// Those that remain.
        remaining: u64,
        /// The pulls in a window.
        limit: u64,
    },
}

impl Advice {
    /// A word for it, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoTag => "no-tag",
            Self::Latest => "latest",
            Self::NoVersion(_) => "no-version",
            Self::Moved => "moved",
            Self::Large(_) => "large",
            Self::Old(_) => "old",
            Self::NoUsualPlatform => "no-usual-platform",
            Self::CannotSplit(_) => "cannot-split",
            Self::SplitUnknown => "split-unknown",
            Self::NewCuda(_) => "new-cuda",
            Self::Sshd => "sshd",
            Self::LittleQuota { .. } => "little-quota",
        }
    }
}

/// What would be better about an entry, as of `now`.
pub fn advice(of: &EntryRecord, now: SystemTime) -> Vec<Advice> {
    let mut all = Vec::new();
    all.extend(of_tag(of));
    all.extend(of.previous_digest.map(|_| Advice::Moved));
    all.extend(of.check.compressed_size.filter(|size| *size >= LARGE).map(Advice::Large));
    let built = of.check.built.filter(|built| now.duration_since(*built).is_ok_and(|age| age >= OLD));
    all.extend(built.map(Advice::Old));
    all.extend(of_platforms(of));
    all.extend(of_split(of));
    all.extend(of_quota(of));
    all
}

fn of_tag(of: &EntryRecord) -> Option<Advice> {
    let fields = &of.fields;
    let tag = fields.tag.as_deref()?;
    if fields.digest.is_some() {
        return None;
    }
    // A tag that was written stands at the end of the address.
    let is_written = fields.address.ends_with(&format!(":{tag}"));
    match tag {
        "latest" if is_written => Some(Advice::Latest),
        "latest" => Some(Advice::NoTag),
        tag if !tag.bytes().any(|byte| byte.is_ascii_digit()) => Some(Advice::NoVersion(tag.to_owned())),
        _ => None,
    }
}

fn of_platforms(of: &EntryRecord) -> Option<Advice> {
    if of.check.status != CheckStatus::Found || of.check.platforms.is_empty() {
        return None;
    }
    let is_usual = of.check.platforms.iter().any(|one| {
        one.platform.os == "linux" && matches!(one.platform.architecture.as_str(), "amd64" | "arm64")
    });
    (!is_usual).then_some(Advice::NoUsualPlatform)
}

fn of_split(of: &EntryRecord) -> Vec<Advice> {
    if !of.fields.memory_split {
        return Vec::new();
    }
    let mut all = Vec::new();
    let contents = of.check.contents.as_ref();
    match of.check.split {
        fault @ (SplitCheck::Musl | SplitCheck::Static | SplitCheck::OldGlibc) => {
            all.push(Advice::CannotSplit(fault));
        }
        // Ascend's own runtime splits, whatever is in the image.
        SplitCheck::NoCuda if of.check.accelerator != Accelerator::Ascend => {
            all.push(Advice::CannotSplit(SplitCheck::NoCuda));
        }
        SplitCheck::Unknown if of.check.checked.is_some() => all.push(Advice::SplitUnknown),
        SplitCheck::NoCuda | SplitCheck::Unknown | SplitCheck::Fits => {}
    }
    let cuda = contents.and_then(|contents| contents.cuda.as_deref());
    let major = cuda.and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    all.extend(major.filter(|major| *major > KNOWN_CUDA).map(Advice::NewCuda));
    all.extend(contents.filter(|contents| contents.sshd).map(|_| Advice::Sshd));
    all
}

fn of_quota(of: &EntryRecord) -> Option<Advice> {
    let quota = of.check.quota?;
    let is_little = quota.remaining.saturating_mul(100) < quota.limit.saturating_mul(LITTLE);
    is_little.then_some(Advice::LittleQuota { remaining: quota.remaining, limit: quota.limit })
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::{EntryCheck, EntryFields, EntryPlatform, ImageContents, Libc, PullQuota};
    use entrepot_oci::Digest;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn entry(address: &str, tag: Option<&str>) -> EntryRecord {
        EntryRecord {
            id: 1,
            fields: EntryFields {
                name: "a".to_owned(),
                address: address.to_owned(),
                host: "docker.io".to_owned(),
                repository: "library/a".to_owned(),
                tag: tag.map(str::to_owned),
                digest: None,
                credential: None,
                description: String::new(),
                source: String::new(),
                remark: String::new(),
                is_on_shelf: true,
                memory_split: false,
            },
            check: EntryCheck::NONE,
            previous_digest: None,
            created_by: "ann".to_owned(),
            revision: 1,
            created: NOW,
            changed: NOW,
        }
    }

    // What the guide calls good and bad practice.
    #[test]
    fn versions_should_be_explicit() {
        for (address, tag, found) in [
            ("tensorflow:2.10.0-gpu", "2.10.0-gpu", None),
            ("a:v1.0", "v1.0", None),
            ("a:v1.0.0-build.123", "v1.0.0-build.123", None),
            ("tensorflow:latest", "latest", Some(Advice::Latest)),
            ("tensorflow", "latest", Some(Advice::NoTag)),
            ("a:stable", "stable", Some(Advice::NoVersion("stable".to_owned()))),
        ] {
            assert_eq!(advice(&entry(address, Some(tag)), NOW), Vec::from_iter(found), "{address}");
        }
        let digest = Digest::of(b"x").to_string();
        let mut pinned = entry(&format!("a:latest@{digest}"), Some("latest"));
        pinned.fields.digest = Some(digest);
        assert_eq!(advice(&pinned, NOW), []);
    }

    #[test]
    fn what_a_check_found_is_judged() {
        let digest = Digest::of(b"x");
        let platform = |text: &str| EntryPlatform { platform: text.parse().unwrap(), digest, size: Some(1) };
        let mut of = entry("a:1", Some("1"));
        of.check.status = CheckStatus::Found;
        of.check.platforms = vec![platform("linux/arm64"), platform("windows/amd64")];
        of.check.compressed_size = Some(LARGE - 1);
        of.check.built = Some(NOW);
        of.check.quota = Some(PullQuota { limit: 100, remaining: 10, window: None });
        assert_eq!(advice(&of, NOW + OLD - Duration::from_secs(1)), []);
        of.check.platforms.remove(0);
        of.check.compressed_size = Some(LARGE);
        of.check.quota = Some(PullQuota { limit: 100, remaining: 9, window: None });
        of.previous_digest = Some(digest);
        let all = advice(&of, NOW + OLD);
        let codes: Vec<_> = all.iter().map(Advice::code).collect();
        assert_eq!(codes, ["moved", "large", "old", "no-usual-platform", "little-quota"]);
    }

    #[test]
    fn an_image_that_is_to_be_split_is_looked_at_for_that() {
        let of = |split, accelerator, cuda: Option<&str>, sshd| {
            let mut of = entry("a:1", Some("1"));
            of.fields.memory_split = true;
            (of.check.split, of.check.accelerator, of.check.checked) = (split, accelerator, Some(NOW));
            of.check.contents = Some(ImageContents {
                libc: Some(Libc::Glibc),
                libc_version: None,
                cuda: cuda.map(str::to_owned),
                sshd,
                complete: true,
            });
            advice(&of, NOW).iter().map(Advice::code).collect::<Vec<_>>()
        };
        let (nvidia, none) = (Accelerator::Nvidia, Accelerator::None);
        assert_eq!(of(SplitCheck::Fits, nvidia, Some("12.4"), false), [] as [&str; 0]);
        // Row 10: the accounting of CUDA 13 is wrong in versions that are known.
        assert_eq!(of(SplitCheck::Fits, nvidia, Some("13.0"), false), ["new-cuda"]);
        // Row 2: a login over SSH loses the environment.
        assert_eq!(of(SplitCheck::Fits, nvidia, Some("12.4"), true), ["sshd"]);
        for split in [SplitCheck::Musl, SplitCheck::Static, SplitCheck::OldGlibc, SplitCheck::NoCuda] {
            assert_eq!(of(split, none, None, false), ["cannot-split"], "{split:?}");
        }
        assert_eq!(of(SplitCheck::NoCuda, Accelerator::Ascend, None, false), [] as [&str; 0]);
        assert_eq!(of(SplitCheck::Unknown, none, None, false), ["split-unknown"]);
        let mut whole = entry("a:1", Some("1"));
        whole.check.split = SplitCheck::Musl;
        assert_eq!(advice(&whole, NOW), [], "nobody wants to split it");
    }
}
