//! A list of images, one a line, as for docker_image_pusher: `nginx`, `quay.io/a/b:1.2`, `--platform=linux/arm64 alpine`.
//! `#` begins a comment; without a tag, `latest` is meant.

use entrepot_oci::ImageRef;
use entrepot_sync::rules::TagsSection;

use crate::{
    draft::{DIGESTS, RuleDraft, target, texts},
    imported::{FileKind, Imported},
};

/// A line that names an image.
#[derive(Debug)]
struct ImageLine {
    image: ImageRef,
    platform: Option<String>,
}

// Every line that is not empty, with its number.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let line = line.split('#').next().unwrap_or_default().trim();
        (!line.is_empty()).then_some((index + 1, line))
    })
}

fn parse(line: &str) -> Option<ImageLine> {
    let (mut platform, mut image) = (None, None);
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        match word.strip_prefix("--platform") {
            Some("") => platform = Some(words.next()?.to_owned()),
            Some(value) => platform = Some(value.strip_prefix('=')?.to_owned()),
            None if image.is_some() => return None,
            None => image = Some(word.parse().ok()?),
        }
    }
    Some(ImageLine { image: image?, platform })
}

/// True if most lines name an image.
pub(crate) fn is_one(text: &str) -> bool {
    let (all, named) = lines(text)
        .fold((0, 0), |(all, named), (_, line)| (all + 1, named + usize::from(parse(line).is_some())));
    named * 2 > all
}

pub(crate) fn read(text: &str, to: &str) -> Imported {
    let mut imported = Imported::new(FileKind::Images);
    for (number, line) in lines(text) {
        match parse(line) {
            None => imported.notes.push(format!("line {number}: `{line}` is not an image")),
            Some(ImageLine { image, .. }) if image.digest().is_some() => {
                imported.notes.push(format!("line {number}: {image}: {DIGESTS}"));
            }
            Some(line) => add(&mut imported, &line, to),
        }
    }
    imported
}

// Images of one repository and platform are one rule.
fn add(imported: &mut Imported, ImageLine { image, platform }: &ImageLine, to: &str) {
    let from = format!("{}/{}", image.host(), image.repository());
    let platforms = texts(platform.iter().cloned().collect());
    let tag = image.tag().map_or_else(|| "latest".to_owned(), ToString::to_string);
    let is_same = |draft: &&mut RuleDraft| {
        draft.section.from.items == [from.as_str()]
            && draft.section.to.iter().all(|to| to.platforms == platforms)
    };
    if let Some(draft) = imported.drafts.iter_mut().find(is_same) {
        if draft.section.tags.names.contains(&tag) {
            imported.notes.push(format!("{from}:{tag} was there twice, and is once here"));
        } else {
            draft.section.tags.names.push(tag);
        }
        return;
    }
    let mut draft =
        RuleDraft::new(vec![from], TagsSection { names: vec![tag], is_list: true, ..TagsSection::default() });
    let mut target = target(to);
    target.is_text &= platforms.items.is_empty();
    target.platforms = platforms;
    draft.to(target);
    imported.drafts.push(draft);
}
