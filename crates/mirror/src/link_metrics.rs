//! The counters of links for `/metrics`, read when somebody asks.

use entrepot_remote::{LinkState, LinkStatus, LinkTable};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// The counters of all links. There is a line for each that the configuration names, so they are few.
#[derive(Debug)]
pub struct LinkMetrics(LinkTable);

impl LinkMetrics {
    /// Those of this table.
    pub fn new(table: LinkTable) -> Self {
        Self(table)
    }
}

/// A counter, by what it is called, what it counts, and where its number is.
type CounterOf = (&'static str, &'static str, fn(&LinkStatus) -> u64);

const COUNTERS: [CounterOf; 3] = [
    ("entrepot_link_bytes_received", "Bytes received over a link", |link| link.received),
    ("entrepot_link_bytes_sent", "Bytes sent over a link", |link| link.sent),
    ("entrepot_link_failures", "How often a link failed or was refused", |link| link.failures),
];

const GAUGES: [CounterOf; 3] = [
    ("entrepot_link_up", "1 if a link is used, 0 if it rests or is absent", |link| {
        u64::from(is_up(link.state))
    }),
    ("entrepot_link_requests", "Requests under way over a link", |link| link.active as u64),
    (
        "entrepot_link_bytes_per_second",
        "What a link carried lately, as measured while it was in use",
        |link| link.measured.unwrap_or_default(),
    ),
];

fn is_up(state: LinkState) -> bool {
    matches!(state, LinkState::Ready | LinkState::OnTrial)
}

impl Collector for LinkMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let links = self.0.statuses();
        if links.is_empty() {
            return Ok(());
        }
        for (name, help, of) in COUNTERS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for link in &links {
                let labels = [("link", link.name.as_str())];
                ConstCounter::new(of(link)).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, of) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for link in &links {
                let labels = [("link", link.name.as_str())];
                let value = i64::try_from(of(link)).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use entrepot_remote::{Remote, RemoteSettings};
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    #[test]
    fn each_link_has_its_lines_and_there_are_none_without_links() {
        let table = LinkTable::default();
        let mut registry = Registry::default();
        registry.register_collector(Box::new(LinkMetrics::new(table.clone())));
        let written = |registry: &Registry| {
            let mut lines = String::new();
            text::encode(&mut lines, registry).unwrap();
            lines
        };
        assert!(!written(&registry).contains("link"));
        let links = [r#"{"proxy":"socks5://10.0.0.2:1080","username":"me","password":"canary"}"#, "{}"];
        let links = links.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let settings = RemoteSettings { links, link_table: table, ..RemoteSettings::default() };
        let _remote = Remote::new("quay.io".parse().unwrap(), &settings).unwrap();
        let lines = written(&registry);
        for line in [
            "entrepot_link_bytes_received_total{link=\"socks5://me@10.0.0.2:1080\"} 0",
            "entrepot_link_failures_total{link=\"direct\"} 0",
            "entrepot_link_up{link=\"direct\"} 1",
        ] {
            assert!(lines.contains(line), "{line} in {lines}");
        }
        assert!(!lines.contains("canary"));
    }
}
