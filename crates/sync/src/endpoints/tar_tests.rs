use std::{fs::File, io::Write as _, path::PathBuf};

use tempfile::TempDir;

use super::*;

fn list(path: &Path) -> Result<TarListing, EndpointError> {
    super::list(&ArchiveFile::open(path)?)
}

fn archive(parts: &[&[u8]]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.tar");
    let mut file = File::create(&path).unwrap();
    for part in parts {
        file.write_all(part).unwrap();
    }
    (directory, path)
}

fn entry(name: &str, body: &[u8]) -> Vec<u8> {
    let mut entry = header(name, body.len() as u64);
    entry.extend_from_slice(body);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn link(name: &str, target: &str, kind: u8) -> Vec<u8> {
    let mut header = block(name, 0, kind).to_vec();
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    sum(&mut header);
    header
}

fn sum(header: &mut [u8]) {
    header[148..156].copy_from_slice(b"        ");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn content(path: &Path, extent: Extent) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    let (start, size) = (usize::try_from(extent.start).unwrap(), usize::try_from(extent.size).unwrap());
    bytes[start..start + size].to_vec()
}

#[test]
fn what_is_written_is_found_again() {
    let long = format!("blobs/sha512/{}", "a".repeat(128));
    let (_kept, path) =
        archive(&[&entry("a", b"one"), &entry(&long, b"two"), &entry("b/c", b""), &[0; 1024]]);
    let listing = list(&path).unwrap();
    assert_eq!(content(&path, listing.find("a").unwrap()), b"one");
    assert_eq!(content(&path, listing.find(&long).unwrap()), b"two");
    assert_eq!(listing.find("./b//c").unwrap().size, 0);
    assert_eq!(listing.files().count(), 3);
    assert_eq!(number(&header("x", 1 << 40)[124..136]), Some(1 << 40));
}

#[test]
fn the_tar_command_reads_and_is_read() {
    let directory = tempfile::tempdir().unwrap();
    // Too long for the field of a name, and ustar's prefix takes it.
    let long = format!("{}/{}", "d".repeat(70), "e".repeat(70));
    std::fs::create_dir_all(directory.path().join(&long)).unwrap();
    std::fs::write(directory.path().join(&long).join("layer.tar"), b"bytes").unwrap();
    for format in ["gnu", "pax", "ustar"] {
        let path = directory.path().join(format!("{format}.tar"));
        let done = std::process::Command::new("tar")
            .args(["--format", format, "-cf"])
            .args([&path, Path::new("-C"), directory.path(), Path::new(&long)])
            .status();
        assert!(done.unwrap().success());
        let extent = list(&path).unwrap().find(&format!("{long}/layer.tar")).unwrap();
        assert_eq!(content(&path, extent), b"bytes", "{format}");
    }
}

#[test]
fn links_lead_to_names_in_the_archive_only() {
    let (_kept, path) = archive(&[
        &entry("a/layer.tar", b"one"),
        &link("b/layer.tar", "../a/layer.tar", b'2'),
        &link("c", "a/layer.tar", b'1'),
        &link("out", "../../etc/passwd", b'2'),
        &link("absolute", "/etc/passwd", b'2'),
        &link("x", "y", b'1'),
        &link("y", "x", b'1'),
        &entry("../escape", b"no"),
        &[0; 1024],
    ]);
    let listing = list(&path).unwrap();
    for name in ["a/layer.tar", "b/layer.tar", "c"] {
        assert_eq!(content(&path, listing.find(name).unwrap()), b"one", "{name}");
    }
    for name in ["out", "absolute", "x", "y", "../escape", "escape"] {
        assert!(listing.find(name).is_none(), "{name}");
    }
}

#[test]
fn what_is_no_archive_is_said() {
    let cut = entry("a", &[1; 2000]);
    let mut huge = header("a", 1 << 50);
    sum(&mut huge);
    let mut wrong = entry("a", b"one");
    wrong[0] = b'b';
    for (bytes, said) in [
        (&b""[..], "is not a tar archive: it ends at byte 0"),
        (&[7; 600], "is not a tar archive: there is no header at byte 0"),
        (&cut[..1024], "is not a tar archive: a file goes beyond the end at byte 512"),
        (&huge, "is not a tar archive: a file goes beyond the end at byte 512"),
        (&wrong, "is not a tar archive: there is no header at byte 0"),
        (
            &block("././@LongLink", 1 << 20, b'L'),
            "is not a tar archive: a file goes beyond the end at byte 512",
        ),
    ] {
        let (_kept, path) = archive(&[bytes]);
        assert_eq!(list(&path).unwrap_err().to_string(), format!("`{}` {said}", path.display()));
    }
}

// Found by fuzzing: the checksum has eight bytes, and may be in base 256 as well. So are the bytes of what is compressed.
#[test]
fn numbers_in_base_256_have_any_length() {
    assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 2]), Some(258));
    assert_eq!(number(&[0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), Some(1 << 56));
    for none in [&[0x80, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &[0x81, 0, 0, 0, 0, 0, 0, 0], &[0xff; 12], &[]] {
        assert_eq!(number(none), None, "{none:?}");
    }
    let mut damaged = entry("a", b"one");
    damaged[148..156].fill(0xff);
    let (_kept, path) = archive(&[&damaged]);
    let told = format!("`{}` is not a tar archive: there is no header at byte 0", path.display());
    assert_eq!(list(&path).unwrap_err().to_string(), told);
}
