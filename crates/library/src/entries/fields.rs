//! What people say about an entry, checked. Pure.

use entrepot_catalog::{EntryFields, EntryRecord, Origin};
use entrepot_mirror::NameResolver;

use crate::address::{AddressFault, AddressLogin, ImageAddress};

/// The longest name and source, in characters.
const SHORT: usize = 255;
/// The longest description and remark, in characters.
const LONG: usize = 1000;

/// A new entry, as somebody gives it to us.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its name.
    pub name: String,
    /// The image; a login may stand in front.
    pub address: String,
    /// What it is.
    pub description: String,
    /// Where it comes from.
    pub source: String,
    /// A remark.
    pub remark: String,
    /// Whether it is offered.
    pub is_on_shelf: bool,
    /// Whether the memory of cards may be split for it.
    pub memory_split: bool,
}

/// A change of an entry. What is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EntryChange {
    /// The new name.
    pub name: Option<String>,
    /// The new address; a login may stand in front.
    pub address: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new source.
    pub source: Option<String>,
    /// The new remark.
    pub remark: Option<String>,
    /// Whether it is offered.
    pub is_on_shelf: Option<bool>,
    /// Whether the memory of cards may be split for it.
    pub memory_split: Option<bool>,
}

/// A field of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The id.
    Id,
    /// The name.
    Name,
    /// The address.
    Address,
    /// The description.
    Description,
    /// The source.
    Source,
    /// Whether the memory of cards may be split for it.
    MemorySplit,
    /// Whether it is offered.
    OnShelf,
    /// The remark.
    Remark,
}

/// What is wrong with a field of an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// There is no name.
    #[error("an entry needs a name")]
    NoName,
    /// The text is too long.
    #[error("it has more than {most} characters")]
    Long {
        /// The most that are taken.
        most: usize,
    },
    /// The text has control characters.
    #[error("it has characters that cannot be shown")]
    Control,
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressFault),
}

/// A field, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {fault}", field.as_str())]
pub struct EntryFault {
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub fault: FieldFault,
}

/// An entry that was checked, and the login that stood in front of its address.
#[derive(Clone, Debug)]
pub(crate) struct CheckedEntry {
    pub(crate) fields: EntryFields,
    pub(crate) address: ImageAddress,
    pub(crate) login: Option<AddressLogin>,
}

/// An entry with nothing said about it: on the shelf, its memory not split.
impl Default for NewEntry {
    fn default() -> Self {
        Self {
            name: String::new(),
            address: String::new(),
            description: String::new(),
            source: String::new(),
            remark: String::new(),
            is_on_shelf: true,
            memory_split: false,
        }
    }
}

impl Field {
    /// All of them, in the order that documents have them.
    pub const ALL: [Self; 8] = [
        Self::Id,
        Self::Name,
        Self::Address,
        Self::Description,
        Self::Source,
        Self::MemorySplit,
        Self::OnShelf,
        Self::Remark,
    ];

    /// Its name in our API and in exported documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Address => "address",
            Self::Description => "description",
            Self::Source => "source",
            Self::MemorySplit => "memory_split",
            Self::OnShelf => "on_shelf",
            Self::Remark => "remark",
        }
    }
}

impl NewEntry {
    /// A new entry with what is said about it. Without a name it is named after its image: `nginx:1.27`.
    pub fn of(said: EntryChange, names: &NameResolver) -> Self {
        let EntryChange { name, address, description, source, remark, is_on_shelf, memory_split } = said;
        let (address, default) = (address.unwrap_or_default(), Self::default());
        Self {
            name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| named(&address, names)),
            address,
            description: description.unwrap_or_default(),
            source: source.unwrap_or_default(),
            remark: remark.unwrap_or_default(),
            is_on_shelf: is_on_shelf.unwrap_or(default.is_on_shelf),
            memory_split: memory_split.unwrap_or(default.memory_split),
        }
    }

    /// Checks all fields; all that is wrong comes back at once.
    pub(crate) fn check(self, names: &NameResolver) -> Result<CheckedEntry, Vec<EntryFault>> {
        let address = ImageAddress::parse(&self.address, names);
        let faults = self.faults(address.as_ref().err().copied());
        let Ok((address, login)) = address else { return Err(faults) };
        if !faults.is_empty() {
            return Err(faults);
        }
        let host = match &address.key().origin {
            Origin::Hosted => String::new(),
            Origin::Upstream(host) => host.to_string(),
        };
        let fields = EntryFields {
            name: self.name.trim().to_owned(),
            address: address.as_str().to_owned(),
            host,
            repository: address.key().repository.to_string(),
            tag: address.tag().map(ToString::to_string),
            digest: address.digest().map(ToString::to_string),
            credential: None,
            description: self.description,
            source: self.source,
            remark: self.remark,
            is_on_shelf: self.is_on_shelf,
            memory_split: self.memory_split,
        };
        Ok(CheckedEntry { fields, address, login })
    }

    fn faults(&self, address: Option<AddressFault>) -> Vec<EntryFault> {
        let name =
            if self.name.trim().is_empty() { Some(FieldFault::NoName) } else { text(&self.name, SHORT, &[]) };
        let lines = ['\n', '\r', '\t'];
        let all = [
            (Field::Name, name),
            (Field::Address, address.map(FieldFault::from)),
            (Field::Description, text(&self.description, LONG, &lines)),
            (Field::Source, text(&self.source, SHORT, &[])),
            (Field::Remark, text(&self.remark, LONG, &lines)),
        ];
        all.into_iter().filter_map(|(field, fault)| Some(EntryFault { field, fault: fault? })).collect()
    }
}

