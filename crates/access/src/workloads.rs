//! Tokens of CI jobs and other workloads as passwords: whose are they, and which rules match?

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use entrepot_federation::{Claims, Issuer, ProviderError, TokenError};

use crate::{
    error::LoginError,
    principal::{Carries, Identity, Principal},
    workload::{Workload, WorkloadRule},
};

/// The issuers that are trusted, and the rules for their tokens.
#[derive(Default)]
pub(crate) struct Workloads {
    issuers: BTreeMap<String, Issuer>,
    rules: Vec<Arc<WorkloadRule>>,
}

impl Workloads {
    /// `issuers` has each issuer of a rule once.
    pub(crate) fn new(issuers: Vec<Issuer>, rules: Vec<WorkloadRule>) -> Self {
        let issuers = issuers.into_iter().map(|issuer| (issuer.name().to_owned(), issuer)).collect();
        Self { issuers, rules: rules.into_iter().map(Arc::new).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// True if a password must be the token of a workload.
    pub(crate) fn are_meant(&self, password: &str) -> bool {
        !self.is_empty() && Issuer::is_token(password)
    }

    /// Identifies a workload by its token.
    pub(crate) async fn identify(&self, token: &str) -> Result<Principal, LoginError> {
        let claimed = Issuer::claimed_by(token).unwrap_or_default();
        let issuer = self.issuers.get(&claimed);
        let issuer = issuer.ok_or_else(|| refused("`access.workloads` does not name its issuer"))?;
        let rules: Vec<_> = self.rules.iter().filter(|rule| rule.issuer == issuer.name()).collect();
        let (audience, claims) = verified(issuer, token, &rules).await?;
        let (mut matching, mut missed) = (Vec::new(), Vec::new());
        for rule in rules.into_iter().filter(|rule| rule.audience == audience) {
            match rule.mismatches(&claims) {
                wrong if wrong.is_empty() => matching.push(Arc::clone(rule)),
                wrong => missed.push(format!("`{}`", wrong.join("`, `"))),
            }
        }
        if matching.is_empty() {
            return Err(refused(&format!(
                "no rule of `access.workloads` matches it; claims that differ: {}",
                missed.join(" or ")
            )));
        }
        Ok(principal(Workload::new(claims.text("sub").unwrap_or_default(), matching)))
    }

    /// The workload that a registry token was issued to, if all its rules still stand.
    pub(crate) fn restored(&self, remembered: &str) -> Option<Principal> {
        let (fingerprints, subject) = remembered.split_once(':')?;
        let find = |wanted: &str| self.rules.iter().find(|rule| rule.fingerprint() == wanted).cloned();
        let rules = fingerprints.split(',').map(find).collect::<Option<Vec<_>>>()?;
        Some(principal(Workload::new(subject, rules)))
    }
}

fn principal(workload: Workload) -> Principal {
    Principal { identity: Identity::Workload(Arc::new(workload)), carries: Carries::All }
}

// The audience among those of the rules that the token is for, and what the token says.
async fn verified<'a>(
    issuer: &Issuer,
    token: &str,
    rules: &[&'a Arc<WorkloadRule>],
) -> Result<(&'a str, Claims), LoginError> {
    let mut failed = None;
    let mut audiences: Vec<&str> = rules.iter().map(|rule| rule.audience.as_str()).collect();
    audiences.sort_unstable();
    audiences.dedup();
    for audience in audiences {
        match issuer.verify(token, audience, SystemTime::now()).await {
            Ok(claims) => return Ok((audience, claims)),
            Err(error @ ProviderError::Token(TokenError::Audience(_))) => failed = Some(error),
            Err(error) => return Err(told(issuer, error)),
        }
    }
    Err(failed.map_or_else(|| refused("no rule is for its issuer"), |error| told(issuer, error)))
}

fn told(issuer: &Issuer, error: ProviderError) -> LoginError {
    if error.is_outage() {
        tracing::warn!(issuer = issuer.name(), cause = %error, "the keys of an issuer cannot be had");
        return LoginError::Unavailable("the issuer of the token cannot be asked for its keys");
    }
    refused(&error.to_string())
}

fn refused(why: &str) -> LoginError {
    LoginError::Workload(why.to_owned())
}
