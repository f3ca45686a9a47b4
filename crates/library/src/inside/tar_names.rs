//! Reads the names in a tar archive, and skips what they name. Archives are listed, never unpacked.
//!
//! Understood are ustar, the long names of GNU and pax, and sizes in base 256.

use std::io::{self, Read};

const BLOCK: usize = 512;
/// The longest name and pax header that is read, in bytes. Longer ones are skipped.
const LONGEST: u64 = 1 << 20;

/// Something that an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TarEntry {
    /// Its path, as the archive has it.
    pub(crate) path: String,
    /// What it is.
    pub(crate) kind: TarEntryKind,
}

/// What something in an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TarEntryKind {
    /// A file, also one that is a hard link.
    File,
    /// A symbolic link to this.
    Link(String),
    /// A directory, or anything else.
    Other,
}

/// Why an archive was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TarError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("this is not a tar archive")]
    Format,
}

/// The entries of an archive, one after another.
pub(crate) struct TarNames<R> {
    source: R,
    // How much of the last entry's content has not been read, and what fills its last block.
    left: u64,
    padding: u64,
}

/// What pax and GNU headers say about the entry that follows them.
#[derive(Default)]
struct ExtendedHeader {
    path: Option<String>,
    link: Option<String>,
    size: Option<u64>,
}

impl<R: Read> TarNames<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, left: 0, padding: 0 }
    }

    /// The next entry; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<TarEntry>, TarError> {
        let mut longer = ExtendedHeader::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            let size = longer.size.take().unwrap_or(number(&header[124..136])?);
            (self.left, self.padding) = (size, size.wrapping_neg() % BLOCK as u64);
            match header[156] {
                b'L' => longer.path = self.text()?,
                b'K' => longer.link = self.text()?,
                b'x' => longer.read_pax(&self.whole()?),
                b'g' => {}
                flag => return Ok(Some(entry(&header, flag, longer))),
            }
        }
    }

    /// Reads more of the last entry's content. Returns how many bytes came; 0 is its end.
    pub(crate) fn read_content(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.source.read(&mut into[..most])?;
        self.left -= read as u64;
        Ok(read)
    }

    fn header(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut header = Vec::with_capacity(BLOCK);
        self.source.by_ref().take(BLOCK as u64).read_to_end(&mut header)?;
        // Some archives have no blocks of zeros at their end.
        if header.is_empty() {
            return Ok(None);
        }
        let header: [u8; BLOCK] =
            header.try_into().map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        if header.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let sum = header.iter().enumerate().map(|(at, byte)| match at {
            148..156 => u64::from(b' '),
            _ => u64::from(*byte),
        });
        if number(&header[148..156])? == sum.sum::<u64>() { Ok(Some(header)) } else { Err(TarError::Format) }
    }

    fn skip(&mut self) -> Result<(), TarError> {
        let rest = self.left + self.padding;
        (self.left, self.padding) = (0, 0);
        let skipped = io::copy(&mut self.source.by_ref().take(rest), &mut io::sink())?;
        if skipped == rest { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }

    // The content of a header of headers; empty if it is longer than any name.
    fn whole(&mut self) -> Result<Vec<u8>, TarError> {
        let mut all = Vec::new();
        if self.left <= LONGEST {
            self.source.by_ref().take(self.left).read_to_end(&mut all)?;
            self.left -= all.len() as u64;
        }
        Ok(all)
    }

    fn text(&mut self) -> Result<Option<String>, TarError> {
        let all = self.whole()?;
        Ok(Some(text(&all)).filter(|text| !text.is_empty()))
    }
}

impl ExtendedHeader {
    // Records are `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax, §extended header).
    fn read_pax(&mut self, mut records: &[u8]) {
        while let Some(space) = records.iter().position(|byte| *byte == b' ') {
            let length = std::str::from_utf8(&records[..space]).ok().and_then(|text| text.parse().ok());
            let Some(record) = length.and_then(|length: usize| records.get(space + 1..length)) else {
                return;
            };
            records = &records[space + 1 + record.len()..];
            let record = text(record);
            let Some((key, value)) = record.trim_end_matches('\n').split_once('=') else { continue };
            match key {
                "path" => self.path = Some(value.to_owned()),
                "linkpath" => self.link = Some(value.to_owned()),
                "size" => self.size = value.parse().ok(),
                _ => {}
            }
        }
    }
}

fn entry(header: &[u8; BLOCK], flag: u8, longer: ExtendedHeader) -> TarEntry {
    let path = longer.path.unwrap_or_else(|| {
        let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
        let is_ustar = &header[257..262] == b"ustar" && &header[257..264] != b"ustar  ";
        if is_ustar && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
    });
    let kind = match flag {
        0 | b'0' | b'1' | b'7' => TarEntryKind::File,
        b'2' => TarEntryKind::Link(longer.link.unwrap_or_else(|| text(&header[157..257]))),
        _ => TarEntryKind::Other,
    };
    TarEntry { path, kind }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

// Octal digits, or base 256 where the first bit is set.
fn number(field: &[u8]) -> Result<u64, TarError> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        let is_small = matches!(high, [0x80, rest @ ..] if rest.iter().all(|byte| *byte == 0));
        let low = low.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        return if is_small && low <= i64::MAX.unsigned_abs() { Ok(low) } else { Err(TarError::Format) };
    }
    let text = text(field);
    let digits = text.trim();
    if digits.is_empty() { Ok(0) } else { u64::from_str_radix(digits, 8).map_err(|_| TarError::Format) }
}

