//! Decides which images are renamed where several rest on one text: all of them, or none.

use std::collections::HashMap;

use crate::{
    candidate::Reason,
    finder::{Entry, Form, What},
    naming::{Rules, Target},
    reading::Edit,
};

/// What becomes of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It gets another name, by these edits.
    Renamed { target: Target, edits: Vec<(usize, Edit)> },
    /// It is left.
    Left(Reason),
}

/// Decides for each entry.
pub(crate) fn settle(entries: &[Entry], rules: &Rules) -> Vec<Fate> {
    let mut fates: Vec<Fate> = entries.iter().map(|entry| wish(entry, rules)).collect();
    // Each round leaves at least one more, so this ends.
    while let Some((loser, reason)) = contradiction(entries, &fates) {
        fates[loser] = Fate::Left(reason);
    }
    fates
}

fn wish(entry: &Entry, rules: &Rules) -> Fate {
    let What::Image(image) = &entry.what else {
        return Fate::Left(crate::document::left(entry).cloned().unwrap_or(Reason::Unmapped));
    };
    let named = rules.name(&image.found).and_then(|target| {
        let edits = match image.form {
            Form::NewEntry { .. } if target.tag.is_some() => return Err(Reason::InPieces),
            // The text stays; what is put in beside it has the name.
            Form::NewEntry { .. } => Vec::new(),
            Form::Rename | Form::Aliased { .. } | Form::MadeMapping { .. } => {
                image.reading.renamed(&target)?
            }
        };
        Ok(Fate::Renamed { target, edits })
    });
    named.unwrap_or_else(Fate::Left)
}

// What an entry wants of a part of a token: another text, or that it stays.
type Wish<'e> = (usize, Option<&'e Edit>);

// An entry that wants a text which another entry does not, and why it is left.
fn contradiction(entries: &[Entry], fates: &[Fate]) -> Option<(usize, Reason)> {
    let mut wishes: HashMap<(usize, usize), Wish<'_>> = HashMap::new();
    for (index, (entry, fate)) in entries.iter().zip(fates).enumerate() {
        let What::Image(image) = &entry.what else { continue };
        if matches!(image.form, Form::NewEntry { .. }) {
            continue;
        }
        let edits = match fate {
            Fate::Renamed { edits, .. } => edits.as_slice(),
            Fate::Left(_) => &[],
        };
        for (token, part) in image.reading.rests_on() {
            let wanted =
                edits.iter().find(|(start, edit)| *start == part && edit.slot == token).map(|(_, edit)| edit);
            let (other, known) = *wishes.entry((token, part)).or_insert((index, wanted));
            if known == wanted {
                continue;
            }
            // Whoever wants a change gives way; of two, the later.
            let loser = if wanted.is_some() { index } else { other };
            let winner = if loser == index { other } else { index };
            return Some((loser, Reason::Shared(entries[winner].place.clone())));
        }
    }
    None
}
