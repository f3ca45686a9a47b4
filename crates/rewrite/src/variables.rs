//! Values of variables in compose files: from a file next to them, and from the environment.

use std::{collections::BTreeMap, fmt};

use crate::{
    assignments::{Assignment, assignments},
    expansion::{Budget, Excess, ExpansionInput, Piece, ValueOrigin, VariableValue, expand},
};

/// The values of variables.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, (Result<String, Excess>, ValueOrigin)>);

impl Variables {
    /// The variables of an environment.
    pub fn of_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables =
            variables.into_iter().map(|(name, value)| (name, (Ok(value), ValueOrigin::Environment)));
        Self(variables.collect())
    }

    /// Adds the variables of a file with `NAME=value` lines, as compose reads them: the last line for a variable
    /// counts, `${OTHER:-default}` in a value is expanded unless it is in single quotes, and the environment takes
    /// precedence. A value longer than any image name is not expanded, and neither is a value that uses it.
    ///
    /// ```
    /// use entrepot_rewrite::{ValueOrigin, Variables};
    ///
    /// let mut variables = Variables::of_environment([("TAG".to_owned(), "2".to_owned())]);
    /// variables.add_file("TAG=1\nIMAGE=\"ghcr.io/team/app:${TAG}\"\nEMPTY=\n");
    /// assert_eq!(variables.get("IMAGE"), Some(("ghcr.io/team/app:2", ValueOrigin::File)));
    /// assert_eq!(variables.get("TAG"), Some(("2", ValueOrigin::Environment)));
    /// assert_eq!(variables.get("EMPTY"), Some(("", ValueOrigin::File)));
    /// ```
    pub fn add_file(&mut self, text: &str) {
        let mut budget = Budget::of(text);
        for Assignment { name, value, literal } in assignments(text) {
            let written = &text[value];
            let value = if literal { Ok(written.to_owned()) } else { self.filled_in(written, &mut budget) };
            match self.0.get(name) {
                Some((_, ValueOrigin::Environment)) => {}
                _ => drop(self.0.insert(name.to_owned(), (value, ValueOrigin::File))),
            }
        }
    }

    /// A variable's value and its origin; `${VAR:-default}` takes the default if the value is empty.
    pub fn get(&self, name: &str) -> Option<(&str, ValueOrigin)> {
        match self.value(name)? {
            VariableValue::Outside(value, origin) => Some((value, origin)),
            VariableValue::Inside(_) | VariableValue::Excess(_) => None,
        }
    }

    /// Like [`Self::get`], but reports values that are too long.
    pub(crate) fn value(&self, name: &str) -> Option<VariableValue<'_>> {
        match self.0.get(name)? {
            (Ok(value), origin) => Some(VariableValue::Outside(value, *origin)),
            (Err(excess), _) => Some(VariableValue::Excess(*excess)),
        }
    }

    /// Total length of the values in bytes.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.0.values().filter_map(|(value, _)| value.as_ref().ok().map(String::len))
    }

    // A value without variables may have any length: it need not be an image name.
    fn filled_in(&self, text: &str, budget: &mut Budget) -> Result<String, Excess> {
        let lookup = |name: &str| self.value(name);
        let written = ExpansionInput { slot: 0, text, lookup: &lookup };
        let pieces = text.contains(['$', '{']).then(|| expand(&written, 0..text.len(), budget)).flatten();
        let Some(pieces) = pieces else { return Ok(text.to_owned()) };
        let filled = pieces.get()?.into_iter().map(|piece| match &piece {
            Piece::Variable(_) => String::new(),
            known => known.text(|_| text).to_owned(),
        });
        Ok(filled.collect())
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
            ("A", Some(("again", ValueOrigin::File))),
            ("B", Some(("two # not a comment", ValueOrigin::File))),
            ("C", Some(("$A", ValueOrigin::File))),
            ("D", Some(("x/1:7-f", ValueOrigin::File))),
            ("BOTH", Some(("shell", ValueOrigin::Environment))),
            ("SHELL_TAG", Some(("7", ValueOrigin::Environment))),
            ("G", Some(("again", ValueOrigin::File))),
            ("EMPTY", Some(("", ValueOrigin::File))),
            ("E", None),
        ] {
            assert_eq!(variables.get(name), value, "{name}");
        }
        assert!(!format!("{variables:?}").contains("two"));
    }

    #[test]
    fn what_doubles_is_no_value_and_neither_is_what_is_made_of_it() {
        let doubled: String = (1..40).map(|n| format!("A{n}=${{A{}}}${{A{}}}\n", n - 1, n - 1)).collect();
        let mut variables = Variables::default();
        variables.add_file(&format!("A0=nginx\n{doubled}B=x/${{A39:-y}}\nC=1\nD='{}'\n", "d".repeat(5000)));
        assert_eq!(variables.get("A9").map(|(value, _)| value.len()), Some(5 << 9));
        for name in ["A10", "A39", "B"] {
            assert!(variables.get(name).is_none(), "{name}");
            assert!(matches!(variables.value(name), Some(VariableValue::Excess(Excess::Text))), "{name}");
        }
        assert_eq!(variables.get("C"), Some(("1", ValueOrigin::File)));
        // Nothing is expanded here, and only image names have to be short.
        assert_eq!(variables.get("D").map(|(value, _)| value.len()), Some(5000));
    }

    #[test]
    fn all_values_together_are_a_multiple_of_the_file() {
        let many: String = (0..20_000).map(|n| format!("B{n}=$A\n")).collect();
        let file = format!("A={}\n{many}", "a".repeat(4000));
        let mut variables = Variables::default();
        variables.add_file(&file);
        let bytes: usize = variables.lengths().sum();
        assert!(bytes <= file.len() + Budget::of(&file).left(), "{bytes}");
        assert!(matches!(variables.value("B19999"), Some(VariableValue::Excess(Excess::Document))));
    }
}
