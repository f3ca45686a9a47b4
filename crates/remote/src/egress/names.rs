//! Names that are private by what they say. Behind a proxy nobody here sees the address of a name, so there its text is all
//! there is to judge by.

/// Top levels that are nobody's on the internet.
const PRIVATE: [&str; 10] = [
    // RFC 6761 §6.3, RFC 6762 §3, RFC 8375, and what ICANN reserved in 2024.
    "localhost",
    "local",
    "home.arpa",
    "internal",
    // RFC 6762 appendix G, and what some resolvers add.
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
];

/// Metadata services of clouds whose names look like any other. Those of the others are below `internal`, have one label,
/// or go by address.
const METADATA: [&str; 3] =
    ["metadata.tencentyun.com", "metadata.packet.net", "metadata.platformequinix.com"];

/// Whether `name`, in lower case, may be asked for on somebody else's word.
pub(crate) fn is_public(name: &str) -> bool {
    let name = super::bare(name);
    let is_below =
        |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // One label is completed by the resolver's search list, and an empty one is no name.
    let is_whole = name.contains('.') && name.split('.').all(|label| !label.is_empty());
    is_whole && !PRIVATE.iter().chain(&METADATA).any(|suffix| is_below(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_public_from_private() {
        for public in ["registry.example", "a.b.c.", "lan.example", "metadata.example", "mylocal.io"] {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "localhost",
            "localhost.",
            "a.localhost",
            "printer.local",
            "vm",
            "instance-data",
            "ip6-loopback",
            "metadata",
            "metadata.google.internal",
            "instance-data.ec2.internal",
            "metadata.tencentyun.com",
            "intranet.lan",
            "a.corp",
            "nas.home.arpa",
            "127.0.0.1..",
            "a..example",
            ".example",
            "",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }
}
