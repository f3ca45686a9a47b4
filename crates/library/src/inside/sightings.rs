//! What the names in the layers of an image mean. Pure.
//!
//! The splitting library is loaded by the loader of glibc, so an image must have one, of version 2.17 or later. Names tell:
//! `libc-2.31.so` until version 2.33, `libc.so.6` as a file after that, `ld-musl-x86_64.so.1` for musl.

use std::collections::BTreeMap;

use entrepot_catalog::{Accelerator, ImageContents, Libc, SplitCheck};
use entrepot_oci::ImageConfig;

use super::tar_names::TarEntryKind;

/// The oldest glibc that the splitting library loads into.
const OLDEST_GLIBC: Version = Version(2, 17);

/// The most facts that are remembered of an image.
const MOST: usize = 10_000;

/// The name of a file that hides one of a lower layer, and of one that hides all of a directory (image-spec, layer.md).
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fact {
    Glibc(Option<Version>),
    // The loader of glibc alone: others bring one for programs that were built for glibc.
    GlibcLoader,
    Musl,
    Cuda(Version),
    Ascend,
    OtherCards,
    Sshd,
}

/// What was seen so far, by path.
#[derive(Debug, Default)]
pub(crate) struct Sightings {
    facts: BTreeMap<String, Fact>,
    layer: Layer,
}

#[derive(Debug, Default)]
struct Layer {
    facts: BTreeMap<String, Fact>,
    hidden: Vec<String>,
}

impl Sightings {
    /// Looks at a name of the present layer. True if the version is to be read from its content.
    pub(crate) fn see(&mut self, path: &str, kind: &TarEntryKind) -> bool {
        let path = path.trim_start_matches("./").trim_start_matches('/').trim_end_matches('/');
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == OPAQUE {
            self.layer.hidden.push(format!("{directory}/"));
            return false;
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            self.layer.hidden.push(join(directory, hidden));
            return false;
        }
        let Some((at, fact)) = fact(path, directory, name, kind) else { return false };
        let is_unclear = fact == Fact::Glibc(None);
        if self.layer.facts.len() + self.facts.len() < MOST {
            self.layer.facts.insert(at.to_owned(), fact);
        }
        is_unclear
    }

    /// What the content of a C library says about its version: `… stable release version 2.35.`
    pub(crate) fn see_libc(&mut self, path: &str, content: &[u8]) {
        let path = path.trim_start_matches("./").trim_start_matches('/');
        let text = b"release version ";
        let at = content.windows(text.len()).position(|part| part == text);
        let Some(version) = at.and_then(|at| {
            let rest = &content[at + text.len()..];
            version(&String::from_utf8_lossy(&rest[..rest.len().min(16)]))
        }) else {
            return;
        };
        self.layer.facts.insert(path.to_owned(), Fact::Glibc(Some(version)));
    }

    /// The present layer is over: it hides what it hides of those below, and its own lies above them.
    pub(crate) fn end_layer(&mut self) {
        let Layer { facts, hidden } = std::mem::take(&mut self.layer);
        for hidden in hidden {
            let below = format!("{}/", hidden.trim_end_matches('/'));
            self.facts.retain(|path, _| *path != hidden && !path.starts_with(&below));
        }
        self.facts.extend(facts);
    }

    /// All that was seen.
    pub(crate) fn contents(&self, is_complete: bool) -> ImageContents {
        let glibc = self.facts.values().filter_map(|fact| match fact {
            Fact::Glibc(version) => Some(*version),
            _ => None,
        });
        let glibc: Vec<_> = glibc.collect();
        let (libc, version) = if !glibc.is_empty() {
            (Some(Libc::Glibc), glibc.into_iter().flatten().max())
        } else if self.has(&Fact::Musl) {
            (Some(Libc::Musl), None)
        } else {
            (self.has(&Fact::GlibcLoader).then_some(Libc::Glibc), None)
        };
        let cuda = self.facts.values().filter_map(|fact| match fact {
            Fact::Cuda(version) => Some(*version),
            _ => None,
        });
        ImageContents {
            libc,
            libc_version: version.map(|version| version.to_string()),
            cuda: cuda.max().map(|version| version.to_string()),
            sshd: self.has(&Fact::Sshd),
            complete: is_complete,
        }
    }

    fn has(&self, wanted: &Fact) -> bool {
        self.facts.values().any(|fact| fact == wanted)
    }

