//! The address of an image, in every form that people write. Pure.
//!
//! `nginx:latest` is on Docker Hub, `registry.example.com/team/app:1` on a registry, `local/app:1` was pushed here if that is
//! a prefix that takes pushes. A login may stand in front: `user:password@registry.example.com/team/app:1`.

use std::fmt;

use entrepot_catalog::{Origin, RepoKey};
use entrepot_mirror::NameResolver;
use entrepot_oci::{Digest, Host, ImageRef, ImageRefError, Reference, Repository, Tag};
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

/// The longest address, in characters.
const LONGEST: usize = 500;

/// The image that an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageAddress {
    text: String,
    key: RepoKey,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// The login that stands in front of an address.
#[derive(Clone, Debug)]
pub struct AddressLogin {
    /// The name of the account.
    pub username: String,
    /// Its password.
    pub password: SecretString,
}

/// Why a text is not the address of an image. No message repeats the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// There is nothing.
    #[error("the address is empty")]
    Empty,
    /// There is too much.
    #[error("the address has more than {LONGEST} characters")]
    Long,
    /// It begins with a scheme.
    #[error("the address of an image has no `https://`")]
    Scheme,
    /// Something stands before an `@` that is no login.
    #[error("what stands before `@` is not `user:password`")]
    Login,
    /// The login has a character that ends it too early.
    #[error("`/` and `@` in a user name or password must be written `%2F` and `%40`")]
    Unescaped,
    /// A login for images that were pushed here, or for a registry that is not named.
    #[error("a login belongs to a registry, and the address names none")]
    NoRegistry,
    /// It is no image reference.
    #[error(transparent)]
    Image(#[from] ImageRefError),
}

impl ImageAddress {
    /// Reads an address; `names` says what is pushed here. A login is returned apart.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str, names: &NameResolver) -> Result<(Self, Option<AddressLogin>), AddressFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressFault::Empty);
        }
        if text.chars().count() > LONGEST {
            return Err(AddressFault::Long);
        }
        if text.contains("://") {
            return Err(AddressFault::Scheme);
        }
        let (login, image) = split_login(text)?;
        let address = Self::of_image(image, names)?;
        if login.is_some() && !has_registry(names.without_own(image), &address.key) {
            return Err(AddressFault::NoRegistry);
        }
        Ok((address, login))
    }

    fn of_image(text: &str, names: &NameResolver) -> Result<Self, AddressFault> {
        let text = names.without_own(text);
        let (name, tag, digest) = ImageRef::split(text);
        let typed_host = name.split_once('/').map(|(host, _)| host).filter(|host| Host::looks_like_one(host));
        let host = typed_host.and_then(|host| host.parse::<Host>().ok());
        let is_mirrored = host.is_some_and(|host| names.upstreams().any(|(upstream, _)| *upstream == host));
        let is_hosted = !is_mirrored && names.hosted_prefixes().iter().any(|prefix| name.starts_with(prefix));
        if is_hosted {
            let repository: Repository = name.parse().map_err(ImageRefError::from)?;
            let tag = tag.map(str::parse::<Tag>).transpose().map_err(ImageRefError::from)?;
            let digest = digest.map(str::parse::<Digest>).transpose().map_err(ImageRefError::from)?;
            let tag = tag.or_else(|| digest.is_none().then(Tag::latest));
            let key = RepoKey { origin: Origin::Hosted, repository };
            return Ok(Self { text: text.to_owned(), key, tag, digest });
        }
        let image: ImageRef = text.parse()?;
        let key = RepoKey {
            origin: Origin::Upstream(image.host().clone()),
            repository: image.repository().clone(),
        };
        Ok(Self { text: text.to_owned(), key, tag: image.tag().cloned(), digest: image.digest().copied() })
    }

    /// The address as it was typed, without a login, and without an address of this server.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The repository, and where it comes from.
    pub fn key(&self) -> &RepoKey {
        &self.key
    }

    /// The registry; none for what was pushed here.
    pub fn host(&self) -> Option<&Host> {
        match &self.key.origin {
            Origin::Hosted => None,
            Origin::Upstream(host) => Some(host),
        }
    }

    /// The tag, written or implied.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The digest, if one was written.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What to ask the registry for: the digest if there is one.
    pub fn reference(&self) -> Reference {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(*digest),
            (None, tag) => Reference::Tag(tag.clone().unwrap_or_else(Tag::latest)),
        }
    }
}

