//! Plans the copies for a stack and rewrites its files. Pure.

use std::collections::{BTreeSet, HashMap};

use entrepot_oci::ImageRef;
use entrepot_rewrite::{
    Census, Collision, Document, DocumentImage, DocumentKind, ImageChange, LeftCandidate, NewName, ReadError,
    Reason, RewriteError, Rules, Search,
};

use crate::{
    entry::{StackImage, User, contest},
    stack::{File, Stack},
};

/// The copies and the new files.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The images, each once, in the order they are named.
    pub entries: Vec<StackImage>,
    /// Names left unchanged.
    pub left: Vec<UnchangedName>,
    /// The new files, in the order of the stack's sources.
    pub files: Vec<RewrittenFile>,
    /// The new variable files, in the order of the stack's; `None` for unchanged ones.
    pub variables: Vec<Option<RewrittenFile>>,
}

/// A name left unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchangedName {
    /// The index of the file in the stack.
    pub source: usize,
    /// The name, and the reason.
    pub left: LeftCandidate,
}

/// The new content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenFile {
    /// The text.
    pub text: String,
    /// The number of changed names.
    pub changed: usize,
}

/// The reason there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A file cannot be parsed.
    #[error("{name}: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// The error.
        error: ReadError,
    },
    /// A file cannot be rewritten.
    #[error("{name}: {error}")]
    Unwritable {
        /// The file.
        name: String,
        /// The error.
        error: RewriteError,
    },
    /// Two images would get the same name.
    #[error(transparent)]
    Collision(#[from] Collision),
}

impl Plan {
    /// Images that the stack pulls, and that stay where they are although nobody asked for it: without them it does
    /// not run where only the new registry is reached.
    pub fn behind(&self) -> impl Iterator<Item = &UnchangedName> {
        self.left.iter().filter(|kept| {
            matches!(
                kept.left.reason,
                Reason::Variable(_)
                    | Reason::OpenTag(_)
                    | Reason::Held(_)
                    | Reason::NotAReference(_)
                    | Reason::NoSuchName(_)
                    | Reason::TooLong
                    | Reason::TooMuch
                    | Reason::Shared(_)
                    | Reason::InPieces
            )
        })
    }
}

/// Makes the plan.
///
/// # Errors
/// A file cannot be parsed or rewritten, or two images would get the same name.
pub fn plan(stack: &Stack, rules: &Rules) -> Result<Plan, PlanError> {
    let mut draft = PlanDraft::default();
    for (number, source) in stack.sources.iter().enumerate() {
        let search = stack.search(source);
        let read = ParsedFile { file: &source.file, kind: source.kind, search: &search };
        let rewritten = read.rewritten(rules, &mut draft.census)?;
        for change in rewritten.changes {
            let also = change.also.clone();
            let user = user(number, change.clone());
            draft.add(change.from.clone(), change.to.clone(), user.clone());
            for place in also {
                draft.add(change.from.clone(), change.to.clone(), User { place, ..user.clone() });
            }
        }
        for left in rewritten.left {
            draft.keep_or_hold(number, left, rules)?;
        }
        draft.files.push(RewrittenFile { text: rewritten.text, changed: rewritten.changed });
    }
    let variables = draft.change_variables(stack, rules)?;
    contest(&mut draft.entries);
    let PlanDraft { entries, left, files, .. } = draft;
    Ok(Plan { entries, left, files, variables })
}

// A rewritten document, with the number of changes.
struct RewrittenText {
    text: String,
    changed: usize,
    changes: Vec<ImageChange>,
    left: Vec<LeftCandidate>,
}

// A file, with its kind and search options.
struct ParsedFile<'a> {
    file: &'a File,
    kind: DocumentKind,
    search: &'a Search,
}

impl ParsedFile<'_> {
    fn rewritten(&self, rules: &Rules, census: &mut Census) -> Result<RewrittenText, PlanError> {
        let name = || self.file.name.clone();
        let document = Document::read(&self.file.text, self.kind, self.search)
            .map_err(|error| PlanError::Unreadable { name: name(), error })?;
        match document.rewrite(rules, census) {
            Ok(done) => {
                let changed = done.changes.len();
                Ok(RewrittenText { text: done.text, changed, changes: done.changes, left: done.left })
            }
            Err(RewriteError::Collision(collision)) => Err(collision.into()),
            Err(error) => Err(PlanError::Unwritable { name: name(), error }),
        }
    }
}

fn user(source: usize, change: ImageChange) -> User {
    User { source, position: change.position, place: change.place, variables: change.variables }
}

/// An image whose name is the value of a variable.
struct VariableImage {
    source: usize,
    variable: String,
    image: DocumentImage,
    target: NewName,
    left: LeftCandidate,
}

#[derive(Default)]
struct PlanDraft {
    census: Census,
    entries: Vec<StackImage>,
    // The index in `entries`, by source and target name.
    places: HashMap<(ImageRef, ImageRef), usize>,
    left: Vec<UnchangedName>,
    files: Vec<RewrittenFile>,
    images: Vec<VariableImage>,
}

