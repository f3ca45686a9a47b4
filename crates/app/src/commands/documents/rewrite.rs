//! `entrepot rewrite`: renames images, and leaves every other byte alone.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use entrepot_rewrite::{Census, Collision, DocumentKind, Layers, RewrittenDocument, Rules};
use serde::Serialize;

pub(crate) use super::names::NamingOptions;
use super::{
    DocumentSource, Documents, Input,
    diff::diff,
    file, note_left, read,
    report::{DocumentReport, RenamedImage, UnchangedText},
    unfinished,
    walk::{DocumentSet, WalkCounts, gather},
};
use crate::{
    failure::{self, Failure},
    log::Verbosity,
    output::{self, Output, sentence},
    replace::LostAttributes,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// The documents.
    pub(crate) documents: Documents,
    /// The new names.
    pub(crate) names: NamingOptions,
    /// Change the files; otherwise the single document is printed.
    pub(crate) in_place: bool,
    /// Print a diff instead of the whole document.
    pub(crate) diff: bool,
    /// The output format.
    pub(crate) output: Output,
    /// The log verbosity.
    pub(crate) verbosity: Verbosity,
}

/// A document and its result.
struct RewriteResult {
    name: String,
    result: Result<(DocumentReport, RewrittenDocument, LostAttributes), Failure>,
}

/// Runs the command.
pub(crate) fn run(rewrite: Rewrite) -> Result<(), Failure> {
    let DocumentSet { sources, walked } = gather(&rewrite.documents);
    rewrite.refuse(&sources, walked.is_some())?;
    let rules = rewrite.names.rules(rewrite.documents.ignore()?)?;
    // Standard input can be read only once, so keep it.
    let inputs: Vec<Option<Result<Input, Failure>>> =
        sources.iter().map(|source| (*source == DocumentSource::Stdin).then(|| read(source))).collect();
    let inputs = Inputs { sources: &sources, kept: inputs.into_iter().map(Mutex::new).collect() };
    if rules.may_collide() {
        look_for_collisions(&rewrite.documents, &inputs, &rules)?;
    }
    let layers = layers(&rewrite.documents, &sources, &rules);
    let done = on_all(sources.len(), |index| {
        rewrite.one(&inputs, index, &Renaming { rules: &rules, layers: &layers })
    });
    if rewrite.verbosity != Verbosity::Quiet {
        remark_kustomizations(&sources, &done);
    }
    let failed = done.iter().filter(|done| done.result.is_err()).count();
    rewrite.print_all(done, walked.as_ref())?;
    unfinished(failed, sources.len())
}

/// How images are renamed: by rules, and in kustomizations by what their resources become.
struct Renaming<'a> {
    rules: &'a Rules,
    layers: &'a Layers,
}

// The kustomizations among the documents.
fn layers(documents: &Documents, sources: &[DocumentSource], rules: &Rules) -> Layers {
    if !sources.iter().any(|source| Layers::has_name(&source.to_string())) {
        return Layers::default();
    }
    let inputs =
        sources.iter().filter(|source| source.path().is_some()).filter_map(|source| read(source).ok());
    let inputs: Vec<Input> = inputs.collect();
    let files: Vec<(&str, &str)> =
        inputs.iter().map(|input| (input.name.as_str(), input.text.as_str())).collect();
    Layers::of(&files, rules, &documents.search)
}

// Reports kustomizations beside changed resources that are not among the documents: they may no longer find their images.
fn remark_kustomizations(sources: &[DocumentSource], result: &[RewriteResult]) {
    let is_changed = |result: &RewriteResult| {
        let outcome = result.result.as_ref().map(|(outcome, ..)| outcome);
        outcome
            .is_ok_and(|outcome| outcome.kind == Some(DocumentKind::Kubernetes.name()) && outcome.renamed > 0)
    };
    let paths = sources.iter().zip(result).filter(|(_, result)| is_changed(result));
    let folders: BTreeSet<&Path> = paths.filter_map(|(source, _)| source.path()?.parent()).collect();
    for folder in folders {
        let is_named = sources
            .iter()
            .filter_map(DocumentSource::path)
            .any(|path| path.parent() == Some(folder) && Layers::has_name(&path.to_string_lossy()));
        let names =
            ["kustomization.yaml", "kustomization.yml", "Kustomization"].map(|name| folder.join(name));
        if let Some(path) = names.iter().find(|path| !is_named && path.is_file()) {
            failure::remark(&format!(
                "{} is not among the documents: if its `images` name any that changed, name it as well",
                path.display()
            ));
        }
    }
}

/// The documents, read on demand.
struct Inputs<'a> {
    sources: &'a [DocumentSource],
    kept: Vec<Mutex<Option<Result<Input, Failure>>>>,
}

impl Inputs<'_> {
    fn with<T>(&self, index: usize, work: impl FnOnce(&Input) -> Result<T, Failure>) -> Result<T, Failure> {
        let kept = self.kept[index].lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(Ok(input)) => work(input),
            Some(Err(failure)) => Err(failure.clone()),
            None => work(&read(&self.sources[index])?),
        }
    }
}

// A first pass, so that nothing is written if two images would get the same name.
fn look_for_collisions(documents: &Documents, inputs: &Inputs<'_>, rules: &Rules) -> Result<(), Failure> {
    let mut census = Census::default();
    for index in 0..inputs.sources.len() {
        // Read errors are reported in the second pass.
        let found =
            inputs.with(index, |input| Ok(documents.document(input)?.images().cloned().collect::<Vec<_>>()));
        for found in found.unwrap_or_default() {
            if let Ok(target) = rules.name(&found) {
                census.add(&found, &target).map_err(|collision| collides(&collision))?;
            }
        }
    }
    Ok(())
}

