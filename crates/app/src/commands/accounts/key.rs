//! One's own public key.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use entrepot_api::{NewSshKey, SshKey};
use reqwest::Method;

use crate::{
    commands::asker::ApiSession,
    failure::Failure,
    output::{line, sentence},
};

/// Where one's key is.
const PATH: [&str; 2] = ["me", "ssh-key"];
/// The longest file that is read, in bytes. A server takes less.
const LONGEST: u64 = 64 << 10;

/// Sets it to what a file says; `-` is standard input.
pub(super) async fn set(asker: &ApiSession, file: &Path) -> Result<(), Failure> {
    let new = NewSshKey { key: read(file)? };
    let key: SshKey = asker.told(asker.client.put(&PATH, &new).await)?;
    asker.print(&key, || line(&sentence!("your public key is {key}", key = told(&key))))
}

/// Shows it.
pub(super) async fn show(asker: &ApiSession) -> Result<(), Failure> {
    let key: SshKey = asker.told(asker.client.get(&PATH, &()).await)?;
    asker.print(&key, || line(&told(&key)) + &line(&key.key))
}

/// Removes it.
pub(super) async fn remove(asker: &ApiSession) -> Result<(), Failure> {
    asker.told(asker.client.change(Method::DELETE, &PATH, &()).await)?;
    asker.done("key", &sentence!("is removed"))
}

fn told(key: &SshKey) -> String {
    let SshKey { fingerprint, algorithm, comment, since, .. } = key;
    let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
    let key = format!("{fingerprint}{comment}");
    sentence!("{key} ({algorithm}), since {since}", key = key, algorithm = algorithm, since = since)
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        stdin().take(LONGEST).read_to_string(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(error) => {
            Err(Failure::because(format!("cannot read the public key in `{}`", file.display()), &error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_fingerprint() {
        let text = r#"{"algorithm":"ssh-ed25519","fingerprint":"SHA256:abc","comment":"ann@laptop",
            "key":"ssh-ed25519 AAAA ann@laptop","since":"2026-12-01T00:00:00Z"}"#;
        let key: SshKey = serde_json::from_str(text).unwrap();
        assert_eq!(told(&key), "SHA256:abc ann@laptop (ssh-ed25519), since 2026-12-01T00:00:00Z");
        let bare = SshKey { comment: String::new(), ..key };
        assert_eq!(told(&bare), "SHA256:abc (ssh-ed25519), since 2026-12-01T00:00:00Z");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("/nothing/here.pub")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read the public key in `/nothing/here.pub`"), "{error}");
    }
}
