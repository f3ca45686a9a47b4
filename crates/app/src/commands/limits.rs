//! `entrepot limits`: how much may be pulled, why somebody was refused, and who is banned, asked of a server.

use std::time::Duration;

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    Ban, BanList, ClientLimits, LimitExplanation, LimitList, LimitRefusal, LimitState, LimitUnit, NewBan,
};
use serde::Serialize;

use super::asker::ApiSession;
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Column, sentence, word},
    runtime,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct LimitsOptions {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: LimitsOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum LimitsOperation {
    /// Show the limits and bans in force.
    Ls,
    /// Print the networks that are banned, one a line.
    Cidr,
    /// Say how the caller stands.
    Me,
    /// Say what an id stands for.
    Show {
        /// The id of a refusal or ban.
        id: String,
    },
    /// Ban somebody.
    Ban {
        /// Whom.
        subject: String,
        /// Why.
        reason: String,
        /// For how long; `None` is until somebody lifts it.
        time: Option<Duration>,
    },
    /// Lift a ban.
    Lift {
        /// The ban's id, or its subject.
        id: String,
    },
}

#[derive(Serialize)]
struct LimitsReport {
    #[serde(flatten)]
    limits: LimitList,
    #[serde(rename = "banned")]
    bans: Vec<Ban>,
}

/// Asks a server.
pub(crate) fn run(LimitsOptions { to, operation }: LimitsOptions) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: LimitsOperation) -> Result<(), Failure> {
    let none: [(&str, &str); 0] = [];
    let ApiSession { client, .. } = asker;
    match operation {
        LimitsOperation::Ls => {
            let limits: LimitList = asker.told(client.get(&["limits"], &none).await)?;
            let BanList { bans } = asker.told(client.get(&["limits", "bans"], &none).await)?;
            let shown = LimitsReport { limits, bans };
            asker.print(&shown, || table(&shown))
        }
        LimitsOperation::Cidr => {
            let BanList { bans } = asker.told(client.get(&["limits", "bans"], &none).await)?;
            let networks = bans.into_iter().filter_map(|ban| ban.cidr);
            output::print(&networks.map(|network| format!("{network}\n")).collect::<String>())
        }
        LimitsOperation::Me => {
            let told: ClientLimits = asker.told(client.get(&["limits", "me"], &none).await)?;
            asker.print(&told, || standing(&told))
        }
        LimitsOperation::Show { id } => {
            let path = ["limits", "explain", &id];
            let told: LimitExplanation = asker.told(client.get(&path, &none).await)?;
            asker.print(&told, || explanation(&told))
        }
        LimitsOperation::Ban { subject, reason, time } => {
            let new = NewBan { subject, reason, seconds: time.map(|time| time.as_secs()) };
            let ban: Ban = asker.told(client.post(&["limits", "bans"], &new).await)?;
            asker.print(&ban, || ban_line(&ban))
        }
        LimitsOperation::Lift { id } => asker.told(client.remove(&["limits", "bans", &id], &none).await),
    }
}

fn table(LimitsReport { limits, bans }: &LimitsReport) -> String {
    let mut text = if limits.limits.is_empty() {
        sentence!("there are no limits") + "\n"
    } else {
        let rows = limits.limits.iter().map(|limit| vec![limit.name.clone(), limit.allowed.clone()]);
        output::table(&[Column("LIMIT", Left), Column("ALLOWED", Left)], rows.collect())
    };
    if !bans.is_empty() {
        let columns = [
            Column("BAN", Left),
            Column("OF (whom)", Left),
            Column("UNTIL", Left),
            Column("BY", Left),
            Column("REASON", Left),
        ];
        let rows = bans.iter().map(|ban| {
            let until = ban.until.map_or_else(|| word("lifted"), |until| until.to_string());
            vec![ban.id.clone(), ban.subject.clone(), until, ban.by.clone(), ban.reason.clone()]
        });
        text.push('\n');
        text.push_str(&output::table(&columns, rows.collect()));
    }
    text
}

