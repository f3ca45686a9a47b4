//! Entries of the image library: images that may be run.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{credential::PullQuota, timestamp::Timestamp, words::words};

/// An image that may be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Its id.
    pub id: u32,
    /// Its name; others may have the same.
    pub name: String,
    /// The image, as it was typed, without a login.
    pub address: String,
    /// The same in full: `docker.io/library/nginx:1.27`.
    pub image: String,
    /// What it is.
    pub description: String,
    /// Where it comes from.
    pub source: String,
    /// A remark.
    pub remark: String,
    /// Whether it is offered.
    pub on_shelf: bool,
    /// Whether the memory of cards may be split for it.
    pub memory_split: bool,
    /// The stored credential that came with the address; `null` without one, and for those who do not manage the library.
    #[schema(required = true)]
    pub credential: Option<String>,
    /// What the last check found.
    pub check: EntryCheck,
    /// What would be better about it.
    pub advice: Vec<EntryAdvice>,
    /// Who added it.
    pub created_by: String,
    /// Rises with every change; `If-Match: "REVISION"` makes a change that counts only if nothing has changed since.
    pub revision: i64,
    /// When it was added.
    pub created: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
}

words! {
    /// What became of the last look at an image.
    EntryStatus {
        /// Nobody has looked since the address was set.
        Unknown = "unknown",
        /// It is there.
        Ok = "ok",
        /// Its registry has no such image.
        NotFound = "not-found",
        /// Its registry refuses us.
        Denied = "denied",
        /// Its registry limits our requests.
        RateLimited = "rate-limited",
        /// Its registry does not answer, or fails. What else is told is from before.
        Unreachable = "unreachable",
        /// Its registry is not one that this mirror fetches from.
        NotMirrored = "not-mirrored",
        /// What is there is no image that could be run.
        Invalid = "invalid",
    }
}

words! {
    /// Whether the memory of a card can be split for an image, as far as its layers tell.
    SplitCheck {
        /// Its layers are not held, or not all of them could be read.
        Unknown = "unknown",
        /// It can.
        Ok = "ok",
        /// Its C library is musl.
        Musl = "musl",
        /// It has no C library.
        Static = "static",
        /// Its glibc is older than 2.17.
        OldGlibc = "old-glibc",
        /// It could, and has no CUDA.
        NoCuda = "no-cuda",
    }
}

words! {
    /// The kind of card that an image is made for.
    Accelerator {
        /// Nobody has looked.
        Unknown = "unknown",
        /// None.
        None = "none",
        /// NVIDIA's.
        Nvidia = "nvidia",
        /// Ascend's.
        Ascend = "ascend",
        /// Of another vendor.
        Other = "other",
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryCheck {
    /// What became of it.
    pub status: EntryStatus,
    /// Why not, in the registry's words.
    #[schema(required = true)]
    pub error: Option<String>,
    /// When it was.
    #[schema(required = true)]
    pub checked: Option<Timestamp>,
    /// What the address leads to.
    #[schema(required = true)]
    pub digest: Option<String>,
    /// What it led to before, if that was something else and nobody has changed the entry since.
    #[schema(required = true)]
    pub previous_digest: Option<String>,
    /// What the image is there for.
    pub platforms: Vec<EntryPlatform>,
    /// The length of the largest of them, compressed, in bytes.
    #[schema(required = true)]
    pub size: Option<u64>,
    /// When it was built, as it says.
    #[schema(required = true)]
    pub built: Option<Timestamp>,
    /// What its registry says is left of our pulls.
    #[schema(required = true)]
    pub quota: Option<PullQuota>,
    /// Whether the memory of cards can be split for it.
    pub split: SplitCheck,
    /// The kind of card that it is made for.
    pub accelerator: Accelerator,
    /// What was seen in its layers; `null` until they were looked into.
    #[schema(required = true)]
    pub contents: Option<ImageContents>,
}

/// An image for one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryPlatform {
    /// The platform, such as `linux/amd64`.
    pub platform: String,
    /// Its manifest.
    pub digest: String,
    /// Its length, compressed, in bytes; `null` if its registry was not asked.
    #[schema(required = true)]
    pub size: Option<u64>,
}

/// What was seen in the layers of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageContents {
    /// Its C library: `glibc`, `musl`, or `null` if none was seen.
    #[schema(required = true)]
    pub libc: Option<String>,
    /// The version of that.
    #[schema(required = true)]
    pub libc_version: Option<String>,
    /// The version of CUDA that it brings.
    #[schema(required = true)]
    pub cuda: Option<String>,
    /// Whether it has an SSH server.
    pub sshd: bool,
    /// Whether all of its layers were read to their end.
    pub complete: bool,
}

