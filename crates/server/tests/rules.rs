//! What the rules refuse is refused in every form in which somebody can ask for it, and nothing is fetched for it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use std::sync::{Arc, Mutex};

use entrepot_access::{Access, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_oci::Digest;
use entrepot_policy::{ListKind, PullRules, RuleList, RulesSection};
use entrepot_secrets::Keyring;
use entrepot_server::{LoadFault, RulesInForce};
use entrepot_testkit::TestImage;
use serde_json::{Value, json};
use support::{Rig, Setup, code, noise};

fn lists(allow: &str, deny: &str) -> PullRules {
    let mut lists = Vec::new();
    for (name, kind, text) in [("allows.txt", ListKind::Allow, allow), ("denies.txt", ListKind::Deny, deny)] {
        if !text.is_empty() {
            lists.push(RuleList::read(name, kind, text).unwrap());
        }
    }
    PullRules::new(lists, Some("https://ask.test/{image}".parse().unwrap()))
}

fn in_force(allow: &str, deny: &str) -> RulesInForce {
    RulesInForce::new(lists(allow, deny), Box::new(|_| panic!("nobody reloads")))
}

async fn rig(allow: &str, deny: &str) -> Rig {
    Rig::start_with(Setup { rules: in_force(allow, deny), ..Setup::default() }).await
}

fn message(answer: &entrepot_testkit::client::Response) -> String {
    let document: Value = serde_json::from_str(&answer.text()).unwrap();
    document["errors"][0]["message"].as_str().unwrap().to_owned()
}

/// All ways to ask for an image and its parts.
fn ways(repository: &str, tag: &str, image: &TestImage) -> Vec<String> {
    let mut ways = vec![format!("/v2/{repository}/manifests/{tag}"), format!("/v2/{repository}/tags/list")];
    ways.push(format!("/v2/{repository}/referrers/{}", image.digest()));
    for manifest in image.manifests() {
        ways.push(format!("/v2/{repository}/manifests/{}", manifest.digest));
    }
    for (digest, _) in image.blobs() {
        ways.push(format!("/v2/{repository}/blobs/{digest}"));
    }
    ways
}

// operate.md rows 1, 4
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_repository_is_denied_by_every_name_and_digest_also_when_it_is_held() {
    let rig = rig("", "").await;
    let child = TestImage::layers([noise(1, 1000)]);
    let image = TestImage::index([child.clone()]);
    rig.upstream.put_image("library/evil", "1", &image);
    for way in ways("library/evil", "1", &image) {
        assert_eq!(rig.get(&way).await.status, 200, "{way}");
    }
    let setup = Setup { rules: in_force("docker.io/**", "docker.io/evil # malware"), ..Setup::default() };
    let rig = rig.restart(setup).await;
    rig.upstream.clear_log();
    for name in ["library/evil", "evil", "docker.io/library/evil", "docker.io/evil", "index.docker.io/evil"] {
        for way in ways(name, "1", &image) {
            let answer = rig.get(&way).await;
            assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (403, "DENIED"), "{way}");
            assert!(message(&answer).contains("is denied by `docker.io/evil` of `denies.txt`"), "{way}");
            assert_eq!(rig.head(&way).await.status, 403, "{way}");
        }
    }
    assert_eq!(rig.get("/v2/evil/manifests/1?ns=docker.io").await.status, 403);
    // A mount reads it, so that it becomes an upload.
    let mount =
        format!("/v2/local/a/blobs/uploads/?mount={}&from=docker.io/library/evil", child.blobs()[0].0);
    assert_eq!(rig.send("POST", &mount, &[], "").await.status, 202);
    assert_eq!(rig.upstream.log().len(), 0, "no upstream is asked for what is refused");
    let told = rig.get("/metrics").await.text();
    assert!(told.contains(r#"entrepot_rules_refusals_total{list="denies.txt",reason="denied"}"#), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_list_has_is_refused_and_what_was_pushed_is_not() {
    let rig = rig("docker.io/library/nginx\nquay.io/acme/**", "").await;
    let image = TestImage::layers([noise(2, 100)]);
    rig.upstream.put_image("library/nginx", "1", &image);
    rig.upstream.put_image("library/redis", "1", &image);
    for way in ways("nginx", "1", &image) {
        assert_eq!(rig.get(&way).await.status, 200, "{way}");
        assert_eq!(rig.get(&way).await.status, 200, "{way}, warm");
    }
    let refused = rig.get("/v2/library/ngnix/manifests/1").await;
    assert_eq!(
        message(&refused),
        "`docker.io/library/ngnix:1` is not in the allow list (`allows.txt`); hint: the nearest rule is \
         `docker.io/library/nginx`, line 1; ask here: https://ask.test/docker%2Eio%2Flibrary%2Fngnix%3A1"
    );
    assert_eq!(rig.get("/v2/redis/manifests/1").await.status, 403);
    let pushed = noise(3, 100);
    let digest = rig.push_blob("local/a", pushed).await;
    assert_eq!(rig.get(&format!("/v2/local/a/blobs/{digest}")).await.status, 200);
    assert_eq!(rig.get("/v2/").await.status, 200);
}

// operate.md row 2
#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_allowed_leads_to_its_digests_also_when_it_has_moved_and_after_a_restart() {
    let rules = || in_force("docker.io/library/nginx:1.*", "");
    let rig = Rig::start_with(Setup { rules: rules(), ..Setup::default() }).await;
    let image = |seed| TestImage::index([TestImage::layers([noise(seed, 1000)])]);
    let (first, second, other) = (image(10), image(11), image(12));
    rig.upstream.put_image("library/nginx", "1.27", &first);
    rig.upstream.put_image("library/nginx", "dev", &other);
    let by_digest = |image: &TestImage| format!("/v2/nginx/manifests/{}", image.digest());
    let told = message(&rig.get(&by_digest(&first)).await);
    assert!(told.contains("is not known to belong to what `allows.txt` allows"), "{told}");
    assert!(told.contains("hint: pull it by its tag first"), "{told}");
    let told = message(&rig.get("/v2/nginx/manifests/dev").await);
    assert!(told.contains("of its repository `allows.txt` allows `docker.io/library/nginx:1.*`"), "{told}");
    // Docker and containerd ask for the digest, then go by digest.
    assert_eq!(rig.head("/v2/nginx/manifests/1.27").await.status, 200);
    for way in ways("nginx", "1.27", &first) {
        assert_eq!(rig.get(&way).await.status, 200, "{way}");
    }
    for (digest, _) in other.blobs() {
        assert_eq!(rig.get(&format!("/v2/nginx/blobs/{digest}")).await.status, 403);
    }
    rig.upstream.put_image("library/nginx", "1.27", &second);
    rig.clock.advance(std::time::Duration::from_secs(7200));
    for way in ways("nginx", "1.27", &second) {
        assert_eq!(rig.get(&way).await.status, 200, "{way}");
    }
    let rig = rig.restart(Setup { rules: rules(), ..Setup::default() }).await;
    for image in [&first, &second] {
        for manifest in image.manifests() {
            assert_eq!(rig.get(&format!("/v2/nginx/manifests/{}", manifest.digest)).await.status, 200);
        }
        for (digest, _) in image.blobs() {
            assert_eq!(rig.get(&format!("/v2/nginx/blobs/{digest}")).await.status, 200);
        }
    }
    assert_eq!(rig.get(&by_digest(&other)).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_of_an_allowed_image_are_allowed() {
    let rig = rig("docker.io/library/nginx:1", "").await;
    let image = TestImage::layers([noise(20, 100)]);
    let signature =
        TestImage::layers([noise(21, 100)]).artifact("application/vnd.test.signature").refer_to(&image);
    let by_tag = TestImage::layers([noise(22, 100)]);
    rig.upstream.put_image("library/nginx", "1", &image);
    rig.upstream.put_untagged("library/nginx", &signature);
    let tag = format!("sha256-{}.sig", image.digest().hex());
    rig.upstream.put_image("library/nginx", &tag, &by_tag);
    let signature_at = format!("/v2/nginx/manifests/{}", signature.digest());
    assert_eq!(rig.get(&signature_at).await.status, 403);
    assert_eq!(rig.get(&format!("/v2/nginx/manifests/{tag}")).await.status, 403, "not before its image");
    assert_eq!(rig.get("/v2/nginx/manifests/1").await.status, 200);
    assert_eq!(rig.get(&format!("/v2/nginx/referrers/{}", image.digest())).await.status, 200);
    assert_eq!(rig.get(&signature_at).await.status, 200);
    assert_eq!(rig.get(&format!("/v2/nginx/manifests/{tag}")).await.status, 200);
    for (digest, _) in by_tag.blobs() {
        assert_eq!(rig.get(&format!("/v2/nginx/blobs/{digest}")).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_digest_is_denied_whatever_tag_leads_to_it() {
    let evil = TestImage::layers([noise(30, 100)]);
    let good = TestImage::layers([noise(31, 100)]);
    let rig = rig("", &format!("docker.io/library/nginx@{}", evil.digest())).await;
    rig.upstream.put_image("library/nginx", "latest", &evil);
    rig.upstream.put_image("library/nginx", "1", &good);
    for method in ["GET", "HEAD"] {
        let by_tag = rig.send(method, "/v2/nginx/manifests/latest", &[], "").await;
        assert_eq!(by_tag.status, 403, "{method}");
    }
    assert_eq!(rig.get(&format!("/v2/nginx/manifests/{}", evil.digest())).await.status, 403);
    for way in ways("nginx", "1", &good) {
        assert_eq!(rig.get(&way).await.status, 200, "{way}");
    }
}

// operate.md row 9
#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_by_law_has_its_own_status() {
    let section = json!({"deny": [
        {"image": "docker.io/acme/jail", "reason": "DMCA", "notice": "https://dmca.test/1", "status": 451},
        "docker.io/acme/other",
    ]});
    let section: RulesSection = serde_json::from_value(section).unwrap();
    let rules = PullRules::new(section.lists().unwrap(), None);
    let rules = RulesInForce::new(rules, Box::new(|_| panic!("nobody reloads")));
    let rig = Rig::start_with(Setup { rules, ..Setup::default() }).await;
    let answer = rig.get("/v2/acme/jail/manifests/1").await;
    assert_eq!((answer.status.as_u16(), code(&answer).as_str()), (451, "DENIED"));
    assert_eq!(
        message(&answer),
        "`docker.io/acme/jail:1` is denied by `docker.io/acme/jail` of `rules.deny`: DMCA (https://dmca.test/1)"
    );
    assert_eq!(rig.get("/v2/acme/other/manifests/1").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_change_while_connections_stay_open() {
    let read = Arc::new(Mutex::new(Ok(("docker.io/library/nginx", ""))));
    let source = Arc::clone(&read);
    let load = move || source.lock().unwrap().clone().map(|(allow, deny)| lists(allow, deny));
    let rules = RulesInForce::new(load().unwrap(), Box::new(move |_| load()));
    let directory = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
    let access = Access::open(catalog, Keyring::generate(), Rules::default()).await.unwrap();
    let rig = Rig::start_with(Setup { rules, access: Some(access), ..Setup::default() }).await;
    let image = TestImage::layers([noise(40, 100)]);
    rig.upstream.put_image("library/nginx", "1", &image);
    let blob = format!("/v2/nginx/blobs/{}", image.blobs()[0].0);
    assert_eq!(rig.get("/v2/nginx/manifests/1").await.status, 200);
    assert_eq!(rig.get(&blob).await.status, 200);
    *read.lock().unwrap() = Ok(("", "docker.io/library/nginx"));
    assert_eq!(rig.get(&blob).await.status, 200, "nobody has said that they changed");
    let (status, body) = rig.ask("POST", "/api/v1/pull-rules/reload").await;
    assert_eq!(status, 200);
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["lists"], json!([{"name": "denies.txt", "kind": "deny", "rules": 1}]));
    assert_eq!((rig.get(&blob).await.status.as_u16(), &told["refused"]), (403, &Value::Null));
    let fault = LoadFault { problem: "denies.txt:2: `x` is not a rule".into(), hint: Some("mend it".into()) };
    *read.lock().unwrap() = Err(fault);
    let (status, body) = rig.ask("POST", "/api/v1/pull-rules/reload").await;
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &told["hint"]), (409, &json!("mend it")));
    assert!(told["detail"].as_str().unwrap().contains("denies.txt:2"));
    let told: Value = serde_json::from_slice(&rig.ask("GET", "/api/v1/pull-rules").await.1).unwrap();
    assert_eq!(told["refused"]["problem"], "denies.txt:2: `x` is not a rule");
    assert_eq!(rig.get(&blob).await.status, 403, "those that were in force stay");
    let audit: Value =
        serde_json::from_slice(&rig.ask("GET", "/api/v1/audit?action=rules.reload").await.1).unwrap();
    let outcomes: Vec<_> = audit["entries"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["failed", "done"]);
}

// operate.md row 5
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_is_told_which_rule_decides() {
    let rig = rig("docker.io/library/nginx\nquay.io/acme/app:1.*", "docker.io/evil/**").await;
    let explained = async |image: &str| -> Value {
        let answer = rig.get(&format!("/api/v1/pull-rules/explain?image={image}")).await;
        assert_eq!(answer.status, 200, "{image}");
        serde_json::from_str(&answer.text()).unwrap()
    };
    let nginx = explained("nginx:1.27").await;
    assert_eq!(
        nginx,
        json!({
            "image": "docker.io/library/nginx:1.27", "allowed": true, "reason": "allowed", "list": "allows.txt",
            "rule": "docker.io/library/nginx", "line": 1, "hint": null,
            "detail": "`docker.io/library/nginx:1.27` is allowed by `docker.io/library/nginx`, line 1 of `allows.txt`",
        })
    );
    for (image, allowed, reason) in [
        ("redis", false, "not-listed"),
        ("evil/x", false, "denied"),
        ("quay.io/acme/app", false, "some-images"),
        ("quay.io/acme/app:1.2", true, "allowed"),
        ("quay.io/acme/app:dev", false, "other-image"),
        (&format!("quay.io/acme/app@{}", Digest::of(b"")), false, "tag-first"),
        ("local/app", true, "hosted"),
    ] {
        let told = explained(image).await;
        assert_eq!((&told["allowed"], &told["reason"]), (&json!(allowed), &json!(reason)), "{image}");
    }
    let wrong = rig.get("/api/v1/pull-rules/explain?image=UPPER").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("\"field\":\"image\""), "{}", wrong.text());
}
