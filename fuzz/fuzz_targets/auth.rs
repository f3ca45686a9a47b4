//! Any `WWW-Authenticate` of one of our endpoints, in the first line, and any answer of a token server, behind it.

#![no_main]

use entrepot_remote::laws;
use libfuzzer_sys::fuzz_target;

const ENDPOINTS: [&str; 5] = [
    "https://registry.example/v2/a/manifests/x",
    "http://127.0.0.1:5000/v2/",
    "https://a.co.uk/",
    "https://localhost:5000/",
    "https://[2606:4700::1111]/",
];

fuzz_target!(|input: (u8, &str)| {
    let (endpoint, text) = input;
    let Ok(from) = ENDPOINTS[usize::from(endpoint) % ENDPOINTS.len()].parse() else { return };
    let (header, answer) = text.split_once('\n').unwrap_or((text, ""));
    laws::challenge(header);
    laws::realm(&from, header);
    entrepot_egress::laws::link(&from, header);
    if let Ok(server) = header.parse() {
        entrepot_egress::laws::credentials(&from, &server);
    }
    laws::token(answer.as_bytes());
    laws::reason(answer);
});
