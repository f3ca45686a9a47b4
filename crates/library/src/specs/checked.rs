//! A spec as people say it, checked as a whole. Pure.

use std::ops::RangeInclusive;

use entrepot_catalog::{SpecFields, SpecVendor};

use super::{
    faults::SpecFault,
    limits::{
        CORE_PERCENT, CPU_MILLI, DISK_GIB, GPU_COUNT, GPU_MEMORY_MIB, MAX_NAME, MAX_PRICE, MAX_REMARK,
        MEMORY_MIB, START_SECONDS,
    },
};
use crate::text;

/// A spec with nothing wrong in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedSpec(SpecFields);

impl CheckedSpec {
    /// Checks a spec.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn new(fields: SpecFields) -> Result<Self, Vec<SpecFault>> {
        let mut faults = general(&fields);
        faults.extend(cards(&fields));
        if faults.is_empty() { Ok(Self(fields)) } else { Err(faults) }
    }

    /// What people say about it.
    pub fn fields(&self) -> &SpecFields {
        &self.0
    }
}

// What all specs have.
fn general(spec: &SpecFields) -> Vec<SpecFault> {
    let within = |range: &RangeInclusive<u64>, amount: Option<u64>| {
        amount.is_none_or(|amount| range.contains(&amount))
    };
    let checks = [
        (text::is_line(&spec.name, MAX_NAME), SpecFault::Name),
        (CPU_MILLI.contains(&spec.cpu_milli), SpecFault::Cpu),
        (MEMORY_MIB.contains(&spec.memory_mib), SpecFault::Memory),
        (within(&DISK_GIB, spec.system_disk_gib), SpecFault::Disk("system_disk_gib")),
        (within(&DISK_GIB, spec.data_disk_gib), SpecFault::Disk("data_disk_gib")),
        (within(&(1..=spec.memory_mib), spec.shm_mib), SpecFault::Shm),
        (spec.price <= MAX_PRICE, SpecFault::Price),
        (within(&START_SECONDS, spec.start_seconds), SpecFault::Start),
        (text::is_prose(&spec.remark, MAX_REMARK), SpecFault::Remark),
    ];
    checks.into_iter().filter(|(is_right, _)| !is_right).map(|(_, fault)| fault).collect()
}

fn cards(spec: &SpecFields) -> Vec<SpecFault> {
    match spec.vendor {
        SpecVendor::None => without_cards(spec),
        vendor => {
            let mut faults = Vec::new();
            if !GPU_COUNT.contains(&spec.gpu_count) {
                faults.push(SpecFault::GpuCount);
            }
            if spec.gpu_model.as_ref().is_some_and(|model| !text::is_line(model, MAX_NAME)) {
                faults.push(SpecFault::GpuModel);
            }
            faults.extend(if spec.memory_split { part(spec, vendor) } else { whole(spec) });
            faults
        }
    }
}

fn without_cards(spec: &SpecFields) -> Vec<SpecFault> {
    let said = [
        (spec.gpu_count > 0, "gpu_count"),
        (spec.gpu_model.is_some(), "gpu_model"),
        (spec.gpu_memory_mib.is_some(), "gpu_memory_mib"),
        (spec.memory_split, "memory_split"),
        (spec.core_percent.is_some(), "core_percent"),
        (spec.vnpu_template.is_some(), "vnpu_template"),
    ];
    said.into_iter().filter(|(is_said, _)| *is_said).map(|(_, field)| SpecFault::NoCards(field)).collect()
}

// Whole cards are never split, whatever is said.
fn whole(spec: &SpecFields) -> Vec<SpecFault> {
    let said = [
        (spec.gpu_memory_mib.is_some(), "gpu_memory_mib"),
        (spec.core_percent.is_some(), "core_percent"),
        (spec.vnpu_template.is_some(), "vnpu_template"),
    ];
    said.into_iter().filter(|(is_said, _)| *is_said).map(|(_, field)| SpecFault::Whole(field)).collect()
}

fn part(spec: &SpecFields, vendor: SpecVendor) -> Vec<SpecFault> {
    let mut faults = Vec::new();
    if spec.gpu_count > 1 {
        faults.push(SpecFault::PartsOfSeveral);
    }
    if !spec.gpu_memory_mib.is_some_and(|memory| GPU_MEMORY_MIB.contains(&memory)) {
        faults.push(SpecFault::PartMemory);
    }
    let is_ascend = vendor == SpecVendor::Ascend;
    faults.extend(match spec.core_percent {
        Some(_) if is_ascend => Some(SpecFault::CoresByTemplate),
        Some(percent) if !CORE_PERCENT.contains(&percent) => Some(SpecFault::CorePercent),
        _ => None,
    });
    faults.extend(match &spec.vnpu_template {
        None if is_ascend => Some(SpecFault::TemplateMissing),
        Some(_) if !is_ascend => Some(SpecFault::TemplateOfOthers),
        Some(template) if !is_template(template) => Some(SpecFault::Template),
        _ => None,
    });
    faults
}

