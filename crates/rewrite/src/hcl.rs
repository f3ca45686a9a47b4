//! HCL: docker-bake files, Nomad jobs, Terraform.
//!
//! - a small scanner finds strings, with the blocks and keys that lead to them; nothing else of HCL is read
//! - in Terraform, `image` may be that of a virtual machine: it is an image only where a container has it

use std::ops::Range;

use crate::{
    candidate::Reason,
    finder::{CandidateEntry, EntryVerdict, Finder, RenameMethod, looks_like_image},
    token::Token,
    tree::Style,
};

/// Blocks and maps in which `image` is a container's.
const CONTAINERS: [&str; 10] = [
    "config",
    "container",
    "containers",
    "init_container",
    "init_containers",
    "initContainers",
    "container_spec",
    "docker_container",
    "docker_service",
    "container_definitions",
];
/// The scheme of images among a build's contexts.
const SCHEME: &str = "docker-image://";

/// Collects the candidates of an HCL file.
pub(crate) fn find(finder: &mut Finder<'_>) {
    let mut scanner = Scanner { text: finder.text, at: 0, path: Vec::new(), header: Vec::new() };
    while let Some(string) = scanner.string() {
        take(&string, finder);
    }
}

// A string, and the names of the blocks and keys around it.
struct Text {
    range: Range<usize>,
    path: Vec<String>,
}

fn take(string: &Text, finder: &mut Finder<'_>) {
    let text = &finder.text[string.range.clone()];
    let (key, blocks) = match string.path.split_last() {
        Some((key, blocks)) => (key.as_str(), blocks),
        None => return,
    };
    if text.is_empty() || text.contains('\\') {
        return;
    }
    let is_within = |names: &[&str]| blocks.iter().any(|block| names.contains(&block.as_str()));
    let is_published = matches!(key, "tags" | "output" | "cache-to");
    if let Some(length) = text.find(SCHEME).map(|at| at + SCHEME.len()) {
        image(string, length, finder);
    } else if is_published && is_within(&["target"]) && !text.starts_with("type=local") {
        if finder.search.built && !text.contains('=') {
            image(string, 0, finder);
        } else {
            leave(string, Reason::Published, finder);
        }
    } else if key == "cache-from" {
        match text.find("ref=") {
            Some(at) if !text[at..].contains(',') => image(string, at + "ref=".len(), finder),
            None if !text.contains('=') => image(string, 0, finder),
            _ => {}
        }
    } else if key == "image" && is_within(&CONTAINERS) || key == "name" && is_within(&["docker_image"]) {
        image(string, 0, finder);
    } else if is_within(&["args"]) && looks_like_image(text) {
        argument(string, finder);
    } else if key == "image" && text.contains(':') && text.parse::<entrepot_oci::ImageRef>().is_ok() {
        leave(string, Reason::UnknownPath, finder);
    }
}

fn argument(string: &Text, finder: &mut Finder<'_>) {
    if finder.search.arguments {
        image(string, 0, finder);
    } else {
        leave(string, Reason::Argument, finder);
    }
}

// A string that is a reference behind `skipped` bytes.
fn image(string: &Text, skipped: usize, finder: &mut Finder<'_>) {
    let text = finder.text[string.range.clone()].to_owned();
    let token =
        finder.add_token(Token { span: string.range.clone(), text: text.clone(), style: Style::Bare });
    let what = match finder.filled_in((token, &text), skipped..text.len(), &|_| None) {
        Some(pieces) => finder.what(pieces, RenameMethod::Rename),
        None => EntryVerdict::Left(Reason::NotAReference("a variable in it is unterminated".to_owned())),
    };
    record(string, what, finder);
}

fn leave(string: &Text, reason: Reason, finder: &mut Finder<'_>) {
    record(string, EntryVerdict::Left(reason), finder);
}

fn record(string: &Text, what: EntryVerdict, finder: &mut Finder<'_>) {
    let text = finder.text[string.range.clone()].to_owned();
    finder.add_entry(CandidateEntry::new(string.range.start, string.path.join("."), text, what));
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    // Names of the open blocks and maps; a list has no name of its own.
    path: Vec<Vec<String>>,
    // Words since the last line or bracket: the header of a block, or a key.
    header: Vec<String>,
}

