//! The rules about pulls, the limits, modes and whatever else counts without a restart, while the server runs: read again
//! when their files change, by signal and by API.

use entrepot_access::{Access, Audit, AuditAction};
use entrepot_acme::Name;
use entrepot_catalog::Catalog;
use entrepot_mirror::Mirror;
use entrepot_server::{LimitsInForce, LoadFault, ModesInForce, ReloadOutcome, RulesInForce, ServiceNotice};
use tokio::sync::watch;

use crate::{
    config::{Config, Error, LoadedConfig},
    failure::Failure,
    machine,
};

/// Puts what was read into force, and notes it in the audit log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follower {
    /// The rules in force.
    pub(crate) rules: RulesInForce,
    /// What else is in force.
    pub(crate) settings: SettingsInForce,
}

/// What counts without a restart, beside the rules. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct SettingsInForce {
    /// The limits.
    pub(crate) limits: LimitsInForce,
    /// The mode.
    pub(crate) modes: ModesInForce,
    /// What the operator says to everybody.
    pub(crate) notice: ServiceNotice,
    /// The names that the certificate is for, if it comes by ACME.
    pub(crate) names: watch::Sender<Vec<Name>>,
    access: Access,
}

impl SettingsInForce {
    /// Puts a configuration into force.
    pub(crate) fn new(config: &Config, modes: ModesInForce, access: Access) -> Self {
        Self {
            limits: LimitsInForce::new(config.limits.meant.clone()),
            modes,
            notice: ServiceNotice::new(config.notice.clone()),
            names: watch::Sender::new(config.certified_names()),
            access,
        }
    }

    fn take(&self, config: &Config, rules: &RulesInForce) {
        rules.record_pulls_for(config.pull_rules.pulled_by);
        replace(&self.names, config.certified_names());
        self.limits.take(config.limits.meant.clone());
        self.notice.set(config.notice.clone());
        if let Some(change) = self.modes.take(config.modes.meant.clone()) {
            let access = self.access.clone();
            tokio::spawn(async move { machine::note(&access, change, "configuration").await });
        }
    }
}

/// The rules of a configuration, in force beside `settings`. `read` reads it again.
pub(crate) fn open(
    config: &Config,
    read: impl Fn() -> Result<LoadedConfig, Error> + Send + Sync + 'static,
    settings: SettingsInForce,
) -> Follower {
    let followed = settings.clone();
    let load = move |rules: &RulesInForce| match read() {
        Ok(loaded) => {
            followed.take(&loaded.config, rules);
            Ok(loaded.config.pull_rules.build())
        }
        Err(error) => Err(fault(&error)),
    };
    let rules = RulesInForce::new(config.pull_rules.build(), Box::new(load));
    rules.record_pulls_for(config.pull_rules.pulled_by);
    Follower { rules, settings }
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
        let bans = self.settings.limits.remember_bans(catalog.clone()).await;
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
            self.settings.take(config, &self.rules);
        }
        let taken = self.rules.take(read.map(|config| config.pull_rules.build()));
        self.note(taken, before, by);
    }

    // What is as it was before is no news.
    fn note(&self, taken: Result<ReloadOutcome, LoadFault>, before: Option<LoadFault>, by: &'static str) {
        let detail = match taken {
            Ok(ReloadOutcome::Same) => return,
            Ok(ReloadOutcome::Changed) => None,
            Err(fault) if Some(&fault) == before.as_ref() => return,
            Err(fault) => Some(fault.problem),
        };
        let access = self.settings.access.clone();
        tokio::spawn(async move {
            let by = Audit { actor: by.to_owned(), address: None, request_id: None };
            let deed = |detail| AuditAction { action: "rules.reload", object: "rules", detail };
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
