//! A sentence with places for names and numbers, written as in `format!`: `there is no rule {0}`.

/// A sentence. Between each two literals is a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template {
    literals: Vec<String>,
    places: Vec<Placeholder>,
}

/// A place in a sentence.
#[derive(Debug, PartialEq, Eq)]
struct Placeholder {
    /// What it is called; `{}` is called by how many such places are before it.
    name: String,
    /// It is in quotes: a name, and never a sentence.
    is_quoted: bool,
}

/// What was found at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaceholderValue<'a> {
    pub(crate) text: &'a str,
    pub(crate) is_quoted: bool,
}

/// The name of places that hold digits only.
const DIGITS: &str = "digits";

impl Template {
    /// Reads a sentence. `{{` and `}}` stand for braces; what follows `:` in a place is how it is formatted.
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self { literals: vec![String::new()], places: Vec::new() };
        let (mut unnamed, mut ticks) = (0, 0);
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            ticks += before.matches('`').count();
            read.push(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                read.push(&from[..1]);
                rest = &from[2..];
                continue;
            }
            let end = from.find('}').unwrap_or(from.len() - 1);
            let written = from.get(1..end).unwrap_or_default();
            let name = match written.split(':').next().unwrap_or_default() {
                "" => {
                    unnamed += 1;
                    format!("#{unnamed}")
                }
                name => name.to_owned(),
            };
            // The parser of the command line puts what it repeats into single quotes.
            let is_quoted = ticks % 2 == 1 || before.ends_with('\'');
            read.places.push(Placeholder { name, is_quoted });
            read.literals.push(String::new());
            rest = &from[end + 1..];
        }
        read.push(rest);
        read
    }

    fn push(&mut self, text: &str) {
        if let Some(literal) = self.literals.last_mut() {
            literal.push_str(text);
        }
    }

    /// How much of it is fixed: of two sentences that fit, the longer one is meant.
    pub(crate) fn weight(&self) -> usize {
        self.literals.iter().map(String::len).sum()
    }

    /// The text itself, if there are no places in it.
    pub(crate) fn fixed(&self) -> Option<&str> {
        self.literals.first().filter(|_| self.places.is_empty()).map(String::as_str)
    }

    /// What is at its places, if the text was made from this sentence.
    ///
    /// Each place ends where the literal behind it first appears. As a place holds anything, that finds an answer
    /// whenever there is one.
    pub(crate) fn values<'a>(&self, text: &'a str) -> Option<Vec<PlaceholderValue<'a>>> {
        let [first, middle @ .., last] = self.literals.as_slice() else {
            return self.fixed().filter(|fixed| *fixed == text).map(|_| Vec::new());
        };
        let mut rest = text.strip_prefix(first.as_str())?.strip_suffix(last.as_str())?;
        let mut texts = Vec::with_capacity(self.places.len());
        for literal in middle {
            let (value, behind) = rest.split_once(literal.as_str())?;
            texts.push(value);
            rest = behind;
        }
        texts.push(rest);
        let mut placed = self.places.iter().zip(&texts);
        let is_allowed = placed.all(|(place, text)| {
            place.name != DIGITS || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
        });
        let value = |(text, place): (_, &Placeholder)| PlaceholderValue { text, is_quoted: place.is_quoted };
        is_allowed.then(|| texts.into_iter().zip(&self.places).map(value).collect())
    }

    /// This sentence with the values of another one's places, which have the same names.
    pub(crate) fn filled(&self, of: &Self, values: &[String]) -> String {
        self.placed(|name| {
            let at = of.places.iter().position(|other| other.name == name)?;
            values.get(at).map(String::as_str)
        })
    }

    /// This sentence with the value that each of its places has by its name.
    pub(crate) fn placed<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> String {
        let mut text = self.literals.first().cloned().unwrap_or_default();
        for (place, literal) in self.places.iter().zip(self.literals.iter().skip(1)) {
            text.push_str(value(&place.name).unwrap_or_default());
            text.push_str(literal);
        }
        text
    }

    /// The names of its places, in order of the alphabet.
    #[cfg(test)]
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.places.iter().map(|place| place.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(template: &str, text: &'a str) -> Option<Vec<&'a str>> {
        let values = Template::read(template).values(text)?;
        Some(values.into_iter().map(|value| value.text).collect())
    }

    #[test]
    fn places_hold_anything() {
        for (template, text, values) in [
            ("not found", "not found", vec![]),
            ("there is no rule `{0}`", "there is no rule `a`", vec!["a"]),
            ("there is no rule `{0}`", "there is no rule ``", vec![""]),
            (
                "there is no rule `{0}`",
                "there is no rule `there is no rule `b``",
                vec!["there is no rule `b`"],
            ),
            ("`{a}` and `{b}`", "`x` and `y` and `z`", vec!["x", "y` and `z"]),
            ("{} is {}", "a is b is c", vec!["a", "b is c"]),
            ("{what}{more}", "all", vec!["", "all"]),
            ("write {{x}} and {y:?}", "write {x} and \"z\"", vec!["\"z\""]),
            ("{digits} images", "12 images", vec!["12"]),
            ("中 {a}，{b}", "中 文，字", vec!["文", "字"]),
        ] {
            assert_eq!(found(template, text), Some(values), "{template}: {text}");
        }
    }

    #[test]
    fn another_text_does_not_fit() {
        for (template, text) in [
            ("not found", "not found there"),
            ("there is no rule `{0}`", "there is no run `a`"),
            ("`{a}` and `{b}`", "`x` or `y`"),
            ("aa{x}aa", "aaa"),
            ("{digits} images", "no images"),
            ("{digits} images", " images"),
        ] {
            assert_eq!(found(template, text), None, "{template}: {text}");
        }
    }

    #[test]
    fn values_go_where_their_names_are() {
        let english = Template::read("{path} {what}, after {} of {}");
        let chinese = Template::read("{}/{}：{what}（{path}）");
        let values = ["p", "w", "1", "2"].map(str::to_owned);
        assert_eq!(chinese.filled(&english, &values), "1/2：w（p）");
        assert_eq!(english.names(), chinese.names());
    }

    #[test]
    fn names_in_quotes_are_told_from_sentences() {
        let template = Template::read("`{a}`: {b}, in `--{c}` or '{d}', {e}");
        let quoted: Vec<_> = template.places.iter().map(|place| place.is_quoted).collect();
        assert_eq!(quoted, [true, false, true, true, false]);
    }

    #[test]
    fn a_broken_sentence_is_read_all_the_same() {
        for text in ["{", "}", "a {b", "{}}", "{{", "{中", ""] {
            let _ = Template::read(text).values("a");
        }
    }
}
