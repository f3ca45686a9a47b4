//! What a node calls an image, and where it gets it. Pure.

use entrepot_catalog::{NodeSettings, Origin, PullVia};
use entrepot_engine::Address;
use entrepot_oci::{Host, ImageRef, Reference};
use url::Url;

use super::image::LibraryImage;

/// Why an image cannot be named for a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody knows where the node reaches this server.
    #[error("it is not known where the node reaches this server")]
    NoAddress,
    /// The image's registry has a port in its name, which no engine takes within a path.
    #[error("`{0}` has a port in its name, and cannot be pulled through another registry")]
    Port(Host),
    /// The name would be too long.
    #[error("the image's name is too long to be pulled through this server")]
    Long,
}

/// The image as the node's engine is asked for it: through this server, or from its registry. `server` is where nodes reach
/// this server if nothing else is said of them.
///
/// # Errors
/// There is no such name.
pub(crate) fn on_node(
    image: &LibraryImage,
    node: &NodeSettings,
    server: Option<&Url>,
) -> Result<ImageRef, SourceError> {
    let reference = match image.reference() {
        Reference::Tag(tag) => format!(":{tag}"),
        Reference::Digest(digest) => format!("@{digest}"),
    };
    let name = match (&image.key().origin, node.pull_via) {
        (Origin::Upstream(_), PullVia::Direct) => image.key().to_string(),
        (Origin::Upstream(host), PullVia::Mirror) if host.as_str().contains(':') => {
            return Err(SourceError::Port(host.clone()));
        }
        // What is kept here comes from here in any case.
        (Origin::Upstream(_), PullVia::Mirror) | (Origin::Hosted, _) => {
            let said = node.mirror_url.as_deref().and_then(|url| url.parse::<Url>().ok());
            let ours = server.filter(|url| is_reached(url, node));
            let host = said.as_ref().or(ours).and_then(registry).ok_or(SourceError::NoAddress)?;
            format!("{host}/{}", image.key())
        }
    };
    format!("{name}{reference}").parse().map_err(|_| SourceError::Long)
}

/// Whether a node gets this image from this server.
pub(crate) fn is_from_here(image: &LibraryImage, node: &NodeSettings) -> bool {
    node.pull_via == PullVia::Mirror || image.key().origin == Origin::Hosted
}

// An address of this machine alone is none for other machines.
fn is_reached(server: &Url, node: &NodeSettings) -> bool {
    let is_loopback = match server.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => true,
    };
    !is_loopback || node.address.parse::<Address>().is_ok_and(|address| address.is_local())
}

// As engines want a registry: a name without a dot is one only with its port.
fn registry(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let port = url.port().or_else(|| (!host.contains('.')).then(|| url.port_or_known_default()).flatten());
    Some(port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::RepoKey;

    use super::*;
    use crate::nodes::example;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn image(host: &str, repository: &str, reference: Reference) -> LibraryImage {
        let origin = if host.is_empty() { Origin::Hosted } else { Origin::Upstream(host.parse().unwrap()) };
        LibraryImage::new(RepoKey { origin, repository: repository.parse().unwrap() }, reference)
    }

    fn tagged(host: &str, repository: &str) -> LibraryImage {
        image(host, repository, Reference::Tag("1".parse().unwrap()))
    }

    fn named(image: &LibraryImage, node: &NodeSettings, server: Option<&str>) -> Result<String, SourceError> {
        let server: Option<Url> = server.map(|server| server.parse().unwrap());
        on_node(image, node, server.as_ref()).map(|image| image.to_string())
    }

    #[test]
    fn images_come_through_this_server() {
        let node = example("a", "unix:///a");
        let server = Some("https://m.example.com");
        let pinned = image("docker.io", "library/nginx", Reference::Digest(DIGEST.parse().unwrap()));
        for (image, expected) in [
            (tagged("docker.io", "library/nginx"), "m.example.com/docker.io/library/nginx:1".to_owned()),
            (pinned, format!("m.example.com/docker.io/library/nginx@{DIGEST}")),
            (tagged("", "local/app"), "m.example.com/local/app:1".to_owned()),
        ] {
            assert_eq!(named(&image, &node, server), Ok(expected), "{image}");
            assert!(is_from_here(&image, &node));
        }
        let port = Err(SourceError::Port("localhost:5000".parse().unwrap()));
        assert_eq!(named(&tagged("localhost:5000", "a"), &node, server), port);
        assert_eq!(named(&tagged("docker.io", "library/a"), &node, None), Err(SourceError::NoAddress));
        let loopback = Some("http://127.0.0.1:5000");
        let away = example("b", "tcp://10.0.0.7");
        assert_eq!(named(&tagged("", "local/app"), &away, loopback), Err(SourceError::NoAddress));
        assert!(named(&tagged("", "local/app"), &node, loopback).is_ok());
        let long = tagged("quay.io", &"a".repeat(250));
        assert_eq!(named(&long, &node, server), Err(SourceError::Long));
    }

    #[test]
    fn a_node_may_reach_it_elsewhere_or_not_at_all() {
        let at = |url: &str| NodeSettings { mirror_url: Some(url.to_owned()), ..example("a", "unix:///a") };
        let nginx = tagged("docker.io", "library/nginx");
        for (url, host) in [
            ("http://10.0.0.5:5000", "10.0.0.5:5000"),
            ("https://mirror", "mirror:443"),
            ("http://localhost", "localhost:80"),
            ("https://m.lan:443", "m.lan"),
        ] {
            let expected = format!("{host}/docker.io/library/nginx:1");
            assert_eq!(named(&nginx, &at(url), Some("https://m.example.com")), Ok(expected), "{url}");
        }
        let direct = NodeSettings { pull_via: PullVia::Direct, ..at("http://10.0.0.5:5000") };
        assert_eq!(named(&nginx, &direct, None), Ok("docker.io/library/nginx:1".to_owned()));
        let own = tagged("", "local/app");
        assert_eq!(named(&own, &direct, None), Ok("10.0.0.5:5000/local/app:1".to_owned()));
        assert!(is_from_here(&own, &direct) && !is_from_here(&nginx, &direct));
    }
}