    /// The kind of card that the image brings libraries for.
    pub(crate) fn accelerator(&self) -> Option<Accelerator> {
        let has_cuda = self.facts.values().any(|fact| matches!(fact, Fact::Cuda(_)));
        let all = [
            (has_cuda, Accelerator::Nvidia),
            (self.has(&Fact::Ascend), Accelerator::Ascend),
            (self.has(&Fact::OtherCards), Accelerator::Other),
        ];
        all.into_iter().find_map(|(is_there, accelerator)| is_there.then_some(accelerator))
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

// What a name means, and the path that stands for it.
fn fact<'a>(path: &'a str, directory: &str, name: &str, kind: &TarEntryKind) -> Option<(&'a str, Fact)> {
    if is_of_system(directory)
        && let Some(fact) = libc(name, kind)
    {
        return Some((path, fact));
    }
    if let Some(version) = name.strip_prefix("libcudart").and_then(cudart) {
        return Some((path, Fact::Cuda(version)));
    }
    let toolkit = path.strip_prefix("usr/local/cuda-").and_then(version);
    let package = name.strip_prefix("nvidia_cuda_runtime").and_then(|rest| version(rest.split_once('-')?.1));
    if let Some(version) = toolkit.or(package) {
        return Some((head(path, 3), Fact::Cuda(version)));
    }
    if path.starts_with("usr/local/Ascend/") || path.starts_with("usr/local/Ascend-") {
        return Some((head(path, 3), Fact::Ascend));
    }
    if path.starts_with("opt/rocm") || path.starts_with("opt/dtk") || path.starts_with("usr/local/neuware/") {
        return Some((head(path, 2), Fact::OtherCards));
    }
    let is_server =
        matches!(name, "sshd" | "dropbear") && directory.ends_with("sbin") && *kind != TarEntryKind::Other;
    is_server.then_some((path, Fact::Sshd))
}

// Where the loader looks. Compilers and environments of Python bring other C libraries, which nothing loads.
fn is_of_system(directory: &str) -> bool {
    let rest = directory.strip_prefix("usr/").unwrap_or(directory);
    let mut parts = rest.split('/');
    let is_lib = parts.next().is_some_and(|part| matches!(part, "lib" | "lib32" | "lib64"));
    is_lib && parts.next().is_none_or(|part| part.contains("linux-gnu")) && parts.next().is_none()
}

fn libc(name: &str, kind: &TarEntryKind) -> Option<Fact> {
    let version = name.strip_prefix("libc-").and_then(|rest| rest.strip_suffix(".so")).and_then(version);
    if let Some(version) = version {
        return Some(Fact::Glibc(Some(version)));
    }
    match (name, kind) {
        ("libc.so.6", TarEntryKind::File) => Some(Fact::Glibc(None)),
        (name, _) if name.starts_with("ld-musl-") || name.starts_with("libc.musl-") => Some(Fact::Musl),
        (name, _) if name.starts_with("ld-linux") => Some(Fact::GlibcLoader),
        _ => None,
    }
}

// Behind `libcudart`: `.so.12`, `.so.12.4.127`, `-9335f6a2.so.12`.
fn cudart(rest: &str) -> Option<Version> {
    version(rest.split_once(".so.")?.1)
}

// `12`, `12.4`, `12.4.127`, `2.35-0ubuntu3`, `12.4/lib64`.
fn version(text: &str) -> Option<Version> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let mut parts = text[..end].split('.').map(|part| part.parse().ok());
    let major = parts.next()??;
    Some(Version(major, parts.next().flatten().unwrap_or(0)))
}

// The first parts of a path.
fn head(path: &str, parts: usize) -> &str {
    path.match_indices('/').nth(parts - 1).map_or(path, |(at, _)| &path[..at])
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// What is known of an image, from its configuration and its layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageFindings {
    pub(crate) split: SplitCheck,
    pub(crate) accelerator: Accelerator,
    pub(crate) contents: ImageContents,
}

/// Judges an image.
pub(crate) fn judged(config: &ImageConfig, seen: &Sightings, is_complete: bool) -> ImageFindings {
    let mut contents = seen.contents(is_complete);
    // What its builder says is more exact than file names, which may be those of several.
    if let Some(said) = config.variable("CUDA_VERSION").and_then(version) {
        contents.cuda = Some(said.to_string());
    }
    let accelerator = accelerator(config, seen, &contents);
    ImageFindings { split: split(&contents, accelerator), accelerator, contents }
}

fn accelerator(config: &ImageConfig, seen: &Sightings, contents: &ImageContents) -> Accelerator {
    if contents.cuda.is_some() || config.variable("NVIDIA_REQUIRE_CUDA").is_some() {
        return Accelerator::Nvidia;
    }
    if config.variable("ASCEND_HOME_PATH").or(config.variable("ASCEND_TOOLKIT_HOME")).is_some() {
        return Accelerator::Ascend;
    }
    let unseen = if contents.complete { Accelerator::None } else { Accelerator::Unknown };
    seen.accelerator().unwrap_or(unseen)
}

