//! Tables and numbers in Markdown.

/// A table; empty if it has no rows.
pub(super) fn table(heads: &[String], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rows: String = rows.into_iter().map(|row| line(&row)).collect();
    if rows.is_empty() {
        return rows;
    }
    let rule: Vec<String> = heads.iter().map(|_| "---".to_owned()).collect();
    format!("{}{}{rows}", line(heads), line(&rule))
}

/// A number with its noun, in the plural if needed.
pub(super) fn counted(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}
