//! Stores the entries of a document: all of them, or none and all that is wrong.

use std::collections::HashMap;

use entrepot_access::{Audit, AuditAction, to_the_end};
use entrepot_catalog::EntryRecord;

use super::{
    form::ReadDocument,
    row::{EntryRow, RowError, RowFault},
};
use crate::{
    entries::{CheckedEntry, EntryError, EntryFault, Field, NewEntry},
    ids::EntryId,
    library::Library,
};

/// How many entries of one repository are compared with a new one.
const COMPARED: usize = 1000;

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportResult {
    /// All entries are stored.
    Done {
        /// The ids of the new ones.
        added: Vec<i64>,
        /// The ids of those that were changed.
        changed: Vec<i64>,
    },
    /// Nothing is stored, and this is all that is wrong.
    Refused(Vec<RowError>),
}

/// A row that is right.
type Ready = (Option<EntryRecord>, CheckedEntry);

impl Library {
    /// Stores the entries of a document: with an id it changes that entry, without one it adds one. `is_trial` only says
    /// what is wrong, and what would be done: the ids of new ones are 0 then.
    ///
    /// # Errors
    /// Somebody changed an entry meanwhile, a login is not accepted, or the database failed; then nothing is stored.
    pub async fn import_entries(
        &self,
        document: ReadDocument,
        is_trial: bool,
        by: Audit,
    ) -> Result<ImportResult, EntryError> {
        let library = self.clone();
        to_the_end(async move {
            let ReadDocument { rows, mut faults } = document;
            let ready = library.ready(rows, &mut faults).await?;
            if !faults.is_empty() {
                faults.sort_by_key(|fault| (fault.line, fault.field));
                return Ok(ImportResult::Refused(faults));
            }
            let is_new: Vec<bool> = ready.iter().map(|(of, _)| of.is_none()).collect();
            let ids = if is_trial {
                ready.iter().map(|(of, _)| of.as_ref().map_or(0, |seen| seen.id)).collect()
            } else {
                let detail = Some(format!("entries: {}", ready.len()));
                let deed = AuditAction { action: "entry.import", object: "entries", detail };
                let ids = library.entry_deed(&by, deed, library.store(ready, &by)).await?;
                library.check_soon(ids.clone());
                ids
            };
            let of = |wanted: bool| ids.iter().zip(&is_new).filter(move |(_, is_new)| **is_new == wanted);
            Ok(ImportResult::Done {
                added: of(true).map(|(id, _)| *id).collect(),
                changed: of(false).map(|(id, _)| *id).collect(),
            })
        })
        .await
    }

    async fn ready(&self, rows: Vec<EntryRow>, faults: &mut Vec<RowError>) -> Result<Vec<Ready>, EntryError> {
        let (mut ready, mut seen) = (Vec::with_capacity(rows.len()), HashMap::new());
        for row in rows {
            let line = row.line;
            match self.ready_row(row).await? {
                Ok((of, checked)) => {
                    let what = match &of {
                        Some(record) => (Some(record.id), String::new(), String::new()),
                        None => (None, checked.fields.name.clone(), checked.address.to_string()),
                    };
                    let field = if of.is_some() { Field::Id } else { Field::Address };
                    match seen.insert(what, line) {
                        Some(first) => faults.push(RowError { line, field, fault: RowFault::Twice(first) }),
                        None => ready.push((of, checked)),
                    }
                }
                Err(wrong) => faults.extend(wrong),
            }
        }
        Ok(ready)
    }

    async fn ready_row(&self, row: EntryRow) -> Result<Result<Ready, Vec<RowError>>, EntryError> {
        let EntryRow { line, id, change } = row;
        let wrong = |field, fault| Ok(Err(vec![RowError { line, field, fault }]));
        let of = match (id.is_empty(), id.parse::<EntryId>()) {
            (true, _) => None,
            (false, Err(_)) => return wrong(Field::Id, RowFault::Id),
            (false, Ok(id)) => match self.0.catalog.entry(id.into()).await? {
                None => return wrong(Field::Id, RowFault::Unknown),
                found => found,
            },
        };
        let new = match &of {
            Some(seen) => change.of(seen),
            None => NewEntry::of(change, self.names()),
        };
        let checked = match new.check(self.names()) {
            Ok(checked) => checked,
            Err(faults) => {
                let error = |one: EntryFault| RowError { line, field: one.field, fault: one.fault.into() };
                return Ok(Err(faults.into_iter().map(error).collect()));
            }
        };
        if of.is_none()
            && let Some(same) = self.same_as(&checked).await?
        {
            return wrong(Field::Address, RowFault::Exists(same));
        }
        Ok(Ok((of, checked)))
    }

    // An entry with this name and this image.
    async fn same_as(&self, checked: &CheckedEntry) -> Result<Option<i64>, EntryError> {
        let fields = &checked.fields;
        let all = self.0.catalog.entries_of_image(&fields.host, &fields.repository, COMPARED).await?.rows;
        let is_same = |one: &&EntryRecord| {
            (&one.fields.name, &one.fields.tag, &one.fields.digest)
                == (&fields.name, &fields.tag, &fields.digest)
        };
        Ok(all.iter().find(is_same).map(|one| one.id))
    }
}
