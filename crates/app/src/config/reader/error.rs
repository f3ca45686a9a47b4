//! Configuration errors: the place, the fact, the hint.

use std::{fmt, path::Path};

use entrepot_oci::{printable, without_passwords};
use serde::de;

use super::{place::SourceLocation, suggest};

/// An error in the configuration. `Display` is one line, without the hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    location: SourceLocation,
    file: Option<String>,
    // Outermost key first; built from the inside out.
    path: Vec<String>,
    what: String,
    hint: Option<String>,
    known: &'static [&'static str],
}

impl Error {
    /// An error at a place.
    pub(crate) fn at(location: &SourceLocation, what: impl Into<String>) -> Self {
        let what = shown(&what.into());
        Self { location: location.clone(), file: None, path: Vec::new(), what, hint: None, known: &[] }
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(shown(&hint.into()));
        self
    }

    /// Sets the file, unless it is set already.
    #[must_use]
    pub(crate) fn in_file(mut self, file: &Path) -> Self {
        self.file.get_or_insert_with(|| file.display().to_string());
        self
    }

    /// Sets the place, unless an inner one is set already.
    #[must_use]
    pub(crate) fn or_at(mut self, location: &SourceLocation) -> Self {
        if self.location == SourceLocation::Nowhere {
            self.location = location.clone();
        }
        self
    }

    /// Adds the enclosing key.
    #[must_use]
    pub(crate) fn under(mut self, key: &str) -> Self {
        self.path.insert(0, shown(key));
        self
    }

    /// Its place.
    pub(crate) fn location(&self) -> &SourceLocation {
        &self.location
    }

    /// The keys that lead to it, outermost first.
    pub(crate) fn path(&self) -> &[String] {
        &self.path
    }

    /// The same error with other keys that lead to it.
    #[must_use]
    pub(crate) fn with_path(self, path: Vec<String>) -> Self {
        Self { path, ..self }
    }

    /// The file, if it was set.
    pub(crate) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// True if a key is not one of those that are known there.
    pub(crate) fn is_about_key(&self) -> bool {
        !self.known.is_empty()
    }

    /// A hint on how to fix it.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The keys allowed where an unknown key was found.
    #[cfg(test)]
    pub(crate) fn known_keys(&self) -> &'static [&'static str] {
        self.known
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.location, &self.file) {
            (SourceLocation::File { line, column }, Some(file)) => write!(f, "{file}:{line}:{column}: ")?,
            (SourceLocation::File { line, column }, None) => write!(f, "line {line}, column {column}: ")?,
            (SourceLocation::Variable(name), _) => write!(f, "`{}`: ", printable(name))?,
            (SourceLocation::Nowhere, Some(file)) => write!(f, "{file}: ")?,
            (SourceLocation::Nowhere, None) => {}
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path.join("."))?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

// What the file says, for people: without what a terminal obeys, and without passwords in front of hosts.
fn shown(text: &str) -> String {
    without_passwords(&printable(text)).into_owned()
}

// Messages from serde's visitors. Values are not repeated, since one may be a password.
impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::at(&SourceLocation::Nowhere, message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::at(&SourceLocation::Nowhere, format!("expected {expected}, found {}", kind(found)))
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
        let error = Self::at(
            &SourceLocation::Nowhere,
            format!("`{variant}` is not one of {}", suggest::list(expected)),
        );
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
        let error = Self::at(&SourceLocation::Nowhere, format!("unknown key `{field}`")).with_hint(hint);
        Self { known: expected, ..error }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::at(&SourceLocation::Nowhere, format!("key `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(&SourceLocation::Nowhere, format!("key `{field}` is there twice"))
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
