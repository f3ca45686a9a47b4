//! Applies environment variables to a file's values: `PREFIX_KEY`, or `PREFIX_OUTER__INNER` for nested keys.

use super::{
    error::Error,
    place::SourceLocation,
    suggest,
    tree::{ConfigEntry, ConfigNode, ConfigValue},
};

/// The variables that name keys.
pub(crate) struct Overlay<'a> {
    /// The prefix of every variable.
    pub(crate) prefix: &'a str,
    /// The top-level keys, in lower case.
    pub(crate) keys: &'a [&'a str],
}

impl Overlay<'_> {
    /// Applies `variables` (names and values) to `root`.
    ///
    /// A variable with the prefix that names no key and has no `__` may belong to something else (Kubernetes sets
    /// `ENTREPOT_PORT` for a service of that name). It is ignored, unless it looks like a typo.
    ///
    /// # Errors
    /// A value cannot be read, a variable looks like a typo, or it names a key inside a value that has no keys.
    pub(crate) fn write_over<'v>(
        &self,
        root: &mut ConfigNode,
        variables: impl Iterator<Item = (&'v str, &'v str)>,
    ) -> Result<(), Error> {
        for (name, value) in variables {
            let Some(path) = name.strip_prefix(self.prefix) else { continue };
            let path = path.to_ascii_lowercase();
            let place = SourceLocation::Variable(name.to_owned());
            if path.contains("__") || self.keys.contains(&path.as_str()) {
                let steps: Vec<&str> = path.split("__").collect();
                put(root, &steps, scalar(value, &place)?, &place)?;
            } else if let Some(nearest) = suggest::nearest(&path, self.keys) {
                let meant = format!("did you mean `{}{}`?", self.prefix, nearest.to_ascii_uppercase());
                return Err(Error::at(&place, "no key of the configuration has this name").with_hint(meant));
            }
        }
        Ok(())
    }
}

// A list or a mapping is parsed as YAML; anything else is taken literally, whatever characters it has.
fn scalar(text: &str, location: &SourceLocation) -> Result<ConfigNode, Error> {
    let trimmed = text.trim();
    let value = if trimmed.is_empty() {
        ConfigValue::Nothing
    } else if trimmed.starts_with(['[', '{', '"', '\'']) {
        let mut node = ConfigNode::parse(trimmed).map_err(|_| {
            let hint = "lists are written `[a, b]`, keys and values `{a: b}`";
            Error::at(location, "this is not YAML").with_hint(hint)
        })?;
        move_to(&mut node, location);
        node.value
    } else {
        ConfigValue::Plain(trimmed.to_owned())
    };
    Ok(ConfigNode { location: location.clone(), value })
}

fn move_to(node: &mut ConfigNode, location: &SourceLocation) {
    node.location = location.clone();
    match &mut node.value {
        ConfigValue::List(items) => items.iter_mut().for_each(|item| move_to(item, location)),
        ConfigValue::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.location = location.clone();
            move_to(&mut entry.node, location);
        }),
        ConfigValue::Nothing | ConfigValue::Plain(_) | ConfigValue::Text(_) => {}
    }
}

fn put(
    node: &mut ConfigNode,
    steps: &[&str],
    value: ConfigNode,
    location: &SourceLocation,
) -> Result<(), Error> {
    let Some((step, rest)) = steps.split_first() else {
        *node = value;
        return Ok(());
    };
    if matches!(node.value, ConfigValue::Nothing) {
        *node = ConfigNode { location: location.clone(), value: ConfigValue::Map(Vec::new()) };
    }
    let ConfigValue::Map(entries) = &mut node.value else {
        let hint = "set the whole of it: `[…]` or `{…}`";
        return Err(
            Error::at(location, format!("`{step}` is inside of something that has no keys")).with_hint(hint)
        );
    };
    let index = entries.iter().position(|entry| entry.key == *step).unwrap_or_else(|| {
        entries.push(ConfigEntry {
            key: (*step).to_owned(),
            location: location.clone(),
            node: ConfigNode::empty(),
        });
        entries.len() - 1
    });
    put(&mut entries[index].node, rest, value, location)
}
