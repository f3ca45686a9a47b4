//! Collects names, each once and in the order in which they came, in little memory.
//!
//! They are one text, the offset where each ends, and a hash table. A million tags take thirty megabytes. The text
//! grows by blocks, so that it is never copied.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use hashbrown::{HashTable, hash_table::Entry};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    bounds::Bounds,
    collect::{Collect, PageSummary},
};
use crate::error::{InvalidResponse, UnboundedListing};

// The bytes of one block. No name is longer, and none spans two blocks.
const BLOCK: usize = 256 << 10;

/// Whether a text may be a name.
type NameCheck = fn(&str) -> bool;

/// The names of a listing. Entries that are not names are left out.
pub(crate) struct NameList {
    text: Text,
    known: HashTable<u32>,
    hasher: RandomState,
    check: NameCheck,
    bounds: Bounds,
}

impl NameList {
    pub(crate) fn new(check: NameCheck, bounds: Bounds) -> Self {
        let (text, known) = (Text::default(), HashTable::new());
        Self { text, known, hasher: RandomState::new(), check, bounds }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.text.name(index))
    }

    /// The number of names.
    pub(crate) fn len(&self) -> usize {
        self.text.ends.len()
    }

    // Returns whether the name is new.
    fn add(&mut self, name: &str) -> Result<bool, UnboundedListing> {
        let Self { text, known, hasher, bounds, .. } = self;
        let hash = hasher.hash_one(name);
        let is_same = |index: &u32| text.name(*index as usize) == name;
        let rehash = |index: &u32| hasher.hash_one(text.name(*index as usize));
        let Entry::Vacant(place) = known.entry(hash, is_same, rehash) else { return Ok(false) };
        bounds.check(text.ends.len() + 1, text.bytes + name.len())?;
        // The bounds are far below what a `u32` holds.
        place.insert(u32::try_from(text.ends.len()).unwrap_or(u32::MAX));
        text.push(name);
        Ok(true)
    }
}

/// The text of all names.
#[derive(Default)]
struct Text {
    blocks: Vec<String>,
    // Counted as if every block were full.
    ends: Vec<u32>,
    bytes: usize,
}

impl Text {
    fn push(&mut self, name: &str) {
        if self.blocks.last().is_none_or(|block| block.len() + name.len() > BLOCK) {
            self.blocks.push(String::with_capacity(BLOCK));
        }
        let before = (self.blocks.len() - 1) * BLOCK;
        if let Some(block) = self.blocks.last_mut() {
            block.push_str(name);
            self.ends.push(u32::try_from(before + block.len()).unwrap_or(u32::MAX));
        }
        self.bytes += name.len();
    }

    fn name(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let (start, end) = (index.checked_sub(1).map_or(0, end), end(index));
        let block = end.saturating_sub(1) / BLOCK;
        // The name before may be in the block before.
        let start = start.saturating_sub(block * BLOCK);
        let text = self.blocks.get(block).and_then(|text| text.get(start..end - block * BLOCK));
        text.unwrap_or_default()
    }
}

impl Collect for NameList {
    fn take(&mut self, bytes: &[u8]) -> Result<PageSummary, InvalidResponse> {
        let mut taking = PageParser { names: self, taken: PageSummary::default(), fault: None };
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = NamesPage(&mut taking).deserialize(&mut json).and_then(|()| json.end());
        match (taking.fault, read) {
            (Some(endless), _) => Err(endless.into()),
            (None, Err(_)) => Err(InvalidResponse::NotAListing),
            (None, Ok(())) => Ok(taking.taken),
        }
    }

    fn held(&self) -> usize {
        self.text.bytes
    }
}

/// A page while it is parsed.
struct PageParser<'n> {
    names: &'n mut NameList,
    taken: PageSummary,
    fault: Option<UnboundedListing>,
}

impl PageParser<'_> {
    fn name(&mut self, name: &str) -> Result<(), UnboundedListing> {
        self.taken.listed += 1;
        if name.len() <= BLOCK && (self.names.check)(name) {
            self.taken.new += usize::from(self.names.add(name)?);
            name.clone_into(self.taken.last.get_or_insert_default());
        }
        Ok(())
    }
}

