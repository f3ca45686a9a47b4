//! Addresses at which registries show images to people, and the name of each image. Pure.

/// What the rest of an address has at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressRest {
    /// So many parts of the name.
    Parts(usize),
    /// All of it is the name, up to a part that is not.
    Until(&'static str),
}

/// Addresses, and the registry of each. Of those that begin alike, the longer one is first.
const PAGES: [(&str, &str, AddressRest); 11] = [
    ("hub.docker.com/_/", "docker.io/library/", AddressRest::Parts(1)),
    ("hub.docker.com/r/", "docker.io/", AddressRest::Parts(2)),
    ("hub.docker.com/layers/", "docker.io/", AddressRest::Parts(2)),
    ("hub.docker.com/repository/docker/", "docker.io/", AddressRest::Parts(2)),
    ("hub.docker.com/v2/repositories/", "docker.io/", AddressRest::Parts(2)),
    ("hub.docker.com/u/", "docker.io/", AddressRest::Parts(2)),
    ("quay.io/repository/", "quay.io/", AddressRest::Parts(2)),
    ("gallery.ecr.aws/", "public.ecr.aws/", AddressRest::Parts(2)),
    ("catalog.ngc.nvidia.com/orgs/", "nvcr.io/", AddressRest::Until("containers")),
    ("mcr.microsoft.com/product/", "mcr.microsoft.com/", AddressRest::Until("about")),
    ("mcr.microsoft.com/artifact/mar/", "mcr.microsoft.com/", AddressRest::Until("about")),
];

/// An address, as far as it is about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RegistryPage {
    /// It shows this image.
    Of(String),
    /// It shows a project, whose images may be called so.
    Perhaps(String),
}

/// The image that a page of a registry is about. `address` is without its scheme.
pub(super) fn page(address: &str) -> Option<RegistryPage> {
    let address = address.strip_prefix("www.").unwrap_or(address);
    for (page, registry, rest) in PAGES {
        if let Some(path) = address.strip_prefix(page) {
            return Some(RegistryPage::Of(format!("{registry}{}", of_path(path, rest))));
        }
    }
    of_github(address.strip_prefix("github.com/")?)
}

fn of_path(path: &str, rest: AddressRest) -> String {
    let parts = segments(path);
    let parts: Vec<&str> = match rest {
        AddressRest::Parts(count) => parts.into_iter().take(count).collect(),
        // Behind the word comes the image, or nothing that belongs to it.
        AddressRest::Until("containers") => {
            parts.into_iter().filter(|part| *part != "containers" && *part != "teams").collect()
        }
        AddressRest::Until(word) => {
            parts.into_iter().take_while(|part| *part != word && *part != "tags").collect()
        }
    };
    parts.join("/")
}

// `github.com/orgs/ORG/packages/container/package/NAME`, `github.com/OWNER/REPO/pkgs/container/NAME`, or a project.
fn of_github(path: &str) -> Option<RegistryPage> {
    let parts = segments(path);
    match parts.as_slice() {
        ["orgs" | "users", owner, "packages", "container", "package", name, ..]
        | [owner, _, "pkgs", "container", name, ..] => {
            // A slash in the name of a package is written `%2F` there.
            let name = name.replace("%2F", "/").replace("%2f", "/");
            Some(RegistryPage::Of(format!("ghcr.io/{owner}/{name}").to_ascii_lowercase()))
        }
        [owner, project, ..] => {
            Some(RegistryPage::Perhaps(format!("ghcr.io/{owner}/{project}").to_ascii_lowercase()))
        }
        _ => None,
    }
}

fn segments(path: &str) -> Vec<&str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_show_images() {
        for (address, is) in [
            ("hub.docker.com/_/nginx?tab=tags", "docker.io/library/nginx"),
            ("hub.docker.com/r/bitnami/redis/tags?page=1", "docker.io/bitnami/redis"),
            ("hub.docker.com/layers/library/nginx/1.27/images/sha256-0", "docker.io/library/nginx"),
            ("hub.docker.com/repository/docker/a/b/general", "docker.io/a/b"),
            ("quay.io/repository/prometheus/busybox?tab=tags", "quay.io/prometheus/busybox"),
            ("gallery.ecr.aws/nginx/nginx", "public.ecr.aws/nginx/nginx"),
            ("catalog.ngc.nvidia.com/orgs/nvidia/containers/pytorch", "nvcr.io/nvidia/pytorch"),
            (
                "catalog.ngc.nvidia.com/orgs/nvidia/teams/k8s/containers/dcgm-exporter",
                "nvcr.io/nvidia/k8s/dcgm-exporter",
            ),
            ("mcr.microsoft.com/product/dotnet/sdk/about", "mcr.microsoft.com/dotnet/sdk"),
            ("mcr.microsoft.com/artifact/mar/dotnet/sdk/tags", "mcr.microsoft.com/dotnet/sdk"),
            ("github.com/Acme/App/pkgs/container/app%2Fweb", "ghcr.io/acme/app/web"),
            ("github.com/orgs/acme/packages/container/package/app", "ghcr.io/acme/app"),
        ] {
            assert_eq!(page(address), Some(RegistryPage::Of(is.to_owned())), "{address}");
        }
        let project = page("www.github.com/langgenius/dify/releases");
        assert_eq!(project, Some(RegistryPage::Perhaps("ghcr.io/langgenius/dify".to_owned())));
        for other in ["github.com/", "github.com/acme", "quay.io/a/b", "example.com/x"] {
            assert_eq!(page(other), None, "{other}");
        }
    }
}
