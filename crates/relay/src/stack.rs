//! The files of a stack, unchanged.

use entrepot_rewrite::{Kind, Search, Variables};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is called when it is told of.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// Who may do what with it, in the bits of Unix. What is made of it is as open as it is.
    pub mode: u32,
}

/// A file that names images.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub file: File,
    /// Its kind.
    pub kind: Kind,
    /// Which files of variables it takes values from, by their numbers in the stack; of two that set one variable the later
    /// counts.
    pub variables: Vec<usize>,
}

/// The files of a stack.
#[derive(Clone, Debug, Default)]
pub struct Stack {
    /// Those that name images.
    pub sources: Vec<Source>,
    /// Files of variables, each once.
    pub variables: Vec<File>,
    /// What the environment sets.
    pub environment: Variables,
    /// What to look for besides what the kinds of files say.
    pub search: Search,
}

impl Stack {
    /// How a file of it is read.
    pub(crate) fn search(&self, source: &Source) -> Search {
        let mut variables = self.environment.clone();
        for file in source.variables.iter().filter_map(|number| self.variables.get(*number)) {
            variables.add_file(&file.text);
        }
        Search { variables: Some(variables), ..self.search.clone() }
    }
}

/// What a file is called once its images are elsewhere: `docker-compose-mirror.yaml`, `.env-mirror`.
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