/// A page: an object with names under `tags` or `repositories`.
struct NamesPage<'t, 'n>(&'t mut PageParser<'n>);

impl<'de> DeserializeSeed<'de> for NamesPage<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamesPage<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a listing")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_read = false;
        while let Some(key) = map.next_key::<String>()? {
            if !matches!(key.as_str(), "tags" | "repositories") {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut is_read, true) {
                return Err(A::Error::custom("two lists"));
            } else {
                map.next_value_seed(List(self.0))?;
            }
        }
        Ok(())
    }
}

/// The list of names. Registries in Go send `null` for an empty one.
struct List<'t, 'n>(&'t mut PageParser<'n>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(NameSeed(self.0))?.is_some() {}
        Ok(())
    }
}

/// One name.
struct NameSeed<'t, 'n>(&'t mut PageParser<'n>);

impl<'de> DeserializeSeed<'de> for NameSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<(), E> {
        self.0.name(name).map_err(|endless| {
            let error = E::custom(endless);
            self.0.fault = Some(endless);
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { entries: 4, bytes: 10, ..Bounds::NAMES };

    fn names() -> NameList {
        NameList::new(|name| !name.is_empty() && !name.contains(' '), BOUNDS)
    }

    #[test]
    fn each_is_there_once_and_in_order() {
        let mut names = names();
        let taken = names.take(br#"{"name":"x","tags":["b","a","b","not one","\u0063"]}"#).unwrap();
        assert_eq!((taken.listed, taken.new, taken.last.as_deref()), (5, 3, Some("c")));
        let taken = names.take(br#"{"repositories":["a","dd"],"more":{"tags":[1]}}"#).unwrap();
        assert_eq!((taken.listed, taken.new), (2, 1));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["b", "a", "c", "dd"]);
        for none in [r#"{"tags":null}"#, r#"{"tags":[]}"#, "{}"] {
            let taken = names.take(none.as_bytes()).unwrap();
            assert_eq!((taken.listed, taken.new, taken.last), (0, 0, None), "{none}");
        }
    }

    #[test]
    fn what_is_no_list_of_names_is_refused() {
        for page in [
            "",
            "<html>",
            "[]",
            r#"{"tags":"a"}"#,
            r#"{"tags":[1]}"#,
            r#"{"tags":[]}x"#,
            r#"{"tags":[],"tags":[]}"#,
        ] {
            let refused = names().take(page.as_bytes());
            assert!(matches!(refused, Err(InvalidResponse::NotAListing)), "{page}");
        }
    }

    #[test]
    fn names_are_found_again_in_every_block() {
        let bounds = Bounds { entries: 1000, bytes: 8 * BLOCK, ..Bounds::NAMES };
        let mut names = NameList::new(|_| true, bounds);
        let lengths = [BLOCK, 1, BLOCK - 1, BLOCK - 1, 2, 0, BLOCK / 2, BLOCK / 2, 7];
        let all: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let page = |names: &[String]| serde_json::json!({ "tags": names }).to_string();
        assert_eq!(names.take(page(&all).as_bytes()).unwrap().new, 7);
        let kept: Vec<_> = names.iter().map(str::len).collect();
        assert_eq!(kept, [BLOCK, 1, BLOCK - 1, 2, 0, BLOCK / 2, 7]);
        assert_eq!(names.take(page(&all).as_bytes()).unwrap().new, 0);
        let long = ["y".repeat(BLOCK + 1)];
        let taken = names.take(page(&long).as_bytes()).unwrap();
        assert_eq!((taken.listed, taken.new), (1, 0));
    }

    #[test]
    fn bounds_are_held() {
        let told = |page: &str| names().take(page.as_bytes()).unwrap_err().to_string();
        assert_eq!(told(r#"{"tags":["a","b","c","d","e"]}"#), "the listing has more than 4 entries");
        assert_eq!(told(r#"{"tags":["abcdef","ghijk"]}"#), "the listing has more than 10 bytes");
        assert_eq!(names().take(br#"{"tags":["abcde","ghijk"]}"#).unwrap().new, 2);
    }
}
