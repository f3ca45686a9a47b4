//! Why a node offers no more than it does, and what is to be known about it. Pure.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{DeviceState, FoundDevice, NodeOffer, NodeSettings, NodeStatus};
use serde::{Deserialize, Serialize};

use super::facts::Facts;

/// How far clocks may be apart.
const MAX_CLOCK_SKEW_MS: u64 = 30_000;
/// How full a disk may be, in percent, before it is said, and before nothing new is put on it.
const DISK_NEARLY_FULL: u64 = 85;
const DISK_FULL: u64 = 97;

/// Something about a node that people should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// What.
    pub code: ConditionCode,
    /// More about it, for people; empty if there is no more.
    pub detail: String,
}

/// What there is to be known about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConditionCode {
    /// It does not answer. What runs there may run on.
    Unreachable,
    /// There is no trusted connection to it.
    Tls,
    /// What it is reached with does not open: the key is missing, or it was damaged.
    Sealed,
    /// Its engine is older than Docker 20.10 or Podman 4.3.
    TooOld,
    /// What answers is no engine that is understood.
    NotUsable,
    /// It runs no Linux containers.
    NotLinux,
    /// A certificate ends within a month.
    CertificateEnds,
    /// Its disk is full.
    DiskFull,
    /// Its disk is nearly full.
    DiskNearlyFull,
    /// Its clock is wrong, or ours.
    ClockSkew,
    /// Its engine runs without root: not every limit can be kept.
    Rootless,
    /// Its disk cannot be limited for each container.
    NoDiskQuota,
    /// It has NVIDIA's runtime, and no card was found.
    NoCards,
    /// Its cards have no names of their own: only all of them could be asked for.
    CardsWithoutNames,
    /// Its card driver was updated: what runs goes on, and nothing new starts until the machine is restarted.
    DriverUpdated,
    /// Its card driver does not answer.
    DriverGone,
    /// It has Ascend cards and no runtime for them.
    AscendRuntimeMissing,
    /// NVIDIA's multi-process service runs: cards are not split beside it.
    MpsRuns,
    /// The directory of HAMi-core is missing, or the library is not in it.
    HamiMissing,
    /// It is not known whether HAMi-core is there.
    HamiUnknown,
    /// The driver is one that older versions of HAMi-core hang with.
    DriverUnproven,
}

impl ConditionCode {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Unreachable,
        Self::Tls,
        Self::Sealed,
        Self::TooOld,
        Self::NotUsable,
        Self::NotLinux,
        Self::CertificateEnds,
        Self::DiskFull,
        Self::DiskNearlyFull,
        Self::ClockSkew,
        Self::Rootless,
        Self::NoDiskQuota,
        Self::NoCards,
        Self::CardsWithoutNames,
        Self::DriverUpdated,
        Self::DriverGone,
        Self::AscendRuntimeMissing,
        Self::MpsRuns,
        Self::HamiMissing,
        Self::HamiUnknown,
        Self::DriverUnproven,
    ];

    /// What the node offers at most while this is so.
    pub fn offers(self) -> NodeOffer {
        match self {
            Self::Unreachable
            | Self::Tls
            | Self::Sealed
            | Self::TooOld
            | Self::NotUsable
            | Self::NotLinux
            | Self::DiskFull => NodeOffer::Nothing,
            Self::NoCards
            | Self::CardsWithoutNames
            | Self::DriverUpdated
            | Self::DriverGone
            | Self::AscendRuntimeMissing => NodeOffer::Containers,
            Self::MpsRuns | Self::HamiMissing | Self::HamiUnknown => NodeOffer::Cards,
            Self::CertificateEnds
            | Self::DiskNearlyFull
            | Self::ClockSkew
            | Self::Rootless
            | Self::NoDiskQuota
            | Self::DriverUnproven => NodeOffer::Parts,
        }
    }

    /// Whether only a container can see that, so that it stays known from one look to the next.
    pub(crate) fn is_of_look(self) -> bool {
        matches!(
            self,
            Self::DriverUpdated | Self::DriverGone | Self::MpsRuns | Self::HamiMissing | Self::HamiUnknown
        )
    }

    // Whether the node answers while this is so.
    fn status(self) -> NodeStatus {
        match self {
            Self::Unreachable => NodeStatus::Unknown,
            Self::Tls | Self::Sealed | Self::TooOld | Self::NotUsable | Self::NotLinux => NodeStatus::Failed,
            _ => NodeStatus::Connected,
        }
    }

    /// With more about it.
    pub(crate) fn because(self, detail: impl Into<String>) -> Condition {
        Condition { code: self, detail: detail.into() }
    }

    fn alone(self) -> Condition {
        self.because(String::new())
    }
}

