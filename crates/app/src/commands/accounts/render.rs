//! Tables of accounts, tokens and the audit log.

use std::time::SystemTime;

use comfy_table::CellAlignment::Left;
use entrepot_api::{Account, AccountKind, ApiToken, ApiTokenSecret, AuditEntry, Session, Timestamp};

use crate::output::{self, Column};

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
            state(account).to_owned(),
            time(account.last_login),
        ]
    });
    output::table(&columns, rows.collect())
}

fn state(account: &Account) -> &'static str {
    match (account.disabled, account.kind, account.has_password) {
        (true, _, _) => "disabled",
        (false, AccountKind::Local, false) => "no password",
        (false, _, _) => "enabled",
    }
}

/// A table of API tokens.
pub(super) fn tokens(tokens: &[ApiToken], now: SystemTime) -> String {
    if tokens.is_empty() {
        return "there are no API tokens\n".to_owned();
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
            None => "never".to_owned(),
            Some(end) if end <= now => format!("{end} (expired)"),
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
    let ends = secret.ends.map_or_else(String::new, |end| format!(", ends {end}"));
    format!("last used {}{ends}", time(secret.last_used))
}

/// A table of sessions.
pub(super) fn sessions(sessions: &[Session]) -> String {
    if sessions.is_empty() {
        return "nobody is logged in with a browser\n".to_owned();
    }
    let columns = [
        Column("ID", Left),
        Column("ACCOUNT", Left),
        Column("BEGAN", Left),
        Column("LAST USED", Left),
        Column("FROM", Left),
        Column("PROGRAM", Left),
    ];
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
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
        return "nothing was done yet\n".to_owned();
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
            entry.outcome.to_string(),
            entry.address.clone().unwrap_or_else(|| "socket".to_owned()),
            entry.detail.clone().unwrap_or_default(),
        ]
    });
    output::table(&columns, rows.collect())
}

/// One line of the audit log.
pub(super) fn entry(entry: &AuditEntry) -> String {
    let from = entry.address.as_deref().unwrap_or("socket");
    let detail = entry.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    let (at, actor, action, object) = (entry.at, &entry.actor, &entry.action, &entry.object);
    output::line(&format!("{at} {actor} {action} {object} {}{detail} from {from}", entry.outcome))
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| time.to_string())
}
