//! Environment variables over the file: `ENTREPOT_LISTEN`, and `ENTREPOT_MIRROR__FRESHNESS` for what is nested.

use std::collections::BTreeMap;

use super::{
    Error, suggest,
    tree::{Entry, Node, Place, Value},
};

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

    /// Writes the variables that name keys over what the file says.
    ///
    /// `keys` are the outermost ones. A variable whose name begins like none of them and has no `__` may be
    /// somebody else's (Kubernetes sets `ENTREPOT_PORT` for a service of that name) and is left alone, unless it
    /// looks like a slip.
    pub(super) fn write_over(&self, root: &mut Node, keys: &[&str]) -> Result<(), Error> {
        for (name, value) in self.0.iter().filter(|(name, _)| !OTHERS.contains(&name.as_str())) {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let path = path.to_ascii_lowercase();
            let place = Place::Variable(name.clone());
            if path.contains("__") || keys.contains(&path.as_str()) {
                let steps: Vec<&str> = path.split("__").collect();
                put(root, &steps, scalar(value, &place)?, &place)?;
            } else if let Some(nearest) = suggest::nearest(&path, keys) {
                let meant = format!("did you mean `{PREFIX}{}`?", nearest.to_ascii_uppercase());
                return Err(Error::at(&place, "no key of the configuration has this name").with_hint(meant));
            }
        }
        Ok(())
    }
}

#[cfg(any(test, fuzzing))]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

// A list or a mapping is read as YAML; anything else is the value itself, whatever characters it has.
fn scalar(text: &str, place: &Place) -> Result<Node, Error> {
    let trimmed = text.trim();
    let value = if trimmed.is_empty() {
        Value::Nothing
    } else if trimmed.starts_with(['[', '{', '"', '\'']) {
        let mut node = Node::parse(trimmed).map_err(|_| {
            let hint = "lists are written `[a, b]`, keys and values `{a: b}`";
            Error::at(place, "this is not YAML").with_hint(hint)
        })?;
        move_to(&mut node, place);
        node.value
    } else {
        Value::Plain(trimmed.to_owned())
    };
    Ok(Node { place: place.clone(), value })
}

fn move_to(node: &mut Node, place: &Place) {
    node.place = place.clone();
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_to(item, place)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.place = place.clone();
            move_to(&mut entry.node, place);
        }),
        Value::Nothing | Value::Plain(_) | Value::Text(_) => {}
    }
}

fn put(node: &mut Node, steps: &[&str], value: Node, place: &Place) -> Result<(), Error> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    if matches!(node.value, Value::Nothing) {
        *node = Node { place: place.clone(), value: Value::Map(Vec::new()) };
    }
    let Value::Map(entries) = &mut node.value else {
        let hint = "set the whole of it: `[…]` or `{…}`";
        return Err(
            Error::at(place, format!("`{step}` is inside of something that has no keys")).with_hint(hint)
        );
    };
    let index = entries.iter().position(|entry| entry.key == *step).unwrap_or_else(|| {
        entries.push(Entry { key: (*step).to_owned(), place: place.clone(), node: Node::empty() });
        entries.len() - 1
    });
    put(&mut entries[index].node, rest, value, place)
}
