//! The rules in force: those of the configuration, with the grants that were made by API.

use std::ops::Deref;

use arc_swap::Guard;
use entrepot_catalog::{Error as CatalogError, GrantRecord};
use entrepot_oci::RepositoryPattern;

use crate::{grant::Grant, rules::Rules};

/// How many grants may be made by API: each decision looks at all of them. Groups and roles need few.
pub(crate) const MOST: usize = 1000;

/// The rules in force, and where their grants come from.
pub(crate) struct InForce {
    rules: Rules,
    /// Those that were made by API: the last ones of the rules' grants, in the same order.
    stored: Vec<GrantRecord>,
}

/// The rules in force at the moment of asking. Short-lived: a change is not seen through it.
pub struct RulesInForce(pub(crate) Guard<std::sync::Arc<InForce>>);

/// Where a grant comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantOrigin {
    /// The configuration: the grant at this place in `access.grants`, counted from 0.
    Configuration(usize),
    /// It was made by API.
    Api(GrantRecord),
}

impl InForce {
    /// The rules of the configuration with the grants that the catalog has.
    pub(crate) fn new(configured: &Rules, stored: Vec<GrantRecord>) -> Result<Self, CatalogError> {
        let mut rules = configured.clone();
        for record in &stored {
            rules.grants.push(read(record).ok_or(CatalogError::Content { what: "grant" })?);
        }
        Ok(Self { rules, stored })
    }

    /// How many were made by API.
    pub(crate) fn count_stored(&self) -> usize {
        self.stored.len()
    }
}

impl RulesInForce {
    /// Where the grant at this place in the rules comes from.
    pub fn origin(&self, at: usize) -> GrantOrigin {
        let configured = self.0.rules.grants.len() - self.0.stored.len();
        match at.checked_sub(configured).and_then(|at| self.0.stored.get(at)) {
            Some(record) => GrantOrigin::Api(record.clone()),
            None => GrantOrigin::Configuration(at),
        }
    }
}

impl Deref for RulesInForce {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.0.rules
    }
}

fn read(record: &GrantRecord) -> Option<Grant> {
    let patterns = record.repositories.split_ascii_whitespace().map(str::parse::<RepositoryPattern>);
    Some(Grant {
        to: record.subject.parse().ok()?,
        repositories: patterns.collect::<Result<_, _>>().ok()?,
        may: record.may.parse().ok()?,
    })
}
