//! The URLs of a registry's API at an endpoint. Pure.
//!
//! An endpoint may have a path. Registries that hold the repositories of others below a name of their own, such as another
//! mirror, Harbor's proxy projects or GitLab's dependency proxy, are written as image names are:
//! `https://mirror.example/docker.io`. A path with a `v2` in it says where the API itself is, as containerd's
//! `override_path` does: `https://nexus.example/repository/hub/v2`.

use url::Url;

/// The part of a path that the API begins with (distribution-spec, §endpoints).
const API: &str = "v2";

/// The URL of `rest`, a path below a repository's registry with its query: `library/nginx/manifests/latest`. `None` if the
/// parts do not make a URL.
pub(crate) fn address(endpoint: &Url, rest: &str) -> Option<Url> {
    let (root, names) = split(endpoint);
    let path: Vec<&str> = root.iter().chain(&names).copied().chain([rest]).collect();
    at(endpoint, &path)
}

/// The URL that tells whether there is a registry: `/v2/`.
pub(crate) fn ping_address(endpoint: &Url) -> Option<Url> {
    let (mut path, _) = split(endpoint);
    path.push("");
    at(endpoint, &path)
}

// The part of the path that leads to the API, and the names behind it that all repositories are below.
fn split(endpoint: &Url) -> (Vec<&str>, Vec<&str>) {
    let path: Vec<&str> = endpoint.path().split('/').filter(|part| !part.is_empty()).collect();
    match path.iter().position(|part| *part == API) {
        Some(at) => (path[..=at].to_vec(), path[at + 1..].to_vec()),
        None => (vec![API], path),
    }
}

fn at(endpoint: &Url, path: &[&str]) -> Option<Url> {
    let mut base = endpoint.clone();
    base.set_path("/");
    format!("{base}{}", path.join("/")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_may_have_a_path() {
        for (endpoint, whole, ping) in [
            ("https://a.example", "https://a.example/v2/x/y?n=1", "https://a.example/v2/"),
            ("https://a.example/", "https://a.example/v2/x/y?n=1", "https://a.example/v2/"),
            ("http://a.example:5000/v2/", "http://a.example:5000/v2/x/y?n=1", "http://a.example:5000/v2/"),
            (
                "https://a.example/docker.io",
                "https://a.example/v2/docker.io/x/y?n=1",
                "https://a.example/v2/",
            ),
            ("https://a.example/p/q/", "https://a.example/v2/p/q/x/y?n=1", "https://a.example/v2/"),
            ("https://a.example/v2/proxy", "https://a.example/v2/proxy/x/y?n=1", "https://a.example/v2/"),
            (
                "https://a.example/r/hub/v2",
                "https://a.example/r/hub/v2/x/y?n=1",
                "https://a.example/r/hub/v2/",
            ),
        ] {
            let endpoint: Url = endpoint.parse().unwrap();
            assert_eq!(address(&endpoint, "x/y?n=1").unwrap().as_str(), whole);
            assert_eq!(ping_address(&endpoint).unwrap().as_str(), ping);
        }
    }
}
