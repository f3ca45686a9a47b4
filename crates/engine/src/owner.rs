//! How our containers and volumes are known among others.

use std::{collections::BTreeMap, fmt, str::FromStr};

use crate::names::EngineNameError;

/// The label with the installation.
const INSTALLATION: &str = "io.entrepot.installation";
/// The label with the instance.
const INSTANCE: &str = "io.entrepot.instance";
/// The label with the purpose.
const PURPOSE: &str = "io.entrepot.purpose";
/// What it says of an instance.
const OF_INSTANCE: &str = "instance";
/// What it says of a container that looks at the machine.
const OF_SURVEY: &str = "survey";

/// All labels of ours.
pub(crate) const LABELS: [&str; 3] = [INSTALLATION, INSTANCE, PURPOSE];

/// Which server of ours a container belongs to: several may share an engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Installation(String);

impl Installation {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Installation {
    type Err = EngineNameError;

    fn from_str(text: &str) -> Result<Self, EngineNameError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_one = (1..=64).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_one { Ok(Self(text.to_owned())) } else { Err(EngineNameError::Name) }
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// What a container or volume of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContainerPurpose {
    /// It is, or belongs to, the instance with this id.
    Instance(u32),
    /// It looks at the machine, and is removed at once.
    Survey,
}

/// Whose a container or volume is. These are all labels that are ever set, so that nobody can pretend by a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The server.
    pub installation: Installation,
    /// And what it is for.
    pub purpose: ContainerPurpose,
}

impl Owner {
    /// The labels that say so. Each is always set: a container has those of its image besides.
    pub(crate) fn labels(&self) -> BTreeMap<&'static str, String> {
        let (purpose, instance) = match self.purpose {
            ContainerPurpose::Instance(id) => (OF_INSTANCE, id.to_string()),
            ContainerPurpose::Survey => (OF_SURVEY, String::new()),
        };
        let installation = self.installation.0.clone();
        BTreeMap::from([(INSTALLATION, installation), (INSTANCE, instance), (PURPOSE, purpose.to_owned())])
    }

    /// Whose something with these labels is; `None` if it is not ours.
    pub(crate) fn of_labels(labels: &BTreeMap<String, String>) -> Option<Self> {
        let installation = labels.get(INSTALLATION)?.parse().ok()?;
        let purpose = match labels.get(PURPOSE)?.as_str() {
            OF_INSTANCE => ContainerPurpose::Instance(labels.get(INSTANCE)?.parse().ok()?),
            OF_SURVEY => ContainerPurpose::Survey,
            _ => return None,
        };
        Some(Self { installation, purpose })
    }
}

/// The filter of lists for what belongs to an installation.
pub(crate) fn filter(installation: &Installation) -> String {
    serde_json::json!({ "label": [format!("{INSTALLATION}={installation}")] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_read_back() {
        for purpose in [ContainerPurpose::Instance(7), ContainerPurpose::Survey] {
            let owner = Owner { installation: "a-1".parse().unwrap(), purpose };
            let labels = owner.labels().into_iter().map(|(name, value)| (name.to_owned(), value));
            assert_eq!(Owner::of_labels(&labels.collect()), Some(owner));
        }
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Owner::of_labels(&pairs.collect())
        };
        assert_eq!(of(&[(INSTANCE, "7"), (PURPOSE, OF_INSTANCE)]), None);
        assert_eq!(of(&[(INSTALLATION, "a"), (INSTANCE, "-7"), (PURPOSE, OF_INSTANCE)]), None);
        assert_eq!(of(&[(INSTALLATION, "a"), (INSTANCE, "7"), (PURPOSE, "")]), None);
        // What an image says of itself is said over.
        let survey = of(&[(INSTALLATION, "a"), (INSTANCE, "7"), (PURPOSE, OF_SURVEY)]).unwrap();
        assert_eq!(survey.purpose, ContainerPurpose::Survey);
        assert!("a=b".parse::<Installation>().is_err() && "".parse::<Installation>().is_err());
    }
}
