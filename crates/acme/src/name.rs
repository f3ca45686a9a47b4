//! Names that a public authority signs.

use std::{fmt, net::IpAddr};

/// The endings of names that are for trying things out (RFC 6761 §6.2, §6.4): they may be contacted, and nobody has them.
const RESERVED: [&str; 2] = ["test", "invalid"];

/// A host name that a certificate may be asked for: lower case, with a dot, no address, no wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Parses a host name. Whether an authority takes it is the authority's to say; [`certifiable`] leaves out what none
    /// can.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        let is_label = |label: &str| {
            let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        let is_name = text.contains('.') && text.len() <= 253 && text.split('.').all(is_label);
        (is_name && text.parse::<IpAddr>().is_err()).then_some(Self(text))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn is_private(&self) -> bool {
        let is_below = |ending: &&str| self.0.strip_suffix(*ending).is_some_and(|rest| rest.ends_with('.'));
        !entrepot_egress::is_public_name(&self.0) || RESERVED.iter().any(is_below)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The names among `hosts` that a certificate is asked for: each once, in their order. Where the authority is `public`,
/// names of private networks are left out: one name that is refused would cost all of them the certificate.
pub fn certifiable<'a>(hosts: impl IntoIterator<Item = &'a str>, public: bool) -> Vec<Name> {
    let mut names = Vec::new();
    for name in hosts.into_iter().filter_map(Name::parse) {
        let is_left_out = public && name.is_private();
        if !is_left_out && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for good in ["m.example.com", "M.Example.COM.", "xn--fsq.example", "1.2.3.example"] {
            assert!(Name::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            ".",
            "localhost",
            "10.0.0.1",
            "::1",
            "*.example.com",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b.c",
        ] {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
        assert_eq!(Name::parse("M.Example.COM.").unwrap().as_str(), "m.example.com");
    }

    #[test]
    fn each_name_is_asked_for_once_and_private_ones_never() {
        let hosts =
            ["m.example.com", "mirror.lan", "M.example.com", "10.1.2.3", "hub.m.example.com", "a.local"];
        let named = |public| certifiable(hosts, public).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(named(true), ["m.example.com", "hub.m.example.com"]);
        assert_eq!(named(false), ["m.example.com", "mirror.lan", "hub.m.example.com", "a.local"]);
    }
}