fn is_template(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=32).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu() -> SpecFields {
        SpecFields {
            name: "8 核".to_owned(),
            vendor: SpecVendor::None,
            gpu_model: None,
            gpu_count: 0,
            gpu_memory_mib: None,
            memory_split: false,
            core_percent: None,
            vnpu_template: None,
            cpu_milli: 8000,
            memory_mib: 16_384,
            system_disk_gib: None,
            data_disk_gib: Some(100),
            shm_mib: Some(1024),
            price: 12_500,
            start_seconds: None,
            on_shelf: true,
            remark: String::new(),
        }
    }

    fn whole() -> SpecFields {
        SpecFields {
            vendor: SpecVendor::Nvidia,
            gpu_count: 2,
            gpu_model: Some("NVIDIA A100".into()),
            ..cpu()
        }
    }

    fn part() -> SpecFields {
        SpecFields {
            gpu_count: 1,
            memory_split: true,
            gpu_memory_mib: Some(10_240),
            core_percent: Some(25),
            ..whole()
        }
    }

    fn vnpu() -> SpecFields {
        SpecFields {
            vendor: SpecVendor::Ascend,
            core_percent: None,
            vnpu_template: Some("vir05_1c_8g".into()),
            ..part()
        }
    }

    fn faults(spec: SpecFields) -> Vec<SpecFault> {
        CheckedSpec::new(spec).err().unwrap_or_default()
    }

    #[test]
    fn each_kind_of_spec_has_nothing_wrong_in_it() {
        let any_model = SpecFields { gpu_model: None, ..whole() };
        for spec in [cpu(), whole(), part(), vnpu(), any_model] {
            assert_eq!(CheckedSpec::new(spec.clone()).unwrap().fields(), &spec);
        }
    }

    // Row 07, and that whole cards are never split.
    #[test]
    fn what_contradicts_itself_is_refused() {
        use SpecFault::*;
        for (spec, expected) in [
            (SpecFields { name: " ".into(), ..cpu() }, vec![Name]),
            (SpecFields { name: "a\nb".into(), ..cpu() }, vec![Name]),
            (
                SpecFields { gpu_count: 1, memory_split: true, ..cpu() },
                vec![NoCards("gpu_count"), NoCards("memory_split")],
            ),
            (SpecFields { gpu_count: 0, ..whole() }, vec![GpuCount]),
            (SpecFields { gpu_count: 17, ..whole() }, vec![GpuCount]),
            (SpecFields { gpu_model: Some(String::new()), ..whole() }, vec![GpuModel]),
            (
                SpecFields { gpu_memory_mib: Some(1024), core_percent: Some(9), ..whole() },
                vec![Whole("gpu_memory_mib"), Whole("core_percent")],
            ),
            (SpecFields { gpu_count: 2, ..part() }, vec![PartsOfSeveral]),
            (SpecFields { gpu_memory_mib: None, ..part() }, vec![PartMemory]),
            (
                SpecFields { gpu_memory_mib: Some(0), core_percent: Some(0), ..part() },
                vec![PartMemory, CorePercent],
            ),
            (SpecFields { core_percent: Some(101), ..part() }, vec![CorePercent]),
            (SpecFields { vnpu_template: Some("vir".into()), ..part() }, vec![TemplateOfOthers]),
            (SpecFields { vnpu_template: None, ..vnpu() }, vec![TemplateMissing]),
            (SpecFields { vnpu_template: Some("../x".into()), ..vnpu() }, vec![Template]),
            (SpecFields { core_percent: Some(50), ..vnpu() }, vec![CoresByTemplate]),
            (SpecFields { cpu_milli: 0, memory_mib: 0, shm_mib: None, ..cpu() }, vec![Cpu, Memory]),
            (SpecFields { shm_mib: Some(16_385), ..cpu() }, vec![Shm]),
            (
                SpecFields { system_disk_gib: Some(0), data_disk_gib: Some(0), ..cpu() },
                vec![Disk("system_disk_gib"), Disk("data_disk_gib")],
            ),
            (SpecFields { price: MAX_PRICE + 1, start_seconds: Some(0), ..cpu() }, vec![Price, Start]),
            (SpecFields { remark: "x".repeat(1001), ..cpu() }, vec![Remark]),
        ] {
            assert_eq!(faults(spec.clone()), expected, "{spec:?}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once_each_with_its_field() {
        let spec =
            SpecFields { name: String::new(), cpu_milli: 0, gpu_memory_mib: None, gpu_count: 3, ..part() };
        let found: Vec<_> =
            faults(spec).into_iter().map(|fault| (fault.field(), fault.to_string())).collect();
        let expected = [
            ("name", "a name has 1 to 100 printable characters"),
            ("cpu_milli", "`cpu_milli` is 10 to 4096000: thousandths of a core"),
            ("gpu_count", "a part is of one card: `gpu_count` is 1 where `memory_split` is set"),
            ("gpu_memory_mib", "a part of a card has `gpu_memory_mib`, 256 to 4194304"),
        ];
        assert_eq!(found, expected.map(|(field, text)| (field, text.to_owned())));
    }
}
