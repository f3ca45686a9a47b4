//! The names of staged files.

use std::fmt;

use entrepot_oci::Digest;
use uuid::Uuid;

/// What a staged file is for; there is one file for each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StageId {
    /// The download of this digest.
    Fill(Digest),
    /// A client's upload, whose digest is not known yet.
    Upload(Uuid),
}

impl StageId {
    /// Reads a file name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (kind, rest) = name.split_once('-')?;
        let id = match kind {
            "fill" => Self::Fill(rest.replacen('-', ":", 1).parse().ok()?),
            "upload" => Self::Upload(rest.parse().ok()?),
            _ => return None,
        };
        // A UUID has several spellings, a file one name.
        (id.to_string() == name).then_some(id)
    }
}

/// The file's name.
impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fill(digest) => write!(f, "fill-{}-{}", digest.algorithm().name(), digest.hex()),
            Self::Upload(uuid) => write!(f, "upload-{uuid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let fill = StageId::Fill(Digest::with(entrepot_oci::Algorithm::Sha512, b"x"));
        let upload = StageId::Upload(Uuid::new_v4());
        for id in [fill, upload] {
            assert_eq!(StageId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn other_names_are_not() {
        let upper = format!("upload-{}", Uuid::new_v4()).to_uppercase().replace("UPLOAD", "upload");
        for name in ["", "fill-sha256-00", "fill-x", "upload-1", "put-1", "fill-sha256-00.json", &upper] {
            assert_eq!(StageId::parse(name), None, "{name}");
        }
    }
}
