//! `entrepot login` and `logout`: registry accounts, stored where Docker and podman keep theirs.

use entrepot_credentials::{AuthFilePaths, Credential, LoginStore, LoginTarget, RemovedLogin, StoredIn};
use entrepot_oci::Host;
use entrepot_remote::{EgressError, Error, LoginOutcome, Remote};
use serde::Serialize;

use super::{
    password::{self, Password},
    session::{self, Common, Session},
};
use crate::{
    config::Environment,
    failure::Failure,
    output::{self, Output},
    registries, terminal,
};

/// The arguments of `login`.
#[derive(Debug)]
pub(crate) struct Login {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The registry, or a namespace of it.
    pub(crate) target: LoginTarget,
    /// The user name; prompted for if missing.
    pub(crate) username: Option<String>,
    /// Where the password is.
    pub(crate) password: Password,
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
}

#[derive(Serialize)]
struct LoggedOut {
    name: String,
    file: String,
}

/// Prompts for the account, checks it against the registry, and stores it.
pub(crate) fn login(Login { common, target, username, password }: Login) -> Result<(), Failure> {
    session::run(&common, async |session, stop| {
        let entered = async {
            let credential = enter(&target, username, password).await?;
            let verdict = check(&session, &target, &credential).await?;
            Ok::<_, Failure>((credential, verdict))
        };
        let (credential, verdict) = tokio::select! {
            entered = entered => entered?,
            () = stop.cancelled() => return Err(Failure::new("interrupted")),
        };
        let stored = store().put(&target, &credential)?;
        let done = Done { target, username: credential.username, verdict, stored };
        done.print(common.output)
    })
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
    let password = password.obtain(&format!("password of `{username}` at `{target}`: ")).await?;
    Ok(Credential { username, password })
}

async fn check(
    session: &Session,
    target: &LoginTarget,
    credential: &Credential,
) -> Result<LoginOutcome, Failure> {
    let host = target.host();
    let remote = Remote::new(host.clone(), &session.registries.bare(host));
    let remote = remote.map_err(|error| session::unusable(host, &error))?;
    let (credential, namespace) = (credential.clone(), target.namespace().cloned());
    let login = entrepot_credentials::Login { credential, namespace };
    remote.log_in(&registries::credential(login)).await.map_err(|error| refused(host, &error))
}

/// Removes logins.
pub(crate) fn logout(Logout { output, target }: Logout) -> Result<(), Failure> {
    let removed = store().remove(target.as_ref())?;
    if let (Some(target), true) = (&target, removed.is_empty()) {
        return Err(Failure::new(format!("there is no login for `{target}`"))
            .with_hint("logins for namespaces are apart: name the namespace too, or say `--all`"));
    }
    let named = |RemovedLogin { name, file }: &RemovedLogin| LoggedOut {
        name: name.clone(),
        file: file.display().to_string(),
    };
    match output {
        Output::Json => output::print_json(&removed.iter().map(named).collect::<Vec<_>>()),
        Output::Text if removed.is_empty() => output::print("there was no login\n"),
        Output::Text => output::print(
            &removed
                .iter()
                .map(named)
                .map(|gone| format!("removed `{}` from `{}`\n", gone.name, gone.file))
                .collect::<String>(),
        ),
    }
}

/// A login that was checked and stored.
struct Done {
    target: LoginTarget,
    username: String,
    verdict: LoginOutcome,
    stored: StoredIn,
}

impl Done {
    fn print(self, output: Output) -> Result<(), Failure> {
        let Self { target, username, verdict, stored } = self;
        if output == Output::Json {
            let kept = match stored {
                StoredIn::File(path) => path.display().to_string(),
                StoredIn::Helper(name) => name,
            };
            return output::print_json(&LoggedIn { registry: target.to_string(), username, kept });
        }
        let place = match stored {
            StoredIn::File(path) => format!("`{}`, for this user to read", path.display()),
            StoredIn::Helper(name) => format!("`{name}`"),
        };
        let unchecked = match verdict {
            LoginOutcome::Accepted => String::new(),
            LoginOutcome::NotRequired => {
                format!("`{}` lets everybody in: the password was not checked\n", target.host())
            }
        };
        output::print(&format!(
            "logged in to `{target}` as `{username}`\n{unchecked}the password is in {place}\n"
        ))
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
    let line = password::type_line("user name: ").await?;
    let name = line.trim();
    if name.is_empty() { Err(Failure::wrong("no user name was given")) } else { Ok(name.to_owned()) }
}
