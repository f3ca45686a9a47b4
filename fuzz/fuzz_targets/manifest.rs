//! Any bytes as a manifest: first a line that is the `Content-Type`, or empty, then the document.

#![no_main]

use entrepot_oci::{MediaType, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let declared = std::str::from_utf8(&bytes[..end]).ok().and_then(MediaType::parse);
    laws::manifest(bytes.get(end + 1..).unwrap_or_default(), declared.as_ref());
});
