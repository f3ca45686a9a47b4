//! Entries as the JSON API has them. Pure.

use std::time::SystemTime;

use entrepot_api as api;
use entrepot_catalog::{
    Accelerator, CheckStatus, EntryCheck, EntryCursor, EntryOrder, EntryRecord, ImageContents, Libc, Listing,
    SplitCheck,
};
use entrepot_library::{EntryChange, NewEntry, advice};
use entrepot_mirror::NameResolver;

use super::entry_advice;
use crate::pages::words::Language;

/// Who reads it.
pub(crate) struct EntryViewer {
    pub(crate) language: Language,
    /// Whether they manage the library.
    pub(crate) manages: bool,
    /// What ages are counted to.
    pub(crate) now: SystemTime,
}

pub(crate) fn entries(page: Listing<EntryRecord>, total: u64, viewer: &EntryViewer) -> api::EntryList {
    let next = page.rows.last().filter(|_| page.more).map(cursor_of);
    let entries = page.rows.into_iter().map(|record| entry(record, viewer)).collect();
    api::EntryList { entries, total, more: page.more, next }
}

pub(crate) fn entry(record: EntryRecord, viewer: &EntryViewer) -> api::Entry {
    let advice =
        advice(&record, viewer.now).iter().map(|one| entry_advice::told(one, viewer.language)).collect();
    let EntryRecord { id, fields, check, previous_digest, created_by, revision, created, changed } = record;
    let mut image = match fields.host.as_str() {
        "" => fields.repository,
        host => format!("{host}/{}", fields.repository),
    };
    for (sign, part) in [(':', &fields.tag), ('@', &fields.digest)] {
        if let Some(part) = part {
            image.push(sign);
            image.push_str(part);
        }
    }
    api::Entry {
        // Ids are given out by the catalog, from 1 on.
        id: u32::try_from(id).unwrap_or_default(),
        name: fields.name,
        address: fields.address,
        image,
        description: fields.description,
        source: fields.source,
        remark: fields.remark,
        on_shelf: fields.is_on_shelf,
        memory_split: fields.memory_split,
        credential: fields.credential.filter(|_| viewer.manages),
        check: self::check(check, previous_digest.map(|digest| digest.to_string())),
        advice,
        created_by,
        revision,
        created: created.into(),
        changed: changed.into(),
    }
}

fn check(found: EntryCheck, previous_digest: Option<String>) -> api::EntryCheck {
    let platforms = found.platforms.into_iter().map(|one| api::EntryPlatform {
        platform: one.platform.to_string(),
        digest: one.digest.to_string(),
        size: one.size,
    });
    let quota = found.quota.map(|quota| api::PullQuota {
        limit: quota.limit,
        remaining: quota.remaining,
        window: quota.window,
    });
    api::EntryCheck {
        status: status(found.status),
        error: found.error,
        checked: found.checked.map(Into::into),
        digest: found.digest.map(|digest| digest.to_string()),
        previous_digest,
        platforms: platforms.collect(),
        size: found.compressed_size,
        built: found.built.map(Into::into),
        quota,
        split: split(found.split),
        accelerator: accelerator(found.accelerator),
        contents: found.contents.map(contents),
    }
}

fn contents(seen: ImageContents) -> api::ImageContents {
    let libc = seen.libc.map(|libc| match libc {
        Libc::Glibc => "glibc".to_owned(),
        Libc::Musl => "musl".to_owned(),
    });
    api::ImageContents {
        libc,
        libc_version: seen.libc_version,
        cuda: seen.cuda,
        sshd: seen.sshd,
        complete: seen.complete,
    }
}

fn status(status: CheckStatus) -> api::EntryStatus {
    use api::EntryStatus as S;
    match status {
        CheckStatus::Unknown => S::Unknown,
        CheckStatus::Found => S::Ok,
        CheckStatus::NotFound => S::NotFound,
        CheckStatus::Denied => S::Denied,
        CheckStatus::RateLimited => S::RateLimited,
        CheckStatus::Unreachable => S::Unreachable,
        CheckStatus::NotMirrored => S::NotMirrored,
        CheckStatus::Invalid => S::Invalid,
    }
}

