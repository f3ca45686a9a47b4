//! What the tests of the registry API push, and what they call it.

use std::collections::BTreeMap;

use entrepot_oci::{Algorithm, Digest};
use entrepot_testkit::client::Response;

use super::{Rig, noise};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCTETS: &str = "application/octet-stream";

pub(crate) fn image(layers: &[&[u8]], more: &str) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}"#,
                Digest::of(layer),
                layer.len()
            )
        })
        .collect();
    let config = Digest::of(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{}]{more}}}"#,
        layers.join(",")
    )
    .into_bytes()
}

pub(crate) fn index(children: &[&[u8]]) -> Vec<u8> {
    let children: Vec<_> = children
        .iter()
        .map(|child| {
            format!(r#"{{"mediaType":"{IMAGE}","digest":"{}","size":{}}}"#, Digest::of(child), child.len())
        })
        .collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, children.join(","))
        .into_bytes()
}

pub(crate) fn referrer(subject: &[u8], kind: &str) -> Vec<u8> {
    let (digest, size) = (Digest::of(subject), subject.len());
    let subject = format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size}}}"#);
    image(&[], &format!(r#","artifactType":"{kind}","subject":{subject},"annotations":{{"a":"b"}}"#))
}

pub(crate) type Names = BTreeMap<&'static str, String>;

pub(crate) async fn pushed(response: Response) -> Response {
    assert_eq!(response.status, 201, "{}", response.text());
    response
}

/// Pushes what the cases name.
pub(crate) async fn fill(rig: &Rig) -> Names {
    let layer = noise(1, 200_000);
    rig.push_blob("local/spec", "{}").await;
    rig.push_blob("local/spec", "").await;
    rig.push_blob("local/spec", layer.clone()).await;
    let long = Digest::with(Algorithm::Sha512, b"long");
    pushed(rig.send("POST", &format!("/v2/local/spec/blobs/uploads/?digest={long}"), &[], "long").await)
        .await;
    let single = image(&[&layer], "");
    pushed(rig.push("local/spec", "v1", IMAGE, &single).await).await;
    pushed(rig.push("local/spec", "v2", IMAGE, &single).await).await;
    pushed(rig.push("local/spec", "multi", INDEX, &index(&[&single])).await).await;
    pushed(rig.push("local/spec", "latest", IMAGE, &image(&[], "")).await).await;
    let other = image(&[], r#","annotations":{"long":"digest"}"#);
    let image512 = Digest::with(Algorithm::Sha512, &other);
    pushed(rig.push("local/spec", &image512.to_string(), IMAGE, &other).await).await;
    for kind in ["application/vnd.example.sbom", "application/vnd.example.signature"] {
        let referrer = referrer(&single, kind);
        pushed(rig.push("local/spec", &Digest::of(&referrer).to_string(), IMAGE, &referrer).await).await;
    }
    BTreeMap::from([
        ("{layer}", Digest::of(&layer).to_string()),
        ("{layer-hex}", Digest::of(&layer).hex()),
        ("{config}", Digest::of(b"{}").to_string()),
        ("{empty}", Digest::of(b"").to_string()),
        ("{long}", long.to_string()),
        ("{absent}", Digest::of(b"absent").to_string()),
        ("{image}", Digest::of(&single).to_string()),
        ("{image512}", image512.to_string()),
        ("{uuid}", "0b6f6fd2-6c2e-4b1c-9a53-2f6f2f1c7c11".to_owned()),
    ])
}

pub(crate) fn spell(names: &Names, text: &str) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}
