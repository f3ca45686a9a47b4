//! `entrepot credentials` and `secrets`: what a server stores of other registries, asked of the server.

mod import;
mod render;
pub(crate) mod reset;

use std::path::PathBuf;

use entrepot_api::{
    CredentialChange, CredentialList, CredentialQuery, CredentialVerdict, CredentialVerification,
    NewCredential, PageQuery, SecretsStatus, StoredCredential,
};
use entrepot_credentials::LoginTarget;
use entrepot_secrets::Keyring;
use reqwest::Method;
use secrecy::ExposeSecret;
use url::Url;

use super::{asker::ApiSession, password::Password};
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, sentence},
    runtime,
};

/// How many entries are asked for at once.
const PAGE: usize = 500;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: CredentialOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum CredentialOperation {
    /// List credentials.
    List,
    /// Store a credential.
    Add(Add),
    /// Give a credential a new password.
    SetPassword {
        /// Its name.
        name: String,
        /// The new name of its account, if that changes too.
        username: Option<String>,
        /// The new password.
        password: Password,
    },
    /// Remove a credential.
    Remove {
        /// Its name.
        name: String,
    },
    /// Ask the registry about a credential.
    Verify {
        /// Its name.
        name: String,
        /// A repository that the account should see.
        repository: Option<String>,
    },
    /// Store the logins of a credentials file.
    Import {
        /// The file; `None` for this user's.
        file: Option<PathBuf>,
        /// Whether a credential that is there already gets the password of the file.
        replace: bool,
    },
    /// Show the keys.
    Status,
    /// Rotate the keys.
    Rotate,
}

/// A credential to store.
#[derive(Debug)]
pub(crate) struct Add {
    /// The registry, or a namespace of it.
    pub(crate) target: LoginTarget,
    /// Its name, if not the target's.
    pub(crate) name: Option<String>,
    /// The only endpoint that sees it.
    pub(crate) endpoint: Option<Url>,
    /// The name of the account.
    pub(crate) username: String,
    /// The password.
    pub(crate) password: Password,
}

/// Prints a new key, for those who keep it outside of our reach.
pub(crate) fn print_key() -> Result<(), Failure> {
    output::print(Keyring::generate().to_text().expose_secret())
}

/// Runs the command.
pub(crate) fn run(Credentials { to, operation }: Credentials) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: CredentialOperation) -> Result<(), Failure> {
    match operation {
        CredentialOperation::List => {
            let all = list(asker).await?;
            asker.print(&all, || render::credentials(&all.credentials))
        }
        CredentialOperation::Add(add) => {
            let StoredCredential { name } = store(asker, add).await?;
            asker.done(&name, &sentence!("is stored and in use"))
        }
        CredentialOperation::SetPassword { name, username, password } => {
            let password = password.obtain(&sentence!("new password of `{name}`: ", name = name)).await?;
            let password = Some(password.expose_secret().to_owned());
            let change = CredentialChange { username, password };
            asker.told(asker.client.change(Method::PATCH, &["credentials", &name], &change).await)?;
            asker.done(&name, &sentence!("has a new password, which is in use"))
        }
        CredentialOperation::Remove { name } => {
            asker.told(asker.client.change(Method::DELETE, &["credentials", &name], &()).await)?;
            asker.done(&name, &sentence!("is removed"))
        }
        CredentialOperation::Verify { name, repository } => verify(asker, &name, repository).await,
        CredentialOperation::Import { file, replace } => import::run(asker, file, replace).await,
        CredentialOperation::Status => {
            let none: [(&str, &str); 0] = [];
            let status: SecretsStatus = asker.told(asker.client.get(&["secrets"], &none).await)?;
            asker.print(&status, || render::status(&status))
        }
        CredentialOperation::Rotate => {
            let status: SecretsStatus = asker.told(asker.client.post(&["secrets", "rotate"], &()).await)?;
            asker.print(&status, || render::rotated(&status))
        }
    }
}

async fn list(asker: &ApiSession) -> Result<CredentialList, Failure> {
    let credentials = asker.pages(async |last| {
        let query = PageQuery { n: Some(PAGE), last };
        let page: CredentialList = asker.told(asker.client.get(&["credentials"], &query).await)?;
        let last = page.credentials.last().map(|credential| credential.name.clone());
        Ok((page.credentials, last.filter(|_| page.more)))
    });
    Ok(CredentialList { credentials: credentials.await?, ..CredentialList::default() })
}

async fn store(asker: &ApiSession, add: Add) -> Result<StoredCredential, Failure> {
    let Add { target, name, endpoint, username, password } = add;
    let prompt = sentence!("password of `{name}` at `{target}`: ", name = username, target = target);
    let password = password.obtain(&prompt).await?;
    let new = NewCredential {
        name,
        registry: target.host().to_string(),
        namespace: target.namespace().map(ToString::to_string),
        endpoint: endpoint.map(Into::into),
        username,
        password: password.expose_secret().to_owned(),
    };
    asker.told(asker.client.post(&["credentials"], &new).await)
}

async fn verify(asker: &ApiSession, name: &str, repository: Option<String>) -> Result<(), Failure> {
    let query = CredentialQuery { repository };
    let path = ["credentials", name, "verify"];
    let found: CredentialVerification = asker.told(asker.client.act(&path, &query).await)?;
    asker.print(&found, || render::verification(name, &found))?;
    match found.verdict {
        CredentialVerdict::Accepted | CredentialVerdict::NotRequired => Ok(()),
        verdict => {
            let failure = Failure::new(format!("`{name}` cannot be used: {verdict}"));
            Err(match found.hint {
                Some(hint) => failure.with_hint(hint),
                None => failure,
            })
        }
    }
}
