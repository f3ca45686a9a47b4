//! What is wrong with a configuration: the place, the fact, the way out.

use std::{fmt, path::Path};

use entrepot_oci::printable;
use serde::de;

use super::{place::Place, suggest};

/// A fault in the configuration. `Display` is one line, without the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    place: Place,
    file: Option<String>,
    // From the outermost key in; built from the inside out.
    path: Vec<String>,
    what: String,
    hint: Option<String>,
    known: &'static [&'static str],
}

impl Error {
    /// A fault at a place.
    pub(crate) fn at(place: &Place, what: impl Into<String>) -> Self {
        let what = printable(&what.into()).into_owned();
        Self { place: place.clone(), file: None, path: Vec::new(), what, hint: None, known: &[] }
    }

    /// With a way out.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(printable(&hint.into()).into_owned());
        self
    }

    /// Says which file the place is in, unless that was said.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.display().to_string());
        self
    }

    /// Says where it is, unless something further in has.
    #[must_use]
    pub(crate) fn or_at(mut self, place: &Place) -> Self {
        if self.place == Place::Nowhere {
            self.place = place.clone();
        }
        self
    }

    /// Says under which key it is.
    #[must_use]
    pub(crate) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, printable(key).into_owned());
        self
    }

    /// The way out.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The keys that could have stood where an unknown one did.
    #[cfg(test)]
    pub(crate) fn known_keys(&self) -> &'static [&'static str] {
        self.known
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.file) {
            (Place::File { line, column }, Some(file)) => write!(f, "{file}:{line}:{column}: ")?,
            (Place::File { line, column }, None) => write!(f, "line {line}, column {column}: ")?,
            (Place::Variable(name), _) => write!(f, "`{}`: ", printable(name))?,
            (Place::Nowhere, Some(file)) => write!(f, "{file}: ")?,
            (Place::Nowhere, None) => {}
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path.join("."))?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

// What serde's visitors say. Values are not repeated: one of them may be a password.
impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::at(&Place::Nowhere, message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::at(&Place::Nowhere, format!("expected {expected}, found {}", kind(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = expected.to_string();
        let error = Self::invalid_type(found, &expected.as_str());
        if expected.contains("duration") {
            return Self { what: "this is not a duration".into(), ..error }
                .with_hint("write a number and a unit: `90s`, `10m`, `1h`, `7d`");
        }
        error
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let error =
            Self::at(&Place::Nowhere, format!("`{variant}` is not one of {}", suggest::list(expected)));
        match suggest::nearest(variant, expected) {
            Some(nearest) => error.with_hint(format!("did you mean `{nearest}`?")),
            None => error,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = match suggest::nearest(field, expected) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the keys here are {}", suggest::list(expected)),
        };
        let error = Self::at(&Place::Nowhere, format!("unknown key `{field}`")).with_hint(hint);
        Self { known: expected, ..error }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(&Place::Nowhere, format!("key `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(&Place::Nowhere, format!("key `{field}` is there twice"))
    }
}

fn kind(found: de::Unexpected<'_>) -> &'static str {
    match found {
        de::Unexpected::Bool(_) => "`true` or `false`",
        de::Unexpected::Unsigned(_) | de::Unexpected::Signed(_) | de::Unexpected::Float(_) => "a number",
        de::Unexpected::Str(_) | de::Unexpected::Char(_) => "text",
        de::Unexpected::Seq => "a list",
        de::Unexpected::Map => "keys and values",
        _ => "nothing",
    }
}
