//! Expands `{a,b}` in source names.

/// The most names one text may expand to.
const MAX: usize = 10_000;

/// The reason braces cannot be expanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BraceError {
    /// An unmatched brace, or nested braces.
    #[error("the braces do not match")]
    Unbalanced,
    /// `{a}`: no alternatives.
    #[error("there is nothing to choose from between the braces")]
    NoChoice,
    /// Too many names.
    #[error("this stands for more than 10000 names")]
    TooMany,
}

/// Every name that `text` expands to, in order.
pub(super) fn expand(text: &str) -> Result<Vec<String>, BraceError> {
    let mut names = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, behind) = rest.split_at(open);
        let inside = behind.strip_prefix('{').ok_or(BraceError::Unbalanced)?;
        let (choices, after) = inside.split_once('}').ok_or(BraceError::Unbalanced)?;
        if choices.contains('{') {
            return Err(BraceError::Unbalanced);
        }
        let choices: Vec<&str> = choices.split(',').map(str::trim).collect();
        if choices.len() < 2 {
            return Err(BraceError::NoChoice);
        }
        if names.len().saturating_mul(choices.len()) > MAX {
            return Err(BraceError::TooMany);
        }
        names = names
            .iter()
            .flat_map(|name| choices.iter().map(move |choice| format!("{name}{before}{choice}")))
            .collect();
        rest = after;
    }
    names.iter_mut().for_each(|name| name.push_str(rest));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_out_every_choice() {
        assert_eq!(expand("quay.io/a").unwrap(), ["quay.io/a"]);
        assert_eq!(expand("q/{a, b}/c").unwrap(), ["q/a/c", "q/b/c"]);
        assert_eq!(expand("{a,b}{1,2}").unwrap(), ["a1", "a2", "b1", "b2"]);
        assert_eq!(expand("a{,-dev}").unwrap(), ["a", "a-dev"]);
    }

    #[test]
    fn refuses_what_is_no_choice() {
        for bad in ["{a", "a}", "{a,{b,c}}", "}{"] {
            assert_eq!(expand(bad), Err(BraceError::Unbalanced), "{bad}");
        }
        assert_eq!(expand("{name}"), Err(BraceError::NoChoice));
        let many = "{0,1,2,3,4,5,6,7,8,9}".repeat(5);
        assert_eq!(expand(&many), Err(BraceError::TooMany));
    }
}
