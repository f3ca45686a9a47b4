//! The variables of the process. Some are written over the file: `ENTREPOT_LISTEN`, and `ENTREPOT_MIRROR__FRESHNESS` for
//! what is nested.

use std::collections::BTreeMap;

use super::reader::{error::Error, overlay::Overlay, tree::Node};

/// What every variable of ours begins with.
const PREFIX: &str = "ENTREPOT_";

/// Variables that are not parts of the configuration.
const OTHERS: [&str; 3] = ["ENTREPOT_CONFIG", "ENTREPOT_LOG", "ENTREPOT_SERVER"];

/// The variables of the process, or of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process; names and values that are not UTF-8 are none of ours.
    pub(crate) fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// All of them, with their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether messages are wanted in Chinese, as the C library decides it.
    pub(crate) fn is_chinese(&self) -> bool {
        let said = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| self.get(name).filter(|value| !value.is_empty()));
        said.is_some_and(|language| language.starts_with("zh"))
    }

    /// Writes the variables that name keys of ours over what the file says. `keys` are the outermost ones.
    pub(super) fn write_over(&self, root: &mut Node, keys: &[&str]) -> Result<(), Error> {
        let overlay = Overlay { prefix: PREFIX, keys };
        let variables = self.0.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str()));
        overlay.write_over(root, variables.map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

#[cfg(any(test, fuzzing))]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}
