//! Bans: whom they are for, and until when.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use entrepot_access::AccountName;
use entrepot_catalog::{BanRecord, Catalog};
use entrepot_oci::ErrorCode;
use http::{StatusCode, header};
use ipnet::IpNet;

use crate::error::Refusal;

/// Whom a ban is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Account(AccountName),
    Network(IpNet),
}

/// The text is not a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a ban is of an address, a network or an account, such as `203.0.113.7`, `2001:db8::/48` or `account:alice`"
)]
pub(crate) struct SubjectError;

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) id: String,
    pub(crate) subject: Subject,
    pub(crate) reason: String,
    /// Who banned.
    pub(crate) actor: String,
    pub(crate) since: SystemTime,
    /// `None`: until it is lifted.
    pub(crate) until: Option<SystemTime>,
    /// How many there were before, lately.
    pub(super) earlier: u32,
}

/// A ban that somebody makes.
pub(crate) struct NewBan {
    pub(crate) subject: Subject,
    pub(crate) reason: String,
    pub(crate) actor: String,
    pub(crate) until: Option<SystemTime>,
}

/// The bans in force.
#[derive(Default)]
pub(super) struct Bans {
    pub(super) table: ArcSwap<Table>,
    /// Held while bans are changed.
    pub(super) changing: Mutex<()>,
    pub(super) catalog: OnceLock<Catalog>,
}

/// All bans, as requests look for them.
#[derive(Clone, Default)]
pub(super) struct Table {
    pub(super) bans: HashMap<Subject, Arc<Ban>>,
    /// The lengths of prefixes that networks have.
    prefixes: Vec<u8>,
}

impl Table {
    pub(super) fn of(bans: HashMap<Subject, Arc<Ban>>) -> Self {
        let network = |subject: &Subject| match subject {
            Subject::Network(network) => Some(network.prefix_len()),
            Subject::Account(_) => None,
        };
        let mut prefixes: Vec<u8> = bans.keys().filter_map(network).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        Self { bans, prefixes }
    }

    /// The ban of an address, or of a network around it.
    pub(super) fn of_address(&self, address: IpAddr, now: SystemTime) -> Option<&Arc<Ban>> {
        let address = address.to_canonical();
        self.prefixes.iter().find_map(|length| {
            let network = IpNet::new(address, *length).ok()?.trunc();
            self.bans.get(&Subject::Network(network)).filter(|ban| ban.is_in_force(now))
        })
    }
}

impl Ban {
    pub(crate) fn is_in_force(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(super) fn record(&self) -> BanRecord {
        BanRecord {
            id: self.id.clone(),
            subject: self.subject.to_string(),
            reason: self.reason.clone(),
            actor: self.actor.clone(),
            since: self.since,
            until: self.until,
            earlier: self.earlier,
        }
    }

    /// What was written down; `None` for what a later version wrote.
    pub(super) fn read(record: BanRecord) -> Option<Self> {
        let BanRecord { id, subject, reason, actor, since, until, earlier } = record;
        Some(Self { id, subject: subject.parse().ok()?, reason, actor, since, until, earlier })
    }

    /// What those who are banned are told.
    pub(super) fn refusal(&self, now: SystemTime) -> Refusal {
        let (who, reason) = (self.subject.told(), &self.reason);
        let lift = format!(
            "asking meanwhile makes it no longer; the server's operator can lift it by its id (ban {})",
            self.id
        );
        let Some(until) = self.until else {
            let message = format!("{who} is banned: {reason}; hint: {lift}");
            return Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message);
        };
        let seconds = until.duration_since(now).map_or(1, |left| left.as_secs() + 1);
        let end = humantime::format_rfc3339_seconds(until);
        let message = format!("{who} is banned until {end}: {reason}; hint: {lift}");
        Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Denied, message).with(header::RETRY_AFTER, seconds)
    }
}

impl Subject {
    // Who is banned, to their face.
    fn told(&self) -> &'static str {
        match self {
            Self::Account(_) => "this account",
            Self::Network(_) => "this address",
        }
    }

    /// The network as lists of others have it; `None` for an account.
    pub(crate) fn cidr(&self) -> Option<String> {
        match self {
            Self::Account(_) => None,
            Self::Network(network) => Some(network.to_string()),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        if let Some(name) = text.strip_prefix("account:") {
            return name.parse().map(Self::Account).map_err(|_| SubjectError);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.to_canonical().into()));
        }
        let network = text.parse::<IpNet>().map_err(|_| SubjectError)?;
        // Nobody means everybody.
        if network.prefix_len() == 0 { Err(SubjectError) } else { Ok(Self::Network(network.trunc())) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "account:{name}"),
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_and_written() {
        for text in ["203.0.113.7", "203.0.113.0/24", "2001:db8::/48", "account:alice"] {
            assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        }
        assert_eq!("203.0.113.9/24".parse::<Subject>().unwrap().cidr().as_deref(), Some("203.0.113.0/24"));
        for bad in ["", "alice", "account:", "0.0.0.0/0", "::/0", "203.0.113.0/33", "group:x"] {
            assert_eq!(bad.parse::<Subject>(), Err(SubjectError), "{bad}");
        }
    }
}
