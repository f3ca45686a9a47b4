//! Markdown that stays what it is whatever is put into it.

/// Text in a line of code, with as many backticks around it as it takes.
pub(crate) fn code(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", one_line(text))
}

/// Text in a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

/// Text in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A row of a table.
pub(crate) fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("| {} |", cells.join(" | "))
}

/// A table, whose first row is its head.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let mut lines: Vec<String> = rows.iter().map(|cells| row(cells)).collect();
    let columns = rows.first().map_or(0, Vec::len);
    if !lines.is_empty() {
        lines.insert(1, format!("|{}", "------|".repeat(columns)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(cell("a|b\nc"), "a\\|b c");
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["1".to_owned(), "2".to_owned()]];
        assert_eq!(table(&rows), ["| a | b |", "|------|------|", "| 1 | 2 |"]);
        assert!(table(&[]).is_empty());
    }
}
