//! The rules about pulls while the server runs: read again when their files change, by signal and by API.

use entrepot_access::{Access, Audit, Deed};
use entrepot_policy::PullRules;
use entrepot_server::{LoadFault, Reloaded, RulesInForce};

use crate::config::{Config, Error, Loaded};

/// Puts what was read into force, and notes it in the audit log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follower {
    /// The rules in force.
    pub(crate) rules: RulesInForce,
    access: Access,
}

/// The rules of a configuration, in force. `read` reads it again.
pub(crate) fn open(
    config: &Config,
    read: impl Fn() -> Result<Loaded, Error> + Send + Sync + 'static,
    access: Access,
) -> Follower {
    let load = move || match read() {
        Ok(loaded) => Ok(loaded.config.pull_rules.build()),
        Err(error) => Err(fault(&error)),
    };
    Follower { rules: RulesInForce::new(config.pull_rules.build(), Box::new(load)), access }
}

/// Why a configuration cannot be used.
pub(crate) fn fault(error: &Error) -> LoadFault {
    LoadFault { problem: error.to_string(), hint: error.hint().map(str::to_owned) }
}

impl Follower {
    /// Reads the rules again.
    pub(crate) async fn reload(&self, by: &'static str) {
        let (this, before) = (self.clone(), self.rules.fault());
        // It reads files.
        let read = tokio::task::spawn_blocking(move || this.rules.reload()).await;
        if let Ok(read) = read {
            self.note(read, before.map(|(_, fault)| fault), by);
        }
    }

    /// Takes rules that were read.
    pub(crate) fn take(&self, read: Result<PullRules, LoadFault>, by: &'static str) {
        let before = self.rules.fault().map(|(_, fault)| fault);
        let taken = self.rules.take(read);
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
