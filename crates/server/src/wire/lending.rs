//! The mapped files that the responses of one connection are being sent from.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use entrepot_mirror::Mapping;

/// The files lent to one connection. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Lending(Arc<LentFiles>);

#[derive(Default)]
struct LentFiles {
    // Number of files, so that a connection that serves no files never takes the lock.
    count: AtomicUsize,
    files: Mutex<Vec<File>>,
}

struct File {
    mapping: Mapping,
    // Responses that use the file. Without any, it stays until everything queued is written.
    users: usize,
}

/// Keeps a file lent while a response is made from it.
pub(crate) struct LentFile {
    lending: Lending,
    address: usize,
}

impl Lending {
    /// Lends a file: the kernel may send slices of `mapping`.
    pub(crate) fn lend(&self, mapping: &Mapping) -> LentFile {
        let address = address_of(mapping.bytes());
        let mut files = self.files();
        match files.iter_mut().find(|file| address_of(file.mapping.bytes()) == address) {
            Some(file) => file.users += 1,
            None => files.push(File { mapping: mapping.clone(), users: 1 }),
        }
        self.0.count.store(files.len(), Ordering::Release);
        LentFile { lending: self.clone(), address }
    }

    /// True if no file is lent.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.count.load(Ordering::Acquire) == 0
    }

    /// Returns the file that contains all of `slice`, and the offset in it. A lent file stays mapped, so no other
    /// memory can have its addresses.
    pub(crate) fn find(&self, slice: &[u8]) -> Option<(Mapping, u64)> {
        if slice.is_empty() || self.is_empty() {
            return None;
        }
        let address = address_of(slice);
        self.files().iter().find_map(|file| {
            let bytes = file.mapping.bytes();
            let offset = address.checked_sub(address_of(bytes))?;
            let inside = offset.checked_add(slice.len())? <= bytes.len();
            inside.then(|| (file.mapping.clone(), offset as u64))
        })
    }

    /// Everything queued is written: releases files that no response uses.
    pub(crate) fn all_written(&self) {
        if self.is_empty() {
            return;
        }
        let mut files = self.files();
        files.retain(|file| file.users > 0);
        self.0.count.store(files.len(), Ordering::Release);
    }

    fn files(&self) -> MutexGuard<'_, Vec<File>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LentFile {
    fn drop(&mut self) {
        let mut files = self.lending.files();
        let file = files.iter_mut().find(|file| address_of(file.mapping.bytes()) == self.address);
        if let Some(file) = file {
            file.users = file.users.saturating_sub(1);
        }
    }
}

fn address_of(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}
