//! `entrepot sync import`: converts another tool's file into rules.

use std::{
    fs,
    path::{Path, PathBuf},
};

use entrepot_importers::{Input, import};
use entrepot_sync::rules::RuleSet;

use crate::{
    config::Warning,
    failure::{self, Failure},
    output,
};

/// The file next to an image list that names the tags to leave out.
const EXCLUDE: &str = "exclude.txt";

/// The arguments.
#[derive(Debug)]
pub(crate) struct Import {
    /// The file.
    pub(crate) file: PathBuf,
    /// The file of tags to leave out; `None` means the default file next to it, if any.
    pub(crate) exclude: Option<PathBuf>,
    /// The target, for files that do not name one.
    pub(crate) to: Option<String>,
    /// The output file, instead of standard output.
    pub(crate) out: Option<PathBuf>,
}

/// Reads the file, converts it, and writes the rules.
pub(crate) fn run(Import { file, exclude, to, out }: Import) -> Result<(), Failure> {
    let text = read(&file)?;
    let exclude = match exclude {
        Some(path) => Some(read(&path)?),
        None => fs::read_to_string(file.with_file_name(EXCLUDE)).ok(),
    };
    let input = Input { text: &text, exclude: exclude.as_deref(), to: to.as_deref() };
    let imported = import(&input)
        .map_err(|error| Failure::wrong(format!("{}: {error}", file.display())).with_hint(error.hint()))?;
    let sections = imported.sections();
    failure::note(&imported.notes(), "each stands as a comment in the rules, where you can decide about it");
    if let Err(error) = RuleSet::check(&sections) {
        failure::warn(&[Warning { what: error.to_string(), hint: error.hint().to_owned() }]);
    }
    let yaml = imported.to_yaml();
    let Some(out) = out else { return output::print_exact(yaml.as_bytes()) };
    fs::write(&out, yaml)
        .map_err(|error| Failure::because(format!("cannot write `{}`", out.display()), &error))?;
    let count = output::counted(sections.len() as u64, "rule");
    output::print(&format!(
        "{count} from {} in `{}`\nlook at it, then: `entrepot sync {} --dry-run`\n",
        imported.kind().name(),
        out.display(),
        out.display()
    ))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::wrong(format!("cannot read `{}`: {error}", path.display()))
            .with_hint("it must be a file of text that this user may read")
    })
}
