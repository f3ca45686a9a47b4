//! Ranges of versions of Go's library Masterminds/semver, which skopeo and regsync use, in the form of ours.
//!
//! The two agree about `~`, `^`, partial versions and comparisons. These differ and are translated: a bare version means
//! that version, `!=`, `=>`, `=<`, `~>`, `1.2 - 1.4`, `1.x`, and a `v` in front.

/// A range in our form.
///
/// # Errors
/// Why it has none.
pub(crate) fn translate(range: &str) -> Result<String, String> {
    let mut lists: Vec<String> = Vec::new();
    for list in range.split("||") {
        for list in all_of(list)? {
            if !lists.contains(&list) {
                lists.push(list);
            }
        }
    }
    Ok(lists.join(" || "))
}

/// Something about a range that means less here than there.
pub(crate) fn remark(range: &str) -> Option<String> {
    let has_pre_release = range
        .split([' ', ',', '|'])
        .any(|word| word.trim_start_matches(OPERATORS).contains('-') && word != "-");
    has_pre_release.then(|| format!("`{range}` takes pre-releases of every version there, and here those of the versions that it names"))
}

/// The most alternatives that a list may come to: each `!=` doubles them.
const MAX_LISTS: usize = 32;

const OPERATORS: [char; 6] = ['=', '!', '<', '>', '~', '^'];

// Comparators that must all hold. Several such lists, since `!=` is what is below or above.
fn all_of(list: &str) -> Result<Vec<String>, String> {
    let mut lists = vec![Vec::new()];
    for (operator, version) in comparators(list)? {
        let parsed = Version::parse(&version).ok_or_else(|| format!("`{version}` is not a version"))?;
        let either = parsed.comparators(operator)?;
        if lists.len() > MAX_LISTS {
            return Err("it excludes too many versions".to_owned());
        }
        lists = either
            .iter()
            .flat_map(|one| lists.iter().map(move |list| list.iter().chain([one]).cloned().collect()))
            .collect();
    }
    Ok(lists.into_iter().map(|list: Vec<String>| list.join(" ")).collect())
}

// Each operator with its version. Blanks may stand between them, and around the dash of `1.2 - 1.4`.
fn comparators(list: &str) -> Result<Vec<(&str, String)>, String> {
    let words: Vec<&str> = list.split([',', ' ', '\t']).filter(|word| !word.is_empty()).collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(word) = words.get(at) {
        let version = word.trim_start_matches(OPERATORS);
        let operator = &word[..word.len() - version.len()];
        if let ("", Some(&"-"), Some(end)) = (operator, words.get(at + 1), words.get(at + 2)) {
            found.extend([(">=", version.to_owned()), ("<=", (*end).to_owned())]);
            at += 3;
            continue;
        }
        at += 1;
        let version = match version {
            "" => {
                at += 1;
                *words.get(at - 1).ok_or_else(|| format!("nothing follows `{operator}`"))?
            }
            version => version,
        };
        found.push((operator, version.to_owned()));
    }
    if found.is_empty() { Err("it is empty".to_owned()) } else { Ok(found) }
}

struct Version {
    /// One to three of them; none for `*`.
    numbers: Vec<u64>,
    pre: String,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(text, _)| text);
        let (core, pre) = text.split_once('-').unwrap_or((text, ""));
        let mut numbers = Vec::new();
        let parts = core.split('.').take_while(|part| !matches!(*part, "*" | "x" | "X"));
        let count = core.split('.').count();
        for part in parts {
            let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            numbers.push(is_number.then(|| part.parse().ok())??);
        }
        (count <= 3 && (pre.is_empty() || numbers.len() == 3)).then(|| Self { numbers, pre: pre.to_owned() })
    }

    fn text(&self) -> String {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        let dash = if self.pre.is_empty() { "" } else { "-" };
        format!("{}{dash}{}", numbers.join("."), self.pre)
    }

    // What the operator means: one comparator of these must hold.
    fn comparators(&self, operator: &str) -> Result<Vec<String>, String> {
        let text = self.text();
        let everything = self.numbers.is_empty();
        let ours = match operator {
            "" | "=" | "==" => "=",
            ">=" | "=>" => ">=",
            "<=" | "=<" => "<=",
            "~" | "~>" => "~",
            "^" | "<" | ">" => operator,
            "!=" if everything => return Err("`!=` of every version is nothing".to_owned()),
            "!=" => return Ok(vec![format!("<{}", self.lowest()), format!(">{text}")]),
            other => return Err(format!("`{other}` is no comparison")),
        };
        match (everything, ours) {
            (true, "<" | ">") => Err(format!("nothing is `{operator}` every version")),
            (true, _) => Ok(vec!["*".to_owned()]),
            (false, _) => Ok(vec![format!("{ours}{text}")]),
        }
    }

    // The lowest version of a partial one.
    fn lowest(&self) -> String {
        let numbers = (0..3).map(|at| self.numbers.get(at).copied().unwrap_or(0)).collect();
        Self { numbers, pre: self.pre.clone() }.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_translated_or_told() {
        for (range, ours) in [
            ("1.2.3", "=1.2.3"),
            ("v1.2", "=1.2"),
            (">= v0.22.0", ">=0.22.0"),
            (">=v2.40.0", ">=2.40.0"),
            (">= 1.2, < 2.0", ">=1.2 <2.0"),
            (">=12.1 <13 || 11", ">=12.1 <13 || =11"),
            ("=> 1 =< 2", ">=1 <=2"),
            ("~> 1.2.3", "~1.2.3"),
            ("^1.x", "^1"),
            ("1.2.x", "=1.2"),
            ("1.2.*", "=1.2"),
            ("*", "*"),
            ("x", "*"),
            (">=*", "*"),
            ("1.2 - 1.4.5", ">=1.2 <=1.4.5"),
            ("> 02.05", ">2.5"),
            ("!=1.2.3", "<1.2.3 || >1.2.3"),
            (">=1 !=1.5 <2", ">=1 <1.5.0 <2 || >=1 >1.5 <2"),
            (">=1.2.3-rc1", ">=1.2.3-rc1"),
            ("1.2.3+build", "=1.2.3"),
        ] {
            assert_eq!(translate(range).as_deref(), Ok(ours), "{range}");
        }
        for (range, why) in [
            ("", "it is empty"),
            ("1 ||", "it is empty"),
            (">=", "nothing follows `>=`"),
            ("latest", "`latest` is not a version"),
            (">=1.2.3.4", "`1.2.3.4` is not a version"),
            ("<>1", "`<>` is no comparison"),
            ("!=*", "`!=` of every version is nothing"),
            ("<*", "nothing is `<` every version"),
        ] {
            assert_eq!(translate(range).unwrap_err(), why, "{range}");
        }
    }

    #[test]
    fn pre_releases_are_remarked_on() {
        assert!(remark(">=1.2.3-0").is_some() && remark("1 || >= 2.0.0-rc1").is_some());
        assert!(remark("1.2 - 1.4").is_none() && remark(">=1, <2").is_none());
    }
}
