//! Entries as a table with commas (RFC 4180). Pure.
//!
//! A spreadsheet computes what begins like a formula, so such cells get an apostrophe in front, and lose it again.

use entrepot_catalog::EntryRecord;

use super::{
    columns::column,
    document::{DocumentFault, MOST, ParsedRows},
    row::EntryRow,
};
use crate::entries::Field;

/// What begins a formula in a spreadsheet.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes a table, with the mark by which spreadsheets know UTF-8.
pub(super) fn write(entries: &[EntryRecord]) -> String {
    let mut text = String::from('\u{feff}');
    text.push_str(&Field::ALL.map(Field::as_str).join(","));
    text.push_str("\r\n");
    for entry in entries {
        let cells = Field::ALL.map(|field| quoted(&safe(&value(entry, field))));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn value(entry: &EntryRecord, field: Field) -> String {
    let fields = &entry.fields;
    match field {
        Field::Id => entry.id.to_string(),
        Field::Name => fields.name.clone(),
        Field::Address => fields.address.clone(),
        Field::Description => fields.description.clone(),
        Field::Source => fields.source.clone(),
        Field::MemorySplit => fields.memory_split.to_string(),
        Field::OnShelf => fields.is_on_shelf.to_string(),
        Field::Remark => fields.remark.clone(),
    }
}

fn safe(text: &str) -> String {
    // Also what has an apostrophe already, so that it comes back as it was.
    let begins = text.trim_start_matches('\'').starts_with(FORMULA);
    if begins { format!("'{text}") } else { text.to_owned() }
}

fn plain(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        _ => text,
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', ';', '\n', '\r', '\t']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Reads a table, whose first line names its columns.
pub(super) fn read(text: &str) -> Result<ParsedRows, DocumentFault> {
    let mut records = Records { rest: text, line: 1, separator: separator(text) };
    let Some((_, head)) = records.next()? else { return Err(DocumentFault::Empty) };
    let columns = columns(&head)?;
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    while let Some((line, cells)) = records.next()? {
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if cells.len() > columns.len() {
            return Err(DocumentFault::Cells(line));
        }
        if rows.len() == MOST {
            return Err(DocumentFault::Many);
        }
        let mut row = EntryRow::at(line);
        for (field, cell) in columns.iter().zip(&cells) {
            if let Some(field) = field {
                faults.extend(row.set(*field, plain(cell)).err());
            }
        }
        rows.push(row);
    }
    Ok((rows, faults))
}

fn columns(head: &[String]) -> Result<Vec<Option<Field>>, DocumentFault> {
    let mut columns = Vec::with_capacity(head.len());
    for name in head {
        let found = column(name).ok_or_else(|| DocumentFault::Column(name.trim().to_owned()))?;
        if let Some(field) = found
            && columns.contains(&found)
        {
            return Err(DocumentFault::Twice(field.as_str()));
        }
        columns.push(found);
    }
    let has_address = columns.contains(&Some(Field::Address)) || columns.contains(&Some(Field::Id));
    if has_address { Ok(columns) } else { Err(DocumentFault::NoAddress) }
}

// Where a comma stands in numbers, spreadsheets write other separators.
fn separator(text: &str) -> char {
    let head = text.lines().next().unwrap_or_default();
    [',', ';', '\t'].into_iter().max_by_key(|one| head.matches(*one).count()).unwrap_or(',')
}

/// The records of a table, with the lines that they begin in.
struct Records<'a> {
    rest: &'a str,
    line: usize,
    separator: char,
}

impl Records<'_> {
    fn next(&mut self) -> Result<Option<(usize, Vec<String>)>, DocumentFault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (begin, mut cells) = (self.line, Vec::new());
        loop {
            let cell = if self.rest.starts_with('"') { self.quoted()? } else { self.bare() };
            cells.push(cell);
            let mut letters = self.rest.chars();
            match letters.next() {
                Some(letter) if letter == self.separator => self.rest = letters.as_str(),
                Some(letter) => {
                    let end = if letter == '\r' && letters.as_str().starts_with('\n') { 2 } else { 1 };
                    self.rest = &self.rest[end..];
                    self.line += 1;
                    return Ok(Some((begin, cells)));
                }
                None => return Ok(Some((begin, cells))),
            }
        }
    }

    fn bare(&mut self) -> String {
        let end = self.rest.find([self.separator, '\n', '\r']).unwrap_or(self.rest.len());
        let (cell, rest) = self.rest.split_at(end);
        self.rest = rest;
        cell.to_owned()
    }

    // What stands between the mark that closes it and the separator belongs to the cell, as spreadsheets read it.
    fn quoted(&mut self) -> Result<String, DocumentFault> {
        let begin = self.line;
        let mut cell = String::new();
        self.rest = &self.rest[1..];
        loop {
            let end = self.rest.find('"').ok_or(DocumentFault::Quote(begin))?;
            cell.push_str(&self.rest[..end]);
            self.line += self.rest[..end].matches('\n').count();
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    cell.push('"');
                    self.rest = rest;
                }
                None => {
                    cell.push_str(&self.bare());
                    return Ok(cell);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transfer::row::RowFault;

    fn cells(text: &str) -> Vec<Vec<String>> {
        let mut records = Records { rest: text, line: 1, separator: ',' };
        std::iter::from_fn(|| records.next().unwrap()).map(|(_, cells)| cells).collect()
    }

    #[test]
    fn tables_of_spreadsheets_are_read() {
        assert_eq!(
            cells("a,b\r\n\"x \"\"y\"\"\",\"1\n2\"\n,\n"),
            [vec!["a", "b"], vec!["x \"y\"", "1\n2"], vec!["", ""],]
        );
        let (rows, faults) =
            read("名字;地址;是否上架;创建时间\n训练;nginx:1;是;x\n\n;python:3;否;\n").unwrap();
        assert!(faults.is_empty());
        assert_eq!((rows.len(), rows[0].line, rows[1].line), (2, 2, 4));
        assert_eq!(rows[0].change.name.as_deref(), Some("训练"));
        assert_eq!((rows[0].change.is_on_shelf, rows[1].change.is_on_shelf), (Some(true), Some(false)));
        let (rows, _) = read("ID\tName\tsupportMemorySplit\n7\ta\t1\n").unwrap();
        assert_eq!((rows[0].id.as_str(), rows[0].change.memory_split), ("7", Some(true)));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for (text, fault) in [
            ("", DocumentFault::Empty),
            ("name,adress\n", DocumentFault::Column("adress".to_owned())),
            ("address,地址\n", DocumentFault::Twice("address")),
            ("name\na\n", DocumentFault::NoAddress),
            ("name,address\na,\"b\nc\n", DocumentFault::Quote(2)),
            ("name,address\na,b,c\n", DocumentFault::Cells(2)),
        ] {
            assert_eq!(read(text).unwrap_err(), fault, "{text}");
        }
        let many = format!("address\n{}", "nginx\n".repeat(MOST + 1));
        assert_eq!(read(&many).unwrap_err(), DocumentFault::Many);
        let (_, faults) = read("address,on_shelf\na,maybe\nb,yes\n").unwrap();
        assert_eq!((faults.len(), faults[0].line, &faults[0].fault), (1, 2, &RowFault::YesNo));
    }

    #[test]
    fn a_spreadsheet_computes_nothing() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "'=1", "''@"] {
            let written = safe(text);
            assert!(written.starts_with('\''), "{written}");
            assert_eq!(plain(&written), text);
        }
        for text in ["a=1", "'quoted'", "", "nginx:1"] {
            assert_eq!(safe(text), text);
        }
    }

    proptest! {
        #[test]
        fn cells_come_back_as_they_were(rows in prop::collection::vec(prop::collection::vec(".*|[=+,\"\n\r\t' @-]*", 2), 1..5)) {
            let text: String = rows.iter().map(|row| {
                let row: Vec<_> = row.iter().map(|cell| quoted(&safe(cell))).collect();
                format!("{}\r\n", row.join(","))
            }).collect();
            let back: Vec<Vec<String>> =
                cells(&text).into_iter().map(|row| row.iter().map(|cell| plain(cell).to_owned()).collect()).collect();
            prop_assert_eq!(back, rows);
        }
    }
}
