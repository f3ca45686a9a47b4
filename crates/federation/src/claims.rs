//! What a token says, after it was verified. Pure.

use serde::Serialize;
use serde_json::{Map, Value};

/// The claims of a token, and of the userinfo endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Claims as they are.
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// The claim as text, if it is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The claim as a number of seconds, if it is one.
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// The claim as JSON.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The claim as a list of texts: of a list all its texts, numbers and flags, of a single one itself. `None` if there is
    /// no such claim.
    pub fn values(&self, name: &str) -> Option<Vec<String>> {
        Some(match self.0.get(name)? {
            Value::Array(values) => values.iter().filter_map(plain).collect(),
            value => plain(value).into_iter().collect(),
        })
    }

    /// Adds those claims of `other` that are missing here.
    pub(crate) fn complete(&mut self, other: Self) {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        Claims::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn a_claim_is_a_list_of_texts() {
        let claims = claims(json!({"a": ["x", 7, null, ["y"]], "b": "one", "c": true, "d": {}}));
        let values = |name| claims.values(name);
        assert_eq!(values("a"), Some(vec!["x".to_owned(), "7".to_owned()]));
        assert_eq!(values("b"), Some(vec!["one".to_owned()]));
        assert_eq!(values("c"), Some(vec!["true".to_owned()]));
        assert_eq!((values("d"), values("e")), (Some(Vec::new()), None));
    }

    // Row 73 of the traps: some providers put claims only into one of the two.
    #[test]
    fn claims_of_id_token_and_userinfo_are_merged_and_the_signed_ones_count() {
        let mut all = claims(json!({"sub": "1", "groups": ["a"]}));
        all.complete(claims(json!({"groups": ["admins"], "email": "a@b"})));
        assert_eq!(all, claims(json!({"sub": "1", "groups": ["a"], "email": "a@b"})));
    }
}
