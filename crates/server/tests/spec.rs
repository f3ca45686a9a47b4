//! The distribution spec as a table: every endpoint with its statuses, headers and error codes, on hosted names.
//!
//! A case is a request and what must come back. `{config}`, `{image}` and the like stand for the digests of what
//! [`fill`] has pushed. What takes several requests has a test of its own: listings below, pushes in `push.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::ops::Range;

use entrepot_oci::Digest;
use entrepot_testkit::client::Response;
use support::{
    Rig, code,
    content::{IMAGE, INDEX, Names, OCTETS, fill, image, pushed, referrer, spell},
    noise,
};

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
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=5-6,200000-")],
        206,
        &[("content-range", "bytes 5-6/200000")],
    ),
    // Several ranges are several parts, each with its head (RFC 9110 §14.6).
    with(
        ("GET", "/v2/local/spec/blobs/{layer}"),
        &[("range", "bytes=0-1,3-4")],
        206,
        &[("content-type", "multipart/byteranges; boundary={layer-hex}")],
    ),
    // What is not understood is ignored (RFC 9110 §14.2), and so is what asks for the same bytes twice.
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("range", "bytes=5")], 200, &[]),
    with(("GET", "/v2/local/spec/blobs/{layer}"), &[("range", "bytes=0-1,1-4")], 200, &[]),
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

// H15: every route that answers GET, hosted and mirrored, pages beside the API, and refusals.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_a_get_without_its_body() {
    let rig = Rig::start().await;
    let names = fill(&rig).await;
    let upload = rig.open_upload("local/spec").await;
    rig.send("PATCH", &upload, &[], "hello").await;
    let mirrored = entrepot_testkit::TestImage::random(1, 1, 300_000);
    rig.upstream.put_image("library/a", "1", &mirrored);
    let hosted = [
        "/",
        "/healthz",
        "/readyz",
        "/v2/",
        "/v2/local/spec/blobs/{layer}",
        "/v2/local/spec/blobs/{empty}",
        "/v2/local/spec/blobs/{long}",
        "/v2/local/spec/manifests/v1",
        "/v2/local/spec/manifests/{image}",
        "/v2/local/spec/manifests/multi",
        "/v2/local/spec/tags/list",
        "/v2/local/spec/tags/list?n=2",
        "/v2/local/spec/referrers/{image}",
        "/v2/local/spec/referrers/{absent}",
        "/nothing",
        "/v2/_catalog",
        "/v2/local/spec/blobs/{absent}",
        "/v2/local/spec/manifests/none",
        "/v2/UPPER/tags/list",
    ];
    let mut paths: Vec<_> = hosted.iter().map(|path| spell(&names, path)).collect();
    let (layer, _) = &mirrored.blobs()[1];
    paths.extend([
        upload,
        "/v2/library/a/manifests/1".to_owned(),
        format!("/v2/library/a/manifests/{}", mirrored.digest()),
        format!("/v2/library/a/blobs/{layer}"),
        "/v2/library/a/tags/list".to_owned(),
        format!("/v2/library/a/referrers/{}", mirrored.digest()),
        "/v2/library/a/manifests/none".to_owned(),
    ]);
    let mut wrong = Vec::new();
    for path in &paths {
        // Before anything is held, and when it is.
        let (cold, get, warm) = (rig.head(path).await, rig.get(path).await, rig.head(path).await);
        for head in [cold, warm] {
            wrong.extend(
                (head.status != get.status).then(|| format!("{path}: {} and {}", head.status, get.status)),
            );
            wrong.extend(differing(&head, &get).map(|what| format!("{path}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // The numbers in it change from one look to the next; everything else does not.
    let (get, head) = (rig.get("/metrics").await, rig.head("/metrics").await);
    assert!(get.headers.keys().all(|name| head.headers.contains_key(name)) && head.body.is_empty());
}

fn differing<'a>(head: &'a Response, get: &'a Response) -> impl Iterator<Item = String> + 'a {
    const OWN: [&str; 2] = ["date", "x-request-id"];
    let body = (!head.body.is_empty()).then(|| "has a body".to_owned());
    let length = get.header("content-length").filter(|_| get.status != 204);
    let length = length.filter(|length| *length != get.body.len().to_string());
    let names: std::collections::HashSet<_> = head.headers.keys().chain(get.headers.keys()).collect();
    let other = names.into_iter().filter(|name| !OWN.contains(&name.as_str())).filter_map(|name| {
        let (head, get) = (head.headers.get(name), get.headers.get(name));
        (head != get).then(|| format!("{name} is {head:?} and {get:?}"))
    });
    body.into_iter().chain(length.map(|length| format!("has {length} bytes"))).chain(other)
}

/// The body of several ranges (RFC 9110 §14.6).
fn byteranges(boundary: &str, of: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut body = Vec::new();
    for Range { start, end } in ranges.iter().cloned() {
        let (last, size) = (end - 1, of.len());
        let head = [
            format!("\r\n--{boundary}"),
            "Content-Type: application/octet-stream".to_owned(),
            format!("Content-Range: bytes {start}-{last}/{size}\r\n\r\n"),
        ];
        body.extend(head.join("\r\n").into_bytes());
        body.extend(&of[start..end]);
    }
    body.extend(format!("\r\n--{boundary}--\r\n").into_bytes());
    body
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
    let range = ("range", "bytes=70000-150000,-3,0-9");
    let parts = rig.get_with(&spell(&names, "/v2/local/spec/blobs/{layer}"), &[range]).await;
    let expected = byteranges(&names["{layer-hex}"], &layer, &[70_000..150_001, 199_997..200_000, 0..10]);
    assert!(parts.body == expected, "{:?}", parts.headers);
    assert_eq!(parts.header("content-length"), Some(expected.len().to_string().as_str()));
    // An escaped colon is the same digest.
    let escaped = names["{image}"].replace(':', "%3A");
    assert_eq!(rig.get(&format!("/v2/local/spec/manifests/{escaped}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_ranges_of_a_blob_that_is_not_held_come_in_parts() {
    let rig = Rig::start().await;
    let mirrored = entrepot_testkit::TestImage::random(7, 1, 50_000);
    rig.upstream.put_image("library/a", "1", &mirrored);
    let (layer, bytes) = &mirrored.blobs()[1];
    let path = format!("/v2/library/a/blobs/{layer}");
    let expected = byteranges(&layer.hex(), bytes, &[40_000..40_010, bytes.len() - 2..bytes.len()]);
    for _cold_then_held in 0..2 {
        let response = rig.get_with(&path, &[("range", "bytes=40000-40009,-2")]).await;
        assert!(response.status == 206 && response.body == expected, "{:?}", response.headers);
    }
    assert_eq!(rig.upstream.log().blob_gets().len(), 1);
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
