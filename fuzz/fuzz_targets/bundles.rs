//! Any bytes as what a bundle says of itself, and any text as the name of a file in one.

#![no_main]

use entrepot_relay::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    laws::manifest(input);
    if let Ok(text) = std::str::from_utf8(input) {
        laws::name(text);
    }
});
