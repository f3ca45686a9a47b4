//! Asks a registry about a stored credential: ping, token, and a repository if one is named.

use entrepot_access::{Audit, AuditAction};
use entrepot_oci::{Host, Page, Reference, Repository, Tag};
use entrepot_remote::{Credential, Error as RemoteError, LoginOutcome, Remote, RemoteSettings, is_own};
use url::{Position, Url};

use crate::{
    credential::{CredentialFault, CredentialName},
    error::Error,
    vault::Vault,
    verdict::{CredentialVerdict, Verification, VerifyStep},
};

/// The repository that Docker Hub tells the budget for; asking for it costs nothing of it
/// (docs.docker.com, "Pull usage and limits").
const BUDGET: &str = "ratelimitpreview/test";

/// A client for a registry with one account, and that account.
struct Prober {
    remote: Remote,
    credential: Credential,
}

impl Vault {
    /// Asks the registry of a credential whether it takes it, and for a repository whether the account sees it.
    ///
    /// # Errors
    /// There is no such credential, it is not for that repository, or it cannot be opened. What the registry refuses is no
    /// error.
    pub async fn verify(
        &self,
        name: &CredentialName,
        repository: Option<&Repository>,
        by: &Audit,
    ) -> Result<Verification, Error> {
        let verified = self.try_verify(name, repository).await;
        let deed = AuditAction { action: "credential.verify", object: name.as_str(), detail: None };
        self.recorded(by, deed, verified.as_ref().err()).await?;
        verified
    }

    async fn try_verify(
        &self,
        name: &CredentialName,
        repository: Option<&Repository>,
    ) -> Result<Verification, Error> {
        let (host, credential) = self.opened(name).await?;
        if let (Some(repository), Some(namespace)) = (repository, &credential.namespace)
            && !credential.covers(repository)
        {
            return Err(CredentialFault::NotCovered(namespace.clone()).into());
        }
        let settings = (self.0.settings)(&host);
        let prober = Prober::new(host, settings, credential)?;
        let mut found = prober.ask(repository).await;
        found.quota = prober.remote.pull_quota().map(Into::into);
        Ok(found)
    }
}

impl Prober {
    // Only the endpoints that may see the account, and nobody else's accounts.
    fn new(host: Host, settings: RemoteSettings, credential: Credential) -> Result<Self, Error> {
        let (host, endpoints) = match credential.endpoint.clone() {
            Some(named) if is_own(&host, &named) => (host, vec![named]),
            Some(named) => (host_of(&named).unwrap_or(host), vec![named]),
            None => {
                let own = settings.endpoints.into_iter().filter(|endpoint| is_own(&host, endpoint)).collect();
                (host, own)
            }
        };
        let credential = Credential { namespace: None, endpoint: None, ..credential };
        let settings = RemoteSettings {
            endpoints,
            credentials: vec![credential.clone()],
            ca: settings.ca,
            insecure: settings.insecure,
            private_network: settings.private_network,
            ..RemoteSettings::default()
        };
        Ok(Self { remote: Remote::new(host, &settings)?, credential })
    }

    async fn ask(&self, repository: Option<&Repository>) -> Verification {
        let verdict = match self.remote.log_in(&self.credential).await {
            Ok(LoginOutcome::Accepted) => CredentialVerdict::Accepted,
            Ok(LoginOutcome::NotRequired) => CredentialVerdict::NotRequired,
            Err(error) => return Verification::failed(VerifyStep::Login, &error, &self.credential),
        };
        let Some(repository) = repository else { return self.ask_budget(verdict).await };
        match self.look_for(repository).await {
            Ok(()) => Verification::passed(CredentialVerdict::Accepted, VerifyStep::Repository),
            Err(error) => Verification::failed(VerifyStep::Repository, &error, &self.credential),
        }
    }

    // `HEAD`s, which cost nothing of a budget and tell what is left of it. A repository need not have a tag `latest`.
    async fn look_for(&self, repository: &Repository) -> Result<(), RemoteError> {
        match self.remote.head_manifest(repository, &Reference::Tag(Tag::latest())).await {
            Err(RemoteError::NotFound) => {}
            found => return found.map(drop),
        }
        let listed = self.remote.tags(repository, &Page::default()).await?;
        let Some(tag) = listed.tags.into_iter().next() else { return Ok(()) };
        self.remote.head_manifest(repository, &Reference::Tag(tag)).await.map(drop)
    }

    // Docker Hub alone says what is left, and only to requests for manifests.
    async fn ask_budget(&self, verdict: CredentialVerdict) -> Verification {
        let asked = BUDGET.parse().ok().filter(|_| self.remote.host().is_docker_hub());
        let Some(repository) = asked else { return Verification::passed(verdict, VerifyStep::Login) };
        match self.remote.head_manifest(&repository, &Reference::Tag(Tag::latest())).await {
            Err(error @ RemoteError::Limited { .. }) => {
                Verification::failed(VerifyStep::Budget, &error, &self.credential)
            }
            _ => Verification::passed(verdict, VerifyStep::Login),
        }
    }
}

fn host_of(endpoint: &Url) -> Option<Host> {
    endpoint[Position::BeforeHost..Position::AfterPort].parse().ok()
}
