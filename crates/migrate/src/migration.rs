//! A checked migration: valid as far as can be told without querying a registry.

use entrepot_sync::{
    Place,
    rules::{RuleError, TagFilter, TagsSection, TextList},
};

use crate::{
    error::MigrationError,
    names::TargetNames,
    root::Root,
    section::{LoginSection, MigrationSection},
};

/// A checked migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The registry that images are copied from, optionally with a namespace.
    pub from: Root,
    /// The registry that they are copied to, optionally with a namespace.
    pub to: Root,
    /// The repositories below `from`; empty means all that are found.
    pub repositories: Vec<String>,
    /// The files of the project that name its images, as patterns.
    pub documents: Vec<String>,
    /// The login that workflows push with.
    pub login: WorkflowLogin,
    /// The address of the project's source.
    pub source: Option<String>,
    pub(crate) names: TargetNames,
    pub(crate) tags: TagsSection,
}

/// The login that the project's workflows push with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowLogin {
    /// The value for `username`.
    pub username: Option<String>,
    /// The name of the secret.
    pub secret: Option<String>,
}

/// A repository that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its name below `from`.
    pub name: String,
    /// The source.
    pub source: Place,
    /// The target.
    pub target: Place,
}

impl Migration {
    /// Checks a section and makes a migration of it.
    ///
    /// # Errors
    /// The first fault, with its place.
    pub fn check(section: &MigrationSection) -> Result<Self, MigrationError> {
        let from = Root::parse(&section.from).map_err(|error| error.under("from"))?;
        let to = Root::parse(&section.to).map_err(|error| error.under("to"))?;
        if from.host().is_docker_hub() && from.namespace().is_none() {
            let hint = "name the organization or the user: `docker.io/OWNER`";
            return Err(MigrationError::new("Docker Hub as a whole does not move", hint).under("from"));
        }
        let names = TargetNames::check(&section.names).map_err(|error| error.under("names"))?;
        TagFilter::check(&section.tags).map_err(|error| of_tags(&error))?;
        let migration = Self {
            from,
            to,
            repositories: section.repositories.items.clone(),
            documents: section.documents.items.clone(),
            login: login(section.login.as_ref()).map_err(|error| error.under("login"))?,
            source: section.source.clone(),
            names,
            tags: section.tags.clone(),
        };
        migration.look_at_names(&section.repositories)?;
        Ok(migration)
    }

    /// The move of the repository `name` below `from`; the text, if it does not make a valid name.
    pub(crate) fn move_of(&self, name: &str) -> Result<Move, String> {
        let (source, target) = (self.from.join(name)?, self.to.join(&self.names.of(name))?);
        Ok(Move { name: name.to_owned(), source, target })
    }

    fn look_at_names(&self, written: &TextList) -> Result<(), MigrationError> {
        for (index, name) in self.repositories.iter().enumerate() {
            let at = |error: MigrationError| {
                let error = if written.is_list { error.under(index) } else { error };
                error.under("repositories")
            };
            let bad = |text: String| {
                let hint = "names have lower-case letters and digits, with `.`, `_` or `-` between them";
                at(MigrationError::new(format!("`{text}` is not a repository"), hint))
            };
            let moved = self.move_of(name).map_err(bad)?;
            if moved.source == moved.target {
                let what = format!("`{}` would move to where it is", moved.source);
                return Err(at(MigrationError::new(what, "look at `to` and `names`")));
            }
            if self.repositories[..index].contains(name) {
                return Err(at(MigrationError::new(
                    format!("`{name}` is there twice"),
                    "leave one of them out",
                )));
            }
        }
        let unknown = self.names.given().find(|name| !self.repositories.iter().any(|known| known == name));
        match unknown {
            Some(name) if !self.repositories.is_empty() => {
                let hint = "name it there as well, or leave it out here";
                let what = format!("`{name}` is not among `repositories`");
                Err(MigrationError::new(what, hint).under(name).under("names"))
            }
            _ => Ok(()),
        }
    }
}

fn of_tags(error: &RuleError) -> MigrationError {
    let fault = MigrationError::new(error.what(), error.hint());
    error.path().iter().rev().fold(fault, MigrationError::under).under("tags")
}

fn login(section: Option<&LoginSection>) -> Result<WorkflowLogin, MigrationError> {
    let Some(LoginSection { username, secret }) = section else { return Ok(WorkflowLogin::default()) };
    // Do not repeat a token written here by mistake.
    if secret.as_deref().is_some_and(|name| !is_secret_name(name)) {
        let hint = "write the name that the secret has in the settings of the repository, never its value";
        return Err(MigrationError::new("this is not the name of a secret", hint).under("secret"));
    }
    Ok(WorkflowLogin { username: username.clone(), secret: secret.clone() })
}

// docs.github.com, "Using secrets in GitHub Actions": letters, digits and `_`, not starting with a digit. A token also
// has this form, but nobody names a secret `ghp_…` or `dckr_pat_…`.
fn is_secret_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_token = ["ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "dckr_pat_", "glpat-"];
    !name.is_empty()
        && name.bytes().all(is_letter)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !is_token.iter().any(|start| name.starts_with(start))
}
