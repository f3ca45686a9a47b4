//! Decides whether a held tag may be served without asking its upstream. Pure.

use std::time::{Duration, SystemTime};

use entrepot_oci::{Repository, Tag};
use globset::{GlobBuilder, GlobMatcher};

use crate::{
    settings::{Freshness, MirrorSettings},
    verdict::{AnonymousAccess, VerdictState},
};

/// How long a client waits for an upstream if its last answer can be used instead.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(3);
/// How long an upstream that failed is not asked the same again.
pub(crate) const BACK_OFF: Duration = Duration::from_secs(10);

/// The age of a held tag, by what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Serve it without asking the upstream.
    Fresh,
    /// Ask the upstream; if it does not answer, serve what is held, marked as stale.
    Stale,
    /// Ask the upstream; if it does not answer, the request fails.
    Expired,
}

/// The age of a verdict about a repository, by what may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VerdictAge {
    /// It counts.
    Fresh,
    /// It counts, and the upstream is asked in the background.
    Due,
    /// Ask the upstream; if it does not answer, the verdict counts.
    Stale,
    /// Ask the upstream; if it does not answer, there is none.
    Expired,
}

/// How long it counts that a repository is not public, and that it is if tags are fresh for less. What is made public
/// should be there soon.
const VERDICT_FOR: Duration = Duration::from_secs(60);

/// How long a hosted tag is answered from memory. The catalog decides where it points, and another process may change it
/// there.
const HOSTED_FRESH_FOR: Duration = Duration::from_secs(5);

/// Whether what the catalog said of a hosted tag, when it was `checked`, may be answered without asking it again.
pub(crate) fn is_hosted_fresh(checked: SystemTime, now: SystemTime) -> bool {
    // After a clock was set back nobody knows how old it is.
    now.duration_since(checked).is_ok_and(|elapsed| elapsed < HOSTED_FRESH_FOR)
}

/// The freshness rules of one upstream, compiled.
#[derive(Debug)]
pub(crate) struct Policy {
    default: Duration,
    stale_for: Duration,
    rules: Vec<FreshnessRule>,
}

#[derive(Debug)]
struct FreshnessRule {
    repository: Option<GlobMatcher>,
    tag: Option<GlobMatcher>,
    // `None`: the tag never moves.
    fresh_for: Option<Duration>,
}

impl Policy {
    /// Compiles the rules of an upstream; what they leave open is taken from `settings`.
    pub(crate) fn new(settings: &MirrorSettings, freshness: &Freshness) -> Result<Self, globset::Error> {
        let default = freshness.default.unwrap_or(settings.freshness);
        let rules = freshness.rules.iter().map(|rule| {
            Ok(FreshnessRule {
                repository: rule.repository.as_deref().map(glob).transpose()?,
                tag: rule.tag.as_deref().map(glob).transpose()?,
                fresh_for: (!rule.immutable).then(|| rule.freshness.unwrap_or(default)),
            })
        });
        Ok(Self {
            default,
            stale_for: settings.stale_for,
            rules: rules.collect::<Result<_, globset::Error>>()?,
        })
    }

    /// The age at `now` of a tag that the upstream last confirmed at `checked`.
    pub(crate) fn age(
        &self,
        repository: &Repository,
        tag: &Tag,
        checked: SystemTime,
        now: SystemTime,
    ) -> Age {
        // A clock that was set back makes nothing older.
        let elapsed = now.duration_since(checked).unwrap_or_default();
        let rule = self.rules.iter().find(|rule| rule.fits(repository, tag));
        let fresh_for = rule.map_or(Some(self.default), |rule| rule.fresh_for);
        match fresh_for {
            None => Age::Fresh,
            Some(fresh_for) if elapsed < fresh_for => Age::Fresh,
            Some(_) if elapsed < self.stale_for => Age::Stale,
            Some(_) => Age::Expired,
        }
    }
}

