//! Any request line: `METHOD PATH?QUERY`.

#![no_main]

use entrepot_oci::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (word, address) = text.split_once(' ').unwrap_or(("GET", text));
    let method = laws::METHODS.into_iter().find(|(_, name)| *name == word).unwrap_or(laws::METHODS[0]).0;
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    laws::route(method, path, query);
    let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    laws::page(value("n"), value("last"));
    entrepot_server::laws::query(query);
});
