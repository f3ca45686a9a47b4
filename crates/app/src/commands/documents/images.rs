//! `entrepot images`: lists the images that documents name.

use std::collections::HashMap;

use entrepot_rewrite::{Candidate, CandidateVerdict, DocumentImage, Ignore, Reason};
use serde::Serialize;

use super::{
    Documents, Input,
    named::ImageUse,
    note_left, read,
    report::{DocumentPosition, DocumentProblem, UnchangedText},
    resolve, unfinished,
    walk::{DocumentSet, gather},
};
use crate::{
    commands::session::Common,
    failure::{self, Failure},
    log::Verbosity,
    output::{self, Output},
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Images {
    /// Options shared by all registry commands.
    pub(crate) common: Common,
    /// The documents.
    pub(crate) documents: Documents,
    /// Look the images up at their registries.
    pub(crate) resolve: bool,
}

/// The images found in all documents.
#[derive(Debug, Default, Serialize)]
struct ImageListing {
    images: Vec<ImageUse>,
    // Index of each image in the list.
    #[serde(skip)]
    numbers: HashMap<String, usize>,
    left: Vec<UnchangedText>,
    errors: Vec<DocumentProblem>,
}

/// Runs the command.
pub(crate) fn run(Images { common, documents, resolve }: Images) -> Result<(), Failure> {
    let ignore = documents.ignore()?;
    let mut listing = ImageListing::default();
    let DocumentSet { sources, walked } = gather(&documents);
    for source in &sources {
        let listed = read(source).and_then(|input| listing.take(&documents, &input, &ignore, &common));
        if let Err(failure) = listed {
            failure.report();
            listing.errors.push(DocumentProblem::of(&failure));
        }
    }
    if let Some(walked) = walked.filter(|_| common.verbosity != Verbosity::Quiet) {
        failure::remark(&walked.told());
    }
    let missing = if resolve { resolve::resolve(&common, &mut listing.images)? } else { 0 };
    listing.print(&common, resolve)?;
    unfinished(listing.errors.len(), sources.len())?;
    match missing {
        0 => Ok(()),
        missing => Err(Failure::new(format!("{} could not be resolved", output::counted(missing, "image")))),
    }
}

impl ImageListing {
    fn take(
        &mut self,
        documents: &Documents,
        input: &Input,
        ignore: &Ignore,
        common: &Common,
    ) -> Result<(), Failure> {
        for candidate in documents.document(input)?.candidates() {
            let Candidate { position, place, also, text, verdict: standing } = candidate;
            let at = DocumentPosition::new(&input.name, position, &place, &text);
            let reason = match standing {
                CandidateVerdict::Found(found) if !ignore.holds(&found) => {
                    self.add(&found, at);
                    for place in also {
                        self.add(&found, DocumentPosition::new(&input.name, position, &place, &text));
                    }
                    continue;
                }
                CandidateVerdict::Found(_) => Reason::Ignored,
                CandidateVerdict::Left(reason) => reason,
            };
            if common.output == Output::Text && common.verbosity != Verbosity::Quiet {
                note_left(&input.name, position, &text, &reason);
            }
            self.left.push(UnchangedText::new(at, &reason));
        }
        Ok(())
    }

    fn add(&mut self, found: &DocumentImage, position: DocumentPosition) {
        let whole = found.image();
        let image = whole.as_ref().map_or_else(|| found.to_string(), ToString::to_string);
        let number = *self.numbers.entry(image.clone()).or_insert(self.images.len());
        match self.images.get_mut(number) {
            Some(known) => known.places.push(position),
            None => self.images.push(ImageUse { image, whole, places: vec![position], resolved: None }),
        }
    }

    fn print(&self, common: &Common, resolved: bool) -> Result<(), Failure> {
        match common.output {
            Output::Json => output::print_json(self),
            Output::Text if resolved => output::print(&resolve::table(&self.images)),
            Output::Text => output::print(
                &self.images.iter().map(|named| format!("{}\n", named.image)).collect::<String>(),
            ),
        }
    }
}
