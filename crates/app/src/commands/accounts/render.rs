//! Tables of accounts, tokens and the audit log.

use std::time::SystemTime;

use comfy_table::CellAlignment::Left;
use entrepot_api::{Account, AccountKind, ApiToken, ApiTokenSecret, AuditEntry, Session, Timestamp};

use crate::output::{self, Column, joined, sentence, word};

/// A table of accounts.
pub(super) fn accounts(accounts: &[Account]) -> String {
    let columns = [
        Column("NAME", Left),
        Column("ROLE", Left),
        Column("KIND", Left),
        Column("STATE", Left),
        Column("LAST LOGIN", Left),
    ];
    let rows = accounts.iter().map(|account| {
        vec![
            account.name.clone(),
            account.role.to_string(),
            account.kind.to_string(),
            state(account),
            time(account.last_login),
        ]
    });
    output::table(&columns, rows.collect())
}

fn state(account: &Account) -> String {
    match (account.disabled, account.kind, account.has_password) {
        (true, _, _) => word("disabled"),
        (false, AccountKind::Local, false) => word("no password"),
        (false, _, _) => word("enabled"),
    }
}

/// A table of API tokens.
pub(super) fn tokens(tokens: &[ApiToken], now: SystemTime) -> String {
    if tokens.is_empty() {
        return sentence!("there are no API tokens") + "\n";
    }
    let columns = [
        Column("ID", Left),
        Column("NAME", Left),
        Column("SCOPES", Left),
        Column("EXPIRES", Left),
        Column("LAST USED", Left),
        Column("OLD SECRET", Left),
    ];
    let now = Timestamp::from(now);
    let rows = tokens.iter().map(|token| {
        let expires = match token.expires {
            None => sentence!("never"),
            Some(end) if end <= now => sentence!("{time} (expired)", time = end),
            Some(end) => end.to_string(),
        };
        let used = token.secrets.first().and_then(|secret| secret.last_used);
        let old = token.secrets.get(1).map_or_else(String::new, old);
        vec![token.id.clone(), token.name.clone(), token.scopes.join(" "), expires, time(used), old]
    });
    output::table(&columns, rows.collect())
}

// A secret that a newer one replaces: who still uses it has to be told.
fn old(secret: &ApiTokenSecret) -> String {
    let used = sentence!("last used {time}", time = time(secret.last_used));
    let ends = secret.ends.map(|end| sentence!("ends {time}", time = end));
    joined(&[used].into_iter().chain(ends).collect::<Vec<_>>())
}

/// A table of sessions.
pub(super) fn sessions(sessions: &[Session]) -> String {
    if sessions.is_empty() {
        return sentence!("nobody is logged in with a browser") + "\n";
    }
    let columns = [
        Column("ID", Left),
        Column("ACCOUNT", Left),
        Column("BEGAN", Left),
        Column("LAST USED", Left),
        Column("FROM", Left),
        Column("PROGRAM", Left),
    ];
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| word("unknown"));
    let rows = sessions.iter().map(|session| {
        vec![
            session.id.clone(),
            session.account.clone(),
            session.created.to_string(),
            session.last_used.to_string(),
            known(&session.address),
            known(&session.agent),
        ]
    });
    output::table(&columns, rows.collect())
}

/// A table of the audit log.
pub(super) fn audit(entries: &[AuditEntry]) -> String {
    if entries.is_empty() {
        return sentence!("nothing was done yet") + "\n";
    }
    let columns = [
        Column("TIME", Left),
        Column("WHO", Left),
        Column("WHAT", Left),
        Column("TO", Left),
        Column("OUTCOME", Left),
        Column("FROM", Left),
        Column("DETAIL", Left),
    ];
    let rows = entries.iter().map(|entry| {
        vec![
            entry.at.to_string(),
            entry.actor.clone(),
            entry.action.clone(),
            entry.object.clone(),
            word(entry.outcome),
            entry.address.clone().unwrap_or_else(|| word("socket")),
            entry.detail.clone().unwrap_or_default(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// One line of the audit log.
pub(super) fn entry(entry: &AuditEntry) -> String {
    let from = entry.address.clone().unwrap_or_else(|| word("socket"));
    let detail = entry.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    let (at, actor, action, object) = (entry.at, &entry.actor, &entry.action, &entry.object);
    let what = format!("{at} {actor} {action} {object} {}{detail}", word(entry.outcome));
    output::line(&sentence!("{what} from {address}", what = what, address = from))
}

/// How many sessions have ended.
pub(super) fn ended(sessions: u64) -> String {
    let ended = match sessions {
        1 => sentence!("1 session has ended"),
        count => sentence!("{count} sessions have ended", count = count),
    };
    ended + "\n"
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| word("never"), |time| time.to_string())
}
