//! The rules about what may be pulled, while the server runs: read again without a restart, and kept if what was read cannot
//! be used.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use arc_swap::{ArcSwap, Guard};
use entrepot_bounded_cache::BoundedCache;
use entrepot_mirror::RepoKey;
use entrepot_oci::Digest;
use entrepot_policy::PullRules;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{denials::Denials, pullers::Pullers};

/// The most parts of images that are remembered as allowed. Each takes about 300 bytes.
const MOST_ADMITTED: u64 = 30_000;

/// The rules in force. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct RulesInForce(Arc<RulesInner>);

/// Reads the rules again, and puts what else was read with them into force.
pub type LoadRules = Box<dyn Fn(&RulesInForce) -> Result<PullRules, LoadFault> + Send + Sync>;

/// Why what was read cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFault {
    /// The fact.
    pub problem: String,
    /// The way out.
    pub hint: Option<String>,
}

struct RulesInner {
    current: ArcSwap<CurrentRules>,
    load: Mutex<Option<Arc<LoadRules>>>,
    // Held while rules are replaced.
    fault: Mutex<Option<(SystemTime, LoadFault)>>,
    /// Those of the configuration.
    configured: ArcSwap<PullRules>,
    denials: Denials,
    pullers: Pullers,
    admitted: BoundedCache<AdmittedPart, ()>,
    counters: Counters,
}

/// A part of an image that may be pulled by the rules of a generation.
#[derive(Clone, PartialEq, Eq, Hash)]
struct AdmittedPart {
    generation: u64,
    key: RepoKey,
    digest: Digest,
}

/// The rules, and since when they are in force.
#[derive(Debug)]
pub(crate) struct CurrentRules {
    pub(crate) rules: PullRules,
    /// Rises with every change.
    pub(crate) generation: u64,
    pub(crate) since: SystemTime,
}

#[derive(Debug, Default)]
struct Counters {
    refusals: Family<RefusalLabels, Counter>,
    rules: Gauge,
    reloads: Family<ReloadLabels, Counter>,
    is_stale: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    list: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

/// What became of rules that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// They are in force now.
    Changed,
    /// They are those that were in force.
    Same,
}

impl Default for RulesInner {
    fn default() -> Self {
        let none = CurrentRules { rules: PullRules::default(), generation: 0, since: SystemTime::now() };
        Self {
            current: ArcSwap::from_pointee(none),
            load: Mutex::default(),
            fault: Mutex::default(),
            configured: ArcSwap::default(),
            denials: Denials::default(),
            pullers: Pullers::default(),
            admitted: BoundedCache::of_entries(MOST_ADMITTED),
            counters: Counters::default(),
        }
    }
}

