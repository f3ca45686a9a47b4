//! Events and their facts, which are the `data` of what is sent.

use serde::{Deserialize, Serialize};

use crate::kind::EventKind;

/// What happened. As JSON it has its name as `type` and its facts as `data`; facts may get more fields, and none goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A sync failed that did not fail before.
    #[serde(rename = "sync.failed")]
    SyncFailed(SyncRun),
    /// A sync left images that are not what they are at their source.
    #[serde(rename = "sync.behind")]
    SyncBehind(SyncRun),
    /// A sync that failed or was behind is in order again.
    #[serde(rename = "sync.recovered")]
    SyncRecovered(SyncRun),
    /// A sync found tags at a destination that no rule writes.
    #[serde(rename = "prune.waiting")]
    PruneWaiting(PruneWaiting),
    /// Somebody's request for an image has ended.
    #[serde(rename = "request.done")]
    RequestDone(RequestDone),
    /// Few pulls are left of what an upstream allows.
    #[serde(rename = "budget.low")]
    BudgetLow(BudgetLow),
    /// The disk is nearly full.
    #[serde(rename = "disk.low")]
    DiskLow(DiskLow),
    /// The mirror offers more or less than before.
    #[serde(rename = "mode.changed")]
    ModeChanged(ModeChanged),
    /// A comparison of stored bytes with their digests found some that are wrong.
    #[serde(rename = "scrub.found")]
    ScrubFound(ScrubFound),
    /// A card is free for somebody who waits for one.
    #[serde(rename = "card.free")]
    CardFree(CardFree),
    /// No new certificate can be had from the authority.
    #[serde(rename = "certificate.failed")]
    CertificateFailed(CertificateFailed),
    /// Somebody tries a webhook.
    #[serde(rename = "test")]
    Test {},
}

/// A run of a rule that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRun {
    /// The rule.
    pub rule: String,
    /// The run.
    pub run: String,
    /// How it ended.
    pub state: SyncRunState,
    /// How many copies failed.
    pub failed: u64,
    /// How many were put off, such as for the pulls that a registry allows.
    pub postponed: u64,
    /// What stopped the run as a whole.
    pub problem: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncRunState {
    /// Everything is as it should be.
    Done,
    /// Nothing failed, and something was put off.
    Behind,
    /// Something failed.
    Failed,
}

/// Tags that would be removed, and are not before somebody approves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneWaiting {
    /// The list, as `entrepot sync prune show` takes it.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// How many tags there are.
    pub tags: u64,
    /// Some of them, as `registry/repository:tag`.
    pub some: Vec<String>,
}

/// A request for an image that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDone {
    /// The request.
    pub id: String,
    /// The image, in full.
    pub image: String,
    /// What came of it.
    pub result: RequestResult,
    /// Why, if it failed.
    pub problem: Option<String>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestResult {
    /// The image is here.
    Done,
    /// It could not be fetched.
    Failed,
    /// Somebody took the request back.
    Cancelled,
}

/// What is left of the pulls that an upstream allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLow {
    /// The upstream.
    pub registry: String,
    /// The user name that we have there, if it is that one's budget.
    pub account: Option<String>,
    /// How many pulls are left in this window.
    pub remaining: u64,
    /// How many there are in a window.
    pub limit: u64,
}

/// A disk that is nearly full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLow {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes in all.
    pub size: u64,
}

/// A change of what the mirror offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChanged {
    /// The mode so far.
    pub from: String,
    /// The mode from now on.
    pub to: String,
    /// What changed it: a condition such as `disk 96 %`, or who did.
    pub cause: String,
}

/// What a comparison of stored bytes with their digests found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubFound {
    /// How many blobs and manifests were looked at.
    pub checked: u64,
    /// How many of them are not what their digest says, or are missing.
    pub wrong: u64,
    /// How many of those were fetched again.
    pub repaired: u64,
}

/// A card that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardFree {
    /// The spec.
    pub spec: String,
    /// How many instances of it could be made now.
    pub free: u64,
    /// The accounts that wait for it.
    pub accounts: Vec<String>,
}

/// Several tries in a row brought no certificate; more follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateFailed {
    /// Why, at the last try.
    pub problem: String,
    /// How long the certificate in use is good, in seconds; `None` if there is none of an authority.
    pub good_for: Option<u64>,
}

