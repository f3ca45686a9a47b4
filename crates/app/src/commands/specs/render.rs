//! Tables and sentences about specs.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Spec, SpecVendor};

use crate::{
    commands::amounts::{self, Mib},
    output::{self, Column, joined, sentence, word},
};

/// A table of specs.
pub(super) fn specs(specs: &[Spec]) -> String {
    if specs.is_empty() {
        return sentence!("there are no specs") + "\n";
    }
    let columns = [
        Column("ID", Right),
        Column("NAME", Left),
        Column("CARDS", Left),
        Column("CORES", Right),
        Column("MEMORY", Right),
        Column("DATA DISK", Right),
        Column("PRICE/H", Right),
        Column("SHELF", Left),
    ];
    let rows = specs.iter().map(|spec| {
        vec![
            spec.id.to_string(),
            spec.name.clone(),
            cards(spec),
            amounts::shown(spec.cpu_milli, 3),
            Mib::shown(spec.memory_mib),
            spec.data_disk_gib.map_or_else(|| "-".to_owned(), |gib| Mib::shown(gib << 10)),
            amounts::shown(spec.price, 4),
            if spec.on_shelf { word("on") } else { word("off") },
        ]
    });
    output::table(&columns, rows.collect())
}

/// What a new spec is.
pub(super) fn made(spec: &Spec) -> String {
    let (id, name, what) = (spec.id, &spec.name, told(spec));
    output::line(&sentence!("spec {id}: `{name}`, {what}", id = id, name = name, what = what))
}

/// What a spec is after its change.
pub(super) fn changed(spec: &Spec) -> String {
    let (id, name, what) = (spec.id, &spec.name, told(spec));
    let changed = sentence!("spec {id} is now `{name}`, {what}", id = id, name = name, what = what);
    let shelf = if spec.on_shelf { sentence!("on the shelf") } else { sentence!("off the shelf") };
    output::line(&joined(&[changed, shelf]))
}

fn told(spec: &Spec) -> String {
    let cores = amounts::shown(spec.cpu_milli, 3);
    let memory = Mib::shown(spec.memory_mib);
    sentence!(
        "{cores} cores, {memory} of memory, cards: {cards}",
        cores = cores,
        memory = memory,
        cards = cards(spec)
    )
}

fn cards(spec: &Spec) -> String {
    if spec.vendor == SpecVendor::None {
        return word("none");
    }
    let any = || sentence!("any {vendor}", vendor = word(spec.vendor));
    let model = spec.gpu_model.clone().unwrap_or_else(any);
    let cores = spec.core_percent.map(|percent| sentence!("{percent}% of its cores", percent = percent));
    match spec.gpu_memory_mib {
        Some(mib) => {
            let memory = sentence!("{memory} of {model}", memory = Mib::shown(mib), model = model);
            joined(&[memory].into_iter().chain(cores).collect::<Vec<_>>())
        }
        None => format!("{} × {model}", spec.gpu_count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> Spec {
        let text = r#"{"id":3,"name":"quarter","vendor":"nvidia","gpu_model":"NVIDIA A100","gpu_count":1,
            "gpu_memory_mib":20480,"memory_split":true,"core_percent":25,"vnpu_template":null,"cpu_milli":8500,
            "memory_mib":65536,"system_disk_gib":null,"data_disk_gib":100,"shm_mib":null,"price":125000,
            "start_seconds":null,"on_shelf":true,"remark":"","created_by":"admin","revision":1,
            "created":"2026-11-30T12:00:00Z","changed":"2026-11-30T12:00:00Z"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_spec_is_one_line() {
        let whole =
            Spec { gpu_count: 8, gpu_memory_mib: None, core_percent: None, gpu_model: None, ..spec() };
        let cpu = Spec { vendor: SpecVendor::None, gpu_count: 0, ..whole.clone() };
        assert_eq!(cards(&spec()), "20.0 GiB of NVIDIA A100, 25% of its cores");
        assert_eq!((cards(&whole).as_str(), cards(&cpu).as_str()), ("8 × any nvidia", "none"));
        assert_eq!(
            made(&spec()),
            "spec 3: `quarter`, 8.5 cores, 64.0 GiB of memory, cards: 20.0 GiB of NVIDIA A100, 25% of its cores\n"
        );
        let table = specs(&[spec()]);
        assert!(table.lines().nth(1).unwrap().contains("12.5"), "{table}");
        assert_eq!(specs(&[]), "there are no specs\n");
    }
}
