//! `If-Match`: which operations heed it, by their description.

use std::collections::BTreeSet;

use serde_json::Value;

/// Operations that change something, but nothing that has a revision, and why.
const UNCONDITIONAL: &[(&str, &str)] = &[
    ("DELETE /api/v1/session", "one's own login ends"),
    ("DELETE /api/v1/sessions", "sessions never change"),
    ("DELETE /api/v1/sessions/{id}", "sessions never change"),
    ("DELETE /api/v1/grants/{id}", "grants never change"),
    ("DELETE /api/v1/pull-rules/denials", "denials never change"),
    ("DELETE /api/v1/limits/bans/{id}", "a ban is lifted, whatever it was for"),
    ("DELETE /api/v1/cache/images", "an image is named by its digest"),
    ("DELETE /api/v1/cache/pins", "pins never change"),
    ("DELETE /api/v1/cache/eviction", "it is stopped"),
    ("DELETE /api/v1/cache/scrub", "it is stopped"),
    ("DELETE /api/v1/library/volumes/{name}", "what is in a volume is not ours to know"),
    ("PUT /api/v1/me/ssh-key", "it is set as a whole, and by its owner alone"),
    ("DELETE /api/v1/me/ssh-key", "it is set as a whole, and by its owner alone"),
    ("PUT /api/v1/mode", "it is set as a whole"),
    ("DELETE /api/v1/mode", "it is set as a whole"),
    ("PUT /api/v1/library/quotas/{account}", "it is set as a whole"),
    ("DELETE /api/v1/library/quotas/{account}", "it is set as a whole"),
    ("PUT /api/v1/library/specs/{id}/wait", "one's own place in a queue"),
    ("DELETE /api/v1/library/specs/{id}/wait", "one's own place in a queue"),
];

fn heeds(operation: &Value) -> bool {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.into_iter().any(|parameter| parameter["name"] == "If-Match")
}

#[test]
fn every_operation_that_changes_a_thing_with_a_revision_heeds_it() {
    let path = format!("{}/../../docs/reference/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut unconditional = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{} {path}", method.to_uppercase());
            if !heeds(operation) {
                if matches!(method.as_str(), "put" | "patch" | "delete") {
                    unconditional.insert(name);
                }
                continue;
            }
            assert!(operation["responses"]["412"].is_object(), "{name}: says nothing of 412");
            // What is read has the `ETag`: the thing itself, of which the operation may be a part.
            let read =
                [path.as_str(), path.rsplit_once('/').unwrap().0].map(|path| &document["paths"][path]["get"]);
            let described = read.iter().any(|read| read["description"].to_string().contains("`ETag`"));
            assert!(described, "{name}: nothing tells of the revision");
        }
    }
    let written: BTreeSet<_> = UNCONDITIONAL.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(unconditional, written);
}
