//! The environment of a container: what people may set, and what of an image's own is taken along. Pure.

use std::collections::BTreeSet;

/// How many variables somebody may set, and how long name and value of each may be, in bytes.
const MAX_VARIABLES: usize = 100;
const MAX_NAME: usize = 128;
const MAX_VALUE: usize = 8 << 10;

/// What decides which cards a container sees, what is loaded into its programs, and how much they may use.
const OURS_BEGIN: [&str; 6] = ["NVIDIA_", "CUDA_DEVICE_", "LD_", "ASCEND_", "NPU_", "GPU_CORE_"];
const OURS: [&str; 6] = [
    "CUDA_REDIRECT",
    "CUDA_DISABLE_CONTROL",
    "CUDA_OVERSUBSCRIBE",
    "CUDA_TASK_PRIORITY",
    "ACTIVE_OOM_KILLER",
    "LIBCUDA_LOG_LEVEL",
];
/// With a part of a card, this books memory on the wrong one.
const NOT_IN_A_SLICE: &str = "CUDA_VISIBLE_DEVICES";

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Why variables are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentFault {
    /// It is no name of a variable.
    #[error("`{0}` is not the name of a variable")]
    Name(String),
    /// It is set twice.
    #[error("`{0}` is set twice")]
    Twice(String),
    /// Its value is too long or has a zero byte.
    #[error("the value of `{0}` is longer than 8 KiB, or has a zero byte")]
    Value(String),
    /// There are too many.
    #[error("more than 100 variables are set")]
    TooMany,
    /// It is set by the library, because it decides what the container gets.
    #[error(
        "`{0}` is set by the library: it decides which cards a container sees, and how much of them it may use"
    )]
    Ours(String),
    /// The image has programs load something by a path that is not absolute.
    #[error("the image sets `LD_PRELOAD` to `{0}`, which is not an absolute path of its own")]
    ImagePreload(String),
}

/// Checks the variables that somebody wants to set.
///
/// # Errors
/// One may not be set, or is none.
pub fn check(variables: &[Variable], is_slice: bool) -> Result<(), EnvironmentFault> {
    if variables.len() > MAX_VARIABLES {
        return Err(EnvironmentFault::TooMany);
    }
    let mut seen = BTreeSet::new();
    for Variable { name, value } in variables {
        if !is_name(name) {
            return Err(EnvironmentFault::Name(name.chars().take(MAX_NAME).collect()));
        }
        if is_ours(name) || is_slice && name == NOT_IN_A_SLICE {
            return Err(EnvironmentFault::Ours(name.clone()));
        }
        if value.len() > MAX_VALUE || value.contains('\0') {
            return Err(EnvironmentFault::Value(name.clone()));
        }
        if !seen.insert(name) {
            return Err(EnvironmentFault::Twice(name.clone()));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    begins && name.len() <= MAX_NAME && characters.all(|one| one.is_ascii_alphanumeric() || one == '_')
}

/// True for a variable that only the library sets.
pub fn is_ours(name: &str) -> bool {
    OURS.contains(&name) || OURS_BEGIN.iter().any(|begin| name.starts_with(begin))
}

/// The value of a variable of an image; of several, the last counts.
pub(super) fn find<'a>(image: &'a [Variable], name: &str) -> Option<&'a str> {
    image.iter().rev().find(|variable| variable.name == name).map(|variable| variable.value.as_str())
}

/// What the image has its programs load, in its order.
///
/// # Errors
/// One is a path that means something else outside of the container: a hook of the engine, which runs on the node in the
/// container's directory, would load it (CVE-2025-23266).
pub(super) fn preloaded(image: &[Variable]) -> Result<Vec<&str>, EnvironmentFault> {
    let all: Vec<_> = find(image, "LD_PRELOAD")
        .unwrap_or_default()
        .split([':', ' '])
        .filter(|one| !one.is_empty())
        .collect();
    let is_elsewhere =
        |path: &str| path.contains('/') && (!path.starts_with('/') || path.starts_with("/proc/"));
    match all.iter().find(|path| is_elsewhere(path) || path.contains("/../")) {
        Some(path) => Err(EnvironmentFault::ImagePreload((*path).to_owned())),
        None => Ok(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Variable {
        Variable { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn what_decides_about_cards_is_refused() {
        for name in [
            "NVIDIA_VISIBLE_DEVICES",
            "NVIDIA_DRIVER_CAPABILITIES",
            "CUDA_DEVICE_MEMORY_LIMIT",
            "CUDA_DEVICE_MEMORY_LIMIT_0",
            "CUDA_DEVICE_SM_LIMIT",
            "CUDA_DEVICE_MEMORY_SHARED_CACHE",
            "CUDA_DEVICE_ORDER",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "ASCEND_VISIBLE_DEVICES",
            "NPU_MEM_QUOTA",
            "GPU_CORE_UTILIZATION_POLICY",
            "CUDA_REDIRECT",
            "CUDA_DISABLE_CONTROL",
            "ACTIVE_OOM_KILLER",
        ] {
            let refused = check(&[set(name, "x")], false);
            assert_eq!(refused, Err(EnvironmentFault::Ours(name.to_owned())));
        }
        assert_eq!(check(&[set("HF_HOME", "/data"), set("CUDA_LAUNCH_BLOCKING", "1")], true), Ok(()));
    }

    #[test]
    fn cards_may_be_chosen_among_whole_ones_only() {
        let chosen = [set("CUDA_VISIBLE_DEVICES", "1")];
        assert_eq!(check(&chosen, false), Ok(()));
        assert_eq!(check(&chosen, true), Err(EnvironmentFault::Ours("CUDA_VISIBLE_DEVICES".to_owned())));
    }

    #[test]
    fn names_and_values_are_bounded() {
        for name in ["", "1A", "A=B", "A B", "Ä", "A\0", &"A".repeat(MAX_NAME + 1)] {
            assert!(matches!(check(&[set(name, "x")], false), Err(EnvironmentFault::Name(_))), "{name}");
        }
        for value in ["a\0b", &"x".repeat(MAX_VALUE + 1)] {
            assert_eq!(check(&[set("A", value)], false), Err(EnvironmentFault::Value("A".to_owned())));
        }
        let twice = [set("A", "1"), set("A", "2")];
        assert_eq!(check(&twice, false), Err(EnvironmentFault::Twice("A".to_owned())));
        let many: Vec<_> = (0..=MAX_VARIABLES).map(|at| set(&format!("A{at}"), "")).collect();
        assert_eq!(check(&many, false), Err(EnvironmentFault::TooMany));
        assert_eq!(check(&[set("_a1", "line\nbreak")], false), Ok(()));
    }

    #[test]
    fn what_an_image_loads_is_read_as_the_loader_does() {
        let image =
            [set("LD_PRELOAD", "old"), set("LD_PRELOAD", "/usr/lib/libtcmalloc.so:libjemalloc.so.2  /a.so")];
        assert_eq!(preloaded(&image).unwrap(), ["/usr/lib/libtcmalloc.so", "libjemalloc.so.2", "/a.so"]);
        assert!(preloaded(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_would_be_loaded_on_the_node_is_refused() {
        for path in [
            "./x.so",
            "x/y.so",
            "../x.so",
            "$ORIGIN/x.so",
            "/proc/self/cwd/x.so",
            "/usr/../proc/self/cwd/x.so",
        ] {
            let image = [set("LD_PRELOAD", &format!("/fine.so:{path}"))];
            assert_eq!(preloaded(&image), Err(EnvironmentFault::ImagePreload(path.to_owned())));
        }
    }
}
