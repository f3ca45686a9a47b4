//! Entries as JSON: a list of objects, or an object that has one as `entries`. Pure.

use entrepot_catalog::EntryRecord;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    columns::column,
    document::{DocumentFault, MOST, ParsedRows},
    row::{EntryRow, RowError, RowFault},
};
use crate::entries::Field;

#[derive(Deserialize)]
#[serde(untagged)]
enum EntriesDocument {
    List(Vec<Map<String, Value>>),
    Wrapped { entries: Vec<Map<String, Value>> },
}

/// Writes a list.
pub(super) fn write(entries: &[EntryRecord]) -> String {
    let all: Vec<Value> = entries
        .iter()
        .map(|entry| {
            let fields = &entry.fields;
            json!({
                "id": entry.id, "name": fields.name, "address": fields.address, "description": fields.description,
                "source": fields.source, "memory_split": fields.memory_split, "on_shelf": fields.is_on_shelf,
                "remark": fields.remark,
            })
        })
        .collect();
    // Values always serialize.
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

/// Reads a list.
pub(super) fn read(text: &str) -> Result<ParsedRows, DocumentFault> {
    // The position, and not the text, which may hold a password.
    let position = |error: &serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let document: EntriesDocument =
        serde_json::from_str(text).map_err(|error| DocumentFault::Json(position(&error)))?;
    let (EntriesDocument::List(all) | EntriesDocument::Wrapped { entries: all }) = document;
    if all.len() > MOST {
        return Err(DocumentFault::Many);
    }
    let (mut rows, mut faults) = (Vec::with_capacity(all.len()), Vec::new());
    for (at, object) in all.into_iter().enumerate() {
        let mut row = EntryRow::at(at + 1);
        for (key, value) in object {
            let Some(found) = column(&key) else { return Err(DocumentFault::Column(key)) };
            if let Some(field) = found {
                faults.extend(set(&mut row, field, &value).err());
            }
        }
        rows.push(row);
    }
    Ok((rows, faults))
}

fn set(row: &mut EntryRow, field: Field, value: &Value) -> Result<(), RowError> {
    match value {
        Value::Null => Ok(()),
        Value::String(text) => row.set(field, text),
        Value::Bool(is_so) if matches!(field, Field::MemorySplit | Field::OnShelf) => {
            row.set(field, if *is_so { "true" } else { "false" })
        }
        Value::Number(number) if field == Field::Id => row.set(field, &number.to_string()),
        _ => Err(RowError { line: row.line, field, fault: RowFault::Text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_both_forms() {
        let list = r#"[{"name": "a", "address": "nginx:1", "on_shelf": false}, {"id": 7, "supportMemorySplit": true}]"#;
        for text in [list.to_owned(), format!(r#"{{"entries": {list}}}"#)] {
            let (rows, faults) = read(&text).unwrap();
            assert!(faults.is_empty());
            assert_eq!((rows[0].line, rows[0].change.is_on_shelf), (1, Some(false)));
            assert_eq!((rows[1].id.as_str(), rows[1].change.memory_split), ("7", Some(true)));
            assert_eq!(rows[1].change.name, None);
        }
    }

    #[test]
    fn what_is_no_list_is_refused_without_repeating_it() {
        for text in
            ["", "{", "[1]", r#"{"address": "u:SECRET@a.io/b"}"#, r#"[{"address": "u:SECRET@a.io/b"}"#]
        {
            let fault = read(text).unwrap_err();
            assert!(
                matches!(&fault, DocumentFault::Json(_)) && !fault.to_string().contains("SECRET"),
                "{fault}"
            );
        }
        assert_eq!(read(r#"[{"adress": "a"}]"#).unwrap_err(), DocumentFault::Column("adress".to_owned()));
        let (_, faults) = read(r#"[{"name": 1, "address": ["a"], "on_shelf": 3}]"#).unwrap();
        assert_eq!(faults.len(), 3);
    }
}
