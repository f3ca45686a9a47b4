//! Parses `WWW-Authenticate` (RFC 9110 §11.6.1).
//!
//! One header may hold several challenges, separated by the same commas as the parameters of each. Parsing ends at
//! the first thing that cannot be read; the challenges before it count.

/// One authentication scheme that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme in lower case: `bearer`, `basic` or another.
    pub(crate) scheme: String,
    /// The parameters in order, with names in lower case.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of the first parameter called `name`, which is in lower case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of one header.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut cursor = Cursor(header);
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        cursor.skip(|c| c.is_ascii_whitespace() || c == ',');
        let Some(word) = cursor.token() else { return challenges };
        let spaced = cursor.skip(|c| c.is_ascii_whitespace());
        let Some(current) = challenges.last_mut().filter(|_| cursor.0.starts_with('=')) else {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
            if spaced {
                cursor.skip_token68();
            }
            continue;
        };
        cursor.skip_one();
        cursor.skip(|c| c.is_ascii_whitespace());
        let Some(value) = cursor.value() else { return challenges };
        current.parameters.push((word.to_ascii_lowercase(), value));
    }
}

/// The rest of the header.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip(&mut self, skipped: impl Fn(char) -> bool) -> bool {
        let rest = self.0.trim_start_matches(skipped);
        let moved = rest.len() != self.0.len();
        self.0 = rest;
        moved
    }

    fn skip_one(&mut self) {
        let mut chars = self.0.chars();
        chars.next();
        self.0 = chars.as_str();
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    // `Negotiate` and similar schemes have one word in place of parameters, perhaps with `=` at its end.
    fn skip_token68(&mut self) {
        let end = self.0.find([',', ' ', '\t']).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        let bare = word.trim_end_matches('=');
        let is_parameter = bare.contains('=') || word.contains('"') || rest.trim_start().starts_with('=');
        let empty_parameter = bare.len() + 1 == word.len() && rest.trim_start().starts_with('"');
        if !is_parameter && !empty_parameter {
            self.0 = rest;
        }
    }

    fn value(&mut self) -> Option<String> {
        if !self.0.starts_with('"') {
            return self.token().map(str::to_owned);
        }
        self.skip_one();
        let mut value = String::new();
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.0 = chars.as_str();
                    return Some(value);
                }
                '\\' => value.extend(chars.next()),
                other => value.push(other),
            }
        }
        None
    }
}

fn is_token(c: char) -> bool {
    // Token characters of RFC 9110 §5.6.2, and those of addresses: some servers do not quote their realm.
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/?".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
        let parameters = parameters.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Challenge { scheme: scheme.into(), parameters }
    }

    #[test]
    fn reads_what_registries_send() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            parse(hub),
            [challenge(
                "bearer",
                &[
                    ("realm", "https://auth.docker.io/token"),
                    ("service", "registry.docker.io"),
                    ("scope", "repository:a/b:pull,push"),
                ],
            )]
        );
        let both = r#"Bearer realm="https://c.example/v2/token",service="s", Basic realm="C, \"B\" A", charset=UTF-8"#;
        assert_eq!(
            parse(both),
            [
                challenge("bearer", &[("realm", "https://c.example/v2/token"), ("service", "s")]),
                challenge("basic", &[("realm", "C, \"B\" A"), ("charset", "UTF-8")]),
            ]
        );
        let parsed = parse(r#"BASIC Realm = "x" "#);
        assert_eq!(parsed, [challenge("basic", &[("realm", "x")])]);
        assert_eq!(parsed[0].parameter("realm"), Some("x"));
        assert_eq!(parsed[0].parameter("service"), None);
    }

    #[test]
    fn passes_over_the_strange() {
        assert_eq!(
            parse("Negotiate YWJj==, NTLM, Basic realm=x"),
            [challenge("negotiate", &[]), challenge("ntlm", &[]), challenge("basic", &[("realm", "x")])]
        );
        assert_eq!(parse(r#"Bearer realm="never closed"#), [challenge("bearer", &[])]);
        assert_eq!(parse("=x"), []);
        assert_eq!(parse(""), []);
        assert_eq!(parse(" , ,Basic"), [challenge("basic", &[])]);
    }

    proptest! {
        #[test]
        fn takes_any_text(text in ".{0,300}") {
            for one in parse(&text) {
                prop_assert!(!one.scheme.is_empty());
            }
        }

        #[test]
        fn gives_quoted_values_back(values in prop::collection::vec("[ -~]{0,20}", 1..5)) {
            let quoted = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"");
            let written: Vec<_> =
                values.iter().enumerate().map(|(i, value)| format!("p{i}=\"{}\"", quoted(value))).collect();
            let parsed = parse(&format!("Bearer {}", written.join(", ")));
            prop_assert_eq!(parsed.len(), 1);
            let read: Vec<_> = parsed[0].parameters.iter().map(|(_, value)| value.clone()).collect();
            prop_assert_eq!(read, values);
        }
    }
}
