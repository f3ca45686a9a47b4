//! GitHub workflows and actions: containers and services of jobs, `docker://` steps, matrix values.

use crate::{
    candidate::Reason,
    expansion::{Lookup, Pieces, VariableValue},
    find::values::{is_value, spot, variables},
    finder::{EntryVerdict, Finder, RenameMethod},
    tree::{Path, View},
};

const SCHEME: &str = "docker://";

/// GitHub's maximum number of jobs per matrix.
const MAX_VALUES: usize = 256;

pub(super) fn find(root: View<'_>, finder: &mut Finder<'_>) {
    if let Some(env) = root.get("env") {
        variables(env, &Path::ROOT.key("env"), finder);
    }
    let path = Path::ROOT.key("jobs");
    for (name, job) in root.get("jobs").map(View::entries).unwrap_or_default() {
        self::job(job, &path.key(name), finder);
    }
    let path = Path::ROOT.key("runs");
    if let Some(runs) = root.get("runs") {
        if let Some(image) = runs.get("image") {
            scheme(image, &path.key("image"), finder);
        }
        steps(runs, &path, finder);
    }
}

fn job(job: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if let Some(container) = job.get("container") {
        self::container(container, job, &path.key("container"), finder);
    }
    let services = path.key("services");
    for (name, service) in job.get("services").map(View::entries).unwrap_or_default() {
        self::container(service, job, &services.key(name), finder);
    }
    if let Some(env) = job.get("env") {
        variables(env, &path.key("env"), finder);
    }
    steps(job, path, finder);
}

// A reference, or a mapping that contains one.
fn container(view: View<'_>, job: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    match view.get("image") {
        Some(image) => reference(image, job, &path.key("image"), finder),
        None => reference(view, job, path, finder),
    }
}

fn reference(view: View<'_>, job: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let prefix = if view.text().is_some_and(|text| text.starts_with(SCHEME)) { SCHEME } else { "" };
    let Some(pieces) = finder.pieces(spot(path, view), prefix, &|_| None) else { return };
    let what = finder.what(pieces.clone(), RenameMethod::Rename);
    let EntryVerdict::Left(Reason::Variable(name)) = &what else {
        return finder.assembled(spot(path, view), pieces, RenameMethod::Rename);
    };
    let values = match matrix(job, name) {
        Ok(values) => values,
        Err(reason) => return finder.leave(spot(path, view), reason),
    };
    for value in values {
        let Some(known) = finder.value(value.node) else { continue };
        let lookup = |other: &str| (other == name).then_some(VariableValue::Inside(&known));
        let Some(pieces) = with(view, prefix, &lookup, finder) else { continue };
        let strategy = Path::ROOT.key("strategy");
        finder.assembled(spot(&strategy.key(name), value), pieces, RenameMethod::Rename);
    }
}

fn with(view: View<'_>, prefix: &str, lookup: Lookup<'_>, finder: &mut Finder<'_>) -> Option<Pieces> {
    let token = finder.token(view.node)?;
    let text = view.text()?;
    finder.filled_in((token, text), prefix.len()..text.trim_end().len(), lookup)
}

// All values of `matrix.name` or `matrix.name.key`, or why there are none.
fn matrix<'t>(job: View<'t>, name: &str) -> Result<Vec<View<'t>>, Reason> {
    let unset = || Reason::Variable(name.to_owned());
    let mut keys = name.strip_prefix("matrix.").ok_or_else(unset)?.split('.');
    let first = keys.next().unwrap_or_default();
    let inner: Vec<&str> = keys.collect();
    let strategy = job.get("strategy");
    let matrix = strategy.and_then(|strategy| strategy.get("matrix")).ok_or_else(unset)?;
    let listed = matrix.get(first).into_iter().flat_map(View::items);
    let included =
        matrix.get("include").into_iter().flat_map(View::items).filter_map(|entry| entry.get(first));
    let values = listed.chain(included);
    let values = values.filter_map(|value| inner.iter().try_fold(value, |value, key| value.get(key)));
    let values: Vec<View<'t>> = values.filter(|value| value.is_text()).take(MAX_VALUES + 1).collect();
    match values.len() {
        0 => Err(unset()),
        1..=MAX_VALUES => Ok(values),
        _ => Err(Reason::TooMuch),
    }
}

fn steps(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let list = path.key("steps");
    for (index, step) in view.get("steps").into_iter().flat_map(View::items).enumerate() {
        let path = list.index(index);
        if let Some(uses) = step.get("uses") {
            scheme(uses, &path.key("uses"), finder);
        }
        if let Some(env) = step.get("env") {
            variables(env, &path.key("env"), finder);
        }
        inputs(step, view, &path.key("with"), finder);
    }
}

fn scheme(view: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    if view.text().is_some_and(|text| text.starts_with(SCHEME)) {
        finder.image_behind(spot(path, view), SCHEME, RenameMethod::Rename);
    }
}

fn inputs(step: View<'_>, job: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let uses = step.get("uses").and_then(View::text).unwrap_or_default();
    for (key, value) in step.get("with").map(View::entries).unwrap_or_default() {
        let path = path.key(key);
        match key {
            "tags" | "images" if uses.starts_with("docker/") => published(value, job, &path, finder),
            _ => {
                if value.text().is_some_and(|text| is_value(key, text)) {
                    finder.argument(spot(&path, value), "");
                }
            }
        }
    }
}

// One reference per line, or several separated by commas.
fn published(view: View<'_>, job: View<'_>, path: &Path<'_>, finder: &mut Finder<'_>) {
    let Some(text) = view.text() else { return };
    let mut start = 0;
    for item in text.split_inclusive(['\n', ',']) {
        let inner = item.trim_matches(|c: char| c.is_whitespace() || c == ',');
        let from = start + item.find(inner).unwrap_or(0);
        start += item.len();
        // `type=raw,…` makes tags, and names no image.
        if !inner.is_empty() && !inner.starts_with('#') && !inner.contains('=') {
            let range = from..from + inner.len();
            if finder.search.built {
                pushed(view, job, path, range, finder);
            } else {
                finder.part(spot(path, view), range, Some(Reason::Published));
            }
        }
    }
}

// Pushed images; if the name comes from the matrix, one image per value.
fn pushed(
    view: View<'_>,
    job: View<'_>,
    path: &Path<'_>,
    range: std::ops::Range<usize>,
    finder: &mut Finder<'_>,
) {
    let what = finder.part_as(spot(path, view), range.clone(), &|_| None);
    let EntryVerdict::Left(Reason::Variable(name)) = &what else {
        return finder.part(spot(path, view), range, None);
    };
    let values = match matrix(job, name) {
        Ok(values) => values,
        Err(reason) => return finder.part(spot(path, view), range, Some(reason)),
    };
    for value in values {
        let Some(known) = finder.value(value.node) else { continue };
        let lookup = |other: &str| (other == name).then_some(VariableValue::Inside(&known));
        let what = finder.part_as(spot(path, view), range.clone(), &lookup);
        finder.part_of_many(spot(path, view), range.clone(), what);
    }
}