impl RulesInForce {
    /// Puts rules into force, with a way to read them again.
    pub fn new(rules: PullRules, load: LoadRules) -> Self {
        let this = Self::default();
        *this.0.load.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(load));
        this.replace(rules);
        this
    }

    /// Registers the counters on `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let counters = &self.0.counters;
        let refusals = "Pulls that the rules refused, by list and reason";
        registry.register("entrepot_rules_refusals", refusals, counters.refusals.clone());
        registry.register("entrepot_rules", "Rules about pulls that are in force", counters.rules.clone());
        registry.register("entrepot_rules_reloads", "Rules read again, by result", counters.reloads.clone());
        let stale = "1 if the rules were changed and cannot be used: the older ones are in force";
        registry.register("entrepot_rules_stale", stale, counters.is_stale.clone());
    }

    /// Reads the rules again.
    ///
    /// # Errors
    /// They cannot be used, and those that were in force stay.
    pub fn reload(&self) -> Result<ReloadOutcome, LoadFault> {
        let load = self.0.load.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match load {
            Some(load) => self.take((*load)(self)),
            None => Ok(ReloadOutcome::Same),
        }
    }

    /// Takes rules that were read, or notes why they could not be.
    ///
    /// # Errors
    /// They cannot be used, and those that were in force stay.
    pub fn take(&self, read: Result<PullRules, LoadFault>) -> Result<ReloadOutcome, LoadFault> {
        let mut fault = self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = &self.0.counters;
        counters.is_stale.set(i64::from(read.is_err()));
        let count = |result| counters.reloads.get_or_create(&ReloadLabels { result }).inc();
        match read {
            Ok(rules) => {
                *fault = None;
                if self.0.configured.load().are_those_of(&rules) {
                    return Ok(ReloadOutcome::Same);
                }
                count("taken");
                self.replace(rules);
                let lists = self.current().rules.lists().len();
                tracing::info!(lists, "the rules about pulls were changed and are in force");
                Ok(ReloadOutcome::Changed)
            }
            Err(new) => {
                // Read again and again while it is not mended, by whoever watches it, and told once.
                if fault.as_ref().is_none_or(|(_, known)| *known != new) {
                    count("refused");
                    let problem = &new.problem;
                    tracing::error!(
                        "the configuration was changed and cannot be used; what was in force stays: {problem}"
                    );
                    *fault = Some((SystemTime::now(), new.clone()));
                }
                Err(new)
            }
        }
    }

    fn replace(&self, rules: PullRules) {
        self.0.configured.store(Arc::new(rules));
        self.put_together();
    }

    /// Puts the rules of the configuration and what was denied by command into force together.
    pub(crate) fn combine(&self) {
        let _replacing = self.0.fault.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_together();
    }

    fn put_together(&self) {
        let rules = self.0.configured.load().with(self.0.denials.list());
        let number: usize = rules.lists().iter().map(|list| list.rules).sum();
        self.0.counters.rules.set(i64::try_from(number).unwrap_or(i64::MAX));
        let generation = self.current().generation + 1;
        self.0.current.store(Arc::new(CurrentRules { rules, generation, since: SystemTime::now() }));
    }

    /// Why the rules that were read last could not be used, and since when that is known.
    pub fn fault(&self) -> Option<(SystemTime, LoadFault)> {
        self.0.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records who pulls what for so long, or not at all.
    pub fn record_pulls_for(&self, time: Option<Duration>) {
        self.0.pullers.keep_for(time);
    }

    pub(crate) fn denials(&self) -> &Denials {
        &self.0.denials
    }

    pub(crate) fn pullers(&self) -> &Pullers {
        &self.0.pullers
    }

    pub(crate) fn current(&self) -> Guard<Arc<CurrentRules>> {
        self.0.current.load()
    }

    pub(crate) fn count_refusal(&self, list: String, reason: &'static str) {
        self.0.counters.refusals.get_or_create(&RefusalLabels { list, reason }).inc();
    }

    pub(crate) fn is_admitted(&self, generation: u64, key: &RepoKey, digest: &Digest) -> bool {
        self.0.admitted.contains_key(&AdmittedPart { generation, key: key.clone(), digest: *digest })
    }

    pub(crate) fn note_admitted(&self, generation: u64, key: &RepoKey, digest: Digest) {
        self.0.admitted.insert(AdmittedPart { generation, key: key.clone(), digest }, ());
    }
}

impl fmt::Debug for RulesInForce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RulesInForce").field("current", &*self.current()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use entrepot_policy::{ListKind, RuleList};

    use super::*;

    fn rules(text: &str) -> PullRules {
        PullRules::new(vec![RuleList::read("allows.txt", ListKind::Allow, text).unwrap()], None)
    }

    fn metrics(registry: &Registry) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
        text
    }

    // operate.md row 3, dc#39575
    #[test]
    fn rules_that_cannot_be_used_change_nothing_and_are_told() {
        let fault = LoadFault { problem: "allows.txt:3: `x` is not a rule".to_owned(), hint: None };
        let read = Arc::new(Mutex::new(Ok::<_, LoadFault>("docker.io/a/*\nquay.io/b")));
        let source = Arc::clone(&read);
        let load = move || source.lock().unwrap().clone().map(rules);
        let in_force = RulesInForce::new(rules("docker.io/a/*"), Box::new(move |_: &RulesInForce| load()));
        let mut registry = Registry::default();
        in_force.register(&mut registry);
        let first = in_force.current().generation;
        assert_eq!(in_force.reload(), Ok(ReloadOutcome::Changed));
        assert_eq!(in_force.reload(), Ok(ReloadOutcome::Same));
        assert_eq!(in_force.current().generation, first + 1, "what is the same is not put into force again");
        *read.lock().unwrap() = Err(fault.clone());
        assert_eq!(in_force.reload(), Err(fault.clone()));
        assert_eq!(in_force.fault().map(|(_, known)| known), Some(fault));
        assert_eq!(in_force.current().generation, first + 1);
        let told = metrics(&registry);
        for line in [
            "entrepot_rules 2",
            "entrepot_rules_stale 1",
            r#"entrepot_rules_reloads_total{result="taken"} 1"#,
            r#"entrepot_rules_reloads_total{result="refused"} 1"#,
        ] {
            assert!(told.contains(line), "{line} in {told}");
        }
        *read.lock().unwrap() = Ok("docker.io/a/*\nquay.io/b");
        assert_eq!(in_force.reload(), Ok(ReloadOutcome::Same));
        assert!(in_force.fault().is_none());
        assert!(metrics(&registry).contains("entrepot_rules_stale 0"));
    }
}