impl Policy {
    /// The age of a verdict at `now`. That a repository is public counts for as long as a tag does, and once more while it is
    /// renewed.
    pub(crate) fn verdict_age(&self, state: &VerdictState, now: SystemTime) -> VerdictAge {
        // After a clock was set back nobody knows how old it is.
        let Ok(elapsed) = now.duration_since(state.checked) else { return VerdictAge::Stale };
        let (fresh_for, due_for) = match state.verdict {
            AnonymousAccess::Public => {
                (self.default.max(VERDICT_FOR), self.default.max(VERDICT_FOR).saturating_mul(2))
            }
            AnonymousAccess::Private => (VERDICT_FOR, VERDICT_FOR),
        };
        if elapsed < fresh_for {
            VerdictAge::Fresh
        } else if elapsed >= self.stale_for {
            VerdictAge::Expired
        } else if elapsed < due_for {
            VerdictAge::Due
        } else {
            VerdictAge::Stale
        }
    }
}

impl FreshnessRule {
    fn fits(&self, repository: &Repository, tag: &Tag) -> bool {
        let repository_fits = self.repository.as_ref().is_none_or(|glob| glob.is_match(repository.as_str()));
        repository_fits && self.tag.as_ref().is_none_or(|glob| glob.is_match(tag.as_str()))
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TagRule;

    const HOUR: Duration = Duration::from_secs(3600);

    fn age(rules: Vec<TagRule>, repository: &str, tag: &str, hours: u32) -> Age {
        let freshness = Freshness { default: None, rules };
        let policy = Policy::new(&MirrorSettings::default(), &freshness).unwrap();
        let now = SystemTime::UNIX_EPOCH + HOUR * 10_000;
        policy.age(&repository.parse().unwrap(), &tag.parse().unwrap(), now - HOUR * hours, now)
    }

    #[test]
    fn ages_by_the_hour() {
        assert_eq!(age(vec![], "a", "t", 0), Age::Fresh);
        assert_eq!(age(vec![], "a", "t", 1), Age::Stale);
        assert_eq!(age(vec![], "a", "t", 24 * 7), Age::Expired);
    }

    #[test]
    fn first_fitting_rule_decides() {
        let immutable = TagRule { tag: Some("v*".into()), immutable: true, ..TagRule::default() };
        let day = TagRule {
            repository: Some("library/*".into()),
            freshness: Some(HOUR * 24),
            ..TagRule::default()
        };
        let rules = vec![immutable, day];
        assert_eq!(age(rules.clone(), "x/y", "v1", 9_000), Age::Fresh);
        assert_eq!(age(rules.clone(), "library/nginx", "1", 23), Age::Fresh);
        assert_eq!(age(rules.clone(), "library/nginx/x", "1", 23), Age::Stale);
        assert_eq!(age(rules, "library/nginx", "1", 25), Age::Stale);
    }

    #[test]
    fn verdicts_age_too() {
        let policy = Policy::new(&MirrorSettings::default(), &Freshness::default()).unwrap();
        let age = |verdict, minutes: u32| {
            let now = SystemTime::UNIX_EPOCH + HOUR * 10_000;
            let checked = now - HOUR * minutes / 60;
            policy.verdict_age(&VerdictState { verdict, checked, not_before: None }, now)
        };
        let public =
            [0, 59, 60, 119, 120, 60 * 24 * 7 - 1, 60 * 24 * 7].map(|at| age(AnonymousAccess::Public, at));
        use VerdictAge::{Due, Expired, Fresh, Stale};
        assert_eq!(public, [Fresh, Fresh, Due, Due, Stale, Stale, Expired]);
        let private = [0, 1, 119, 60 * 24 * 7].map(|at| age(AnonymousAccess::Private, at));
        assert_eq!(private, [Fresh, Stale, Stale, Expired]);
        let later = SystemTime::UNIX_EPOCH + HOUR;
        let state = VerdictState { verdict: AnonymousAccess::Public, checked: later, not_before: None };
        assert_eq!(
            policy.verdict_age(&state, SystemTime::UNIX_EPOCH),
            Stale,
            "S13: a clock that was set back"
        );
    }

    #[test]
    fn a_clock_set_back_ages_nothing() {
        let policy = Policy::new(&MirrorSettings::default(), &Freshness::default()).unwrap();
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(policy.age(&"a".parse().unwrap(), &Tag::latest(), now + HOUR * 9, now), Age::Fresh);
    }
}
