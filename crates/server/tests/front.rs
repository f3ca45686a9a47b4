//! What proxies in front say, and who may see pages and metrics.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::{NetworkSettings, Networks, Rules, Verbs};
use support::{
    Setup,
    account::basic,
    yard::{FORM, HTML, OURS, Yard, form, json, pair},
};

// Row 60: over TLS the cookie is for TLS, and without it the login works all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_secure_where_the_client_speaks_tls() {
    let yard = Yard::new().await;
    let tls = [FORM, ("origin", "https://m.test"), ("x-forwarded-proto", "https")];
    let answer = yard.send("POST", "/login", &tls, &form("alice")).await;
    let set = answer.header("set-cookie").unwrap();
    assert!(
        set.starts_with("__Host-entrepot_session=") && set.ends_with("; HttpOnly; SameSite=Lax; Secure"),
        "{set}"
    );
    let cookie = pair(&answer);
    let me = yard.send("GET", "/api/v1/me", &[("cookie", &cookie), ("x-forwarded-proto", "https")], "").await;
    assert_eq!(json(&me)["account"], "alice");
    assert_eq!(yard.who(&cookie).await, None, "not without TLS");
    let plain = yard.cookie("alice").await;
    let me = yard.send("GET", "/api/v1/me", &[("cookie", &plain), ("x-forwarded-proto", "https")], "").await;
    assert_eq!(json(&me)["kind"], "anonymous", "a page without TLS may have set it");
    let page = yard.send("GET", "/login?lang=en", &[HTML], "").await.text();
    assert!(page.contains("This page came without TLS"), "{page}");

    let networks = NetworkSettings { trusted_proxies: Networks::default(), ..NetworkSettings::default() };
    let alone = Yard::with(Rules::default(), Setup { networks, ..Setup::default() }).await;
    let forged = [FORM, OURS, ("x-forwarded-proto", "https"), ("x-forwarded-host", "m.test")];
    let set = alone.send("POST", "/login", &forged, &form("alice")).await;
    assert!(set.header("set-cookie").unwrap().starts_with("entrepot_session="), "nobody is trusted here");
}

const PUBLIC: &str = r#"Bearer realm="https://mirror.example.com/token",service="mirror.example.com""#;

