//! Who is sent away for a while: by hand, or because they went on asking for more than they may have. Bans are in the catalog, and
//! all of them in memory. A ban of addresses is not for those who log in from there.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use entrepot_access::{Audit, AuditAction, Identity};
use entrepot_catalog::{AuditOutcome, Catalog, Error as CatalogError};
use entrepot_policy::BanRule;

use super::{
    ban::{Ban, NewBan, Subject, Table},
    holder::{BucketOwner, LimitedClient},
    in_force::LimitsInForce,
    ledger::lock,
    refusals,
};
use crate::error::Refusal;

/// The most bans. Those that end first give way.
const MOST: usize = 10_000;
/// How long a ban is remembered after its end: the next one is longer.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Who bans by a condition, in lists and in the audit log.
const BY_RULE: &str = "limits";

impl LimitsInForce {
    /// Reads the bans of a catalog, and keeps new ones there.
    ///
    /// # Errors
    /// The catalog failed.
    pub async fn remember_bans(&self, catalog: Catalog) -> Result<(), CatalogError> {
        catalog.trim_bans(SystemTime::now() - REMEMBERED).await?;
        let bans = catalog.bans().await?.into_iter().filter_map(Ban::read);
        let bans = bans.map(|ban| (ban.subject.clone(), Arc::new(ban))).collect();
        self.0.bans.table.store(Arc::new(Table::of(bans)));
        // Whoever gives a second one is not heard: bans do not change places.
        let _ = self.0.bans.catalog.set(catalog);
        Ok(())
    }

    /// True if somebody is banned.
    pub(crate) fn has_bans(&self) -> bool {
        !self.0.bans.table.load().bans.is_empty()
    }

    /// Refuses whoever is banned.
    pub(crate) fn check_ban(&self, client: &LimitedClient<'_>) -> Result<(), Refusal> {
        let now = SystemTime::now();
        match self.ban_of(client, now) {
            Some(ban) => {
                self.0.refusals.count("ban");
                Err(ban.refusal(now))
            }
            None => Ok(()),
        }
    }

    /// The ban that somebody is under.
    pub(crate) fn ban_of(&self, client: &LimitedClient<'_>, now: SystemTime) -> Option<Arc<Ban>> {
        let table = self.0.bans.table.load();
        match &client.principal.identity {
            Identity::Owner | Identity::Local => None,
            Identity::Account(account) => {
                let ban = table.bans.get(&Subject::Account(account.name.clone()));
                ban.filter(|ban| ban.is_in_force(now)).cloned()
            }
            Identity::SyncToken | Identity::Workload(_) | Identity::Anonymous => {
                table.of_address(client.address?, now).cloned()
            }
        }
    }

