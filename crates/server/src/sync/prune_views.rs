//! Lists of tags that no rule writes as the JSON API has them. Pure.

use std::time::SystemTime;

use entrepot_api as api;
use entrepot_catalog::{Listing, PruneOutcome, PruneRecord, PruneStatus, PruneTag};
use entrepot_scheduler::PruneDetail;

pub(super) fn list(page: Listing<PruneRecord>, now: SystemTime) -> api::PruneList {
    let prunes = page.rows.into_iter().map(|record| prune(record, now));
    api::PruneList { prunes: prunes.collect(), more: page.more }
}

pub(super) fn detail(detail: PruneDetail, now: SystemTime) -> api::PruneDetail {
    api::PruneDetail {
        prune: prune(detail.prune, now),
        tags: detail.tags.into_iter().map(tag).collect(),
        more: detail.more,
    }
}

pub(super) fn prune(record: PruneRecord, now: SystemTime) -> api::Prune {
    api::Prune {
        id: record.id.to_string(),
        rule: record.rule,
        run: api::RunId::new(record.run.to_string()),
        digest: record.digest.to_string(),
        tags: record.tags,
        created: record.created.into(),
        expires: record.expires.into(),
        status: match record.status {
            PruneStatus::Waiting if now >= record.expires => api::PruneStatus::Expired,
            PruneStatus::Waiting => api::PruneStatus::Waiting,
            PruneStatus::Approved => api::PruneStatus::Approved,
            PruneStatus::Done => api::PruneStatus::Done,
            PruneStatus::Rejected => api::PruneStatus::Rejected,
            PruneStatus::Replaced => api::PruneStatus::Replaced,
            PruneStatus::Interrupted => api::PruneStatus::Interrupted,
        },
        decided_by: record.decided_by,
        decided: record.decided.map(Into::into),
    }
}

fn tag((number, tag): (u64, PruneTag)) -> api::PruneTag {
    api::PruneTag {
        number,
        repository: tag.repository,
        tag: tag.tag,
        digest: tag.digest.to_string(),
        outcome: match tag.outcome {
            PruneOutcome::Listed => api::PruneOutcome::Listed,
            PruneOutcome::Removed => api::PruneOutcome::Removed,
            PruneOutcome::Kept => api::PruneOutcome::Kept,
            PruneOutcome::Failed => api::PruneOutcome::Failed,
        },
        problem: tag.problem,
        hint: tag.hint,
    }
}
