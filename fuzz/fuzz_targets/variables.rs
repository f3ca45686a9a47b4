//! Any file of variables and any document that takes values from it: a line with the document's kind, the file, a line
//! `===`, the document.

#![no_main]

use entrepot_rewrite::{DocumentKind, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (kind, rest) = input.split_once('\n').unwrap_or(("", input));
    let (file, document) = rest.split_once("===\n").unwrap_or((rest, rest));
    laws::variables(file, document, kind.parse().unwrap_or(DocumentKind::Compose));
});
