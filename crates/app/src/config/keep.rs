//! Reads the keep lists and the files that they name.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use entrepot_keep::{Item, KeepList, KeepSection, SectionFault, Sources};

use super::{
    files::read_file,
    reader::{error::Error, place::SourceLocation, tree::ConfigNode},
    rules,
    shown::OutputValue,
    types::{Config, Keep, Warning},
};

/// Builds the lists from `root`. `sections` are the same in types; patterns of files are relative to `directory`.
pub(super) fn check(root: &ConfigNode, sections: &[KeepSection], directory: &Path) -> Result<Keep, Error> {
    let (mut lists, mut watched, mut names) = (Vec::new(), Vec::new(), HashSet::new());
    for (index, section) in sections.iter().enumerate() {
        let at = index.to_string();
        let reading = ListReader { root, at: &at, directory };
        let sources = Sources {
            files: reading.texts("files", &section.files, &mut watched)?,
            exclude: reading.texts("exclude", &section.exclude, &mut watched)?,
        };
        let list: KeepList = section.check(index + 1, &sources).map_err(|fault| reading.fault(&fault))?;
        if !names.insert(list.name.clone()) {
            let what = format!("there is a list `{}` already", list.name);
            let fault = SectionFault { path: vec!["name".to_owned()], what, hint: None };
            return Err(reading.fault(&fault).with_hint("give it another name"));
        }
        lists.push(list);
    }
    let shown = root.get("keep").map(OutputValue::written);
    Ok(Keep { lists, watched, output: shown })
}

/// What works otherwise than somebody may think: patterns are about what is held, and registries have to be mirrored.
pub(super) fn warnings(keep: &Keep, config: &Config) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for list in &keep.lists {
        for item in list.items.iter().filter(|item| item.is_of_what_is_held()) {
            warnings.push(Warning {
                what: format!(
                    "keep list `{}`: `{item}` keeps what is held of these repositories, and finds no others",
                    list.name
                ),
                hint: "a registry cannot be asked which repositories it has: name those that nobody has pulled yet"
                    .to_owned(),
            });
        }
        let mut unknown: Vec<String> = elsewhere(list, config);
        unknown.sort_unstable();
        unknown.dedup();
        for host in unknown {
            warnings.push(Warning {
                what: format!(
                    "keep list `{}`: `{host}` is not mirrored, so nothing of it is kept",
                    list.name
                ),
                hint: "add it under `registries` with `mirror: true`".to_owned(),
            });
        }
    }
    warnings
}

fn elsewhere(list: &KeepList, config: &Config) -> Vec<String> {
    let hosts = list.items.iter().filter_map(Item::host);
    let is_mirrored = |host| config.registries.get(host).is_some_and(|registry| registry.mirror);
    hosts.filter(|host| !is_mirrored(*host)).map(ToString::to_string).collect()
}

struct ListReader<'a> {
    root: &'a ConfigNode,
    at: &'a str,
    directory: &'a Path,
}

impl ListReader<'_> {
    fn texts(
        &self,
        key: &str,
        patterns: &[String],
        watched: &mut Vec<PathBuf>,
    ) -> Result<Vec<String>, Error> {
        let mut texts = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            watched.extend(self.directory.join(pattern).parent().map(Path::to_owned));
            let fault = |(what, hint): (String, &'static str)| {
                self.located(&[key, &index.to_string()], what).with_hint(hint)
            };
            for file in rules::files(self.directory, pattern).map_err(fault)? {
                let hint = "a list is a text file; the path is seen from where the configuration is";
                texts.push(read_file(&file).map_err(|error| error.with_hint(hint))?);
                watched.push(file);
            }
        }
        Ok(texts)
    }

    fn fault(&self, SectionFault { path, what, hint }: &SectionFault) -> Error {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let error = self.located(&path, what.clone());
        match hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        }
    }

    fn located(&self, path: &[&str], what: impl Into<String>) -> Error {
        let path: Vec<&str> = ["keep", self.at].into_iter().chain(path.iter().copied()).collect();
        let node = (1..=path.len()).rev().find_map(|end| self.root.at(&path[..end]));
        let error = Error::at(node.map_or(&SourceLocation::Nowhere, |node| &node.location), what);
        path.iter().rev().fold(error, |error, step| error.under(step))
    }
}
