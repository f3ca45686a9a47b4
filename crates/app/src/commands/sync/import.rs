//! `entrepot sync import`: converts another tool's file into rules.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use entrepot_importers::{Input, import};

use crate::{
    failure::{self, Failure},
    output::{self, sentence},
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
    let variables = environment();
    let input = Input { text: &text, exclude: exclude.as_deref(), to: to.as_deref(), variables: &variables };
    let imported = import(&input)
        .map_err(|error| Failure::wrong(format!("{}: {error}", file.display())).with_hint(error.hint()))?;
    failure::note(&imported.notes(), "each stands as a comment in the rules, where you can decide about it");
    let yaml = imported.to_yaml();
    let nothing = || {
        Failure::new(format!("{}: nothing in it could be carried over", file.display()))
            .with_hint("the reasons are above, and in the comments of what was written")
    };
    let is_empty = imported.is_empty();
    let Some(out) = out else {
        output::print_exact(yaml.as_bytes())?;
        return if is_empty { Err(nothing()) } else { Ok(()) };
    };
    fs::write(&out, yaml)
        .map_err(|error| Failure::because(format!("cannot write `{}`", out.display()), &error))?;
    if is_empty {
        return Err(nothing());
    }
    let rules = output::amount(imported.sections().len(), "rule");
    let (kind, file) = (imported.kind().name(), out.display());
    let made = sentence!("{rules} from {kind} in `{file}`", rules = rules, kind = kind, file = file);
    let next = sentence!("look at it, then: `entrepot sync {file} --dry-run`", file = file);
    output::print(&format!("{made}\n{next}\n"))
}

// Templates of other tools read it. What is not text cannot be part of a name.
fn environment() -> BTreeMap<String, String> {
    let text = |value: std::ffi::OsString| value.into_string().ok();
    env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::wrong(format!("cannot read `{}`: {error}", path.display()))
            .with_hint("it must be a file of text that this user may read")
    })
}
