//! Finds every fault of a configuration, not only the first: what is at fault is taken out, and the rest is read again.

use std::path::Path;

use super::{
    environment::Environment,
    files::read_file,
    load, named,
    reader::{
        error::Error,
        place::SourceLocation,
        tree::{ConfigNode, ConfigValue},
    },
    rules, sections,
    types::{Config, Warning},
};

/// The most faults that are told of one file.
const MOST: usize = 100;

/// The keys whose values are files of which each has faults of its own.
const LISTS_OF_FILES: [&[&str]; 3] = [&["sync_files"], &["rules", "files"], &["rules", "deny_files"]];

/// Reads a file and the files that it names.
///
/// # Errors
/// All faults, in the order of their lines; of each file with rules the first.
pub(crate) fn load_whole(
    file: &Path,
    environment: &Environment,
) -> Result<(Config, Vec<Warning>), Vec<Error>> {
    let one = |error: Error| vec![error.in_file(file)];
    let mut root = ConfigNode::parse(&read_file(file).map_err(one)?).map_err(one)?;
    environment.write_over(&mut root, &sections::KEYS).map_err(one)?;
    let directory = file.parent().unwrap_or(Path::new(""));
    let mut search = Search { root, directory, told: Vec::new(), taken: Vec::new(), wounded: Vec::new() };
    let built = loop {
        match load::build(search.root.clone(), environment, directory) {
            Ok(built) => break Some(built),
            Err(error) => {
                if !search.take_out(error) || search.told.len() == MOST {
                    break None;
                }
            }
        }
    };
    if let Some((config, _)) = &built {
        search.told.extend(named::check(config, &search.root));
    }
    let mut told: Vec<Error> = search.told.into_iter().map(|error| error.in_file(file)).collect();
    told.sort_by_key(|error| match error.location() {
        SourceLocation::File { line, .. } => *line,
        SourceLocation::Nowhere | SourceLocation::Variable(_) => 0,
    });
    match built {
        Some(built) if told.is_empty() => Ok(built),
        _ => Err(told),
    }
}

struct Search<'a> {
    root: ConfigNode,
    directory: &'a Path,
    told: Vec<Error>,
    // Items that were taken out of lists: the list, and the position at that time.
    taken: Vec<(Vec<String>, usize)>,
    // Mappings and lists that something was taken out of, by the paths that they have in the file.
    wounded: Vec<Vec<String>>,
}

impl Search<'_> {
    // Takes out what is at fault. False if that cannot be found, so that the search ends.
    fn take_out(&mut self, error: Error) -> bool {
        if let Some(file) = error.file().map(str::to_owned) {
            self.told.push(error);
            return self.leave_out(&file);
        }
        let mut path = error.path().to_vec();
        while self.root.at_mut(&path).is_none() {
            path.pop();
        }
        let unknown = self.root.at_mut(&path).and_then(|node| match &mut node.value {
            ConfigValue::Map(entries) if error.is_about_key() => {
                let index = entries.iter().position(|entry| entry.location == *error.location())?;
                Some(entries.remove(index))
            }
            _ => None,
        });
        let original = self.original(&path);
        // That something is missing may follow from what was taken out before.
        if unknown.is_some() || !self.wounded.contains(&original) {
            let told = self.original(error.path());
            self.told.push(error.with_path(told));
        }
        unknown.is_some() || self.remove(&path)
    }

    fn remove(&mut self, path: &[String]) -> bool {
        let Some((last, parent)) = path.split_last() else { return false };
        let wounded = self.original(parent);
        match self.root.at_mut(parent).map(|node| &mut node.value) {
            Some(ConfigValue::Map(entries)) => entries.retain(|entry| entry.key != *last),
            Some(ConfigValue::List(items)) => {
                let Some(index) = last.parse().ok().filter(|index| *index < items.len()) else {
                    return false;
                };
                items.remove(index);
                self.taken.push((parent.to_vec(), index));
            }
            _ => return false,
        }
        self.wounded.push(wounded);
        true
    }

    // The path that something has in the file: items that were taken out count again, the last one first.
    fn original(&self, path: &[String]) -> Vec<String> {
        let mut path = path.to_vec();
        for (list, index) in self.taken.iter().rev() {
            if path.starts_with(list)
                && let Some(step) = path.get_mut(list.len())
                && let Ok(position) = step.parse::<usize>()
                && position >= *index
            {
                *step = (position + 1).to_string();
            }
        }
        path
    }

    // Names the other files of a pattern one by one, without a file that is at fault.
    fn leave_out(&mut self, file: &str) -> bool {
        let directory = self.directory;
        LISTS_OF_FILES.iter().any(|path| {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            match self.root.at_mut(&path).map(|node| &mut node.value) {
                Some(ConfigValue::List(patterns)) => without(patterns, directory, file),
                _ => false,
            }
        })
    }
}

