//! Where credentials files are.

use std::path::PathBuf;

use crate::target::LoginTarget;

/// The credentials files of a user, as environment variables place them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthFilePaths {
    // `REGISTRY_AUTH_FILE`, the variable of podman, skopeo and buildah.
    explicit: Option<PathBuf>,
    docker: Option<PathBuf>,
    // The containers tools' file that is lost when the machine restarts, and the one that stays.
    runtime: Option<PathBuf>,
    containers: Option<PathBuf>,
}

impl AuthFilePaths {
    /// The files that `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME` and `HOME` lead to.
    /// `variable` returns the value of an environment variable; an empty one counts as unset.
    pub fn new<'v>(variable: impl Fn(&str) -> Option<&'v str>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let in_home = |name| set("HOME").map(|home| home.join(name));
        let docker = set("DOCKER_CONFIG").or_else(|| in_home(".docker"));
        let config = set("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        Self {
            explicit: set("REGISTRY_AUTH_FILE"),
            docker: docker.map(|directory| directory.join("config.json")),
            runtime: set("XDG_RUNTIME_DIR").map(|directory| directory.join("containers/auth.json")),
            containers: config.map(|directory| directory.join("containers/auth.json")),
        }
    }

    /// The files to read, in order of precedence: the one that is named explicitly alone, as podman and skopeo do.
    pub(crate) fn to_read(&self) -> Vec<PathBuf> {
        if let Some(explicit) = &self.explicit {
            return vec![explicit.clone()];
        }
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in [&self.docker, &self.runtime, &self.containers].into_iter().flatten() {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        paths
    }

    /// The file to write a login to. A namespace goes to the containers tools' file: Docker would use its account for the
    /// whole registry.
    pub(crate) fn to_write(&self, target: &LoginTarget) -> Option<PathBuf> {
        if self.explicit.is_some() {
            return self.explicit.clone();
        }
        match target.namespace() {
            None => self.docker.clone(),
            Some(_) => self.runtime.clone().filter(|path| path.exists()).or_else(|| self.containers.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &'static str)]) -> AuthFilePaths {
        AuthFilePaths::new(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| *value))
    }

    fn read(variables: &[(&str, &'static str)]) -> Vec<String> {
        paths(variables).to_read().iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn the_usual_files_in_order_of_precedence() {
        assert_eq!(
            read(&[("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/u")]),
            ["/h/.docker/config.json", "/run/u/containers/auth.json", "/h/.config/containers/auth.json"]
        );
        assert_eq!(
            read(&[
                ("HOME", "/h"),
                ("DOCKER_CONFIG", "/d"),
                ("REGISTRY_AUTH_FILE", "/a.json"),
                ("XDG_CONFIG_HOME", "/c")
            ]),
            ["/a.json"]
        );
        assert_eq!(
            read(&[("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("XDG_CONFIG_HOME", "/c")]),
            ["/d/config.json", "/c/containers/auth.json"]
        );
        assert_eq!(read(&[]), [""; 0]);
        assert_eq!(read(&[("HOME", "")]), [""; 0]);
    }

    #[test]
    fn namespaces_are_kept_out_of_dockers_file() {
        let paths = paths(&[("HOME", "/h")]);
        for (target, path) in
            [("quay.io", "/h/.docker/config.json"), ("quay.io/a", "/h/.config/containers/auth.json")]
        {
            assert_eq!(paths.to_write(&target.parse().unwrap()), Some(path.into()));
        }
    }
}
