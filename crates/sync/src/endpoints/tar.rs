//! Locates the files in a tar archive (POSIX.1-2017, pax; GNU's long names). Nothing is unpacked: an archive is a list
//! of names, each with an extent in the file. Links are aliases for other names, looked up only in that list.

use std::{
    collections::HashMap,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::{archive_file::ArchiveFile, error::EndpointError, extent::Extent};

/// Headers and files are aligned to this many bytes.
const BLOCK: u64 = 512;

/// The longest name that fits in a header, in bytes.
const LONGEST_NAME: usize = 100;

/// The most files listed in an archive, the most bytes of all their names, and the most bytes of an extended header.
const MAX_FILES: usize = 100_000;
const MAX_NAMES: usize = 16 << 20;
const MAX_LONG: u64 = 64 << 10;

/// The most links followed for one name.
const MAX_LINKS: usize = 8;

#[derive(Clone, Debug)]
enum TarEntry {
    File(Extent),
    Link(String),
}

impl TarEntry {
    // The memory it takes, without its name.
    fn length(&self) -> usize {
        match self {
            Self::File(_) => 0,
            Self::Link(target) => target.len(),
        }
    }
}

/// The files of an archive.
#[derive(Debug, Default)]
pub(crate) struct TarListing(HashMap<String, TarEntry>);

impl TarListing {
    /// Finds a file, following links.
    pub(crate) fn find(&self, name: &str) -> Option<Extent> {
        let mut name = plain(name, "")?;
        for _ in 0..MAX_LINKS {
            match self.0.get(&name)? {
                TarEntry::File(extent) => return Some(*extent),
                TarEntry::Link(target) => name.clone_from(target),
            }
        }
        None
    }

    /// All files, without links.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Extent)> {
        self.0.iter().filter_map(|(name, entry)| match entry {
            TarEntry::File(extent) => Some((name.as_str(), *extent)),
            TarEntry::Link(_) => None,
        })
    }
}

/// Lists an archive. Reads the headers and seeks past the files.
pub(crate) fn list(file: &ArchiveFile) -> Result<TarListing, EndpointError> {
    list_in(file.path(), BufReader::new(file.reader()), file.length())
}

/// The same for any reader of `length` bytes.
pub(crate) fn list_in(path: &Path, file: impl Read + Seek, length: u64) -> Result<TarListing, EndpointError> {
    let mut scan = Scan { path, length, at: 0, file, long: ExtendedHeader::default() };
    let (mut listing, mut names) = (TarListing::default(), 0);
    while let Some((name, entry)) = scan.next()? {
        names += name.len() + entry.length();
        if listing.0.len() >= MAX_FILES || names > MAX_NAMES {
            return Err(EndpointError::malformed(
                path,
                format!("lists more than {MAX_FILES} files, or names of more than {MAX_NAMES} bytes"),
            ));
        }
        listing.0.insert(name, entry);
    }
    Ok(listing)
}

/// Attributes from an extended header, for the next entry.
#[derive(Default)]
struct ExtendedHeader {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

struct Scan<'a, R> {
    path: &'a Path,
    length: u64,
    at: u64,
    file: R,
    long: ExtendedHeader,
}

impl<R: Read + Seek> Scan<'_, R> {
    fn malformed(&self, what: &str) -> EndpointError {
        EndpointError::malformed(self.path, format!("is not a tar archive: {what} at byte {}", self.at))
    }

    // The next file or link; other entries such as directories and devices are skipped.
    fn next(&mut self) -> Result<Option<(String, TarEntry)>, EndpointError> {
        loop {
            let mut header = [0; BLOCK as usize];
            if self.at + BLOCK > self.length {
                // Archives end with two empty blocks, which some tools omit.
                return if self.at == self.length && self.at > 0 {
                    Ok(None)
                } else {
                    Err(self.malformed("it ends"))
                };
            }
            self.file.read_exact(&mut header).map_err(EndpointError::file(self.path))?;
            if header.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            if !is_header(&header) {
                return Err(self.malformed("there is no header"));
            }
            self.at += BLOCK;
            if let Some(found) = self.entry(&header)? {
                return Ok(Some(found));
            }
        }
    }

    fn entry(&mut self, header: &[u8; BLOCK as usize]) -> Result<Option<(String, TarEntry)>, EndpointError> {
        let kind = header[156];
        let is_about_next = matches!(kind, b'x' | b'g' | b'L' | b'K');
        let stated = number(&header[124..136]).ok_or_else(|| self.malformed("a size that is none"))?;
        let size = if is_about_next { stated } else { self.long.size.take().unwrap_or(stated) };
        if size > self.length - self.at {
            return Err(self.malformed("a file goes beyond the end"));
        }
        if is_about_next {
            return self.about_next(kind, size).map(|()| None);
        }
        let start = self.at;
        self.leap(size)?;
        let name = self.long.name.take().unwrap_or_else(|| header_name(header));
        let link = self.long.link.take().unwrap_or_else(|| text(&header[157..257]));
        let entry = match kind {
            0 | b'0' | b'7' => Some(TarEntry::File(Extent { start, size })),
            // A hard link's target is relative to the root, a symbolic link's to its own directory.
            b'1' => plain(&link, "").map(TarEntry::Link),
            b'2' => {
                plain(&link, name.rsplit_once('/').map_or("", |(directory, _)| directory)).map(TarEntry::Link)
            }
            _ => None,
        };
        Ok(plain(&name, "").zip(entry))
    }

    fn about_next(&mut self, kind: u8, size: u64) -> Result<(), EndpointError> {
        if size > MAX_LONG {
            return Err(self.malformed("a header is too long"));
        }
        let mut body = Vec::new();
        self.file.by_ref().take(size).read_to_end(&mut body).map_err(EndpointError::file(self.path))?;
        self.leap(size)?;
        match kind {
            b'L' => self.long.name = Some(text(&body)),
            b'K' => self.long.link = Some(text(&body)),
            // Global headers never contain names or sizes.
            b'g' => {}
            _ => self.long.read(&body),
        }
        Ok(())
    }

    fn leap(&mut self, size: u64) -> Result<(), EndpointError> {
        // Some archives do not pad the last file to a full block.
        self.at = (self.at + size + padding(size)).min(self.length);
        self.file.seek(SeekFrom::Start(self.at)).map(drop).map_err(EndpointError::file(self.path))
    }
}

