//! Distinguished names (RFC 4514), compared as directories compare them. Pure.

use std::{fmt, str::FromStr};

/// The longest name, in bytes.
const MAX: usize = 4096;

/// A distinguished name in a normal form: types and values in lower case, without spaces that mean nothing. Two spellings
/// of one name are equal.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dn(String);

/// The text is not a distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a distinguished name such as `cn=admins,ou=groups,dc=example,dc=org`")]
pub struct DnError;

impl Dn {
    /// The name in its normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Dn {
    type Err = DnError;

    fn from_str(text: &str) -> Result<Self, DnError> {
        if text.trim().is_empty() || text.len() > MAX {
            return Err(DnError);
        }
        let names = split(text, &[',', ';'])?.into_iter().map(|part| -> Result<String, DnError> {
            let mut values =
                split(&part, &['+'])?.iter().map(|one| attribute(one)).collect::<Result<Vec<_>, _>>()?;
            // The order within one relative name means nothing.
            values.sort();
            Ok(values.join("+"))
        });
        Ok(Self(names.collect::<Result<Vec<_>, _>>()?.join(",")))
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Splits at separators that are not escaped. Escapes stay.
fn split(text: &str, separators: &[char]) -> Result<Vec<String>, DnError> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let last = parts.last_mut().ok_or(DnError)?;
        if letter == '\\' {
            last.push(letter);
            last.push(letters.next().ok_or(DnError)?);
        } else if separators.contains(&letter) {
            parts.push(String::new());
        } else {
            last.push(letter);
        }
    }
    Ok(parts)
}

fn attribute(text: &str) -> Result<String, DnError> {
    let (kind, value) = text.split_once('=').ok_or(DnError)?;
    let kind = kind.trim();
    let is_kind = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if kind.is_empty() || !kind.bytes().all(is_kind) {
        return Err(DnError);
    }
    let value = unescaped(trimmed(value))?.to_lowercase();
    let words: Vec<&str> = value.split_whitespace().collect();
    let value = if value.trim().is_empty() { return Err(DnError) } else { words.join(" ") };
    Ok(format!("{}={}", kind.to_ascii_lowercase(), escaped(&value)))
}

// A space at the end that is escaped belongs to the value.
fn trimmed(value: &str) -> &str {
    let value = value.trim_start();
    let end = value.trim_end();
    let escapes = end.bytes().rev().take_while(|byte| *byte == b'\\').count();
    let space = value[end.len()..].chars().next().map_or(0, char::len_utf8);
    if escapes % 2 == 1 { &value[..end.len() + space] } else { end }
}

fn unescaped(value: &str) -> Result<String, DnError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes().iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next().ok_or(DnError)?;
        let second = rest.peek().copied().and_then(hex);
        match (hex(first), second) {
            (Some(high), Some(low)) => {
                rest.next();
                bytes.push(high << 4 | low);
            }
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).map_err(|_| DnError)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (at, letter) in value.chars().enumerate() {
        let is_special =
            matches!(letter, ',' | ';' | '+' | '"' | '\\' | '<' | '>' | '=') || at == 0 && letter == '#';
        if is_special {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, DnError> {
        text.parse::<Dn>().map(|dn| dn.0)
    }

    // Row 68 of the traps: case and spaces cost people their roles.
    #[test]
    fn spellings_of_one_name_are_equal() {
        let expected = Ok("cn=admins,ou=groups,dc=example,dc=org".to_owned());
        for text in [
            "cn=admins,ou=groups,dc=example,dc=org",
            "CN=Admins,OU=Groups,DC=Example,DC=ORG",
            " cn = admins , ou = groups ; dc=example,dc=org ",
            "cn=\\61dmins,ou=groups,dc=example,dc=org",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(read("b=2+a=1,dc=x"), read("A=1+B=2,DC=X"));
        assert_eq!(read("cn=Anna  Maria,dc=x"), read("cn=anna maria,dc=x"));
        assert_eq!(read("cn=Müller,dc=x"), read("cn=M\\C3\\BCller,dc=x"));
    }

    #[test]
    fn escaped_separators_belong_to_the_value() {
        assert_eq!(read("cn=Smith\\, John,dc=x"), Ok("cn=smith\\, john,dc=x".to_owned()));
        assert_ne!(read("cn=a\\,dc=x"), read("cn=a,dc=x"));
        assert_eq!(read("cn=a\\2Cdc\\3Dx,dc=y"), Ok("cn=a\\,dc\\=x,dc=y".to_owned()));
        assert_eq!(read("cn=a\\ ,dc=x"), read("cn=a,dc=x"), "directories ignore spaces at the end");
    }

    #[test]
    fn what_is_not_a_name() {
        for bad in ["", " ", "admins", "cn=", "=x", "cn=a,", "cn=a\\", "c n=a", "cn=\\ff"] {
            assert_eq!(read(bad), Err(DnError), "{bad}");
        }
        assert_eq!(read(&format!("cn={}", "a".repeat(MAX))), Err(DnError));
    }

    proptest! {
        #[test]
        fn the_normal_form_is_stable(text in "(cn|OU)=[a-zA-Z ,\\\\+=#\u{e4}]{1,12}(,dc=[a-z]{1,3})?") {
            if let Ok(dn) = text.parse::<Dn>() {
                prop_assert_eq!(dn.as_str().parse::<Dn>(), Ok(dn.clone()));
            }
        }
    }
}