fn standing(told: &ClientLimits) -> String {
    let ClientLimits { client, limited, limits, ban } = told;
    let mut text = if *limited {
        sentence!("counted as {client}", client = client)
    } else {
        sentence!("counted as {client}, not limited", client = client)
    };
    text.push('\n');
    if !limits.is_empty() {
        let rows = limits.iter().map(|limit| vec![limit.name.clone(), limit.allowed.clone(), left(limit)]);
        let columns = [Column("LIMIT", Left), Column("ALLOWED", Left), Column("LEFT", Right)];
        text.push_str(&output::table(&columns, rows.collect()));
    }
    text.extend(ban.iter().map(ban_line));
    text
}

fn left(limit: &LimitState) -> String {
    match (limit.left, limit.unit) {
        (None, _) => String::new(),
        (Some(left), LimitUnit::Requests | LimitUnit::Blobs) => left.to_string(),
        (Some(left), LimitUnit::Bytes | LimitUnit::BytesPerSecond) => output::size(left),
    }
}

fn explanation(told: &LimitExplanation) -> String {
    let refusal = told.refusal.as_ref().map(refusal_lines);
    refusal.into_iter().chain(told.ban.as_ref().map(ban_line)).collect()
}

fn refusal_lines(told: &LimitRefusal) -> String {
    let LimitRefusal { id, client, limit, detail, count, first, last, until } = told;
    let what = sentence!(
        "refusal {id} of {client} by {limit}: {detail}",
        id = id,
        client = client,
        limit = limit,
        detail = detail
    );
    let often = sentence!(
        "{count} times from {first} to {last}; more at {until}",
        count = count,
        first = first,
        last = last,
        until = until
    );
    format!("{what}\n{often}\n")
}

fn ban_line(ban: &Ban) -> String {
    let Ban { id, subject, reason, by, since, until, .. } = ban;
    let end = match until {
        Some(until) => sentence!("until {until}", until = until),
        None => sentence!("until somebody lifts it"),
    };
    let ban = sentence!("ban {id} of {subject} by {by}", id = id, subject = subject, by = by);
    sentence!("{ban} since {since}, {end}: {reason}", ban = ban, since = since, end = end, reason = reason)
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(until: Option<&str>) -> Ban {
        let at = |text: &str| serde_json::from_str(&format!("{text:?}")).unwrap();
        Ban {
            id: "7q3k9xz2".to_owned(),
            subject: "203.0.113.0/24".to_owned(),
            cidr: Some("203.0.113.0/24".to_owned()),
            reason: "a bill".to_owned(),
            by: "account:ops".to_owned(),
            since: at("2026-11-30T20:00:00Z"),
            until: until.map(at),
        }
    }

    #[test]
    fn bans_are_told_with_their_end() {
        let lines = [ban(None), ban(Some("2026-11-30T22:00:00Z"))].map(|ban| ban_line(&ban));
        assert_eq!(
            lines.concat(),
            "ban 7q3k9xz2 of 203.0.113.0/24 by account:ops since 2026-11-30T20:00:00Z, until somebody lifts it: a bill\n\
             ban 7q3k9xz2 of 203.0.113.0/24 by account:ops since 2026-11-30T20:00:00Z, until 2026-11-30T22:00:00Z: a bill\n"
        );
    }

    #[test]
    fn how_somebody_stands_has_its_units() {
        let state = |unit, left| LimitState { name: "x".to_owned(), allowed: "1".to_owned(), unit, left };
        let told = ClientLimits {
            client: "203.0.113.7".to_owned(),
            limited: true,
            limits: vec![
                state(LimitUnit::Requests, Some(7)),
                state(LimitUnit::Bytes, Some(3 << 20)),
                state(LimitUnit::Blobs, None),
            ],
            ban: Some(ban(None)),
        };
        let text = standing(&told);
        assert!(
            text.starts_with("counted as 203.0.113.7\n")
                && text.contains("3.0 MiB")
                && text.ends_with("a bill\n"),
            "{text}"
        );
        let free = standing(&ClientLimits { limited: false, limits: Vec::new(), ban: None, ..told });
        assert_eq!(free, "counted as 203.0.113.7, not limited\n");
    }
}
