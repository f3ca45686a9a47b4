//! Laws that must hold for any input, as functions that panic if they do not.
//!
//! Each law is written once and checked twice: by property tests with generated input, and by the targets in `fuzz/`.
//! This module is compiled for tests and for fuzzing only.

use std::str::FromStr;

use serde_json::Value;

use crate::{
    ByteRange, ByteRanges, ChunkRange, Descriptor, Digest, Host, ImageRef, MAX_DEPTH, MAX_PAGE, MAX_RANGES,
    Manifest, MediaType, Method, Name, Page, Reference, ReferrersIndex, Repository, Route, RouteError, Tag,
    UploadStart,
};

/// Any text, checked against everything that a name can be.
pub fn names(text: &str) {
    repository(text);
    tag(text);
    digest(text);
    host(text);
    name(text);
    reference(text);
    image(text);
    media_type(text);
}

fn repository(text: &str) {
    let parsed = text.parse::<Repository>();
    assert_eq!(parsed.is_ok(), text.len() <= 255 && by_grammar(text), "{text:?}");
    let Ok(parsed) = parsed else { return };
    assert_eq!((parsed.as_str(), parsed.to_string().as_str()), (text, text));
    assert_eq!(parsed.parts().collect::<Vec<_>>().join("/"), text);
    // Nothing that is special in a path, whatever the grammar says.
    assert!(!text.contains("..") && !text.contains("//") && !text.starts_with('/') && !text.ends_with('/'));
    assert!(text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'/')));
}

// The distribution spec's expression as an automaton, independent of how `Repository` parses it.
fn by_grammar(text: &str) -> bool {
    let mut state = ' ';
    for byte in text.bytes() {
        state = match (state, byte) {
            (_, b'a'..=b'z' | b'0'..=b'9') => 'w',
            ('w', b'.') => '.',
            ('w', b'_') => '_',
            ('_', b'_') => '=',
            ('w' | '-', b'-') => '-',
            ('w', b'/') => ' ',
            _ => return false,
        };
    }
    state == 'w'
}

fn tag(text: &str) {
    let mut characters = text.chars();
    let starts = characters.next().is_some_and(|first| first.is_ascii_alphanumeric() || first == '_');
    let goes_on = characters.all(|one| one.is_ascii_alphanumeric() || "._-".contains(one));
    let parsed = text.parse::<Tag>();
    assert_eq!(parsed.is_ok(), starts && goes_on && text.len() <= 128, "{text:?}");
    if let Ok(parsed) = parsed {
        assert_eq!((parsed.as_str(), parsed.to_string().as_str()), (text, text));
    }
}

fn digest(text: &str) {
    let is_hex = |hex: &str, length| {
        hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_one = text.strip_prefix("sha256:").is_some_and(|hex| is_hex(hex, 64))
        || text.strip_prefix("sha512:").is_some_and(|hex| is_hex(hex, 128));
    let parsed = text.parse::<Digest>();
    assert_eq!(parsed.is_ok(), is_one, "{text:?}");
    if let Ok(parsed) = parsed {
        assert_eq!(parsed.to_string(), text);
        assert_eq!(format!("{}:{}", parsed.algorithm().name(), parsed.hex()), text);
    }
}

fn host(text: &str) {
    let Some(host) = rereads::<Host>(text) else { return };
    let written = host.as_str();
    assert!(!written.is_empty() && written.len() <= 260, "{written:?}");
    assert!(!written.bytes().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_control()), "{written:?}");
    assert!(!written.contains(['/', '@', ' ', '?', '#', '%', '\\']), "{written:?}");
    assert!(written.starts_with(host.name()));
    // A host has one spelling; otherwise the same image would be stored twice.
    if let Some(port) = written[host.name().len()..].strip_prefix(':') {
        assert_eq!(port.parse::<u16>().map(|port| port.to_string()).as_deref(), Ok(port), "{written:?}");
    }
    if let Some(address) = host.name().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: std::net::Ipv6Addr = address.parse().unwrap_or(std::net::Ipv6Addr::UNSPECIFIED);
        assert_eq!(host.name(), format!("[{address}]"));
    }
}

