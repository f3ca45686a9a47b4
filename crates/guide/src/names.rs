//! What people call registries, and where they look at them.

use entrepot_oci::Host;
use entrepot_sync::Place;

use crate::words::GuideLanguage;

/// What people call a registry.
pub(crate) fn registry(host: &Host, language: GuideLanguage) -> String {
    let chinese = language == GuideLanguage::Chinese;
    match host.as_str() {
        "docker.io" => "Docker Hub".to_owned(),
        "quay.io" => "Quay.io".to_owned(),
        "ghcr.io" => "GitHub Packages".to_owned(),
        name => match name.strip_prefix("swr.").and_then(|rest| rest.strip_suffix(".myhuaweicloud.com")) {
            Some(region) if chinese => format!("华为云 SWR {}", region_name(region)),
            Some(region) => format!("Huawei Cloud SWR {region}"),
            None => name.to_owned(),
        },
    }
}

fn region_name(region: &str) -> &str {
    match region {
        "cn-north-4" => "北京四",
        "cn-east-3" => "上海一",
        "cn-south-1" => "广州",
        "cn-southwest-2" => "西南2",
        "ap-southeast-1" => "香港",
        other => other,
    }
}

/// The registry's name, and the page that shows the tags of a repository there.
pub(crate) fn browser(place: &Place) -> Option<(&'static str, String)> {
    let Place::Registry { host, repository } = place else { return None };
    match host.as_str() {
        "docker.io" => Some(("Docker Hub", format!("https://hub.docker.com/r/{repository}/tags"))),
        "quay.io" => Some(("Quay.io", format!("https://quay.io/repository/{repository}?tab=tags"))),
        _ => None,
    }
}