#[cfg(test)]
pub(crate) mod made {
    //! Archives for tests.

    use super::BLOCK;

    fn header(path: &str, flag: u8, size: u64, link: &str) -> [u8; BLOCK] {
        let mut header = [0; BLOCK];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        header[156] = flag;
        header[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header[257..263].copy_from_slice(b"ustar\0");
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        header
    }

    pub(crate) fn record(path: &str, flag: u8, content: &[u8]) -> Vec<u8> {
        let mut all = header(path, flag, content.len() as u64, "").to_vec();
        all.extend_from_slice(content);
        all.resize(all.len().next_multiple_of(BLOCK), 0);
        all
    }

    pub(crate) fn file(path: &str) -> Vec<u8> {
        record(path, b'0', b"content")
    }

    pub(crate) fn link(path: &str, target: &str) -> Vec<u8> {
        header(path, b'2', 0, target).to_vec()
    }

    pub(crate) fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut all = parts.concat();
        all.resize(all.len() + 2 * BLOCK, 0);
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        made::{archive, file, link, record},
        *,
    };

    fn names(bytes: &[u8]) -> Result<Vec<(String, TarEntryKind)>, TarError> {
        let mut names = TarNames::new(bytes);
        let mut all = Vec::new();
        while let Some(entry) = names.next()? {
            all.push((entry.path, entry.kind));
        }
        Ok(all)
    }

    #[test]
    fn names_and_links_are_read() {
        let bytes = archive(&[
            record("usr/", b'5', b""),
            file("./usr/lib/libc-2.31.so"),
            link("lib", "usr/lib"),
            record("hard", b'1', b""),
            record("big", b'0', &[7; 1025]),
            file("last"),
        ]);
        let read = names(&bytes).unwrap();
        let told: Vec<_> = read.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(told, ["usr/", "./usr/lib/libc-2.31.so", "lib", "hard", "big", "last"]);
        assert_eq!(read[2].1, TarEntryKind::Link("usr/lib".to_owned()));
        assert_eq!((&read[0].1, &read[3].1), (&TarEntryKind::Other, &TarEntryKind::File));
        // Without the zeros at the end.
        assert_eq!(names(&bytes[..bytes.len() - 1024]).unwrap().len(), 6);
        assert_eq!(names(&[]).unwrap(), []);
    }

    #[test]
    fn long_names_are_those_of_the_entry_that_follows() {
        let long = format!("{}/libcudart.so.12", "深".repeat(60));
        let pax = |key: &str, value: &str| {
            let rest = format!(" {key}={value}\n");
            let length =
                (1..).find(|length: &usize| length.to_string().len() + rest.len() == *length).unwrap();
            format!("{length}{rest}").into_bytes()
        };
        let both = [pax("mtime", "1.5"), pax("path", &long), pax("linkpath", "there")].concat();
        let bytes = archive(&[
            record("././@LongLink", b'L', format!("{long}\0").as_bytes()),
            file("short"),
            record("pax", b'x', &both),
            link("short", "here"),
            record("global", b'g', &pax("path", "not this")),
            file("plain"),
        ]);
        let read = names(&bytes).unwrap();
        assert_eq!(read[0], (long.clone(), TarEntryKind::File));
        assert_eq!(read[1], (long, TarEntryKind::Link("there".to_owned())));
        assert_eq!(read[2].0, "plain");
    }

    #[test]
    fn content_can_be_read_in_part() {
        let bytes = archive(&[record("a", b'0', &[7; 700]), file("b")]);
        let mut names = TarNames::new(&bytes[..]);
        names.next().unwrap().unwrap();
        let mut some = [0; 300];
        assert_eq!(names.read_content(&mut some).unwrap(), 300);
        assert_eq!(names.next().unwrap().unwrap().path, "b");
    }

    #[test]
    fn what_is_no_archive_is_said() {
        let whole = archive(&[record("a", b'0', &[7; 700])]);
        assert!(matches!(names(&whole[..1000]), Err(TarError::Io(_))), "cut in the middle");
        assert!(matches!(names(&[1; 1024]), Err(TarError::Format)));
        let mut wrong_sum = whole.clone();
        wrong_sum[0] = b'b';
        assert!(matches!(names(&wrong_sum), Err(TarError::Format)));
    }

    proptest! {
        // A size or a length that lies must neither panic nor allocate what it says.
        #[test]
        fn no_bytes_break_it(mut bytes in prop::collection::vec(any::<u8>(), 0..3000), flag in any::<u8>()) {
            let _ = names(&bytes);
            let mut lying = archive(&[record("a", flag, &bytes)]);
            for (to, from) in lying[124..136].iter_mut().zip(&bytes) {
                *to = *from;
            }
            let _ = names(&lying);
            bytes.truncate(600);
            let _ = names(&archive(&[record("pax", b'x', &bytes), file("b")]));
        }
    }
}
