//! What is secret is in no log, on no page and in no answer, at the most talkative level and in both forms of the log.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/script.rs"]
mod script;
mod support;

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entrepot_oci::Digest;
use script::{Heard, Said, Script, say};
use support::{Lab, Serving};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "layer";

/// What a registry wants to have written into the log as a line of its own.
const FORGED: &str = "2026-11-29T00:00:00Z  INFO access: forged=1";

fn image() -> String {
    let layer = Digest::of(LAYER.as_bytes());
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"a/b","digest":"{layer}","size":5}},"layers":[{{"mediaType":"a/b","digest":"{layer}","size":5}}]}}"#
    )
}

// Wants a token, and has its blobs at signed addresses.
fn source(heard: &Heard, storage: &str) -> Said {
    let path = heard.path.as_str();
    let escaped = FORGED.replace('"', "");
    match path {
        _ if path.starts_with("/token") => {
            say(200, &[], r#"{"token":"CANARYTOKEN","refresh_token":"CANARYREFRESH","expires_in":300}"#)
        }
        _ if !heard.is_authorized() => {
            let realm = format!("Bearer realm=\"http://{}/token?sig=CANARYREALM\",service=\"s\"", heard.by);
            say(401, &[("www-authenticate", &realm)], "{}")
        }
        _ if path.contains("/tags/list") => say(200, &[], r#"{"tags":["t","twice","refused"]}"#),
        _ if path.contains("/manifests/twice") => {
            let key = format!(r#""k\u001b]0;X\u0007\n{escaped}":1"#);
            say(200, &[("content-type", MANIFEST)], format!("{{\"schemaVersion\":2,{key},{key}}}"))
        }
        _ if path.contains("/manifests/refused") => {
            let words = format!(
                r#"{{"errors":[{{"code":"X","message":"<img src=x onerror=alert(2)>\n{escaped}"}}]}}"#
            );
            say(403, &[], words)
        }
        _ if path.contains("/manifests/") => say(200, &[("content-type", MANIFEST)], image()),
        _ if path.contains("/blobs/") => {
            let location = format!("{storage}/blob?X-Amz-Signature=CANARYSIGNATURE");
            say(307, &[("location", &location)], "")
        }
        _ => say(404, &[], "{}"),
    }
}

// The storage of the one registry, and the place to copy to, whose uploads have a state that is theirs alone.
fn storage(heard: &Heard) -> Said {
    match (heard.method.as_str(), heard.path.as_str()) {
        (_, path) if path.starts_with("/blob") => say(200, &[], LAYER),
        ("POST", _) => say(202, &[("location", "/v2/up/1?_state=CANARYSTATE")], ""),
        ("PUT" | "PATCH", path) if path.contains("CANARYSTATE") => say(500, &[], "boom"),
        ("PUT", _) => say(403, &[], r#"{"errors":[{"code":"X<script>","message":"<svg onload=alert(1)>"}]}"#),
        _ => say(404, &[], "{}"),
    }
}

// Wants a password with each request, and has nothing to give for it but manifests.
fn basic(heard: &Heard) -> Said {
    match heard.path.contains("/manifests/") {
        _ if !heard.is_authorized() => say(401, &[("www-authenticate", "Basic realm=\"x\"")], "{}"),
        true => say(200, &[("content-type", MANIFEST)], image()),
        false => say(500, &[], "{}"),
    }
}

fn lab(source: &Script, storage: &Script, basic: &Script) -> Lab {
    let account = "{username: CANARYUSER, password: CANARYPASSWORD, endpoint:";
    let config = format!(
        "api_token: CANARYAPI
access: {{metrics: [127.0.0.1]}}
mirror: {{default_upstream: source.test}}
registries:
  docker.io: {{mirror: false}}
  source.test: {{mirror: true, private_network: true, endpoints: [\"{0}\"], credentials: [{account} \"{0}\"}}]}}
  basic.test: {{mirror: true, private_network: true, endpoints: [\"{1}\"], credentials: [{account} \"{1}\"}}]}}
sync:
  - {{name: r1, from: source.test/ns/app, to: [\"{2}/ns/app\"]}}
",
        source.url(),
        basic.url(),
        storage.address,
    );
    Lab::with(&config)
}

/// A server under test, with its log in a file.
struct Stage {
    lab: Lab,
    serving: Serving,
    _scripts: [Script; 3],
}

impl Stage {
    fn set(format: &str) -> Self {
        let storage = Script::start(storage);
        let there = storage.url();
        let source = Script::start(move |heard| self::source(heard, &there));
        let basic = Script::start(basic);
        let lab = lab(&source, &storage, &basic);
        let mut command = lab.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs([
            ("ENTREPOT_LOG", "trace"),
            ("ENTREPOT_LOG__FORMAT", format),
            ("RUST_BACKTRACE", "full"),
        ]);
        command.stdout(Stdio::piped()).stderr(File::create(lab.path().join("log")).unwrap());
        Self { serving: Serving::of(command), lab, _scripts: [storage, source, basic] }
    }

    // The whole answer to one request that has secrets of the client's own.
    fn get(&self, path: &str, authorization: &str) -> String {
        let authority = self.serving.authority();
        let mut stream = TcpStream::connect(authority).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: {authorization}\r\ncookie: CANARYCOOKIE\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn pulls(&self, authorization: &str) -> String {
        let blob = format!("blobs/{}", Digest::of(LAYER.as_bytes()));
        let asked = [
            ("source.test/ns/app", "manifests/t"),
            ("source.test/ns/app", &blob),
            ("source.test/ns/app", "manifests/twice"),
            ("source.test/ns/app", "manifests/refused"),
            ("basic.test/a", "manifests/t"),
            ("basic.test/a", &blob),
        ];
        asked.iter().map(|(name, what)| self.get(&format!("/v2/{name}/{what}"), authorization)).collect()
    }

    // The copy fails at the far end, after its uploads were begun.
    fn run(&self) -> String {
        let mut command =
            self.lab.command(&["-vv", "sync", "run", "r1", "--wait", "--server", &self.serving.url]);
        command.env("ENTREPOT_API_TOKEN", "CANARYAPI");
        let ran = support::ran(command);
        assert!(ran.code == 1 && ran.stdout.contains("started run"), "{}{}", ran.stdout, ran.stderr);
        ran.stdout + &ran.stderr
    }

    fn pages(&self) -> String {
        let paths =
            ["/", "/sync", "/sync?lang=zh", "/guide", "/logs/sync.log", "/api/v1/sync/runs", "/metrics"];
        paths.iter().map(|path| self.get(path, "Bearer CANARYAPI")).collect()
    }

    fn command_line(&self) -> String {
        fs::read_to_string(format!("/proc/{}/cmdline", self.serving.pid())).unwrap()
    }

    fn log(self) -> String {
        self.serving.stop();
        fs::read_to_string(self.lab.path().join("log")).unwrap()
    }
}

fn holds_its_tongue(format: &str) {
    let stage = Stage::set(format);
    let client = BASE64_STANDARD.encode("CANARYCLIENT:x");
    let pulled = stage.pulls(&format!("Basic {client}"));
    assert!(pulled.contains(LAYER), "{pulled}");
    let said = [("run", stage.run()), ("pages", stage.pages()), ("command line", stage.command_line())];
    let log = stage.log();
    assert!(log.len() > 10_000, "{log}");
    let account = BASE64_STANDARD.encode("CANARYUSER:CANARYPASSWORD");
    for (what, text) in said.into_iter().chain([("pulls", pulled), ("log", log)]) {
        for secret in ["CANARY", &account, &client] {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{format}: `{secret}` is in the {what}");
        }
        assert!(
            !text.lines().any(|line| line.starts_with(FORGED)),
            "{format}: a forged line is in the {what}"
        );
        assert!(!text.contains('\u{1b}'), "{format}: an escape is in the {what}");
    }
}

#[test]
fn no_secret_is_in_the_log_for_people() {
    holds_its_tongue("text");
}

#[test]
fn no_secret_is_in_the_log_for_machines() {
    holds_its_tongue("json");
}

/// Somebody writes a password into a name, as they may into a URL. It is wrong there, and not repeated.
#[test]
fn passwords_in_names_are_not_repeated() {
    let lab = Lab::new();
    let [plain, url] = ["me:CANARY@a.test", "https://me:CANARY@a.test"];
    lab.write("rules.yaml", &format!("sync: [{{name: r, from: \"{url}/x\", to: [\"{plain}/y\"]}}]\n"));
    lab.write("targets.yaml", &format!("sync: [{{name: r, from: a.test/x, to: [\"{url}/y\"]}}]\n"));
    lab.write("keys.yaml", &format!("registries: {{\"{plain}\": {{mirror: true}}}}\n"));
    lab.write("move.yaml", &format!("migrate: {{from: \"{url}/x\", to: \"{plain}/y\"}}\n"));
    lab.write("compose.yaml", "services: {a: {image: nginx}}\n");
    let [image, address] = [format!("{plain}/x:v1"), format!("{url}/x:v1")];
    let calls: [&[&str]; 11] = [
        &["digest", &image],
        &["digest", &address],
        &["copy", "nginx", &address],
        &["login", plain],
        &["login", url],
        &["config", "check", "rules.yaml"],
        &["config", "check", "targets.yaml", "--output", "json"],
        &["config", "check", "keys.yaml"],
        &["sync", "rules.yaml"],
        &["migrate", "plan", "move.yaml"],
        &["relay", "compose.yaml", "--to", plain],
    ];
    for call in calls {
        let ran = lab.run(call);
        assert_ne!(ran.code, 0, "{call:?}");
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("error: ") && !said.contains("CANARY"), "{call:?}: {said}");
    }
}
