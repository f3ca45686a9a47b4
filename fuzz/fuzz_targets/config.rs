//! Any text as `entrepot.yaml`; behind a zero byte perhaps a variable, `NAME=VALUE`.
//!
//! The configuration belongs to a binary, which cannot be linked, so that its module is taken in by its path.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the binary uses the rest")]
#[path = "../../crates/app/src/config/mod.rs"]
mod config;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (file, variable) = text.split_once('\0').unwrap_or((text, ""));
    config::laws::text(file, variable.split_once('='));
});
