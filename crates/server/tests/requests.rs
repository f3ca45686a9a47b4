//! Requests for images: by API and by page, of whom, and refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use entrepot_access::{AccountUpdate, Rules};
use entrepot_policy::{ClientLimits, LimitsSection, ListKind, PullLimits, PullRules, RuleList};
use entrepot_requests::{PerClient, RequestSettings, RequestsSection};
use entrepot_server::{LimitsInForce, RulesInForce};
use entrepot_testkit::{TestImage, client::Response};
use serde_json::{Value, json};
use support::{
    Setup,
    account::{AWAY, basic, grant},
    noise,
    yard::{FORM, HTML, OURS, Yard},
};

fn settings() -> RequestSettings {
    RequestsSection::default().check(PerClient::default()).unwrap()
}

fn rules() -> Rules {
    Rules {
        anonymous: "pull,request".parse().unwrap(),
        private: vec!["docker.io/library/secret".parse().unwrap()],
        grants: vec![grant("account:alice", "docker.io/library/secret", "pull,request")],
        ..Rules::default()
    }
}

struct Ground {
    yard: Yard,
    size: u64,
}

impl Ground {
    async fn new() -> Self {
        Self::with(rules(), Setup::default()).await
    }

    async fn with(rules: Rules, setup: Setup) -> Self {
        let yard = Yard::with(rules, Setup { requests: Some(settings()), ..setup }).await;
        let image = TestImage::layers([noise(1, 30_000), noise(2, 5000)]);
        let size = image.blobs().iter().map(|(_, bytes)| bytes.len() as u64).sum();
        for name in ["a", "b", "secret"] {
            yard.rig.upstream.put_image(&format!("library/{name}"), "1", &image);
        }
        Self { yard, size }
    }

    /// Asks the API as somebody; `""` is nobody.
    async fn ask(&self, user: &str, request: &str, body: Value) -> Response {
        self.ask_in("en", user, request, body).await
    }