    /// The bans in force, the latest first.
    pub(crate) fn bans(&self) -> Vec<Arc<Ban>> {
        let (table, now) = (self.0.bans.table.load(), SystemTime::now());
        let mut bans: Vec<_> = table.bans.values().filter(|ban| ban.is_in_force(now)).cloned().collect();
        bans.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.id.cmp(&b.id)));
        bans
    }

    /// The ban with this id, or of this subject, in force or not.
    pub(crate) fn find_ban(&self, which: &str) -> Option<Arc<Ban>> {
        let table = self.0.bans.table.load();
        let subject = which.parse::<Subject>().ok();
        let by_subject = subject.and_then(|subject| table.bans.get(&subject));
        by_subject.or_else(|| table.bans.values().find(|ban| ban.id.eq_ignore_ascii_case(which))).cloned()
    }

    /// Bans somebody, also beyond a restart.
    ///
    /// # Errors
    /// The catalog failed, and nobody is banned.
    pub(crate) async fn ban(&self, new: NewBan) -> Result<Arc<Ban>, CatalogError> {
        let ban = Arc::new(self.new_ban(new));
        if let Some(catalog) = self.0.bans.catalog.get() {
            catalog.put_ban(&ban.record()).await?;
        }
        self.insert(&ban);
        Ok(ban)
    }

    /// Lifts a ban. Returns whether it was there.
    ///
    /// # Errors
    /// The catalog failed, and the ban stays.
    pub(crate) async fn lift(&self, ban: &Ban) -> Result<bool, CatalogError> {
        if let Some(catalog) = self.0.bans.catalog.get() {
            catalog.remove_ban(&ban.id).await?;
        }
        let _changing = lock(&self.0.bans.changing);
        let mut bans = self.0.bans.table.load().bans.clone();
        let is_same = bans.get(&ban.subject).is_some_and(|known| known.id == ban.id);
        if is_same {
            bans.remove(&ban.subject);
            self.0.bans.table.store(Arc::new(Table::of(bans)));
        }
        Ok(is_same)
    }

    /// Somebody met a limit. Whoever does so again and again is banned, if the configuration says so.
    pub(super) fn met(&self, client: &LimitedClient<'_>, fact: &str) {
        self.met_at(client, fact, self.0.ledger.now());
    }

    fn met_at(&self, client: &LimitedClient<'_>, fact: &str, now: Duration) {
        let limits = self.limits();
        let (Some(rule), Some(holder)) = (limits.bans, client.holder(&limits)) else { return };
        if !self.0.ledger.holder(holder, |held| rule.strike(&mut held.strikes, now)) {
            return;
        }
        let subject = match (holder, client.principal.account()) {
            (BucketOwner::Account(_), Some(account)) => Subject::Account(account.name.clone()),
            (BucketOwner::Address(network), _) => Subject::Network(network),
            (BucketOwner::Account(_) | BucketOwner::Network(_) | BucketOwner::Everybody, _) => return,
        };
        self.ban_by(rule, subject, fact);
    }

    // In memory at once; the catalog need not be waited for.
    fn ban_by(&self, rule: BanRule, subject: Subject, fact: &str) {
        let now = SystemTime::now();
        let table = self.0.bans.table.load();
        let earlier =
            table.bans.get(&subject).filter(|ban| ban.actor == BY_RULE).map_or(0, |ban| ban.earlier + 1);
        drop(table);
        let within = humantime::format_duration(rule.within);
        let reason = format!("{fact}, {} times in {within}", rule.after);
        let new =
            NewBan { subject, reason, actor: BY_RULE.to_owned(), until: Some(now + rule.length(earlier)) };
        let ban = Arc::new(Ban { earlier, ..self.new_ban(new) });
        self.insert(&ban);
        tracing::warn!(subject = %ban.subject, id = %ban.id, "banned: {}", ban.reason);
        if let Some(catalog) = self.0.bans.catalog.get().cloned() {
            tokio::spawn(async move {
                if let Err(error) = written_down(&catalog, &ban).await {
                    tracing::warn!(%error, "a ban is in force and could not be written down");
                }
            });
        }
    }

    fn new_ban(&self, NewBan { subject, reason, actor, until }: NewBan) -> Ban {
        let since = SystemTime::now();
        let id = refusals::text(self.0.ledger.number((&subject, since)));
        Ban { id, subject, reason, actor, since, until, earlier: 0 }
    }

    fn insert(&self, ban: &Arc<Ban>) {
        let _changing = lock(&self.0.bans.changing);
        let mut bans = self.0.bans.table.load().bans.clone();
        let forgotten = SystemTime::now() - REMEMBERED;
        bans.retain(|_, ban| ban.is_in_force(forgotten));
        if bans.len() >= MOST
            && let Some(first) = bans.values().min_by_key(|ban| (ban.until.is_none(), ban.until)).cloned()
        {
            bans.remove(&first.subject);
        }
        bans.insert(ban.subject.clone(), Arc::clone(ban));
        self.0.bans.table.store(Arc::new(Table::of(bans)));
    }
}

