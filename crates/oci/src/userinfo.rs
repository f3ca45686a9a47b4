//! Takes passwords out of text that repeats what somebody wrote: `https://user:password@host`.

use std::borrow::Cow;

/// The text with `***` in place of every password that stands before a host, as in URLs (RFC 3986 §3.2.1), also where
/// the scheme is missing. After a scheme, a user name alone is taken for a secret as well: it is often a token.
///
/// ```
/// use entrepot_oci::without_passwords;
///
/// assert_eq!(without_passwords("`me:secret@quay.io/a` is wrong"), "`me:***@quay.io/a` is wrong");
/// assert_eq!(without_passwords("nginx:1.27@sha256:ab"), "nginx:1.27@sha256:ab");
/// ```
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in text.match_indices('@') {
        if at < copied || !begins_with_host(&text[at + 1..]) {
            continue;
        }
        let word = text[copied..at].rfind(is_separator).map_or(copied, |last| {
            let separator = text[copied + last..].chars().next().map_or(1, char::len_utf8);
            copied + last + separator
        });
        if let Some(secret) = secret(&text[word..at]) {
            out.push_str(&text[copied..word + secret]);
            out.push_str("***");
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || matches!(character, '`' | '"' | '\'')
}

/// Where the secret begins in what stands before an `@`; `None` if there is none.
fn secret(word: &str) -> Option<usize> {
    let (start, has_scheme) = word.rfind("://").map_or((0, false), |at| (at + 3, true));
    let userinfo = &word[start..];
    let colon = userinfo.find(':');
    // A path, and the `@` is a part of it; a colon before it may end a host.
    if let Some(slash) = userinfo.find('/') {
        let is_path = colon.is_none_or(|colon| {
            colon > slash || userinfo[colon + 1..slash].bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_path {
            return None;
        }
    }
    match colon {
        Some(colon) => (colon + 1 < userinfo.len()).then_some(start + colon + 1),
        None => (has_scheme && !userinfo.is_empty()).then_some(start),
    }
}

/// True if the text begins with a name that has a dot, an address, `localhost`, or anything with a port.
fn begins_with_host(text: &str) -> bool {
    let is_part = |character: char| character.is_ascii_alphanumeric() || ".-_:[]".contains(character);
    let end = text.find(|character| !is_part(character)).unwrap_or(text.len());
    let authority = &text[..end];
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, ""));
    let has_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    host.trim_end_matches('.').contains('.') || host.starts_with('[') || host == "localhost" || has_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_before_hosts_are_not_repeated() {
        for (text, shown) in [
            (
                "`https://u:SECRET@a.test/x/y` is not a repository",
                "`https://u:***@a.test/x/y` is not a repository",
            ),
            ("u:SECRET@a.test/x/y", "u:***@a.test/x/y"),
            ("u:SECRET@localhost:5000", "u:***@localhost:5000"),
            ("u:SEC@RET@registry:5000/x", "u:***@registry:5000/x"),
            ("u:SEC/RET@a.test/x", "u:***@a.test/x"),
            ("u:SEC:RET@[::1]:5000/x", "u:***@[::1]:5000/x"),
            ("https://TOKEN@a.test and http://v:SECRET@b.test", "https://***@a.test and http://v:***@b.test"),
            ("from=https://u:SECRET@a.test/x", "from=https://u:***@a.test/x"),
            ("`é u:SECRET@a.test`", "`é u:***@a.test`"),
            ("registries.u:SECRET@a.test", "registries.u:***@a.test"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }

    #[test]
    fn names_with_an_at_sign_stay_as_they_are() {
        for text in [
            "",
            "nginx:1.27@sha256:0123456789abcdef",
            "quay.io:5000/a/b:1@sha512:00",
            "quay.io:5000/a@b.test",
            "https://host/a@v1.2",
            "https://host:80/a@v1.2",
            "me@example.com wrote",
            "@a.test",
            "x:@a.test",
            "nginx:1@latest",
        ] {
            assert!(matches!(without_passwords(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
