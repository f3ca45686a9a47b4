//! What a text means here.

use entrepot_mirror::NameResolver;
use entrepot_oci::{Host, ImageRefError, Platform};
use entrepot_rewrite::command_arguments;

use super::{
    image::{Image, Meaning},
    placeholder::{is_around, is_placeholder},
    platform,
    web::{RegistryPage, page},
    words::{TextWord, TextWords},
};

/// The most images that somebody is asked to choose from.
const MOST: usize = 5;
/// What stands in front of an image in documents.
const IN_FRONT: [&str; 4] = ["image", "-", "FROM", "sudo"];

/// What a text means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedText {
    /// The image.
    pub meaning: ImageMeaning,
    /// The platforms that it names.
    pub platforms: Vec<Platform>,
}

/// The image that a text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageMeaning {
    /// This one.
    Image(Image),
    /// One of these, perhaps: ask which.
    Perhaps(Vec<Image>),
    /// One of a registry that is not mirrored.
    Elsewhere(Host),
    /// It names a platform, and no image.
    OnlyPlatform,
    /// What stands there is the example of a form, or a sentence without a name.
    Placeholder,
    /// It is not the name of an image.
    Invalid(ImageRefError),
}

/// Reads what somebody typed or pasted: a name, a command, a line of a compose file, the address of a page about the image,
/// a name with `here` in front, or any of these in a sentence. `None` if there is nothing.
pub fn read(text: &str, here: &str, names: &NameResolver) -> Option<ParsedText> {
    let words = TextWords::of(text);
    let mut all = words.list();
    if all.is_empty() && !words.has_more {
        return None;
    }
    let mut platforms: Vec<Platform> = Vec::new();
    all.retain(|word| match platform::named(word.text) {
        Some(named) if platforms.contains(&named) => false,
        Some(named) => {
            platforms.push(named);
            false
        }
        None => word.text != "--platform",
    });
    if all.is_empty() {
        let asked = if platforms.is_empty() { ImageMeaning::Placeholder } else { ImageMeaning::OnlyPlatform };
        return Some(ParsedText { meaning: asked, platforms });
    }
    let reader = TextParser { here, names };
    let asked = reader.alone(&all, words.has_more).or_else(|| reader.commanded(&words.text));
    Some(ParsedText { meaning: asked.unwrap_or_else(|| reader.guessed(&all)), platforms })
}

struct TextParser<'a> {
    here: &'a str,
    names: &'a NameResolver,
}

