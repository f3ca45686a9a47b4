//! Turns the `migrate` section into a migration; errors carry their place.

use entrepot_migrate::{Migration, MigrationError, MigrationSection};

use super::{
    reader::{error::Error, place::SourceLocation, tree::ConfigNode},
    shown::OutputValue,
    types::Setting,
};

/// Builds the migration from `root`; `section` is the same in types.
pub(super) fn check(
    root: &ConfigNode,
    section: Option<MigrationSection>,
) -> Result<Option<Setting<Migration>>, Error> {
    let (Some(section), Some(node)) = (section, root.get("migrate")) else { return Ok(None) };
    let meant = Migration::check(&section).map_err(|error| located(node, &error))?;
    Ok(Some(Setting { meant, output: OutputValue::written(node) }))
}

fn located(section: &ConfigNode, error: &MigrationError) -> Error {
    let path: Vec<&str> = error.path().iter().map(String::as_str).collect();
    let node = (0..=path.len()).rev().find_map(|end| section.at(&path[..end]));
    let place = node.map_or(&SourceLocation::Nowhere, |node| &node.location);
    let fault = Error::at(place, error.what()).with_hint(error.hint());
    path.iter().rev().fold(fault, |fault, step| fault.under(step)).under("migrate")
}
