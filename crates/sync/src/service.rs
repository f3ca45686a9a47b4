//! Which registry a host is, for those that many use. What is known of them is said where it matters.

use entrepot_oci::Host;

/// Whose registry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
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
    /// gitlab.com, or a host that is named as GitLab's registries are.
    GitLab,
    /// Google's Artifact Registry.
    ArtifactRegistry,
    /// A host that is named after Harbor.
    Harbor,
    /// Nothing is known of it.
    Other,
}

impl Service {
    /// Whose `host` is, by its name.
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

    /// What people call it.
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
        for (host, service) in [
            ("index.docker.io", Service::DockerHub),
            ("ghcr.io", Service::Ghcr),
            ("quay.io", Service::Quay),
            ("registry.cn-hangzhou.aliyuncs.com", Service::AliyunPersonal),
            ("crpi-x.cn-hangzhou.personal.cr.aliyuncs.com", Service::AliyunPersonal),
            ("team-registry.cn-hangzhou.cr.aliyuncs.com", Service::AliyunEnterprise),
            ("swr.cn-southwest-2.myhuaweicloud.com", Service::Swr),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Service::Ecr),
            ("public.ecr.aws", Service::Ecr),
            ("team.azurecr.io", Service::Azure),
            ("registry.gitlab.com", Service::GitLab),
            ("europe-docker.pkg.dev", Service::ArtifactRegistry),
            ("harbor.example.com", Service::Harbor),
            ("lab.test:5000", Service::Other),
        ] {
            assert_eq!(Service::of(&host.parse().unwrap()), service, "{host}");
        }
    }
}
