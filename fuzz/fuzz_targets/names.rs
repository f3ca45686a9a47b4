//! Any text as a repository, tag, digest, host, name, reference, image and media type; and, in three lines, a name, a
//! `Host` and an `ns`, as the place that the mirror takes them for.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    entrepot_oci::laws::names(text);
    let mut lines = text.split('\n');
    let (name, host) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    entrepot_mirror::laws::name(name, host, lines.next());
});