fn name(text: &str) {
    let Ok(name) = text.parse::<Name>() else { return };
    assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
    assert!(text.len() <= 255 && !text.contains("..") && !text.contains("//"), "{text:?}");
    match name.split_host() {
        Some((host, rest)) => {
            let (first, behind) = text.split_once('/').unwrap_or_default();
            assert_eq!((first.parse::<Host>().as_ref(), behind), (Ok(&host), rest));
            assert!(rest.parse::<Repository>().is_ok(), "{text:?}");
        }
        None => assert!(name.repository().is_some(), "{text:?}"),
    }
    assert_eq!(name.repository().is_some(), by_grammar(text), "{text:?}");
}

fn reference(text: &str) {
    if let Some(reference) = rereads::<Reference>(text) {
        assert_eq!(reference.to_string(), text);
        assert_eq!(matches!(reference, Reference::Digest(_)), text.contains(':'));
    }
}

fn image(text: &str) {
    let Some(image) = rereads::<ImageRef>(text) else { return };
    assert!(image.tag().is_some() || image.digest().is_some(), "{text:?}");
    assert!(!image.host().is_docker_hub() || image.repository().as_str().contains('/'), "{text:?}");
    assert_eq!(matches!(image.reference(), Reference::Digest(_)), image.digest().is_some());
}

fn media_type(text: &str) {
    let Some(parsed) = MediaType::parse(text) else { return };
    assert_eq!(MediaType::parse(parsed.as_str()).as_ref(), Some(&parsed));
    let lower = parsed.as_str().to_ascii_lowercase();
    if parsed.is_inert() {
        // A browser sees exactly one type, and not XML.
        assert!(
            lower.starts_with("application/") && !lower.ends_with("+xml") && !lower.contains(','),
            "{lower}"
        );
    }
    assert!(parsed.as_str().len() <= 255 && parsed.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!parsed.as_str().contains(';'), "{text:?}");
    assert!(!parsed.is_index() || !parsed.is_image(), "{text:?}");
}

// What is written parses back to the same value.
fn rereads<T: FromStr + PartialEq + std::fmt::Display>(text: &str) -> Option<T> {
    let parsed: T = text.parse().ok()?;
    let written = parsed.to_string();
    assert!(written.parse::<T>().is_ok_and(|again| again == parsed), "{text:?} was written as {written:?}");
    Some(parsed)
}

/// Any `Range` header with any size: the result lies within the content and is what was requested.
pub fn byte_range(header: &str, size: u64) {
    let Some(range) = ByteRange::parse(header) else { return };
    assert!(header.trim().starts_with("bytes=") && !header.contains(','), "{header:?}");
    let within = range.within(size);
    let wanted = match range {
        ByteRange::Between(first, last) => first..=last,
        ByteRange::From(first) => first..=u64::MAX,
        ByteRange::Last(length) => size.saturating_sub(length)..=u64::MAX,
    };
    match within {
        Ok(given) => {
            assert!(given.start < given.end && given.end <= size, "{header:?} of {size}: {given:?}");
            assert_eq!(given.start, *wanted.start());
            assert_eq!(given.end - 1, (*wanted.end()).min(size - 1));
        }
        Err(_) => assert!(wanted.is_empty() || *wanted.start() >= size, "{header:?} of {size}"),
    }
}

