//! Tags of a repository beside the state of each copy.

use entrepot_oci::{Digest, Tag};
use serde::Serialize;

use crate::{
    Line, Place,
    plan::{as_text, places},
};

/// The tags that a rule copies from one repository, and how each of them stands at every destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagTable {
    /// The rule.
    pub rule: String,
    /// The repository.
    #[serde(serialize_with = "as_text")]
    pub source: Place,
    /// The destinations: the columns.
    #[serde(serialize_with = "places")]
    pub targets: Vec<Place>,
    /// The tags: the rows.
    pub rows: Vec<TagRow>,
}

/// A tag, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagRow {
    /// What it is called at the source.
    #[serde(serialize_with = "as_text")]
    pub tag: Tag,
    /// What it points at there, where that is known.
    pub digest: Option<Digest>,
    /// The state at each destination, in their order; `None` where the rule does not copy it.
    pub states: Vec<Option<&'static str>>,
}

/// A table for each rule and source, in the order of the lines.
pub fn tag_tables(lines: &[Line]) -> Vec<TagTable> {
    let mut tables: Vec<TagTable> = Vec::new();
    for line in lines {
        let known = tables.iter().position(|table| table.rule == line.rule && table.source == line.source);
        let index = known.unwrap_or_else(|| {
            tables.push(TagTable {
                rule: line.rule.clone(),
                source: line.source.clone(),
                targets: Vec::new(),
                rows: Vec::new(),
            });
            tables.len() - 1
        });
        tables[index].add(line);
    }
    tables
}

impl TagTable {
    fn add(&mut self, line: &Line) {
        let column = self.targets.iter().position(|target| *target == line.target).unwrap_or_else(|| {
            self.targets.push(line.target.clone());
            self.rows.iter_mut().for_each(|row| row.states.push(None));
            self.targets.len() - 1
        });
        // What is about a whole repository is about none of its tags.
        let Some(tag) = &line.tag else { return };
        let row = self.rows.iter().position(|row| row.tag == *tag).unwrap_or_else(|| {
            let states = vec![None; self.targets.len()];
            self.rows.push(TagRow { tag: tag.clone(), digest: line.digest, states });
            self.rows.len() - 1
        });
        self.rows[row].states[column] = Some(line.state.word());
    }
}
