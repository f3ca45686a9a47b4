//! `entrepot login` and `logout`: registry accounts, stored where Docker and podman keep theirs.

use std::sync::Arc;

use entrepot_credentials::{
    AuthFilePaths, Credential, LoginStore, LoginTarget, Logins, RemovedLogin, StoredIn,
};
use entrepot_oci::{Host, Repository};
use entrepot_remote::{EgressError, Error, LoginOutcome, Remote};
use entrepot_sync::{ConfiguredRegistries, FileCache};
use serde::Serialize;

use super::{
    login_token::{self, LoginToken},
    password::{self, Password},
    session::{self, Common, RegistryContext},
};
use crate::{
    config::{self, Environment, Overrides, Warning},
    failure::{self, Failure},
    output::{self, Output, sentence},
    registries, terminal,
};

/// The arguments of `login`.
#[derive(Debug)]
pub(crate) struct LoginOptions {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The registry, or a namespace of it.
    pub(crate) target: LoginTarget,
    /// The user name; prompted for if missing.
    pub(crate) username: Option<String>,
    /// Where the password is.
    pub(crate) password: Password,
    /// Whether the password is kept also where the server gives API tokens.
    pub(crate) keep_password: bool,
}

/// The arguments of `logout`.
#[derive(Debug)]
pub(crate) struct Logout {
    /// The output format.
    pub(crate) output: Output,
    /// The registry, or a namespace of it; `None` means all.
    pub(crate) target: Option<LoginTarget>,
}

#[derive(Serialize)]
struct LoggedIn {
    registry: String,
    username: String,
    kept: String,
    /// The id of the API token that is kept instead of the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_token: Option<String>,
}

#[derive(Serialize)]
struct LoggedOut {
    name: String,
    file: String,
}

/// Logins that were removed, and the API tokens of theirs that were revoked.
struct Removal {
    removed: Vec<RemovedLogin>,
    revoked: Vec<String>,
}

/// Prompts for the account, checks it against the registry, and stores it. Where the server is an entrepot, an API token
/// is stored instead of the password.
pub(crate) fn login(login: LoginOptions) -> Result<(), Failure> {
    let LoginOptions { common, target, username, password, keep_password } = login;
    session::run(&common, async |session, stop| {
        let entered = async {
            let credential = enter(&target, username, password).await?;
            let verdict = check(&session, &target, &credential).await?;
            let is_wanted =
                !keep_password && target.namespace().is_none() && verdict == LoginOutcome::Accepted;
            let made = if is_wanted { token(&session, &target, &credential).await } else { None };
            Ok::<_, Failure>((credential, verdict, made))
        };
        let (credential, verdict, made) = tokio::select! {
            entered = entered => entered?,
            () = stop.cancelled() => return Err(Failure::new("interrupted")),
        };
        let (kept, api_token) = match made {
            Some(LoginToken { id, credential }) => (credential, Some(id)),
            None => (credential, None),
        };
        let before = found(target.host(), target.namespace());
        let stored = tokio::task::block_in_place(|| store().put(&target, &kept))?;
        if let Some(before) = before {
            revoke(&session.registries, target.host(), &before).await;
        }
        let done = LoginResult { target, username: kept.username, verdict, stored, api_token };
        done.print(common.output)
    })
}

// A server that gives no token is logged in to with the password.
async fn token(
    context: &RegistryContext,
    target: &LoginTarget,
    credential: &Credential,
) -> Option<LoginToken> {
    match login_token::make(&context.registries, target.host(), credential).await {
        Ok(made) => made,
        Err(fault) => {
            failure::warn(&[Warning {
                what: format!("`{target}` gives no API token, so the password is kept: {fault}"),
                hint: "see who may make tokens: `entrepot token ls`".to_owned(),
            }]);
            None
        }
    }
}

