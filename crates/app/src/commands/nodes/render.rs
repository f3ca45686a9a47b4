//! Tables and sentences about nodes.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Device, Node, NodeFacts};

use crate::{
    commands::amounts::{self, Mib},
    failure::told,
    output::{self, Column, sentence, size, word},
};

/// A table of nodes.
pub(super) fn nodes(nodes: &[Node]) -> String {
    if nodes.is_empty() {
        return sentence!("there are no nodes") + "\n";
    }
    let columns = [
        Column("ID", Right),
        Column("NAME", Left),
        Column("REGION", Left),
        Column("STATUS", Left),
        Column("OFFERS", Left),
        Column("ENGINE", Left),
        Column("CARDS", Left),
        Column("CORES", Right),
        Column("MEMORY", Right),
        Column("ADDRESS", Left),
    ];
    let rows = nodes.iter().map(|node| {
        vec![
            node.id.to_string(),
            node.name.clone(),
            or_none(&node.region),
            word(node.status),
            offers(node),
            or_none(&engine(&node.facts)),
            cards(&node.devices),
            node.cpu_milli.map_or_else(none, |milli| amounts::shown(milli, 3)),
            node.memory_mib.map_or_else(none, Mib::shown),
            node.address.clone(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// A node, its cards, and what there is to be known.
pub(super) fn node(node: &Node) -> String {
    let place = sentence!("`{name}` at {address}", name = node.name, address = node.address);
    let mut text = output::line(&sentence!(
        "node {id}: {place}, {status}, offers {offers}",
        id = node.id,
        place = place,
        status = word(node.status),
        offers = offers(node)
    ));
    let facts = &node.facts;
    if !facts.product.is_empty() {
        let (engine, architecture) = (engine(facts), &facts.architecture);
        text.push_str(&output::line(&sentence!(
            "{engine} on {system} ({architecture})",
            engine = engine,
            system = facts.system,
            architecture = architecture
        )));
    }
    if let (Some(total), Some(used)) = (facts.disk_total, facts.disk_used) {
        let disk = sentence!("disk: {used} of {total} in use", used = size(used), total = size(total));
        text.push_str(&output::line(&disk));
    }
    if let Some(driver) = &facts.driver {
        let cuda = facts.cuda.as_ref().map(|cuda| format!(", CUDA {cuda}")).unwrap_or_default();
        text.push_str(&output::line(&sentence!("driver: {driver}", driver = format!("{driver}{cuda}"))));
    }
    for condition in &node.conditions {
        let detail =
            condition.detail.as_ref().map(|detail| format!(" ({})", told(detail))).unwrap_or_default();
        text.push_str(&output::line(&format!("{}: {}{detail}", condition.code, condition.text)));
    }
    if !node.devices.is_empty() {
        text.push_str(&devices(&node.devices));
    }
    text
}

fn devices(devices: &[Device]) -> String {
    let columns = [
        Column("CARD", Right),
        Column("UUID", Left),
        Column("MODEL", Left),
        Column("MEMORY (of a card)", Right),
        Column("IN USE", Right),
        Column("STATE", Left),
    ];
    let rows = devices.iter().map(|card| {
        vec![
            card.position.to_string(),
            card.uuid.clone(),
            card.model.clone(),
            card.memory_mib.map_or_else(none, Mib::shown),
            card.used_mib.map_or_else(none, Mib::shown),
            word(card.state),
        ]
    });
    output::table(&columns, rows.collect())
}

fn offers(node: &Node) -> String {
    if node.drained { word("nothing (drained)") } else { word(node.offers) }
}

fn engine(facts: &NodeFacts) -> String {
    format!("{} {}", facts.product, facts.release).trim().to_owned()
}

// The cards of each model, in the order of their positions.
fn cards(devices: &[Device]) -> String {
    let mut models: Vec<(&str, usize)> = Vec::new();
    for card in devices {
        match models.iter_mut().find(|(model, _)| *model == card.model) {
            Some((_, count)) => *count += 1,
            None => models.push((&card.model, 1)),
        }
    }
    let told: Vec<String> = models.into_iter().map(|(model, count)| format!("{count} × {model}")).collect();
    or_none(&told.join(", "))
}

fn or_none(text: &str) -> String {
    if text.is_empty() { none() } else { text.to_owned() }
}

fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Node {
        let facts = r#"{"product":"Docker","release":"28.5.1","api":"1.51","os":"linux","architecture":"amd64","kernel":"6.12",
            "host_name":"gpu-1","system":"Debian 12","storage":"overlay2","file_system":"xfs","has_disk_quota":true,
            "runtimes":["nvidia"],"is_rootless":false,"image_bytes":1,"volume_bytes":1,"disk_total":1073741824,
            "disk_used":536870912,"clock_ahead_ms":0,"driver":"550.54.15","cuda":"12.4","warnings":[]}"#;
        let card = |uuid: &str, position: u32| {
            format!(
                r#"{{"uuid":"{uuid}","position":{position},"vendor":"nvidia","model":"NVIDIA A100","cdi_name":null,
                "memory_mib":81920,"used_mib":null,"state":"healthy","detail":null,"seen":"2026-11-30T12:00:00Z"}}"#
            )
        };
        let text = format!(
            r#"{{"id":1,"name":"gpu-1","region":"","address":"tcp://10.0.0.1:2376","has_tls":true,"certificate_ends":null,
            "public_host":null,"pull_via":"mirror","mirror_url":null,"hami_core":"/root/HAMi-core/build",
            "strict_split":false,"drained":false,"ascend":null,"remark":"","status":"connected","offers":"cards",
            "conditions":[{{"code":"hami-missing","offers":"cards","text":"not there","detail":"/x"}}],
            "facts":{facts},"cpu_milli":64000,"memory_mib":524288,"devices":[{},{}],"seen":null,"checked":null,
            "created_by":"admin","revision":1,"created":"2026-11-30T12:00:00Z","changed":"2026-11-30T12:00:00Z"}}"#,
            card("GPU-a", 0),
            card("GPU-b", 1)
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_node_says_what_it_offers_and_why_no_more() {
        let text = node(&example());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "node 1: `gpu-1` at tcp://10.0.0.1:2376, connected, offers cards");
        assert_eq!(lines[1], "Docker 28.5.1 on Debian 12 (amd64)");
        assert_eq!(lines[2], "disk: 512.0 MiB of 1.0 GiB in use");
        assert_eq!(lines[3], "driver: 550.54.15, CUDA 12.4");
        assert_eq!(lines[4], "hami-missing: not there (/x)");
        assert!(lines[6].contains("GPU-a") && lines[6].contains("80.0 GiB"), "{text}");
    }

    #[test]
    fn a_list_counts_cards() {
        let drained = Node { drained: true, devices: Vec::new(), ..example() };
        let table = nodes(&[example(), drained]);
        assert!(table.contains("2 × NVIDIA A100") && table.contains("nothing (drained)"), "{table}");
        assert_eq!(nodes(&[]), "there are no nodes\n");
    }
}
