//! A memory-mapped file: its bytes can be sliced, sent and shared without being copied.
//!
//! The only unsafe code of the crate. The SAFETY comment says why it is sound.

use std::{
    fs::File,
    io,
    num::NonZeroU64,
    ops::Range,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::FileExt,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use memmap2::Mmap;

use crate::error::Error;

/// A read-only shared mapping of a whole file, and the open file. Cheap to clone.
///
/// The file stays readable after a rename or removal. Slices of the bytes outlive the `Mapping` itself.
#[derive(Clone)]
pub struct Mapping {
    bytes: Bytes,
    file: Arc<File>,
    // `None` for an empty file.
    map: Option<Arc<Mmap>>,
    suspect: Arc<AtomicBool>,
}

/// Keeps a mapping alive for slices of its bytes.
struct Owner(Arc<Mmap>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Mapping {
    /// Maps the file at its current length.
    pub(crate) fn of(file: Arc<File>) -> Result<Self, Error> {
        let len = file.metadata().map_err(Error::at("stat"))?.len();
        // The kernel refuses an empty mapping.
        let map = if len == 0 { None } else { Some(Arc::new(map(&file).map_err(Error::at("map"))?)) };
        let bytes = map.clone().map_or_else(Bytes::new, |map| Bytes::from_owner(Owner(map)));
        Ok(Self { bytes, file, map, suspect: Arc::default() })
    }

    /// All bytes. Slicing is free; in a staged file, only bytes that were written are meaningful.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The file, for sending with `sendfile`; offsets are those of [`Self::bytes`].
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// True if the file is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Ensures that `range` can be read; blocks. Call it before reading bytes in this process rather than letting the
    /// kernel send them: a failing disk is an error here, but kills the process when the bytes are touched.
    ///
    /// [`Error::Io`], and the mapping is suspect from then on.
    pub fn ready(&self, range: Range<u64>) -> Result<(), Error> {
        let end = range.end.min(self.len());
        let Some(map) = self.map.as_ref().filter(|_| range.start < end) else { return Ok(()) };
        // A mapping fits into memory, so these fit into `usize`.
        let (start, length) = (range.start as usize, (end - range.start) as usize);
        let populated = match populate(map, start, length) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                self.try_to_read(range.start, length)
            }
            other => other,
        };
        populated.map_err(|error| {
            self.suspect();
            Error::io("read", error)
        })
    }

    // Reading brings the pages into the kernel's cache, even though the bytes are discarded.
    fn try_to_read(&self, start: u64, length: usize) -> io::Result<()> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)
    }

    /// Records that the file could not be read. The store verifies it before returning it again.
    pub fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    /// True if it is suspect. Only the first caller gets `true`.
    pub(crate) fn take_suspicion(&self) -> bool {
        self.suspect.load(Ordering::Relaxed) && self.suspect.swap(false, Ordering::Relaxed)
    }

    /// Asks the kernel to read `range` ahead. Best effort.
    pub fn will_need(&self, range: Range<u64>) {
        let end = range.end.min(self.len());
        let Some(len) = NonZeroU64::new(end.saturating_sub(range.start)) else { return };
        let advice = rustix::fs::Advice::WillNeed;
        if let Err(error) = rustix::fs::fadvise(&*self.file, range.start, Some(len), advice) {
            tracing::debug!(%error, "cannot ask the kernel to read ahead");
        }
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[allow(unsafe_code)]
fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the mapped bytes must not change or disappear while they are read.
    // A file of the store is immutable once it has its name; removing it leaves the mapping intact.
    // A staged file is never truncated once it is mapped (`Staged::truncate` refuses), and its bytes are
    // handed out only after they were written. No other process writes here: the data directory is locked.
    unsafe { Mmap::map(file) }
}

/// Makes the kernel load the pages and report whether it could. Linux before 5.14 does not support this.
#[cfg(target_os = "linux")]
fn populate(map: &Mmap, start: usize, length: usize) -> io::Result<()> {
    map.advise_range(memmap2::Advice::PopulateRead, start, length)
}

#[cfg(not(target_os = "linux"))]
fn populate(_: &Mmap, _: usize, _: usize) -> io::Result<()> {
    Err(io::ErrorKind::InvalidInput.into())
}
