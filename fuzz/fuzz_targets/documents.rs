//! Any text as a document that names images: first a line with its kind, then the document.

#![no_main]

use entrepot_rewrite::{DocumentKind, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (kind, text) = input.split_once('\n').unwrap_or(("", input));
    laws::document(text, kind.parse().unwrap_or(DocumentKind::Kubernetes));
});
