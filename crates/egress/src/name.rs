//! Host names that are private by what they say.
//!
//! A proxy looks names up itself, so behind one the text of a name is all there is to judge by.

/// Top-level domains that do not exist on the public internet.
const PRIVATE: [&str; 10] = [
    // RFC 6761 §6.3, RFC 6762 §3, RFC 8375, and what ICANN reserved in 2024.
    "localhost",
    "local",
    "home.arpa",
    "internal",
    // RFC 6762 appendix G, and names that some resolvers add.
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "localdomain",
];

/// Metadata services of clouds with ordinary names. Those of other clouds are below `internal`, have one label, or are
/// reached by address.
const METADATA: [&str; 3] =
    ["metadata.tencentyun.com", "metadata.packet.net", "metadata.platformequinix.com"];

/// Removes the root label: `a.example.` and `a.example` are one host.
pub(crate) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether `name`, in lower case, can belong to a host on the public internet.
pub fn is_public_name(name: &str) -> bool {
    let name = without_root(name);
    let is_below =
        |suffix: &str| name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // The resolver's search list completes a name of one label. Empty labels are not allowed.
    let is_whole = name.contains('.') && name.split('.').all(|label| !label.is_empty());
    is_whole && !PRIVATE.iter().chain(&METADATA).any(|suffix| is_below(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_public_from_private() {
        for public in ["registry.example", "a.b.c.", "lan.example", "metadata.example", "mylocal.io"] {
            assert!(is_public_name(public), "{public}");
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
            assert!(!is_public_name(private), "{private}");
        }
    }
}
