//! `entrepot migrate rewrite`: updates names and logins in the project's files.

use entrepot_migrate::{Direction, EditedFile, Editor, File, Remark};
use entrepot_rewrite::Reason;
use serde::Serialize;

use super::{Args, MigrationContext, MoveList, checkout::Checkout};
use crate::{
    commands::{
        documents::{
            diff, file,
            report::{RenamedImage, UnchangedText},
        },
        session,
    },
    failure::{self, Failure},
    log::Verbosity,
    output::{self, Output, amount, counted, joined, sentence},
    replace::LostAttributes,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Rewrite {
    /// The migration.
    pub(crate) args: Args,
    /// Change the files; otherwise the changes are shown.
    pub(crate) in_place: bool,
    /// Forward, or back to the old names.
    pub(crate) direction: Direction,
}

/// The result for a file.
#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    changes: Vec<RenamedImage>,
    logins: Vec<LoginEdit>,
    left: Vec<UnchangedText>,
    remarks: Vec<RemarkReport>,
    #[serde(skip_serializing_if = "String::is_empty")]
    diff: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct LoginEdit {
    line: usize,
    path: String,
    from: String,
    to: String,
    secret: Option<String>,
}

#[derive(Debug, Serialize)]
struct RemarkReport {
    line: Option<usize>,
    what: String,
    hint: String,
}

#[derive(Serialize)]
struct MigrationRewrite {
    documents: Vec<FileReport>,
}

/// Rewrites the files, or shows the changes.
pub(crate) fn run(rewrite: Rewrite) -> Result<(), Failure> {
    let Rewrite { args, in_place, direction } = rewrite;
    let args = args.settled();
    session::run(&args.common, async |session, stop| {
        let scene = MigrationContext::of(&session, &args)?;
        if scene.files.is_empty() {
            return Err(Failure::wrong("there are no documents to rewrite").with_hint(
                "say which: `documents: [\".github/workflows/*.yml\"]` in the migration; `--checkout` says where they are",
            ));
        }
        let MoveList { moves, .. } = tokio::select! {
            found = scene.found() => found?,
            () = stop.cancelled() => return Err(Failure::new("interrupted")),
        };
        let editor = Editor::new(&scene.migration, &moves.moves, &scene.files, direction)
            .map_err(|error| Failure::because_of(&error))?;
        let checkout = in_place.then_some(&scene.checkout);
        let quiet = args.common.output == Output::Json || args.common.verbosity == Verbosity::Quiet;
        let outcomes: Vec<FileReport> =
            scene.files.iter().map(|file| one(&editor, file, checkout, quiet)).collect();
        print(outcomes, args.common.output, in_place)
    })
}

fn one(editor: &Editor, file: &File, checkout: Option<&Checkout>, quiet: bool) -> FileReport {
    let edited = editor.edit(file).map_err(|error| Failure::because_of(&error).in_file(&file.name));
    let written = edited.and_then(|edited| {
        let lost = match checkout.filter(|_| edited.text != file.text) {
            Some(checkout) => checkout.write(&file.name, &edited.text)?,
            None => LostAttributes::default(),
        };
        Ok((edited, lost))
    });
    match written {
        Ok((edited, lost)) => {
            if !quiet {
                note(editor, &edited);
            }
            file::warn_lost(&file.name, &lost);
            outcome(file, &edited)
        }
        Err(failure) => {
            failure.report();
            FileReport::failed(file, &failure)
        }
    }
}

impl FileReport {
    fn failed(file: &File, failure: &Failure) -> Self {
        Self {
            file: file.name.clone(),
            kind: None,
            changes: Vec::new(),
            logins: Vec::new(),
            left: Vec::new(),
            remarks: Vec::new(),
            diff: String::new(),
            error: Some(failure.to_string()),
        }
    }
}

fn outcome(file: &File, edited: &EditedFile) -> FileReport {
    let login = |login: &entrepot_migrate::LoginChange| LoginEdit {
        line: login.position.line,
        path: login.place.clone(),
        from: login.from.clone(),
        to: login.to.clone(),
        secret: login.secret.clone(),
    };
    let noted = |remark: &Remark| RemarkReport {
        line: remark.position.map(|position| position.line),
        what: remark.what.clone(),
        hint: remark.hint.clone(),
    };
    FileReport {
        file: file.name.clone(),
        kind: Some(edited.kind.name()),
        changes: edited.changes.iter().map(RenamedImage::of).collect(),
        logins: edited.logins.iter().map(login).collect(),
        left: edited.left.iter().map(|left| UnchangedText::of(&file.name, left)).collect(),
        remarks: edited.remarks.iter().map(noted).collect(),
        diff: diff::diff(&file.name, &file.text, &edited.text),
        error: None,
    }
}

// Only what concerns the moved images; the JSON has everything that was left.
fn note(editor: &Editor, edited: &EditedFile) {
    for left in edited.left.iter().filter(|left| editor.concerns(left)) {
        let line = left.position.line;
        let reason = match &left.reason {
            Reason::Unmapped => "it is none of the repositories that move".to_owned(),
            other => other.to_string(),
        };
        failure::remark(&format!("{}:{line}: `{}` is left: {reason}", edited.name, left.text));
    }
    for Remark { position, what, hint } in &edited.remarks {
        let line = position.map_or_else(String::new, |position| format!(":{}", position.line));
        failure::note(&[format!("{}{line}: {what}", edited.name)], hint);
    }
}

fn print(outcomes: Vec<FileReport>, output: Output, in_place: bool) -> Result<(), Failure> {
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    let of = outcomes.len();
    match output {
        Output::Json => output::print_json(&MigrationRewrite { documents: outcomes })?,
        Output::Text if in_place => output::print(&outcomes.iter().map(line).collect::<String>())?,
        Output::Text => {
            let diffs: String = outcomes.iter().map(|outcome| outcome.diff.as_str()).collect();
            output::print_exact(diffs.as_bytes())?;
        }
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(format!("{failed} of {} not done", counted(of as u64, "document")))),
    }
}

fn line(outcome: &FileReport) -> String {
    if outcome.error.is_some() {
        return String::new();
    }
    let mut facts = vec![sentence!("{images} renamed", images = amount(outcome.changes.len(), "image"))];
    if !outcome.logins.is_empty() {
        facts.push(sentence!("{logins} adapted", logins = amount(outcome.logins.len(), "login")));
    }
    output::line(&format!("{}: {}", outcome.file, joined(&facts)))
}
