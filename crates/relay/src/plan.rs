//! Plans the copies for a stack and rewrites its files. Pure.

use std::collections::{BTreeSet, HashMap};

use entrepot_oci::ImageRef;
use entrepot_rewrite::{
    Census, Change, Collision, Document, Found, Kind, Left, ReadError, Reason, RewriteError, Rules, Search,
    Target,
};

use crate::{
    entry::{Entry, User, contest},
    stack::{File, Stack},
};

/// The copies and the new files.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The images, each once, in the order they are named.
    pub entries: Vec<Entry>,
    /// What is left as it is.
    pub left: Vec<Kept>,
    /// The files as they will be, in the order of the stack's sources.
    pub files: Vec<Written>,
    /// Files of variables as they will be, in the order of the stack's; `None` for those that stay.
    pub variables: Vec<Option<Written>>,
}

/// Something that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The file, by its number in the stack.
    pub source: usize,
    /// What it is, and why it stays.
    pub left: Left,
}

/// A file as it will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What will be in it.
    pub text: String,
    /// How many names in it will be others.
    pub changed: usize,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A file is not what it should be.
    #[error("{name}: {error}")]
    Unreadable {
        /// Which.
        name: String,
        /// What is wrong with it.
        error: ReadError,
    },
    /// A file cannot be rewritten.
    #[error("{name}: {error}")]
    Unwritable {
        /// Which.
        name: String,
        /// Why not.
        error: RewriteError,
    },
    /// Two images would come to have one name.
    #[error(transparent)]
    Collision(#[from] Collision),
}

/// Makes the plan.
///
/// # Errors
/// A file is not what it should be, or two images would come to have one name.
pub fn plan(stack: &Stack, rules: &Rules) -> Result<Plan, PlanError> {
    let mut draft = Draft::default();
    for (number, source) in stack.sources.iter().enumerate() {
        let search = stack.search(source);
        let read = Read { file: &source.file, kind: source.kind, search: &search };
        let rewritten = read.rewritten(rules, &mut draft.census)?;
        for change in rewritten.changes {
            draft.add(change.from.clone(), change.to.clone(), user(number, change));
        }
        for left in rewritten.left {
            draft.keep_or_hold(number, left, rules)?;
        }
        draft.files.push(Written { text: rewritten.text, changed: rewritten.changed });
    }
    let variables = draft.change_variables(stack, rules)?;
    contest(&mut draft.entries);
    let Draft { entries, left, files, .. } = draft;
    Ok(Plan { entries, left, files, variables })
}

// A document rewritten, with the count of what changed beside it.
struct Rewritten {
    text: String,
    changed: usize,
    changes: Vec<Change>,
    left: Vec<Left>,
}

// A file, and how it is read.
struct Read<'a> {
    file: &'a File,
    kind: Kind,
    search: &'a Search,
}

impl Read<'_> {
    fn rewritten(&self, rules: &Rules, census: &mut Census) -> Result<Rewritten, PlanError> {
        let name = || self.file.name.clone();
        let document = Document::read(&self.file.text, self.kind, self.search)
            .map_err(|error| PlanError::Unreadable { name: name(), error })?;
        match document.rewrite(rules, census) {
            Ok(done) => {
                let changed = done.changes.len();
                Ok(Rewritten { text: done.text, changed, changes: done.changes, left: done.left })
            }
            Err(RewriteError::Collision(collision)) => Err(collision.into()),
            Err(error) => Err(PlanError::Unwritable { name: name(), error }),
        }
    }
}

fn user(source: usize, change: Change) -> User {
    User { source, position: change.position, place: change.place, variables: change.variables }
}

/// An image whose name is the value of a variable.
struct Held {
    source: usize,
    variable: String,
    found: Found,
    target: Target,
    left: Left,
}

#[derive(Default)]
struct Draft {
    census: Census,
    entries: Vec<Entry>,
    // Where each image is among the entries, by its name here and there.
    places: HashMap<(ImageRef, ImageRef), usize>,
    left: Vec<Kept>,
    files: Vec<Written>,
    held: Vec<Held>,
}

