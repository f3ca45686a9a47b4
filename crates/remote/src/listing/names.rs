//! Names, each once and in the order in which they came, in as little memory as that takes: one text, where each of them
//! ends, and a table to find them by. A list of a million tags is thirty megabytes of it.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
};

use hashbrown::{HashTable, hash_table::Entry};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Collect, Taken, bounds::Bounds};
use crate::error::{Endless, InvalidAnswer};

/// What may be a name.
type Form = fn(&str) -> bool;

/// The names of a listing. What does not have their form is left out.
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
    known: HashTable<u32>,
    hasher: RandomState,
    form: Form,
    bounds: Bounds,
}

impl Names {
    pub(crate) fn new(form: Form, bounds: Bounds) -> Self {
        let (text, ends, known) = (String::new(), Vec::new(), HashTable::new());
        Self { text, ends, known, hasher: RandomState::new(), form, bounds }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| at(&self.text, &self.ends, index))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    // Whether it is new.
    fn add(&mut self, name: &str) -> Result<bool, Endless> {
        let Self { text, ends, known, hasher, bounds, .. } = self;
        let hash = hasher.hash_one(name);
        let is_same = |index: &u32| at(text, ends, *index as usize) == name;
        let rehash = |index: &u32| hasher.hash_one(at(text, ends, *index as usize));
        let Entry::Vacant(place) = known.entry(hash, is_same, rehash) else { return Ok(false) };
        bounds.hold(ends.len() + 1, text.len() + name.len())?;
        // The bounds are far below what a `u32` holds.
        place.insert(u32::try_from(ends.len()).unwrap_or(u32::MAX));
        text.push_str(name);
        ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        Ok(true)
    }
}

fn at<'a>(text: &'a str, ends: &[u32], index: usize) -> &'a str {
    let start = index.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
    let end = ends.get(index).copied().unwrap_or_default();
    text.get(start as usize..end as usize).unwrap_or_default()
}

impl Collect for Names {
    fn take(&mut self, bytes: &[u8]) -> Result<Taken, InvalidAnswer> {
        let mut taking = Taking { names: self, taken: Taken::default(), fault: None };
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = Listing(&mut taking).deserialize(&mut json).and_then(|()| json.end());
        match (taking.fault, read) {
            (Some(endless), _) => Err(endless.into()),
            (None, Err(_)) => Err(InvalidAnswer::NotAListing),
            (None, Ok(())) => Ok(taking.taken),
        }
    }

    fn held(&self) -> usize {
        self.text.len()
    }
}

/// A page while it is read.
struct Taking<'n> {
    names: &'n mut Names,
    taken: Taken,
    fault: Option<Endless>,
}

impl Taking<'_> {
    fn name(&mut self, name: &str) -> Result<(), Endless> {
        self.taken.listed += 1;
        if (self.names.form)(name) {
            self.taken.new += usize::from(self.names.add(name)?);
            name.clone_into(self.taken.last.get_or_insert_default());
        }
        Ok(())
    }
}

/// A page: an object with the names under `tags` or `repositories`.
struct Listing<'t, 'n>(&'t mut Taking<'n>);

impl<'de> DeserializeSeed<'de> for Listing<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Listing<'_, '_> {
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

/// The names themselves. Registries in Go send `null` for none.
struct List<'t, 'n>(&'t mut Taking<'n>);

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
        while list.next_element_seed(One(self.0))?.is_some() {}
        Ok(())
    }
}

/// One of them.
struct One<'t, 'n>(&'t mut Taking<'n>);

impl<'de> DeserializeSeed<'de> for One<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for One<'_, '_> {
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

    fn names() -> Names {
        Names::new(|name| !name.is_empty() && !name.contains(' '), BOUNDS)
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
            assert!(matches!(refused, Err(InvalidAnswer::NotAListing)), "{page}");
        }
    }

    #[test]
    fn bounds_are_held() {
        let told = |page: &str| names().take(page.as_bytes()).unwrap_err().to_string();
        assert_eq!(told(r#"{"tags":["a","b","c","d","e"]}"#), "the listing has more than 4 entries");
        assert_eq!(told(r#"{"tags":["abcdef","ghijk"]}"#), "the listing has more than 10 bytes");
        assert_eq!(names().take(br#"{"tags":["abcde","ghijk"]}"#).unwrap().new, 2);
    }
}
