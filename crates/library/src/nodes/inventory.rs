//! Which cards a node has, by all that is known. Pure.

use std::collections::BTreeSet;

use entrepot_catalog::{DeviceState, DeviceVendor, FoundDevice, NodeSettings};

use super::survey::{Survey, SurveyedCard};

/// What NVIDIA's cards are called in the container device interface, before their own names.
const KIND: &str = "nvidia.com/gpu=";
/// What a card is called as long as nobody has looked at it.
const UNKNOWN_MODEL: &str = "NVIDIA";

/// What is known of a node's cards.
pub(crate) struct CardSources<'a> {
    /// What people said.
    pub(crate) settings: &'a NodeSettings,
    /// How they were found before.
    pub(crate) before: &'a [FoundDevice],
    /// What the engine lists of the container device interface; empty where it lists nothing.
    pub(crate) cdi: &'a BTreeSet<String>,
    /// What a look at them showed, if there was one.
    pub(crate) survey: Option<&'a Survey>,
    /// Whether the engine has a runtime for Ascend.
    pub(crate) has_ascend_runtime: bool,
}

/// The cards that a node has. A look that showed nothing hides nothing.
pub(crate) fn cards(sources: &CardSources<'_>) -> Vec<FoundDevice> {
    let survey = sources.survey.filter(|survey| !survey.cards.is_empty());
    let mut found = match survey {
        Some(survey) => surveyed(survey, sources.cdi),
        None => listed(sources.before, sources.cdi),
    };
    found.extend(ascend(sources));
    found
}

/// Whether the interface has cards, and none of them by a name of its own: then nothing could be asked for but all.
pub(crate) fn lacks_names(cdi: &BTreeSet<String>) -> bool {
    let mut names = cdi.iter().filter_map(|name| name.strip_prefix(KIND)).peekable();
    names.peek().is_some() && names.all(|name| name == "all")
}

fn surveyed(survey: &Survey, cdi: &BTreeSet<String>) -> Vec<FoundDevice> {
    let card = |(position, card): (usize, &SurveyedCard)| FoundDevice {
        uuid: card.uuid.clone(),
        position: u32::try_from(position).unwrap_or(u32::MAX),
        vendor: DeviceVendor::Nvidia,
        model: card.model.clone(),
        cdi_name: cdi_name(cdi, &card.uuid).or_else(|| cdi_name(cdi, &position.to_string())),
        memory_mib: card.memory_mib,
        used_mib: card.used_mib,
        state: if card.is_mig { DeviceState::Mig } else { DeviceState::Healthy },
        detail: card.is_exclusive.then(|| "Exclusive_Process".to_owned()),
    };
    survey.cards.iter().enumerate().map(card).collect()
}

fn cdi_name(cdi: &BTreeSet<String>, name: &str) -> Option<String> {
    Some(format!("{KIND}{name}")).filter(|name| cdi.contains(name))
}

// By the names that the engine lists, with what was known of them; where it lists none, as they were.
fn listed(before: &[FoundDevice], cdi: &BTreeSet<String>) -> Vec<FoundDevice> {
    let of_nvidia = before.iter().filter(|device| device.vendor == DeviceVendor::Nvidia);
    let is_there = |device: &&FoundDevice| device.state != DeviceState::Gone;
    if !cdi.iter().any(|name| name.starts_with(KIND)) {
        return of_nvidia.filter(is_there).cloned().collect();
    }
    let uuids = cdi.iter().filter_map(|name| name.strip_prefix(KIND)).filter(|name| name.starts_with("GPU-"));
    let known = |(position, uuid): (usize, &str)| {
        let before = of_nvidia.clone().find(|device| device.uuid == uuid);
        let revived = before.map(|device| match device.state {
            DeviceState::Gone => FoundDevice { state: DeviceState::Healthy, detail: None, ..device.clone() },
            _ => device.clone(),
        });
        revived.unwrap_or_else(|| FoundDevice {
            uuid: uuid.to_owned(),
            position: u32::try_from(position).unwrap_or(u32::MAX),
            vendor: DeviceVendor::Nvidia,
            model: UNKNOWN_MODEL.to_owned(),
            cdi_name: Some(format!("{KIND}{uuid}")),
            memory_mib: None,
            used_mib: None,
            state: DeviceState::Healthy,
            detail: None,
        })
    };
    uuids.enumerate().map(known).collect()
}

