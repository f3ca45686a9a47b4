//! The list of images to leave alone, shared by listing, copying and rewriting.

use entrepot_oci::is_shallow;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::DocumentImage;

/// Images to leave alone.
///
/// ```
/// use entrepot_oci::ImageRef;
/// use entrepot_rewrite::{DocumentImage, Ignore};
///
/// let ignore = Ignore::read("busybox # any tag\nquay.io/team/*\n")?;
/// let holds = |image: &str| ignore.holds(&DocumentImage::from(&image.parse::<ImageRef>().unwrap()));
/// assert!(holds("docker.io/library/busybox:1.36") && holds("quay.io/team/a/b:1"));
/// assert!(!holds("nginx"));
/// # Ok::<(), entrepot_rewrite::IgnoreError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    globs: GlobSet,
}

/// A line that is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{pattern}` is not a pattern: {why}")]
pub struct IgnoreError {
    /// Line number, counted from 1.
    pub line: usize,
    /// The line's text.
    pub pattern: String,
    /// Why it is not a pattern.
    pub why: String,
}

impl Ignore {
    /// Parses a list with one image per line, in short or full form, with or without tag; `*` matches any text, `#`
    /// starts a comment.
    ///
    /// # Errors
    /// A line is not a pattern.
    pub fn read(text: &str) -> Result<Self, IgnoreError> {
        let mut globs = GlobSetBuilder::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let pattern = line.split_once('#').map_or(line, |(pattern, _)| pattern).trim();
            if !is_shallow(pattern) {
                let why = "it is too long or nested too deeply".to_owned();
                return Err(IgnoreError { line: index + 1, pattern: "…".to_owned(), why });
            }
            if !pattern.is_empty() {
                let glob = GlobBuilder::new(pattern).literal_separator(false).build();
                globs.add(glob.map_err(|error| IgnoreError {
                    line: index + 1,
                    pattern: pattern.to_owned(),
                    why: error.kind().to_string(),
                })?);
            }
        }
        let all = globs.build().map_err(|error| IgnoreError {
            line: 0,
            pattern: String::new(),
            why: error.kind().to_string(),
        })?;
        Ok(Self { globs: all })
    }

    /// True if the image is on the list.
    pub fn holds(&self, image: &DocumentImage) -> bool {
        !self.globs.is_empty() && names(image).iter().any(|name| self.globs.is_match(name))
    }
}

// All spellings of this image.
fn names(image: &DocumentImage) -> Vec<String> {
    let mut names = vec![image.name()];
    if image.host.is_docker_hub() {
        names.push(image.repository.to_string());
        names.extend(image.repository.as_str().strip_prefix("library/").map(str::to_owned));
    }
    for name in names.clone() {
        let tagged = match (&image.tag, &image.digest) {
            (Some(tag), _) => Some(format!("{name}:{tag}")),
            (None, None) if !image.is_open => Some(format!("{name}:latest")),
            (None, _) => None,
        };
        if let Some(digest) = &image.digest {
            names.push(format!("{}@{digest}", tagged.as_ref().unwrap_or(&name)));
        }
        names.extend(tagged);
    }
    names
}

#[cfg(test)]
mod tests {
    use entrepot_oci::ImageRef;

    use super::*;

    fn holds(list: &str, image: &str) -> bool {
        Ignore::read(list).unwrap().holds(&DocumentImage::from(&image.parse::<ImageRef>().unwrap()))
    }

    #[test]
    fn short_and_long_names_are_one() {
        for list in
            ["nginx", "library/nginx", "docker.io/library/nginx", "nginx:latest", "docker.io/*", "ngin?", "*"]
        {
            assert!(holds(list, "nginx"), "{list}");
        }
        for list in ["nginx:1", "ngin", "quay.io/*", "# nginx", "", "other/nginx"] {
            assert!(!holds(list, "nginx"), "{list}");
        }
        assert!(holds("# c\r\n\r\nvastdata/vastbase-vector # licence\r\n", "vastdata/vastbase-vector"));
        assert!(holds("ghcr.io/a/*", "ghcr.io/a/b/c:1"));
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = Ignore::read("nginx\na[\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: `a[` is not a pattern: unclosed character class; missing ']'");
    }
}