// What is no address is refused as such, whatever the name.
fn named(address: &str, names: &NameResolver) -> String {
    let Ok((image, _)) = ImageAddress::parse(address, names) else { return "image".to_owned() };
    let repository = image.key().repository.as_str();
    let last = repository.rsplit('/').next().unwrap_or(repository);
    image.tag().map_or_else(|| last.to_owned(), |tag| format!("{last}:{tag}"))
}

fn text(text: &str, most: usize, allowed: &[char]) -> Option<FieldFault> {
    if text.chars().count() > most {
        return Some(FieldFault::Long { most });
    }
    let is_hidden = |letter: char| letter.is_control() && !allowed.contains(&letter);
    text.chars().any(is_hidden).then_some(FieldFault::Control)
}

impl EntryChange {
    /// The fields that it changes, for the audit log. Their texts are no business of that, and may hold a login.
    pub(crate) fn told(&self) -> Option<String> {
        let shelf = self.is_on_shelf.map(|is_on| format!("on_shelf: {is_on}"));
        let split = self.memory_split.map(|is_split| format!("memory_split: {is_split}"));
        let texts = [
            (Field::Name, &self.name),
            (Field::Address, &self.address),
            (Field::Description, &self.description),
            (Field::Source, &self.source),
            (Field::Remark, &self.remark),
        ];
        let texts =
            texts.into_iter().filter(|(_, text)| text.is_some()).map(|(field, _)| field.as_str().to_owned());
        Some(texts.chain(shelf).chain(split).collect::<Vec<_>>().join(", "))
    }

    /// The entry as it becomes.
    pub(crate) fn of(self, before: &EntryRecord) -> NewEntry {
        let EntryFields { name, address, description, source, remark, is_on_shelf, memory_split, .. } =
            before.fields.clone();
        NewEntry {
            name: self.name.unwrap_or(name),
            address: self.address.unwrap_or(address),
            description: self.description.unwrap_or(description),
            source: self.source.unwrap_or(source),
            remark: self.remark.unwrap_or(remark),
            is_on_shelf: self.is_on_shelf.unwrap_or(is_on_shelf),
            memory_split: self.memory_split.unwrap_or(memory_split),
        }
    }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::Host;

    use super::*;

    fn names() -> NameResolver {
        NameResolver::new(Host::docker_hub(), vec!["local/".into()])
    }

    fn new(name: &str, address: &str) -> NewEntry {
        NewEntry { name: name.to_owned(), address: address.to_owned(), ..NewEntry::default() }
    }

    #[test]
    fn an_entry_has_the_defaults_of_the_guide() {
        let CheckedEntry { fields, login, .. } = new(" 训练 ", "nginx").check(&names()).unwrap();
        assert_eq!((fields.name.as_str(), fields.address.as_str()), ("训练", "nginx"));
        assert_eq!((fields.host.as_str(), fields.repository.as_str()), ("docker.io", "library/nginx"));
        assert_eq!((fields.tag.as_deref(), fields.digest), (Some("latest"), None));
        assert!(fields.is_on_shelf && !fields.memory_split && login.is_none());
        let hosted = new("a", "local/app:1").check(&names()).unwrap().fields;
        assert_eq!((hosted.host.as_str(), hosted.repository.as_str()), ("", "local/app"));
    }

    #[test]
    fn a_login_is_no_field() {
        let CheckedEntry { fields, login, .. } = new("a", "u:SECRET@quay.io/a:1").check(&names()).unwrap();
        assert_eq!(fields.address, "quay.io/a:1");
        assert!(login.is_some() && !format!("{fields:?}").contains("SECRET"));
    }

    #[test]
    fn an_entry_is_named_after_its_image() {
        for (address, name) in [
            ("nginx:1.27", "nginx:1.27"),
            ("u:p@quay.io/acme/app", "app:latest"),
            ("local/team/app:2", "app:2"),
            ("quay.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "b"),
            ("u:p/q@quay.io/a", "image"),
        ] {
            let said = EntryChange { address: Some(address.to_owned()), ..EntryChange::default() };
            assert_eq!(NewEntry::of(said, &names()).name, name, "{address}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let bad = NewEntry {
            name: "a\u{7}".to_owned(),
            description: "x".repeat(1001),
            source: "two\nlines".to_owned(),
            remark: "two\n\tlines are fine".to_owned(),
            ..new("", "")
        };
        let faults = bad.check(&names()).unwrap_err();
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "`name`: it has characters that cannot be shown",
                "`address`: the address is empty",
                "`description`: it has more than 1000 characters",
                "`source`: it has characters that cannot be shown",
            ]
        );
        let faults = new("  ", "nginx").check(&names()).unwrap_err();
        assert_eq!(faults, [EntryFault { field: Field::Name, fault: FieldFault::NoName }]);
        assert!(new(&"名".repeat(255), "nginx").check(&names()).is_ok(), "characters, not bytes");
    }
}