/// What a node offers with all that is known of it.
pub fn offer(conditions: &[Condition]) -> NodeOffer {
    conditions.iter().map(|condition| condition.code.offers()).min().unwrap_or(NodeOffer::Parts)
}

/// Whether a node answers, by all that is known of it.
pub(crate) fn status(conditions: &[Condition]) -> NodeStatus {
    let found = conditions.iter().map(|condition| condition.code.status());
    found.reduce(worse).unwrap_or(NodeStatus::Connected)
}

fn worse(one: NodeStatus, other: NodeStatus) -> NodeStatus {
    match (one, other) {
        (NodeStatus::Failed, _) | (_, NodeStatus::Failed) => NodeStatus::Failed,
        (NodeStatus::Unknown, _) | (_, NodeStatus::Unknown) => NodeStatus::Unknown,
        _ => NodeStatus::Connected,
    }
}

/// Reads what is stored; what cannot be read is nothing.
pub fn read(text: &str) -> Vec<Condition> {
    serde_json::from_str(text).unwrap_or_default()
}

pub(crate) fn written(conditions: &[Condition]) -> String {
    // Words and texts always serialize.
    serde_json::to_string(conditions).unwrap_or_default()
}

/// What is to be known of a node that answers, by what it says of itself.
pub(crate) fn of_engine(facts: &Facts) -> Vec<Condition> {
    let mut found = Vec::new();
    if facts.os != "linux" {
        found.push(ConditionCode::NotLinux.because(&facts.os));
    }
    found.extend(of_disk(facts));
    if let Some(ahead) = facts.clock_ahead_ms.filter(|ahead| ahead.unsigned_abs() > MAX_CLOCK_SKEW_MS) {
        found.push(ConditionCode::ClockSkew.because(format!("{} s", ahead / 1000)));
    }
    if facts.is_rootless {
        found.push(ConditionCode::Rootless.alone());
    }
    if !facts.has_disk_quota {
        found.push(ConditionCode::NoDiskQuota.because(format!("{} on {}", facts.storage, facts.file_system)));
    }
    found
}

fn of_disk(facts: &Facts) -> Option<Condition> {
    let (total, used) = (facts.disk_total?, facts.disk_used?);
    let percent = used.saturating_mul(100).checked_div(total)?;
    let told = |code: ConditionCode| Some(code.because(format!("{percent}%")));
    match percent {
        DISK_FULL.. => told(ConditionCode::DiskFull),
        DISK_NEARLY_FULL.. => told(ConditionCode::DiskNearlyFull),
        _ => None,
    }
}

/// Whether a certificate ends soon. `within` is how long before that it is said.
pub(crate) fn of_certificate(
    ends: Option<SystemTime>,
    now: SystemTime,
    within: Duration,
) -> Option<Condition> {
    let left = ends?.duration_since(now).unwrap_or_default();
    let days = left.as_secs() / 86_400;
    (left <= within).then(|| ConditionCode::CertificateEnds.because(format!("{days} d")))
}

/// What is to be known of a node's Ascend cards. No engine lists them: people say how many there are.
pub(crate) fn of_ascend(settings: &NodeSettings, facts: &Facts) -> Option<Condition> {
    let has_runtime = facts.runtimes.iter().any(|runtime| runtime == "ascend");
    let is_missing = settings.ascend_cards > 0 && !has_runtime;
    is_missing.then(|| ConditionCode::AscendRuntimeMissing.alone())
}

/// Whether there are cards that can be given away one by one.
pub(crate) fn of_cards(facts: &Facts, devices: &[FoundDevice]) -> Option<Condition> {
    let has_runtime = facts.runtimes.iter().any(|runtime| runtime == "nvidia");
    let has_cards = devices.iter().any(|device| device.state != DeviceState::Gone);
    (has_runtime && !has_cards).then(|| ConditionCode::NoCards.alone())
}

