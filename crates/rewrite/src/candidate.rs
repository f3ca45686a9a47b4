//! Candidates: text that looks like an image reference, and the verdict on it.

use std::fmt;

use entrepot_oci::{Digest, Host, ImageRef, Repository, Tag};

use crate::{Position, expansion::Excess};

/// A position in a document where an image is named, or seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Line and column.
    pub position: Position,
    /// Path in the document's structure: `services.web.image`.
    pub place: String,
    /// Other paths that lead to the same text, through anchors.
    pub also: Vec<String>,
    /// The text as written, including variables.
    pub text: String,
    /// The verdict.
    pub verdict: CandidateVerdict,
}

/// The verdict on a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateVerdict {
    /// An image that can be renamed.
    Found(DocumentImage),
    /// Text to leave alone, with the reason.
    Left(Reason),
}

/// An image as named in a document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DocumentImage {
    /// The registry.
    pub host: Host,
    /// The repository, including the `library/` that people leave out for Docker Hub.
    pub repository: Repository,
    /// The tag, if one is written.
    pub tag: Option<Tag>,
    /// The digest, if one is written.
    pub digest: Option<Digest>,
    /// True if tag or digest come from a variable without a default and are therefore unknown.
    pub is_open: bool,
}

impl DocumentImage {
    /// Host and repository, as `HOST/REPOSITORY`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The image reference, with the tag `latest` if none is written; `None` if tag or digest are unknown.
    pub fn image(&self) -> Option<ImageRef> {
        if self.is_open { None } else { self.to_string().parse().ok() }
    }
}

impl fmt::Display for DocumentImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl From<&ImageRef> for DocumentImage {
    fn from(image: &ImageRef) -> Self {
        let (host, repository) = (image.host().clone(), image.repository().clone());
        Self { host, repository, tag: image.tag().cloned(), digest: image.digest().copied(), is_open: false }
    }
}

/// Why a candidate is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is on the ignore list.
    Ignored,
    /// It already has its new name.
    AlreadyThere,
    /// The naming has no new name for it.
    Unmapped,
    /// No registry allows the new name.
    NoSuchName(String),
    /// It is local to the machine: `localhost/…`.
    Local,
    /// It is the name of an image that the service builds, so no registry has it.
    Built,
    /// The service is built here and names no image.
    BuildOnly,
    /// It is an earlier stage of the same build.
    Stage,
    /// `scratch` is not an image.
    Scratch,
    /// The name comes from a variable that is not set in the document.
    Variable(String),
    /// The tag comes from a variable that is not set, and only complete names are accepted.
    OpenTag(String),
    /// The name is the value of a variable in a variable file.
    Held(String),
    /// It cannot be parsed as a reference.
    NotAReference(String),
    /// It is longer than any image name, or would be after expanding its variables.
    TooLong,
    /// The document's variables exceed the limit for expansion.
    TooMuch,
    /// An argument or environment variable value; those are changed only on request.
    Argument,
    /// It is part of a command.
    Script,
    /// The workflow pushes this image rather than pulling it.
    Published,
    /// A key of a resource that is not known to hold an image.
    UnknownPath,
    /// It looks like an image where the kind of document names none.
    Elsewhere,
    /// It is an expression of a template.
    Template,
    /// It is in a document embedded in the document.
    Embedded,
    /// It is an included file, which has its own images.
    OtherFile,
    /// It is a pattern for names.
    Pattern,
    /// Another kind of artifact in a registry: a chart, a feature, a bundle of tasks.
    Artifact,
    /// Nothing in the document uses it.
    Unused,
    /// It shares text with a candidate that is left alone or needs a different change there.
    Shared(String),
    /// Its name is assembled from parts that cannot express the new name.
    InPieces,
}

