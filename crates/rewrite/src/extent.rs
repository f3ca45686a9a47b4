//! Where a reference ends in a text of any kind, and whether it is one.

use entrepot_oci::ImageRef;

/// The end of a reference that starts before `at`, with the variables in it.
pub(crate) fn end_of(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let length = rest.bytes().take_while(|byte| is_part(*byte)).count();
        at += length;
        match variable(&text[at..]) {
            Some(variable) => at += variable,
            None => return at,
        }
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b':' | b'@')
}

// The length of a variable at the start of a text.
fn variable(text: &str) -> Option<usize> {
    let line = text.split('\n').next()?;
    let closed = |open: &str, close: &str| {
        line.strip_prefix(open)?.find(close).map(|length| open.len() + length + close.len())
    };
    let named = || {
        let name = line.strip_prefix('$')?;
        let length = name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        (length > 0).then_some(length + 1)
    };
    if !line.starts_with(['$', '{', '<']) {
        return None;
    }
    let braced = closed("${{", "}}").or_else(|| closed("{{", "}}")).or_else(|| closed("${", "}"));
    braced.or_else(|| closed("$(", ")")).or_else(|| closed("<<", ">>")).or_else(named)
}

/// True if a text can be read as a reference, whatever its variables stand for.
pub(crate) fn reads(text: &str) -> bool {
    if !text.contains(['$', '{', '<']) {
        return text.parse::<ImageRef>().is_ok();
    }
    let (mut plain, mut at) = (String::new(), 0);
    while at < text.len() {
        match variable(&text[at..]) {
            Some(length) => {
                plain.push('x');
                at += length;
            }
            None => {
                let next = text[at..].chars().next().unwrap_or_default();
                plain.push(next);
                at += next.len_utf8().max(1);
            }
        }
    }
    plain.parse::<ImageRef>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_end_behind_their_variables() {
        for (text, length, is_one) in [
            ("a/b:1 c", 5, true),
            ("a/b:${V:-1}, c", 11, true),
            ("a/b:$V\"", 6, true),
            ("${{ x }}/b:1", 12, true),
            ("a/b:{{ .Values.v }}'", 19, true),
            ("a/b:<< v >>", 11, true),
            ("a/b:${V", 4, false),
            ("A/b", 3, false),
        ] {
            assert_eq!(end_of(text, 0), length, "{text}");
            assert_eq!(reads(&text[..length]), is_one, "{text}");
        }
    }
}