fn split(split: SplitCheck) -> api::SplitCheck {
    use api::SplitCheck as S;
    match split {
        SplitCheck::Unknown => S::Unknown,
        SplitCheck::Fits => S::Ok,
        SplitCheck::Musl => S::Musl,
        SplitCheck::Static => S::Static,
        SplitCheck::OldGlibc => S::OldGlibc,
        SplitCheck::NoCuda => S::NoCuda,
    }
}

fn accelerator(accelerator: Accelerator) -> api::Accelerator {
    use api::Accelerator as A;
    match accelerator {
        Accelerator::Unknown => A::Unknown,
        Accelerator::None => A::None,
        Accelerator::Nvidia => A::Nvidia,
        Accelerator::Ascend => A::Ascend,
        Accelerator::Other => A::Other,
    }
}

const STATUSES: [CheckStatus; 8] = [
    CheckStatus::Unknown,
    CheckStatus::Found,
    CheckStatus::NotFound,
    CheckStatus::Denied,
    CheckStatus::RateLimited,
    CheckStatus::Unreachable,
    CheckStatus::NotMirrored,
    CheckStatus::Invalid,
];

const ACCELERATORS: [Accelerator; 5] =
    [Accelerator::Unknown, Accelerator::None, Accelerator::Nvidia, Accelerator::Ascend, Accelerator::Other];

pub(crate) fn status_named(text: &str) -> Option<CheckStatus> {
    STATUSES.into_iter().find(|one| one.as_str() == text)
}

pub(crate) fn accelerator_named(text: &str) -> Option<Accelerator> {
    ACCELERATORS.into_iter().find(|one| one.as_str() == text)
}

pub(crate) fn order_named(text: &str) -> Option<EntryOrder> {
    match text {
        "name" => Some(EntryOrder::Name),
        "-name" => Some(EntryOrder::NameBack),
        "created" => Some(EntryOrder::Oldest),
        "-created" => Some(EntryOrder::Newest),
        _ => None,
    }
}

// The id, and the name for the orders that go by it: `7/nginx`.
fn cursor_of(record: &EntryRecord) -> String {
    format!("{}/{}", record.id, record.fields.name)
}

pub(crate) fn cursor(text: &str) -> Option<EntryCursor> {
    let (id, name) = text.split_once('/')?;
    Some(EntryCursor { id: id.parse().ok()?, name: name.to_owned() })
}

pub(crate) fn new_entry(new: api::NewEntry, names: &NameResolver) -> NewEntry {
    let api::NewEntry { name, address, description, source, remark, on_shelf, memory_split } = new;
    let said = EntryChange {
        name,
        address: Some(address),
        description,
        source,
        remark,
        is_on_shelf: on_shelf,
        memory_split,
    };
    NewEntry::of(said, names)
}

pub(crate) fn change(change: api::EntryChange) -> EntryChange {
    let api::EntryChange { name, address, description, source, remark, on_shelf, memory_split } = change;
    EntryChange { name, address, description, source, remark, is_on_shelf: on_shelf, memory_split }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_catalog() {
        for one in STATUSES {
            assert_eq!(status(one).as_str(), one.as_str());
            assert_eq!(status_named(one.as_str()), Some(one));
        }
        for one in ACCELERATORS {
            assert_eq!(accelerator(one).as_str(), one.as_str());
            assert_eq!(accelerator_named(one.as_str()), Some(one));
        }
        for one in [
            SplitCheck::Unknown,
            SplitCheck::Fits,
            SplitCheck::Musl,
            SplitCheck::Static,
            SplitCheck::OldGlibc,
            SplitCheck::NoCuda,
        ] {
            assert_eq!(split(one).as_str(), one.as_str());
        }
        assert_eq!((status_named("good"), order_named("size"), cursor("x")), (None, None, None));
        assert_eq!(cursor("7/a/b"), Some(EntryCursor { id: 7, name: "a/b".to_owned() }));
    }
}
