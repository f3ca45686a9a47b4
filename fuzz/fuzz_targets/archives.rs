//! Any bytes as an archive of images, and as the index of a layout.

#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use entrepot_sync::laws;
use libfuzzer_sys::fuzz_target;

// Archives are read in place, so there must be a place.
static FILE: LazyLock<Option<(tempfile::TempDir, PathBuf)>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().ok()?;
    let path = directory.path().join("a.tar");
    Some((directory, path))
});

fuzz_target!(|input: &[u8]| {
    laws::index(input);
    laws::listing(input);
    let Some((_, path)) = &*FILE else { return };
    if fs::write(path, input).is_ok() {
        laws::archive(path);
    }
});
