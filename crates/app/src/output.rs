//! Output of commands: tables on a terminal, plain lines otherwise, or JSON.
//!
//! What people read is said in the terminal's language: sentences by [`sentence!`], whose names and numbers come apart
//! from them, states by [`word`], numbers by [`amount`]. The headings of tables are translated by [`table`].

use std::{
    fmt::Display,
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use comfy_table::{CellAlignment, ColumnConstraint, Table, Width, presets};
use entrepot_chinese::printed;
use entrepot_oci::printable;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::{
    failure::{self, Failure},
    terminal,
};

/// Says a sentence in the terminal's language. Its places have names, and get what is given by those:
/// `sentence!("{images} renamed", images = amount(3, "image"))`.
macro_rules! sentence {
    ($english:literal $(, $name:ident = $value:expr)* $(,)?) => {{
        let chinese = if $crate::failure::is_chinese() {
            $crate::output::in_chinese($english, &[$((stringify!($name), ToString::to_string(&$value))),*])
        } else {
            None
        };
        chinese.unwrap_or_else(|| std::fmt::format(format_args!($english $(, $name = $value)*)))
    }};
}

pub(crate) use sentence;

/// A sentence in 中文, with what stands at its places.
pub(crate) fn in_chinese(english: &str, values: &[(&str, String)]) -> Option<String> {
    printed::sentence(english, values)
}

/// A word that stands alone, such as a state, in the terminal's language.
pub(crate) fn word(english: impl Display) -> String {
    let english = english.to_string();
    let chinese = if failure::is_chinese() { printed::word(&english) } else { None };
    chinese.map_or(english, str::to_owned)
}

/// A number with its noun in the terminal's language.
pub(crate) fn amount(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let chinese = if failure::is_chinese() { printed::amount(count, noun) } else { None };
    chinese.unwrap_or_else(|| counted(count, noun))
}

/// Facts, one after the other.
pub(crate) fn joined(facts: &[String]) -> String {
    facts.join(if failure::is_chinese() { "，" } else { ", " })
}

/// The facts whose number is not zero, one after the other.
pub(crate) fn sums(facts: impl IntoIterator<Item = (usize, String)>) -> String {
    let facts = facts.into_iter().filter(|(count, _)| *count != 0).map(|(_, fact)| fact);
    joined(&facts.collect::<Vec<_>>())
}

/// The output format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// Prints text for people.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    terminal::text(text).map_err(unwritten)
}

/// Makes a single line of a text, whatever untrusted input it contains.
pub(crate) fn line(text: &str) -> String {
    printable(text).into_owned() + "\n"
}

/// Prints a document byte for byte; on a terminal it is made printable.
pub(crate) fn print_exact(document: &[u8]) -> Result<(), Failure> {
    terminal::exact(document).map_err(unwritten)
}

/// The same to standard error.
pub(crate) fn print_exact_error(document: &[u8]) -> Result<(), Failure> {
    terminal::exact_error(document).map_err(unwritten)
}

/// Bytes that arrive in pieces, which may end within a character.
#[derive(Default)]
pub(crate) struct Characters(Vec<u8>);

impl Characters {
    /// What can be printed by now: all but a character that has begun.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.0) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.0.len(),
        };
        self.0.drain(..whole).collect()
    }

    /// What is left at the end.
    pub(crate) fn rest(self) -> Vec<u8> {
        self.0
    }
}

/// True once JSON was printed: a command prints one document.
static HAS_PRINTED_JSON: AtomicBool = AtomicBool::new(false);

/// Prints a failure as JSON, unless the command has printed a document that tells it.
pub(crate) fn print_failure(failure: &Failure) {
    if !HAS_PRINTED_JSON.load(Ordering::Relaxed) {
        // The failure is told on standard error in any case.
        let _ = print_json(&serde_json::json!({ "error": failure.what(), "hint": failure.hint() }));
    }
}

/// Prints a value as JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    HAS_PRINTED_JSON.store(true, Ordering::Relaxed);
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::because("cannot write JSON", &error))?;
    terminal::json(&(text + "\n")).map_err(unwritten)
}

fn unwritten(error: io::Error) -> Failure {
    Failure::because("cannot write the output", &error)
}

