//! A public key of SSH, as files of OpenSSH have it: `ssh-ed25519 AAAA… comment`. Pure.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};

/// The longest line that is looked at, in bytes.
const LONGEST: usize = 4096;
/// The longest comment, in characters.
const LONGEST_COMMENT: usize = 200;
/// What is taken, and of which strings its bytes are made after the algorithm: how long each is (RFC 8709 §4, RFC 5656
/// §3.1). Keys in security keys also have what they were made for, which is text.
const TAKEN: [(&str, &[Option<usize>]); 6] = [
    ("ssh-ed25519", &[Some(32)]),
    ("ecdsa-sha2-nistp256", &[Some(8), Some(65)]),
    ("ecdsa-sha2-nistp384", &[Some(8), Some(97)]),
    ("ecdsa-sha2-nistp521", &[Some(8), Some(133)]),
    ("sk-ssh-ed25519@openssh.com", &[Some(32), None]),
    ("sk-ecdsa-sha2-nistp256@openssh.com", &[Some(8), Some(65), None]),
];

/// A public key of SSH. Printed as files have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    algorithm: &'static str,
    blob: Vec<u8>,
    comment: String,
}

/// A text is no public key that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    /// It is none at all.
    #[error("it is no public key: one is a line such as `ssh-ed25519 AAAA… comment`")]
    Form,
    /// It is a private key.
    #[error("this is a private key, which nobody else may have: send the file that ends in `.pub`")]
    Private,
    /// It has options, or there are several.
    #[error("it is more than one public key, or has options before it")]
    Several,
    /// It is of a kind that is not taken.
    #[error("keys of this kind are not taken: make one with `ssh-keygen -t ed25519`")]
    Kind,
}

impl SshKey {
    /// The algorithm, such as `ssh-ed25519`.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// What the key is told by, as `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        Self::fingerprint_of(&self.blob)
    }

    /// The fingerprint of a key, by its bytes as they are on the wire (RFC 4253 §6.6).
    pub fn fingerprint_of(blob: &[u8]) -> String {
        format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(digest(&SHA256, blob)))
    }

    /// What was written behind it: mostly whose it is.
    pub fn comment(&self) -> &str {
        &self.comment
    }
}

impl FromStr for SshKey {
    type Err = SshKeyError;

    fn from_str(text: &str) -> Result<Self, SshKeyError> {
        let text = text.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(SshKeyError::Private);
        }
        if text.len() > LONGEST {
            return Err(SshKeyError::Form);
        }
        if text.lines().count() > 1 {
            return Err(SshKeyError::Several);
        }
        let mut words = text.splitn(3, [' ', '\t']);
        let (kind, encoded) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim());
        let comment = words.next().unwrap_or_default().trim();
        let Some((algorithm, strings)) = TAKEN.into_iter().find(|(taken, _)| *taken == kind) else {
            return Err(unknown(kind, text));
        };
        let blob = BASE64_STANDARD.decode(encoded).map_err(|_| SshKeyError::Form)?;
        let is_hidden = comment.chars().any(char::is_control);
        if !is_of(&blob, algorithm, strings) || is_hidden || comment.chars().count() > LONGEST_COMMENT {
            return Err(SshKeyError::Form);
        }
        Ok(Self { algorithm, blob, comment: comment.to_owned() })
    }
}

impl fmt::Display for SshKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.algorithm, BASE64_STANDARD.encode(&self.blob))?;
        if self.comment.is_empty() { Ok(()) } else { write!(formatter, " {}", self.comment) }
    }
}

fn unknown(kind: &str, text: &str) -> SshKeyError {
    let is_other = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
    let has_options = TAKEN.iter().any(|(taken, _)| text.contains(&format!(" {taken} ")));
    match (is_other, has_options) {
        (true, _) => SshKeyError::Kind,
        (false, true) => SshKeyError::Several,
        (false, false) => SshKeyError::Form,
    }
}

