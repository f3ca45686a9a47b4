//! Repository names that well-known registries accept. Other registries are left to refuse a name themselves.

use entrepot_oci::{Host, Repository};

use crate::Provider;

/// The allowed number of name parts, with the message and hint.
struct Shape {
    parts: (usize, usize),
    rule: &'static str,
    hint: &'static str,
}

const MANY: usize = usize::MAX;

/// The reason `host` cannot hold `repository`: the fact and a hint.
pub fn refusal(host: &Host, repository: &Repository) -> Option<(String, String)> {
    let provider = Provider::of(host);
    let shape = shape(provider)?;
    let parts = repository.parts().count();
    let (least, most) = shape.parts;
    if !(least..=most).contains(&parts) {
        let what = format!("`{repository}` has {}, and {}", counted(parts), shape.rule);
        return Some((what, shape.hint.to_owned()));
    }
    match provider {
        Provider::Swr => swr(repository),
        Provider::Ecr => ecr(repository),
        _ => None,
    }
}

fn counted(parts: usize) -> String {
    if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") }
}

fn shape(provider: Provider) -> Option<Shape> {
    let (parts, rule, hint) = match provider {
        Provider::DockerHub => {
            ((2, 2), "Docker Hub holds names of exactly 2", "write `docker.io/NAMESPACE/NAME`")
        }
        Provider::AliyunPersonal => (
            (2, 2),
            "the personal edition of ACR holds names of exactly 2",
            "write `NAMESPACE/NAME`, with dashes instead of further slashes",
        ),
        Provider::Ghcr | Provider::Quay | Provider::GitLab | Provider::Swr | Provider::Harbor => {
            ((2, MANY), "this registry wants 2 or more", "put the owner's name in front: `OWNER/NAME`")
        }
        Provider::ArtifactRegistry => {
            ((3, MANY), "Artifact Registry wants 3 or more", "write `PROJECT/REPOSITORY/NAME`")
        }
        Provider::Ecr => ((1, MANY), "", ""),
        Provider::AliyunEnterprise | Provider::Azure | Provider::Other => return None,
    };
    Some(Shape { parts, rule, hint })
}

// docs.aws.amazon.com, "CreateRepository": 2 to 256 characters, the first of them a letter or a digit.
fn ecr(repository: &Repository) -> Option<(String, String)> {
    let name = repository.as_str();
    (!(2..=256).contains(&name.len())).then(|| {
        (format!("`{name}` cannot be a repository at ECR"), "its name has 2 to 256 characters".to_owned())
    })
}

fn swr(repository: &Repository) -> Option<(String, String)> {
    let (organization, rest) = repository.as_str().split_once('/')?;
    if !organization.starts_with(|c: char| c.is_ascii_lowercase()) || organization.len() > 64 {
        return Some((
            format!("`{organization}` cannot be an organization at SWR"),
            "its name starts with a letter and has 64 characters at most".to_owned(),
        ));
    }
    if rest.len() > 128 || rest.contains("--") {
        return Some((
            format!("`{rest}` cannot be a repository at SWR"),
            "its name has 128 characters at most, and no two dashes together".to_owned(),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, repository: &str) -> Option<String> {
        refusal(&host.parse().unwrap(), &repository.parse().unwrap()).map(|(what, _)| what)
    }

    #[test]
    fn well_known_registries_have_rules() {
        for (host, good, bad) in [
            ("docker.io", "a/b", "a/b/c"),
            ("ghcr.io", "a/b/c", "a"),
            ("quay.io", "a/b", "a"),
            ("registry.cn-hangzhou.aliyuncs.com", "a/b", "a/b/c"),
            ("crpi-x.cn-hangzhou.personal.cr.aliyuncs.com", "a/b", "a/b/c"),
            ("swr.cn-southwest-2.myhuaweicloud.com", "base_image/a/b/c", "1a/b"),
            ("swr.cn-southwest-2.myhuaweicloud.com", "a/b-c", "a/b--c"),
            ("europe-docker.pkg.dev", "p/r/n", "p/r"),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ab", "a"),
        ] {
            assert_eq!(refused(host, good), None, "{host}/{good}");
            assert!(refused(host, bad).is_some(), "{host}/{bad}");
        }
        assert_eq!(refused("x-registry.cn-hangzhou.cr.aliyuncs.com", "a/b/c"), None);
        assert_eq!(refused("lab.test:5000", "a"), None);
        let what = refused("docker.io", "a/b/c").unwrap();
        assert_eq!(what, "`a/b/c` has 3 parts, and Docker Hub holds names of exactly 2");
    }
}
