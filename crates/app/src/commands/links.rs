//! `entrepot links`: how the links are that registries are reached over.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{Link, LinkList};

use crate::{
    client::ServerTarget,
    failure::{Failure, told},
    output::{self, Column, Output, sentence, word},
    runtime,
};

/// The arguments of `links`.
#[derive(Debug)]
pub(crate) struct Links {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
}

/// Asks a server.
pub(crate) fn run(Links { to }: Links) -> Result<(), Failure> {
    let (output, client) = (to.output, to.client()?);
    let none: [(&str, &str); 0] = [];
    let links: LinkList = runtime::build()?
        .block_on(client.get(&["links"], &none))
        .map_err(|fault| fault.explained(client.server()))?;
    match output {
        Output::Json => output::print_json(&links),
        Output::Text => output::print(&table(&links)),
    }
}

fn table(LinkList { links }: &LinkList) -> String {
    if links.is_empty() {
        return sentence!("there are no links: registries are reached the usual way") + "\n";
    }
    let columns = [
        Column("LINK", Left),
        Column("REGISTRIES", Left),
        Column("STATE", Left),
        Column("RATE", Right),
        Column("MEASURED", Right),
        Column("RECEIVED", Right),
        Column("FAILURES", Right),
        Column("LAST FAILURE", Left),
    ];
    let rests = links.iter().flat_map(|link| link.rests.iter().map(move |rest| (link, rest)));
    let rests = rests.map(|(link, rest)| {
        output::line(&sentence!(
            "{link} rests for {registry} for another {seconds} s: {reason}",
            link = link.name,
            registry = rest.registry,
            seconds = rest.seconds,
            reason = word(rest.reason)
        ))
    });
    let seen = links.iter().filter_map(|link| {
        let seen = link.seen_as.as_ref()?;
        Some(output::line(&sentence!("{link} is seen as {address}", link = link.name, address = seen)))
    });
    let more: String = rests.chain(seen).collect();
    format!("{}{more}", output::table(&columns, links.iter().map(row).collect()))
}

fn row(link: &Link) -> Vec<String> {
    let last = link.last_failure.as_ref();
    vec![
        link.name.clone(),
        link.registries.join(" "),
        word(link.state),
        link.rate.clone().unwrap_or_else(|| "-".to_owned()),
        link.measured.map_or_else(|| "-".to_owned(), |bytes| format!("{}/s", output::size(bytes))),
        output::size(link.received),
        link.failures.to_string(),
        last.map_or_else(|| "-".to_owned(), |last| format!("{} ({})", told(&last.detail), last.at)),
    ]
}

#[cfg(test)]
mod tests {
    use entrepot_api::{LinkFailure, LinkReason, LinkRest, LinkState};

    use super::*;

    #[test]
    fn links_are_a_table_and_what_they_rest_for() {
        let link = Link {
            name: "socks5://10.0.0.2:1080".to_owned(),
            registries: vec!["docker.io".to_owned(), "quay.io".to_owned()],
            state: LinkState::Resting,
            rate: Some("30Mbit/s".to_owned()),
            measured: Some(3 << 20),
            active: 2,
            received: 5 << 20,
            sent: 0,
            failures: 1,
            last_failure: Some(LinkFailure {
                at: "2026-05-01T12:34:56Z".parse().unwrap(),
                reason: LinkReason::Broken,
                detail: "the connection broke".to_owned(),
            }),
            rests: vec![LinkRest { registry: "quay.io".to_owned(), seconds: 7, reason: LinkReason::Limited }],
            seen_as: Some("203.0.113.7".to_owned()),
        };
        let shown = table(&LinkList { links: vec![link] });
        for text in [
            "socks5://10.0.0.2:1080",
            "docker.io quay.io",
            "resting",
            "3.0 MiB/s",
            "the connection broke (2026-05-01T12:34:56Z)",
            "rests for quay.io for another 7 s: limited\n",
            "is seen as 203.0.113.7\n",
        ] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        assert_eq!(table(&LinkList::default()), "there are no links: registries are reached the usual way\n");
    }
}
