//! A migration as configured, under the key `migrate`. `migration` checks it.

use std::{collections::BTreeMap, fmt};

use entrepot_sync::rules::{TagsSection, TextList};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

/// The section `migrate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationSection {
    /// The source: a registry, and the namespace that moves.
    pub from: String,
    /// The destination.
    pub to: String,
    /// The repositories, by their names below `from`; default: those that the registry lists, else those that the
    /// documents name.
    #[serde(default)]
    pub repositories: TextList,
    /// Their names below `to`.
    #[serde(default)]
    pub names: NamesSection,
    /// The tags; default: all.
    #[serde(default)]
    pub tags: TagsSection,
    /// The files of the project that name its images, as patterns below the checkout.
    #[serde(default)]
    pub documents: TextList,
    /// The login that the project's workflows push to `to` with.
    #[serde(default)]
    pub login: Option<LoginSection>,
    /// The address of the project's source, which GHCR links packages to.
    #[serde(default)]
    pub source: Option<String>,
}

/// New names: one template for all, or one for each repository and `*` for the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NamesSection {
    /// Unchanged names.
    #[default]
    Same,
    /// One template for all.
    Template(String),
    /// A name for each.
    Each(BTreeMap<String, String>),
}

/// The login of workflows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginSection {
    /// The value for `username` in the login step.
    pub username: Option<String>,
    /// The name of the secret with the password.
    pub secret: Option<String>,
}

impl<'de> Deserialize<'de> for NamesSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NamesSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a template such as `app-{name}`, or old names with new ones")
            }

            fn visit_unit<E>(self) -> Result<NamesSection, E> {
                Ok(NamesSection::Same)
            }

            fn visit_str<E>(self, text: &str) -> Result<NamesSection, E> {
                Ok(NamesSection::Template(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamesSection, A::Error> {
                let mut names = BTreeMap::new();
                while let Some((old, new)) = map.next_entry()? {
                    names.insert(old, new);
                }
                Ok(NamesSection::Each(names))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