/// With its registry, tag and digest: `docker.io/library/nginx:latest`.
impl fmt::Display for ImageAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.key, formatter)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

// A login ends at the last `@` before the first `/`. A digest has an `@` as well, which stands last: `nginx:1@sha256:…`.
fn split_login(text: &str) -> Result<(Option<AddressLogin>, &str), AddressFault> {
    let without_digest = match text.rsplit_once('@') {
        Some((rest, digest)) if is_digest(digest) => rest,
        _ => text,
    };
    let first_part = without_digest.split('/').next().unwrap_or_default();
    let Some((userinfo, _)) = first_part.rsplit_once('@') else {
        // The `@` that is left stands behind a `/`, so a password has one that is not escaped.
        return if without_digest.contains('@') { Err(AddressFault::Unescaped) } else { Ok((None, text)) };
    };
    let (username, password) = userinfo.split_once(':').ok_or(AddressFault::Login)?;
    let login = AddressLogin { username: decoded(username)?, password: decoded(password)?.into() };
    Ok((Some(login), &text[userinfo.len() + 1..]))
}

fn is_digest(text: &str) -> bool {
    let hex = text.split_once(':').map_or("", |(_, hex)| hex);
    hex.len() >= 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

// A `%` that begins no escape stands for itself.
fn decoded(text: &str) -> Result<String, AddressFault> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| AddressFault::Login)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        Err(AddressFault::Login)
    } else {
        Ok(text.into())
    }
}

