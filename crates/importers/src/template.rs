//! Templates of Go in the files of other tools: the ones with a known meaning are filled in.

use std::collections::BTreeMap;

/// Fills in templates that read an environment variable: `{{ env "NAME" }}`.
///
/// # Errors
/// Why one cannot be filled in.
pub(crate) fn with_variables(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    fill(text, |template| {
        let name = template.strip_prefix("env").map(str::trim).and_then(quoted);
        let name = name.ok_or_else(|| format!("the template `{{{{{template}}}}}` has no counterpart"))?;
        variables.get(name).filter(|value| !value.is_empty()).cloned().ok_or_else(|| {
            format!("its template takes `{name}` from the environment, where it is not set: `export {name}=…` and import again")
        })
    })
}

/// The same for the target of an entry, which may say `{{ .Sync.Source }}` for its source.
///
/// # Errors
/// Why one cannot be filled in.
pub(crate) fn with_source(
    text: &str,
    source: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, String> {
    let text = fill(text, |template| {
        Ok(match template {
            ".Sync.Source" => source.to_owned(),
            _ => format!("{{{{{template}}}}}"),
        })
    })?;
    with_variables(&text, variables)
}

/// Fills in templates about the overwritten image, as names of our own: `{{.Ref.Tag}}`.
///
/// # Errors
/// Why one cannot be filled in.
pub(crate) fn with_holes(text: &str, variables: &BTreeMap<String, String>) -> Result<String, String> {
    let holes = fill(text, |template| {
        Ok(match template {
            ".Ref.Tag" => "{tag}".to_owned(),
            _ => format!("{{{{{template}}}}}"),
        })
    })?;
    with_variables(&holes, variables)
}

fn fill(text: &str, mut with: impl FnMut(&str) -> Result<String, String>) -> Result<String, String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let (template, after) =
            after.split_once("}}").ok_or_else(|| format!("the template in `{text}` has no end"))?;
        let inner = template.strip_prefix('-').unwrap_or(template);
        let inner = inner.strip_suffix('-').unwrap_or(inner).trim();
        filled += before;
        filled += &with(inner)?;
        rest = after;
    }
    Ok(filled + rest)
}

fn quoted(text: &str) -> Option<&str> {
    let of = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    of('"').or_else(|| of('`')).filter(|name| !name.is_empty() && !name.contains(['"', '`', '\\']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_templates_are_filled_in_and_others_told() {
        let variables = BTreeMap::from([("V".to_owned(), "1.2".to_owned()), ("E".to_owned(), String::new())]);
        for (text, filled) in [
            ("debian", Ok("debian")),
            (r#"debian:{{ env "V" }}-{{env `V`}}"#, Ok("debian:1.2-1.2")),
            (r#"{{- env "V" -}}"#, Ok("1.2")),
            (r#"{{ env "E" }}"#, Err("`E` from the environment")),
            (r#"{{ env "W" }}"#, Err("`export W=…`")),
            (r#"{{ file "x" }}"#, Err("the template `{{file \"x\"}}` has no counterpart")),
            ("{{ env", Err("has no end")),
        ] {
            match (with_variables(text, &variables), filled) {
                (Ok(there), Ok(filled)) => assert_eq!(there, filled, "{text}"),
                (Err(there), Err(part)) => assert!(there.contains(part), "{text}: {there}"),
                (there, _) => panic!("{text}: {there:?}"),
            }
        }
        let target = with_source("r.example/hub/{{ .Sync.Source }}:{{env \"V\"}}", "alpine", &variables);
        assert_eq!(target.as_deref(), Ok("r.example/hub/alpine:1.2"));
        assert_eq!(with_holes(r#"b-{{ .Ref.Tag }}-{{env "V"}}"#, &variables).unwrap(), "b-{tag}-1.2");
        assert!(with_holes("{{.Ref.Digest}}", &variables).unwrap_err().contains("{{.Ref.Digest}}"));
    }
}