/// Whether the driver is one that HAMi-core had trouble with: since 570, older versions of it hang at the first call.
pub(crate) fn of_driver(facts: &Facts) -> Option<Condition> {
    let major: u32 = facts.driver.as_deref()?.split('.').next()?.parse().ok()?;
    (major >= 570).then(|| ConditionCode::DriverUnproven.because(facts.driver.clone().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::checked::example;

    fn facts() -> Facts {
        Facts { os: "linux".into(), has_disk_quota: true, ..Facts::default() }
    }

    fn codes(conditions: &[Condition]) -> Vec<ConditionCode> {
        conditions.iter().map(|condition| condition.code).collect()
    }

    #[test]
    fn a_node_offers_what_its_worst_condition_leaves() {
        use ConditionCode::*;
        for (found, offers, answers) in [
            (vec![], NodeOffer::Parts, NodeStatus::Connected),
            (vec![CertificateEnds, ClockSkew], NodeOffer::Parts, NodeStatus::Connected),
            (vec![Rootless, HamiMissing], NodeOffer::Cards, NodeStatus::Connected),
            (vec![HamiMissing, DriverUpdated], NodeOffer::Containers, NodeStatus::Connected),
            (vec![DriverUpdated, DiskFull], NodeOffer::Nothing, NodeStatus::Connected),
            (vec![TooOld], NodeOffer::Nothing, NodeStatus::Failed),
            // Row 33: whoever does not answer may run on.
            (vec![Unreachable], NodeOffer::Nothing, NodeStatus::Unknown),
            (vec![Unreachable, Sealed], NodeOffer::Nothing, NodeStatus::Failed),
        ] {
            let found: Vec<_> = found.into_iter().map(ConditionCode::alone).collect();
            assert_eq!((offer(&found), status(&found)), (offers, answers), "{found:?}");
            assert_eq!(read(&written(&found)), found);
        }
        assert_eq!(read("nothing"), []);
    }

    #[test]
    fn what_an_engine_says_has_consequences() {
        use ConditionCode::*;
        assert_eq!(of_engine(&facts()), []);
        for (facts, expected) in [
            (Facts { os: "windows".into(), ..facts() }, vec![NotLinux]),
            (
                Facts { is_rootless: true, clock_ahead_ms: Some(-31_000), ..facts() },
                vec![ClockSkew, Rootless],
            ),
            (Facts { clock_ahead_ms: Some(29_000), has_disk_quota: false, ..facts() }, vec![NoDiskQuota]),
            (Facts { disk_total: Some(100), disk_used: Some(85), ..facts() }, vec![DiskNearlyFull]),
            (Facts { disk_total: Some(100), disk_used: Some(97), ..facts() }, vec![DiskFull]),
            (Facts { disk_total: Some(0), disk_used: Some(0), ..facts() }, vec![]),
        ] {
            assert_eq!(codes(&of_engine(&facts)), expected, "{facts:?}");
        }
    }

    // Row 60.
    #[test]
    fn a_certificate_is_said_to_end_a_month_before() {
        let day = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400);
        let month = Duration::from_secs(30 * 86_400);
        assert_eq!(of_certificate(None, day(100), month), None);
        assert_eq!(of_certificate(Some(day(131)), day(100), month), None);
        assert_eq!(of_certificate(Some(day(110)), day(100), month).unwrap().detail, "10 d");
        assert_eq!(of_certificate(Some(day(90)), day(100), month).unwrap().detail, "0 d");
    }

    // Row 31.
    #[test]
    fn cards_without_what_runs_them_are_not_offered() {
        let ascend = NodeSettings { ascend_cards: 8, ..example("a", "unix:///a") };
        let runtime = |name: &str| Facts { runtimes: vec![name.to_owned()], ..facts() };
        assert_eq!(of_ascend(&ascend, &runtime("ascend")), None);
        assert_eq!(of_ascend(&ascend, &runtime("runc")).unwrap().code, ConditionCode::AscendRuntimeMissing);
        assert_eq!(of_ascend(&example("a", "unix:///a"), &runtime("runc")), None);
        assert_eq!(of_cards(&runtime("nvidia"), &[]).unwrap().code, ConditionCode::NoCards);
        assert_eq!(of_cards(&runtime("runc"), &[]), None);
    }

    // Row 09.
    #[test]
    fn drivers_that_older_libraries_hang_with_are_told() {
        let with = |driver: &str| of_driver(&Facts { driver: Some(driver.to_owned()), ..facts() });
        assert_eq!(with("550.54.15"), None);
        assert_eq!(with("595.10").unwrap().detail, "595.10");
        assert_eq!((with("x"), of_driver(&facts())), (None, None));
    }
}
