//! What looks like an image reference, and what is thought of it.

use std::fmt;

use entrepot_oci::{Digest, Host, ImageRef, Repository, Tag};

use crate::{Position, expansion::Excess};

/// A place in a document where an image is named, or seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is written.
    pub position: Position,
    /// Where it is in the document's structure: `services.web.image`.
    pub place: String,
    /// What is written there, variables and all.
    pub text: String,
    /// What it is.
    pub standing: Standing,
}

/// What a candidate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An image that can be renamed.
    Found(Found),
    /// To be left as it is.
    Left(Reason),
}

/// An image as a document names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The registry.
    pub host: Host,
    /// The repository, with `library/` where Docker Hub leaves it out.
    pub repository: Repository,
    /// The tag, if one is written.
    pub tag: Option<Tag>,
    /// The digest, if one is written.
    pub digest: Option<Digest>,
    /// Whether tag or digest come from a variable without a default, so that they are not known.
    pub is_open: bool,
}

impl Found {
    /// Host and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The image, with the tag that is meant where none is written; `None` where it is not known.
    pub fn image(&self) -> Option<ImageRef> {
        if self.is_open { None } else { self.to_string().parse().ok() }
    }
}

impl fmt::Display for Found {
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

impl From<&ImageRef> for Found {
    fn from(image: &ImageRef) -> Self {
        let (host, repository) = (image.host().clone(), image.repository().clone());
        Self { host, repository, tag: image.tag().cloned(), digest: image.digest().copied(), is_open: false }
    }
}

/// Why a candidate is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The ignore list names it.
    Ignored,
    /// It has its new name already.
    AlreadyThere,
    /// The naming has no name for it.
    Unmapped,
    /// No registry may have such a name.
    NoSuchName(String),
    /// It is on the machine itself: `localhost/…`.
    Local,
    /// It names what a build makes of the service, so no registry has it.
    Built,
    /// The service is built here and names no image.
    BuildOnly,
    /// It is an earlier stage of the same build.
    Stage,
    /// `scratch` is no image.
    Scratch,
    /// The name comes from a variable whose value is not in the document.
    Variable(String),
    /// The tag comes from a variable that is not set, where only whole names will do.
    OpenTag(String),
    /// The name is the value of a variable that a file of variables sets.
    Held(String),
    /// It cannot be read as a reference.
    NotAReference(String),
    /// It is longer than any image's name, or would be with its variables filled in.
    TooLong,
    /// The variables of the document stand for more than is filled in.
    TooMuch,
    /// A value of an argument or an environment variable; those are changed on request.
    Argument,
    /// In a command that is run.
    Script,
    /// What the workflow pushes, not what it pulls.
    Published,
    /// A key of a resource that is not known to name an image.
    UnknownPath,
    /// In a document within the document.
    Embedded,
    /// A file that is taken in, whose images are its own.
    OtherFile,
    /// A pattern for names, not a name.
    Pattern,
    /// Something else that registries hold: a chart, a feature, a bundle of tasks.
    Artifact,
    /// Nothing in the document uses it.
    Unused,
    /// It shares a part with a candidate that is left, or that wants another text there.
    Shared(String),
    /// Its name is put together from parts that cannot take the new one.
    InPieces,
}

impl Reason {
    /// A word for it, for machines.
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
            Self::Built => f.write_str("it is built here"),
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
            Self::Argument => f.write_str("a value for a program; such are changed on request"),
            Self::Script => f.write_str("in a command; change it by hand"),
            Self::Published => f.write_str("what is pushed, not what is pulled"),
            Self::UnknownPath => f.write_str("this key is not known to name an image"),
            Self::Embedded => f.write_str("in a document within the document; change it by hand"),
            Self::OtherFile => f.write_str("a file that is taken in; name it too, if it has images"),
            Self::Pattern => f.write_str("a pattern, not a name"),
            Self::Artifact => f.write_str("not an image"),
            Self::Unused => f.write_str("nothing in the document uses it"),
            Self::Shared(other) => {
                write!(f, "it shares a part with `{other}`, which needs another text there")
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
            (Reason::Built, "it is built here"),
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
            (Reason::Argument, "a value for a program; such are changed on request"),
            (
                Reason::Shared("app.image".into()),
                "it shares a part with `app.image`, which needs another text there",
            ),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
