//! Fields of a change that may be left out, be taken away, or be set.

use serde::{Deserialize, Deserializer};

/// Reads a field that is there: `null` takes the value away. Fields that are left out are not read, by `#[serde(default)]`.
pub(crate) fn said<'de, T, D>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Change {
        #[serde(default, deserialize_with = "said")]
        of: Option<Option<u8>>,
    }

    #[test]
    fn left_out_is_not_taken_away() {
        for (text, read) in [("{}", None), (r#"{"of":null}"#, Some(None)), (r#"{"of":7}"#, Some(Some(7)))] {
            assert_eq!(serde_json::from_str::<Change>(text).unwrap().of, read, "{text}");
        }
    }
}
