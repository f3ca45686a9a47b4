//! Variables whose values compose files take: those of a file beside them, and those of the environment.

use std::{collections::BTreeMap, fmt};

use crate::{
    plain::{Assignment, assignments},
    text::{self, Part},
};

/// How deep defaults may hold variables with defaults.
const MAX_DEPTH: usize = 8;

/// Where a variable has its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file of variables, such as `.env`.
    File,
    /// The environment, which goes before files.
    Environment,
}

/// What variables are set to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, (String, Origin)>);

impl Variables {
    /// The variables of an environment.
    pub fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name, (value, Origin::Environment)));
        Self(variables.collect())
    }

    /// Adds those of a file of `NAME=value` lines, as compose reads them: of two lines for one variable the later counts,
    /// `${OTHER:-default}` in a value is filled in unless it stands between `'`, and the environment goes first.
    pub fn add_file(&mut self, text: &str) {
        for Assignment { name, value, literal } in assignments(text) {
            let written = &text[value];
            let value = if literal { written.to_owned() } else { self.filled_in(written, 0) };
            match self.0.get(name) {
                Some((_, Origin::Environment)) => {}
                _ => drop(self.0.insert(name.to_owned(), (value, Origin::File))),
            }
        }
    }

    /// What a variable is set to, and where. One that is set to nothing counts as not set: no image is called that.
    pub fn get(&self, name: &str) -> Option<(&str, Origin)> {
        let (value, origin) = self.0.get(name)?;
        (!value.is_empty()).then_some((value, *origin))
    }

    fn filled_in(&self, text: &str, depth: usize) -> String {
        let Some(parts) = text::parts(text, 0..text.len()) else { return text.to_owned() };
        let filled = parts.into_iter().map(|part| match part {
            Part::Literal(range) => text[range].to_owned(),
            Part::Variable { name, default, .. } => match (self.get(&name), default) {
                (Some((value, _)), _) => value.to_owned(),
                (None, Some(default)) if depth < MAX_DEPTH => self.filled_in(&text[default], depth + 1),
                (None, _) => String::new(),
            },
        });
        filled.collect()
    }
}

impl fmt::Debug for Variables {
    // Values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_compose_reads_them() {
        let mut variables =
            Variables::of_environment([("SHELL_TAG".into(), "7".into()), ("BOTH".into(), "shell".into())]);
        variables.add_file(
            "\u{feff}# c\r\nexport A=1 # c\r\nB = \"two # not a comment\"\r\nC='$A'\nD=x/${A}:${SHELL_TAG}-${E:-${F:-f}}\n\
             BOTH=file\nEMPTY=\nA=again\nnothing\nG=${A:-x}\n",
        );
        for (name, value) in [
            ("A", Some(("again", Origin::File))),
            ("B", Some(("two # not a comment", Origin::File))),
            ("C", Some(("$A", Origin::File))),
            ("D", Some(("x/1:7-f", Origin::File))),
            ("BOTH", Some(("shell", Origin::Environment))),
            ("SHELL_TAG", Some(("7", Origin::Environment))),
            ("G", Some(("again", Origin::File))),
            ("EMPTY", None),
            ("E", None),
        ] {
            assert_eq!(variables.get(name), value, "{name}");
        }
        assert!(!format!("{variables:?}").contains("two"));
    }
}
