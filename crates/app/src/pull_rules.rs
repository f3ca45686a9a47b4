//! The rules about pulls and the limits while the server runs: read again when their files change, by signal and by API.

use entrepot_access::{Access, Audit, Deed};
use entrepot_acme::Name;
use entrepot_catalog::Catalog;
use entrepot_mirror::Mirror;
use entrepot_server::{LimitsInForce, LoadFault, Reloaded, RulesInForce};
use tokio::sync::watch;

use crate::{
    config::{Config, Error, Loaded},
    failure::Failure,
};

/// Puts what was read into force, and notes it in the audit log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follower {
    /// The rules in force.
    pub(crate) rules: RulesInForce,
    /// The limits in force.
    pub(crate) limits: LimitsInForce,
    /// The names that the certificate is for, if it comes by ACME.
    pub(crate) names: watch::Sender<Vec<Name>>,
    access: Access,
}

/// The rules and limits of a configuration, in force. `read` reads it again.
pub(crate) fn open(
    config: &Config,
    read: impl Fn() -> Result<Loaded, Error> + Send + Sync + 'static,
    access: Access,
) -> Follower {
    let limits = LimitsInForce::new(config.limits.meant.clone());
    let names = watch::Sender::new(config.certified_names());
    let (followed, certified) = (limits.clone(), names.clone());
    let load = move || match read() {
        Ok(loaded) => {
            replace(&certified, loaded.config.certified_names());
            followed.take(loaded.config.limits.meant);
            Ok(loaded.config.pull_rules.build())
        }
        Err(error) => Err(fault(&error)),
    };
    let rules = RulesInForce::new(config.pull_rules.build(), Box::new(load));
    rules.record_pulls_for(config.pull_rules.pulled_by);
    Follower { rules, limits, names, access }
}

fn replace(names: &watch::Sender<Vec<Name>>, by: Vec<Name>) {
    names.send_if_modified(|names| {
        let is_new = *names != by;
        *names = by;
        is_new
    });
}

/// Why a configuration cannot be used.
pub(crate) fn fault(error: &Error) -> LoadFault {
    LoadFault { problem: error.to_string(), hint: error.hint().map(str::to_owned) }
}

impl Follower {
    /// Reads what is denied by command and who is banned.
    pub(crate) async fn remember(&self, catalog: &Catalog) -> Result<(), Failure> {
        let denied = self.rules.remember(catalog.clone()).await;
        denied.map_err(|error| Failure::because("cannot read what is denied", &error))?;
        let bans = self.limits.remember_bans(catalog.clone()).await;
        bans.map_err(|error| Failure::because("cannot read who is banned", &error))
    }

    /// Begins the mirror's background work. What a restart cut off goes on only if the rules still allow it.
    pub(crate) async fn begin(&self, mirror: &Mirror) {
        mirror.begin(async |key, digest| self.rules.may_go_on(mirror, key, digest).await).await;
    }

    /// Reads the rules again.
    pub(crate) async fn reload(&self, by: &'static str) {
        let (this, before) = (self.clone(), self.rules.fault());
        // It reads files.
        let read = tokio::task::spawn_blocking(move || this.rules.reload()).await;
        if let Ok(read) = read {
            self.note(read, before.map(|(_, fault)| fault), by);
        }
    }

    /// Takes what was read.
    pub(crate) fn take(&self, read: Result<&Config, LoadFault>, by: &'static str) {
        let before = self.rules.fault().map(|(_, fault)| fault);
        if let Ok(config) = &read {
            replace(&self.names, config.certified_names());
            self.limits.take(config.limits.meant.clone());
            self.rules.record_pulls_for(config.pull_rules.pulled_by);
        }
        let taken = self.rules.take(read.map(|config| config.pull_rules.build()));
        self.note(taken, before, by);
    }

    // What is as it was before is no news.
    fn note(&self, taken: Result<Reloaded, LoadFault>, before: Option<LoadFault>, by: &'static str) {
        let detail = match taken {
            Ok(Reloaded::Same) => return,
            Ok(Reloaded::Changed) => None,
            Err(fault) if Some(&fault) == before.as_ref() => return,
            Err(fault) => Some(fault.problem),
        };
        let access = self.access.clone();
        tokio::spawn(async move {
            let by = Audit { actor: by.to_owned(), address: None, request_id: None };
            let deed = |detail| Deed { action: "rules.reload", object: "rules", detail };
            let recorded = match detail {
                None => access.record_done(deed(None), &by).await,
                detail => access.record_failed(deed(detail), &by).await,
            };
            if let Err(error) = recorded {
                tracing::warn!("the audit log cannot be written: {error}");
            }
        });
    }
}
