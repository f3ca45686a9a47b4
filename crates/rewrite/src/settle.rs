//! Decides which images are renamed if several share a text.
//!
//! A shared text changes for all its users or for none. Where one of them needs another text there, its own part makes
//! up for the difference, if it can: `docker.io` and `nginx` become `m.test/docker.io` and `library/nginx`.

use std::collections::BTreeMap;

use crate::{
    candidate::Reason,
    finder::{CandidateEntry, EntryVerdict, RenameMethod},
    naming::{NewName, Rules},
    reading::Edit,
};

/// How many different texts are tried for a shared part.
const MAX_TEXTS: usize = 8;

/// The decision for an entry.
#[derive(Clone, Debug)]
pub(crate) enum EntryDecision {
    /// Renamed, with these edits.
    Renamed { target: NewName, edits: Vec<(usize, Edit)> },
    /// Left alone.
    Left(Reason),
}

/// Decides for every entry.
pub(crate) fn settle(entries: &[CandidateEntry], rules: &Rules) -> Vec<EntryDecision> {
    let fates: Vec<EntryDecision> = entries.iter().map(|entry| wish(entry, rules)).collect();
    let adapted = vec![false; entries.len()];
    let mut settling = Settlement { entries, fates, adapted };
    let users = users(entries);
    let mut waiting: Vec<TokenPart> = users.keys().rev().copied().collect();
    // A part is looked at again only if one of its users changed its mind, which each does twice at most.
    while let Some(part) = waiting.pop() {
        let of_part = users.get(&part).map_or(&[][..], Vec::as_slice);
        waiting.extend(settling.agree(of_part, part));
    }
    settling.fates
}

fn wish(entry: &CandidateEntry, rules: &Rules) -> EntryDecision {
    let EntryVerdict::Image(image) = &entry.what else {
        return EntryDecision::Left(crate::document::left(entry).cloned().unwrap_or(Reason::Unmapped));
    };
    let named = rules.name(&image.image).and_then(|target| {
        let edits = match image.method {
            RenameMethod::NewEntry { .. } if target.tag.is_some() => return Err(Reason::InPieces),
            // The text stays; an inserted entry has the new name.
            RenameMethod::NewEntry { .. } => Vec::new(),
            RenameMethod::Rename | RenameMethod::Aliased { .. } | RenameMethod::MadeMapping { .. } => {
                image.reference.renamed(&target)?
            }
        };
        Ok(EntryDecision::Renamed { target, edits })
    });
    named.unwrap_or_else(EntryDecision::Left)
}

/// A part of a token: the token, and the start of the part in it.
type TokenPart = (usize, usize);

// The entries that use each part, in order.
fn users(entries: &[CandidateEntry]) -> BTreeMap<TokenPart, Vec<usize>> {
    let mut users: BTreeMap<TokenPart, Vec<usize>> = BTreeMap::new();
    let mut add = |part: TokenPart, index: usize| {
        let known = users.entry(part).or_default();
        if known.last() != Some(&index) {
            known.push(index);
        }
    };
    for (index, entry) in entries.iter().enumerate() {
        match &entry.what {
            EntryVerdict::Image(image) if !matches!(image.method, RenameMethod::NewEntry { .. }) => {
                image.reference.rests_on().for_each(|part| add(part, index));
            }
            EntryVerdict::Image(_) => {}
            EntryVerdict::Left(_) => entry.rests_on.iter().for_each(|part| add(*part, index)),
        }
    }
    users
}

struct Settlement<'e> {
    entries: &'e [CandidateEntry],
    fates: Vec<EntryDecision>,
    // Entries whose edits were adapted to those of others; no entry is adapted twice.
    adapted: Vec<bool>,
}

