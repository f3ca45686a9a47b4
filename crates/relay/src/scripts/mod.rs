//! Shell scripts that pull and push the images of a plan, for copying by other means.

use entrepot_oci::{Platform, Reference};
use entrepot_rewrite::Root;

use crate::{
    entry::StackImage,
    plan::Plan,
    stack::Stack,
    words::{comment, quoted},
};

const PULL: &str = include_str!("pull.sh");
const PUSH: &str = include_str!("push.sh");

/// A script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file name.
    pub name: &'static str,
    /// The content.
    pub text: String,
}

/// The scripts for a plan: one pulls the images, the other pushes them to `to`. Both can be run repeatedly.
pub fn scripts(stack: &Stack, plan: &Plan, to: &Root, platform: Option<&Platform>) -> [Script; 2] {
    let names: Vec<String> = stack.sources.iter().map(|source| comment(&source.file.name)).collect();
    let whole = to.to_string();
    let namespace = whole.strip_prefix(to.host().as_str()).unwrap_or_default().trim_start_matches('/');
    let script = |name, text, images: Vec<String>| Script {
        name,
        text: filled(text, |placeholder| match placeholder {
            "FILES" => Some(names.join(", ")),
            "PLATFORM" => Some(platform.map_or_else(String::new, |platform| quoted(&platform.to_string()))),
            "REGISTRY" => Some(quoted(to.host().as_str())),
            "NAMESPACE" => Some(quoted(namespace)),
            "IMAGES" => Some(list(&images)),
            _ => None,
        }),
    };
    let pulled: Vec<String> = plan.entries.iter().map(|entry| entry.source.to_string()).collect();
    let pushed: Vec<String> = plan.entries.iter().map(|entry| pair(entry, &whole)).collect();
    [script("pull-images.sh", PULL, pulled), script("push-images.sh", PUSH, pushed)]
}

// Fills in a template's placeholders in one pass; placeholders in values are not expanded.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('@') {
        text += before;
        let known = after.split_once('@').and_then(|(name, after)| Some((value(name)?, after)));
        let (filled, after) = known.unwrap_or_else(|| ("@".to_owned(), after));
        text += &filled;
        rest = after;
    }
    text + rest
}

// The source and the target name. A target below the script's registry and namespace is written relative to it, with a
// leading slash, so that both can be overridden.
fn pair(entry: &StackImage, root: &str) -> String {
    let target = target(entry);
    match target.strip_prefix(root).filter(|rest| rest.starts_with('/')) {
        Some(below) => format!("{} {below}", entry.source),
        None => format!("{} {target}", entry.source),
    }
}

fn list(lines: &[String]) -> String {
    let mut once: Vec<String> = Vec::new();
    for line in lines.iter().map(|line| format!("    {}", quoted(line))) {
        if !once.contains(&line) {
            once.push(line);
        }
    }
    once.join("\n")
}

fn target(entry: &StackImage) -> String {
    let (host, repository) = (entry.target.host(), entry.target.repository());
    match entry.put_as() {
        Reference::Tag(tag) => format!("{host}/{repository}:{tag}"),
        Reference::Digest(digest) => format!("{host}/{repository}@{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_looked_at_for_placeholders() {
        let value = |name: &str| match name {
            "A" => Some("@B@ @A@".to_owned()),
            "B" => Some("b".to_owned()),
            _ => None,
        };
        for (template, text) in [
            ("x @A@ y @B@", "x @B@ @A@ y b"),
            ("$@ \"@\" @C@ a@b.c @B@", "$@ \"@\" @C@ a@b.c b"),
            ("@", "@"),
            ("@@A@", "@@B@ @A@"),
            ("", ""),
        ] {
            assert_eq!(filled(template, value), text, "{template}");
        }
    }
}