// H23, rows 57 to 59.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_proxy_says_counts_if_it_is_ours() {
    let challenge = async |yard: &Yard, headers: &[(&str, &str)]| {
        let answer = yard.send("GET", "/v2/", headers, "").await;
        answer.header("www-authenticate").unwrap().to_owned()
    };
    let forwarded =
        [("x-forwarded-proto", "https"), ("x-forwarded-host", "public.test"), ("x-forwarded-port", "8443")];
    let yard = Yard::new().await;
    assert_eq!(
        challenge(&yard, &forwarded).await,
        r#"Bearer realm="https://public.test:8443/token",service="public.test:8443""#
    );
    let networks = NetworkSettings { trusted_proxies: Networks::default(), ..NetworkSettings::default() };
    let alone = Yard::with(Rules::default(), Setup { networks, ..Setup::default() }).await;
    assert_eq!(challenge(&alone, &forwarded).await, r#"Bearer realm="http://m.test/token",service="m.test""#);
    let public_url = Some("https://mirror.example.com".parse().unwrap());
    let public = Yard::with(Rules::default(), Setup { public_url, ..Setup::default() }).await;
    for headers in [forwarded.as_slice(), &[]] {
        assert_eq!(challenge(&public, headers).await, PUBLIC);
    }
    let other = public.rig.send("GET", "/v2/", &[("host", "one.test")], "").await;
    assert_eq!(other.header("www-authenticate"), Some(PUBLIC), "whatever name was asked for");
    let home = public.send("GET", "/", &[HTML], "").await.text();
    assert!(home.contains("docker pull mirror.example.com/docker.io/library/nginx"), "{home}");
    // The addresses in the audit log and in the list of sessions are those of clients.
    let list = |yard: &Yard, address: &'static str| {
        let access = yard.access.clone();
        async move {
            let rows = access.sessions(None, "", 10).await.unwrap().rows;
            assert!(rows.iter().all(|row| row.address.as_deref() == Some(address)), "{rows:?}");
        }
    };
    yard.log_in(&form("alice"), &[("x-forwarded-for", "6.6.6.6, 192.0.2.7")]).await;
    list(&yard, "192.0.2.7").await;
    alone.log_in(&form("alice"), &[("x-forwarded-for", "6.6.6.6")]).await;
    list(&alone, "127.0.0.1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_for_those_who_may_see() {
    let rules =
        Rules { anonymous: Verbs::NONE, anonymous_sees: false, local: Verbs::NONE, ..Rules::default() };
    let yard = Yard::with(rules, Setup::default()).await;
    for path in ["/", "/guide", "/guide.md", "/sync?rule=a", "/badge/sync.svg", "/logs/sync.log"] {
        let page = yard.send("GET", path, &[HTML, ("accept-language", "zh")], "").await;
        let mut next = form_urlencoded::Serializer::new(String::new());
        let next = next.append_pair("next", path).append_pair("lang", "zh").finish();
        assert_eq!(
            (page.status.as_u16(), page.header("location")),
            (303, Some(format!("/login?{next}").as_str()))
        );
        let document = yard.send("GET", path, &[("accept", "image/*")], "").await;
        assert_eq!(
            (document.status.as_u16(), document.header("content-type")),
            (401, Some("application/problem+json")),
            "{path}"
        );
    }
    for path in [
        "/healthz",
        "/readyz",
        "/login",
        "/assets/entrepot.css",
        "/assets/entrepot.js",
        "/api/v1/openapi.json",
    ] {
        assert_eq!(yard.send("GET", path, &[HTML], "").await.status, 200, "{path}");
    }
    let cookie = yard.cookie("alice").await;
    assert_eq!(yard.get("/", &cookie).await.status, 200);
    let nothing = yard.send("GET", "/no-such-page", &[HTML], "").await;
    assert_eq!(nothing.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_are_for_operators_this_machine_and_named_networks() {
    let yard = Yard::new().await;
    let status =
        async |headers: &[(&str, &str)]| yard.send("GET", "/metrics", headers, "").await.status.as_u16();
    let refused = yard.send("GET", "/metrics", &[], "").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("www-authenticate")),
        (401, Some("Basic realm=\"entrepot\""))
    );
    assert!(json(&refused)["hint"].as_str().unwrap().contains("`access.metrics`"));
    for (user, expected) in [("olga", 200), ("root", 200), ("alice", 403)] {
        assert_eq!(status(&[("authorization", &basic(user))]).await, expected, "{user}");
    }
    assert_eq!(status(&[("cookie", &yard.cookie("olga").await)]).await, 200);
    assert_eq!(yard.rig.get("/metrics").await.status, 200, "this machine");
    let (over_the_socket, _) = yard.rig.ask("GET", "/metrics").await;
    assert_eq!(over_the_socket, 200);
    // A forwarded request is never local, nor is any after it.
    let forwarded = yard.rig.get_with("/metrics", &[("x-forwarded-for", "127.0.0.1")]).await;
    assert_eq!(forwarded.status, 401);
    assert_eq!(yard.rig.get("/metrics").await.status, 401);

    let metrics = std::iter::once("192.0.2.0/24".parse().unwrap()).collect();
    let networks = NetworkSettings { metrics, ..NetworkSettings::default() };
    let named = Yard::with(Rules::default(), Setup { networks, ..Setup::default() }).await;
    let from =
        async |address: &str| named.send("GET", "/metrics", &[("x-forwarded-for", address)], "").await.status;
    assert_eq!(from("192.0.2.7").await, 200);
    assert_eq!(from("192.0.3.7").await, 401);
    assert_eq!(from("192.0.2.7, 192.0.3.7").await, 401, "what the client claims of itself");
}
