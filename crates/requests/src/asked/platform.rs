//! Words that name a platform, as people write them.

use entrepot_oci::Platform;

/// What people call the platforms of Linux.
const ARCHITECTURES: [(&str, &str); 18] = [
    ("amd64", "linux/amd64"),
    ("x86_64", "linux/amd64"),
    ("x86-64", "linux/amd64"),
    ("x64", "linux/amd64"),
    ("arm64", "linux/arm64"),
    ("aarch64", "linux/arm64"),
    ("arm64/v8", "linux/arm64"),
    ("arm64v8", "linux/arm64"),
    ("arm/v7", "linux/arm/v7"),
    ("armv7", "linux/arm/v7"),
    ("arm32v7", "linux/arm/v7"),
    ("armhf", "linux/arm/v7"),
    ("arm/v6", "linux/arm/v6"),
    ("armv6", "linux/arm/v6"),
    ("386", "linux/386"),
    ("s390x", "linux/s390x"),
    ("ppc64le", "linux/ppc64le"),
    ("riscv64", "linux/riscv64"),
];

/// The platform that a word names: `linux/arm64`, `aarch64`.
pub(super) fn named(word: &str) -> Option<Platform> {
    let word = word.strip_prefix("--platform=").unwrap_or(word).to_ascii_lowercase();
    if let Some((_, platform)) = ARCHITECTURES.into_iter().find(|(name, _)| *name == word) {
        return platform.parse().ok();
    }
    let (os, architecture) = word.split_once('/')?;
    if !matches!(os, "linux" | "windows") {
        return None;
    }
    // Of Linux the ways to write an architecture are as many as above.
    match ARCHITECTURES.into_iter().find(|(name, _)| os == "linux" && *name == architecture) {
        Some((_, platform)) => platform.parse().ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_many_names_for_platforms() {
        for (word, is) in [
            ("linux/amd64", "linux/amd64"),
            ("AMD64", "linux/amd64"),
            ("--platform=linux/arm64/v8", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/loong64", "linux/loong64"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(named(word).map(|platform| platform.to_string()).as_deref(), Some(is), "{word}");
        }
        for word in ["nginx", "amd64/nginx", "linux", "linux/", "library/nginx", "", "arm64v8/nginx"] {
            assert_eq!(named(word), None, "{word}");
        }
    }
}
