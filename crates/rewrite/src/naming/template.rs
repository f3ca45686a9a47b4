//! New names from a template: `hub.example.com/{host}/{repository}`.

use std::str::FromStr;

use super::{NewName, Root, flat, short};
use crate::{DocumentImage, Reason};

/// A template for names: a registry followed by text and the placeholders `{host}`, `{repository}`, `{short}` (without
/// `library/`), `{namespace}`, `{name}` (the last part), `{flat}` (`/` replaced by `-`).
///
/// ```
/// use entrepot_oci::ImageRef;
/// use entrepot_rewrite::{DocumentImage, Naming, Rules};
///
/// let naming = Naming::Template("hub.example.com/cache/{host}/{short}".parse()?);
/// let rules = Rules { naming, ..Rules::default() };
/// let nginx = DocumentImage::from(&"nginx:1.27".parse::<ImageRef>()?);
/// assert_eq!(rules.name(&nginx).unwrap().name(), "hub.example.com/cache/docker.io/nginx");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    root: Root,
    parts: Vec<TemplatePart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Host,
    Repository,
    Short,
    Namespace,
    Name,
    Flat,
}

/// Why a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It must start with a fixed registry, so that new names can be told from old ones.
    #[error(
        "a template begins with the name of a registry, as in `hub.example.com/{{repository}}`; this is `{0}`"
    )]
    NoRegistry(String),
    /// Unknown placeholder.
    #[error(
        "`{{{0}}}` is not known; there are {{host}}, {{repository}}, {{short}}, {{namespace}}, {{name}} and {{flat}}"
    )]
    Unknown(String),
    /// Unclosed brace.
    #[error("`{{` without `}}` in `{0}`")]
    Open(String),
    /// Every image would get the same name.
    #[error("`{0}` gives every image the same name")]
    Constant(String),
}

impl Template {
    // True if the name starts like every name from this template.
    pub(super) fn gives(&self, image: &DocumentImage) -> bool {
        self.root.holds(image)
    }

    pub(super) fn name(&self, image: &DocumentImage) -> Result<NewName, Reason> {
        let parts = self.parts.iter().map(|part| match part {
            TemplatePart::Text(text) => text.clone(),
            TemplatePart::Host => image.host.to_string(),
            TemplatePart::Repository => image.repository.to_string(),
            TemplatePart::Short => short(image).to_owned(),
            TemplatePart::Namespace => image
                .repository
                .as_str()
                .rsplit_once('/')
                .map_or_else(String::new, |(space, _)| space.to_owned()),
            TemplatePart::Name => image.repository.parts().last().unwrap_or_default().to_owned(),
            TemplatePart::Flat => flat(image),
        });
        // An image without a namespace leaves an empty part.
        let whole = parts.collect::<String>().replace("//", "/");
        self.root.join(whole.trim_matches('/'))
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let literal = text.split('{').next().unwrap_or_default();
        let (root, _) = literal.rsplit_once('/').ok_or_else(|| TemplateError::NoRegistry(text.to_owned()))?;
        let mut rest = &text[root.len() + 1..];
        let root = root.parse().map_err(|_| TemplateError::NoRegistry(text.to_owned()))?;
        let mut parts = Vec::new();
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, behind) =
                behind.split_once('}').ok_or_else(|| TemplateError::Open(text.to_owned()))?;
            parts.push(TemplatePart::Text(before.to_owned()));
            parts.push(placeholder(name)?);
            rest = behind;
        }
        if parts.is_empty() {
            return Err(TemplateError::Constant(text.to_owned()));
        }
        parts.push(TemplatePart::Text(rest.to_owned()));
        Ok(Self { root, parts })
    }
}

fn placeholder(name: &str) -> Result<TemplatePart, TemplateError> {
    Ok(match name {
        "host" => TemplatePart::Host,
        "repository" => TemplatePart::Repository,
        "short" => TemplatePart::Short,
        "namespace" => TemplatePart::Namespace,
        "name" => TemplatePart::Name,
        "flat" => TemplatePart::Flat,
        _ => return Err(TemplateError::Unknown(name.to_owned())),
    })
}