impl Event {
    /// Its name.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::SyncFailed(_) => EventKind::SyncFailed,
            Self::SyncBehind(_) => EventKind::SyncBehind,
            Self::SyncRecovered(_) => EventKind::SyncRecovered,
            Self::PruneWaiting(_) => EventKind::PruneWaiting,
            Self::RequestDone(_) => EventKind::RequestDone,
            Self::BudgetLow(_) => EventKind::BudgetLow,
            Self::DiskLow(_) => EventKind::DiskLow,
            Self::ModeChanged(_) => EventKind::ModeChanged,
            Self::ScrubFound(_) => EventKind::ScrubFound,
            Self::CardFree(_) => EventKind::CardFree,
            Self::CertificateFailed(_) => EventKind::CertificateFailed,
            Self::Test {} => EventKind::Test,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn one_of_each() -> Vec<(Event, Value)> {
        let run = |state| SyncRun {
            rule: "base".to_owned(),
            run: "7".to_owned(),
            state,
            failed: 1,
            postponed: 2,
            problem: None,
        };
        let run_json = |state: &str| json!({"rule": "base", "run": "7", "state": state, "failed": 1, "postponed": 2, "problem": null});
        let of_syncs = [
            (Event::SyncFailed(run(SyncRunState::Failed)), run_json("failed")),
            (Event::SyncBehind(run(SyncRunState::Behind)), run_json("behind")),
            (Event::SyncRecovered(run(SyncRunState::Done)), run_json("done")),
        ];
        of_syncs.into_iter().chain(others()).collect()
    }

    fn others() -> Vec<(Event, Value)> {
        vec![
            (
                Event::PruneWaiting(PruneWaiting {
                    id: "8".to_owned(),
                    rule: "base".to_owned(),
                    tags: 2,
                    some: vec!["q.io/a:1".to_owned()],
                }),
                json!({"id": "8", "rule": "base", "tags": 2, "some": ["q.io/a:1"]}),
            ),
            (
                Event::RequestDone(RequestDone {
                    id: "9".to_owned(),
                    image: "docker.io/library/nginx:1".to_owned(),
                    result: RequestResult::Failed,
                    problem: Some("it is not there".to_owned()),
                }),
                json!({"id": "9", "image": "docker.io/library/nginx:1", "result": "failed", "problem": "it is not there"}),
            ),
            (
                Event::BudgetLow(BudgetLow {
                    registry: "docker.io".to_owned(),
                    account: None,
                    remaining: 3,
                    limit: 100,
                }),
                json!({"registry": "docker.io", "account": null, "remaining": 3, "limit": 100}),
            ),
            (Event::DiskLow(DiskLow { free: 1, size: 20 }), json!({"free": 1, "size": 20})),
            (
                Event::ModeChanged(ModeChanged {
                    from: "normal".to_owned(),
                    to: "cached-only".to_owned(),
                    cause: "disk 96 %".to_owned(),
                }),
                json!({"from": "normal", "to": "cached-only", "cause": "disk 96 %"}),
            ),
            (
                Event::ScrubFound(ScrubFound { checked: 10, wrong: 2, repaired: 1 }),
                json!({"checked": 10, "wrong": 2, "repaired": 1}),
            ),
            (
                Event::CardFree(CardFree {
                    spec: "A100".to_owned(),
                    free: 1,
                    accounts: vec!["alice".to_owned()],
                }),
                json!({"spec": "A100", "free": 1, "accounts": ["alice"]}),
            ),
            (
                Event::CertificateFailed(CertificateFailed { problem: "no".to_owned(), good_for: None }),
                json!({"problem": "no", "good_for": null}),
            ),
            (Event::Test {}, json!({})),
        ]
    }

    #[test]
    fn the_form_on_the_wire_is_kept() {
        let all = one_of_each();
        for (event, data) in &all {
            let written = serde_json::to_value(event).unwrap();
            assert_eq!(written, json!({"type": event.kind().as_str(), "data": data}));
            assert_eq!(serde_json::from_value::<Event>(written).unwrap(), *event);
        }
        let kinds: Vec<_> =
            all.iter().map(|(event, _)| event.kind()).filter(|kind| *kind != EventKind::Test).collect();
        assert_eq!(kinds, EventKind::ALL, "one of each");
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for kind in EventKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("test".parse::<EventKind>().is_err(), "nobody asks for it");
        assert!("sync".parse::<EventKind>().is_err());
    }
}
