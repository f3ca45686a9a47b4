//! Words of forms and examples that stand for a name, and words that only people read.

/// What forms and examples have where a name belongs.
const STANDS_FOR: [&str; 20] = [
    "image",
    "images",
    "imagename",
    "image-name",
    "image_name",
    "name",
    "tag",
    "version",
    "repo",
    "repository",
    "registry",
    "host",
    "domain",
    "namespace",
    "org",
    "owner",
    "user",
    "username",
    "project",
    "example",
];
/// What people write around the name of an image.
const AROUND: [&str; 40] = [
    "a",
    "add",
    "an",
    "and",
    "arch",
    "can",
    "cannot",
    "container",
    "docker",
    "download",
    "error",
    "fail",
    "failed",
    "for",
    "from",
    "hello",
    "help",
    "hi",
    "i",
    "img",
    "is",
    "it",
    "latest",
    "mirror",
    "need",
    "of",
    "platform",
    "please",
    "pull",
    "pulling",
    "request",
    "run",
    "sync",
    "thank",
    "thanks",
    "the",
    "title",
    "to",
    "want",
    "you",
];

/// True for a name that stands for one: `xxx/xxx:tag`, `registry/repo/image`.
pub(super) fn is_placeholder(word: &str) -> bool {
    let parts = word.split(['/', ':']).filter(|part| !part.is_empty());
    // A host and the library of Docker Hub say nothing about the image.
    let mut told =
        parts.filter(|part| !part.contains('.') && *part != "library" && *part != "latest").peekable();
    told.peek().is_some() && told.all(stands_for_something)
}

fn stands_for_something(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    let plain = part.trim_start_matches("your-").trim_start_matches("my-").trim_start_matches("your_");
    let is_crossed = part.len() >= 2 && part.bytes().all(|byte| byte == b'x');
    is_crossed || STANDS_FOR.contains(&plain)
}

/// True for a word that people write around the name of an image.
pub(super) fn is_around(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    AROUND.contains(&word.as_str()) || STANDS_FOR.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stand_for_one() {
        for word in [
            "xxx/xxx:xxx",
            "docker.io/xxx/xxx",
            "image:tag",
            "IMAGE",
            "registry/namespace/image:tag",
            "your-image",
        ] {
            assert!(is_placeholder(word), "{word}");
        }
        for word in
            ["nginx", "docker.io/library/nginx", "x/y:1", "library/registry:2", "team/image", "docker.io"]
        {
            assert!(!is_placeholder(word), "{word}");
        }
    }
}
