//! Pieces of addresses that a registry may send, from ordinary to hostile, to be combined into any number of them.

/// What may come before the host.
pub const SCHEMES: [&str; 8] = ["https://", "http://", "file://", "//", "/", "", "https:/\\", "HTTPS://"];

/// Hosts: public and private names, addresses in every spelling, user information, nothing.
pub const HOSTS: [&str; 22] = [
    "registry.example",
    "auth.example",
    "a.co.uk",
    "b.co.uk",
    "co.uk",
    "localhost",
    "registry",
    "registry.example.",
    "registry.example:8443",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "10.0.0.1",
    "169.254.169.254",
    "1.1.1.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[2606:4700::1111]",
    "u:p@registry.example",
    "",
    "%31.1.1.1",
];

/// What may come after the host.
pub const PATHS: [&str; 7] =
    ["", "/", "/v2/a/tags/list?n=1&last=x", "/token#x", "\\x", "?scope=evil", "/../.."];

/// Addresses of servers that may have sent them.
pub const SERVERS: [&str; 6] = [
    "https://registry.example/v2/a/tags/list",
    "http://127.0.0.1:5000/v2/",
    "https://a.co.uk",
    "https://localhost:5000",
    "http://lan.example",
    "https://[::1]:5000",
];