impl Settlement<'_> {
    // Makes the users of a part agree about it. Returns the other parts of those that changed their mind.
    fn agree(&mut self, users: &[usize], part: TokenPart) -> Vec<TokenPart> {
        let Some(first) = users.first() else { return Vec::new() };
        let common = wanted(&self.fates[*first], part);
        if users.iter().all(|user| wanted(&self.fates[*user], part) == common) {
            return Vec::new();
        }
        let changed = self.common_text(users, part).unwrap_or_else(|| self.without(users, part));
        let mut others = Vec::new();
        for (user, fate) in changed {
            others.extend(parts(&self.fates[user]));
            others.extend(parts(&fate));
            self.fates[user] = fate;
            self.adapted[user] = true;
        }
        others.retain(|other| *other != part);
        others
    }

    // The new fates of the users that adapt, if there is a text that all of them can have.
    fn common_text(&self, users: &[usize], part: TokenPart) -> Option<Vec<(usize, EntryDecision)>> {
        let texts = texts(users.iter().map(|user| wanted(&self.fates[*user], part)))?;
        texts.into_iter().find_map(|text| {
            let differing = users.iter().filter(|user| wanted(&self.fates[**user], part) != Some(text));
            differing.map(|user| Some((*user, self.adapted(*user, text)?))).collect()
        })
    }

    fn adapted(&self, user: usize, text: &Edit) -> Option<EntryDecision> {
        let (EntryDecision::Renamed { target, .. }, EntryVerdict::Image(image), false) =
            (&self.fates[user], &self.entries[user].what, self.adapted[user])
        else {
            return None;
        };
        let edits = image.reference.renamed_after(target, text)?;
        Some(EntryDecision::Renamed { target: target.clone(), edits })
    }

    // The new fates of the users that want to change the part: they leave it as it is, or are left alone.
    fn without(&self, users: &[usize], part: TokenPart) -> Vec<(usize, EntryDecision)> {
        let want = |user: usize| wanted(&self.fates[user], part);
        let first = users.first().copied().unwrap_or_default();
        let other = users.iter().copied().find(|user| want(*user) != want(first)).unwrap_or(first);
        let changing = users.iter().copied().filter(|user| want(*user).is_some());
        let fate = |user: usize| {
            self.beside(user, part).unwrap_or_else(|| {
                let opponent = if want(user) == want(first) { other } else { first };
                EntryDecision::Left(Reason::Shared(self.entries[opponent].place.clone()))
            })
        };
        changing.map(|user| (user, fate(user))).collect()
    }

    fn beside(&self, user: usize, part: TokenPart) -> Option<EntryDecision> {
        let (EntryDecision::Renamed { target, .. }, EntryVerdict::Image(image), false) =
            (&self.fates[user], &self.entries[user].what, self.adapted[user])
        else {
            return None;
        };
        let edits = image.reference.renamed_beside(target, part)?;
        Some(EntryDecision::Renamed { target: target.clone(), edits })
    }
}

// The texts that are wanted for a part, the most frequent first. `None` if one user needs it as it is, or if there are
// too many.
fn texts<'f>(wanted: impl Iterator<Item = Option<&'f Edit>>) -> Option<Vec<&'f Edit>> {
    let mut texts: Vec<(usize, &Edit)> = Vec::new();
    for edit in wanted {
        let edit = edit?;
        match texts.iter().position(|(_, known)| *known == edit) {
            Some(known) => texts[known].0 += 1,
            None if texts.len() == MAX_TEXTS => return None,
            None => texts.push((1, edit)),
        }
    }
    texts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    Some(texts.into_iter().map(|(_, edit)| edit).collect())
}

// The parts that an entry wants to change.
fn parts(decision: &EntryDecision) -> impl Iterator<Item = TokenPart> {
    let edits = match decision {
        EntryDecision::Renamed { edits, .. } => edits.as_slice(),
        EntryDecision::Left(_) => &[],
    };
    edits.iter().map(|(start, edit)| (edit.slot, *start))
}

// The change that an entry wants for a part; `None`: no change.
fn wanted(decision: &EntryDecision, (token, start): TokenPart) -> Option<&Edit> {
    let EntryDecision::Renamed { edits, .. } = decision else { return None };
    edits.iter().find(|(part, edit)| *part == start && edit.slot == token).map(|(_, edit)| edit)
}
