//! Line-based documents: lists of references, and environment variables.

use std::ops::Range;

use crate::{
    assignments::{Assignment, assignments, lines},
    candidate::Reason,
    finder::{CandidateEntry, EntryVerdict, Finder, RenameMethod, looks_like_image},
    token::Token,
    tree::Style,
};

/// One reference per line; `#` starts a comment.
pub(crate) fn list(finder: &mut Finder<'_>) {
    for (number, range) in lines(finder.text) {
        let line = &finder.text[range.clone()];
        let end = line.find('#').unwrap_or(line.len());
        let inner = line[..end].trim();
        if inner.is_empty() {
            continue;
        }
        let start = range.start + line.find(inner).unwrap_or(0);
        let reason = inner.contains('*').then_some(Reason::Pattern);
        add(start..start + inner.len(), format!("line {number}"), reason, finder);
    }
}

/// `NAME=value`: variables whose name ends in `IMAGE` hold images, and so do others whose value names a registry. If
/// `holders` is set, exactly those do.
pub(crate) fn env(finder: &mut Finder<'_>) {
    for Assignment { name, value, .. } in assignments(finder.text) {
        let text = &finder.text[value.clone()];
        let says = || {
            ["IMAGE", "IMAGE_NAME", "IMAGE_REPO", "IMAGE_REPOSITORY"]
                .iter()
                .any(|end| name.to_ascii_uppercase().ends_with(end))
        };
        let holds = match &finder.search.holders {
            Some(holders) => holders.contains(name),
            None => says() || looks_like_image(text),
        };
        if !text.is_empty() && holds {
            let name = name.to_owned();
            add(value, name, None, finder);
        }
    }
}

fn add(range: Range<usize>, place: String, reason: Option<Reason>, finder: &mut Finder<'_>) {
    let text = finder.text[range.clone()].to_owned();
    let token = finder.add_token(Token { span: range.clone(), text: text.clone(), style: Style::Bare });
    let what = match (reason, finder.filled_in((token, &text), 0..text.len(), &|_| None)) {
        (Some(reason), _) => EntryVerdict::Left(reason),
        (None, Some(pieces)) => finder.what(pieces, RenameMethod::Rename),
        (None, None) => {
            EntryVerdict::Left(Reason::NotAReference("a variable in it is unterminated".to_owned()))
        }
    };
    finder.add_entry(CandidateEntry::new(range.start, place, text, what));
}
