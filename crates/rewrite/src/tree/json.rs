//! Parses JSON, and JSON with comments and trailing commas as used by devcontainers.

use std::borrow::Cow;

use super::{Data, Style, SyntaxError, Tree, TreeNode, one_image};

/// Maximum nesting depth of collections.
const MAX_DEPTH: usize = 100;

/// Parses a text with one document; `relaxed` allows comments and trailing commas.
pub(crate) fn read(text: &str, relaxed: bool) -> Result<Tree<'_>, SyntaxError> {
    let mut reader = JsonParser { text, at: 0, relaxed, depth: 0 };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let node = reader.value()?;
    reader.blank()?;
    if reader.at < text.len() {
        return Err(reader.fault("expected the end of the document"));
    }
    Ok(Tree { documents: vec![node] })
}

struct JsonParser<'a> {
    text: &'a str,
    at: usize,
    relaxed: bool,
    depth: usize,
}

impl<'a> JsonParser<'a> {
    fn fault(&self, what: impl Into<String>) -> SyntaxError {
        SyntaxError { at: self.at, what: what.into() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn blank(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = &self.text[self.at..];
            if rest.starts_with([' ', '\t', '\r', '\n']) {
                self.at += 1;
            } else if self.relaxed && rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if self.relaxed && rest.starts_with("/*") {
                let Some(length) = rest.find("*/") else {
                    return Err(self.fault("unterminated comment"));
                };
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Result<TreeNode<'a>, SyntaxError> {
        self.blank()?;
        let start = self.at;
        let data = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Data::Scalar { text: self.string()?, style: Style::Double },
            _ => self.word()?,
        };
        Ok(TreeNode { span: start..self.at, anchor: 0, tag: None, data })
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Data<'a>, SyntaxError>,
    ) -> Result<Data<'a>, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("nested too deeply"));
        }
        self.at += 1;
        let data = read(self);
        self.depth -= 1;
        data
    }

    fn object(&mut self) -> Result<Data<'a>, SyntaxError> {
        let mut pairs = Vec::new();
        while !self.closes(b'}', pairs.is_empty())? {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.fault("expected a key in double quotes"));
            }
            let data = Data::Scalar { text: self.string()?, style: Style::Double };
            let key = TreeNode { span: start..self.at, anchor: 0, tag: None, data };
            self.blank()?;
            if !self.take(b':') {
                return Err(self.fault("expected `:` after a key"));
            }
            pairs.push((key, self.value()?));
        }
        one_image(&pairs)?;
        Ok(Data::Mapping { pairs, flow: true })
    }

    fn array(&mut self) -> Result<Data<'a>, SyntaxError> {
        let mut items = Vec::new();
        while !self.closes(b']', items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(Data::Sequence { items })
    }

    // True if the collection ends here; otherwise consumes the comma before the next entry.
    fn closes(&mut self, bracket: u8, is_empty: bool) -> Result<bool, SyntaxError> {
        self.blank()?;
        if self.take(bracket) {
            return Ok(true);
        }
        if is_empty {
            return Ok(false);
        }
        if !self.take(b',') {
            return Err(self.fault("expected `,` or the end of the collection"));
        }
        self.blank()?;
        Ok(self.relaxed && self.take(bracket))
    }

    fn word(&mut self) -> Result<Data<'a>, SyntaxError> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_number =
            word.starts_with(|c: char| c.is_ascii_digit() || c == '-') && word.parse::<f64>().is_ok();
        if !is_number && !matches!(word, "true" | "false" | "null") {
            return Err(self.fault("expected a value"));
        }
        self.at += end;
        Ok(Data::Scalar { text: word.into(), style: Style::Plain { flow: true } })
    }

    fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        self.at += 1;
        let start = self.at;
        let mut decoded: Option<String> = None;
        loop {
            let rest = &self.text[self.at..];
            let Some(next) = rest.chars().next() else { return Err(self.fault("unterminated string")) };
            match next {
                '"' => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(decoded.map_or(Cow::Borrowed(raw), Cow::Owned));
                }
                '\\' => {
                    let mut text = decoded.take().unwrap_or_else(|| self.text[start..self.at].to_owned());
                    text.push(self.escape()?);
                    decoded = Some(text);
                }
                control if control < ' ' => return Err(self.fault("a control character in a string")),
                other => {
                    self.at += other.len_utf8();
                    if let Some(text) = &mut decoded {
                        text.push(other);
                    }
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, SyntaxError> {
        self.at += 1;
        let byte = self.peek().unwrap_or(0);
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => Ok(char::from(byte)),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => self.unicode(),
            _ => {
                self.at -= 2;
                Err(self.fault("unknown escape"))
            }
        }
    }

    fn unicode(&mut self) -> Result<char, SyntaxError> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| self.fault("invalid character"));
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return Err(self.fault("unpaired surrogate"));
        }
        let low = self.hex()?.wrapping_sub(0xdc00);
        let whole = 0x10000 + ((high - 0xd800) << 10) + low;
        char::from_u32(whole).filter(|_| low < 0x400).ok_or_else(|| self.fault("unpaired surrogate"))
    }

    fn hex(&mut self) -> Result<u32, SyntaxError> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|four| four.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let value = value.ok_or_else(|| self.fault("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_json_is() {
        let text = "{\"a\": [1, -2.5e3, true, null, \"x\\u003a\\ud83d\\ude80\\n\"], \"b\": {}}\n";
        let tree = read(text, false).unwrap();
        let Data::Mapping { pairs, .. } = &tree.documents[0].data else { panic!() };
        let Data::Sequence { items } = &pairs[0].1.data else { panic!() };
        assert_eq!(items[4].text(), Some("x:🚀\n"));
        assert_eq!(&text[items[1].span.clone()], "-2.5e3");
    }

    #[test]
    fn comments_are_for_the_relaxed() {
        let text = "// c\n{\n\t\"a\": 1, /* x */\n\t\"b\": [2,],\n}";
        assert!(read(text, true).is_ok());
        assert_eq!(read(text, false).unwrap_err().at, 0);
    }

    #[test]
    fn refuses_what_it_is_not() {
        for bad in
            ["", "{", "[1 2]", "{a: 1}", "\"x", "\"\\q\"", "{\"a\" 1}", "nul", "[1]]", "\"\\ud800x\"", "[,]"]
        {
            assert!(read(bad, true).is_err(), "{bad}");
        }
        assert!(read(&"[".repeat(100_000), false).is_err());
    }
}
