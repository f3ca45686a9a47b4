//! Tables and sentences about instances.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    CommittedImage, DataVolume, FreeSpec, Instance, InstancePart, InstanceSpec, InstanceUsage,
};

use crate::{
    commands::amounts::{self, Mib},
    failure::Failure,
    output::{self, Column, joined, sentence, word},
};

/// A table of instances.
pub(super) fn instances(instances: &[Instance]) -> String {
    if instances.is_empty() {
        return sentence!("there are no instances") + "\n";
    }
    let columns = [
        Column("ID", Right),
        Column("NAME", Left),
        Column("OWNER", Left),
        Column("ENTRY", Left),
        Column("SPEC", Left),
        Column("NODE", Left),
        Column("PHASE", Left),
        Column("PORTS", Left),
    ];
    let rows = instances.iter().map(|instance| {
        vec![
            instance.id.to_string(),
            instance.name.clone(),
            instance.owner.clone(),
            instance.entry.name.clone(),
            instance.spec.name.clone(),
            instance.node.clone(),
            phase(instance),
            ports(instance),
        ]
    });
    output::table(&columns, rows.collect())
}

/// What has become of a new instance.
pub(super) fn made(instance: &Instance) -> String {
    let mut text = output::line(&sentence!(
        "instance {id}: `{name}` on `{node}`, {phase}",
        id = instance.id,
        name = instance.name,
        node = instance.node,
        phase = phase(instance)
    ));
    for port in &instance.ports {
        let on_node = || sentence!("port {port} of the node", port = port.node);
        let address = port.address.clone().unwrap_or_else(on_node);
        let port = sentence!("port {port} is at {address}", port = port.container, address = address);
        text.push_str(&output::line(&port));
    }
    if let Some(ssh) = &instance.ssh {
        text.push_str(&output::line(&sentence!("by SSH: `{command}`", command = ssh)));
    }
    for warning in &instance.warnings {
        text.push_str(&output::line(&sentence!("warning: {warning}", warning = warning)));
    }
    let keeps = &instance.keeps;
    for kept in [
        sentence!("a stop keeps {parts}", parts = kept(&keeps.stop)),
        sentence!("another image keeps {parts}", parts = kept(&keeps.reimage)),
        sentence!("a timed release keeps {parts}", parts = kept(&keeps.release)),
    ] {
        text.push_str(&(kept + "\n"));
    }
    text
}

fn kept(parts: &[InstancePart]) -> String {
    if parts.is_empty() {
        return word("nothing");
    }
    let named = |part: &InstancePart| match part {
        InstancePart::Disk => word("its disk"),
        InstancePart::Data => word("its data volume"),
        InstancePart::Ports => word("its ports"),
        InstancePart::Cards => word("its cards"),
    };
    joined(&parts.iter().map(named).collect::<Vec<_>>())
}

/// What an instance was saved as.
pub(super) fn committed(name: &str, saved: &CommittedImage, entry: Option<&str>) -> String {
    let image = format!("{}@{}", saved.image, saved.digest);
    let mut text = output::line(&sentence!("`{name}` is saved as {image}", name = name, image = image));
    if let Some(entry) = entry {
        text.push_str(&output::line(&sentence!("run it: `entrepot run {entry} --spec SPEC`", entry = entry)));
    }
    text
}

/// Why an instance did not come up.
pub(super) fn failure(instance: &Instance) -> Failure {
    let reason = instance.reason.map(|reason| reason.to_string()).unwrap_or_default();
    let detail = instance.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let failure = Failure::new(format!("`{}` did not come up, {reason}{detail}", instance.name));
    failure.with_hint(format!("see what it printed: `entrepot logs {}`", instance.name))
}

/// When an instance ends.
pub(super) fn ends(instance: &Instance) -> String {
    let time =
        |at: Option<entrepot_api::Timestamp>| at.map_or_else(|| sentence!("never"), |at| at.to_string());
    output::line(&sentence!(
        "`{name}` is stopped {stop}, and removed {release}",
        name = instance.name,
        stop = time(instance.stop_at),
        release = time(instance.release_at)
    ))
}

/// What an instance uses.
pub(super) fn usage(name: &str, usage: &InstanceUsage) -> String {
    if !usage.running {
        return output::line(&sentence!("`{name}` does not run", name = name));
    }
    let cores = usage.cores.map_or_else(|| "-".to_owned(), |cores| format!("{cores:.2}"));
    let (memory, limit) = (output::size(usage.memory), output::size(usage.memory_limit));
    let memory = if usage.memory_with_cache {
        sentence!("{memory} of {limit} of memory with cache", memory = memory, limit = limit)
    } else {
        sentence!("{memory} of {limit} of memory", memory = memory, limit = limit)
    };
    output::line(&sentence!(
        "`{name}`: {cores} cores, {memory}, {processes} processes",
        name = name,
        cores = cores,
        memory = memory,
        processes = usage.pids.unwrap_or_default()
    ))
}

