//! Specs as the JSON API has them. Pure.

use entrepot_api as api;
use entrepot_catalog::{Listing, SpecFields, SpecRecord, SpecVendor};

pub(crate) fn list(page: Listing<SpecRecord>) -> api::SpecList {
    let next = page.rows.last().filter(|_| page.more).map(|last| last.fields.name.clone());
    api::SpecList { specs: page.rows.into_iter().map(spec).collect(), more: page.more, next }
}

pub(crate) fn spec(record: SpecRecord) -> api::Spec {
    let SpecRecord { id, fields, created_by, revision, created, changed } = record;
    api::Spec {
        id: u32::try_from(id).unwrap_or_default(),
        name: fields.name,
        vendor: vendor(fields.vendor),
        gpu_model: fields.gpu_model,
        gpu_count: fields.gpu_count,
        gpu_memory_mib: fields.gpu_memory_mib,
        memory_split: fields.memory_split,
        core_percent: fields.core_percent,
        vnpu_template: fields.vnpu_template,
        cpu_milli: fields.cpu_milli,
        memory_mib: fields.memory_mib,
        system_disk_gib: fields.system_disk_gib,
        data_disk_gib: fields.data_disk_gib,
        shm_mib: fields.shm_mib,
        price: fields.price,
        start_seconds: fields.start_seconds,
        on_shelf: fields.on_shelf,
        remark: fields.remark,
        created_by,
        revision,
        created: created.into(),
        changed: changed.into(),
    }
}

pub(crate) fn fields(new: api::NewSpec) -> SpecFields {
    SpecFields {
        name: new.name,
        vendor: new.vendor.map_or(SpecVendor::None, vendor_of),
        gpu_model: new.gpu_model,
        gpu_count: new.gpu_count,
        gpu_memory_mib: new.gpu_memory_mib,
        memory_split: new.memory_split,
        core_percent: new.core_percent,
        vnpu_template: new.vnpu_template,
        cpu_milli: new.cpu_milli,
        memory_mib: new.memory_mib,
        system_disk_gib: new.system_disk_gib,
        data_disk_gib: new.data_disk_gib,
        shm_mib: new.shm_mib,
        price: new.price,
        start_seconds: new.start_seconds,
        on_shelf: new.on_shelf,
        remark: new.remark,
    }
}

/// The spec after a change: what is left out of it stays.
pub(crate) fn changed(before: SpecFields, change: api::SpecChange) -> SpecFields {
    SpecFields {
        name: change.name.unwrap_or(before.name),
        vendor: change.vendor.map_or(before.vendor, vendor_of),
        gpu_model: change.gpu_model.unwrap_or(before.gpu_model),
        gpu_count: change.gpu_count.unwrap_or(before.gpu_count),
        gpu_memory_mib: change.gpu_memory_mib.unwrap_or(before.gpu_memory_mib),
        memory_split: change.memory_split.unwrap_or(before.memory_split),
        core_percent: change.core_percent.unwrap_or(before.core_percent),
        vnpu_template: change.vnpu_template.unwrap_or(before.vnpu_template),
        cpu_milli: change.cpu_milli.unwrap_or(before.cpu_milli),
        memory_mib: change.memory_mib.unwrap_or(before.memory_mib),
        system_disk_gib: change.system_disk_gib.unwrap_or(before.system_disk_gib),
        data_disk_gib: change.data_disk_gib.unwrap_or(before.data_disk_gib),
        shm_mib: change.shm_mib.unwrap_or(before.shm_mib),
        price: change.price.unwrap_or(before.price),
        start_seconds: change.start_seconds.unwrap_or(before.start_seconds),
        on_shelf: change.on_shelf.unwrap_or(before.on_shelf),
        remark: change.remark.unwrap_or(before.remark),
    }
}

pub(crate) fn vendor_named(text: &str) -> Option<SpecVendor> {
    let all = [SpecVendor::None, SpecVendor::Nvidia, SpecVendor::Ascend];
    all.into_iter().find(|vendor| vendor.as_str() == text)
}

fn vendor(vendor: SpecVendor) -> api::SpecVendor {
    match vendor {
        SpecVendor::None => api::SpecVendor::None,
        SpecVendor::Nvidia => api::SpecVendor::Nvidia,
        SpecVendor::Ascend => api::SpecVendor::Ascend,
    }
}

fn vendor_of(vendor: api::SpecVendor) -> SpecVendor {
    match vendor {
        api::SpecVendor::None => SpecVendor::None,
        api::SpecVendor::Nvidia => SpecVendor::Nvidia,
        api::SpecVendor::Ascend => SpecVendor::Ascend,
    }
}