impl Draft {
    fn add(&mut self, found: Found, target: Target, user: User) {
        // A name that leaves open which image is meant is not renamed, so there is none here.
        let (Some(source), Some(target)) = (found.image(), named(&found, target)) else { return };
        let next = self.entries.len();
        let place = *self.places.entry((source.clone(), target.clone())).or_insert(next);
        match self.entries.get_mut(place) {
            Some(entry) => entry.users.push(user),
            None => self.entries.push(Entry { source, target, users: vec![user], is_contested: false }),
        }
    }

    // What a variable holds is changed where that is set; the rest stays.
    fn keep_or_hold(&mut self, source: usize, left: Left, rules: &Rules) -> Result<(), PlanError> {
        let (Reason::Held(variable), Some(found)) = (&left.reason, &left.found) else {
            self.left.push(Kept { source, left });
            return Ok(());
        };
        let (variable, found) = (variable.clone(), found.clone());
        match rules.name(&found) {
            Ok(target) => {
                self.census.add(&found, &target)?;
                self.held.push(Held { source, variable, found, target, left });
            }
            Err(reason) => self.left.push(Kept { source, left: Left { reason, ..left } }),
        }
        Ok(())
    }

    // Files of variables as they will be. A variable that cannot have the name which one of its users needs stays.
    fn change_variables(&mut self, stack: &Stack, rules: &Rules) -> Result<Vec<Option<Written>>, PlanError> {
        loop {
            let files: Vec<Option<Rewritten>> = (0..stack.variables.len())
                .map(|number| self.file_of_variables(stack, number, rules))
                .collect::<Result<_, _>>()?;
            let new: Vec<HashMap<&str, &Target>> = files.iter().map(new_values).collect();
            let fits = |held: &Held| {
                let mut own = stack.sources[held.source].variables.iter().rev();
                let new = own.find_map(|number| new.get(*number)?.get(held.variable.as_str()));
                new.is_some_and(|new| held.fits(new))
            };
            let stay: BTreeSet<String> =
                self.held.iter().filter(|held| !fits(held)).map(|held| held.variable.clone()).collect();
            if stay.is_empty() {
                for Held { source, found, target, left, .. } in std::mem::take(&mut self.held) {
                    let Left { position, place, variables, .. } = left;
                    self.add(found, target, User { source, position, place, variables });
                }
                let written = |done: Rewritten| Written { text: done.text, changed: done.changed };
                return Ok(files.into_iter().map(|done| done.map(written)).collect());
            }
            let (gone, held) =
                std::mem::take(&mut self.held).into_iter().partition(|held| stay.contains(&held.variable));
            self.held = held;
            let gone: Vec<Held> = gone;
            self.left.extend(gone.into_iter().map(|Held { source, left, .. }| Kept {
                source,
                left: Left { reason: Reason::InPieces, ..left },
            }));
        }
    }

    // `None` where nothing in it is to change.
    fn file_of_variables(
        &self,
        stack: &Stack,
        number: usize,
        rules: &Rules,
    ) -> Result<Option<Rewritten>, PlanError> {
        let uses = |source: usize| stack.sources[source].variables.contains(&number);
        let own = self.held.iter().filter(|held| uses(held.source));
        let holders: BTreeSet<String> = own.clone().map(|held| held.variable.clone()).collect();
        let Some(user) = own.map(|held| held.source).next() else { return Ok(None) };
        let search = Search { holders: Some(holders), ..stack.search(&stack.sources[user]) };
        let read = Read { file: &stack.variables[number], kind: Kind::Env, search: &search };
        // Its names are those of images that are counted already, so they are counted apart.
        let done = read.rewritten(rules, &mut Census::default())?;
        Ok((done.changed > 0).then_some(done))
    }
}

impl Held {
    // Whether a variable that holds this name does for its user; the tag may be there, or in the file that uses it.
    fn fits(&self, name: &Target) -> bool {
        name.name() == self.target.name() && (self.target.tag.is_none() || name.tag == self.target.tag)
    }
}

// What the variables of a file are to be; of two lines for one the later counts.
fn new_values(file: &Option<Rewritten>) -> HashMap<&str, &Target> {
    let changes = file.iter().flat_map(|done| &done.changes);
    changes.map(|change| (change.place.as_str(), &change.to)).collect()
}

fn named(found: &Found, target: Target) -> Option<ImageRef> {
    let Target { host, repository, tag } = target;
    let tag = tag.or_else(|| found.tag.clone());
    Found { host, repository, tag, digest: found.digest, is_open: found.is_open }.image()
}
