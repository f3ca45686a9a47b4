//! Decides which images are renamed if several share a text: all of them, or none.

use std::collections::BTreeMap;

use crate::{
    candidate::Reason,
    finder::{Entry, Form, What},
    naming::{Rules, Target},
    reading::Edit,
};

/// The decision for an entry.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Renamed, with these edits.
    Renamed { target: Target, edits: Vec<(usize, Edit)> },
    /// Left alone.
    Left(Reason),
}

/// Decides for every entry.
pub(crate) fn settle(entries: &[Entry], rules: &Rules) -> Vec<Fate> {
    let mut fates: Vec<Fate> = entries.iter().map(|entry| wish(entry, rules)).collect();
    let users = users(entries);
    let mut waiting: Vec<Part> = users.keys().rev().copied().collect();
    // A part is revisited at most once: if one of its users lost elsewhere, all others that need a change lose here.
    while let Some(part) = waiting.pop() {
        let of_part = users.get(&part).map_or(&[][..], Vec::as_slice);
        for (loser, winner) in losers(of_part, |user| wanted(&fates[user], part)) {
            waiting.extend(changed(&fates[loser]).filter(|other| *other != part));
            fates[loser] = Fate::Left(Reason::Shared(entries[winner].place.clone()));
        }
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
            // The text stays; an inserted entry has the new name.
            Form::NewEntry { .. } => Vec::new(),
            Form::Rename | Form::Aliased { .. } | Form::MadeMapping { .. } => {
                image.reading.renamed(&target)?
            }
        };
        Ok(Fate::Renamed { target, edits })
    });
    named.unwrap_or_else(Fate::Left)
}

/// A part of a token: the token, and the start of the part in it.
type Part = (usize, usize);

// The entries that use each part, in order.
fn users(entries: &[Entry]) -> BTreeMap<Part, Vec<usize>> {
    let mut users: BTreeMap<Part, Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let What::Image(image) = &entry.what else { continue };
        if matches!(image.form, Form::NewEntry { .. }) {
            continue;
        }
        for part in image.reading.rests_on() {
            let known = users.entry(part).or_default();
            if known.last() != Some(&index) {
                known.push(index);
            }
        }
    }
    users
}

// The parts that an entry wants to change.
fn changed(fate: &Fate) -> impl Iterator<Item = Part> {
    let edits = match fate {
        Fate::Renamed { edits, .. } => edits.as_slice(),
        Fate::Left(_) => &[],
    };
    edits.iter().map(|(start, edit)| (edit.slot, *start))
}

// The change that an entry wants for a part; `None`: no change.
fn wanted(fate: &Fate, (token, start): Part) -> Option<&Edit> {
    let Fate::Renamed { edits, .. } = fate else { return None };
    edits.iter().find(|(part, edit)| *part == start && edit.slot == token).map(|(_, edit)| edit)
}

// Entries that want to change a part that others want differently; each with one that disagrees.
fn losers<'f>(users: &[usize], wanted: impl Fn(usize) -> Option<&'f Edit>) -> Vec<(usize, usize)> {
    let Some(first) = users.first() else { return Vec::new() };
    let common = wanted(*first);
    let Some(other) = users.iter().find(|user| wanted(**user) != common) else { return Vec::new() };
    let changing = users.iter().filter(|user| wanted(**user).is_some());
    changing.map(|user| (*user, if wanted(*user) == common { *other } else { *first })).collect()
}
