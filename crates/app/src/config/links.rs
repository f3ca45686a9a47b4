//! Checks the links of all registries beside each other. Pure.

use std::collections::BTreeMap;

use entrepot_remote::LinkSettings;

use super::sections::Registry;

/// What is wrong with a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LinkProblem<'a> {
    /// The registry, as written.
    pub(super) registry: &'a str,
    /// Which of its links.
    pub(super) index: usize,
    /// The key that it is about; empty for the whole link.
    pub(super) key: &'static str,
    /// The fact.
    pub(super) what: String,
    /// The way out.
    pub(super) hint: String,
}

/// The first problem.
pub(super) fn problem(registries: &BTreeMap<String, Registry>) -> Option<LinkProblem<'_>> {
    let mut seen: Vec<(&str, &LinkSettings)> = Vec::new();
    for (registry, section) in registries {
        for (index, link) in section.links.iter().enumerate() {
            let found = alone(link).or_else(|| beside(registry, link, &seen));
            if let Some((key, what, hint)) = found {
                return Some(LinkProblem { registry, index, key, what, hint });
            }
            seen.push((registry, link));
        }
    }
    None
}

type LinkConflict = (&'static str, String, String);

fn alone(link: &LinkSettings) -> Option<LinkConflict> {
    let fault = link.fault()?;
    Some((fault.key(), fault.to_string(), fault.hint().to_owned()))
}

// A link that several registries use has one rate, which they share.
fn beside(registry: &str, link: &LinkSettings, seen: &[(&str, &LinkSettings)]) -> Option<LinkConflict> {
    let same = seen.iter().filter(|(_, other)| other.is_same_way(link));
    same.map(|(other, before)| (*other, before.rate)).find_map(|(other, rate)| {
        let name = link.name();
        if other == registry {
            let hint = "name each way once; its requests are spread over connections without that";
            return Some(("", format!("the link `{name}` is there twice"), hint.to_owned()));
        }
        let written = |rate: Option<_>| {
            rate.map_or_else(|| "none".to_owned(), |rate: entrepot_oci::Rate| rate.to_string())
        };
        (rate != link.rate).then(|| {
            let what =
                format!("the rate of the link `{name}` is another one ({}) under `{other}`", written(rate));
            ("rate", what, "registries share a link, and its rate: write the same under both".to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registries(links: &[(&str, &[&str])]) -> BTreeMap<String, Registry> {
        let read = |links: &[&str]| links.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let of = |(name, links): &(&str, &[&str])| {
            ((*name).to_owned(), Registry { links: read(links), ..Registry::default() })
        };
        links.iter().map(of).collect()
    }

    #[test]
    fn links_are_checked_beside_each_other() {
        let (slow, fast) =
            (r#"{"source":"10.0.0.4","rate":"30Mbit/s"}"#, r#"{"source":"10.0.0.4","rate":"60Mbit/s"}"#);
        let other = r#"{"proxy":"http://10.0.0.5:3128"}"#;
        assert_eq!(problem(&registries(&[("docker.io", &[slow, other]), ("quay.io", &[slow])])), None);
        let found = |links: &[(&str, &[&str])]| {
            let registries = registries(links);
            let problem = problem(&registries).unwrap();
            (problem.registry.to_owned(), problem.index, problem.key, problem.what)
        };
        let (registry, index, key, what) = found(&[("docker.io", &[slow]), ("quay.io", &[other, fast])]);
        assert_eq!((registry.as_str(), index, key), ("quay.io", 1, "rate"));
        assert!(what.contains("(30Mbit/s) under `docker.io`"), "{what}");
        let (_, index, key, what) = found(&[("docker.io", &[other, other])]);
        assert_eq!((index, key), (1, ""));
        assert!(what.contains("is there twice"), "{what}");
        let (_, _, key, _) = found(&[("docker.io", &[r#"{"source":"0.0.0.0"}"#])]);
        assert_eq!(key, "source");
    }
}
