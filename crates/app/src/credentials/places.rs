//! Where credentials files are.

use std::path::PathBuf;

use crate::config::Environment;

use super::key::Key;

/// The files to look into, in the order in which they count.
pub(super) fn to_read(environment: &Environment) -> Vec<PathBuf> {
    let all = [named(environment), docker(environment), runtime(environment), containers(environment)];
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in all.into_iter().flatten() {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The file to write a login to. A namespace goes to the containers tools' file: Docker would take its account for the
/// whole registry.
pub(super) fn to_write(environment: &Environment, key: &Key) -> Option<PathBuf> {
    if let Some(named) = named(environment) {
        return Some(named);
    }
    match key.namespace {
        None => docker(environment),
        Some(_) => runtime(environment).filter(|path| path.exists()).or_else(|| containers(environment)),
    }
}

// The variable of podman, skopeo and buildah.
fn named(environment: &Environment) -> Option<PathBuf> {
    set(environment, "REGISTRY_AUTH_FILE")
}

fn docker(environment: &Environment) -> Option<PathBuf> {
    let directory =
        set(environment, "DOCKER_CONFIG").or_else(|| Some(set(environment, "HOME")?.join(".docker")));
    directory.map(|directory| directory.join("config.json"))
}

fn runtime(environment: &Environment) -> Option<PathBuf> {
    Some(set(environment, "XDG_RUNTIME_DIR")?.join("containers/auth.json"))
}

fn containers(environment: &Environment) -> Option<PathBuf> {
    let directory =
        set(environment, "XDG_CONFIG_HOME").or_else(|| Some(set(environment, "HOME")?.join(".config")));
    directory.map(|directory| directory.join("containers/auth.json"))
}

fn set(environment: &Environment, name: &str) -> Option<PathBuf> {
    environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: Environment) -> Vec<String> {
        to_read(&environment).iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_usual_files_in_their_order() {
        assert_eq!(
            read(Environment::from([("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/u")])),
            ["/h/.docker/config.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"]
        );
        assert_eq!(
            read(Environment::from([
                ("HOME", "/h"),
                ("DOCKER_CONFIG", "/d"),
                ("REGISTRY_AUTH_FILE", "/a.json"),
                ("XDG_CONFIG_HOME", "/c")
            ])),
            ["/a.json", "/d/config.json", "/c/containers/auth.json"]
        );
        assert_eq!(read(Environment::from([])), [""; 0]);
    }

    #[test]
    fn namespaces_are_kept_from_docker() {
        let environment = Environment::from([("HOME", "/h")]);
        for (key, path) in
            [("quay.io", "/h/.docker/config.json"), ("quay.io/a", "/h/.config/containers/auth.json")]
        {
            let key = Key::of_file(key).unwrap();
            assert_eq!(to_write(&environment, &key), Some(path.into()));
        }
    }
}
