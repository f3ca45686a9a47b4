//! The image library: entries.
//!
//! - `sequence`: where ids come from
//! - `entries`: images that may be run; `entry_records`: their rows

mod entries;
mod entry_records;
mod sequence;

pub use entry_records::{
    Accelerator, CheckStatus, EntryCheck, EntryCursor, EntryFields, EntryFilter, EntryOrder, EntryPlatform,
    EntryRecord, EntryRemoval, EntrySave, EntryUse, ImageContents, Libc, PullQuota, SplitCheck,
};

#[cfg(test)]
pub(crate) use entries::{
    COUNT as COUNT_ENTRIES, ENTRY, LIST_BY_AGE as ENTRIES_BY_AGE, LIST_BY_AGE_BACK as ENTRIES_BY_AGE_BACK,
    LIST_BY_NAME as ENTRIES_BY_NAME, LIST_BY_NAME_BACK as ENTRIES_BY_NAME_BACK, NAMED as ENTRIES_NAMED,
    OF_IMAGE as ENTRIES_OF_IMAGE, PAGE as ENTRIES_PAGE, USES as ENTRY_USES,
    WITH_CREDENTIAL as ENTRY_WITH_CREDENTIAL,
};
