//! `/v2/`: every route and method.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::{Digest, Method, Route, UploadStart};

use crate::{
    documented::{Needed, Roles, needs},
    senders::{Kind, Sender, all},
    support::content::IMAGE,
    yard::{Answer, GRANTED, MIRRORED, PUBLIC, Request, SECRET, Yard, absent, ask, layer, manifest},
};

const METHODS: [(&str, Method); 6] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
    ("DELETE", Method::Delete),
];

/// The address of a route as the documentation has it. A new route does not compile without a row here.
fn documented_address(route: &Route) -> &'static str {
    match route {
        Route::Ping => "/v2/",
        Route::Manifest { .. } => "/v2/<name>/manifests/<reference>",
        Route::Blob { .. } => "/v2/<name>/blobs/<digest>",
        Route::Tags { .. } => "/v2/<name>/tags/list",
        Route::Referrers { .. } => "/v2/<name>/referrers/<digest>",
        Route::Uploads { start: UploadStart::Mount { .. }, .. } => "/v2/<name>/blobs/uploads/?mount=",
        Route::Uploads { .. } => "/v2/<name>/blobs/uploads/",
        Route::Upload { .. } => "/v2/<name>/blobs/uploads/<id>",
    }
}

/// The addresses of something in a repository, and those of something that is not in it.
fn addresses(upload: &str) -> [(String, String); 8] {
    let (digest, blob, none) = (Digest::of(&manifest()), Digest::of(&layer()), absent());
    let no_upload = "0b6f6fd2-6c2e-4b1c-9a53-2f6f2f1c7c11";
    let pair = |there: String, absent: String| (there, absent);
    [
        pair("manifests/1".to_owned(), "manifests/none".to_owned()),
        pair(format!("manifests/{digest}"), format!("manifests/{none}")),
        pair(format!("blobs/{blob}"), format!("blobs/{none}")),
        pair("tags/list".to_owned(), "tags/list".to_owned()),
        pair(format!("referrers/{digest}"), format!("referrers/{none}")),
        pair("blobs/uploads/".to_owned(), "blobs/uploads/".to_owned()),
        pair(
            format!("blobs/uploads/?mount={blob}&from={SECRET}"),
            format!("blobs/uploads/?mount={none}&from={SECRET}"),
        ),
        pair(format!("blobs/uploads/{upload}"), format!("blobs/uploads/{no_upload}")),
    ]
}

fn route(method: Method, path: &str) -> Option<Route> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Route::parse(method, path, query).ok()
}

fn request<'a>(method: &'a str, path: &'a str, body: &'a [u8]) -> Request<'a> {
    const TYPE: &[(&str, &str)] = &[("content-type", IMAGE)];
    let is_manifest = method == "PUT" && path.contains("/manifests/");
    Request {
        method,
        path,
        headers: if is_manifest { TYPE } else { &[] },
        body: if is_manifest { body } else { b"" },
    }
}

struct Matrix {
    yard: Yard,
    roles: Roles,
    needs: BTreeMap<String, Needed>,
    body: Vec<u8>,
}

impl Matrix {
    async fn open() -> Self {
        Self { yard: Yard::open().await, roles: Roles::read(), needs: needs(), body: manifest() }
    }

    fn needed(&self, method: &str, route: &Route) -> &[String] {
        let key = format!("{method} {}", documented_address(route));
        &self.needs.get(&key).unwrap_or_else(|| panic!("`{key}` is not written down")).rights
    }

    /// Who may not is told the same whether the thing exists or not: on a server that has it, on one that has nothing, and
    /// for what is not there.
    async fn refused(&self, sender: &Sender, request: Request<'_>, absent: &str) {
        let there = ask(&self.yard.full, sender, &request).await;
        let elsewhere = ask(&self.yard.empty, sender, &request).await;
        let missing = ask(&self.yard.full, sender, &Request { path: absent, ..request }).await;
        let what = format!("{sender:?} {} {}", request.method, request.path);
        assert_eq!(there.status, 401, "{what}: {}", there.body);
        assert_eq!(there, elsewhere, "{what}: on a server without it");
        assert_eq!(there, missing, "{what}: {absent}");
    }

    async fn allowed(&self, sender: &Sender, request: Request<'_>, repository: &str) {
        let what = format!("{sender:?} {} {}", request.method, request.path);
        let there = ask(&self.yard.full, sender, &request).await;
        assert_ne!(there.status, 401, "{what}: {}", there.body);
        match request.method {
            // Uploads belong to whoever began them.
            "GET" | "HEAD" if !request.path.contains("/uploads/") => {
                assert_eq!(there.status, 200, "{what}: {}", there.body);
                let elsewhere = ask(&self.yard.empty, sender, &request).await;
                let is_list = request.path.contains("/referrers/");
                assert!(
                    elsewhere.status == 404 || is_list && elsewhere.status == 200,
                    "{what}: {elsewhere:?}"
                );
            }
            "DELETE" if repository != MIRRORED => self.yard.fill(repository).await,
            _ => {}
        }
    }

