//! Images that were denied by command. They are in the catalog, and in force beside the rules of the configuration.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use entrepot_catalog::{Catalog, DenialRecord};
use entrepot_policy::{DenyRule, ListKind, Notice, RuleList, SectionFault, WrittenRule};

/// What their list is called, where somebody is told which one refuses.
const LIST: &str = "entrepot rules deny";
/// Images that are denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    pub(crate) rule: WrittenRule,
    pub(crate) since: SystemTime,
    /// Who denied them.
    pub(crate) actor: String,
}

/// All of them, by their patterns.
#[derive(Default)]
pub(crate) struct Denials {
    by_image: Mutex<Arc<BTreeMap<String, Denial>>>,
    pub(crate) catalog: OnceLock<Catalog>,
}

impl Denial {
    /// Reads a denial that somebody writes.
    ///
    /// # Errors
    /// It is not a pattern, or what is told is too long.
    pub(crate) fn new(image: String, notice: Notice, actor: String) -> Result<Self, SectionFault> {
        let rule = DenyRule::new(image, notice).written(0)?;
        Ok(Self { rule, since: SystemTime::now(), actor })
    }

    /// The images, as they are written.
    pub(crate) fn image(&self) -> &str {
        self.rule.pattern.as_str()
    }

    pub(crate) fn record(&self) -> DenialRecord {
        let Notice { reason, notice, is_legal } = self.rule.notice.clone();
        let (image, since, actor) = (self.image().to_owned(), self.since, self.actor.clone());
        DenialRecord { image, reason, notice, is_legal, since, actor }
    }

    /// What was written down; `None` for what a later version wrote.
    pub(crate) fn read(record: DenialRecord) -> Option<Self> {
        let DenialRecord { image, reason, notice, is_legal, since, actor } = record;
        let denial = Self::new(image, Notice { reason, notice, is_legal }, actor).ok()?;
        Some(Self { since, ..denial })
    }
}

impl Denials {
    /// All of them as a list of rules; `None` if there are none.
    pub(crate) fn list(&self) -> Option<RuleList> {
        let all = self.all();
        let numbered = all.values().enumerate();
        let rules: Vec<_> =
            numbered.map(|(at, denial)| WrittenRule { line: at + 1, ..denial.rule.clone() }).collect();
        (!rules.is_empty()).then(|| RuleList { name: LIST.to_owned(), kind: ListKind::Deny, rules })
    }

    pub(crate) fn all(&self) -> Arc<BTreeMap<String, Denial>> {
        Arc::clone(&self.by_image.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Denial>)) {
        let mut all = self.by_image.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut all));
    }
}
