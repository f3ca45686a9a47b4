//! The distribution spec as a table: every endpoint with its statuses, headers and error codes, on hosted names.
//!
//! A case is a request and what must come back. `{config}`, `{image}` and the like stand for the digests of what
//! [`fill`] has pushed. What takes several requests (uploads, paging, deletion) has a test of its own below.

mod support;

use std::collections::BTreeMap;

use entrepot_oci::{Algorithm, Digest, Manifest, MediaType};
use entrepot_testkit::client::Response;
use support::{Rig, code, noise};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCTETS: &str = "application/octet-stream";
const FOREVER: &str = "max-age=31536000, immutable";

/// A request, and what must come back: a status, an error code or none, headers.
struct Case {
    ask: (&'static str, &'static str),
    with: &'static [(&'static str, &'static str)],
    status: u16,
    code: &'static str,
    headers: &'static [(&'static str, &'static str)],
}

const fn case(
    ask: (&'static str, &'static str),
    status: u16,
    code: &'static str,
    headers: &'static [(&'static str, &'static str)],
) -> Case {
    Case { ask, with: &[], status, code, headers }
}

const fn with(
    ask: (&'static str, &'static str),
    with: &'static [(&'static str, &'static str)],
    status: u16,
    headers: &'static [(&'static str, &'static str)],
) -> Case {
    Case { ask, with, status, code: "", headers }
}

const VERSION: (&str, &str) = ("docker-distribution-api-version", "registry/2.0");
// A header that must not be there.
const NONE: &str = "<none>";