// People say how many there are; without the runtime, there are none to give away.
fn ascend(sources: &CardSources<'_>) -> Vec<FoundDevice> {
    let count = if sources.has_ascend_runtime { sources.settings.ascend_cards } else { 0 };
    let card = |position: u32| FoundDevice {
        uuid: format!("ascend-{position}"),
        position,
        vendor: DeviceVendor::Ascend,
        model: sources.settings.ascend_model.clone(),
        cdi_name: None,
        memory_mib: sources.settings.ascend_memory_mib,
        used_mib: None,
        state: DeviceState::Healthy,
        detail: None,
    };
    (0..count).map(card).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::{checked::example, survey::tests::REPORT};

    fn cdi(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| format!("{KIND}{name}")).collect()
    }

    fn found(before: &[FoundDevice], names: &[&str], survey: Option<&Survey>) -> Vec<FoundDevice> {
        let settings = example("a", "unix:///a");
        let names = cdi(names);
        cards(&CardSources { settings: &settings, before, cdi: &names, survey, has_ascend_runtime: true })
    }

    fn names(found: &[FoundDevice]) -> Vec<(&str, Option<&str>, u32)> {
        found
            .iter()
            .map(|device| (device.uuid.as_str(), device.cdi_name.as_deref(), device.position))
            .collect()
    }

    // Row 16, L21, L25.
    #[test]
    fn cards_are_known_by_names_of_their_own() {
        let survey = Survey::read(REPORT);
        let all = found(&[], &["GPU-aaaa", "0", "1", "2", "all"], Some(&survey));
        assert_eq!(
            names(&all),
            [
                ("GPU-aaaa", Some("nvidia.com/gpu=GPU-aaaa"), 0),
                ("GPU-bbbb", Some("nvidia.com/gpu=1"), 1),
                ("GPU-cccc", Some("nvidia.com/gpu=2"), 2),
            ]
        );
        assert_eq!(all[1].state, DeviceState::Mig, "it is cut already");
        assert_eq!(all[2].memory_mib, None, "it has no memory of its own: never split");
        let without = found(&[], &["all"], Some(&survey));
        assert!(without.iter().all(|device| device.cdi_name.is_none()), "never all");
    }

    #[test]
    fn only_all_is_no_name() {
        assert!(lacks_names(&cdi(&["all"])));
        assert!(!lacks_names(&cdi(&["all", "0"])) && !lacks_names(&cdi(&[])));
        assert!(!lacks_names(&BTreeSet::from(["other.com/npu=all".to_owned()])));
    }

    // Row 26: a driver that comes later is found, and a look that shows nothing hides nothing.
    #[test]
    fn what_was_known_stays_known() {
        let survey = Survey::read(REPORT);
        let before = found(&[], &["GPU-aaaa"], Some(&survey));
        assert_eq!(found(&before, &[], None), before);
        assert_eq!(found(&before, &[], Some(&Survey::default())), before);
        // The engine lists one of them, and a new one.
        let now = found(&before, &["GPU-bbbb", "GPU-zzzz", "all"], None);
        assert_eq!((now[0].uuid.as_str(), now[0].memory_mib), ("GPU-bbbb", Some(81_920)));
        assert_eq!((now[1].uuid.as_str(), now[1].model.as_str()), ("GPU-zzzz", UNKNOWN_MODEL));
        assert_eq!(now.len(), 2);
        let gone = FoundDevice { state: DeviceState::Gone, ..before[0].clone() };
        assert_eq!(found(std::slice::from_ref(&gone), &[], None), []);
        assert_eq!(found(&[gone], &["GPU-aaaa"], None)[0].state, DeviceState::Healthy, "it is back");
    }

    // Row 31.
    #[test]
    fn ascend_cards_are_there_with_their_runtime() {
        let settings = NodeSettings {
            ascend_cards: 2,
            ascend_model: "Ascend 910B4".into(),
            ascend_memory_mib: Some(32_768),
            ..example("a", "unix:///a")
        };
        let of = |has_ascend_runtime| {
            let none = BTreeSet::new();
            cards(&CardSources {
                settings: &settings,
                before: &[],
                cdi: &none,
                survey: None,
                has_ascend_runtime,
            })
        };
        let both = of(true);
        assert_eq!(names(&both), [("ascend-0", None, 0), ("ascend-1", None, 1)]);
        assert_eq!((both[0].vendor, both[0].memory_mib), (DeviceVendor::Ascend, Some(32_768)));
        assert_eq!(of(false), []);
    }
}