// In the list of bans and in the audit log, as those by hand are.
async fn written_down(catalog: &Catalog, ban: &Ban) -> Result<(), CatalogError> {
    catalog.put_ban(&ban.record()).await?;
    let by = Audit { actor: ban.actor.clone(), address: None, request_id: None };
    let deed =
        AuditAction { action: "ban.add", object: &ban.subject.to_string(), detail: Some(ban.reason.clone()) };
    catalog.add_audit(&by.entry(deed, AuditOutcome::Done), ban.since).await
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, net::IpAddr};

    use entrepot_access::Principal;
    use entrepot_policy::{LimitsSection, PullLimits};
    use http::StatusCode;

    use super::*;

    fn asker(address: &str) -> LimitedClient<'static> {
        LimitedClient { principal: &Principal::ANONYMOUS, address: address.parse().ok() }
    }

    fn of(subject: &str, until: Option<SystemTime>) -> NewBan {
        let (reason, actor) = ("a bill".to_owned(), "account:ops".to_owned());
        NewBan { subject: subject.parse().unwrap(), reason, actor, until }
    }

    fn in_hours(hours: u64) -> Option<SystemTime> {
        Some(SystemTime::now() + Duration::from_secs(hours * 3600))
    }

    // operate.md rows 20, 21
    #[tokio::test]
    async fn networks_and_addresses_are_banned_until_an_end_and_can_be_lifted() {
        let limits = LimitsInForce::default();
        assert!(limits.check_ban(&asker("203.0.113.7")).is_ok());
        let ban = limits.ban(of("203.0.113.77/24", in_hours(2))).await.unwrap();
        assert_eq!(ban.subject.to_string(), "203.0.113.0/24");
        limits.ban(of("2001:db8::1", None)).await.unwrap();
        limits.ban(of("198.51.100.1", Some(SystemTime::UNIX_EPOCH))).await.unwrap();
        for (address, is_banned) in [
            ("203.0.113.7", true),
            ("::ffff:203.0.113.7", true),
            ("203.0.114.7", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("198.51.100.1", false),
        ] {
            assert_eq!(limits.check_ban(&asker(address)).is_err(), is_banned, "{address}");
        }
        let refusal = limits.check_ban(&asker("203.0.113.7")).unwrap_err();
        assert_eq!(refusal.status, StatusCode::FORBIDDEN);
        let starts = format!(
            "this address is banned until {}: a bill; hint: ",
            humantime::format_rfc3339_seconds(ban.until.unwrap())
        );
        assert!(
            refusal.message.starts_with(&starts) && refusal.message.ends_with(&format!("(ban {})", ban.id)),
            "{}",
            refusal.message
        );
        assert_eq!(limits.bans().len(), 2, "what has ended is not listed");
        let found = limits.find_ban(&ban.id.to_uppercase()).unwrap();
        assert_eq!(limits.find_ban("203.0.113.0/24"), Some(Arc::clone(&found)));
        assert!(limits.lift(&found).await.unwrap() && !limits.lift(&found).await.unwrap());
        assert!(limits.check_ban(&asker("203.0.113.7")).is_ok());
    }

    // operate.md rows 18, 19
    #[tokio::test]
    async fn who_goes_on_is_banned_and_the_next_ban_is_longer() {
        let rule = BanRule { after: 3, ..BanRule::default() };
        let section = LimitsSection { bans: Some(rule), ..LimitsSection::default() };
        let limits = LimitsInForce::new(PullLimits::of(&section));
        let (greedy, other) = (asker("203.0.113.7"), asker("203.0.113.8"));
        let mut minute = 0;
        for hours in [1, 2] {
            for _ in 0..3 {
                minute += 1;
                for retry in 0..50 {
                    limits.met_at(&greedy, "too much", Duration::from_secs(minute * 61 + retry));
                }
            }
            limits.met_at(&other, "too much", Duration::from_secs(minute * 61));
            let ban = limits.find_ban("203.0.113.7").unwrap();
            assert_eq!(ban.reason, "too much, 3 times in 1h");
            let length = ban.until.unwrap().duration_since(ban.since).unwrap();
            assert!(
                length.abs_diff(Duration::from_secs(hours * 3600)) < Duration::from_secs(60),
                "{length:?}"
            );
        }
        assert!(limits.check_ban(&greedy).is_err() && limits.check_ban(&other).is_ok());
    }

    #[tokio::test]
    async fn bans_are_bounded() {
        let limits = LimitsInForce::default();
        let mut bans = HashMap::new();
        for nth in 0..MOST as u32 {
            let subject = Subject::Network(IpAddr::from(nth.to_be_bytes()).into());
            let ban = Ban {
                id: String::new(),
                subject: subject.clone(),
                reason: String::new(),
                actor: String::new(),
                since: SystemTime::now(),
                until: in_hours(2),
                earlier: 0,
            };
            bans.insert(subject, Arc::new(ban));
        }
        limits.0.bans.table.store(Arc::new(Table::of(bans)));
        limits.ban(of("203.0.113.7", None)).await.unwrap();
        assert_eq!(limits.bans().len(), MOST);
        assert!(limits.check_ban(&asker("203.0.113.7")).is_err());
    }
}