fn split(contents: &ImageContents, accelerator: Accelerator) -> SplitCheck {
    let known = contents.libc_version.as_deref().and_then(version);
    match contents.libc {
        Some(Libc::Musl) => SplitCheck::Musl,
        Some(Libc::Glibc) if known.is_some_and(|version| version < OLDEST_GLIBC) => SplitCheck::OldGlibc,
        Some(Libc::Glibc) if accelerator == Accelerator::Nvidia => SplitCheck::Fits,
        Some(Libc::Glibc) if contents.complete => SplitCheck::NoCuda,
        None if contents.complete => SplitCheck::Static,
        Some(Libc::Glibc) | None => SplitCheck::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(target: &str) -> TarEntryKind {
        TarEntryKind::Link(target.to_owned())
    }

    fn image(layers: &[&[(&str, TarEntryKind)]]) -> Sightings {
        let mut seen = Sightings::default();
        for layer in layers {
            for (path, kind) in *layer {
                seen.see(path, kind);
            }
            seen.end_layer();
        }
        seen
    }

    fn config(environment: &[&str]) -> ImageConfig {
        let text =
            serde_json::json!({"os": "linux", "architecture": "amd64", "config": {"Env": environment}});
        ImageConfig::parse(text.to_string().as_bytes()).unwrap()
    }

    fn of(
        layers: &[&[(&str, TarEntryKind)]],
        environment: &[&str],
    ) -> (SplitCheck, Accelerator, Option<String>) {
        let ImageFindings { split, accelerator, contents } =
            judged(&config(environment), &image(layers), true);
        (split, accelerator, contents.libc_version)
    }

    #[test]
    fn images_are_known_by_their_libraries() {
        let file = || TarEntryKind::File;
        let debian: &[(&str, TarEntryKind)] = &[
            ("lib/x86_64-linux-gnu/libc-2.31.so", file()),
            ("lib/x86_64-linux-gnu/libc.so.6", link("libc-2.31.so")),
            ("lib64/ld-linux-x86-64.so.2", link("/lib/x86_64-linux-gnu/ld-2.31.so")),
        ];
        let cuda: &[(&str, TarEntryKind)] = &[("usr/local/cuda-12.4/lib64/libcudart.so.12.4.127", file())];
        let alpine: &[(&str, TarEntryKind)] = &[
            ("lib/ld-musl-x86_64.so.1", file()),
            ("lib/libc.musl-x86_64.so.1", link("ld-musl-x86_64.so.1")),
        ];
        let version = |text: &str| Some(text.to_owned());
        for (layers, environment, found) in [
            (
                &[debian, cuda] as &[&[_]],
                &[] as &[&str],
                (SplitCheck::Fits, Accelerator::Nvidia, version("2.31")),
            ),
            (&[debian], &[], (SplitCheck::NoCuda, Accelerator::None, version("2.31"))),
            (&[debian], &["NVIDIA_REQUIRE_CUDA=x"], (SplitCheck::Fits, Accelerator::Nvidia, version("2.31"))),
            (&[alpine], &[], (SplitCheck::Musl, Accelerator::None, None)),
            (&[alpine, cuda], &[], (SplitCheck::Musl, Accelerator::Nvidia, None)),
            (&[&[("app", file())]], &[], (SplitCheck::Static, Accelerator::None, None)),
            (
                &[&[("lib64/libc-2.12.so", file())], cuda],
                &[],
                (SplitCheck::OldGlibc, Accelerator::Nvidia, version("2.12")),
            ),
            (&[&[("usr/lib64/libc.so.6", file())], cuda], &[], (SplitCheck::Fits, Accelerator::Nvidia, None)),
            (
                &[debian, &[("usr/local/Ascend/ascend-toolkit/latest", TarEntryKind::Other)]],
                &[],
                (SplitCheck::NoCuda, Accelerator::Ascend, version("2.31")),
            ),
            (
                &[debian, &[("opt/rocm-6.0/lib/x", file())]],
                &[],
                (SplitCheck::NoCuda, Accelerator::Other, version("2.31")),
            ),
        ] {
            assert_eq!(of(layers, environment), found, "{layers:?}");
        }
    }

    // What is there beside the C library of the system is loaded by nothing.
    #[test]
    fn other_c_libraries_do_not_count() {
        let file = || TarEntryKind::File;
        let conda = ("opt/conda/x86_64-conda-linux-gnu/sysroot/lib64/libc-2.12.so", file());
        let musl_tools = ("lib/ld-musl-x86_64.so.1", link("/usr/lib/musl/lib/libc.so"));
        let glibc = ("usr/lib/aarch64-linux-gnu/libc-2.36.so", file());
        assert_eq!(of(&[&[conda, musl_tools, glibc]], &[]).2.as_deref(), Some("2.36"));
        let compat = ("lib/ld-linux-x86-64.so.2", link("libgcompat.so.0"));
        let alpine = ("lib/ld-musl-x86_64.so.1", file());
        let old_compat = ("lib/libc.so.6", link("libc.musl-x86_64.so.1"));
        assert_eq!(of(&[&[compat, alpine, old_compat]], &[]).0, SplitCheck::Musl);
    }

    #[test]
    fn what_a_layer_hides_is_not_there() {
        let file = || TarEntryKind::File;
        let lower: &[(&str, TarEntryKind)] = &[
            ("./lib/x86_64-linux-gnu/libc-2.31.so", file()),
            ("usr/sbin/sshd", file()),
            ("usr/local/cuda-11.8/version.json", file()),
        ];
        for (upper, sshd, cuda) in [
            (&[("usr/sbin/.wh.sshd", file())] as &[_], false, Some("11.8")),
            (&[("usr/local/.wh.cuda-11.8", file())], true, None),
            (&[("usr/local/.wh..wh..opq", file()), ("usr/local/cuda-12.1/x", file())], true, Some("12.1")),
            // In its own layer it hides nothing.
            (&[("usr/sbin/sshd", file()), ("usr/sbin/.wh.sshd", file())], true, Some("11.8")),
        ] {
            let contents = image(&[lower, upper]).contents(true);
            assert_eq!((contents.sshd, contents.cuda.as_deref()), (sshd, cuda), "{upper:?}");
        }
    }

    #[test]
    fn versions_of_cuda_are_found_in_names() {
        for (path, found) in [
            ("usr/local/cuda-12.4", Some("12.4")),
            ("usr/local/cuda-13.0/lib64", Some("13.0")),
            ("usr/lib/x86_64-linux-gnu/libcudart.so.11.8.89", Some("11.8")),
            ("opt/conda/lib/python3.11/site-packages/torch/lib/libcudart-9335f6a2.so.12", Some("12.0")),
            ("usr/lib/python3/dist-packages/nvidia_cuda_runtime_cu12-12.4.127.dist-info/METADATA", None),
            ("usr/lib/python3/dist-packages/nvidia_cuda_runtime_cu12-12.4.127.dist-info", Some("12.4")),
            ("usr/local/cuda", None),
            ("usr/lib/libcudart.so", None),
            ("home/libcudart_static.a", None),
        ] {
            let contents = image(&[&[(path, TarEntryKind::File)]]).contents(true);
            assert_eq!(contents.cuda.as_deref(), found, "{path}");
        }
        let said = judged(&config(&["CUDA_VERSION=12.6.1"]), &Sightings::default(), false);
        assert_eq!(said.contents.cuda.as_deref(), Some("12.6"));
        assert_eq!((said.split, said.accelerator), (SplitCheck::Unknown, Accelerator::Nvidia));
    }

    #[test]
    fn a_new_glibc_says_its_version_itself() {
        let mut seen = Sightings::default();
        assert!(seen.see("/usr/lib64/libc.so.6", &TarEntryKind::File));
        assert!(!seen.see("usr/lib64/libc.so.6", &link("libc-2.30.so")));
        seen.see_libc(
            "/usr/lib64/libc.so.6",
            b"\0GNU C Library (GNU libc) stable release version 2.35.\nCopyright",
        );
        seen.end_layer();
        assert_eq!(seen.contents(true).libc_version.as_deref(), Some("2.35"));
        let mut seen = Sightings::default();
        seen.see("usr/lib64/libc.so.6", &TarEntryKind::File);
        seen.see_libc("usr/lib64/libc.so.6", b"nothing of that kind");
        seen.end_layer();
        assert_eq!((seen.contents(true).libc, seen.contents(true).libc_version), (Some(Libc::Glibc), None));
    }

    #[test]
    fn what_was_not_read_to_its_end_proves_no_absence() {
        let seen = image(&[&[("lib64/libc-2.31.so", TarEntryKind::File)]]);
        let partly = judged(&config(&[]), &seen, false);
        assert_eq!((partly.split, partly.accelerator), (SplitCheck::Unknown, Accelerator::Unknown));
        assert_eq!(judged(&config(&[]), &Sightings::default(), false).split, SplitCheck::Unknown);
    }

    #[test]
    fn names_without_end_fill_no_memory() {
        let mut seen = Sightings::default();
        for number in 0..MOST + 10 {
            seen.see(&format!("a{number}/libcudart.so.12"), &TarEntryKind::File);
        }
        seen.end_layer();
        assert_eq!(seen.facts.len(), MOST);
    }
}