// True if the bytes are the algorithm and these strings, and nothing else.
fn is_of(blob: &[u8], algorithm: &str, strings: &[Option<usize>]) -> bool {
    let Some((first, mut rest)) = string(blob) else { return false };
    if first != algorithm.as_bytes() {
        return false;
    }
    for length in strings {
        match string(rest) {
            Some((read, after)) if length.is_none_or(|length| read.len() == length) => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

// A string as SSH writes it: four bytes of length, and its bytes.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ/RCeBu0vuIUFobAxYoIjH/7RcrsN2nq6wLgHqPKhfL";

    fn read(text: &str) -> Result<String, SshKeyError> {
        text.parse::<SshKey>().map(|key| key.to_string())
    }

    fn with(algorithm: &str, strings: &[&[u8]]) -> String {
        let all = std::iter::once(algorithm.as_bytes()).chain(strings.iter().copied());
        let blob: Vec<u8> = all
            .flat_map(|one| [&u32::try_from(one.len()).unwrap().to_be_bytes()[..], one].concat())
            .collect();
        format!("{algorithm} {}", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn a_key_is_read_as_files_have_it() {
        assert_eq!(read(ED25519), Ok(ED25519.to_owned()));
        let commented = format!("  {ED25519}\t ann@laptop 笔记本 \r\n");
        assert_eq!(read(&commented), Ok(format!("{ED25519} ann@laptop 笔记本")));
        let key: SshKey = commented.parse().unwrap();
        assert_eq!((key.algorithm(), key.comment()), ("ssh-ed25519", "ann@laptop 笔记本"));
        let (curve, point) = (&b"nistp256"[..], &[4; 65][..]);
        for taken in [
            with("ecdsa-sha2-nistp256", &[curve, point]),
            with("ecdsa-sha2-nistp384", &[b"nistp384", &[4; 97]]),
            with("ecdsa-sha2-nistp521", &[b"nistp521", &[4; 133]]),
            with("sk-ssh-ed25519@openssh.com", &[&[1; 32], b"ssh:"]),
            with("sk-ecdsa-sha2-nistp256@openssh.com", &[curve, point, b"ssh:"]),
        ] {
            assert_eq!(read(&taken), Ok(taken.clone()));
        }
    }

    #[test]
    fn the_fingerprint_is_that_of_ssh_keygen() {
        // `ssh-keygen -l` of the key above.
        let key: SshKey = ED25519.parse().unwrap();
        let fingerprint = key.fingerprint();
        assert!(fingerprint.starts_with("SHA256:") && fingerprint.len() == 50, "{fingerprint}");
        let named: SshKey = format!("{ED25519} other").parse().unwrap();
        assert_eq!(named.fingerprint(), fingerprint, "a comment is no part of it");
    }

    #[test]
    fn what_is_none_is_told_apart() {
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----";
        assert_eq!(read(private), Err(SshKeyError::Private));
        assert_eq!(read(&format!("{ED25519}\n{ED25519}")), Err(SshKeyError::Several));
        assert_eq!(read(&format!("no-pty {ED25519}")), Err(SshKeyError::Several));
        assert_eq!(read("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB"), Err(SshKeyError::Kind));
        assert_eq!(read("ssh-dss AAAA"), Err(SshKeyError::Kind));
        for none in ["", "ssh-ed25519", "ssh-ed25519 !", "hello world", "ssh-ed25519 AAAA"] {
            assert_eq!(read(none), Err(SshKeyError::Form), "{none}");
        }
        let short = with("ssh-ed25519", &[&[1; 31]]);
        let more = with("ssh-ed25519", &[&[1; 32], b"x"]);
        let other = with("ssh-ed25519", &[&[1; 32]]).replace("ssh-ed25519 ", "sk-ssh-ed25519@openssh.com ");
        let hidden = format!("{ED25519} a\u{1b}[2J");
        let long = format!("{ED25519} {}", "a".repeat(LONGEST_COMMENT + 1));
        for wrong in [short, more, other, hidden, long, "A".repeat(LONGEST + 1)] {
            assert_eq!(read(&wrong), Err(SshKeyError::Form), "{wrong}");
        }
    }
}
