//! For those who copy by other means: shell scripts that pull and push the images of a plan.

use entrepot_oci::{Platform, Reference};
use entrepot_rewrite::Root;

use crate::{entry::Entry, plan::Plan, stack::Stack, steps::quoted};

const PULL: &str = include_str!("pull.sh");
const PUSH: &str = include_str!("push.sh");

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name of its file.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
}

/// The scripts for a plan: one that pulls the images, and one that brings them to `to`. Both can be run again and again.
pub fn scripts(stack: &Stack, plan: &Plan, to: &Root, platform: Option<&Platform>) -> [Script; 2] {
    let names: Vec<&str> = stack.sources.iter().map(|source| one_line(&source.file.name)).collect();
    let platform = platform.map(ToString::to_string).unwrap_or_default();
    let whole = to.to_string();
    let namespace = whole.strip_prefix(to.host().as_str()).unwrap_or_default().trim_start_matches('/');
    let fill = |text: &str, images: Vec<String>| {
        text.replace("@FILES@", &names.join(", "))
            .replace("@PLATFORM@", &platform)
            .replace("@REGISTRY@", to.host().as_str())
            .replace("@NAMESPACE@", namespace)
            .replace("@IMAGES@", &images.join("\n"))
    };
    let pulled = plan.entries.iter().map(|entry| format!("    {}", quoted(&entry.source.to_string())));
    let pushed = plan.entries.iter().map(|entry| {
        let target = target(entry);
        // Behind the variables of the script, so that another registry can be given to it.
        let target = match target.strip_prefix(&format!("{whole}/")) {
            Some(rest) => format!("$to/{rest}"),
            None => target,
        };
        format!("    \"{} {target}\"", entry.source)
    });
    [
        Script { name: "pull-images.sh", text: fill(PULL, once(pulled)) },
        Script { name: "push-images.sh", text: fill(PUSH, once(pushed)) },
    ]
}

fn once(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut once: Vec<String> = Vec::new();
    for line in lines {
        if !once.contains(&line) {
            once.push(line);
        }
    }
    once
}

fn target(entry: &Entry) -> String {
    let (host, repository) = (entry.target.host(), entry.target.repository());
    match entry.put_as() {
        Reference::Tag(tag) => format!("{host}/{repository}:{tag}"),
        Reference::Digest(digest) => format!("{host}/{repository}@{digest}"),
    }
}

// What stands in a comment must not end it.
fn one_line(name: &str) -> &str {
    name.lines().next().unwrap_or_default()
}
