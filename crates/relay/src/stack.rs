//! The files of a stack, unchanged.

use entrepot_rewrite::{DocumentKind, Search, Variables};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name, as shown to the user.
    pub name: String,
    /// The content.
    pub text: String,
    /// The Unix permission bits; new versions of the file get the same.
    pub mode: u32,
}

/// A file that names images.
#[derive(Clone, Debug)]
pub struct StackFile {
    /// The file.
    pub file: File,
    /// Its kind.
    pub kind: DocumentKind,
    /// Indexes of the variable files it uses; if two set a variable, the later counts.
    pub variables: Vec<usize>,
}

/// The files of a stack.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// The files that name images.
    pub sources: Vec<StackFile>,
    /// The variable files, each once.
    pub variables: Vec<File>,
    /// The environment variables.
    pub environment: Variables,
    /// Search options besides the kinds' defaults.
    pub search: Search,
}

impl Stack {
    /// The search options for one of its files.
    pub(crate) fn search(&self, source: &StackFile) -> Search {
        let mut variables = self.environment.clone();
        for file in source.variables.iter().filter_map(|number| self.variables.get(*number)) {
            variables.add_file(&file.text);
        }
        Search { variables: Some(variables), ..self.search.clone() }
    }
}

/// The name of a file's rewritten copy: `docker-compose-mirror.yaml`, `.env-mirror`.
pub fn mirror_name(name: &str) -> String {
    const ENDINGS: [&str; 4] = [".yaml", ".yml", ".json", ".txt"];
    let ending = ENDINGS.into_iter().find(|ending| name.len() > ending.len() && name.ends_with(ending));
    let ending = ending.unwrap_or_default();
    format!("{}-mirror{ending}", &name[..name.len() - ending.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_called_after_their_files() {
        for (name, mirror) in [
            ("docker-compose.yaml", "docker-compose-mirror.yaml"),
            ("dir/compose.prod.yml", "dir/compose.prod-mirror.yml"),
            (".env", ".env-mirror"),
            (".env.prod", ".env.prod-mirror"),
            (".yaml", ".yaml-mirror"),
            ("stack", "stack-mirror"),
        ] {
            assert_eq!(mirror_name(name), mirror);
        }
    }
}