const CASES: &[Case] = &[
    // end-1
    case(("GET", "/v2/"), 200, "", &[VERSION, ("content-type", "application/json")]),
    case(("GET", "/v2"), 200, "", &[VERSION]),
    case(("POST", "/v2/"), 405, "UNSUPPORTED", &[VERSION, ("allow", "GET, HEAD")]),
    // end-2: blobs
    case(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        200,
        "",
        &[
            ("content-length", "200000"),
            ("content-type", OCTETS),
            ("docker-content-digest", "{layer}"),
            ("etag", "\"{layer}\""),
            ("accept-ranges", "bytes"),
            ("cache-control", FOREVER),
            VERSION,
        ],
    ),
    case(("GET", "/v2/local/spec/blobs/{config}"), 200, "", &[("docker-content-digest", "{config}")]),
    case(
        ("GET", "/v2/local/spec/blobs/{empty}"),
        200,
        "",
        &[("content-length", "0"), ("docker-content-digest", "{empty}")],
    ),
    case(("GET", "/v2/local/spec/blobs/{long}"), 200, "", &[("docker-content-digest", "{long}")]),
    case(("GET", "/v2/local/spec/blobs/{absent}"), 404, "BLOB_UNKNOWN", &[]),
    case(("GET", "/v2/local/nothing/blobs/{config}"), 404, "BLOB_UNKNOWN", &[]),
    // A manifest is no blob of the repository unless it was pushed as one.
    case(("GET", "/v2/local/spec/blobs/sha256:x"), 400, "DIGEST_INVALID", &[]),
    case(("GET", "/v2/local/spec/blobs/md5:00"), 400, "DIGEST_INVALID", &[]),
    case(("PUT", "/v2/local/spec/blobs/{config}"), 405, "UNSUPPORTED", &[("allow", "GET, HEAD, DELETE")]),
    case(("OPTIONS", "/v2/local/spec/blobs/{config}"), 405, "UNSUPPORTED", &[("allow", "GET, HEAD, DELETE")]),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("if-none-match", "\"{layer}\"")],
        304,
        &[("etag", "\"{layer}\""), ("docker-content-digest", "{layer}")],
    ),
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("if-none-match", "\"{config}\"")], 200, &[]),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=5-9")],
        206,
        &[
            ("content-range", "bytes 5-9/200000"),
            ("content-length", "5"),
            ("docker-content-digest", "{layer}"),
        ],
    ),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=-1")],
        206,
        &[("content-range", "bytes 199999-199999/200000")],
    ),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=100-")],
        206,
        &[("content-length", "199900")],
    ),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=0-999999")],
        206,
        &[("content-length", "200000")],
    ),
    Case {
        with: &[("range", "bytes=200000-")],
        ..case(
            ("GET", "/v2/local/spec/blobs/{layer}"),
            416,
            "SIZE_INVALID",
            &[("content-range", "bytes */200000")],
        )
    },
    // What is not understood is ignored (RFC 9110 §14.2).
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("range", "bytes=5")], 200, &[]),
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("range", "bytes=0-1,3-4")], 200, &[]),
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("range", "lines=1-2")], 200, &[]),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=0-0"), ("if-range", "\"{layer}\"")],
        206,
        &[],
    ),
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=0-0"), ("if-range", "\"{config}\"")],
        200,
        &[],
    ),
    // end-3: manifests
    case(
        ("GET", "/v2/local/spec/manifests/v1"),
        200,
        "",
        &[
            ("content-type", IMAGE),
            ("docker-content-digest", "{image}"),
            ("etag", "\"{image}\""),
            ("cache-control", NONE),
            VERSION,
        ],
    ),
    case(
        ("GET", "/v2/local/spec/manifests/{image}"),
        200,
        "",
        &[("content-type", IMAGE), ("docker-content-digest", "{image}"), ("cache-control", FOREVER)],
    ),
    case(("GET", "/v2/local/spec/manifests/multi"), 200, "", &[("content-type", INDEX)]),
    case(("GET", "/v2/local/spec/manifests/{image512}"), 200, "", &[("docker-content-digest", "{image512}")]),
    case(("GET", "/v2/local/spec/manifests/absent"), 404, "MANIFEST_UNKNOWN", &[VERSION]),
    case(("GET", "/v2/local/spec/manifests/{absent}"), 404, "MANIFEST_UNKNOWN", &[]),
    case(("GET", "/v2/local/spec/manifests/.INVALID_MANIFEST_NAME"), 404, "MANIFEST_UNKNOWN", &[]),
    case(("GET", "/v2/local/spec/manifests/sha256:zz"), 400, "DIGEST_INVALID", &[]),
    case(("PUT", "/v2/local/spec/manifests/.bad"), 400, "NAME_INVALID", &[]),
    case(("POST", "/v2/local/spec/manifests/v1"), 405, "UNSUPPORTED", &[("allow", "GET, HEAD, PUT, DELETE")]),
    with(("GET", "/v2/local/spec/manifests/v1"), &[("if-none-match", "W/\"{image}\"")], 304, &[]),
    with(("GET", "/v2/local/spec/manifests/v1"), &[("if-none-match", "*")], 304, &[]),
    // What a client accepts does not change what was pushed.
    with(("GET", "/v2/local/spec/manifests/multi"), &[("accept", IMAGE)], 200, &[("content-type", INDEX)]),
    // end-4, end-5, end-6: what uploads refuse
    case(("GET", "/v2/local/spec/blobs/uploads/"), 405, "UNSUPPORTED", &[("allow", "POST")]),
    case(("OPTIONS", "/v2/local/spec/blobs/uploads/"), 405, "UNSUPPORTED", &[("allow", "POST")]),
    case(("POST", "/v2/local/spec/blobs/uploads/?digest=sha256:x"), 400, "DIGEST_INVALID", &[]),
    case(("POST", "/v2/local/spec/blobs/uploads/?digest-algorithm=md5"), 400, "DIGEST_INVALID", &[]),
    case(("POST", "/v2/local/spec/blobs/uploads/?mount=nonsense"), 400, "DIGEST_INVALID", &[]),
    case(("GET", "/v2/local/spec/blobs/uploads/nonsense"), 404, "BLOB_UPLOAD_UNKNOWN", &[]),
    case(("PATCH", "/v2/local/spec/blobs/uploads/{uuid}"), 404, "BLOB_UPLOAD_UNKNOWN", &[]),
    case(("PUT", "/v2/local/spec/blobs/uploads/{uuid}?digest={config}"), 404, "BLOB_UPLOAD_UNKNOWN", &[]),
    case(("PUT", "/v2/local/spec/blobs/uploads/{uuid}"), 400, "DIGEST_INVALID", &[]),
    case(("DELETE", "/v2/local/spec/blobs/uploads/{uuid}"), 404, "BLOB_UPLOAD_UNKNOWN", &[]),
    case(
        ("POST", "/v2/local/spec/blobs/uploads/{uuid}"),
        405,
        "UNSUPPORTED",
        &[("allow", "GET, HEAD, PATCH, PUT, DELETE")],
    ),
    // Only hosted names take pushes.
    case(("POST", "/v2/library/x/blobs/uploads/"), 403, "DENIED", &[VERSION]),
    case(("POST", "/v2/docker.io/local/x/blobs/uploads/"), 403, "DENIED", &[]),
    case(("DELETE", "/v2/library/x/manifests/v1"), 403, "DENIED", &[]),
    // end-8: tags
    case(
        ("GET", "/v2/local/spec/tags/list"),
        200,
        "",
        &[("content-type", "application/json"), ("link", NONE)],
    ),
    case(("GET", "/v2/local/spec/tags/list?n=0"), 200, "", &[("link", NONE)]),
    case(
        ("GET", "/v2/local/spec/tags/list?n=2"),
        200,
        "",
        &[("link", "</v2/local/spec/tags/list?n=2&last=multi>; rel=\"next\"")],
    ),
    case(("GET", "/v2/local/spec/tags/list?n=-1"), 400, "PAGINATION_NUMBER_INVALID", &[]),
    case(("GET", "/v2/local/spec/tags/list?n=x"), 400, "PAGINATION_NUMBER_INVALID", &[]),
    case(("GET", "/v2/local/spec/tags/list?n=100000000000000000000"), 200, "", &[]),
    case(("GET", "/v2/local/spec/tags/list?last=%00"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/local/nothing/tags/list"), 404, "NAME_UNKNOWN", &[]),
    case(("GET", "/v2/local/nothing/tags/list?n=0"), 404, "NAME_UNKNOWN", &[]),
    case(("DELETE", "/v2/local/spec/tags/list"), 405, "UNSUPPORTED", &[("allow", "GET, HEAD")]),
    // end-9, end-10: what deletion refuses
    case(("DELETE", "/v2/local/spec/manifests/absent"), 404, "MANIFEST_UNKNOWN", &[]),
    case(("DELETE", "/v2/local/spec/manifests/{absent}"), 404, "MANIFEST_UNKNOWN", &[]),
    case(("DELETE", "/v2/local/spec/blobs/{absent}"), 404, "BLOB_UNKNOWN", &[]),
    // end-12: referrers, never 404
    case(
        ("GET", "/v2/local/spec/referrers/{image}"),
        200,
        "",
        &[("content-type", INDEX), ("oci-filters-applied", NONE), ("link", NONE)],
    ),
    case(
        ("GET", "/v2/local/spec/referrers/{image}?artifactType=application/vnd.example.sbom"),
        200,
        "",
        &[("content-type", INDEX), ("oci-filters-applied", "artifactType")],
    ),
    case(("GET", "/v2/local/spec/referrers/{absent}"), 200, "", &[("content-type", INDEX)]),
    case(("GET", "/v2/local/nothing/referrers/{absent}"), 200, "", &[("content-type", INDEX)]),
    case(("GET", "/v2/local/spec/referrers/nonsense"), 400, "DIGEST_INVALID", &[]),
    case(("PUT", "/v2/local/spec/referrers/{image}"), 405, "UNSUPPORTED", &[("allow", "GET, HEAD")]),
    // Names that are none, and addresses that are none
    case(("GET", "/v2/UPPER/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/a..b/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/%2e%2e/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2//manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/a//b/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/a%00/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/%C3%A9/manifests/v1"), 400, "NAME_INVALID", &[]),
    case(("GET", "/v2/a%2Fb/manifests/v1"), 404, "UNSUPPORTED", &[]),
    case(("GET", "/v2/local/spec/manifests/v1/"), 404, "UNSUPPORTED", &[]),
    case(("GET", "/v2/_catalog"), 404, "UNSUPPORTED", &[VERSION]),
    case(("GET", "/v2/evil.test/a/manifests/v1"), 404, "NAME_UNKNOWN", &[]),
    case(("GET", "/v2/a/manifests/v1?ns=evil.test"), 404, "NAME_UNKNOWN", &[]),
    case(("GET", "/v2/a/manifests/v1?ns=a%20b"), 400, "NAME_INVALID", &[]),
    case(("GET", "/nothing"), 404, "UNSUPPORTED", &[("docker-distribution-api-version", NONE)]),
    case(("GET", "/v2x"), 404, "UNSUPPORTED", &[]),
];

fn image(layers: &[&[u8]], more: &str) -> Vec<u8> {
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

fn index(children: &[&[u8]]) -> Vec<u8> {
    let children: Vec<_> = children
        .iter()
        .map(|child| {
            format!(r#"{{"mediaType":"{IMAGE}","digest":"{}","size":{}}}"#, Digest::of(child), child.len())
        })
        .collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, children.join(","))
        .into_bytes()
}

fn referrer(subject: &[u8], kind: &str) -> Vec<u8> {
    let (digest, size) = (Digest::of(subject), subject.len());
    let subject = format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{size}}}"#);
    image(&[], &format!(r#","artifactType":"{kind}","subject":{subject},"annotations":{{"a":"b"}}"#))
}

type Names = BTreeMap<&'static str, String>;

async fn pushed(response: Response) -> Response {
    assert_eq!(response.status, 201, "{}", response.text());
    response
}

/// Pushes what the cases name.
async fn fill(rig: &Rig) -> Names {
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
        ("{config}", Digest::of(b"{}").to_string()),
        ("{empty}", Digest::of(b"").to_string()),
        ("{long}", long.to_string()),
        ("{absent}", Digest::of(b"absent").to_string()),
        ("{image}", Digest::of(&single).to_string()),
        ("{image512}", image512.to_string()),
        ("{uuid}", "0b6f6fd2-6c2e-4b1c-9a53-2f6f2f1c7c11".to_owned()),
    ])
}