impl PlanDraft {
    fn add(&mut self, image: DocumentImage, name: NewName, user: User) {
        // A name that does not identify an image is not renamed, so it does not occur here.
        let (Some(source), Some(name)) = (image.image(), named(&image, name)) else { return };
        let next = self.entries.len();
        let place = *self.places.entry((source.clone(), name.clone())).or_insert(next);
        match self.entries.get_mut(place) {
            Some(entry) => entry.users.push(user),
            None => {
                self.entries.push(StackImage { source, target: name, users: vec![user], is_contested: false })
            }
        }
    }

    // A name held by a variable is changed where the variable is set; others stay.
    fn keep_or_hold(&mut self, source: usize, left: LeftCandidate, rules: &Rules) -> Result<(), PlanError> {
        let (Reason::Held(variable), Some(found)) = (&left.reason, &left.found) else {
            self.left.push(UnchangedName { source, left });
            return Ok(());
        };
        let (variable, found) = (variable.clone(), found.clone());
        match rules.name(&found) {
            Ok(target) => {
                self.census.add(&found, &target)?;
                self.images.push(VariableImage { source, variable, image: found, target, left });
            }
            Err(reason) => self.left.push(UnchangedName { source, left: LeftCandidate { reason, ..left } }),
        }
        Ok(())
    }

    // The new variable files. A variable stays if its new value does not fit one of its users.
    fn change_variables(
        &mut self,
        stack: &Stack,
        rules: &Rules,
    ) -> Result<Vec<Option<RewrittenFile>>, PlanError> {
        loop {
            let files: Vec<Option<RewrittenText>> = (0..stack.variables.len())
                .map(|number| self.file_of_variables(stack, number, rules))
                .collect::<Result<_, _>>()?;
            let new: Vec<HashMap<&str, &NewName>> = files.iter().map(new_values).collect();
            let fits = |held: &VariableImage| {
                let mut own = stack.sources[held.source].variables.iter().rev();
                let new = own.find_map(|number| new.get(*number)?.get(held.variable.as_str()));
                new.is_some_and(|new| held.fits(new))
            };
            let stay: BTreeSet<String> =
                self.images.iter().filter(|held| !fits(held)).map(|held| held.variable.clone()).collect();
            if stay.is_empty() {
                for VariableImage { source, image: found, target, left, .. } in
                    std::mem::take(&mut self.images)
                {
                    let LeftCandidate { position, place, variables, .. } = left;
                    self.add(found, target, User { source, position, place, variables });
                }
                let written = |done: RewrittenText| RewrittenFile { text: done.text, changed: done.changed };
                return Ok(files.into_iter().map(|done| done.map(written)).collect());
            }
            let (gone, held) =
                std::mem::take(&mut self.images).into_iter().partition(|held| stay.contains(&held.variable));
            self.images = held;
            let gone: Vec<VariableImage> = gone;
            self.left.extend(gone.into_iter().map(|VariableImage { source, left, .. }| UnchangedName {
                source,
                left: LeftCandidate { reason: Reason::InPieces, ..left },
            }));
        }
    }

    // `None` if nothing changes.
    fn file_of_variables(
        &self,
        stack: &Stack,
        number: usize,
        rules: &Rules,
    ) -> Result<Option<RewrittenText>, PlanError> {
        let uses = |source: usize| stack.sources[source].variables.contains(&number);
        let own = self.images.iter().filter(|held| uses(held.source));
        let holders: BTreeSet<String> = own.clone().map(|held| held.variable.clone()).collect();
        let Some(user) = own.map(|held| held.source).next() else { return Ok(None) };
        let search = Search { holders: Some(holders), ..stack.search(&stack.sources[user]) };
        let read = ParsedFile { file: &stack.variables[number], kind: DocumentKind::Env, search: &search };
        // Use a separate census: these images are counted already.
        let done = read.rewritten(rules, &mut Census::default())?;
        Ok((done.changed > 0).then_some(done))
    }
}

impl VariableImage {
    // True if a variable with this name fits its user; the tag may be in the variable, or in the file that uses it.
    fn fits(&self, name: &NewName) -> bool {
        name.name() == self.target.name() && (self.target.tag.is_none() || name.tag == self.target.tag)
    }
}

// The new values of a file's variables; if a variable is set twice, the last line counts.
fn new_values(file: &Option<RewrittenText>) -> HashMap<&str, &NewName> {
    let changes = file.iter().flat_map(|done| &done.changes);
    changes.map(|change| (change.place.as_str(), &change.to)).collect()
}

fn named(image: &DocumentImage, name: NewName) -> Option<ImageRef> {
    let NewName { host, repository, tag } = name;
    let tag = tag.or_else(|| image.tag.clone());
    DocumentImage { host, repository, tag, digest: image.digest, is_open: image.is_open }.image()
}
