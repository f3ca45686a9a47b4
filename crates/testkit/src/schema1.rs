//! Images in Docker's schema 1, as registries of 2015 still have them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use entrepot_oci::Digest;
use serde_json::json;

/// A schema 1 manifest without signatures that names these layers.
pub fn schema1(layers: &[Digest]) -> Bytes {
    format!("{}\n}}", beginning(layers)).into()
}

/// The same with a signature, which no key made. Its digest is that of [`schema1`].
pub fn signed_schema1(layers: &[Digest]) -> Bytes {
    let beginning = beginning(layers);
    let protected = json!({ "formatLength": beginning.len(), "formatTail": URL_SAFE_NO_PAD.encode("\n}") });
    let protected = URL_SAFE_NO_PAD.encode(protected.to_string());
    let signature =
        json!({ "header": { "alg": "ES256" }, "signature": STANDARD.encode("none"), "protected": protected });
    format!("{beginning},\n   \"signatures\": [{signature}]\n}}").into()
}

fn beginning(layers: &[Digest]) -> String {
    let layers: Vec<_> = layers.iter().map(|layer| json!({ "blobSum": layer.to_string() })).collect();
    let history = vec![json!({ "v1Compatibility": "{}" }); layers.len()];
    let document =
        json!({ "schemaVersion": 1, "architecture": "amd64", "fsLayers": layers, "history": history });
    let text = serde_json::to_string_pretty(&document).unwrap();
    text.trim_end_matches('}').trim_end().to_owned()
}