// True if the file was among those that the patterns name.
fn without(patterns: &mut Vec<ConfigNode>, directory: &Path, file: &str) -> bool {
    let others = |pattern: &ConfigNode| {
        let found = rules::files(directory, pattern.text()?).ok()?;
        let is_there = found.iter().any(|path| path.display().to_string() == file);
        let rest = found.into_iter().filter(|path| path.display().to_string() != file);
        is_there.then(|| rest.collect::<Vec<_>>())
    };
    let found = patterns.iter().enumerate().find_map(|(index, node)| Some((index, others(node)?)));
    let Some((index, rest)) = found else { return false };
    let place = patterns[index].location.clone();
    let named = rest.into_iter().map(|path| {
        let text = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
        ConfigNode { location: place.clone(), value: ConfigValue::Text(text) }
    });
    drop(patterns.splice(index..=index, named));
    true
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.yaml");
        fs::write(&file, text).unwrap();
        let told = load_whole(&file, &Environment::default()).err().unwrap_or_default();
        let prefix = format!("{}:", file.display());
        told.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
    }

    #[test]
    fn all_faults_are_told_at_their_places() {
        assert_eq!(
            faults(
                "listen: nowhere
mirror: {freshnes: 1h, segments: 0}
hosted: [a, b/, c]
colour: red
registries:
  quay.io: {rate: fast, alias: Q}
  docker.io: {credentials: [{username: u, password: \"env:NOT_THERE_AT_ALL\"}], concurrency: 0}
sync:
  - {name: one, from: docker.io/a, to: [x.test/a], schedule: never}
  - {name: two, from: docker.io/UPPER, to: [x.test/b]}
  - {name: two, from: docker.io/c, to: [x.test/c]}
  - {name: three, from: docker.io/d, to: [x.test/d], tags: {match: \"(\"}}
"
            ),
            [
                "1:9: `listen`: `nowhere` has no port",
                "2:10: `mirror`: unknown key `freshnes`",
                "2:34: `mirror.segments`: this must be 1 or more",
                "3:10: `hosted.0`: `a` does not end in `/`",
                "3:17: `hosted.2`: `c` does not end in `/`",
                "4:1: unknown key `colour`",
                "6:19: `registries.quay.io.rate`: a rate is a number of requests and a time, such as `20/s`, `2000/m` or `600/h`",
                "6:32: `registries.quay.io.alias`: `Q` is not a DNS label",
                "7:53: `registries.docker.io.credentials.0.password`: environment variable `NOT_THERE_AT_ALL` is not set",
                "7:92: `registries.docker.io.concurrency`: this must be 1 or more",
                "9:62: `sync.0.schedule`: `never` is not a schedule",
                "10:23: `sync.1.from`: `docker.io/UPPER` is not a repository",
                "12:68: `sync.3.tags.match`: `(` is not a regular expression",
            ]
        );
    }

    #[test]
    fn a_consequence_is_no_fault_and_a_good_file_has_none() {
        let told = faults("sync:\n  - {name: a, from: docker.io/UPPER, to: [x.test/b]}\n");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(faults("listen: 127.0.0.1:0\n").is_empty());
    }

    #[test]
    fn files_that_are_named_are_opened() {
        let told = faults(
            "tls: {cert: /nowhere/cert, key: /nowhere/key}\nregistries: {quay.io: {ca: /nowhere/ca}}\nsync_files: [a.yaml]\n",
        );
        assert_eq!(told.len(), 3, "{told:?}");
        for part in ["/nowhere/cert", "/nowhere/ca", "a.yaml"] {
            assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
        }
    }

    #[test]
    fn every_list_about_pulls_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for (name, text) in
            [("a.txt", "docker.io/a\nnginx\n\nlibrary/*"), ("b.txt", "quay.io/a/*"), ("c.txt", "# none")]
        {
            fs::write(at(name), text).unwrap();
        }
        fs::write(
            at("c.yaml"),
            "rules: {files: [\"*.txt\", d.txt], deny: [docker.io/x, {image: x/y, reason: r}], allow: [\"docker.io/y:\"]}\n",
        )
        .unwrap();
        let told = load_whole(&at("c.yaml"), &Environment::default()).unwrap_err();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        for part in [
            "a.txt:2:1: `nginx` is not a rule: a rule begins with a registry",
            "(and 1 more, line 4)",
            "c.txt: the list has no rule, and would refuse every pull",
            "d.txt: there is no such file",
            "`rules.deny.1`: `x/y` is not a rule",
            "`rules.allow.0`: `docker.io/y:` is not a rule",
        ] {
            assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
        }
    }

    #[test]
    fn every_file_with_rules_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("rules")).unwrap();
        for (name, text) in [("a", "sync: [{nam: x}]"), ("b", "sync: []"), ("c", "- nothing")] {
            fs::write(at(&format!("rules/{name}.yaml")), text).unwrap();
        }
        fs::write(at("c.yaml"), "sync_files: [\"rules/*.yaml\"]\nhosted: [a]\n").unwrap();
        let told = load_whole(&at("c.yaml"), &Environment::default()).unwrap_err();
        let told: Vec<String> = told.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        for part in ["rules/a.yaml", "rules/c.yaml", "`hosted.0`"] {
            assert!(told.iter().any(|fault| fault.contains(part)), "{part}: {told:?}");
        }
    }
}
