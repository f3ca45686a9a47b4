//! Refusals.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IntoDeserializer, value::Error as ValueError},
};
use utoipa::ToSchema;

use crate::words::words;

/// Why a request was refused (RFC 9457, `application/problem+json`). The texts are in the language of `Accept-Language`:
/// English or Chinese.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What the status is called.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What kind of problem it is; programs read this one. Read from an older or newer server, it may be `failed` instead.
    #[serde(default = "unknown", deserialize_with = "known_or_failed")]
    #[schema(required = true)]
    pub code: ProblemCode,
    /// The field of the body or the query that is wrong, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// All fields that are wrong, where several can be told at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldProblem>,
    /// What may have been meant instead: send one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub suggestions: Vec<String>,
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

fn unknown() -> ProblemCode {
    ProblemCode::Failed
}

// The texts of a problem must not be lost for its code.
fn known_or_failed<'de, D: Deserializer<'de>>(from: D) -> Result<ProblemCode, D::Error> {
    let word = String::deserialize(from)?;
    Ok(ProblemCode::deserialize(word.into_deserializer()).unwrap_or_else(|_: ValueError| unknown()))
}

words! {
    /// What kind of problem it is. A kind keeps its name for ever; new ones may come.
    ProblemCode {
        /// The request cannot be read, or asks for something impossible.
        BadRequest = "bad-request",
        /// One field is wrong: `field` says which.
        BadField = "bad-field",
        /// Credentials are needed, and there were none.
        LoginRequired = "login-required",
        /// The credentials were refused.
        LoginRefused = "login-refused",
        /// The caller may not do this.
        Forbidden = "forbidden",
        /// There is no such thing, or the caller may not know that there is.
        NotFound = "not-found",
        /// The address does not have this method.
        MethodNotAllowed = "method-not-allowed",
        /// The name is taken.
        Exists = "exists",
        /// It contradicts what is there.
        Conflict = "conflict",
        /// It was changed since: `If-Match` names an older state.
        Stale = "stale",
        /// The body is too large.
        TooLarge = "too-large",
        /// The request is for another host.
        Misdirected = "misdirected",
        /// Too many failed logins, or too many at once: try again later.
        Throttled = "throttled",
        /// Something that this needs does not answer: try again later.
        Unavailable = "unavailable",
        /// The server failed.
        Failed = "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_other_versions_are_read() {
        for (code, read) in [
            ("", ProblemCode::Failed),
            ("\"code\":\"of-next-year\",", ProblemCode::Failed),
            ("\"code\":\"exists\",", ProblemCode::Exists),
        ] {
            let text = format!("{{{code}\"title\":\"Conflict\",\"status\":409,\"detail\":\"why\"}}");
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!((problem.code, problem.detail.as_str()), (read, "why"));
        }
    }
}
