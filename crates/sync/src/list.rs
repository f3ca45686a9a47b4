//! Plain lists of images, one a line, as DaoCloud's public mirror keeps them.

/// Puts a list in order as `hack/fmt.sh` of that project does: lines in the order of their bytes, each once, without
/// empty ones. Nothing is changed within a line; comments are lines like any other. Doing it twice changes nothing more.
pub fn format_list(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_order_and_once() {
        let text = "quay.io/b\n\ndocker.io/Z\ndocker.io/a\nquay.io/b";
        let sorted = "docker.io/Z\ndocker.io/a\nquay.io/b\n";
        assert_eq!(format_list(text), sorted);
        assert_eq!(format_list(sorted), sorted);
        assert_eq!(format_list(""), "");
    }
}