/// Any `Range` header with any size: what is selected lies within the content, does not overlap, and is what the single
/// ranges select.
pub fn byte_ranges(header: &str, size: u64) {
    let Some(ranges) = ByteRanges::parse(header) else { return };
    if let Some(single) = ByteRange::parse(header) {
        assert_eq!(ranges.within(size), single.within(size).map(|range| Some(vec![range])));
    }
    let Ok(Some(selected)) = ranges.within(size) else { return };
    assert!((1..=MAX_RANGES).contains(&selected.len()), "{header:?}");
    let total: u64 = selected.iter().map(|range| range.end - range.start).sum();
    assert!(total <= size && selected.iter().all(|range| range.start < range.end && range.end <= size));
}

/// Any `Content-Range` of a chunk: two numbers in order.
pub fn chunk_range(header: &str) {
    let Ok(chunk) = ChunkRange::parse(header) else { return };
    assert!(chunk.first <= chunk.last && chunk.length() >= 1, "{header:?}");
    assert_eq!(ChunkRange::parse(&format!("{}-{}", chunk.first, chunk.last)), Ok(chunk));
    assert!(header.bytes().filter(|byte| *byte == b'-').count() == 1, "{header:?}");
}

/// Any `n` and `last`: a page is bounded, and its marker is a possible entry.
pub fn page(n: Option<&str>, last: Option<&str>) {
    let Ok(page) = Page::parse(n, last) else { return };
    assert!(page.limit() <= MAX_PAGE);
    if let Some(after) = page.after() {
        assert!(!after.is_empty() && after.len() <= 255 && after.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    let again = Page::parse(Some(&page.limit().to_string()), page.after());
    assert_eq!(again, Ok(page));
}

/// Any bytes as a manifest with any media type: whatever is accepted, every reader reads alike.
pub fn manifest(bytes: &[u8], declared: Option<&MediaType>) {
    let Ok(manifest) = Manifest::parse(bytes, declared) else { return };
    let again = Manifest::parse(bytes, Some(manifest.media_type()));
    assert!(again.is_ok_and(|again| again == manifest));
    assert!(declared.is_none_or(|declared| declared == manifest.media_type()));
    assert!(manifest.blobs().next().is_none() || manifest.manifests().is_empty(), "a hybrid was taken");
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    assert!(document.is_object() && depth(&document) <= MAX_DEPTH);
    as_go_reads(&document, &manifest);
    listed_again(&manifest);
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

// Nearly every client is written in Go, where `Layers` is read as `layers`. It must not see another image.
fn as_go_reads(document: &Value, manifest: &Manifest) {
    let field = |value: &Value, name: &str| -> Vec<Value> {
        let entries = value.as_object().into_iter().flatten();
        let named = entries.filter(|(key, value)| folded(key) == folded(name) && !value.is_null());
        named.map(|(_, value)| value.clone()).collect()
    };
    let listed = |name: &str| -> Vec<String> {
        let lists = field(document, name);
        assert!(lists.len() <= 1, "`{name}` is there in two spellings");
        let items = lists.into_iter().flat_map(|list| list.as_array().cloned().unwrap_or_default());
        let digests = items.flat_map(|item| {
            let digests = field(&item, "digest");
            assert_eq!(digests.len(), 1, "a descriptor has one digest");
            digests
        });
        digests.map(|digest| digest.as_str().unwrap_or_default().to_owned()).collect()
    };
    let read = |descriptors: &mut dyn Iterator<Item = &Descriptor>| -> Vec<String> {
        descriptors.map(|descriptor| descriptor.digest.to_string()).collect()
    };
    assert_eq!(listed("manifests"), read(&mut manifest.manifests().iter()));
    let layers = usize::from(manifest.config().is_some());
    let (layers, named) = (read(&mut manifest.blobs().skip(layers)), listed("layers"));
    assert!(layers == named || named.is_empty() && layers == listed("blobs"), "{layers:?}, not {named:?}");
    for name in ["config", "subject", "mediaType"] {
        assert!(field(document, name).len() <= 1, "`{name}` is there in two spellings");
    }
}

// How Go compares keys: two non-ASCII letters count as the letters they fold to.
fn folded(key: &str) -> String {
    key.chars()
        .map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

// What a manifest lists can be listed again, as referrers are, and parses back to the same value.
fn listed_again(manifest: &Manifest) {
    let descriptors: Vec<Descriptor> =
        manifest.manifests().iter().chain(manifest.blobs()).chain(manifest.subject()).cloned().collect();
    let written = serde_json::to_vec(&ReferrersIndex::new(descriptors.clone())).unwrap_or_default();
    let read = Manifest::parse(&written, None);
    assert!(read.is_ok_and(|read| read.manifests() == descriptors && read.media_type().is_index()));
}

/// Any request: a route is what its own URL leads to, whatever part of it is escaped.
pub fn route(method: Method, path: &str, query: &str) {
    let route = Route::parse(method, path, query);
    if !path.contains('%') {
        assert_eq!(Route::parse(method, &escaped(path), query), route, "{path:?} escaped");
    }
    match &route {
        Ok(route) => {
            let (path, query) = address(route);
            assert_eq!(Route::parse(method, &path, &query).as_ref(), Ok(route), "{path}?{query}");
            route.name().into_iter().for_each(|asked| name(asked.as_str()));
        }
        Err(RouteError::Method(allowed)) => {
            for (one, name) in METHODS {
                let is_refused = matches!(Route::parse(one, path, query), Err(RouteError::Method(_)));
                assert_ne!(allowed.split(", ").any(|word| word == name), is_refused, "{name} {path}?{query}");
            }
        }
        Err(_) => {}
    }
    if let Ok(Some(namespace)) = Route::namespace(query) {
        host(namespace.as_str());
    }
}

/// All methods and their spelling.
pub const METHODS: [(Method, &str); 6] = [
    (Method::Get, "GET"),
    (Method::Head, "HEAD"),
    (Method::Post, "POST"),
    (Method::Put, "PUT"),
    (Method::Patch, "PATCH"),
    (Method::Delete, "DELETE"),
];

fn escaped(text: &str) -> String {
    let escape = |byte: u8| if byte == b'/' { "/".to_owned() } else { format!("%{byte:02x}") };
    text.bytes().map(escape).collect()
}

fn address(route: &Route) -> (String, String) {
    match route {
        Route::Ping => ("/v2/".to_owned(), String::new()),
        Route::Manifest { name, reference, tags } => {
            let tags: Vec<_> = tags.iter().map(|tag| format!("tag={tag}")).collect();
            (format!("/v2/{name}/manifests/{reference}"), tags.join("&"))
        }
        Route::Blob { name, digest } => (format!("/v2/{name}/blobs/{digest}"), String::new()),
        Route::Tags { name, page } => {
            let last = page.after().map(escaped).map(|last| format!("&last={last}")).unwrap_or_default();
            (format!("/v2/{name}/tags/list"), format!("n={}{last}", page.limit()))
        }
        Route::Referrers { name, subject, artifact_type } => {
            let kind = artifact_type.as_deref().map(escaped).unwrap_or_default();
            (format!("/v2/{name}/referrers/{subject}"), format!("artifactType={kind}"))
        }
        Route::Uploads { name, start } => (format!("/v2/{name}/blobs/uploads/"), beginning(start)),
        Route::Upload { name, id, digest } => {
            let digest = digest.map(|digest| format!("digest={digest}")).unwrap_or_default();
            (format!("/v2/{name}/blobs/uploads/{}", escaped(id)), digest)
        }
    }
}

fn beginning(start: &UploadStart) -> String {
    match start {
        UploadStart::Session(algorithm) => format!("digest-algorithm={}", algorithm.name()),
        UploadStart::Monolithic(digest) => format!("digest={digest}"),
        UploadStart::Mount { digest, from } => {
            let from = from.as_ref().map(|from| format!("&from={from}")).unwrap_or_default();
            format!("mount={digest}{from}")
        }
    }
}

#[cfg(test)]
#[path = "laws_tests.rs"]
mod tests;
