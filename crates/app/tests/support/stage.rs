//! A directory from which stacks are relayed: a registry that stands for those of the world, and one of one's own.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{fs, path::Path};

use entrepot_testkit::{TestImage, TestRegistry};

use crate::support::{self, Lab, Ran};

/// The hosts for which one registry stands.
const HOSTS: [&str; 7] = [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "container-registry.oracle.com",
    "docker.elastic.co",
    "downloads.unstructured.io",
    "registry.gitlab.com",
];

/// A directory whose configuration says where the registries are.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
    pub(crate) origin: TestRegistry,
    pub(crate) private: TestRegistry,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (origin, private) = (TestRegistry::start().await, TestRegistry::start().await);
        let mut config = String::from("registries:\n");
        for host in HOSTS {
            config += &format!("  {host}: {{endpoints: [\"{}\"]}}\n", origin.url());
        }
        config += &format!("  private.test: {{endpoints: [\"{}\"]}}\n", private.url());
        Self { lab: Lab::with(&config), origin, private }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.lab.command(arguments);
        command.env("HOME", self.lab.path()).envs(variables.iter().copied());
        tokio::task::block_in_place(|| support::ran(command))
    }

    /// The same in a directory below, which has the same configuration.
    pub(crate) async fn run_in(&self, directory: &Path, arguments: &[&str]) -> Ran {
        let mut command = self.lab.command(arguments);
        command.env("HOME", self.lab.path()).env("ENTREPOT_CONFIG", self.lab.path().join("entrepot.yaml"));
        command.current_dir(directory);
        tokio::task::block_in_place(|| support::ran(command))
    }

    pub(crate) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.lab.path().join(name)).ok()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.lab.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != ".cache").collect();
        names.sort();
        names
    }

    pub(crate) fn put(&self, repository: &str, tag: &str, seed: u64) -> TestImage {
        let image = TestImage::random(seed, 2, 2_000);
        self.origin.put_image(repository, tag, &image);
        image
    }

    pub(crate) fn is_there(&self, repository: &str, tag: &str, image: &TestImage) -> bool {
        self.private.manifest(repository, tag).is_some_and(|bytes| bytes == *image.bytes())
    }
}
