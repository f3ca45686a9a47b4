//! The names of repositories at the destination.

use std::collections::BTreeMap;

use crate::{error::MigrationError, section::NamesSection};

/// The allowed placeholders: the name below `from`, and the same with dashes for slashes.
const HOLES: [&str; 2] = ["name", "flat"];

/// The names of repositories at the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TargetNames {
    each: BTreeMap<String, String>,
    rest: Option<String>,
}

impl TargetNames {
    pub(crate) fn check(section: &NamesSection) -> Result<Self, MigrationError> {
        match section {
            NamesSection::Same => Ok(Self::default()),
            NamesSection::Template(template) => {
                template_is_right(template)?;
                Ok(Self { each: BTreeMap::new(), rest: Some(template.clone()) })
            }
            NamesSection::Each(names) => {
                for (old, new) in names {
                    template_is_right(new).map_err(|error| error.under(old))?;
                }
                let mut each = names.clone();
                let rest = each.remove("*");
                Ok(Self { each, rest })
            }
        }
    }

    /// The new name of `name`.
    pub(crate) fn of(&self, name: &str) -> String {
        let template = self.each.get(name).or(self.rest.as_ref()).map_or("{name}", String::as_str);
        template.replace("{name}", name).replace("{flat}", &name.replace('/', "-"))
    }

    /// The repositories with a name of their own.
    pub(crate) fn given(&self) -> impl Iterator<Item = &str> {
        self.each.keys().map(String::as_str)
    }
}

fn template_is_right(template: &str) -> Result<(), MigrationError> {
    let mut bare = template.to_owned();
    HOLES.iter().for_each(|hole| bare = bare.replace(&format!("{{{hole}}}"), ""));
    if bare.contains(['{', '}']) {
        let what = format!("`{template}` has braces that mean nothing here");
        return Err(MigrationError::new(what, "what may stand here: `{name}` and `{flat}`"));
    }
    if template.is_empty() {
        return Err(MigrationError::new(
            "a name is missing",
            "write a name, or a template such as `app-{name}`",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_by_templates_and_one_by_one() {
        let each = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(old, new)| ((*old).to_owned(), (*new).to_owned()));
            TargetNames::check(&NamesSection::Each(pairs.collect())).unwrap()
        };
        assert_eq!(TargetNames::default().of("a/b"), "a/b");
        let names = each(&[("runtime", "rt"), ("*", "aibrix-{flat}")]);
        assert_eq!((names.of("runtime"), names.of("a/b")), ("rt".to_owned(), "aibrix-a-b".to_owned()));
        assert_eq!(each(&[("a", "b")]).of("c"), "c");
        let fault = TargetNames::check(&NamesSection::Template("{tag}".to_owned())).unwrap_err();
        assert_eq!(fault.what(), "`{tag}` has braces that mean nothing here");
    }
}
