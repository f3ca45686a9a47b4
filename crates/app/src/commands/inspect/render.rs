//! Text output of `entrepot inspect`.

use std::{collections::BTreeMap, fmt::Write as _};

use comfy_table::CellAlignment::{Left, Right};
use entrepot_oci::printable;

use super::look::{ImageDetails, Layer, Referrer, Variant};
use crate::{
    failure::told,
    output::{Column, amount, sentence, size, table, word},
};

/// The full text.
pub(super) fn text(details: &ImageDetails) -> String {
    let mut text = format!("{}\n", printable(&details.image));
    let _ = writeln!(text, "{}", sentence!("digest      {digest}", digest = details.digest));
    let _ = writeln!(text, "{}", sentence!("media type  {kind}", kind = details.media_type));
    if let Some(kind) = &details.artifact_type {
        let _ = writeln!(text, "{}", sentence!("artifact    {kind}", kind = printable(kind)));
    }
    if let Some(created) = details.shown.as_ref().and_then(|shown| shown.created.as_deref()) {
        let _ = writeln!(text, "{}", sentence!("created     {time}", time = printable(created)));
    }
    text += &format!("\n{}", platforms(&details.platforms));
    if details.attestations != 0 {
        let attestations = amount(details.attestations, "attestation");
        let _ = writeln!(text, "{}", sentence!("and {attestations}", attestations = attestations));
    }
    if let Some(shown) = &details.shown {
        let head = sentence!("layers of {platform}", platform = printable(&shown.platform));
        text += &section(&head, &layers(&shown.layers));
        text += &notes(&word("labels"), &shown.labels);
    }
    text += &notes(&word("annotations"), &details.annotations);
    for (digest, why) in &details.unknown_content {
        let why = told(why);
        let (digest, why) = (printable(digest), printable(&why));
        let unknown = sentence!("the layers of {digest} are not known: {why}", digest = digest, why = why);
        text += &format!("\n{unknown}\n");
    }
    if details.referrers_unknown {
        text += &format!("\n{}\n", sentence!("the registry does not say what refers to it"));
    }
    text + &section(&word("referrers"), &referrers(&details.referrers))
}

fn section(head: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("\n{head}\n{body}") }
}

fn notes(head: &str, notes: &BTreeMap<String, String>) -> String {
    let lines = notes.iter().map(|(key, value)| format!("  {}={}\n", printable(key), printable(value)));
    section(head, &lines.collect::<String>())
}

fn platforms(variants: &[Variant]) -> String {
    let columns =
        [Column("PLATFORM", Left), Column("DIGEST", Left), Column("LAYERS", Right), Column("SIZE", Right)];
    let rows = variants.iter().map(|variant| {
        let Variant { platform, digest, layers, size: bytes, missing } = variant;
        let (layers, size) = match missing {
            true => ("-".to_owned(), word("missing")),
            false => (layers.to_string(), size(*bytes)),
        };
        vec![platform.clone(), digest.clone(), layers, size]
    });
    table(&columns, rows.collect())
}

fn layers(layers: &[Layer]) -> String {
    let rows =
        layers.iter().map(|layer| vec![layer.digest.clone(), layer.media_type.clone(), size(layer.size)]);
    let rows: Vec<_> = rows.collect();
    let columns = [Column("DIGEST", Left), Column("MEDIA TYPE", Left), Column("SIZE", Right)];
    if rows.is_empty() { String::new() } else { table(&columns, rows) }
}

fn referrers(referrers: &[Referrer]) -> String {
    let rows =
        referrers.iter().map(|one| vec![one.artifact_type.clone(), one.digest.clone(), size(one.size)]);
    let rows: Vec<_> = rows.collect();
    let columns = [Column("ARTIFACT TYPE", Left), Column("DIGEST", Left), Column("SIZE", Right)];
    if rows.is_empty() { String::new() } else { table(&columns, rows) }
}

#[cfg(test)]
mod tests {
    use super::{super::look::PlatformDetails, *};

    #[test]
    fn an_image_is_told_whole() {
        let seen = ImageDetails {
            image: "lab.test/app:1".into(),
            digest: "sha256:ab".into(),
            media_type: "application/vnd.oci.image.index.v1+json".into(),
            platforms: vec![Variant {
                platform: "linux/amd64".into(),
                digest: "sha256:cd".into(),
                layers: 1,
                size: 2048,
                missing: false,
            }],
            attestations: 1,
            shown: Some(PlatformDetails {
                platform: "linux/amd64".into(),
                created: Some("2026-01-02T03:04:05Z".into()),
                labels: [("a".to_owned(), "b\u{1b}[31m".to_owned())].into(),
                layers: vec![Layer { digest: "sha256:ef".into(), media_type: "x/y".into(), size: 1024 }],
            }),
            ..ImageDetails::default()
        };
        let expected = "lab.test/app:1
digest      sha256:ab
media type  application/vnd.oci.image.index.v1+json
created     2026-01-02T03:04:05Z

PLATFORM     DIGEST     LAYERS     SIZE
linux/amd64  sha256:cd       1  2.0 KiB
and 1 attestation

layers of linux/amd64
DIGEST     MEDIA TYPE     SIZE
sha256:ef  x/y         1.0 KiB

labels
  a=b\\u{1b}[31m
";
        assert_eq!(text(&seen), expected);
    }
}