// Revokes the API token of a login that is gone, if it was made for one.
async fn revoke(registries: &ConfiguredRegistries, host: &Host, before: &Credential) -> Option<String> {
    match login_token::revoke(registries, host, before).await {
        Ok(revoked) => revoked,
        Err(fault) => {
            failure::warn(&[Warning {
                what: format!("the API token of the login is not revoked at `{host}`: {fault}"),
                hint: format!("remove it there: `entrepot token ls --server {host}`"),
            }]);
            None
        }
    }
}

// The login that is stored now.
fn found(host: &Host, namespace: Option<&Repository>) -> Option<Credential> {
    let environment = Environment::of_process();
    let (logins, _) = Logins::read(&AuthFilePaths::new(|name| environment.get(name)));
    let found = tokio::task::block_in_place(|| logins.find(host)).logins;
    let same = found.into_iter().find(|login| login.namespace.as_ref() == namespace);
    same.map(|login| login.credential).filter(login_token::is_token)
}

// The user's login files, where Docker and the containers tools keep them.
fn store() -> LoginStore {
    let environment = Environment::of_process();
    LoginStore::new(AuthFilePaths::new(|name| environment.get(name)))
}

async fn enter(
    target: &LoginTarget,
    username: Option<String>,
    password: Password,
) -> Result<Credential, Failure> {
    let username = match username {
        Some(username) => username,
        None => ask_username().await?,
    };
    let prompt = sentence!("password of `{name}` at `{target}`: ", name = username, target = target);
    let password = password.obtain(&prompt).await?;
    Ok(Credential { username, password })
}

async fn check(
    context: &RegistryContext,
    target: &LoginTarget,
    given: &Credential,
) -> Result<LoginOutcome, Failure> {
    let host = target.host();
    let remote = Remote::new(host.clone(), &context.registries.bare(host));
    let remote = remote.map_err(|error| session::unusable(host, &error))?;
    let (credential, namespace) = (given.clone(), target.namespace().cloned());
    let login = entrepot_credentials::Login { credential, namespace };
    let outcome = remote.log_in(&registries::credential(login)).await;
    let outcome = outcome.map_err(|error| refused(host, &error))?;
    if outcome == LoginOutcome::Accepted {
        return Ok(outcome);
    }
    // An entrepot asks programs on its own machine for no login, and knows its accounts all the same.
    match login_token::knows(&context.registries, host, given).await {
        None => Ok(LoginOutcome::NotRequired),
        Some(true) => Ok(LoginOutcome::Accepted),
        Some(false) => Err(Failure::new(format!("`{host}` refuses the user name or the password"))
            .with_hint("look at both; an admin of it can set another password: `entrepot account password`")),
    }
}

/// Removes logins, and revokes the API tokens that were made for them.
pub(crate) fn logout(Logout { output, target }: Logout) -> Result<(), Failure> {
    let before = tokens(target.as_ref());
    let removed = store().remove(target.as_ref())?;
    if let (Some(target), true) = (&target, removed.is_empty()) {
        return Err(Failure::new(format!("there is no login for `{target}`"))
            .with_hint("logins for namespaces are apart: name the namespace too, or say `--all`"));
    }
    let revoked = if before.is_empty() { Vec::new() } else { session::block_on(revoke_all(before))? };
    Removal { removed, revoked }.print(output)
}

// The logins that are about to go and have an API token.
fn tokens(target: Option<&LoginTarget>) -> Vec<(Host, Credential)> {
    let environment = Environment::of_process();
    let hosts = match target {
        Some(target) => vec![target.host().clone()],
        None => {
            let (logins, _) = Logins::read(&AuthFilePaths::new(|name| environment.get(name)));
            logins.hosts().into_iter().collect()
        }
    };
    let namespace = target.and_then(LoginTarget::namespace);
    hosts.into_iter().filter_map(|host| Some((host.clone(), found(&host, namespace)?))).collect()
}

