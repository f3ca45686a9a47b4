//! Where the files in a tar are (POSIX.1-2017, pax; GNU's long names). Nothing is unpacked: an archive is a list of
//! names, each with a place in the file. Links are names for other names, looked up in that list and nowhere else.

use std::{
    collections::HashMap,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use entrepot_files as files;

use super::error::EndpointError;

/// Headers and files begin at multiples of this many bytes.
const BLOCK: u64 = 512;

/// The longest name that a header holds, in bytes.
const LONGEST_NAME: usize = 100;

/// The most files of an archive that are listed, the most bytes of all their names, and the most bytes of a header that
/// stretches over several blocks.
const MAX_FILES: usize = 100_000;
const MAX_NAMES: usize = 16 << 20;
const MAX_LONG: u64 = 64 << 10;

/// How many links are followed from name to name.
const MAX_LINKS: usize = 8;

/// Where a file's bytes are in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The offset of the first.
    pub(crate) start: u64,
    /// How many.
    pub(crate) size: u64,
}

impl Extent {
    /// The offset of the header in front of it, of a file with a short name.
    pub(crate) fn header(self) -> u64 {
        self.start - BLOCK
    }
}

#[derive(Clone, Debug)]
enum Entry {
    File(Extent),
    Link(String),
}

impl Entry {
    // How much there is to keep of it, its name aside.
    fn length(&self) -> usize {
        match self {
            Self::File(_) => 0,
            Self::Link(target) => target.len(),
        }
    }
}

/// The files of an archive.
#[derive(Debug, Default)]
pub(crate) struct Listing(HashMap<String, Entry>);

impl Listing {
    /// Where a file is, behind links if need be.
    pub(crate) fn find(&self, name: &str) -> Option<Extent> {
        let mut name = plain(name, "")?;
        for _ in 0..MAX_LINKS {
            match self.0.get(&name)? {
                Entry::File(extent) => return Some(*extent),
                Entry::Link(target) => name.clone_from(target),
            }
        }
        None
    }

    /// All files, links aside.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Extent)> {
        self.0.iter().filter_map(|(name, entry)| match entry {
            Entry::File(extent) => Some((name.as_str(), *extent)),
            Entry::Link(_) => None,
        })
    }
}

/// Lists the archive at `path`. It reads headers and leaps over what is between them.
pub(crate) fn list(path: &Path) -> Result<Listing, EndpointError> {
    let file = files::open(path).map_err(EndpointError::file(path))?;
    let length = file.metadata().map_err(EndpointError::file(path))?.len();
    list_in(path, BufReader::new(file), length)
}

/// The same of what was opened: `length` bytes.
pub(crate) fn list_in(path: &Path, file: impl Read + Seek, length: u64) -> Result<Listing, EndpointError> {
    let mut scan = Scan { path, length, at: 0, file, long: Long::default() };
    let (mut listing, mut names) = (Listing::default(), 0);
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

/// What an entry says of the one behind it.
#[derive(Default)]
struct Long {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

struct Scan<'a, R> {
    path: &'a Path,
    length: u64,
    at: u64,
    file: R,
    long: Long,
}

impl<R: Read + Seek> Scan<'_, R> {
    fn malformed(&self, what: &str) -> EndpointError {
        EndpointError::malformed(self.path, format!("is not a tar archive: {what} at byte {}", self.at))
    }

    // The next file or link; directories, devices and the like are passed over.
    fn next(&mut self) -> Result<Option<(String, Entry)>, EndpointError> {
        loop {
            let mut header = [0; BLOCK as usize];
            if self.at + BLOCK > self.length {
                // Archives end with two empty blocks, which some writers leave out.
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

    fn entry(&mut self, header: &[u8; BLOCK as usize]) -> Result<Option<(String, Entry)>, EndpointError> {
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
            0 | b'0' | b'7' => Some(Entry::File(Extent { start, size })),
            // A hard link names a file from the top, a symbolic one from where it stands.
            b'1' => plain(&link, "").map(Entry::Link),
            b'2' => {
                plain(&link, name.rsplit_once('/').map_or("", |(directory, _)| directory)).map(Entry::Link)
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
            // What is said of all files is never their names and sizes.
            b'g' => {}
            _ => self.long.read(&body),
        }
        Ok(())
    }

    fn leap(&mut self, size: u64) -> Result<(), EndpointError> {
        // The last file of some archives is not filled up to a block.
        self.at = (self.at + size + padding(size)).min(self.length);
        self.file.seek(SeekFrom::Start(self.at)).map(drop).map_err(EndpointError::file(self.path))
    }
}

impl Long {
    // Records of the form `length key=value\n`, where the length counts itself.
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

// Octal digits, or with the highest bit set a number in base 256.
fn number(field: &[u8]) -> Option<u64> {
    let (first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // Negative numbers, and those that no file is as large as, are none.
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

// A name without `.` and `..`, seen from `directory`; `None` for what leads out of the archive.
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

/// The header of a file in an archive that is written: everybody may read it, and it has no owner and no date, so that
/// the same content is the same archive.
pub(crate) fn header(name: &str, size: u64) -> Vec<u8> {
    if name.len() <= LONGEST_NAME {
        return block(name, size, b'0').to_vec();
    }
    // The digest of a blob may be longer than the field; GNU's way of saying it is the one that is read everywhere.
    let length = name.len() as u64 + 1;
    let mut header = block("././@LongLink", length, b'L').to_vec();
    header.extend_from_slice(name.as_bytes());
    header.resize(header.len() + 1 + to_usize(padding(length)), 0);
    header.extend_from_slice(&block(&name[..LONGEST_NAME], size, b'0'));
    header
}

/// Files as they stand at the end of an archive, and what ends it.
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

/// How many bytes fill the last block of a file.
pub(crate) fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK) - size
}

#[cfg(test)]
#[path = "tar_tests.rs"]
mod tests;
