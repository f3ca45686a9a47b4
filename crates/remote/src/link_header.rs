//! Parses the `Link` header of paged responses (RFC 8288, as far as distribution-spec uses it): `<target>;
//! rel="next"`.
//!
//! Some registries leave out the brackets, and some the relation: a page of a listing has no other link.

/// The target of the first link whose relation is `next`.
pub(crate) fn next(header: &str) -> Option<&str> {
    if !header.contains('<') {
        return without_brackets(header);
    }
    let mut rest = header;
    while let Some((_, behind)) = rest.split_once('<') {
        let (target, behind) = behind.split_once('>')?;
        // The parameters end where the next target starts.
        let parameters = behind.split('<').next().unwrap_or(behind);
        let is_bare = parameters.trim().is_empty() && parameters.len() == behind.len();
        if !target.is_empty() && (is_bare || parameters.split([';', ',']).any(is_next)) {
            return Some(target);
        }
        rest = behind;
    }
    None
}

fn without_brackets(header: &str) -> Option<&str> {
    let (target, parameters) = header.split_once(';')?;
    let target = target.trim();
    (!target.is_empty() && parameters.split([';', ',']).any(is_next)).then_some(target)
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel") && value.split(' ').any(|one| one.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        for (header, target) in [
            (r#"</v2/a/tags/list?n=2&last=b>; rel="next""#, Some("/v2/a/tags/list?n=2&last=b")),
            ("<x>;rel=next", Some("x")),
            (r#"<a>; rel="prev", <b>; title="c"; rel="next last""#, Some("b")),
            (r#"<a>; rel="prev""#, None),
            (r#"/v2/a/tags/list?last=b&n=2; rel="next""#, Some("/v2/a/tags/list?last=b&n=2")),
            ("</v2/a/tags/list?last=b>", Some("/v2/a/tags/list?last=b")),
            (r#"<a>, <b>; rel="prev""#, None),
            (r#"/a; rel="prev""#, None),
            ("/a", None),
            (r#"; rel="next""#, None),
            (r#"<>; rel="next""#, None),
            ("<a", None),
            ("", None),
        ] {
            assert_eq!(next(header), target, "{header}");
        }
    }
}
