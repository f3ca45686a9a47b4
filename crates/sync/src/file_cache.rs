//! Results of earlier runs, as JSON lines in a file.
//!
//! Each result appends a line; the last line for a key counts. Unreadable lines are skipped, and a file with too many
//! lines is rewritten. All of it may be lost at any time: that only costs requests.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use entrepot_files::{Draft, Readers};
use entrepot_oci::Digest;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use serde::{Deserialize, Serialize};

use crate::{cache::SyncCache, job::Shape};

/// The file name in the directory.
const FILE: &str = "sync.jsonl";

/// The most lines kept; the oldest are dropped when the file is rewritten.
const MAX_LINES: usize = 200_000;

/// The most bytes read from the file.
const MAX_BYTES: u64 = 128 << 20;

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum CacheLine {
    /// The digest of an image in another shape.
    #[serde(rename = "converted")]
    Converted(String, String, String),
    /// A tag that was found to be equal to its source.
    #[serde(rename = "verified")]
    Verified(String),
}

/// A [`SyncCache`] in a file. Without a writable file, it lasts as long as the process.
pub struct FileCache {
    results: Mutex<CachedResults>,
}

#[derive(Default)]
struct CachedResults {
    converted: HashMap<(String, String), Digest>,
    verified: HashSet<String>,
    file: Option<File>,
}

impl FileCache {
    /// Reads the file in `directory`, which is created if missing. Failures are logged.
    pub fn open(directory: Option<PathBuf>) -> Self {
        let mut known = CachedResults::default();
        if let Some(directory) = directory {
            let opened = known.open(&directory);
            opened.unwrap_or_else(|error| {
                tracing::debug!(%error, directory = %directory.display(), "nothing is remembered between runs");
            });
        }
        Self { results: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, CachedResults> {
        // A panic cannot leave the state inconsistent.
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedResults {
    fn open(&mut self, directory: &Path) -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let path = directory.join(FILE);
        let (lines, damaged) = read(&path)?;
        if damaged || lines.len() > MAX_LINES {
            let kept = &lines[lines.len().saturating_sub(MAX_LINES / 2)..];
            rewrite(&path, kept)?;
            kept.iter().for_each(|line| self.learn(line));
        } else {
            lines.iter().for_each(|line| self.learn(line));
        }
        self.file = Some(OpenOptions::new().append(true).create(true).mode(0o600).open(path)?);
        Ok(())
    }

    fn learn(&mut self, line: &CacheLine) {
        match line {
            CacheLine::Converted(source, shape, digest) => {
                if let Ok(digest) = digest.parse() {
                    self.converted.insert((source.clone(), shape.clone()), digest);
                }
            }
            CacheLine::Verified(tag) => {
                self.verified.insert(tag.clone());
            }
        }
    }

    fn add(&mut self, line: &CacheLine) {
        self.learn(line);
        let Some(file) = &mut self.file else { return };
        // A single write, so that lines of two processes do not mix.
        let written = serde_json::to_string(line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|text| file.write_all(format!("{text}\n").as_bytes())) {
            tracing::debug!(%error, "nothing more is remembered");
            self.file = None;
        }
    }
}

impl SyncCache for FileCache {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        ready(self.known().converted.get(&(source.to_string(), shape.to_string())).copied()).boxed()
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        let mut known = self.known();
        let line = CacheLine::Converted(source.to_string(), shape.to_string(), converted.to_string());
        if known.converted.get(&(source.to_string(), shape.to_string())) != Some(converted) {
            known.add(&line);
        }
        ready(()).boxed()
    }

    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool> {
        ready(self.known().verified.contains(tag)).boxed()
    }

    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()> {
        let mut known = self.known();
        if !known.verified.contains(tag) {
            known.add(&CacheLine::Verified(tag.to_owned()));
        }
        ready(()).boxed()
    }
}

// The lines, and true if the file is damaged or too large.
fn read(path: &Path) -> io::Result<(Vec<CacheLine>, bool)> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), false)),
        Err(error) => return Err(error),
    };
    let mut damaged = file.metadata()?.len() > MAX_BYTES;
    let mut lines = Vec::new();
    let mut reader = BufReader::new(file.take(MAX_BYTES));
    let mut text = Vec::new();
    while reader.read_until(b'\n', &mut text)? != 0 {
        match serde_json::from_slice(&text) {
            Ok(line) if text.ends_with(b"\n") => lines.push(line),
            _ => damaged = true,
        }
        text.clear();
    }
    Ok((lines, damaged))
}

fn rewrite(path: &Path, lines: &[CacheLine]) -> io::Result<()> {
    let draft = Draft::at(path, Readers::Owner)?;
    let mut writer = BufWriter::new(draft.file());
    for line in lines {
        serde_json::to_writer(&mut writer, line)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()?;
    drop(writer);
    draft.replace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Format;

    fn shape(platforms: &[&str]) -> Shape {
        let platforms = platforms.iter().map(|text| text.parse().unwrap()).collect();
        Shape { platforms, format: Format::Docker, without_attestations: false }
    }

    #[tokio::test]
    async fn what_was_found_out_is_there_the_next_time() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().join("a/b");
        let (source, converted) = (Digest::of(b"x"), Digest::of(b"y"));
        for run in 0..2 {
            let cache = FileCache::open(Some(directory.clone()));
            let known = (run == 1).then_some(converted);
            assert_eq!(cache.converted(&source, &shape(&["linux/arm64"])).await, known);
            assert_eq!(cache.verified("lab.test/a:1").await, run == 1);
            assert_eq!(cache.converted(&source, &Shape::default()).await, None);
            cache.remember(&source, &shape(&["linux/arm64"]), &converted).await;
            cache.verify("lab.test/a:1").await;
        }
        // What is known is not written again.
        assert_eq!(fs::read_to_string(directory.join(FILE)).unwrap().lines().count(), 2);
    }

    #[tokio::test]
    async fn damage_costs_what_is_damaged() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().to_owned();
        FileCache::open(Some(directory.clone())).verify("lab.test/a:1").await;
        let path = directory.join(FILE);
        let mut text = fs::read(&path).unwrap();
        text.extend_from_slice(b"\xff\xfe{\n{\"verified\":\"lab.test/a:2\"}\n{\"verified\":\"lab.t");
        fs::write(&path, text).unwrap();
        let cache = FileCache::open(Some(directory.clone()));
        assert!(cache.verified("lab.test/a:1").await && cache.verified("lab.test/a:2").await);
        cache.verify("lab.test/a:3").await;
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 3);
    }

    #[tokio::test]
    async fn without_a_place_it_lasts_as_long_as_the_process() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for nowhere in [None, Some(file.path().join("below/a/file"))] {
            let cache = FileCache::open(nowhere);
            cache.verify("lab.test/a:1").await;
            assert!(cache.verified("lab.test/a:1").await);
        }
    }
}
