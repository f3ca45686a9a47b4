//! Reads the layers of an image that the mirror holds, from the lowest to the highest, within bounds.

use std::io::Read;

use entrepot_catalog::RepoKey;
use entrepot_mirror::{BlobBytes, Error, Mirror};
use entrepot_oci::Descriptor;

use super::{
    sightings::Sightings,
    tar_names::{TarError, TarNames},
    unpacked::{feed, unpacked},
};

/// The most bytes that the layers of an image may have when they are unpacked, in all.
const MOST_UNPACKED: u64 = 128 << 30;
/// How much of a C library is searched for its version, in bytes.
const LIBC: u64 = 8 << 20;

/// Whether layers that are not held are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerScope {
    /// Only what is held is looked into.
    Held,
    /// All of it is fetched and kept first.
    All,
}

/// The layers of an image.
pub(crate) struct Layers<'a> {
    pub(crate) mirror: &'a Mirror,
    pub(crate) key: &'a RepoKey,
    pub(crate) layers: &'a [Descriptor],
    pub(crate) scope: LayerScope,
}

/// Looks into layers. Returns what was seen, and whether that is all there is.
///
/// # Errors
/// The store failed, or a layer that was to be fetched did not come.
pub(crate) async fn look_into(of: &Layers<'_>) -> Result<(Sightings, bool), Error> {
    let (mut seen, mut left, mut is_complete) = (Sightings::default(), MOST_UNPACKED, true);
    for layer in of.layers {
        let bytes = match of.scope {
            LayerScope::Held => of.mirror.held_bytes(of.key, &layer.digest).await?,
            LayerScope::All => Some(of.mirror.fetched_bytes(of.key, &layer.digest).await?),
        };
        let Some(bytes) = bytes else {
            is_complete = false;
            continue;
        };
        let read = read_layer(bytes, seen, left).await;
        (seen, left) = (read.seen, read.left);
        is_complete &= read.is_whole;
    }
    Ok((seen, is_complete))
}

struct ReadLayer {
    seen: Sightings,
    left: u64,
    is_whole: bool,
}

// Decompressing is work for a thread of its own. It ends when nobody feeds it any more.
async fn read_layer(bytes: BlobBytes, seen: Sightings, left: u64) -> ReadLayer {
    let (fed, feeding) = feed(bytes);
    let reading = tokio::task::spawn_blocking(move || {
        let mut seen = seen;
        let (left, is_whole) = list(fed, &mut seen, left);
        seen.end_layer();
        ReadLayer { seen, left, is_whole }
    });
    let ((), read) = tokio::join!(feeding, reading);
    // It is never aborted, so it panicked: then nothing is known of the image.
    read.unwrap_or_else(|_| ReadLayer { seen: Sightings::default(), left: 0, is_whole: false })
}

fn list<R: Read + Send + 'static>(bytes: R, seen: &mut Sightings, left: u64) -> (u64, bool) {
    let mut limited = match unpacked(bytes) {
        Ok(unpacked) => unpacked.take(left),
        Err(error) => {
            tracing::debug!(%error, "a layer cannot be unpacked");
            return (left, false);
        }
    };
    let listed = list_names(&mut limited, seen);
    let rest = limited.limit();
    if let Err(error) = &listed {
        tracing::debug!(%error, "a layer cannot be listed");
    }
    (rest, listed.is_ok() && rest > 0)
}

fn list_names(archive: &mut impl Read, seen: &mut Sightings) -> Result<(), TarError> {
    let mut names = TarNames::new(archive);
    while let Some(entry) = names.next()? {
        if seen.see(&entry.path, &entry.kind) {
            let mut content = Vec::new();
            let mut step = vec![0; 64 << 10];
            while (content.len() as u64) < LIBC {
                let read = names.read_content(&mut step)?;
                if read == 0 {
                    break;
                }
                content.extend_from_slice(&step[..read]);
            }
            seen.see_libc(&entry.path, &content);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use entrepot_catalog::Libc;

    use super::{
        super::tar_names::made::{archive, file, record},
        *,
    };

    fn listed(bytes: Vec<u8>, left: u64) -> (Sightings, bool) {
        let mut seen = Sightings::default();
        let (_, is_whole) = list(std::io::Cursor::new(bytes), &mut seen, left);
        seen.end_layer();
        (seen, is_whole)
    }

    fn layer() -> Vec<u8> {
        let libc = record("usr/lib64/libc.so.6", b'0', b"\x7fELF stable release version 2.39.\n");
        archive(&[libc, file("usr/sbin/sshd"), file("usr/local/cuda-12.4/x")])
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn layers_are_read_however_they_are_compressed() {
        let twice = [gzipped(&layer()[..1000]), gzipped(&layer()[1000..])].concat();
        let zstd =
            ruzstd::encoding::compress_to_vec(&layer()[..], ruzstd::encoding::CompressionLevel::Fastest);
        for bytes in [layer(), gzipped(&layer()), twice, zstd] {
            let (seen, is_whole) = listed(bytes, 1 << 20);
            let contents = seen.contents(is_whole);
            assert_eq!((contents.libc, contents.libc_version.as_deref()), (Some(Libc::Glibc), Some("2.39")));
            assert_eq!(
                (contents.cuda.as_deref(), contents.sshd, contents.complete),
                (Some("12.4"), true, true)
            );
        }
    }

    #[test]
    fn a_layer_that_lies_is_read_as_far_as_it_goes() {
        let cut = layer()[..1100].to_vec();
        for bytes in
            [gzipped(&cut), gzipped(&layer())[..60].to_vec(), b"no archive at all".repeat(99), Vec::new()]
        {
            let is_empty = bytes.is_empty();
            let (_, is_whole) = listed(bytes, 1 << 20);
            assert_eq!(is_whole, is_empty, "an empty archive has all that it has");
        }
    }

    // A few kilobytes may unpack to terabytes.
    #[test]
    fn a_layer_is_unpacked_within_bounds() {
        let bomb = gzipped(&archive(&[record("zeros", b'0', &vec![0; 8 << 20]), file("usr/sbin/sshd")]));
        assert!(bomb.len() < 100 << 10);
        let (seen, is_whole) = listed(bomb, 1 << 20);
        assert!(!is_whole && !seen.contents(false).sshd);
    }
}
