//! Stores the logins of a credentials file of Docker or the containers tools on a server.

use std::path::PathBuf;

use entrepot_api::{CredentialChange, NewCredential, StoredCredential};
use entrepot_credentials::{AuthFilePaths, Login, Logins};
use entrepot_oci::Host;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::super::asker::ApiSession;
use crate::{
    client::ApiError,
    config::{Environment, Warning},
    failure::{self, Failure},
    output::{self, sentence},
};

/// What became of a login.
#[derive(Serialize)]
struct ImportedLogin {
    name: String,
    outcome: ImportOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ImportOutcome {
    /// It is stored.
    Stored,
    /// The one that was there has its password.
    Replaced,
    /// There is one of that name already.
    Skipped,
    /// The server or a helper refused.
    Failed,
}

/// Stores every login, and says of each what became of it.
pub(super) async fn run(asker: &ApiSession, file: Option<PathBuf>, replace: bool) -> Result<(), Failure> {
    let logins = read(file.as_deref())?;
    let mut all = Vec::new();
    for host in logins.hosts() {
        let found = tokio::task::block_in_place(|| logins.find(&host));
        failure::warn(&found.errors.iter().map(Warning::from).collect::<Vec<_>>());
        all.extend(found.errors.iter().map(|error| failed(host.to_string(), error.to_string())));
        for login in found.logins {
            all.push(store(asker, &host, login, replace).await?);
        }
    }
    if all.is_empty() {
        return Err(Failure::new("there is no login to import")
            .with_hint("name the file: `entrepot credentials import ~/.docker/config.json`"));
    }
    asker.print(&all, || all.iter().map(told).collect())?;
    let failed = all.iter().filter(|one| one.outcome == ImportOutcome::Failed).count();
    if failed == 0 {
        Ok(())
    } else {
        Err(Failure::new(format!("{failed} of {} logins are not stored", all.len())))
    }
}

fn read(file: Option<&std::path::Path>) -> Result<Logins, Failure> {
    let Some(file) = file else {
        let environment = Environment::of_process();
        let (logins, errors) = Logins::read(&AuthFilePaths::new(|name| environment.get(name)));
        failure::warn(&errors.iter().map(Warning::from).collect::<Vec<_>>());
        return Ok(logins);
    };
    if !file.exists() {
        return Err(Failure::wrong(format!("there is no file `{}`", file.display())));
    }
    Ok(Logins::read_file(file)?)
}

async fn store(
    asker: &ApiSession,
    host: &Host,
    login: Login,
    replace: bool,
) -> Result<ImportedLogin, Failure> {
    let Login { credential, namespace } = login;
    let password = credential.password.expose_secret().to_owned();
    let name = match &namespace {
        Some(namespace) => format!("{host}/{namespace}"),
        None => host.to_string(),
    };
    let new = NewCredential {
        name: None,
        registry: host.to_string(),
        namespace: namespace.map(|namespace| namespace.to_string()),
        endpoint: None,
        username: credential.username.clone(),
        password: password.clone(),
    };
    let answer: Result<StoredCredential, ApiError> = asker.client.post(&["credentials"], &new).await;
    match answer {
        Ok(StoredCredential { name }) => {
            Ok(ImportedLogin { name, outcome: ImportOutcome::Stored, reason: None })
        }
        Err(ApiError::Refused { status: StatusCode::CONFLICT, .. }) if replace => {
            let change = CredentialChange { username: Some(credential.username), password: Some(password) };
            let changed = asker.client.change(Method::PATCH, &["credentials", &name], &change).await;
            asker.told(changed)?;
            Ok(ImportedLogin { name, outcome: ImportOutcome::Replaced, reason: None })
        }
        Err(ApiError::Refused { status: StatusCode::CONFLICT, .. }) => {
            Ok(ImportedLogin { name, outcome: ImportOutcome::Skipped, reason: None })
        }
        // One that is not accepted does not stop the others.
        Err(ApiError::Refused { status: StatusCode::BAD_REQUEST, problem }) => {
            Ok(failed(name, problem.map(|problem| problem.detail).unwrap_or_default()))
        }
        Err(fault) => Err(fault.explained(asker.client.server())),
    }
}

fn failed(name: String, reason: String) -> ImportedLogin {
    ImportedLogin { name, outcome: ImportOutcome::Failed, reason: Some(reason) }
}

fn told(ImportedLogin { name, outcome, reason }: &ImportedLogin) -> String {
    output::line(&match (outcome, reason) {
        (ImportOutcome::Stored, _) => sentence!("`{name}` is stored and in use", name = name),
        (ImportOutcome::Replaced, _) => sentence!("`{name}` has the password of the file now", name = name),
        (ImportOutcome::Skipped, _) => sentence!(
            "`{name}` is there already, and stays: `--replace` gives it the password of the file",
            name = name
        ),
        (ImportOutcome::Failed, reason) => {
            let reason = failure::told(reason.as_deref().unwrap_or_default());
            sentence!("`{name}` is not stored: {reason}", name = name, reason = reason)
        }
    })
}