async fn revoke_all(logins: Vec<(Host, Credential)>) -> Vec<String> {
    let environment = Environment::of_process();
    // A configuration that cannot be read has no addresses of its own; it is not what was asked for.
    let known = config::load(None, &environment, Overrides::default());
    let registries = known.map(|loaded| loaded.config.registries).unwrap_or_default();
    let registries = registries::configured(registries, &environment, Arc::new(FileCache::open(None)));
    let mut revoked = Vec::new();
    for (host, credential) in logins {
        revoked.extend(revoke(&registries, &host, &credential).await);
    }
    revoked
}

impl Removal {
    fn print(self, output: Output) -> Result<(), Failure> {
        let Self { removed, revoked } = self;
        let named = |RemovedLogin { name, file }: &RemovedLogin| LoggedOut {
            name: name.clone(),
            file: file.display().to_string(),
        };
        if output == Output::Json {
            return output::print_json(&removed.iter().map(named).collect::<Vec<_>>());
        }
        if removed.is_empty() {
            return output::print(&(sentence!("there was no login") + "\n"));
        }
        let removed = removed.iter().map(named).map(|LoggedOut { name, file }| {
            sentence!("removed `{name}` from `{file}`", name = name, file = file) + "\n"
        });
        let revoked = revoked.iter().map(|id| sentence!("revoked the API token `{id}`", id = id) + "\n");
        output::print(&removed.chain(revoked).collect::<String>())
    }
}

/// A login that was checked and stored.
struct LoginResult {
    target: LoginTarget,
    username: String,
    verdict: LoginOutcome,
    stored: StoredIn,
    /// The id of the API token that is stored instead of the password.
    api_token: Option<String>,
}

impl LoginResult {
    fn print(self, output: Output) -> Result<(), Failure> {
        let Self { target, username, verdict, stored, api_token } = self;
        if output == Output::Json {
            let kept = match stored {
                StoredIn::File(path) => path.display().to_string(),
                StoredIn::Helper(name) => name,
            };
            return output::print_json(&LoggedIn { registry: target.to_string(), username, kept, api_token });
        }
        let place = match stored {
            StoredIn::File(path) => sentence!("`{file}`, for this user to read", file = path.display()),
            StoredIn::Helper(name) => format!("`{name}`"),
        };
        let unchecked = match verdict {
            LoginOutcome::Accepted => String::new(),
            LoginOutcome::NotRequired => {
                let host = target.host();
                sentence!("`{host}` lets everybody in: the password was not checked", host = host) + "\n"
            }
        };
        let secret = match api_token {
            Some(id) => sentence!("an API token (`{id}`), and not the password,", id = id),
            None => sentence!("the password"),
        };
        let logged_in = sentence!("logged in to `{target}` as `{name}`", target = target, name = username);
        let secret = sentence!("{secret} is in {place}", secret = secret, place = place);
        output::print(&format!("{logged_in}\n{unchecked}{secret}\n"))
    }
}

fn refused(host: &Host, error: &Error) -> Failure {
    match error {
        Error::Denied { status: 401 | 403, .. } => Failure::because(
            format!("`{host}` does not take this login"),
            error,
        )
        .with_hint(
            "look at user name and password; many registries want an access token instead of the password",
        ),
        Error::Refused(EgressError::ForeignEndpoint { host: endpoint }) => {
            Failure::because(format!("cannot log in to `{host}`"), error).with_hint(format!(
                "log in to the endpoint, if it may have a password of yours: `entrepot login {endpoint}`"
            ))
        }
        other => session::to_failure(host, host.as_str(), other, true),
    }
}

async fn ask_username() -> Result<String, Failure> {
    if !terminal::is_person() {
        return Err(
            Failure::wrong("there is nobody to ask for a user name").with_hint("write `--username NAME`")
        );
    }
    let line = password::type_line(&sentence!("user name: ")).await?;
    let name = line.trim();
    if name.is_empty() { Err(Failure::wrong("no user name was given")) } else { Ok(name.to_owned()) }
}
