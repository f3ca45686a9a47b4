//! Credential helpers: programs named `docker-credential-…` that store secrets.
//!
//! They read a request from standard input and answer on standard output (docker-credential-helpers, README). The output
//! may be a secret, so nothing of it is passed on except the credential.

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

use crate::{
    credential::Credential,
    error::{Error, HelperFault},
};

/// How long a helper may take to answer: some ask a cloud service or a person.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// What a helper prints, with a failure, where it does not have the login.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// A credential helper.
#[derive(Debug)]
pub(crate) struct Helper {
    program: String,
    timeout: Duration,
}

#[derive(Deserialize)]
struct HelperResponse {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: SecretString,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoreRequest<'a> {
    #[serde(rename = "ServerURL")]
    server: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl Helper {
    /// The helper `docker-credential-<name>`.
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(Error::HelperName);
        }
        Ok(Self { program: format!("docker-credential-{name}"), timeout: TIMEOUT })
    }

    /// The credential for `server`, if the helper has one. An empty one is none.
    pub(crate) fn get(&self, server: &str) -> Result<Option<Credential>, Error> {
        let failed = |fault| self.failed(server, fault);
        let Some(answer) = self.run("get", server.as_bytes()).map_err(failed)? else { return Ok(None) };
        credential(&answer).map_err(failed)
    }

    /// Stores the credential for `server`.
    pub(crate) fn store(&self, server: &str, credential: &Credential) -> Result<(), Error> {
        let failed = |fault| self.failed(server, fault);
        let Credential { username, password } = credential;
        let request = StoreRequest { server, username, secret: password.expose_secret() };
        let request = serde_json::to_vec(&request).map_err(|_| failed(HelperFault::Malformed))?;
        self.run("store", &request).map(drop).map_err(failed)
    }

    /// Removes the credential for `server`.
    pub(crate) fn erase(&self, server: &str) -> Result<(), Error> {
        self.run("erase", server.as_bytes()).map(drop).map_err(|fault| self.failed(server, fault))
    }

    // `None` if the helper says that it does not have the login.
    fn run(&self, verb: &str, input: &[u8]) -> Result<Option<Vec<u8>>, HelperFault> {
        let mut child = Command::new(&self.program)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|_| HelperFault::Missing)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read its input says so by its status.
            let _ = stdin.write_all(input);
        }
        let Some(output) = self.read(&mut child) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(HelperFault::TimedOut(self.timeout));
        };
        match child.wait() {
            Ok(status) if status.success() => Ok(Some(output)),
            Ok(_) if output.trim_ascii() == NOT_FOUND.as_bytes() => Ok(None),
            Ok(status) => Err(HelperFault::Failed(status.code())),
            Err(_) => Err(HelperFault::Failed(None)),
        }
    }

    // A thread reads, because waiting for a pipe has no time limit. The thread ends with the helper.
    fn read(&self, child: &mut Child) -> Option<Vec<u8>> {
        let stdout = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut output = Vec::new();
            let read = stdout.take(MAX_ANSWER).read_to_end(&mut output);
            // After the timeout nobody receives it.
            let _ = sender.send(read.map(|_| output).unwrap_or_default());
        });
        receiver.recv_timeout(self.timeout).ok()
    }

    fn failed(&self, server: &str, fault: HelperFault) -> Error {
        Error::Helper { program: self.program.clone(), server: server.to_owned(), fault }
    }
}

fn credential(answer: &[u8]) -> Result<Option<Credential>, HelperFault> {
    let HelperResponse { username, secret } =
        serde_json::from_slice(answer).map_err(|_| HelperFault::Malformed)?;
    Ok(Some(Credential { username, password: secret }).filter(|credential| !credential.is_empty()))
}

impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_answer_is_no_login() {
        for (answer, has_one) in [
            (r#"{"ServerURL":"","Username":"","Secret":""}"#, false),
            (r#"{"ServerURL":"","Username":"","Secret":"s"}"#, true),
            (r#"{"ServerURL":"","Username":"u","Secret":""}"#, true),
        ] {
            assert_eq!(credential(answer.as_bytes()).unwrap().is_some(), has_one, "{answer}");
        }
        assert_eq!(credential(b"{}").unwrap_err(), HelperFault::Malformed);
    }
}
