//! `entrepot tags`: lists the tags of a repository.

use entrepot_oci::{Host, ImageRef, ImageRefError, Repository, Tag};
use entrepot_sync::rules::{RuleError, TagFilter, TagsSection};
use serde::Serialize;

use super::session::{self, Common, RegistryContext};
use crate::{
    failure::Failure,
    output::{self, Output},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Tags {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The repository.
    pub(crate) place: TypedRepository,
    /// The tag filter.
    pub(crate) filter: TagsSection,
}

/// A repository as typed, without tag and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypedRepository {
    host: Host,
    repository: Repository,
}

/// The reason a text is not a repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhereError {
    /// Not a valid name.
    #[error(transparent)]
    Image(#[from] ImageRefError),
    /// It has a tag or a digest.
    #[error("this is one image; leave out the tag or digest to mean the repository")]
    Narrow,
}

impl std::str::FromStr for TypedRepository {
    type Err = WhereError;

    fn from_str(text: &str) -> Result<Self, WhereError> {
        let image: ImageRef = text.parse()?;
        let is_whole = image.digest().is_none() && !text.ends_with(&format!(":{}", image.reference()));
        if !is_whole {
            return Err(WhereError::Narrow);
        }
        Ok(Self { host: image.host().clone(), repository: image.repository().clone() })
    }
}

/// Runs the command.
pub(crate) fn run(Tags { common, place, filter }: Tags) -> Result<(), Failure> {
    let filter = TagFilter::check(&filter).map_err(|error| wrong(&error))?;
    session::run(&common, async |session, stop| {
        tokio::select! {
            listed = list(&session, &place.host, &place.repository) => print(&place, &filter.select(&listed?), common.output),
            () = stop.cancelled() => Err(Failure::new("interrupted")),
        }
    })
}

fn wrong(error: &RuleError) -> Failure {
    let option = error.path().first().map(|key| key.replace('_', "-")).unwrap_or_default();
    Failure::wrong(format!("`--{option}`: {}", error.what())).with_hint(error.hint())
}

#[derive(Serialize)]
struct TagReport<'a> {
    repository: String,
    tags: Vec<&'a str>,
}

/// All tags of a repository, in the registry's order.
pub(crate) async fn list(
    context: &RegistryContext,
    host: &Host,
    repository: &Repository,
) -> Result<Vec<Tag>, Failure> {
    let remote = context.remote(host)?;
    let listed = remote.all_tags(repository).await;
    listed.map_err(|error| context.to_failure(host, &session::name(host, repository), &error))
}

fn print(place: &TypedRepository, tags: &[Tag], output: Output) -> Result<(), Failure> {
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    match output {
        Output::Json => {
            let repository = session::name(&place.host, &place.repository);
            output::print_json(&TagReport { repository, tags })
        }
        Output::Text => output::print(&tags.iter().map(|tag| format!("{tag}\n")).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_no_tag() {
        for good in ["nginx", "localhost:5000/a", "quay.io/a/b"] {
            assert!(good.parse::<TypedRepository>().is_ok(), "{good}");
        }
        let digest = entrepot_oci::Digest::of(b"");
        for bad in ["nginx:latest", "localhost:5000/a:1", &format!("a@{digest}")] {
            assert!(matches!(bad.parse::<TypedRepository>(), Err(WhereError::Narrow)), "{bad}");
        }
    }
}