impl ExtendedHeader {
    // Records have the form `length key=value\n`; the length counts itself.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|byte| *byte == b' ') {
            let length =
                std::str::from_utf8(&records[..space]).ok().and_then(|text| text.parse::<usize>().ok());
            let Some(record) = length.and_then(|length| records.get(space + 1..length)) else { return };
            let record = String::from_utf8_lossy(record);
            match record.trim_end_matches('\n').split_once('=') {
                Some(("path", value)) => self.name = Some(value.to_owned()),
                Some(("linkpath", value)) => self.link = Some(value.to_owned()),
                Some(("size", value)) => self.size = value.parse().ok(),
                _ => {}
            }
            records = records.get(length.unwrap_or_default()..).unwrap_or_default();
        }
    }
}

fn is_header(header: &[u8]) -> bool {
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        .sum();
    number(&header[148..156]) == Some(sum)
}

fn header_name(header: &[u8]) -> String {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    if &header[257..262] == b"ustar" && header[262] == 0 && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

// Text up to the first NUL.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

// Octal digits, or base 256 if the highest bit is set.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Rejects negative numbers and sizes that no file can have.
        let digits = rest
            .iter()
            .try_fold(0_u64, |number, byte| number.checked_mul(256).map(|number| number | u64::from(*byte)));
        return digits.filter(|number| *first == 0x80 && i64::try_from(*number).is_ok());
    }
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() {
        Some(0)
    } else {
        u64::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with('+'))
    }
}

// Resolves `.` and `..` relative to `directory`; `None` if the name leads out of the archive.
fn plain(name: &str, directory: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// The offset of the header of a file with a short name.
pub(crate) fn header_of(file: Extent) -> u64 {
    file.start - BLOCK
}

/// The header of a file: world-readable, without owner and date, so that equal content gives equal archives.
pub(crate) fn header(name: &str, size: u64) -> Vec<u8> {
    if name.len() <= LONGEST_NAME {
        return block(name, size, b'0').to_vec();
    }
    // The name of a blob may be longer than the field; GNU's extension is the one that every tool reads.
    let length = name.len() as u64 + 1;
    let mut header = block("././@LongLink", length, b'L').to_vec();
    header.extend_from_slice(name.as_bytes());
    header.resize(header.len() + 1 + to_usize(padding(length)), 0);
    header.extend_from_slice(&block(&name[..LONGEST_NAME], size, b'0'));
    header
}

/// The files at the end of an archive, and the end marker.
pub(crate) fn end<'f>(files: impl Iterator<Item = (&'f str, &'f [u8])>) -> Vec<u8> {
    let mut end = Vec::new();
    for (name, bytes) in files {
        end.extend(header(name, bytes.len() as u64));
        end.extend(bytes);
        end.resize(end.len() + to_usize(padding(bytes.len() as u64)), 0);
    }
    end.resize(end.len() + 2 * BLOCK as usize, 0);
    end
}

fn block(name: &str, size: u64, kind: u8) -> [u8; BLOCK as usize] {
    let mut header = [0; BLOCK as usize];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    if size < 1 << 33 {
        put(124, format!("{size:011o}\0").as_bytes());
    } else {
        put(124, &[0x80, 0, 0, 0]);
        put(128, &size.to_be_bytes());
    }
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn to_usize(padding: u64) -> usize {
    // Less than a block.
    usize::try_from(padding).unwrap_or_default()
}

/// The bytes needed to fill the last block of a file.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK) - size
}

#[cfg(test)]
#[path = "tar_tests.rs"]
mod tests;