// `user:password@nginx` would send the password to Docker Hub, which was not named.
fn has_registry(image: &str, key: &RepoKey) -> bool {
    let is_named = image.split_once('/').is_some_and(|(host, _)| Host::looks_like_one(host));
    is_named && key.origin != Origin::Hosted
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn names() -> NameResolver {
        NameResolver::new(Host::docker_hub(), vec!["local/".into(), "my.team/".into()])
            .with_upstream("quay.io".parse().unwrap(), None)
            .with_own_addresses(&["127.0.0.1:5000".to_owned(), "m.example.com".to_owned()])
    }

    fn parse(text: &str) -> Result<(ImageAddress, Option<AddressLogin>), AddressFault> {
        ImageAddress::parse(text, &names())
    }

    #[test]
    fn every_form_of_the_guide_is_read() {
        for (text, whole) in [
            ("nginx:latest", "docker.io/library/nginx:latest"),
            ("python:3.9-slim", "docker.io/library/python:3.9-slim"),
            ("docker.io/library/nginx:latest", "docker.io/library/nginx:latest"),
            ("registry.example.com/project/image:tag", "registry.example.com/project/image:tag"),
            (
                "registry.company.com/ml/tensorflow:2.10.0-gpu",
                "registry.company.com/ml/tensorflow:2.10.0-gpu",
            ),
            ("harbor.company.com/project/image:v1.0", "harbor.company.com/project/image:v1.0"),
            ("registry.example.com/project/image", "registry.example.com/project/image:latest"),
            ("localhost:5000/a:v1.0.0-build.123", "localhost:5000/a:v1.0.0-build.123"),
            (" nginx ", "docker.io/library/nginx:latest"),
            ("local/app:2", "local/app:2"),
            ("my.team/app", "my.team/app:latest"),
            ("quay.io/local/app:2", "quay.io/local/app:2"),
        ] {
            let (address, login) = parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), login.is_none()), (whole, true), "{text}");
            assert_eq!(address.as_str(), text.trim());
        }
        assert_eq!(parse("local/app").unwrap().0.key().origin, Origin::Hosted);
        assert_eq!(parse("local/app").unwrap().0.host(), None);
    }

    #[test]
    fn our_own_address_is_no_registry() {
        for (text, typed, whole) in [
            ("127.0.0.1:5000/local/app:2", "local/app:2", "local/app:2"),
            ("m.example.com/quay.io/a/b:2", "quay.io/a/b:2", "quay.io/a/b:2"),
            ("m.example.com/nginx", "nginx", "docker.io/library/nginx:latest"),
        ] {
            let (address, _) = parse(text).unwrap();
            assert_eq!((address.as_str(), address.to_string().as_str()), (typed, whole));
        }
        assert_eq!(parse("u:p@m.example.com/nginx").unwrap_err(), AddressFault::NoRegistry);
    }

    #[test]
    fn a_digest_is_no_login() {
        let digest = Digest::of(b"x");
        for text in [
            format!("nginx@{digest}"),
            format!("nginx:1.25@{digest}"),
            format!("quay.io/a/b:1@{digest}"),
            format!("local/a@{digest}"),
        ] {
            let (address, login) = parse(&text).unwrap();
            assert!(login.is_none(), "{text}");
            assert_eq!((address.digest(), address.reference()), (Some(&digest), digest.into()), "{text}");
        }
        assert_eq!(parse(&format!("nginx@{digest}")).unwrap().0.tag(), None);
    }

    #[test]
    fn a_login_is_taken_out_of_the_address() {
        let digest = Digest::of(b"x");
        let with_digest = format!("u:p@quay.io/a:1@{digest}");
        let image = format!("quay.io/a:1@{digest}");
        for (text, clean, user, password) in [
            (
                "admin:password123@registry.company.com/project/image:latest",
                "registry.company.com/project/image:latest",
                "admin",
                "password123",
            ),
            ("robot$a+b:abc>>>def~~~???@quay.io/a", "quay.io/a", "robot$a+b", "abc>>>def~~~???"),
            ("u:p:q@quay.io:5000/a", "quay.io:5000/a", "u", "p:q"),
            ("u:p@x@quay.io/a", "quay.io/a", "u", "p@x"),
            ("u%40corp:a%2Fb%25@quay.io/a", "quay.io/a", "u@corp", "a/b%"),
            ("u:100%pure@quay.io/a", "quay.io/a", "u", "100%pure"),
            (&with_digest, &image, "u", "p"),
        ] {
            let (address, login) = parse(text).unwrap();
            let login = login.unwrap();
            assert_eq!(address.as_str(), clean);
            assert_eq!((login.username.as_str(), login.password.expose_secret()), (user, password), "{text}");
            assert!(password.len() < 4 || !format!("{login:?}").contains(password), "{login:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        let long = "a".repeat(501);
        for (text, fault) in [
            ("", AddressFault::Empty),
            ("  ", AddressFault::Empty),
            (long.as_str(), AddressFault::Long),
            ("https://u:SECRET@quay.io/a", AddressFault::Scheme),
            ("token@quay.io/a", AddressFault::Login),
            ("u:@quay.io/a", AddressFault::Login),
            (":SECRET@quay.io/a", AddressFault::Login),
            ("u:SE%0ACRET@quay.io/a", AddressFault::Login),
            ("u:SE%FFCRET@quay.io/a", AddressFault::Login),
            ("u:SEC/RET@quay.io/a", AddressFault::Unescaped),
            ("u:SECRET@nginx", AddressFault::NoRegistry),
            ("u:SECRET@local/app", AddressFault::NoRegistry),
            ("u:SECRET@my.team/app", AddressFault::NoRegistry),
        ] {
            let found = parse(text).unwrap_err();
            assert_eq!(found, fault, "{text}");
            assert!(!found.to_string().contains("SECRET"), "{found}");
        }
        for text in ["docker pull nginx", "UPPER", "a:", "nginx:a b", "quay.io//a", "u:SECRET@quay.io/A"] {
            let found = parse(text).unwrap_err();
            assert!(
                matches!(found, AddressFault::Image(_)) && !found.to_string().contains("SECRET"),
                "{text}: {found}"
            );
        }
    }
}