impl Scanner<'_> {
    // The next string that is a value.
    fn string(&mut self) -> Option<Text> {
        loop {
            let rest = self.text.get(self.at..)?;
            let next = rest.chars().next()?;
            match next {
                '#' => self.skip(rest.find('\n').unwrap_or(rest.len())),
                '/' if rest.starts_with("//") => self.skip(rest.find('\n').unwrap_or(rest.len())),
                '/' if rest.starts_with("/*") => self.skip(rest.find("*/").map_or(rest.len(), |end| end + 2)),
                '<' if rest.starts_with("<<") => self.heredoc(rest),
                '"' => {
                    let range = self.quoted(rest);
                    if let Some(text) = self.value(range) {
                        return Some(text);
                    }
                }
                '{' | '[' | '(' => self.open(),
                '}' | ']' | ')' => self.close(),
                '\n' | ',' => {
                    self.header.clear();
                    self.at += 1;
                }
                c if c.is_alphanumeric() || c == '_' => self.word(rest),
                c => self.at += c.len_utf8(),
            }
        }
    }

    fn skip(&mut self, length: usize) {
        self.at += length;
    }

    fn word(&mut self, rest: &str) {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        self.header.push(rest[..length].to_owned());
        self.at += length;
    }

    // The label of a block or a key, or else a value with its path.
    fn value(&mut self, range: Range<usize>) -> Option<Text> {
        let before = self.text[..range.start - 1].trim_end_matches([' ', '\t']);
        let behind = self.text[(range.end + 1).min(self.text.len())..].trim_start_matches([' ', '\t']);
        let is_key = behind.starts_with(['=', ':']) && !behind.starts_with("==");
        if is_key || behind.starts_with(['{', '"']) && !before.ends_with(['=', ':', '(', '?']) {
            self.header.push(self.text[range].to_owned());
            return None;
        }
        let path = self.path.iter().flatten().chain(self.header.iter().take(1)).cloned().collect();
        Some(Text { range, path })
    }

    // The range of a string's content.
    fn quoted(&mut self, rest: &str) -> Range<usize> {
        let start = self.at + 1;
        let (mut depth, mut escaped) = (0_usize, false);
        let bytes = rest.as_bytes();
        for (index, byte) in bytes.iter().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'{' if matches!(bytes[index - 1], b'$' | b'%') => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                b'"' | b'\n' if depth == 0 => {
                    self.at += index + 1;
                    return start..start + index - 1;
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        start..start
    }

    fn heredoc(&mut self, rest: &str) {
        let word = rest[2..].trim_start_matches('-');
        let length = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
        let end = &word[..length];
        let lines = rest.split_inclusive('\n');
        let mut skipped = 0;
        for (index, line) in lines.enumerate() {
            skipped += line.len();
            if end.is_empty() || index > 0 && line.trim() == end {
                break;
            }
        }
        self.at += skipped.max(2);
        self.header.clear();
    }

    fn open(&mut self) {
        self.path.push(std::mem::take(&mut self.header));
        self.at += 1;
    }

    fn close(&mut self) {
        self.path.pop();
        self.header.clear();
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str) -> Vec<String> {
        let mut scanner = Scanner { text, at: 0, path: Vec::new(), header: Vec::new() };
        let next =
            || scanner.string().map(|string| format!("{}={}", string.path.join("."), &text[string.range]));
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn strings_are_found_with_what_leads_to_them() {
        let text = "# image = \"no\"\ntask \"web\" {\n  config { image = \"a:${var.x[\"y\"]}\" }\n}\n\
                    x = [\"b\", { \"k\" = \"c\" }]\ny = <<-EOT\n  image = \"no\"\n  EOT\nz = \"\\\"d\" // \"no\"\n";
        assert_eq!(strings(text), ["task.web.config.image=a:${var.x[\"y\"]}", "x=b", "x.k=c", "z=\\\"d"]);
        assert!(strings("a = \"unfinished").iter().all(|string| string == "a="));
    }
}
