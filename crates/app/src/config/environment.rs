//! Environment variables of the process. Some override the file: `ENTREPOT_LISTEN`, or `ENTREPOT_MIRROR__FRESHNESS` for
//! nested keys.

use std::collections::BTreeMap;

use super::reader::{error::Error, overlay::Overlay, tree::ConfigNode};

/// The prefix of all our variables.
const PREFIX: &str = "ENTREPOT_";

/// Variables that are not configuration keys.
const OTHERS: [&str; 4] = ["ENTREPOT_ADMIN_PASSWORD", "ENTREPOT_CONFIG", "ENTREPOT_LOG", "ENTREPOT_SERVER"];

/// The variables of the process, or of a test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process; those that are not UTF-8 are skipped.
    pub(crate) fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        )
    }

    /// All variables, with their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone()))
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// True if messages should be in Chinese, by the C library's rules.
    pub(crate) fn is_chinese(&self) -> bool {
        let said = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| self.get(name).filter(|value| !value.is_empty()));
        said.is_some_and(|language| language.starts_with("zh"))
    }

    /// Overrides the file with the variables that name keys. `keys` are the top-level ones.
    pub(super) fn write_over(&self, root: &mut ConfigNode, keys: &[&str]) -> Result<(), Error> {
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
