//! What the machine and the upstreams have left, measured again and again: the mode depends on it, and operators are told when
//! it is little.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use entrepot_access::{Access, Audit, AuditAction};
use entrepot_events::{BudgetLow, DiskLow, Event, EventSender};
use entrepot_mirror::{Mirror, UpstreamBudget};
use entrepot_server::{Disk, Machine, ModeChange, ModesInForce};
use tokio_util::sync::CancellationToken;

/// How often.
const EVERY: Duration = Duration::from_secs(5);
/// Less than this part is low, in percent.
const LOW: u64 = 10;
/// What is low is so until this part is there, so that one file or pull more or less is no news.
const FINE: u64 = 12;

/// What is watched, and who is told.
pub(crate) struct Monitored {
    /// The mode, which may change.
    pub(crate) modes: ModesInForce,
    /// The mirror, which knows what upstreams allow.
    pub(crate) mirror: Mirror,
    /// The audit log, for changes of the mode.
    pub(crate) access: Access,
    /// Where it is told what operators want to hear.
    pub(crate) events: EventSender,
    /// The data directory.
    pub(crate) data: PathBuf,
}

/// Measures until `stop`.
pub(crate) async fn watch(watched: Monitored, stop: CancellationToken) {
    let Monitored { modes, mirror, access, events, data } = watched;
    let (mut tick, mut low) = (tokio::time::interval(EVERY), LowResources::default());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        // Asking a file system may wait for it.
        let path = data.clone();
        let machine = tokio::task::spawn_blocking(move || measured(&path)).await.unwrap_or_default();
        let disk = machine.disk.and_then(|disk| low.disk(disk));
        let budgets = mirror.budgets();
        disk.into_iter().chain(low.budgets(&budgets)).for_each(|event| {
            tracing::warn!(?event, "there is little left");
            events.raise(event);
        });
        if let Some(change) = modes.observe(machine).await {
            note(&access, change, "condition").await;
        }
    }
}

/// Writes into the audit log that `actor` has changed the mode.
pub(crate) async fn note(access: &Access, ModeChange { from, to, why }: ModeChange, actor: &str) {
    let by = Audit { actor: actor.to_owned(), address: None, request_id: None };
    let detail = Some(format!("{from} → {to}: {why}"));
    let deed = AuditAction { action: "mode.changed", object: "mode", detail };
    if let Err(error) = access.record_done(deed, &by).await {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}

fn measured(data: &Path) -> Machine {
    Machine { disk: disk(data), load: load() }
}

// What is reserved for the system's administrator is not for us.
fn disk(data: &Path) -> Option<Disk> {
    let about = rustix::fs::statvfs(data).ok()?;
    let reserved = about.f_bfree.saturating_sub(about.f_bavail);
    let bytes = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(Disk { size: bytes(about.f_blocks.saturating_sub(reserved)), free: bytes(about.f_bavail) })
}

#[cfg(target_os = "linux")]
fn load() -> Option<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Fixed point with 16 bits (sysinfo(2)).
    let last_minute = rustix::system::sysinfo().loads[0] as f64 / f64::from(1 << 16);
    Some(last_minute / cores as f64)
}

#[cfg(not(target_os = "linux"))]
fn load() -> Option<f64> {
    None
}

/// What is low already, so that it is told once.
#[derive(Default)]
struct LowResources {
    known: BTreeSet<LowResource>,
}

/// What may be low.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LowResource {
    Disk,
    /// The budget of an account at an upstream.
    Budget(String, Option<String>),
}

impl LowResources {
    fn disk(&mut self, Disk { size, free }: Disk) -> Option<Event> {
        self.became(LowResource::Disk, free, size).then_some(Event::DiskLow(DiskLow { free, size }))
    }

    fn budgets(&mut self, budgets: &[UpstreamBudget]) -> Vec<Event> {
        let accounts = budgets.iter().flat_map(|one| one.accounts.iter().map(move |account| (one, account)));
        let low = accounts.filter_map(|(budget, account)| {
            let (remaining, limit) = (account.left?, account.limit?);
            let (registry, account) = (budget.upstream.to_string(), account.account.clone());
            let has_become =
                self.became(LowResource::Budget(registry.clone(), account.clone()), remaining, limit);
            has_become.then_some(Event::BudgetLow(BudgetLow { registry, account, remaining, limit }))
        });
        low.collect()
    }

    // True if it is low and was not.
    fn became(&mut self, what: LowResource, left: u64, whole: u64) -> bool {
        let most = if self.known.contains(&what) { FINE } else { LOW };
        if u128::from(left) * 100 < u128::from(whole) * u128::from(most) {
            self.known.insert(what)
        } else {
            self.known.remove(&what);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use entrepot_mirror::{AccountQuota, QuotaState};

    use super::*;

    #[test]
    fn a_disk_has_a_size_and_something_free() {
        let Disk { size, free } = disk(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(size > 0 && free <= size);
        assert_eq!(disk(Path::new("/nowhere/at/all")), None);
        assert!(load().is_none_or(|load| load >= 0.0));
    }

    #[test]
    fn that_something_is_low_is_told_once() {
        let mut low = LowResources::default();
        let told: Vec<_> = [50, 10, 9, 8, 11, 9, 12, 11, 9]
            .into_iter()
            .filter(|free| low.disk(Disk { free: *free, size: 100 }).is_some())
            .collect();
        assert_eq!(told, [9, 9], "11 of 100 is neither low nor fine again");
        assert!(LowResources::default().disk(Disk { free: 0, size: 0 }).is_none(), "it has no size");
    }

    #[test]
    fn each_account_has_its_own_budget() {
        let account = |account: &str, left| AccountQuota {
            account: Some(account.to_owned()),
            state: QuotaState::Usable,
            limit: Some(100),
            left,
            window: None,
            resets_in: None,
            source: None,
            counts_address: false,
            spent: 0,
            per_hour: 0.0,
            used_up_in: None,
        };
        let budget = |left: [Option<u64>; 2]| {
            let accounts = vec![account("one", left[0]), account("two", left[1])];
            [UpstreamBudget { upstream: "docker.io".parse().unwrap(), reserve: 20, accounts }]
        };
        let mut low = LowResources::default();
        assert!(low.budgets(&budget([Some(50), None])).is_empty(), "what is not told is not low");
        let told = low.budgets(&budget([Some(9), Some(50)]));
        let expected = BudgetLow {
            registry: "docker.io".to_owned(),
            account: Some("one".to_owned()),
            remaining: 9,
            limit: 100,
        };
        assert_eq!(told, [Event::BudgetLow(expected)]);
        assert!(low.budgets(&budget([Some(3), Some(50)])).is_empty());
        assert_eq!(low.budgets(&budget([Some(3), Some(0)])).len(), 1);
        assert!(low.budgets(&budget([Some(100), Some(100)])).is_empty());
    }
}
