//! Specs: what an instance gets.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{said::said, timestamp::Timestamp, words::words};

words! {
    /// Whose cards a spec has.
    SpecVendor {
        /// It has none.
        None = "none",
        /// NVIDIA.
        Nvidia = "nvidia",
        /// Huawei Ascend.
        Ascend = "ascend",
    }
}

/// A spec: what an instance gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spec {
    /// Its id.
    pub id: u32,
    /// Its name, unique.
    pub name: String,
    /// Whose cards it has.
    pub vendor: SpecVendor,
    /// The model of the cards; `null` is any.
    #[schema(required = true)]
    pub gpu_model: Option<String>,
    /// How many cards.
    pub gpu_count: u32,
    /// The memory of the part of a card, in MiB; `null` for whole cards.
    #[schema(required = true)]
    pub gpu_memory_mib: Option<u64>,
    /// Whether it has a part of a card, which others share. Whole cards are never split.
    pub memory_split: bool,
    /// The part's share of the card's cores, in percent; `null` is no limit.
    #[schema(required = true)]
    pub core_percent: Option<u32>,
    /// Ascend's name of the part of a card.
    #[schema(required = true)]
    pub vnpu_template: Option<String>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The container's own disk, in GiB; `null` is no limit.
    #[schema(required = true)]
    pub system_disk_gib: Option<u64>,
    /// The volume for data, in GiB; `null` is no limit.
    #[schema(required = true)]
    pub data_disk_gib: Option<u64>,
    /// Shared memory, in MiB; `null` leaves it to the server.
    #[schema(required = true)]
    pub shm_mib: Option<u64>,
    /// The price of an hour, in ten-thousandths of the currency.
    pub price: u64,
    /// How long a start may take; `null` leaves it to the server.
    #[schema(required = true)]
    pub start_seconds: Option<u64>,
    /// Whether it is offered.
    pub on_shelf: bool,
    /// Anything.
    pub remark: String,
    /// Who made it.
    pub created_by: String,
    /// Rises with every change; also the `ETag`.
    pub revision: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was changed last.
    pub changed: Timestamp,
}

/// A page of specs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpecList {
    /// The specs, in order of their names.
    pub specs: Vec<Spec>,
    /// Whether more follow.
    pub more: bool,
    /// Where the next page begins: ask again with it as `last`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A new spec. What is left out is none, or the server's default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSpec {
    /// Its name, unique.
    pub name: String,
    /// Whose cards it has; none if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<SpecVendor>,
    /// The model of the cards, as the cards say it; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_model: Option<String>,
    /// How many cards.
    #[serde(default)]
    pub gpu_count: u32,
    /// The memory of the part of a card, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_memory_mib: Option<u64>,
    /// Whether it has a part of a card.
    #[serde(default)]
    pub memory_split: bool,
    /// The part's share of the card's cores, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_percent: Option<u32>,
    /// Ascend's name of the part of a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnpu_template: Option<String>,
    /// Thousandths of a core.
    pub cpu_milli: u64,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The container's own disk, in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_disk_gib: Option<u64>,
    /// The volume for data, in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_disk_gib: Option<u64>,
    /// Shared memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_mib: Option<u64>,
    /// The price of an hour, in ten-thousandths of the currency.
    #[serde(default)]
    pub price: u64,
    /// How long a start may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<u64>,
    /// Whether it is offered; it is if left out.
    #[serde(default = "yes")]
    pub on_shelf: bool,
    /// Anything.
    #[serde(default)]
    pub remark: String,
}

fn yes() -> bool {
    true
}

/// A change of a spec. What is left out stays; `null` takes a value away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpecChange {
    /// Its new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose cards it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<SpecVendor>,
    /// The model of the cards.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub gpu_model: Option<Option<String>>,
    /// How many cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu_count: Option<u32>,
    /// The memory of the part of a card, in MiB.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub gpu_memory_mib: Option<Option<u64>>,
    /// Whether it has a part of a card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_split: Option<bool>,
    /// The part's share of the card's cores, in percent.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub core_percent: Option<Option<u32>>,
    /// Ascend's name of the part of a card.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub vnpu_template: Option<Option<String>>,
    /// Thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_milli: Option<u64>,
    /// Memory, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u64>,
    /// The container's own disk, in GiB.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub system_disk_gib: Option<Option<u64>>,
    /// The volume for data, in GiB.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub data_disk_gib: Option<Option<u64>>,
    /// Shared memory, in MiB.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub shm_mib: Option<Option<u64>>,
    /// The price of an hour, in ten-thousandths of the currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<u64>,
    /// How long a start may take.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub start_seconds: Option<Option<u64>>,
    /// Whether it is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_shelf: Option<bool>,
    /// Anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// Which specs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SpecListQuery {
    /// Only those of this vendor.
    #[param(value_type = Option<SpecVendor>)]
    pub vendor: Option<SpecVendor>,
    /// Only those that are offered, or that are not. Who may not manage specs sees only those that are.
    pub on_shelf: Option<bool>,
    /// Only parts of cards, or only others.
    pub memory_split: Option<bool>,
    /// Only those whose names have this in them, in any case.
    pub search: Option<String>,
    /// How many, at most 1000.
    pub n: Option<usize>,
    /// Only specs after this name.
    pub last: Option<String>,
}