/// A table of how often specs fit.
pub(super) fn free(specs: &[FreeSpec]) -> String {
    if specs.is_empty() {
        return sentence!("there are no specs on the shelf") + "\n";
    }
    let columns = [
        Column("SPEC", Left),
        Column("CARDS", Left),
        Column("CORES", Right),
        Column("MEMORY", Right),
        Column("PRICE/H", Right),
        Column("FREE", Right),
    ];
    let rows = specs.iter().map(|free| {
        let spec = &free.spec;
        vec![
            spec.name.clone(),
            cards(spec),
            amounts::shown(spec.cpu_milli, 3),
            Mib::shown(spec.memory_mib),
            amounts::shown(spec.price, 4),
            free.instances.to_string(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// A table of volumes.
pub(super) fn volumes(volumes: &[DataVolume]) -> String {
    if volumes.is_empty() {
        return sentence!("there are no volumes") + "\n";
    }
    let columns =
        [Column("VOLUME", Left), Column("NODE", Right), Column("INSTANCE", Right), Column("CREATED", Left)];
    let rows = volumes.iter().map(|volume| {
        vec![
            volume.name.clone(),
            volume.node.to_string(),
            volume.instance.map_or_else(|| "-".to_owned(), |id| id.to_string()),
            volume.created.to_string(),
        ]
    });
    output::table(&columns, rows.collect())
}

fn phase(instance: &Instance) -> String {
    match instance.reason {
        Some(reason) => {
            sentence!("{phase} ({reason})", phase = word(instance.phase), reason = word(reason))
        }
        None => word(instance.phase),
    }
}

fn ports(instance: &Instance) -> String {
    let ports: Vec<_> =
        instance.ports.iter().map(|port| format!("{}→{}", port.node, port.container)).collect();
    if ports.is_empty() { "-".to_owned() } else { ports.join(" ") }
}

fn cards(spec: &InstanceSpec) -> String {
    if spec.gpu_count == 0 {
        return word("none");
    }
    let model = spec.gpu_model.clone().unwrap_or_else(|| word("any"));
    match spec.gpu_memory_mib {
        Some(mib) => sentence!("{memory} of {model}", memory = Mib::shown(mib), model = model),
        None => format!("{} × {model}", spec.gpu_count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        let text = r#"{"id":7,"name":"train","owner":"ann","entry":{"id":1,"name":"torch","address":"a"},
            "spec":{"id":2,"name":"half","gpu_count":1,"gpu_model":"A100","gpu_memory_mib":40960,"cpu_milli":8000,
            "memory_mib":65536,"price":125000},"node":"n1","image":"a@b","phase":"failed","desired":"stopped",
            "reason":"split-not-effective","detail":"a program sees 81920 MiB","with_cards":true,"cards":[],
            "ports":[{"container":8888,"node":30000,"address":"gpu.example.com:30000"}],"environment":[],
            "ssh":"ssh -p 2222 train@m.example.com",
            "command":null,"data":"/data","split":"not-effective","warnings":["it has no init process"],
            "exit_code":null,"restarts":0,"started":null,"stopped":null,"stop_at":null,
            "release_at":"2026-12-01T00:00:00Z","revision":3,
            "keeps":{"stop":["disk","data"],"reimage":["data"],"release":[]},"created":"2026-11-30T12:00:00Z",
            "changed":"2026-11-30T12:00:00Z"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_instance_is_one_line_with_its_ports() {
        assert_eq!(
            made(&instance()),
            "instance 7: `train` on `n1`, failed (split-not-effective)\n\
             port 8888 is at gpu.example.com:30000\n\
             by SSH: `ssh -p 2222 train@m.example.com`\n\
             warning: it has no init process\n\
             a stop keeps its disk, its data volume\n\
             another image keeps its data volume\n\
             a timed release keeps nothing\n"
        );
        let table = instances(&[instance()]);
        assert!(table.contains("30000→8888") && table.contains("failed (split-not-effective)"), "{table}");
        assert_eq!(instances(&[]), "there are no instances\n");
    }

    #[test]
    fn what_was_saved_is_run_again() {
        let saved = CommittedImage { image: "local/a:1".to_owned(), digest: "sha256:ab".to_owned() };
        assert_eq!(committed("train", &saved, None), "`train` is saved as local/a:1@sha256:ab\n");
        let told = committed("train", &saved, Some("a"));
        assert_eq!(told.lines().nth(1), Some("run it: `entrepot run a --spec SPEC`"));
    }

    #[test]
    fn what_did_not_come_up_says_why() {
        assert_eq!(
            failure(&instance()).to_string(),
            "`train` did not come up, split-not-effective: a program sees 81920 MiB\n\
             hint: see what it printed: `entrepot logs train`"
        );
        assert_eq!(ends(&instance()), "`train` is stopped never, and removed 2026-12-01T00:00:00Z\n");
    }

    #[test]
    fn what_is_free_is_a_table() {
        let free = free(&[FreeSpec { spec: instance().spec, instances: 3 }]);
        assert!(free.lines().nth(1).unwrap().contains("40.0 GiB of A100"), "{free}");
        assert_eq!(volumes(&[]), "there are no volumes\n");
    }

    #[test]
    fn use_is_told_as_far_as_it_is_known() {
        let mut used = InstanceUsage {
            running: true,
            cores: None,
            memory: 1 << 30,
            memory_with_cache: false,
            memory_limit: 4 << 30,
            pids: Some(12),
        };
        assert!(usage("a", &used).starts_with("`a`: - cores, "));
        used.running = false;
        assert_eq!(usage("a", &used), "`a` does not run\n");
    }
}
