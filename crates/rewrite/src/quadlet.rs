//! Podman quadlets (podman-systemd.unit(5)): `Image=` in units of containers, images, volumes and pods.

use std::ops::Range;

use crate::{
    assignments::lines,
    candidate::Reason,
    finder::{CandidateEntry, EntryVerdict, Finder, RenameMethod},
    token::Token,
    tree::Style,
};

/// Collects the candidates of a unit.
pub(crate) fn find(finder: &mut Finder<'_>) {
    let mut section = String::new();
    for (_, range) in lines(finder.text) {
        let line = &finder.text[range.clone()];
        let trimmed = line.trim();
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let Some((key, value)) = trimmed.split_once('=').filter(|_| !trimmed.starts_with(['#', ';'])) else {
            continue;
        };
        let value = value.trim();
        let start = range.start + (line.len() - line.trim_start().len()) + (trimmed.len() - value.len());
        let place = format!("{section}.{}", key.trim());
        take(key.trim(), place, start..start + value.len(), finder);
    }
}

fn take(key: &str, place: String, range: Range<usize>, finder: &mut Finder<'_>) {
    let text = finder.text[range.clone()].to_owned();
    let what = match key {
        _ if text.is_empty() => return,
        // Another unit: it has a name of its own.
        "Image" if text.ends_with(".image") || text.ends_with(".build") => {
            EntryVerdict::Left(Reason::OtherFile)
        }
        "ImageTag" if !finder.search.built => EntryVerdict::Left(Reason::Published),
        "Image" | "ImageTag" => {
            let token = Token { span: range.clone(), text: text.clone(), style: Style::Bare };
            let token = finder.add_token(token);
            match finder.filled_in((token, &text), 0..text.len(), &|_| None) {
                Some(pieces) => finder.what(pieces, RenameMethod::Rename),
                None => {
                    EntryVerdict::Left(Reason::NotAReference("a variable in it is unterminated".to_owned()))
                }
            }
        }
        _ => return,
    };
    finder.add_entry(CandidateEntry::new(range.start, place, text, what));
}