impl Reason {
    /// A stable identifier for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::AlreadyThere => "already",
            Self::Unmapped => "unmapped",
            Self::NoSuchName(_) => "no-such-name",
            Self::Local => "local",
            Self::Built => "built",
            Self::BuildOnly => "build-only",
            Self::Stage => "stage",
            Self::Scratch => "scratch",
            Self::Variable(_) => "variable",
            Self::OpenTag(_) => "open-tag",
            Self::Held(_) => "held",
            Self::NotAReference(_) => "not-a-reference",
            Self::TooLong => "too-long",
            Self::TooMuch => "too-much",
            Self::Argument => "argument",
            Self::Script => "script",
            Self::Published => "published",
            Self::UnknownPath => "unknown-path",
            Self::Elsewhere => "elsewhere",
            Self::Template => "template",
            Self::Embedded => "embedded",
            Self::OtherFile => "other-file",
            Self::Pattern => "pattern",
            Self::Artifact => "artifact",
            Self::Unused => "unused",
            Self::Shared(_) => "shared",
            Self::InPieces => "in-pieces",
        }
    }
}

impl From<Excess> for Reason {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Text => Self::TooLong,
            Excess::Document => Self::TooMuch,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored => f.write_str("the ignore list names it"),
            Self::AlreadyThere => f.write_str("it has its new name already"),
            Self::Unmapped => f.write_str("the naming has no name for it"),
            Self::NoSuchName(name) => write!(f, "`{name}` is not a name that a registry can have"),
            Self::Local => f.write_str("it is on the machine itself, not at a registry"),
            Self::Built => f.write_str("it is built here; `--built` changes it too"),
            Self::BuildOnly => f.write_str("the service is built here and names no image"),
            Self::Stage => f.write_str("it is a stage of this build"),
            Self::Scratch => f.write_str("`scratch` is no image"),
            Self::Variable(name) => {
                write!(f, "the name comes from `{name}`, which the document does not set")
            }
            Self::OpenTag(name) => write!(f, "its tag comes from `{name}`, which is not set"),
            Self::Held(name) => {
                write!(f, "its name is the value of `{name}`, to be changed where that is set")
            }
            Self::NotAReference(why) => write!(f, "not an image reference: {why}"),
            Self::TooLong => f.write_str(
                "it stands for more than 4 KiB of text, and no image name is that long; write the name out",
            ),
            Self::TooMuch => f.write_str(
                "the variables of this document stand for too much text to be filled in; write the names out",
            ),
            Self::Argument => f.write_str("a value for a program; `--arguments` changes such values too"),
            Self::Script => f.write_str("in a command; change it by hand"),
            Self::Published => f.write_str("what is pushed, not what is pulled; `--built` changes it too"),
            Self::UnknownPath => {
                f.write_str("this key is not known to name an image; `--path KEYS` makes it known")
            }
            Self::Elsewhere => {
                f.write_str("it looks like an image, where none is expected; change it by hand")
            }
            Self::Template => {
                f.write_str("it comes from a template; change it where the template's values are")
            }
            Self::Embedded => f.write_str("in a document within the document; change it by hand"),
            Self::OtherFile => f.write_str("a file that is taken in; name it too, if it has images"),
            Self::Pattern => f.write_str("a pattern, not a name"),
            Self::Artifact => f.write_str("not an image"),
            Self::Unused => f.write_str("nothing in the document uses it"),
            Self::Shared(other) => {
                write!(
                    f,
                    "it shares a part with `{other}`, which needs another text there; give one of them a part of its own"
                )
            }
            Self::InPieces => f.write_str("its name is put together from parts that cannot take the new one"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_full() {
        for (reason, text) in [
            (Reason::Ignored, "the ignore list names it"),
            (Reason::Built, "it is built here; `--built` changes it too"),
            (Reason::BuildOnly, "the service is built here and names no image"),
            (Reason::Variable("REG".into()), "the name comes from `REG`, which the document does not set"),
            (Reason::OpenTag("TAG".into()), "its tag comes from `TAG`, which is not set"),
            (Reason::Held("DB".into()), "its name is the value of `DB`, to be changed where that is set"),
            (Reason::NoSuchName("m/a:1/b".into()), "`m/a:1/b` is not a name that a registry can have"),
            (
                Reason::TooLong,
                "it stands for more than 4 KiB of text, and no image name is that long; write the name out",
            ),
            (
                Reason::TooMuch,
                "the variables of this document stand for too much text to be filled in; write the names out",
            ),
            (Reason::Argument, "a value for a program; `--arguments` changes such values too"),
            (
                Reason::Shared("app.image".into()),
                "it shares a part with `app.image`, which needs another text there; give one of them a part of its own",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
