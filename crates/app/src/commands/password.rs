//! Passwords as they are given to a command.

use std::{
    io::{self, Read},
    thread,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::{
    config::Warning,
    failure::{self, Failure},
    terminal,
};

/// The longest password, in bytes. Some clouds issue tokens of several thousand.
const MAX_PASSWORD: u64 = 64 << 10;

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

impl Password {
    /// Reads the password, or prompts for it.
    ///
    /// # Errors
    /// There is none, or nobody to ask.
    pub(crate) async fn obtain(self, prompt: &str) -> Result<SecretString, Failure> {
        match self {
            Self::Given(password) => {
                failure::warn(&[Warning {
                    what: "a password among the arguments is seen by other users of this machine, and kept by the \
                           shell"
                        .into(),
                    hint: "send it on standard input: `--password-stdin < FILE`".into(),
                }]);
                given(password.expose_secret())
            }
            Self::OnInput => read(),
            Self::Asked => ask(prompt).await,
        }
    }
}

/// Prompts for a line.
///
/// # Errors
/// Standard input cannot be read.
pub(crate) async fn type_line(prompt: &str) -> Result<String, Failure> {
    typed(prompt).await.map_err(|error| unread(&error))
}

fn read() -> Result<SecretString, Failure> {
    let mut text = String::new();
    io::stdin().lock().take(MAX_PASSWORD).read_to_string(&mut text).map_err(|error| unread(&error))?;
    given(&text)
}

async fn ask(prompt: &str) -> Result<SecretString, Failure> {
    if !terminal::is_person() {
        return Err(Failure::wrong("there is nobody to ask for a password")
            .with_hint("send it on standard input: `--password-stdin < FILE`"));
    }
    let silence = EchoOff::begin().map_err(|error| unread(&error))?;
    let line = typed(prompt).await;
    drop(silence);
    terminal::say(None, "");
    given(&line.map_err(|error| unread(&error))?)
}

// Reads in a separate thread, so that an interrupt does not have to wait for it.
async fn typed(prompt: &str) -> io::Result<String> {
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
struct EchoOff(Termios);

impl EchoOff {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