    async fn decided(&self, sender: &Sender, repository: &str, upload: &str) {
        for (there, absent) in addresses(upload) {
            let (there, absent) = (format!("/v2/{repository}/{there}"), format!("/v2/{repository}/{absent}"));
            for (method, parsed) in METHODS {
                let Some(route) = route(parsed, &there) else { continue };
                let request = request(method, &there, &self.body);
                let rights = self.needed(method, &route);
                if rights.iter().any(|verb| sender.may(&self.roles, verb, repository)) {
                    self.allowed(sender, request, repository).await;
                } else {
                    self.refused(sender, request, &absent).await;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_is_written_and_learns_nothing_else() {
    let matrix = Matrix::open().await;
    let senders = all(&matrix.yard.access).await;
    assert_eq!(senders.len(), 4 + 4 * 12);
    for repository in [PUBLIC, GRANTED, SECRET, MIRRORED] {
        let is_hosted = repository != MIRRORED;
        let upload = if is_hosted { matrix.yard.full.open_upload(repository).await } else { String::new() };
        let upload = upload.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or("none").to_owned();
        for sender in &senders {
            if is_hosted {
                matrix.decided(sender, repository, &upload).await;
            } else {
                matrix.mirrored(sender).await;
            }
        }
    }
}

impl Matrix {
    /// What is mirrored takes no pushes and deletions from anybody; who may not is refused before that is said.
    async fn mirrored(&self, sender: &Sender) {
        for (method, path) in [
            ("GET", "manifests/1"),
            ("HEAD", "manifests/1"),
            ("GET", "tags/list"),
            ("PUT", "manifests/1"),
            ("DELETE", "manifests/1"),
            ("POST", "blobs/uploads/"),
        ] {
            let path = format!("/v2/{MIRRORED}/{path}");
            let parsed = METHODS.iter().find(|(name, _)| *name == method).unwrap().1;
            let rights = self.needed(method, &route(parsed, &path).unwrap());
            let request = request(method, &path, &self.body);
            if rights.iter().any(|verb| sender.may(&self.roles, verb, "docker.io/library/a")) {
                self.allowed(sender, request, MIRRORED).await;
            } else {
                self.refused(sender, request, &path).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_written_down_and_no_other_method_exists() {
    let matrix = Matrix::open().await;
    let mut known = BTreeSet::from(["GET /v2/_catalog".to_owned(), "HEAD /v2/_catalog".to_owned()]);
    let none = "0b6f6fd2-6c2e-4b1c-9a53-2f6f2f1c7c11";
    let paths = addresses(none).map(|(there, _)| format!("/v2/{PUBLIC}/{there}"));
    let senders = all(&matrix.yard.access).await;
    for path in paths.iter().map(String::as_str).chain(["/v2/"]) {
        for (method, parsed) in METHODS {
            if let Some(route) = route(parsed, path) {
                known.insert(format!("{method} {}", documented_address(&route)));
                continue;
            }
            for sender in senders.iter().filter(|sender| sender.carries == crate::senders::Carries::All) {
                let answer = ask(&matrix.yard.full, sender, &request(method, path, b"")).await;
                assert_eq!(answer.status, 405, "{sender:?} {method} {path}");
            }
        }
    }
    let written: BTreeSet<_> = matrix.needs.keys().filter(|key| key.contains(" /v2/")).cloned().collect();
    assert_eq!(known, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ping_and_the_list_are_for_each_as_written() {
    let matrix = Matrix::open().await;
    let list = |names: &[&str]| {
        format!(
            "{{\"repositories\":[{}]}}",
            names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",")
        )
    };
    for sender in &all(&matrix.yard.access).await {
        let ping = ask(&matrix.yard.full, sender, &request("GET", "/v2/", b"")).await;
        // Whoever has no credentials is asked for them, and nobody is told anything else.
        let expected = if matches!(sender.kind, Kind::Anonymous | Kind::Refused) { 401 } else { 200 };
        assert_eq!(ping.status, expected, "{sender:?}");
        let may: Vec<_> = [GRANTED, PUBLIC, SECRET]
            .into_iter()
            .filter(|name| sender.may(&matrix.roles, "pull", name))
            .collect();
        let answer = ask(&matrix.yard.full, sender, &request("GET", "/v2/_catalog", b"")).await;
        assert_eq!((answer.status, answer.body), (200, list(&may)), "{sender:?}");
        // A page is as if there were nothing else: where something is left out, no link tells of it.
        let first = ask(&matrix.yard.full, sender, &request("GET", "/v2/_catalog?n=1", b"")).await;
        let has_link = |answer: &Answer| answer.headers.iter().any(|(name, _)| name == "link");
        assert_eq!(
            (first.body.clone(), has_link(&first)),
            (list(&may[..may.len().min(1)]), may.len() > 1),
            "{sender:?}"
        );
    }
}
