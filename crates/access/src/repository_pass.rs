//! Passes: what a container engine pulls from one repository with, or pushes to it, as long as that lasts.
//!
//! They are in memory only. A restart ends all of them, as it ends what they are for.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::SystemTime,
};

use entrepot_oci::{Digest, RepositoryPattern};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    principal::{Carries, Identity, Principal},
    verb::Verbs,
    workload::{Workload, WorkloadRule},
};

/// What the secret of a pass begins with. Letters and digits only: the header that engines take logins in has been read
/// wrongly for other characters.
const PREFIX: &str = "epull";
/// The user name that goes with it; any other does as well.
const USER_NAME: &str = "pull";

/// A login for one repository. It ends when this is dropped, or at its time.
pub struct RepositoryPass {
    secret: SecretString,
    key: Digest,
    passes: Weak<Mutex<HashMap<Digest, IssuedPass>>>,
}

/// The passes that are in use.
#[derive(Default)]
pub(crate) struct RepositoryPasses(Arc<Mutex<HashMap<Digest, IssuedPass>>>);

struct IssuedPass {
    holder: Principal,
    remembered: String,
    ends: SystemTime,
}

impl RepositoryPass {
    /// The user name to log in with.
    pub fn username(&self) -> &'static str {
        USER_NAME
    }

    /// The password to log in with.
    pub fn password(&self) -> &SecretString {
        &self.secret
    }
}

/// Without the secret.
impl fmt::Debug for RepositoryPass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RepositoryPass")
    }
}

impl Drop for RepositoryPass {
    fn drop(&mut self) {
        if let Some(passes) = self.passes.upgrade() {
            passes.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        }
    }
}

impl RepositoryPasses {
    /// Makes a pass for a repository; `may` is what it is good for there.
    pub(crate) fn add(
        &self,
        holder: &str,
        (repository, may): (RepositoryPattern, Verbs),
        ends: SystemTime,
    ) -> RepositoryPass {
        let random = || uuid::Uuid::new_v4().simple().to_string();
        let secret = SecretString::from(format!("{PREFIX}{}{}", random(), random()));
        let key = Digest::of(secret.expose_secret().as_bytes());
        let rule = WorkloadRule {
            issuer: PREFIX.to_owned(),
            // Makes the rule one of its own: a token that was made with a pass ends with it.
            audience: key.to_string(),
            claims: std::collections::BTreeMap::new(),
            repositories: vec![repository],
            may,
        };
        let workload = Workload::new(holder, vec![Arc::new(rule)]);
        let remembered = workload.remembered();
        let holder = Principal { identity: Identity::Workload(Arc::new(workload)), carries: Carries::All };
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passes.insert(key, IssuedPass { holder, remembered, ends });
        RepositoryPass { secret, key, passes: Arc::downgrade(&self.0) }
    }

    /// True while there is no pass.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Who logs in with this password, if it is a pass.
    pub(crate) fn holder(&self, password: &SecretString, now: SystemTime) -> Option<Principal> {
        if !password.expose_secret().starts_with(PREFIX) {
            return None;
        }
        let key = Digest::of(password.expose_secret().as_bytes());
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = passes.get(&key)?;
        if held.ends <= now {
            passes.remove(&key);
            return None;
        }
        Some(held.holder.clone())
    }

    /// The holder of a pass that a registry token was issued to, as long as the pass lives.
    pub(crate) fn restored(&self, remembered: &str, now: SystemTime) -> Option<Principal> {
        let passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = passes.values().find(|held| held.remembered == remembered && held.ends > now);
        held.map(|held| held.holder.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::verb::Verb;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn pull() -> Verbs {
        Verbs::NONE.with(Verb::Pull)
    }

    fn pass(passes: &RepositoryPasses, lives: u64) -> RepositoryPass {
        let repository = "docker.io/library/nginx".parse().unwrap();
        passes.add("node gpu-1", (repository, pull()), NOW + Duration::from_secs(lives))
    }

    fn rights(principal: &Principal, repository: &str) -> Verbs {
        let Identity::Workload(workload) = &principal.identity else { panic!("{principal:?}") };
        workload.rights(repository)
    }

    #[test]
    fn a_pass_is_for_one_repository_and_for_pulls() {
        let passes = RepositoryPasses::default();
        let pass = pass(&passes, 60);
        let holder = passes.holder(pass.password(), NOW).unwrap();
        assert_eq!(rights(&holder, "docker.io/library/nginx"), Verbs::NONE.with(Verb::Pull));
        assert_eq!(rights(&holder, "docker.io/library/other"), Verbs::NONE);
        assert_eq!(holder.label(), "workload:node?gpu-1");
        let secret = pass.password().expose_secret();
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
        assert!(!format!("{pass:?}").contains(secret));
    }

    #[test]
    fn one_for_pushes_is_for_nothing_else_either() {
        let passes = RepositoryPasses::default();
        let may = pull().with(Verb::Push);
        let pass =
            passes.add("node gpu-1", ("local/app".parse().unwrap(), may), NOW + Duration::from_secs(60));
        let holder = passes.holder(pass.password(), NOW).unwrap();
        assert_eq!((rights(&holder, "local/app"), rights(&holder, "local/other")), (may, Verbs::NONE));
    }

    #[test]
    fn it_ends_with_the_pull_and_at_its_time() {
        let passes = RepositoryPasses::default();
        let (first, second) = (pass(&passes, 60), pass(&passes, 60));
        let secret = first.password().clone();
        let remembered = |pass: &RepositoryPass| match passes.holder(pass.password(), NOW).unwrap().identity {
            Identity::Workload(workload) => workload.remembered(),
            _ => unreachable!(),
        };
        let (of_first, of_second) = (remembered(&first), remembered(&second));
        assert_ne!(of_first, of_second);
        assert!(passes.restored(&of_first, NOW).is_some());
        drop(first);
        assert!(passes.holder(&secret, NOW).is_none() && passes.restored(&of_first, NOW).is_none());
        let later = NOW + Duration::from_secs(60);
        assert!(passes.restored(&of_second, later).is_none());
        assert!(passes.holder(second.password(), later).is_none());
        assert!(passes.holder(second.password(), NOW).is_none(), "it is gone");
        assert!(passes.holder(&"epull".to_owned().into(), NOW).is_none());
    }
}
