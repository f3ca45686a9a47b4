//! Limits, bans and refusals as the JSON API has them. Pure.

use entrepot_api as api;

use crate::limits::{Ban, ClientStanding, LimitBalance, LimitsInForce, RefusalRecord, Unit};

pub(crate) fn list(limits: &LimitsInForce) -> api::LimitList {
    let entries = limits.entries().into_iter();
    api::LimitList {
        limits: entries.map(|(name, allowed)| api::Limit { name: name.to_owned(), allowed }).collect(),
        clients: limits.clients() as u64,
        bans: limits.bans().len() as u64,
    }
}

pub(crate) fn standing(
    ClientStanding { client, is_limited, left, ban }: ClientStanding,
) -> api::ClientLimits {
    api::ClientLimits {
        client,
        limited: is_limited,
        limits: left.into_iter().map(state).collect(),
        ban: ban.as_deref().map(self::ban),
    }
}

fn state(LimitBalance { key, allowed, unit, left }: LimitBalance) -> api::LimitState {
    let unit = match unit {
        Unit::Requests => api::LimitUnit::Requests,
        Unit::Bytes => api::LimitUnit::Bytes,
        Unit::BytesPerSecond => api::LimitUnit::BytesPerSecond,
        Unit::Blobs => api::LimitUnit::Blobs,
    };
    api::LimitState { name: key.to_owned(), allowed, unit, left }
}

pub(crate) fn bans(limits: &LimitsInForce) -> api::BanList {
    api::BanList { bans: limits.bans().iter().map(|ban| self::ban(ban)).collect() }
}

pub(crate) fn ban(ban: &Ban) -> api::Ban {
    api::Ban {
        id: ban.id.clone(),
        subject: ban.subject.to_string(),
        cidr: ban.subject.cidr(),
        reason: ban.reason.clone(),
        by: ban.actor.clone(),
        since: ban.since.into(),
        until: ban.until.map(Into::into),
    }
}

pub(crate) fn refusal(told: RefusalRecord) -> api::LimitRefusal {
    let RefusalRecord { id, client, limit, fact, count, first, last, until } = told;
    api::LimitRefusal {
        id,
        client,
        limit: limit.to_owned(),
        detail: fact,
        count,
        first: first.into(),
        last: last.into(),
        until: until.into(),
    }
}
