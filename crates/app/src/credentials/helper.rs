//! Credential helpers: programs called `docker-credential-…` that keep secrets for others.
//!
//! They are asked over standard input and answer on standard output (docker-credential-helpers, README). What they
//! print may be a secret, so nothing of it is passed on but the pair itself.

use std::{
    fmt,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::Warning;

/// How long a helper has for an answer: some ask a cloud, or a person.
const PATIENCE: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// The user name under which helpers hand out identity tokens.
const IDENTITY_TOKEN: &str = "<token>";

/// What helpers print, with a failure, where they have nothing.
const NOT_THERE: &str = "credentials not found in native keychain";

/// An account and its secret.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    /// The account.
    pub(crate) username: String,
    /// Its password or access token.
    pub(crate) password: SecretString,
}

impl Pair {
    /// Whether the secret is one that only OAuth2 takes.
    pub(super) fn is_identity_token(&self) -> bool {
        self.username == IDENTITY_TOKEN
    }
}

/// A helper.
#[derive(Debug)]
pub(super) struct Helper {
    program: String,
    patience: Duration,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: SecretString,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Login<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// Why a helper is of no help.
enum Trouble {
    Missing,
    Failed(Option<i32>),
    TimedOut,
    Nonsense,
}

impl Helper {
    /// The helper of that name.
    pub(super) fn new(name: &str) -> Result<Self, Warning> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(Warning {
                what: "a credential helper has a name that no program of its kind has".to_owned(),
                hint: "look at `credHelpers` and `credsStore` in the credentials file".to_owned(),
            });
        }
        Ok(Self { program: format!("docker-credential-{name}"), patience: PATIENCE })
    }

    /// The pair for `server`, if it has one.
    pub(super) fn get(&self, server: &str) -> Result<Option<Pair>, Warning> {
        let told = |trouble| self.told(server, &trouble);
        let Some(answer) = self.ask("get", server.as_bytes()).map_err(told)? else { return Ok(None) };
        let Answer { username, secret } =
            serde_json::from_slice(&answer).map_err(|_| told(Trouble::Nonsense))?;
        Ok(Some(Pair { username, password: secret }))
    }

    /// Has it keep a pair.
    pub(super) fn store(&self, server: &str, pair: &Pair) -> Result<(), Warning> {
        let told = |trouble| self.told(server, &trouble);
        let login = Login { server, username: &pair.username, secret: pair.password.expose_secret() };
        let login = serde_json::to_vec(&login).map_err(|_| told(Trouble::Nonsense))?;
        self.ask("store", &login).map(drop).map_err(told)
    }

    /// Has it forget one.
    pub(super) fn erase(&self, server: &str) -> Result<(), Warning> {
        self.ask("erase", server.as_bytes()).map(drop).map_err(|trouble| self.told(server, &trouble))
    }

    // `None`: it says that it has nothing.
    fn ask(&self, verb: &str, input: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let mut child = Command::new(&self.program)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|_| Trouble::Missing)?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not listen says so by its status.
            let _ = stdin.write_all(input);
        }
        let Some(output) = self.read(&mut child) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Trouble::TimedOut);
        };
        match child.wait() {
            Ok(status) if status.success() => Ok(Some(output)),
            Ok(_) if output.trim_ascii() == NOT_THERE.as_bytes() => Ok(None),
            Ok(status) => Err(Trouble::Failed(status.code())),
            Err(_) => Err(Trouble::Failed(None)),
        }
    }

    // A thread reads, since a pipe cannot be waited on with a limit. It ends with the helper.
    fn read(&self, child: &mut Child) -> Option<Vec<u8>> {
        let stdout = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(MAX_ANSWER).read_to_end(&mut output);
            // Nobody waits for it any more where it took too long.
            let _ = sender.send(read.map(|_| output).unwrap_or_default());
        });
        receiver.recv_timeout(self.patience).ok()
    }

    fn told(&self, server: &str, trouble: &Trouble) -> Warning {
        let program = &self.program;
        let (what, hint) = match trouble {
            Trouble::Missing => (
                format!("the credential helper `{program}` for `{server}` cannot be run"),
                "install it somewhere on the `PATH`, or take it out of the credentials file".to_owned(),
            ),
            Trouble::Failed(code) => (
                format!("the credential helper `{program}` failed for `{server}`{}", status(*code)),
                format!("see what it says: `echo {server} | {program} get`"),
            ),
            Trouble::TimedOut => (
                format!(
                    "the credential helper `{program}` gave no answer for `{server}` in {} s",
                    self.patience.as_secs()
                ),
                format!("see what it waits for: `echo {server} | {program} get`"),
            ),
            Trouble::Nonsense => (
                format!(
                    "the credential helper `{program}` gave an answer for `{server}` that cannot be read"
                ),
                format!("see whether it is one: `{program} version`"),
            ),
        };
        Warning { what, hint }
    }
}

fn status(code: Option<i32>) -> String {
    code.map_or_else(String::new, |code| format!(" with status {code}"))
}

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)
    }
}
