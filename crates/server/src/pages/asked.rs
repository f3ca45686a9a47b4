//! What a reader means by an image name, however it was copied. Pure.

use entrepot_mirror::{Asked as By, Error, Names};
use entrepot_oci::{Host, ImageRef, ImageRefError, Name};

/// Addresses at which registries show images to people, and the registry of each.
const WEB_PAGES: [(&str, &str); 4] = [
    ("hub.docker.com/_/", "docker.io/library/"),
    ("hub.docker.com/r/", "docker.io/"),
    ("hub.docker.com/layers/", "docker.io/"),
    ("quay.io/repository/", "quay.io/"),
];

/// What a text means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// It can be pulled from here.
    Image(Image),
    /// It is on a registry that is not mirrored.
    Elsewhere(Host),
    /// It is not the name of an image.
    Invalid(ImageRefError),
}

/// An image that can be pulled from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// Its registry; `None` for one that was pushed here.
    pub(super) upstream: Option<Host>,
    /// The whole name without tag and digest: `docker.io/library/nginx`, or `local/app`.
    pub(super) repository: String,
    /// The tag as it was written.
    pub(super) tag: Option<String>,
    /// The digest as it was written.
    pub(super) digest: Option<String>,
}

impl Image {
    /// The name with what was written behind it.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.repository, self.suffix())
    }

    /// The name with a tag or a digest, for clients that imply none.
    pub(super) fn explicit(&self) -> String {
        if self.tag.is_none() && self.digest.is_none() {
            return format!("{}:latest", self.repository);
        }
        self.name()
    }

    /// The name as people write it: `nginx:1.27` for one of Docker Hub.
    pub(super) fn familiar(&self) -> String {
        let name = self.repository.strip_prefix("docker.io/").unwrap_or(&self.repository);
        format!("{}{}", name.strip_prefix("library/").unwrap_or(name), self.suffix())
    }

    /// Its last part, which names a service well.
    pub(super) fn short(&self) -> &str {
        self.repository.rsplit('/').next().unwrap_or_default()
    }

    /// True for an image of Docker Hub.
    pub(super) fn is_of_docker_hub(&self) -> bool {
        self.upstream.as_ref().is_some_and(Host::is_docker_hub)
    }

    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}"));
        format!("{}{}", tag.unwrap_or_default(), digest.unwrap_or_default())
    }
}

/// Reads what somebody typed or pasted: a name, a `docker pull` command, a line of a compose file, the address of a
/// page about the image, or a name with `here` in front. `None` if there is nothing.
pub(super) fn read(text: &str, here: &str, names: &Names) -> Option<Asked> {
    let name = bare(text, here)?;
    Some(meaning(&name, names).unwrap_or_else(Asked::Invalid))
}

fn meaning(text: &str, names: &Names) -> Result<Asked, ImageRefError> {
    let (name, tag, digest) = ImageRef::split(text);
    let image: ImageRef = text.parse()?;
    let written = |upstream, repository| Image {
        upstream,
        repository,
        tag: tag.map(str::to_owned),
        digest: digest.map(str::to_owned),
    };
    let is_hosted = names.hosted_prefixes().iter().any(|prefix| name.starts_with(prefix.as_str()));
    if is_hosted && name.parse::<Name>()?.split_host().is_none() {
        return Ok(Asked::Image(written(None, name.to_owned())));
    }
    let whole: Name = format!("{}/{}", image.host(), image.repository()).parse()?;
    Ok(match names.locate(&whole, By::default()) {
        Err(Error::NotAnUpstream { host }) => Asked::Elsewhere(host),
        _ => Asked::Image(written(Some(image.host().clone()), whole.as_str().to_owned())),
    })
}

// The part of a text that may be a name.
fn bare(text: &str, here: &str) -> Option<String> {
    let word = text.split_whitespace().next_back()?;
    let word = word.trim_matches(['"', '\'', '`', ',', ';']).trim_start_matches("image:");
    let word = word.split_once("://").map_or(word, |(_, rest)| rest);
    for (page, registry) in WEB_PAGES {
        if let Some(rest) = word.strip_prefix(page) {
            return Some(format!("{registry}{}", of_page(rest, registry)));
        }
    }
    let own = word.strip_prefix(here).and_then(|rest| rest.strip_prefix('/')).unwrap_or(word);
    (!own.is_empty()).then(|| own.to_owned())
}

// The repository at the start of the rest of a page's address, which may go on: `bitnami/redis/tags?page=2`.
fn of_page(rest: &str, registry: &str) -> String {
    let parts = if registry.ends_with("library/") { 1 } else { 2 };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    path.split('/').take(parts).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(Host::docker_hub(), vec!["local/".into()]).with_upstream("quay.io".parse().unwrap(), None)
    }

    fn name(text: &str) -> String {
        match read(text, "m.test:5000", &names()) {
            Some(Asked::Image(image)) => image.name(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_name_is_found_in_what_people_paste() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, is) in [
            ("nginx", "docker.io/library/nginx"),
            (" nginx:1.27 ", "docker.io/library/nginx:1.27"),
            ("docker pull --platform linux/arm64 nginx:1.27", "docker.io/library/nginx:1.27"),
            ("    image: \"bitnami/redis:7\"", "docker.io/bitnami/redis:7"),
            ("image:nginx", "docker.io/library/nginx"),
            ("docker://quay.io/a/b:v1", "quay.io/a/b:v1"),
            ("index.docker.io/library/nginx", "docker.io/library/nginx"),
            ("https://hub.docker.com/_/nginx", "docker.io/library/nginx"),
            ("https://hub.docker.com/_/nginx?tab=tags", "docker.io/library/nginx"),
            ("https://hub.docker.com/r/bitnami/redis/tags", "docker.io/bitnami/redis"),
            ("https://quay.io/repository/prometheus/busybox?tab=tags", "quay.io/prometheus/busybox"),
            ("m.test:5000/quay.io/a/b", "quay.io/a/b"),
            ("local/app:1", "local/app:1"),
            ("m.test:5000/local/app", "local/app"),
        ] {
            assert_eq!(name(text), is, "{text}");
        }
        assert_eq!(name(&format!("nginx@{digest}")), format!("docker.io/library/nginx@{digest}"));
        for text in ["", "  ", "\"\"", "m.test:5000/"] {
            assert_eq!(read(text, "m.test:5000", &names()), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_pulled_is_told() {
        let asked = |text| read(text, "m.test:5000", &names()).unwrap();
        assert_eq!(asked("ghcr.io/a/b"), Asked::Elsewhere("ghcr.io".parse().unwrap()));
        for text in ["UPPER", "a b/", "nginx:!", "<script>", "nginx@sha256:x", "-", &"a".repeat(300)] {
            assert!(matches!(asked(text), Asked::Invalid(_)), "{text}");
        }
    }

    #[test]
    fn names_have_a_short_form() {
        let image = |text: &str| match read(text, "", &names()) {
            Some(Asked::Image(image)) => image,
            other => panic!("{other:?}"),
        };
        let nginx = image("docker.io/library/nginx:1.27");
        assert_eq!((nginx.familiar().as_str(), nginx.short()), ("nginx:1.27", "nginx"));
        assert_eq!(image("nginx").explicit(), "docker.io/library/nginx:latest");
        assert_eq!(image("quay.io/a/b").familiar(), "quay.io/a/b");
        assert!(nginx.is_of_docker_hub() && !image("local/a").is_of_docker_hub());
    }
}
