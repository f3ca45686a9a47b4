//! What is beside the registry API, the socket for the command line, and what goes with every answer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use entrepot_api::{
    CacheEviction, CacheEvictionPlan, CacheImageList, CacheRemoval, CacheRepositoryList, CacheScrub,
    CacheTotals, Problem,
};
use entrepot_testkit::{TestImage, until_answer};
use support::{Rig, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn health_metrics_and_welcome() {
    let rig = Rig::start().await;
    let health = rig.get("/healthz").await;
    assert_eq!((health.status.as_u16(), health.text().as_str()), (200, "ok\n"));
    let ready = rig.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.text().as_str()), (200, "ready\n"));
    let page = rig.get("/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    assert!(page.text().contains(&format!("docker pull {}/docker.io/library/nginx", rig.address)));
    rig.get("/v2/local/secret-name/manifests/x").await;
    let metrics = rig.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = metrics.text();
    for line in [
        r#"entrepot_http_requests_total{method="GET",route="page",status="2xx"} 3"#,
        r#"entrepot_http_requests_total{method="GET",route="manifest",status="4xx"} 1"#,
        "entrepot_http_sendfile_bytes_total 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("secret-name"));
    let post = rig.send("POST", "/metrics", &[], "").await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_says_how_to_pull_any_image() {
    let rig = Rig::start().await;
    let address = rig.address;
    let english = rig.get("/?lang=en").await.text();
    assert!(english.contains(r#"<html lang="en">"#) && !english.contains("镜像</h"), "{english}");
    let chinese = rig.get("/?lang=zh").await.text();
    let parts = [
        r#"<html lang="zh">"#,
        "容器镜像加速站",
        r#"<a href="/?lang=en" hreflang="en" lang="en">English</a>"#,
    ];
    parts.iter().for_each(|part| assert!(chinese.contains(part), "{part}"));
    for (query, said) in [
        (
            "image=docker+pull+nginx%3A1.27",
            format!("docker tag {address}/docker.io/library/nginx:1.27 nginx:1.27"),
        ),
        ("image=nginx", format!("&quot;registry-mirrors&quot;: [&quot;http://{address}&quot;]")),
        ("image=nginx", format!("[host.&quot;http://{address}&quot;]")),
        ("image=nginx", "sudo crictl pull docker.io/library/nginx:latest".to_owned()),
        ("image=nginx", format!("podman pull --tls-verify=false {address}/docker.io/library/nginx")),
        ("image=nginx", format!("endpoint: [&quot;http://{address}&quot;]")),
        ("image=nginx", format!("image: {address}/docker.io/library/nginx")),
        ("image=local%2Fapp%3A1", format!("docker pull {address}/local/app:1")),
        ("image=evil.test%2Fa&lang=en", "This mirror does not serve <code>evil.test</code>".to_owned()),
        ("image=%3Cscript%3E&lang=en", "That is not the name of an image.".to_owned()),
        ("image=nginx&tool=k3s", r#"value="k3s" checked"#.to_owned()),
    ] {
        let page = rig.get(&format!("/?{query}")).await.text();
        assert!(page.contains(&said), "{query}: {said} in {page}");
        assert!(!page.contains("<script>") && !page.contains(" style=") && !page.contains("src=\"http"));
    }
    let behind = rig.get_with("/", &[("host", "m.test"), ("x-forwarded-proto", "https")]).await.text();
    assert!(behind.contains("[&quot;https://m.test&quot;]") && !behind.contains("insecure"), "{behind}");
    let elsewhere = rig.get_with("/", &[("host", "m.test")]).await.text();
    assert!(elsewhere.contains("&quot;insecure-registries&quot;: [&quot;m.test&quot;]"), "{elsewhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_get_pages_for_errors_and_programs_documents() {
    let rig = Rig::start().await;
    let browser = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let chinese = ("accept-language", "zh-CN,zh;q=0.9");
    let page = rig.get_with("/nowhere/%3Cb%3E", &[browser, chinese]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("没有这个页面") && !page.text().contains("<b>"), "{}", page.text());
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    let lost = rig.get_with("/", &[browser, chinese, ("host", "evil.example")]).await;
    assert_eq!((lost.status.as_u16(), lost.header("content-type")), (421, Some("text/html; charset=utf-8")));
    assert!(
        lost.text().contains("<code>evil.example</code>") && lost.text().contains("<code>names</code>"),
        "{}",
        lost.text()
    );
    for (path, headers) in
        [("/nowhere", &[("accept", "*/*")][..]), ("/v2/nowhere", &[browser]), ("/api/nowhere", &[browser])]
    {
        let document = rig.get_with(path, headers).await;
        assert_eq!(document.status, 404, "{path}");
        assert!(document.header("content-type").unwrap().ends_with("json"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sees_and_removes_what_is_held() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::start().await;
    assert_eq!(std::fs::metadata(rig.control()).unwrap().permissions().mode() & 0o777, 0o600);
    let image = TestImage::random(5, 2, 1000);
    rig.upstream.put_image("library/nginx", "1.27", &image);
    rig.get("/v2/library/nginx/manifests/1.27").await;
    for (digest, _) in image.blobs() {
        rig.get(&format!("/v2/library/nginx/blobs/{digest}")).await;
    }
    let (status, body) = rig.ask("GET", "/api/v1/cache/totals").await;
    assert_eq!(status, 200);
    let totals: CacheTotals = serde_json::from_slice(&body).unwrap();
    assert_eq!((totals.repositories, totals.tags, totals.manifests), (1, 1, 1));
    let (_, body) = rig.ask("GET", "/api/v1/cache/repositories?prefix=docker.io%2F&n=10").await;
    let page: CacheRepositoryList = serde_json::from_slice(&body).unwrap();
    assert_eq!(page.repositories[0].name, "docker.io/library/nginx");
    let (_, body) = rig.ask("GET", "/api/v1/cache/repositories?prefix=quay.io&n=10").await;
    assert!(serde_json::from_slice::<CacheRepositoryList>(&body).unwrap().repositories.is_empty());
    let (_, body) = rig.ask("GET", "/api/v1/cache/images?name=nginx").await;
    let page: CacheImageList = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (page.images[0].digest, page.images[0].tags.clone()),
        (*image.digest(), vec!["1.27".to_owned()])
    );
    for (method, path, wanted) in [
        ("GET", "/api/v1/cache/images", 400),
        ("GET", "/api/v1/cache/images?name=UPPER", 400),
        ("GET", "/api/v1/cache/images?name=library/none", 404),
        ("GET", "/api/v1/cache/repositories?n=x", 400),
        ("DELETE", "/api/v1/cache/images?name=nginx&reference=.x", 400),
        ("DELETE", "/api/v1/cache/images?name=nginx&reference=none", 404),
        ("POST", "/api/v1/cache/images?name=nginx", 405),
        ("GET", "/v2/", 404),
        ("GET", "/v1/totals", 404),
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/openapi.json", 200),
    ] {
        let (status, body) = rig.ask(method, path).await;
        assert_eq!(status, wanted, "{method} {path}: {body:?}");
    }
    let (status, body) = rig.ask("DELETE", "/api/v1/cache/images?name=nginx&reference=1.27").await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_slice::<CacheRemoval>(&body).unwrap().manifests, 1);
    // The network has the same router, but is not the owner.
    for (method, path) in [("GET", "totals"), ("GET", "repositories"), ("DELETE", "images?name=nginx")] {
        let refused = rig.send(method, &format!("/api/v1/cache/{path}"), &[], "").await;
        assert_eq!(refused.status, 403);
        let problem: Problem = serde_json::from_slice(&refused.body).unwrap();
        assert_eq!(problem.detail, "only the owner of the data directory may do this");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_and_what_goes_is_asked_for() {
    let rig = Rig::start().await;
    let image = TestImage::random(5, 1, 1000);
    rig.upstream.put_image("library/nginx", "1.27", &image);
    rig.get("/v2/library/nginx/manifests/1.27").await;
    let recorded = async || {
        let (_, body) = rig.ask("GET", "/api/v1/cache/totals").await;
        let totals: CacheTotals = serde_json::from_slice(&body).unwrap();
        (totals.tags == 1).then_some(())
    };
    until_answer("the tag to be recorded", recorded).await;
    for (method, path, wanted) in [
        ("GET", "/api/v1/cache/pins", 200),
        ("GET", "/api/v1/cache/pins?source=hand&name=nginx", 200),
        ("GET", "/api/v1/cache/pins?source=nobody", 400),
        ("GET", "/api/v1/cache/pins?digest=x", 400),
        ("DELETE", "/api/v1/cache/pins", 400),
        ("DELETE", "/api/v1/cache/pins?source=hand", 200),
        ("POST", "/api/v1/cache/pins", 400),
        ("GET", "/api/v1/cache/eviction", 200),
        ("GET", "/api/v1/cache/eviction/plan", 200),
        ("GET", "/api/v1/cache/eviction/plan?free=x", 400),
        ("POST", "/api/v1/cache/eviction?plan=x", 400),
        ("DELETE", "/api/v1/cache/eviction", 200),
        ("GET", "/api/v1/cache/savings", 200),
        ("GET", "/api/v1/cache/scrub", 200),
        ("POST", "/api/v1/cache/scrub?rate=fast", 400),
        ("DELETE", "/api/v1/cache/scrub", 200),
    ] {
        let (status, body) = rig.ask(method, path).await;
        assert_eq!(status, wanted, "{method} {path}: {body:?}");
    }
    let unknown = format!("/api/v1/cache/eviction?plan={}", image.digest());
    let (status, body) = rig.ask("POST", &unknown).await;
    let problem: Problem = serde_json::from_slice(&body).unwrap();
    assert_eq!(status, 409);
    assert_eq!(problem.detail, "that plan is not known, and what would be evicted now is something else");
    assert_eq!(problem.hint.as_deref(), Some("look at what would go now: `entrepot cache gc --dry-run`"));

    let (status, body) = rig.ask("GET", "/api/v1/cache/eviction/plan?free=1").await;
    assert_eq!(status, 200);
    let plan: CacheEvictionPlan = serde_json::from_slice(&body).unwrap();
    assert_eq!((plan.count, plan.wanted), (0, 1), "it is young");
    let (status, _) = rig.ask("POST", &format!("/api/v1/cache/eviction?plan={}", plan.plan)).await;
    assert_eq!(status, 200);
    let ended = async || {
        let (_, body) = rig.ask("GET", "/api/v1/cache/eviction").await;
        serde_json::from_slice::<CacheEviction>(&body).unwrap().last
    };
    assert_eq!(until_answer("the eviction to end", ended).await.images, 0);
    let (status, _) = rig.ask("POST", "/api/v1/cache/scrub?rate=1000000000").await;
    assert_eq!(status, 200);
    let ended = async || {
        let (_, body) = rig.ask("GET", "/api/v1/cache/scrub").await;
        serde_json::from_slice::<CacheScrub>(&body).unwrap().last
    };
    assert_eq!(until_answer("the scrub to end", ended).await.found, 0);
    for (method, path) in [("GET", "pins"), ("POST", "eviction"), ("POST", "scrub")] {
        let refused = rig.send(method, &format!("/api/v1/cache/{path}"), &[], "").await;
        assert_eq!(refused.status, 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_keep_their_ids() {
    let rig = Rig::start().await;
    let response = rig.get_with("/v2/", &[("x-request-id", "from-the-client.1")]).await;
    assert_eq!(response.header("x-request-id"), Some("from-the-client.1"));
    let response = rig.get_with("/v2/", &[("x-request-id", "not decent")]).await;
    assert_ne!(response.header("x-request-id"), Some("not decent"));
    // What is our fault, or an upstream's, is told with it.
    rig.upstream.stop().await;
    let response = rig.get_with("/v2/library/none/manifests/x", &[("x-request-id", "abc")]).await;
    assert_eq!(response.status.as_u16(), 502);
    assert!(response.text().contains("(request abc)"), "{}", response.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_namespace_is_told_back() {
    let rig = Rig::start().await;
    rig.upstream.put_image("library/a", "1", &TestImage::random(1, 1, 10));
    let response = rig.get("/v2/library/a/manifests/1?ns=docker.io").await;
    assert_eq!((response.status.as_u16(), response.header("oci-namespace")), (200, Some("docker.io")));
    assert_eq!(rig.get("/v2/library/a/manifests/1").await.header("oci-namespace"), None);
    let tags = rig.get("/v2/docker.io/library/a/tags/list?n=1&ns=docker.io").await;
    assert_eq!(tags.json()["name"], "docker.io/library/a");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosted_names_are_listed_where_that_is_allowed() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/v2/_catalog").await.status, 404);
    let rig = Rig::start_with(Setup { catalog: true, ..Setup::default() }).await;
    assert_eq!(rig.get("/v2/_catalog").await.text(), r#"{"repositories":[]}"#);
    for name in ["local/c", "local/a", "local/b/deep"] {
        rig.push_blob(name, "{}").await;
    }
    rig.upstream.put_image("library/nginx", "1", &TestImage::random(1, 1, 10));
    rig.get("/v2/library/nginx/manifests/1").await;
    let (mut found, mut path) = (Vec::new(), "/v2/_catalog?n=2".to_owned());
    loop {
        let page = rig.get(&path).await;
        let names = page.json()["repositories"].as_array().unwrap().clone();
        assert!(names.len() <= 2);
        found.extend(names.into_iter().map(|name| name.as_str().unwrap().to_owned()));
        let Some(link) = page.header("link") else { break };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(found, ["local/a", "local/b/deep", "local/c"]);
    assert_eq!(rig.get("/v2/_catalog?n=x").await.status, 400);
    assert_eq!(rig.get("/v2/_catalog?n=0").await.text(), r#"{"repositories":[]}"#);
    assert_eq!(rig.send("DELETE", "/v2/_catalog", &[], "").await.status, 405);
}