impl TextParser<'_> {
    // A text that is nothing but one name.
    fn alone(&self, words: &[TextWord<'_>], has_more: bool) -> Option<ImageMeaning> {
        let mut named = words.iter().filter(|word| !IN_FRONT.contains(&word.text));
        let (Some(only), None) = (named.next(), named.next()) else { return None };
        if is_placeholder(only.text) {
            return Some(ImageMeaning::Placeholder);
        }
        Some(match self.meaning(only.text) {
            ImageMeaning::Image(image) if has_more || only.is_trimmed => ImageMeaning::Perhaps(vec![image]),
            asked => asked,
        })
    }

    // The arguments of a command that pulls.
    fn commanded(&self, text: &str) -> Option<ImageMeaning> {
        let lines = text.lines().map(|line| {
            let words = line.split_ascii_whitespace();
            let rest = words.filter(|word| *word != "--platform" && platform::named(word).is_none());
            rest.collect::<Vec<_>>().join(" ")
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let found = command_arguments(&text).into_iter().map(|range| &text[range]);
        let (mut images, mut elsewhere) = (Vec::new(), None);
        for word in found {
            match self.meaning(word) {
                _ if is_placeholder(word) => return Some(ImageMeaning::Placeholder),
                ImageMeaning::Image(image) => add(&mut images, image),
                ImageMeaning::Perhaps(some) => some.into_iter().for_each(|image| add(&mut images, image)),
                other => elsewhere = Some(other),
            }
        }
        match images.len() {
            0 => elsewhere,
            1 => images.pop().map(ImageMeaning::Image),
            _ => Some(ImageMeaning::Perhaps(images)),
        }
    }

    // The names in a sentence.
    fn guessed(&self, words: &[TextWord<'_>]) -> ImageMeaning {
        let told: Vec<&str> = words
            .iter()
            .map(|word| word.text)
            .filter(|word| !is_around(word) && !IN_FRONT.contains(word))
            .collect();
        if told.is_empty() || told.iter().all(|word| is_placeholder(word)) {
            return ImageMeaning::Placeholder;
        }
        if let [name, version] = told[..]
            && version.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
            && let ImageMeaning::Image(image) = self.meaning(&format!("{name}:{version}"))
        {
            return ImageMeaning::Perhaps(vec![image]);
        }
        let (mut images, mut other) = (Vec::new(), None);
        for word in &told {
            // In a sentence, a plain word is a name only if there is no other.
            if told.len() > 1 && !word.contains(['/', ':']) {
                continue;
            }
            match self.meaning(word) {
                ImageMeaning::Image(image) => add(&mut images, image),
                ImageMeaning::Perhaps(some) => some.into_iter().for_each(|image| add(&mut images, image)),
                asked => other = other.or(Some(asked)),
            }
        }
        match (images.is_empty(), other) {
            (false, _) => ImageMeaning::Perhaps(images),
            (true, Some(other)) => other,
            (true, None) => ImageMeaning::Placeholder,
        }
    }

    // What one word means.
    fn meaning(&self, word: &str) -> ImageMeaning {
        let word = word.trim_start_matches("image:");
        let word = word.split_once("://").map_or(word, |(_, rest)| rest).trim_end_matches('/');
        match page(word) {
            Some(RegistryPage::Of(name)) => return self.named(&name),
            Some(RegistryPage::Perhaps(name)) => {
                return match Meaning::of(&name, self.names) {
                    Meaning::Image(image) => ImageMeaning::Perhaps(vec![image]),
                    Meaning::Elsewhere(host) => ImageMeaning::Elsewhere(host),
                    Meaning::Invalid(error) => ImageMeaning::Invalid(error),
                };
            }
            None => {}
        }
        let own = word.strip_prefix(self.here).and_then(|rest| rest.strip_prefix('/'));
        match own.map(str::to_owned).or_else(|| self.below_the_domain(word)) {
            Some(own) => self.named(&own),
            None => self.named(word),
        }
    }

    fn named(&self, name: &str) -> ImageMeaning {
        match Meaning::of(name, self.names) {
            Meaning::Image(image) => ImageMeaning::Image(image),
            Meaning::Elsewhere(host) => match self.behind_a_mirror(name) {
                Some(image) => ImageMeaning::Perhaps(vec![image]),
                None => ImageMeaning::Elsewhere(host),
            },
            // Names have no capital letters, and phones begin with one.
            Meaning::Invalid(error) => match Meaning::of(&lower(name), self.names) {
                Meaning::Image(image) if name.len() > 1 => ImageMeaning::Perhaps(vec![image]),
                _ => ImageMeaning::Invalid(error),
            },
        }
    }

    // `docker.m.example.com/library/nginx`: a name below our domain stands for a registry.
    fn below_the_domain(&self, word: &str) -> Option<String> {
        let (host, rest) = word.split_once('/')?;
        let label = host.split(':').next()?.strip_suffix(self.names.domain()?)?.strip_suffix('.')?;
        let (upstream, _) = self.names.upstreams().find(|(_, of)| *of == Some(label))?;
        Some(format!("{upstream}/{rest}"))
    }

    // `mirror.example.com/docker.io/library/nginx`: the name of another mirror.
    fn behind_a_mirror(&self, name: &str) -> Option<Image> {
        let (_, rest) = name.split_once('/')?;
        let (first, _) = rest.split_once('/')?;
        let is_upstream = self.names.upstreams().any(|(host, _)| host.as_str() == first);
        match Meaning::of(rest, self.names) {
            Meaning::Image(image) if is_upstream => Some(image),
            _ => None,
        }
    }
}

// Tags have capital letters.
fn lower(name: &str) -> String {
    match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => format!("{}:{tag}", name.to_ascii_lowercase()),
        _ => name.to_ascii_lowercase(),
    }
}

fn add(images: &mut Vec<Image>, image: Image) {
    if images.len() < MOST && images.iter().all(|known| known.explicit() != image.explicit()) {
        images.push(image);
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