fn spell(names: &Names, text: &str) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let mut wrong = Vec::new();
    for case in CASES {
        let (method, path) = (case.ask.0, spell(&names, case.ask.1));
        let with: Vec<_> = case.with.iter().map(|(name, value)| (*name, spell(&names, value))).collect();
        let with: Vec<_> = with.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = rig.send(method, &path, &with, "").await;
        let asked = format!("{method} {path} {with:?}");
        wrong.extend(differences(case, &names, &response).map(|what| format!("{asked}: {what}")));
        if method == "GET" {
            let head = rig.send("HEAD", &path, &with, "").await;
            wrong.extend(
                as_get(&response, &head, !with.is_empty()).map(|what| format!("HEAD of {asked}: {what}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn differences<'a>(
    case: &'a Case,
    names: &'a Names,
    response: &'a Response,
) -> impl Iterator<Item = String> + 'a {
    let status = (response.status != case.status)
        .then(|| format!("status {} instead of {}: {}", response.status, case.status, response.text()));
    let is_error = !case.code.is_empty();
    let said = if is_error { code(response) } else { String::new() };
    let code = (said != case.code).then(|| format!("code {said:?} instead of {:?}", case.code));
    let id = response.header("x-request-id").is_none().then(|| "no x-request-id".to_owned());
    let headers = case.headers.iter().filter_map(|(name, value)| {
        let (value, there) = (spell(names, value), response.header(name));
        let right = if value == NONE { there.is_none() } else { there == Some(value.as_str()) };
        (!right).then(|| format!("{name} is {there:?} instead of {value:?}"))
    });
    status.into_iter().chain(code).chain(id).chain(headers)
}

// H15: the same headers, the exact length, no body. A range means something to GET only.
fn as_get<'a>(get: &'a Response, head: &'a Response, conditional: bool) -> impl Iterator<Item = String> + 'a {
    const SAME: [&str; 7] = [
        "content-type",
        "content-length",
        "docker-content-digest",
        "etag",
        "accept-ranges",
        "cache-control",
        "link",
    ];
    let body = (!head.body.is_empty()).then(|| "has a body".to_owned());
    let comparable = !conditional || get.status == head.status;
    let same = SAME.into_iter().filter(move |_| comparable).filter_map(|name| {
        let (get, head) = (get.header(name), head.header(name));
        (get != head).then(|| format!("{name} is {head:?} instead of {get:?}"))
    });
    body.into_iter().chain(same)
}

#[tokio::test(flavor = "multi_thread")]
async fn content_comes_back_byte_for_byte() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let layer = noise(1, 200_000);
    let response = rig.get(&spell(&names, "/v2/local/spec/blobs/{layer}")).await;
    assert_eq!(response.body, layer);
    let part = rig
        .get_with(&spell(&names, "/v2/local/spec/blobs/{layer}"), &[("range", "bytes=70000-150000")])
        .await;
    assert_eq!(part.body, layer[70_000..=150_000]);
    assert_eq!(rig.get(&spell(&names, "/v2/local/spec/blobs/{long}")).await.body, "long");
    assert_eq!(rig.get("/v2/local/spec/manifests/v1").await.body, image(&[&layer], ""));
    // An escaped colon is the same digest.
    let escaped = names["{image}"].replace(':', "%3A");
    assert_eq!(rig.get(&format!("/v2/local/spec/manifests/{escaped}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_listed_in_order_and_by_page() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let tags = |response: &Response| -> Vec<String> {
        serde_json::from_value(response.json()["tags"].clone()).unwrap()
    };
    let all = rig.get("/v2/local/spec/tags/list").await;
    assert_eq!(all.json()["name"], "local/spec");
    assert_eq!(tags(&all), ["latest", "multi", "v1", "v2"]);
    let (mut seen, mut next) = (Vec::new(), "/v2/local/spec/tags/list?n=3".to_owned());
    loop {
        let response = rig.get(&next).await;
        seen.extend(tags(&response));
        let Some(link) = response.header("link") else { break };
        next = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(seen, ["latest", "multi", "v1", "v2"]);
    assert_eq!(tags(&rig.get("/v2/local/spec/tags/list?last=v1").await), ["v2"]);
    assert_eq!(tags(&rig.get("/v2/local/spec/tags/list?n=2&last=multi").await), ["v1", "v2"]);
    assert!(tags(&rig.get("/v2/local/spec/tags/list?n=0").await).is_empty());
    assert!(tags(&rig.get("/v2/local/spec/tags/list?last=zzz").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn referrers_are_listed_and_filtered() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let path = spell(&names, "/v2/local/spec/referrers/{image}");
    let all = rig.get(&path).await.json();
    assert_eq!((all["schemaVersion"].as_u64(), all["mediaType"].as_str()), (Some(2), Some(INDEX)));
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let one = rig.get(&format!("{path}?artifactType=application/vnd.example.sbom")).await.json();
    let [one] = one["manifests"].as_array().unwrap().as_slice() else { panic!("{one}") };
    assert_eq!(one["artifactType"], "application/vnd.example.sbom");
    assert_eq!((&one["mediaType"], &one["annotations"]["a"]), (&IMAGE.into(), &"b".into()));
    let none = rig.get(&format!("{path}?artifactType=application/none")).await.json();
    assert!(none["manifests"].as_array().unwrap().is_empty());
    // One whose subject is not there yet is taken, and found.
    let missing = image(&[], r#","annotations":{"not":"pushed"}"#);
    let early = referrer(&missing, "application/vnd.example.early");
    let response = pushed(rig.push("local/spec", "early", IMAGE, &early).await).await;
    assert_eq!(response.header("oci-subject").unwrap(), Digest::of(&missing).to_string());
    let path = format!("/v2/local/spec/referrers/{}", Digest::of(&missing));
    assert_eq!(rig.get(&path).await.json()["manifests"][0]["digest"], Digest::of(&early).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_are_pushed_under_digests_and_tags() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let bytes = image(&[], r#","annotations":{"new":"one"}"#);
    let digest = Digest::of(&bytes);
    let response = pushed(rig.push("local/spec", "new", IMAGE, &bytes).await).await;
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/spec/manifests/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert!(response.header("oci-subject").is_none());
    let many: Vec<_> = (0..45).map(|number| format!("tag=t{number}")).collect();
    let reference = format!("{digest}?{}", many.join("&"));
    let response = pushed(rig.push("local/spec", &reference, IMAGE, &bytes).await).await;
    let tags: Vec<_> =
        response.headers.get_all("oci-tag").iter().map(|tags| tags.to_str().unwrap()).collect();
    assert_eq!(tags.join(", ").split(", ").count(), 45);
    assert_eq!(rig.get("/v2/local/spec/manifests/t44").await.body, bytes);
    // Parameters of the content type are ignored.
    let typed = format!("{IMAGE}; charset=utf-8");
    pushed(rig.push("local/spec", "typed", &typed, &bytes).await).await;
    assert_eq!(rig.head("/v2/local/spec/manifests/typed").await.header("content-type"), Some(IMAGE));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_manifests_are_refused_and_leave_nothing() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let hybrid = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","layers":[],"manifests":[]}}"#);
    let twice = format!(r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","mediaType":"{INDEX}","layers":[]}}"#);
    let negative = format!(
        r#"{{"schemaVersion":2,"layers":[{{"mediaType":"x/y","digest":"{}","size":-1}}]}}"#,
        Digest::of(b"{}")
    );
    let huge = negative.replace("-1", "9223372036854775808");
    let bad_digest = negative.replace("-1", "1").replace("sha256:", "sha256:zz");
    for (what, media_type, bytes) in [
        ("deep", IMAGE, deep.as_str()),
        ("hybrid", IMAGE, &hybrid),
        ("a key twice", IMAGE, &twice),
        ("another type", INDEX, &hybrid),
        ("negative", IMAGE, &negative),
        ("too large", IMAGE, &huge),
        ("bad digest", IMAGE, &bad_digest),
        ("a number that is none", IMAGE, r#"{"schemaVersion":NaN}"#),
        ("a mark in front", IMAGE, "\u{feff}{}"),
        ("nothing", IMAGE, ""),
        ("text", IMAGE, "hello"),
    ] {
        let response = rig.push("local/spec", "bad", media_type, bytes.as_bytes()).await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "MANIFEST_INVALID"), "{what}");
    }
    let good = image(&[], r#","annotations":{"not":"stored"}"#);
    let response = rig.push("local/spec", &Digest::of(b"another").to_string(), IMAGE, &good).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    let response = rig.push("local/spec", "bad", IMAGE, &image(&[b"not pushed"], "")).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "MANIFEST_BLOB_UNKNOWN"));
    assert_eq!(rig.get("/v2/local/spec/manifests/bad").await.status, 404);
    assert_eq!(rig.get(&format!("/v2/local/spec/manifests/{}", Digest::of(&good))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_manifest_is_taken_and_a_larger_one_is_not() {
    let rig = Rig::start().await;
    fill(&rig).await;
    let base = image(&[], r#","annotations":{"a":""}"#).len();
    let filler = "x".repeat((4 << 20) - base);
    let largest = image(&[], &format!(r#","annotations":{{"a":"{filler}"}}"#));
    assert_eq!(largest.len(), 4 << 20);
    pushed(rig.push("local/spec", "large", IMAGE, &largest).await).await;
    assert_eq!(rig.get("/v2/local/spec/manifests/large").await.body, largest);
    let larger = image(&[], &format!(r#","annotations":{{"a":"{filler}x"}}"#));
    let response = rig.push("local/spec", "larger", IMAGE, &larger).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (413, "MANIFEST_INVALID"));
}

fn offset(response: &Response) -> &str {
    response.header("range").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_by_post_then_put() {
    let rig = Rig::start().await;
    let response = rig.send("POST", "/v2/local/a/blobs/uploads/", &[], "").await;
    assert_eq!(response.status, 202);
    assert_eq!(offset(&response), "0-0");
    let location = response.header("location").unwrap().to_owned();
    let id = response.header("docker-upload-uuid").unwrap();
    assert_eq!(location, format!("/v2/local/a/blobs/uploads/{id}"));
    let digest = Digest::of(b"hello");
    let response =
        rig.send("PUT", &format!("{location}?digest={digest}"), &[("content-type", OCTETS)], "hello").await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/a/blobs/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert_eq!(rig.get(response.header("location").unwrap()).await.body, "hello");
    let response = rig.get(&location).await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_in_one_request() {
    let rig = Rig::start().await;
    let digest = Digest::of(b"hello");
    let path = format!("/v2/local/a/blobs/uploads/?digest={digest}");
    let response = rig.send("POST", &path, &[], "hello").await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/a/blobs/{digest}"));
    let response = rig.send("POST", &path, &[], "other").await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_pushed_in_chunks() {
    let rig = Rig::start().await;
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let path = format!("/v2/local/a/blobs/uploads/?digest-algorithm={}", algorithm.name());
        let response = rig.send("POST", &path, &[], "").await;
        let location = response.header("location").unwrap().to_owned();
        let response = rig.send("PATCH", &location, &[("content-range", "0-4")], "hello").await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-4"));
        assert_eq!(response.header("location"), Some(location.as_str()));
        // Gap, overlap, replay; by PATCH and by the closing PUT: nothing changes.
        let digest = Digest::with(algorithm, b"hello, world");
        let put = format!("{location}?digest={digest}");
        for (method, path, range) in [
            ("PATCH", &location, "9-10"),
            ("PATCH", &location, "3-4"),
            ("PUT", &put, "0-1"),
            ("PUT", &put, "6-7"),
        ] {
            let response = rig.send(method, path, &[("content-range", range)], "xx").await;
            assert_eq!((response.status.as_u16(), code(&response).as_str()), (416, "BLOB_UPLOAD_INVALID"));
            assert_eq!((offset(&response), response.header("location")), ("0-4", Some(location.as_str())));
        }
        let status = rig.get(&location).await;
        assert_eq!((status.status.as_u16(), offset(&status)), (204, "0-4"));
        assert_eq!(status.header("location"), Some(location.as_str()));
        // A length that is not that of its range, a range that is none.
        for (range, wanted) in
            [("5-9", "SIZE_INVALID"), ("5", "BLOB_UPLOAD_INVALID"), ("9-5", "BLOB_UPLOAD_INVALID")]
        {
            let response = rig.send("PATCH", &location, &[("content-range", range)], ",").await;
            assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, wanted), "{range}");
        }
        // A chunk may say nothing of its range; the last one may come with the PUT.
        let response = rig.send("PATCH", &location, &[], ", ").await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-6"));
        let response = rig.send("PUT", &put, &[("content-range", "7-11")], "world").await;
        assert_eq!(response.status, 201);
        assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.body, "hello, world");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_digest_can_be_put_right() {
    let rig = Rig::start().await;
    let location = rig.open_upload("local/a").await;
    rig.send("PATCH", &location, &[], "hello").await;
    let wrong = Digest::of(b"other");
    let response = rig.send("PUT", &format!("{location}?digest={wrong}"), &[], "").await;
    assert_eq!((response.status.as_u16(), code(&response).as_str()), (400, "DIGEST_INVALID"));
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{wrong}")).await.status, 404);
    let right = Digest::of(b"hello");
    assert_eq!(rig.send("PUT", &format!("{location}?digest={right}"), &[], "").await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_cancelled_and_nobody_elses() {
    let rig = Rig::start().await;
    let location = rig.open_upload("local/a").await;
    let elsewhere = location.replace("local/a", "local/b");
    for method in ["GET", "PATCH", "DELETE"] {
        let response = rig.send(method, &elsewhere, &[], "").await;
        assert_eq!((response.status.as_u16(), code(&response).as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    }
    assert_eq!(rig.send("DELETE", &location, &[], "").await.status, 204);
    assert_eq!(rig.get(&location).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_mounted_or_not() {
    let rig = Rig::start().await;
    let digest = rig.push_blob("local/a", "hello").await;
    let mount = |query: String| {
        let path = format!("/v2/local/b/blobs/uploads/?mount={query}");
        let rig = &rig;
        async move { rig.send("POST", &path, &[], "").await }
    };
    // Not there, no such repository, no such upstream, not said: all the same.
    let absent = Digest::of(b"absent");
    for query in [
        format!("{absent}&from=local/a"),
        format!("{digest}&from=local/nothing"),
        format!("{digest}&from=evil.test/a"),
        format!("{absent}"),
    ] {
        let response = mount(query.clone()).await;
        assert_eq!((response.status.as_u16(), offset(&response)), (202, "0-0"), "{query}");
        assert!(response.header("location").unwrap().starts_with("/v2/local/b/blobs/uploads/"));
    }
    let response = mount(format!("{digest}&from=local/a")).await;
    assert_eq!(response.status, 201);
    assert_eq!(response.header("location").unwrap(), format!("/v2/local/b/blobs/{digest}"));
    assert_eq!(response.header("docker-content-digest").unwrap(), digest.to_string());
    assert_eq!(rig.get(&format!("/v2/local/b/blobs/{digest}")).await.body, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let gone = |path: String| {
        let rig = &rig;
        async move { assert_eq!(rig.get(&path).await.status, 404, "{path}") }
    };
    assert_eq!(rig.send("DELETE", "/v2/local/spec/manifests/v1", &[], "").await.status, 202);
    gone("/v2/local/spec/manifests/v1".into()).await;
    // The other tag and the digest are still there.
    assert_eq!(rig.get("/v2/local/spec/manifests/v2").await.status, 200);
    let manifest = spell(&names, "/v2/local/spec/manifests/{image}");
    assert_eq!(rig.send("DELETE", &manifest, &[], "").await.status, 202);
    gone(manifest).await;
    gone("/v2/local/spec/manifests/v2".into()).await;
    let blob = spell(&names, "/v2/local/spec/blobs/{layer}");
    assert_eq!(rig.send("DELETE", &blob, &[], "").await.status, 202);
    gone(blob.clone()).await;
    assert_eq!(rig.send("DELETE", &blob, &[], "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_images_are_all_taken() {
    let rig = Rig::start().await;
    rig.push_blob("local/spec", "{}").await;
    let foreign = format!(
        r#","annotations":{{}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"{}","size":9,"urls":["https://example.com/x"]}}]"#,
        Digest::of(b"elsewhere")
    );
    let foreign = String::from_utf8(image(&[], "")).unwrap().replace(r#","layers":[]"#, &foreign);
    let custom = image(&[], r#","org.example":{"anything":[1,2,{"x":null}]}"#);
    let nested = index(&[&custom]);
    let outer = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"{INDEX}","digest":"{}","size":{}}}]}}"#,
        Digest::of(&nested),
        nested.len()
    );
    for (tag, media_type, bytes) in [
        ("foreign", IMAGE, foreign.as_bytes()),
        ("custom", IMAGE, &custom),
        ("empty-index", INDEX, &index(&[])),
        ("index", INDEX, &nested),
        ("nested", INDEX, outer.as_bytes()),
        ("artifact", IMAGE, &image(&[], r#","artifactType":"application/vnd.example.thing""#)),
    ] {
        assert!(Manifest::parse(bytes, MediaType::parse(media_type).as_ref()).is_ok(), "{tag}");
        pushed(rig.push("local/spec", tag, media_type, bytes).await).await;
        let response = rig.get(&format!("/v2/local/spec/manifests/{tag}")).await;
        assert_eq!(
            (response.body.as_ref(), response.header("content-type")),
            (bytes, Some(media_type)),
            "{tag}"
        );
    }
}