    async fn ask_in(&self, language: &str, user: &str, request: &str, body: Value) -> Response {
        let (method, path) = request.split_once(' ').unwrap();
        let authorization = basic(user);
        let mut headers = vec![AWAY, ("content-type", "application/json"), ("accept-language", language)];
        if !user.is_empty() {
            headers.push(("authorization", &authorization));
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.yard.rig.send(method, &format!("/api/v1/requests{path}"), &headers, body).await
    }

    async fn post(&self, user: &str, image: &str) -> (u16, Value) {
        let answer = self.ask(user, "POST ", json!({ "image": image })).await;
        (answer.status.as_u16(), document(&answer))
    }

    /// All events of a request, until its end.
    async fn events(&self, user: &str, id: &Value) -> Vec<Value> {
        let answer = self.ask(user, &format!("GET /{id}/events"), Value::Null).await;
        assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{}", answer.text());
        let text = answer.text();
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }

    async fn form(&self, user: &str, fields: &str, more: &[(&str, &str)]) -> Response {
        let authorization = basic(user);
        let headers = [&[FORM, HTML, ("authorization", &authorization)], more].concat();
        self.yard.send("POST", "/requests?lang=en", &headers, fields).await
    }
}

fn document(answer: &Response) -> Value {
    serde_json::from_str(&answer.text()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_asked_for_as_people_write_it_and_followed_until_it_is_here() {
    let ground = Ground::new().await;
    let look = document(&ground.ask("bob", "POST /look", json!({"image": "docker pull a:1"})).await);
    assert_eq!(
        (&look["image"], &look["total"], &look["missing"]),
        (&json!("docker.io/library/a:1"), &json!(ground.size), &json!(ground.size))
    );
    let (status, request) = ground.post("bob", "docker pull a:1").await;
    assert_eq!((status, &request["image"]), (201, &json!("docker.io/library/a:1")), "{request}");
    assert_eq!(
        (&request["pull"], &request["platforms"]),
        (&json!("m.test/docker.io/library/a:1"), &json!(["linux/amd64"]))
    );
    let events = ground.events("bob", &request["id"]).await;
    let last = events.last().unwrap();
    assert_eq!(
        (&last["status"], &last["done"], &last["total"]),
        (&json!("done"), &json!(ground.size), &json!(ground.size))
    );
    assert!(last["digest"].as_str().unwrap().starts_with("sha256:"));
    let shown = document(&ground.ask("bob", &format!("GET /{}", request["id"]), Value::Null).await);
    assert_eq!(&shown, last);
    let listed = document(&ground.ask("bob", "GET ", Value::Null).await);
    assert_eq!((&listed["requests"][0], &listed["more"]), (last, &json!(false)));
    let canceled = ground.ask("bob", &format!("POST /{}/cancel", request["id"]), Value::Null).await;
    assert_eq!(canceled.status, 409);
    assert_eq!(ground.post("bob", "a:1").await.0, 201, "what has ended is asked for anew");
}

// operate.md rows 48 and 49
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_certain_is_answered_with_what_may_be_meant() {
    let ground = Ground::new().await;
    let (status, problem) = ground.post("bob", "请同步 A:1 和 quay.io/x/y，谢谢").await;
    assert_eq!((status, &problem["field"], &problem["code"]), (400, &json!("image"), &json!("bad-field")));
    assert_eq!(problem["suggestions"], json!(["docker.io/library/a:1"]));
    assert_eq!(
        problem["detail"],
        "this is not exactly the name of an image; did you mean `docker.io/library/a:1`?"
    );
    for (text, detail, chinese) in [
        ("linux/arm64", "this names a platform, and no image", "这里只写了平台，没有镜像"),
        ("ghcr.io/a/b:1", "this mirror does not serve `ghcr.io`", "本站没有代理 `ghcr.io`"),
        ("xxx/xxx:tag", "this is not the name of an image", "这不是镜像名"),
        ("a:!!x", "the tag is not one", "标签有误"),
        ("$(rm -rf /)", "this is not the name of an image", "这不是镜像名"),
    ] {
        let problem = ground.post("bob", text).await.1;
        assert_eq!(problem["detail"], detail, "{text}");
        let answer = ground.ask_in("zh-CN", "bob", "POST ", json!({ "image": text })).await;
        assert_eq!(document(&answer)["detail"], chinese, "{text}");
    }
    let broken = ground.ask("bob", "POST ", json!({"image": "a:1", "platforms": ["arm"]})).await;
    assert_eq!((broken.status.as_u16(), &document(&broken)["field"]), (400, &json!("platforms")));
    let unknown = ground.ask("bob", "POST ", json!({"image": "a:1", "platforms": ["linux/s390x"]})).await;
    assert_eq!(
        document(&unknown)["detail"],
        "`docker.io/library/a:1` is not for `linux/s390x`; it is for `linux/amd64`"
    );
    assert_eq!(ground.post("bob", "a:2").await.0, 404);
    let pushed = ground.post("bob", "local/a:1").await;
    assert_eq!((pushed.0, &pushed.1["field"]), (409, &json!("image")));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_of_those_who_made_them() {
    let ground = Ground::new().await;
    let id = ground.post("bob", "a:1").await.1["id"].clone();
    let asked =
        async |user: &str, request: &str| ground.ask(user, request, Value::Null).await.status.as_u16();
    for (user, status) in [("bob", 200), ("alice", 404), ("", 404), ("olga", 200), ("root", 200)] {
        assert_eq!(asked(user, &format!("GET /{id}")).await, status, "{user}");
        let listed = document(&ground.ask(user, "GET ", Value::Null).await);
        assert_eq!(listed["requests"].as_array().unwrap().len(), usize::from(status == 200), "{user}");
    }
    assert_eq!(asked("alice", &format!("POST /{id}/cancel")).await, 404);
    assert_eq!(asked("alice", &format!("GET /{id}/events")).await, 404);
    assert_eq!(asked("bob", "GET /x").await, 404);
    let (status, own) = ground.post("", "b:1").await;
    assert_eq!(status, 201, "anybody may here: {own}");
    assert_eq!(asked("", &format!("GET /{}", own["id"])).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_have_an_image_does_not_learn_whether_there_is_one() {
    let ground = Ground::new().await;
    let refused = async |user: &str, image: &str| ground.post(user, image).await;
    let (there, absent) = (refused("bob", "secret:1").await, refused("bob", "secret:2").await);
    assert_eq!((there.0, absent.0), (403, 403));
    assert_eq!(there.1["detail"], "you may not ask for `docker.io/library/secret:1`");
    assert_eq!(refused("alice", "secret:1").await.0, 201);
    let closed = Ground::with(Rules::default(), Setup::default()).await;
    assert_eq!(closed.post("", "a:1").await.0, 401);
    assert_eq!(closed.post("bob", "a:1").await.0, 201);
    closed
        .yard
        .change(
            "bob",
            AccountUpdate { role: Some(entrepot_access::Role::Viewer), ..AccountUpdate::default() },
        )
        .await;
    assert_eq!(closed.post("bob", "b:1").await.0, 403);
}

// operate.md rows 5, 6
#[tokio::test(flavor = "multi_thread")]
async fn rules_and_limits_count_for_requests() {
    let list = RuleList::read("allows.txt", ListKind::Allow, "docker.io/library/a").unwrap();
    let pull_rules = PullRules::new(vec![list], Some("https://ask.test/{image}".parse().unwrap()));
    let in_force = RulesInForce::new(pull_rules, Box::new(|_| panic!("nobody reloads")));
    let manifests = Some("2/h burst 2".parse().unwrap());
    let per_client = ClientLimits { manifests, ..ClientLimits::default() };
    let section = LimitsSection { per_client, ..LimitsSection::default() };
    let limits = LimitsInForce::new(PullLimits::of(&section));
    let ground = Ground::with(rules(), Setup { rules: in_force, limits, ..Setup::default() }).await;
    let (status, refused) = ground.post("bob", "b:1").await;
    assert_eq!(status, 403);
    assert!(
        refused["detail"].as_str().unwrap().contains("is not in the allow list (`allows.txt`)"),
        "{refused}"
    );
    assert!(refused["hint"].as_str().unwrap().contains("https://ask.test/"), "{refused}");
    assert_eq!(ground.yard.rig.upstream.log().manifests().len(), 0, "nobody was asked about it");
    assert_eq!(ground.post("bob", "a:1").await.0, 201);
    assert_eq!(ground.post("bob", "a:2").await.0, 404);
    let many = ground.ask("bob", "POST ", json!({"image": "a:3"})).await;
    assert_eq!(many.status, 429);
    assert!(many.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    let audit = ground.yard.access.audit(&entrepot_catalog::AuditFilter::default(), 50).await.unwrap().rows;
    let told: Vec<String> =
        audit.iter().map(|row| format!("{} {}", row.entry.action, row.entry.outcome.as_str())).collect();
    assert!(
        told.contains(&"request.create done".to_owned())
            && told.contains(&"request.create refused".to_owned()),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_without_a_script() {
    let ground = Ground::new().await;
    let page = ground.yard.send("GET", "/requests?image=a:1&lang=en", &[HTML], "").await.text();
    assert!(page.contains(r#"<input id="image" name="image" value="a:1""#), "{page}");
    let looked = ground.form("bob", "do=look&image=docker+pull+a%3A1", &[OURS]).await;
    assert_eq!(looked.status, 200);
    assert!(looked.text().contains(r#"<input type="hidden" name="do" value="ask">"#), "{}", looked.text());
    assert!(looked.text().contains("Missing here <b>"), "{}", looked.text());
    let perhaps = ground.form("bob", "do=look&image=Docker+pull+A%3A1", &[OURS]).await;
    assert!(perhaps.text().contains("Did you mean one of these?"), "{}", perhaps.text());
    let asked = ground.form("bob", "do=ask&image=docker.io%2Flibrary%2Fa%3A1", &[OURS]).await;
    assert_eq!((asked.status.as_u16(), asked.header("location")), (303, Some("/requests?lang=en")));
    ground.events("bob", &json!(1)).await;
    let authorization = basic("bob");
    let bobs =
        ground.yard.send("GET", "/requests?lang=zh", &[HTML, ("authorization", &authorization)], "").await;
    assert!(
        bobs.text().contains("docker pull m.test/docker.io/library/a:1") && bobs.text().contains("已完成"),
        "{}",
        bobs.text()
    );
    assert_eq!(bobs.header("refresh"), None, "nothing is under way");
    assert!(
        !ground.yard.send("GET", "/requests", &[HTML], "").await.text().contains("library/a:1"),
        "it is bob's"
    );
    let home = ground.yard.send("GET", "/?image=a:1&lang=en", &[HTML], "").await.text();
    assert!(home.contains("/requests?image=docker.io%2Flibrary%2Fa%3A1&amp;lang=en"), "{home}");
}

// A01
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_strangers_ask_for_nothing() {
    let ground = Ground::new().await;
    let evil = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")];
    for headers in [&evil[..1], &evil[1..], &evil[..]] {
        assert_eq!(ground.form("bob", "do=ask&image=a%3A1", headers).await.status, 403);
    }
    let cookie = ground.yard.cookie("bob").await;
    let session = [FORM, HTML, ("cookie", cookie.as_str())];
    let unproven = ground.yard.send("POST", "/requests", &session, "do=ask&image=a%3A1").await;
    assert_eq!(unproven.status, 403, "a session proves nothing alone");
    let look = ground.yard.rig.upstream.log().len();
    assert_eq!(look, 0, "no registry was asked");
    let script = ground.form("bob", "do=look&image=%3Cscript%3Ealert(1)%3C%2Fscript%3E", &[OURS]).await;
    assert!(!script.text().contains("<script>alert"), "{}", script.text());
    let answer = ground.yard.send("GET", "/api/v1/requests/1/events", &evil[1..], "").await;
    assert_eq!(answer.status, 403, "a stream takes a place");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_section_nobody_can_ask() {
    let yard = Yard::with(rules(), Setup::default()).await;
    let authorization = basic("bob");
    let headers = [("authorization", authorization.as_str()), ("accept-language", "zh-CN")];
    let answer = yard.send("POST", "/api/v1/requests", &headers, r#"{"image":"a:1"}"#).await;
    assert_eq!((answer.status.as_u16(), &document(&answer)["detail"]), (404, &json!("本站未开放镜像请求")));
    let page = yard.send("GET", "/requests?lang=en", &[HTML], "").await;
    assert!(
        page.status == 404 && page.text().contains("Images cannot be asked for here."),
        "{}",
        page.text()
    );
    assert!(!yard.send("GET", "/?image=a:1", &[HTML], "").await.text().contains("/requests"));
    let closed = Yard::with(Rules::default(), Setup { requests: Some(settings()), ..Setup::default() }).await;
    let page = closed.send("GET", "/requests?lang=en", &[HTML], "").await.text();
    assert!(page.contains("Requests need a login.") && page.contains("/login?next="), "{page}");
}
