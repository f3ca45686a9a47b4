//! Checks the laws with generated input that is close enough to valid to pass the first check.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

// Valid and invalid pieces of names, to test how pieces join rather than single characters.
const PIECES: [&str; 40] = [
    "a",
    "0",
    "nginx",
    "library",
    "docker.io",
    "index.docker.io",
    "localhost",
    "localhost:5000",
    "[::1]",
    "[0::1]:05000",
    "ghcr.io",
    "GHCR.io",
    "A",
    ".",
    "..",
    "_",
    "__",
    "___",
    "-",
    "--",
    "/",
    "//",
    ":",
    "@",
    "%",
    "%2e",
    "%2F",
    "\0",
    "\r\n",
    " ",
    "é",
    "latest",
    "1.27",
    "sha256:",
    "sha512:",
    "md5:",
    "manifests",
    "blobs",
    "uploads",
    "tags/list",
];

fn digest_like() -> impl Strategy<Value = String> {
    prop_oneof![
        "sha256:[0-9a-f]{64}",
        "sha512:[0-9a-f]{128}",
        "sha256:[0-9a-fA-F]{63,65}",
        "(sha256|sha512|md5|SHA256|)[:+]?[0-9a-f./]{0,64}",
    ]
}

fn name_like() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(select(PIECES.as_slice()), 0..12).prop_map(|pieces| pieces.concat()),
        "[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,3}(/[a-z0-9]{1,6}((\\.|_|__|-{1,3})[a-z0-9]{1,4}){0,3}){0,3}",
        "[a-z0-9._/-]{0,16}",
        "[a-z0-9/]{240,260}",
        "(\\[[0-9a-f:.]{2,12}\\]|[a-zA-Z0-9.-]{1,12})(:[0-9+]{1,6})?/[a-z0-9/]{1,8}",
        "[a-zA-Z0-9._-]{126,130}",
        (name_like_short(), digest_like()).prop_map(|(name, digest)| format!("{name}@{digest}")),
        digest_like(),
        any::<String>(),
    ]
}

fn name_like_short() -> impl Strategy<Value = String> {
    "([a-z.]{1,8}/)?[a-z0-9]{1,6}(/[a-z0-9]{1,6})?(:[a-zA-Z0-9._-]{1,9})?"
}

fn number_like() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u64>().prop_map(|number| number.to_string()),
        (0u64..20).prop_map(|number| number.to_string()),
        select(
            ["", "-1", "+1", "0x1", " 7 ", "18446744073709551616", "99999999999999999999999", "1.5"]
                .as_slice()
        )
        .prop_map(str::to_owned),
    ]
}

fn range_like() -> impl Strategy<Value = String> {
    let unit = select(["bytes=", "bytes ", "bytes", "Bytes=", "", " bytes="].as_slice());
    let end = select(["", ",", "/10", "/*", " ", "-5"].as_slice());
    (unit, number_like(), select(["-", "", "--", " - "].as_slice()), number_like(), end)
        .prop_map(|(unit, first, dash, last, end)| format!("{unit}{first}{dash}{last}{end}"))
}

fn size() -> impl Strategy<Value = u64> {
    prop_oneof![0u64..20, any::<u64>(), Just(u64::MAX)]
}

fn key() -> impl Strategy<Value = &'static str> {
    select(
        [
            "mediaType",
            "MediaType",
            "config",
            "Config",
            "layers",
            "LAYERS",
            "layer\u{17f}",
            "blobs",
            "manifests",
            "Manifests",
            "subject",
            "annotations",
            "artifactType",
            "schemaVersion",
            "x",
            "X",
        ]
        .as_slice(),
    )
}

fn descriptor() -> impl Strategy<Value = String> {
    let extra = select(
        [
            "",
            r#","urls":["http://x"]"#,
            r#","annotations":{"a":"b","A":"c"}"#,
            r#","platform":{"os":"linux"}"#,
            r#","Digest":"sha256:0""#,
            r#","size":1"#,
            r#","Size":1"#,
            r#","data":"e30=""#,
        ]
        .as_slice(),
    );
    let size =
        select(["0", "7", "9223372036854775807", "9223372036854775808", "-1", "1.5", "\"1\""].as_slice());
    (digest_like(), size, extra).prop_map(|(digest, size, extra)| {
        format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":{size}{extra}}}"#)
    })
}

fn good_descriptor() -> impl Strategy<Value = String> {
    ("sha256:[0-9a-f]{64}", 0u64..1 << 40)
        .prop_map(|(digest, size)| format!(r#"{{"digest":"{digest}","size":{size}}}"#))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => good_descriptor(),
        3 => vec(good_descriptor(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        1 => descriptor(),
        1 => vec(descriptor(), 0..3).prop_map(|items| format!("[{}]", items.join(","))),
        1 => select([
            "null", "2", "{}", "[]", "\"\"", "true", r#"{"a":"b"}"#, r#""application/vnd.oci.image.index.v1+json""#,
            r#""application/vnd.oci.image.manifest.v1+json""#,
        ].as_slice()).prop_map(str::to_owned),
        1 => (1usize..80).prop_map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth))),
    ]
}

fn document() -> impl Strategy<Value = String> {
    vec((key(), value()), 0..5).prop_map(|fields| {
        let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

fn declared() -> impl Strategy<Value = Option<MediaType>> {
    let known = [None, Some(MediaType::OCI_INDEX), Some(MediaType::OCI_MANIFEST), MediaType::parse("x/y")];
    select(known.to_vec())
}

fn path() -> impl Strategy<Value = String> {
    let kind =
        select(["manifests", "blobs", "blobs/uploads", "referrers", "tags", "uploads", "%62lobs"].as_slice());
    let last = prop_oneof![
        digest_like(),
        name_like_short(),
        Just("list".to_owned()),
        Just(String::new()),
        name_like()
    ];
    (select(["/v2/", "/v2", "/", "/v2//", "/v1/"].as_slice()), name_like(), kind, last)
        .prop_map(|(front, name, kind, last)| format!("{front}{name}/{kind}/{last}"))
}

fn query() -> impl Strategy<Value = String> {
    let key = select(
        ["n", "last", "ns", "mount", "from", "digest", "digest-algorithm", "tag", "artifactType", "x"]
            .as_slice(),
    );
    let value = prop_oneof![digest_like(), number_like(), name_like(), Just("sha512".to_owned())];
    vec((key, value).prop_map(|(key, value)| format!("{key}={value}")), 0..4)
        .prop_map(|pairs| pairs.join("&"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_names(text in name_like()) {
        names(&text);
    }

    #[test]
    fn of_ranges(header in range_like(), more in range_like(), size in size()) {
        byte_range(&header, size);
        byte_ranges(&header, size);
        byte_ranges(&format!("{header},{}", more.trim_start_matches("bytes=")), size);
        chunk_range(&header);
    }

    #[test]
    fn of_pages(n in proptest::option::of(number_like()), last in proptest::option::of(name_like())) {
        page(n.as_deref(), last.as_deref());
    }

    #[test]
    fn of_manifests(text in document(), declared in declared()) {
        manifest(text.as_bytes(), declared.as_ref());
    }

    #[test]
    fn of_routes(method in select(METHODS.as_slice()), path in path(), query in query()) {
        route(method.0, &path, &query);
    }
}
