//! Recognizes well-known registries by their host names. Facts about each are kept where they are used.

use entrepot_oci::Host;

/// The provider of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Docker Hub.
    DockerHub,
    /// GitHub's Container registry.
    Ghcr,
    /// quay.io.
    Quay,
    /// Alibaba Cloud's ACR, personal edition.
    AliyunPersonal,
    /// Alibaba Cloud's ACR, enterprise edition.
    AliyunEnterprise,
    /// Huawei Cloud's SWR, which refuses OCI indexes.
    Swr,
    /// Amazon's ECR, private or public.
    Ecr,
    /// Microsoft's Azure Container Registry.
    Azure,
    /// gitlab.com, or a host named like GitLab's registries.
    GitLab,
    /// Google's Artifact Registry.
    ArtifactRegistry,
    /// A host whose name contains `harbor`.
    Harbor,
    /// Any other registry.
    Other,
}

impl Provider {
    /// The provider of `host`, judged by its name.
    pub fn of(host: &Host) -> Self {
        let name = host.name();
        let first = name.split('.').next().unwrap_or_default();
        match name {
            "docker.io" => Self::DockerHub,
            "ghcr.io" => Self::Ghcr,
            "quay.io" => Self::Quay,
            "public.ecr.aws" => Self::Ecr,
            _ if is_acr_personal(name) => Self::AliyunPersonal,
            _ if name.ends_with(".cr.aliyuncs.com") => Self::AliyunEnterprise,
            _ if first == "swr" && name.ends_with(".myhuaweicloud.com") => Self::Swr,
            _ if name.contains(".dkr.ecr.") => Self::Ecr,
            _ if name.ends_with(".azurecr.io") || name.ends_with(".azurecr.cn") => Self::Azure,
            _ if name.starts_with("registry.gitlab.") => Self::GitLab,
            _ if name.ends_with("-docker.pkg.dev") => Self::ArtifactRegistry,
            _ if first.contains("harbor") => Self::Harbor,
            _ => Self::Other,
        }
    }

    /// The provider's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::DockerHub => "Docker Hub",
            Self::Ghcr => "GHCR",
            Self::Quay => "Quay",
            Self::AliyunPersonal => "ACR (Alibaba Cloud, personal edition)",
            Self::AliyunEnterprise => "ACR (Alibaba Cloud, enterprise edition)",
            Self::Swr => "SWR",
            Self::Ecr => "ECR",
            Self::Azure => "Azure Container Registry",
            Self::GitLab => "GitLab",
            Self::ArtifactRegistry => "Artifact Registry",
            Self::Harbor => "Harbor",
            Self::Other => "the registry",
        }
    }
}

fn is_acr_personal(host: &str) -> bool {
    host.starts_with("registry.") && host.ends_with(".aliyuncs.com") && !host.contains(".cr.")
        || host.ends_with(".personal.cr.aliyuncs.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_by_their_names() {
        for (host, provider) in [
            ("index.docker.io", Provider::DockerHub),
            ("ghcr.io", Provider::Ghcr),
            ("quay.io", Provider::Quay),
            ("registry.cn-hangzhou.aliyuncs.com", Provider::AliyunPersonal),
            ("crpi-x.cn-hangzhou.personal.cr.aliyuncs.com", Provider::AliyunPersonal),
            ("team-registry.cn-hangzhou.cr.aliyuncs.com", Provider::AliyunEnterprise),
            ("swr.cn-southwest-2.myhuaweicloud.com", Provider::Swr),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Provider::Ecr),
            ("public.ecr.aws", Provider::Ecr),
            ("team.azurecr.io", Provider::Azure),
            ("registry.gitlab.com", Provider::GitLab),
            ("europe-docker.pkg.dev", Provider::ArtifactRegistry),
            ("harbor.example.com", Provider::Harbor),
            ("lab.test:5000", Provider::Other),
        ] {
            assert_eq!(Provider::of(&host.parse().unwrap()), provider, "{host}");
        }
    }
}