/// A table column: its heading and alignment. Where a heading has two meanings, the one that is meant stands behind it in
/// brackets, which are not shown: `RATE (in sync)`.
pub(crate) struct Column(pub(crate) &'static str, pub(crate) CellAlignment);

/// A column of a narrow terminal is this wide at least, or what its widest cell has, besides its padding.
const NARROWEST: usize = 12;
const PADDING: u16 = 2;

/// Formats a table for standard output.
pub(crate) fn table(columns: &[Column], rows: Vec<Vec<String>>) -> String {
    lay_out(columns, rows, terminal::is_read())
}

// Without a terminal, lines do not wrap, so that scripts can split them.
fn lay_out(columns: &[Column], rows: Vec<Vec<String>>, terminal: bool) -> String {
    let heads: Vec<&str> = columns.iter().map(|Column(head, _)| heading(head)).collect();
    let mut table = Table::new();
    table.load_style(if terminal { presets::UTF8_HORIZONTAL_ONLY } else { presets::NOTHING });
    if terminal {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    table.set_header(heads.iter().copied());
    // A cell is one line, whatever input it contains.
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| printable(cell))));
    for (index, (Column(_, alignment), head)) in columns.iter().zip(heads).enumerate() {
        let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.width());
        let widest = cells.chain([head.width()]).max().unwrap_or_default();
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(*alignment);
            let least = u16::try_from(widest.min(NARROWEST)).unwrap_or_default() + PADDING;
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            if !terminal {
                column.set_padding((0, 2));
            }
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn heading(english: &'static str) -> &'static str {
    let shown = english.split_once(" (").map_or(english, |(shown, _)| shown);
    if failure::is_chinese() { printed::heading(english).unwrap_or(shown) } else { shown }
}

/// A human-readable size; `bytes` is in bytes.
pub(crate) fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().iec().to_string()
}

/// The age of a time; both are in seconds since 1970.
pub(crate) fn age(then: Option<u64>, now: u64) -> String {
    let Some(then) = then else { return word("never") };
    let ago = now.saturating_sub(then);
    let time = match ago {
        0..60 => return word("just now"),
        60..3600 => amount(ago / 60, "minute"),
        3600..86_400 => amount(ago / 3600, "hour"),
        _ => amount(ago / 86_400, "day"),
    };
    sentence!("{time} ago", time = time)
}

/// A number with its noun in English, in the plural if needed. Errors are made of it; what is printed has [`amount`].
pub(crate) fn counted(count: u64, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_cut_and_no_byte_is_lost() {
        let text = "a中文🚀\n".as_bytes();
        let (mut characters, mut printed) = (Characters::default(), Vec::new());
        for byte in text {
            let piece = characters.push(&[*byte]);
            assert!(std::str::from_utf8(&piece).is_ok());
            printed.extend(piece);
        }
        assert_eq!(printed, text);
        let mut characters = Characters::default();
        assert_eq!(characters.push(b"a\xff\xe4"), b"a\xff\xe4", "what is no text is passed on");
        assert_eq!(characters.push(b"b\xe4"), b"b");
        assert_eq!(characters.rest(), b"\xe4");
    }

    #[test]
    fn ages_read_well() {
        for (then, text) in [
            (None, "never"),
            (Some(100_000), "just now"),
            (Some(99_940), "1 minute ago"),
            (Some(92_000), "2 hours ago"),
            (Some(0), "1 day ago"),
            (Some(200_000), "just now"),
        ] {
            assert_eq!(age(then, 100_000), text);
        }
    }

    #[test]
    fn nouns_agree() {
        assert_eq!(
            [counted(1, "repository"), counted(2, "repository"), counted(0, "day")],
            ["1 repository", "2 repositories", "0 days"]
        );
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([size(0), size(1536), size(5 << 30)], ["0 B", "1.5 KiB", "5.0 GiB"]);
    }

    #[test]
    fn columns_are_never_too_narrow_to_read() {
        let heads = ["RULE", "COPIED", "UP TO DATE", "KEPT", "EXTRA", "REMOVED", "FAILED", "LEFT"];
        let columns: Vec<Column> = heads.map(|head| Column(head, CellAlignment::Left)).into();
        let row = ["a-rule-with-a-long-name-of-several-words-in-it"; 8].map(str::to_owned);
        let told = lay_out(&columns, vec![row.to_vec()], true);
        assert!(told.contains("UP TO DATE") && told.contains("REMOVED"), "{told}");
        let pieces: Vec<&str> = told.split_whitespace().filter(|piece| piece.starts_with('a')).collect();
        assert!(pieces.iter().all(|piece| piece.chars().count() >= 6), "{told}");
    }

    #[test]
    fn what_is_twice_as_wide_is_aligned_too() {
        let columns = [Column("NAME (of it)", CellAlignment::Left), Column("SIZE", CellAlignment::Right)];
        let rows = vec![vec!["镜像".into(), "1 B".into()], vec!["local/a".into(), "100 B".into()]];
        assert_eq!(lay_out(&columns, rows, false), "NAME      SIZE\n镜像       1 B\nlocal/a  100 B\n");
    }

    #[test]
    fn plain_tables_are_aligned_lines() {
        let columns = [Column("NAME", CellAlignment::Left), Column("SIZE", CellAlignment::Right)];
        let rows = vec![
            vec!["docker.io/library/nginx".into(), "1 B".into()],
            vec!["local/a".into(), "100 B".into()],
        ];
        let expected = "NAME                      SIZE\ndocker.io/library/nginx    1 B\nlocal/a                  100 B\n";
        assert_eq!(lay_out(&columns, rows.clone(), false), expected);
        assert!(lay_out(&columns, rows, true).contains('─'));
        let forged = lay_out(&columns, vec![vec!["a\nb\u{1b}[31m".into(), "1 B".into()]], false);
        assert_eq!(forged.lines().last(), Some(r"a\nb\u{1b}[31m   1 B"));
    }
}
