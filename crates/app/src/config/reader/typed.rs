//! Deserializes types from [`ConfigNode`]s with serde; errors name the place.
//!
//! An unquoted scalar becomes what its target type asks for: `1.27` is a number for a number and text for a text. A key
//! without a value counts as not written. Errors collect their keys and place on the way out.

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor},
    forward_to_deserialize_any,
};

use super::{
    error::Error,
    tree::{ConfigEntry, ConfigNode, ConfigValue},
};

/// Deserializes a `T`.
pub(crate) fn read<'de, T: Deserialize<'de>>(node: &'de ConfigNode) -> Result<T, Error> {
    T::deserialize(NodeDeserializer(node))
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de>(&'de ConfigNode);

impl<'de> NodeDeserializer<'de> {
    fn expected(self, what: &str) -> Error {
        let found = match &self.0.value {
            ConfigValue::Nothing => Unexpected::Unit,
            ConfigValue::Plain(text) | ConfigValue::Text(text) => Unexpected::Str(text),
            ConfigValue::List(_) => Unexpected::Seq,
            ConfigValue::Map(_) => Unexpected::Map,
        };
        <Error as de::Error>::invalid_type(found, &what).or_at(&self.0.location)
    }

    fn text(self) -> Result<&'de str, Error> {
        self.0.text().ok_or_else(|| self.expected("text"))
    }

    fn plain<T: std::str::FromStr>(self, what: &str) -> Result<T, Error> {
        match &self.0.value {
            ConfigValue::Plain(text) => text.parse().map_err(|_| self.expected(what)),
            _ => Err(self.expected(what)),
        }
    }

    fn map<V: Visitor<'de>>(self, known: Option<&[&str]>, visitor: V) -> Result<V::Value, Error> {
        let entries = match &self.0.value {
            ConfigValue::Map(entries) => entries.as_slice(),
            ConfigValue::Nothing => &[],
            _ => return Err(self.expected("keys and values")),
        };
        let is_said = |entry: &&ConfigEntry| match known {
            // An unknown key is an error even without a value.
            Some(known) => {
                !matches!(entry.node.value, ConfigValue::Nothing) || !known.contains(&entry.key.as_str())
            }
            None => true,
        };
        let said: Vec<&ConfigEntry> = entries.iter().filter(is_said).collect();
        visitor
            .visit_map(Entries { rest: said.into_iter(), current: None })
            .map_err(|error| error.or_at(&self.0.location))
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.plain::<u64>("a whole number")?;
        visitor.visit_u64(number).map_err(|error: Error| error.or_at(&self.0.location))
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number(visitor)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Error;

    whole_numbers! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            ConfigValue::Nothing => visitor.visit_unit(),
            ConfigValue::Plain(text) | ConfigValue::Text(text) => visitor.visit_borrowed_str(text),
            ConfigValue::List(_) => return self.deserialize_seq(visitor),
            ConfigValue::Map(_) => return self.map(None, visitor),
        }
        .map_err(|error: Error| error.or_at(&self.0.location))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.plain("`true` or `false`")?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text()?).map_err(|error: Error| error.or_at(&self.0.location))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.value {
            ConfigValue::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match &self.0.value {
            ConfigValue::List(items) => items.as_slice(),
            ConfigValue::Nothing => &[],
            _ => return Err(self.expected("a list").with_hint("write `[…]`, or one `- …` a line")),
        };
        visitor.visit_seq(Items(items.iter().enumerate()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.map(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name: de::value::BorrowedStrDeserializer<'_, Error> =
            de::value::BorrowedStrDeserializer::new(self.text()?);
        visitor.visit_enum(name).map_err(|error| error.or_at(&self.0.location))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, ConfigNode>>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, node)) = self.0.next() else { return Ok(None) };
        let item = seed.deserialize(NodeDeserializer(node));
        item.map(Some).map_err(|error| error.or_at(&node.location).under(&index.to_string()))
    }
}

struct Entries<'de> {
    rest: std::vec::IntoIter<&'de ConfigEntry>,
    current: Option<&'de ConfigEntry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.current = Some(entry);
        let key = seed.deserialize(entry.key.as_str().into_deserializer());
        key.map(Some).map_err(|error: Error| error.or_at(&entry.location))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let entry = self.current.ok_or_else(|| <Error as de::Error>::custom("a value without a key"))?;
        seed.deserialize(NodeDeserializer(&entry.node))
            .map_err(|error| error.or_at(&entry.node.location).under(&entry.key))
    }
}