/// Something that would be better about an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryAdvice {
    /// A word for it: `no-tag`, `latest`, `no-version`, `moved`, `large`, `old`, `no-usual-platform`, `cannot-split`,
    /// `split-unknown`, `new-cuda`, `sshd`, `little-quota`.
    pub code: String,
    /// The fact, in the caller's language.
    pub detail: String,
    /// What to do about it, in the caller's language.
    pub hint: String,
}

/// A page of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryList {
    /// The entries.
    pub entries: Vec<Entry>,
    /// How many there are on all pages.
    pub total: u64,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which entries to list. Texts are looked for anywhere, in any case.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryListQuery {
    /// Only those that have this in their name or address.
    pub search: Option<String>,
    /// Only those that have this in their name.
    pub name: Option<String>,
    /// Only those that have this in their address.
    pub address: Option<String>,
    /// Only those that have this in their source.
    pub source: Option<String>,
    /// Only those that are offered, or that are not.
    pub on_shelf: Option<bool>,
    /// Only those for which the memory of cards may be split, or may not.
    pub memory_split: Option<bool>,
    /// Only those of whose last check this became.
    #[param(value_type = Option<EntryStatus>)]
    pub status: Option<EntryStatus>,
    /// Only those that are made for this kind of card.
    #[param(value_type = Option<Accelerator>)]
    pub accelerator: Option<Accelerator>,
    /// The order: `name`, `created`, or backwards with a `-` before it; `-created` if left out.
    pub sort: Option<String>,
    /// How many at most; 100 if left out.
    pub n: Option<usize>,
    /// `next` of the page before.
    pub last: Option<String>,
}

/// A new entry.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// Its name; the last part of the image and its tag if left out: `nginx:1.27`.
    pub name: Option<String>,
    /// The image. A login may stand in front, `user:password@registry.example.com/image:tag`: it is stored as a credential
    /// and never shown.
    pub address: String,
    /// What it is.
    pub description: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// A remark.
    pub remark: Option<String>,
    /// Whether it is offered; yes if left out.
    pub on_shelf: Option<bool>,
    /// Whether the memory of cards may be split for it; no if left out.
    pub memory_split: Option<bool>,
}

/// A change of an entry. What is left out stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryChange {
    /// The new name.
    pub name: Option<String>,
    /// The new address; a login may stand in front.
    pub address: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new source.
    pub source: Option<String>,
    /// The new remark.
    pub remark: Option<String>,
    /// Whether it is offered.
    pub on_shelf: Option<bool>,
    /// Whether the memory of cards may be split for it.
    pub memory_split: Option<bool>,
}

/// How an image is looked at.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryCheckQuery {
    /// Whether layers that the mirror does not hold are fetched, to be looked into; no if left out.
    pub fetch: Option<bool>,
}

words! {
    /// The form of a document with entries.
    EntryForm {
        /// With commas, for spreadsheets.
        Csv = "csv",
        /// For programs.
        Json = "json",
    }
}

/// How entries are written.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryExportQuery {
    /// The form; `json` if left out.
    #[param(value_type = Option<EntryForm>)]
    pub format: Option<EntryForm>,
}

/// How entries are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntryImportQuery {
    /// The form; `json` if left out.
    #[param(value_type = Option<EntryForm>)]
    pub format: Option<EntryForm>,
    /// Whether nothing is stored, and only said what would be; no if left out.
    pub dry_run: Option<bool>,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryImport {
    /// How many entries were added.
    pub added: usize,
    /// How many entries were changed.
    pub changed: usize,
    /// Whether nothing was stored.
    pub dry_run: bool,
}