pub(in crate::commands) fn collides(collision: &Collision) -> Failure {
    Failure::new(collision.to_string()).with_hint(format!(
        "give one of them a name of its own: `--map {}=NEW`; nothing was written",
        collision.second
    ))
}

// Runs `work` for each number in parallel, on all processors; the results are in order.
fn on_all<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from).min(count);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return done;
            }
            done.push((index, work(index)));
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
        let own = worker();
        let others = workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default());
        own.into_iter().chain(others.collect::<Vec<_>>()).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

impl Rewrite {
    // Rejects contradictory options before anything is read.
    fn refuse(&self, sources: &[DocumentSource], is_walk: bool) -> Result<(), Failure> {
        if self.in_place && sources.contains(&DocumentSource::Stdin) {
            return Err(Failure::wrong("standard input cannot be changed in place")
                .with_hint("name files, or leave out `--in-place`"));
        }
        if (is_walk || sources.len() > 1) && !self.in_place && !self.diff && self.output == Output::Text {
            return Err(Failure::wrong("several documents cannot be printed as one")
                .with_hint("`--in-place` changes the files, `--diff` shows what would change"));
        }
        Ok(())
    }

    fn one(&self, inputs: &Inputs<'_>, index: usize, renaming: &Renaming<'_>) -> RewriteResult {
        let name = inputs.sources[index].to_string();
        let result = inputs.with(index, |input| self.rewritten(input, &inputs.sources[index], renaming));
        RewriteResult { name, result }
    }

    fn rewritten(
        &self,
        input: &Input,
        source: &DocumentSource,
        renaming: &Renaming<'_>,
    ) -> Result<(DocumentReport, RewrittenDocument, LostAttributes), Failure> {
        let document = self.documents.document_with(input, renaming.layers.renamed(&input.name))?;
        let mut rewritten = document
            .rewrite(renaming.rules, &mut Census::default())
            .map_err(|error| Failure::because_of(&error).in_file(&input.name))?;
        let mut outcome = DocumentReport::of(&input.name, document.kind());
        (outcome.renamed, outcome.stayed) = (rewritten.changes.len(), rewritten.left.len());
        if self.output == Output::Json {
            outcome.changes = rewritten.changes.iter().map(RenamedImage::of).collect();
            outcome.left = rewritten.left.iter().map(|left| UnchangedText::of(&input.name, left)).collect();
        }
        outcome.diff = self.diff.then(|| diff(&input.name, &input.text, &rewritten.text));
        let mut lost = LostAttributes::default();
        match source {
            DocumentSource::File(_) if self.in_place && rewritten.text == input.text => {}
            DocumentSource::File(path) if self.in_place => {
                lost = file::replace(path, &rewritten.text)
                    .map_err(|error| Failure::because(format!("cannot write {}", input.name), &error))?;
            }
            _ if !self.diff => outcome.text = Some(std::mem::take(&mut rewritten.text)),
            _ => {}
        }
        // With many documents, keep only what the report needs.
        rewritten.text = String::new();
        rewritten.changes = Vec::new();
        Ok((outcome, rewritten, lost))
    }

    fn print_all(&self, done: Vec<RewriteResult>, walked: Option<&WalkCounts>) -> Result<(), Failure> {
        let mut documents = Vec::new();
        for RewriteResult { name, result } in done {
            match result {
                Ok((outcome, rewritten, lost)) => {
                    self.note(&name, &rewritten);
                    file::warn_lost(&name, &lost);
                    documents.push(outcome);
                }
                Err(failure) => {
                    failure.report();
                    documents.push(DocumentReport::failed(&name, &failure));
                }
            }
        }
        match self.output {
            Output::Json => output::print_json(&RewriteReport { documents }),
            Output::Text => {
                // Of a directory, only what has images is worth a line.
                let is_told =
                    |outcome: &&DocumentReport| walked.is_none() || outcome.renamed + outcome.stayed > 0;
                documents.iter().filter(is_told).try_for_each(|outcome| self.print(outcome))?;
                walked.map_or(Ok(()), |walked| self.sum_up(&documents, walked))
            }
        }
    }

    fn sum_up(&self, documents: &[DocumentReport], walked: &WalkCounts) -> Result<(), Failure> {
        let renamed: usize = documents.iter().map(|outcome| outcome.renamed).sum();
        let left: usize = documents.iter().map(|outcome| outcome.stayed).sum();
        let text = sentence!("{files}: {changes}", files = walked.told(), changes = changes(renamed, left));
        // A diff is for other programs, and stays one.
        if self.diff {
            failure::remark(&text);
            return Ok(());
        }
        output::print(&output::line(&text))
    }

    fn note(&self, name: &str, rewritten: &RewrittenDocument) {
        if self.output == Output::Text && self.verbosity != Verbosity::Quiet {
            for left in &rewritten.left {
                note_left(name, left.position, &left.text, &left.reason);
            }
        }
    }

    fn print(&self, outcome: &DocumentReport) -> Result<(), Failure> {
        match (&outcome.diff, &outcome.text) {
            (Some(text), _) | (None, Some(text)) => output::print_exact(text.as_bytes()),
            (None, None) if outcome.error.is_some() => Ok(()),
            (None, None) => {
                let changes = changes(outcome.renamed, outcome.stayed);
                output::print(&output::line(&format!("{}: {changes}", outcome.file)))
            }
        }
    }
}

fn changes(renamed: usize, left: usize) -> String {
    let renamed = output::amount(renamed, "image");
    output::joined(&[
        sentence!("{images} renamed", images = renamed),
        sentence!("{count} left", count = left),
    ])
}

#[derive(Serialize)]
struct RewriteReport {
    documents: Vec<DocumentReport>,
}
