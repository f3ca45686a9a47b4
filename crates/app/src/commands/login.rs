//! `entrepot login` and `logout`: registry accounts, stored where Docker and podman keep theirs.

use std::{
    io::{self, Read},
    thread,
};

use entrepot_credentials::{AuthFilePaths, Credential, LoginStore, LoginTarget, RemovedLogin, StoredIn};
use entrepot_oci::Host;
use entrepot_remote::{EgressError, Error, LoginOutcome, Remote};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::sync::oneshot;

use super::session::{self, Common, Session};
use crate::{
    config::{Environment, Warning},
    failure::{self, Failure},
    output::{self, Output},
    registries, terminal,
};

/// The longest password, in bytes. Some clouds issue tokens of several thousand.
const MAX_PASSWORD: u64 = 64 << 10;

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

/// Where a password comes from.
#[derive(Debug)]
pub(crate) enum Password {
    /// It was an argument.
    Given(SecretString),
    /// It is on standard input.
    OnInput,
    /// It is typed.
    Asked,
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
    let password = match password {
        Password::Given(password) => {
            failure::warn(&[Warning {
                what: "a password among the arguments is seen by other users of this machine, and kept by the shell".into(),
                hint: "send it on standard input: `--password-stdin < FILE`".into(),
            }]);
            given(password.expose_secret())?
        }
        Password::OnInput => read_password()?,
        Password::Asked => ask_password(&username, target).await?,
    };
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
    let line = type_line("user name: ").await.map_err(|error| unread(&error))?;
    let name = line.trim();
    if name.is_empty() { Err(Failure::wrong("no user name was given")) } else { Ok(name.to_owned()) }
}

fn read_password() -> Result<SecretString, Failure> {
    let mut text = String::new();
    io::stdin().lock().take(MAX_PASSWORD).read_to_string(&mut text).map_err(|error| unread(&error))?;
    given(&text)
}

async fn ask_password(username: &str, target: &LoginTarget) -> Result<SecretString, Failure> {
    if !terminal::is_person() {
        return Err(Failure::wrong("there is nobody to ask for a password")
            .with_hint("send it on standard input: `--password-stdin < FILE`"));
    }
    let silence = Silence::begin().map_err(|error| unread(&error))?;
    let line = type_line(&format!("password of `{username}` at `{target}`: ")).await;
    drop(silence);
    terminal::say(None, "");
    given(&line.map_err(|error| unread(&error))?)
}

// Reads in a separate thread, so that an interrupt does not have to wait for it.
async fn type_line(prompt: &str) -> io::Result<String> {
    terminal::ask(prompt)?;
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        // Fails after Ctrl-C, when nobody waits for the line any more.
        let _ = sender.send(read.map(|_| line));
    });
    receiver.await.unwrap_or_else(|_| Err(io::ErrorKind::UnexpectedEof.into()))
}

fn given(text: &str) -> Result<SecretString, Failure> {
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::wrong("no password was given")),
        password => Ok(password.into()),
    }
}

fn unread(error: &io::Error) -> Failure {
    Failure::because("cannot read standard input", error)
}

/// Turns off terminal echo until dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
