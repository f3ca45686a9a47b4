//! Sessions of browsers: the login page, the cookie, and what ends them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use bytes::Bytes;
use entrepot_access::{AccountUpdate, NewToken, RegistryScopes};
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use support::{
    account::{PASSWORD, basic, by, name},
    yard::{FORM, HTML, OURS, Yard, form, json, pair},
};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn the_page_logs_in_and_out_without_a_script() {
    let yard = Yard::new().await;
    let page = yard.send("GET", "/login?next=/sync%3Frule%3Da&lang=zh", &[HTML], "").await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("no-store")));
    let html = page.text();
    for part in [r#"action="/login?lang=zh" method="post""#, r#"name="next" value="/sync?rule=a""#, "登录"]
    {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));

    let fields = format!("{}&next=%2Fsync%3Frule%3Da", form("alice"));
    let answer = yard.log_in(&fields, &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/sync?rule=a")));
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("entrepot_session="), "{set}");
    assert!(set.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"), "{set}");

    let cookie = pair(&answer);
    assert_eq!(yard.who(&cookie).await.as_deref(), Some("alice"));
    let home = yard.send("GET", "/?lang=en", &[("cookie", &cookie)], "").await.text();
    assert!(home.contains(r#"<a href="/account?lang=en">alice</a>"#) && home.contains("Log out"), "{home}");
    let again = yard.send("GET", "/login?next=/guide", &[("cookie", &cookie)], "").await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, Some("/guide")), "logged in already");

    let out = yard.send("POST", "/logout?lang=en", &[OURS, ("cookie", &cookie)], "").await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, Some("/?lang=en")));
    assert!(out.header("set-cookie").unwrap().starts_with("entrepot_session=; Path=/; Max-Age=0"));
    assert_eq!(yard.who(&cookie).await, None, "the old cookie is dead");
    let guest = yard.send("GET", "/?lang=en", &[("cookie", &cookie)], "").await.text();
    assert!(guest.contains(r#"<a href="/login?next=%2F%3Flang%3Den&amp;lang=en">Log in</a>"#), "{guest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_says_so_and_keeps_the_name() {
    let yard = Yard::new().await;
    for user in ["alice", "nobody"] {
        let answer = yard.log_in(&format!("name={user}&password=wrong&next=/guide"), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (401, None), "{user}");
        let html = answer.text();
        assert!(html.contains("The user name or the password is wrong."), "{html}");
        assert!(html.contains(&format!(r#"name="name" value="{user}""#)), "{html}");
        assert!(html.contains(r#"name="next" value="/guide""#) && !html.contains("wrong\""), "{html}");
    }
    let escaped = yard.log_in("name=%22%3E%3Cscript%3E&password=x", &[]).await.text();
    assert!(escaped.contains("&quot;&gt;&lt;script&gt;") && !escaped.contains("><script>"), "{escaped}");
    let mut slowed = yard.log_in("name=alice&password=wrong0", &[]).await;
    for secret in 1..20 {
        if slowed.status == 429 {
            break;
        }
        slowed = yard.log_in(&format!("name=alice&password=wrong{secret}"), &[]).await;
    }
    assert_eq!(slowed.status, 429);
    let wait: u64 = slowed.header("retry-after").unwrap().parse().unwrap();
    let told = format!("Too many failed logins. Try again in {wait} seconds");
    assert!(slowed.text().contains(&told), "{}", slowed.text());
}

// CVE-2024-22244 (Harbor): a login that led to another site.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_leads_to_pages_of_this_server_alone() {
    let yard = Yard::new().await;
    for evil in [
        "%2F%2Fevil.test",
        "%2F%5Cevil.test",
        "https%3A%2F%2Fevil.test",
        "%2F%09%2Fevil.test",
        "javascript%3Aalert(1)",
        "%2Flogin%3Fnext%3D%2F",
        "evil",
    ] {
        let answer = yard.log_in(&format!("{}&next={evil}", form("alice")), &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/")), "{evil}");
        let page = yard.send("GET", &format!("/login?next={evil}"), &[HTML], "").await.text();
        assert!(page.contains(r#"name="next" value="/""#), "{evil}: {page}");
    }
}

// W03: fixation, and a session that goes on after a logout.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_begins_a_new_session_and_ends_the_one_before() {
    let yard = Yard::new().await;
    let planted = "entrepot_session=0123456789ab0123456789abcdef0123456789abcdef";
    let answer = yard.log_in(&form("alice"), &[("cookie", planted)]).await;
    let first = pair(&answer);
    assert_ne!(first, planted);
    assert_eq!(yard.who(planted).await, None);
    let second = pair(&yard.log_in(&form("bob"), &[("cookie", &first)]).await);
    assert_eq!(yard.who(&first).await, None, "ended by the login");
    assert_eq!(yard.who(&second).await.as_deref(), Some("bob"));
    let twice = format!("{second}; {second}");
    assert_eq!(yard.who(&twice).await, None, "one of them is somebody else's");
}

// W01: a change with a cookie comes from one of our own pages, or it is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_changes_nothing_for_pages_of_other_sites() {
    let yard = Yard::new().await;
    let cookie = yard.cookie("alice").await;
    let with = [("cookie", cookie.as_str())];
    let foreign: [&[(&str, &str)]; 9] = [
        &[],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "null")],
        &[("origin", "http://evil.test")],
        &[("origin", "https://m.test")],
        &[("origin", "http://m.test:81")],
        &[OURS, ("sec-fetch-site", "cross-site")],
    ];
    for more in foreign {
        for (method, path) in [
            ("DELETE", "/api/v1/session"),
            ("DELETE", "/api/v1/sessions?account=alice"),
            ("PATCH", "/api/v1/accounts/alice"),
            ("POST", "/logout"),
            ("POST", "/account"),
            ("POST", "/account/end"),
            ("POST", "/api/v1/tokens"),
        ] {
            let answer = yard.send(method, path, &[&with, more].concat(), "").await;
            assert_eq!(answer.status, 403, "{method} {path} {more:?}");
        }
    }
    for path in ["/logout", "/account/end"] {
        assert_eq!(yard.get(path, &cookie).await.status, 405, "{path}: a link changes nothing");
    }
    assert_eq!(yard.who(&cookie).await.as_deref(), Some("alice"), "all of that came to nothing");
    let told = yard.send("DELETE", "/api/v1/session", &with, "").await;
    assert_eq!(json(&told)["detail"], "a session counts only for this server's own pages");
    // W02: neither does another site read events.
    let events =
        yard.send("GET", "/api/v1/sync/events", &[with[0], ("origin", "http://evil.test")], "").await;
    assert_eq!(events.status, 403);
    for proof in [OURS, ("sec-fetch-site", "same-origin")] {
        let cookie = yard.cookie("alice").await;
        let answer = yard.send("DELETE", "/api/v1/session", &[("cookie", &cookie), proof], "").await;
        assert_eq!(answer.status, 204, "{proof:?}");
        assert_eq!(yard.who(&cookie).await, None);
    }
}

// Row 17: registry clients keep cookies, and send them where they should not.
#[tokio::test(flavor = "multi_thread")]
async fn the_registry_neither_sets_nor_reads_cookies() {
    let yard = Yard::new().await;
    let cookie = yard.cookie("root").await;
    assert_eq!(yard.who(&cookie).await.as_deref(), Some("root"));
    for (method, path) in [
        ("GET", "/v2/"),
        ("GET", "/v2/local/secret/a/tags/list"),
        ("POST", "/v2/local/app/blobs/uploads/"),
        ("GET", "/token?service=m.test&scope=repository:local/secret/a:pull"),
        ("POST", "/token"),
    ] {
        let bare = yard.send(method, path, &[OURS], "").await;
        let with = yard.send(method, path, &[OURS, ("cookie", &cookie)], "").await;
        assert_eq!(with.status, bare.status, "{method} {path}");
        assert_eq!(with.header("set-cookie"), None, "{method} {path}");
        assert!(!path.starts_with("/v2") || with.status == 401, "{method} {path}");
    }
}

// W02, CVE-2026-44883 (Portainer): credentials in addresses end in logs.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_an_address_is_none() {
    let yard = Yard::new().await;
    let cookie = yard.cookie("root").await;
    let secret = cookie.split_once('=').unwrap().1;
    for query in ["token", "session", "access_token", "entrepot_session", "jwt"] {
        let me = yard.send("GET", &format!("/api/v1/me?{query}={secret}"), &[], "").await;
        assert_eq!(json(&me)["kind"], "anonymous", "{query}");
    }
    for scheme in ["Bearer", "Basic", "Session"] {
        let authorization = format!("{scheme} {secret}");
        let me = yard.send("GET", "/api/v1/me", &[("authorization", &authorization)], "").await;
        assert_eq!(json(&me)["kind"], "anonymous", "{scheme}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_managed_by_api() {
    let yard = Yard::new().await;
    let login = format!(r#"{{"name": "alice", "password": "{PASSWORD}"}}"#);
    let answer = yard.send("POST", "/api/v1/session", &[("user-agent", "curl/8")], &login).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (first, cookie) = (json(&answer), pair(&answer));
    assert_eq!(
        (&first["account"], &first["agent"], &first["current"]),
        (&"alice".into(), &"curl/8".into(), &true.into())
    );
    let secret = cookie.split_once('=').unwrap().1;
    assert!(!answer.text().contains(secret), "the secret is in the cookie alone");
    let (other, bob) = (yard.cookie("alice").await, yard.cookie("bob").await);

    let list = json(&yard.get("/api/v1/sessions", &cookie).await);
    let ids: Vec<_> =
        list["sessions"].as_array().unwrap().iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2, "one's own: {list}");
    let theirs = ids.iter().find(|id| **id != first["id"].as_str().unwrap()).unwrap();
    // Somebody else's session is like one that there is not.
    for path in [
        format!("/api/v1/sessions/{theirs}"),
        "/api/v1/sessions/0123456789ab".to_owned(),
        "/api/v1/sessions/x".to_owned(),
    ] {
        let refused = yard.send("DELETE", &path, &[OURS, ("cookie", &bob)], "").await;
        let id = path.rsplit('/').next().unwrap();
        assert_eq!(
            (refused.status.as_u16(), json(&refused)["detail"].as_str().unwrap()),
            (404, format!("there is no session `{id}`").as_str())
        );
    }
    for path in ["/api/v1/sessions?account=alice", "/api/v1/sessions?account=nobody"] {
        assert_eq!(yard.get(path, &bob).await.status, 403, "{path}");
        assert_eq!(yard.send("DELETE", path, &[OURS, ("cookie", &bob)], "").await.status, 403, "{path}");
    }
    assert_eq!(yard.who(&other).await.as_deref(), Some("alice"));
    let ended =
        yard.send("DELETE", &format!("/api/v1/sessions/{theirs}"), &[OURS, ("cookie", &cookie)], "").await;
    assert_eq!(ended.status, 204);
    assert_eq!(yard.who(&other).await, None);

    let root = yard.cookie("root").await;
    let all = json(&yard.get("/api/v1/sessions?account=alice", &root).await);
    assert_eq!(all["sessions"].as_array().unwrap().len(), 1);
    let ended = yard.send("DELETE", "/api/v1/sessions?account=alice", &[OURS, ("cookie", &root)], "").await;
    assert_eq!((ended.status.as_u16(), &json(&ended)["ended"]), (200, &1.into()));
    assert_eq!(yard.who(&cookie).await, None);
    let (status, list) = yard.rig.ask("GET", "/api/v1/sessions").await;
    let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
    assert_eq!((status, list["sessions"].as_array().unwrap().len()), (200, 2), "the owner sees all: {list}");
    assert_eq!(yard.send("GET", "/api/v1/sessions", &[], "").await.status, 401);
    assert_eq!(yard.send("DELETE", "/api/v1/session", &[], "").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_api_says_why_it_is_refused() {
    let yard = Yard::new().await;
    let log_in = async |body: &str| yard.send("POST", "/api/v1/session", &[], body).await;
    let wrong = log_in(r#"{"name": "alice", "password": "x"}"#).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (401, None));
    assert_eq!(json(&wrong)["detail"], "the user name or the password is wrong");
    let scopes = "pull:**".parse().unwrap();
    let new = NewToken { account: name("alice"), name: "ci".to_owned(), scopes, expires: None };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let refused = log_in(&format!(r#"{{"name": "alice", "password": "{}"}}"#, token.expose())).await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        json(&refused)["detail"],
        "an API token begins no session; log in with the account's password"
    );
    let page = yard.log_in(&format!("name=alice&password={}", token.expose()), &[]).await;
    assert!(
        page.status == 401 && page.text().contains("An API token does not log in here."),
        "{}",
        page.text()
    );
    for bad in
        ["", "{}", r#"{"name": 1, "password": "canary"}"#, r#"{"name": "a", "password": "canary", "x": 1}"#]
    {
        let refused = log_in(bad).await;
        assert!(refused.status == 400 && !refused.text().contains("canary"), "{bad}: {}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_page_changes_the_password_and_ends_sessions() {
    let yard = Yard::new().await;
    let (cookie, other) = (yard.cookie("alice").await, yard.cookie("alice").await);
    let page = yard.get("/account?lang=en", &cookie).await;
    let html = page.text();
    assert!(page.status == 200 && html.contains("this one") && html.contains("End all others"), "{html}");
    assert_eq!(html.matches("/account/end").count(), 2, "the other one, and all others");
    let away = yard.send("GET", "/account", &[HTML], "").await;
    assert_eq!(
        (away.status.as_u16(), away.header("location")),
        (303, Some("/login?next=%2Faccount&lang=en"))
    );

    let change = async |fields: &str| {
        yard.send("POST", "/account?lang=en", &[FORM, OURS, ("cookie", &cookie)], fields).await
    };
    for (fields, told) in [
        ("current=x&new=another+password&again=another+password", "The current password is wrong."),
        ("current=correct+horse+battery&new=one+password&again=another", "not the same in both fields"),
        ("current=correct+horse+battery&new=short&again=short", "at least 8 characters"),
        ("current=correct+horse+battery&new=ep_12345678&again=ep_12345678", "begin with <code>ep_</code>"),
    ] {
        let refused = change(fields).await;
        assert!(refused.status == 422 && refused.text().contains(told), "{fields}: {}", refused.text());
    }
    assert_eq!(yard.who(&other).await.as_deref(), Some("alice"), "nothing has changed");
    let done = change("current=correct+horse+battery&new=another+password&again=another+password").await;
    assert_eq!((done.status.as_u16(), done.header("location")), (303, Some("/account?done=changed&lang=en")));
    let renewed = pair(&done);
    assert_eq!((yard.who(&cookie).await, yard.who(&other).await), (None, None), "all others have ended");
    let page = yard.get("/account?done=changed&lang=en", &renewed).await.text();
    assert!(page.contains("The password was changed."), "{page}");
    assert_eq!(yard.log_in(&form("alice"), &[]).await.status, 401);

    let fields = "name=alice&password=another+password";
    let elsewhere = pair(&yard.log_in(fields, &[]).await);
    let end = [FORM, OURS, ("cookie", renewed.as_str())];
    let done = yard.send("POST", "/account/end?lang=zh", &end, "id=others").await;
    assert_eq!(done.header("location"), Some("/account?done=ended&lang=zh"));
    assert_eq!(yard.who(&elsewhere).await, None);
    assert_eq!(yard.who(&renewed).await.as_deref(), Some("alice"));
}

/// One connection, which stays open.
struct Line(SendRequest<Empty<Bytes>>);

impl Line {
    async fn to(yard: &Yard) -> Self {
        let stream = TcpStream::connect(yard.rig.address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    async fn status(&mut self, path: &str, header: (&str, &str)) -> u16 {
        let request = Request::get(path).header("host", "m.test").header(header.0, header.1);
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        response.into_body().collect().await.unwrap();
        status
    }
}

// Harbor#13778 and others: what is revoked must not live on in a connection that stays open.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_is_refused_on_connections_that_are_open() {
    let yard = Yard::new().await;
    let scopes = "pull:**".parse().unwrap();
    let new = NewToken { account: name("olga"), name: "ci".to_owned(), scopes, expires: None };
    let token = yard.access.create_token(&new, &by()).await.unwrap();
    let principal = yard.access.login("olga", &PASSWORD.into(), None).await.unwrap();
    let pull = RegistryScopes::parse(["repository:local/secret/a:pull"]);
    let bearer = format!("Bearer {}", yard.access.issue(&principal, "m.test", pull));
    let (as_token, as_basic) = (format!("Bearer {}", token.expose()), basic("olga"));
    let cookie = yard.cookie("olga").await;
    // Operators may pull what is private, so what is not there is said to be not there.
    let ways = [
        ("/v2/local/secret/a/tags/list", ("authorization", bearer.as_str()), 404),
        ("/v2/local/secret/a/tags/list", ("authorization", as_token.as_str()), 404),
        ("/v2/local/secret/a/tags/list", ("authorization", as_basic.as_str()), 404),
        ("/account", ("cookie", cookie.as_str()), 200),
    ];
    let mut lines = Vec::new();
    for (path, header, expected) in ways {
        let mut line = Line::to(&yard).await;
        for _ in 0..3 {
            assert_eq!(line.status(path, header).await, expected, "{header:?}");
        }
        lines.push(line);
    }
    yard.change("olga", AccountUpdate { is_disabled: Some(true), ..AccountUpdate::default() }).await;
    for (line, (path, header, expected)) in lines.iter_mut().zip(ways) {
        let refused = if expected == 200 { 303 } else { 401 };
        assert_eq!(line.status(path, header).await, refused, "{header:?}: the very next request");
    }
    yard.change("olga", AccountUpdate { is_disabled: Some(false), ..AccountUpdate::default() }).await;
    for (line, (path, header, expected)) in lines.iter_mut().zip(ways) {
        // A session that has ended stays so.
        let expected = if expected == 200 { 303 } else { expected };
        assert_eq!(line.status(path, header).await, expected, "{header:?}");
    }
    yard.access.remove_token(token.id(), None, &by()).await.unwrap();
    assert_eq!(lines[1].status(ways[1].0, ways[1].1).await, 401, "the token is gone");
    // Other credentials on the same connection are looked at anew.
    assert_eq!(lines[2].status(ways[2].0, ("authorization", &basic("bob"))).await, 401);
    assert_eq!(lines[2].status(ways[2].0, ways[2].1).await, 404);
}
