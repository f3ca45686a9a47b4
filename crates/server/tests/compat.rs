//! The image library as front ends of gin-vue-admin speak it: what they send, and the envelope of each answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod support;

use serde_json::{Value, json};
use support::{account::PASSWORD, library::Yard};

const HOST: (&str, &str) = ("host", "m.test");

struct FrontEnd<'a> {
    yard: &'a Yard,
    token: String,
}

async fn sent(yard: &Yard, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
    let mut headers = vec![HOST, ("content-type", "application/json"), ("x-user-id", "1")];
    if !token.is_empty() {
        headers.push(("x-token", token));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = yard.rig.send(method, path, &headers, body).await;
    let told = answer.json();
    if answer.status == 200 || answer.status == 401 {
        assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
        let keys: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["code", "data", "msg"], "{path}");
    }
    (answer.status.as_u16(), told)
}

impl<'a> FrontEnd<'a> {
    async fn of(yard: &'a Yard, user: &str) -> Self {
        let login = json!({"username": user, "password": PASSWORD, "captcha": "", "captchaId": ""});
        let (status, told) = sent(yard, "", "POST", "/base/login", login).await;
        assert_eq!((status, &told["code"], &told["msg"]), (200, &json!(0), &json!("登录成功")), "{told}");
        Self { yard, token: told["data"]["token"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, told) =
            sent(self.yard, &self.token, method, &format!("/imageRegistry/{path}"), body).await;
        assert_eq!(status, 200, "{path}: {told}");
        told
    }
}

fn row(name: &str) -> Value {
    json!({
        "name": name, "address": format!("registry.example.com/project/{name}:1"), "description": "",
        "source": "", "isOnShelf": true, "supportMemorySplit": false, "remark": ""
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_answers_as_it_is_documented() {
    let yard = Yard::new().await;
    let front = FrontEnd::of(&yard, "operator").await;
    let changed = json!({"ID": 1, "name": "b", "isOnShelf": false, "description": null, "CreatedAt": "x"});
    for (method, path, body, msg) in [
        ("POST", "createImageRegistry", row("a"), "创建成功"),
        ("PUT", "updateImageRegistry", changed, "更新成功"),
        ("GET", "findImageRegistry?ID=1", Value::Null, "成功"),
        ("GET", "getImageRegistryList?page=1&pageSize=10", Value::Null, "获取成功"),
        ("DELETE", "deleteImageRegistry?ID=1", Value::Null, "删除成功"),
        // One that is not there is removed already.
        ("DELETE", "deleteImageRegistry?ID=1", Value::Null, "删除成功"),
        ("DELETE", "deleteImageRegistry", json!({"ID": 1}), "删除成功"),
        ("DELETE", "deleteImageRegistryByIds?IDs[]=1&IDs[]=2", Value::Null, "批量删除成功"),
        ("DELETE", "deleteImageRegistryByIds", json!({"ids": [1, 2]}), "批量删除成功"),
    ] {
        let told = front.ask(method, path, body).await;
        assert_eq!((&told["code"], &told["msg"]), (&json!(0), &json!(msg)), "{method} {path} {told}");
        if method == "PUT" || method == "DELETE" {
            assert_eq!(told["data"], json!({}), "{path}");
        }
    }
    assert_eq!(yard.ask("operator", "GET", "/library/entries", Value::Null).await.body["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_lists_have_the_names_of_the_origin() {
    let yard = Yard::new().await;
    let front = FrontEnd::of(&yard, "operator").await;
    for number in 1..=12 {
        front.ask("POST", "createImageRegistry", row(&format!("n{number}"))).await;
    }
    let found = front.ask("GET", "findImageRegistry?ID=12", Value::Null).await["data"].clone();
    let mut keys: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "CreatedAt",
            "ID",
            "UpdatedAt",
            "address",
            "description",
            "isListed",
            "isOnShelf",
            "name",
            "remark",
            "source",
            "supportMemorySplit",
        ]
    );
    assert_eq!(
        (&found["ID"], &found["isOnShelf"], &found["supportMemorySplit"]),
        (&json!(12), &json!(true), &json!(false))
    );
    for (query, ids, total) in [
        ("page=1&pageSize=5", vec![12, 11, 10, 9, 8], 12),
        ("page=3&pageSize=5", vec![2, 1], 12),
        ("page=9&pageSize=5", vec![], 12),
        ("page=1&pageSize=10&name=N1&keyword=x", vec![12, 11, 10, 1], 4),
        ("page=1&pageSize=10&address=/n2:", vec![2], 1),
        ("page=1&pageSize=10&isOnShelf=false", vec![], 0),
        (
            "page=1&pageSize=10&createdAtRange[]=2020-01-01T00:00:00.000Z&createdAtRange[]=2020-02-01T00:00:00.000Z",
            vec![],
            0,
        ),
    ] {
        let told =
            front.ask("GET", &format!("getImageRegistryList?{query}"), Value::Null).await["data"].clone();
        let read: Vec<_> =
            told["list"].as_array().unwrap().iter().map(|row| row["ID"].as_i64().unwrap()).collect();
        assert_eq!((read, &told["total"]), (ids, &json!(total)), "{query}");
        assert!(told["page"].is_u64() && told["pageSize"].is_u64());
    }
    let usual = front.ask("GET", "getImageRegistryList", Value::Null).await["data"].clone();
    assert_eq!(
        (usual["list"].as_array().unwrap().len(), &usual["page"], &usual["pageSize"]),
        (10, &json!(1), &json!(10))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_done_is_a_seven_with_a_reason() {
    let yard = Yard::new().await;
    let front = FrontEnd::of(&yard, "operator").await;
    let with = |key: &str, value: Value| {
        let mut row = row("a");
        row[key] = value;
        row
    };
    for (method, path, body, reason) in [
        ("POST", "createImageRegistry", with("name", Value::Null), "创建失败:`name`：名字不能为空"),
        ("POST", "createImageRegistry", with("address", json!("")), "创建失败:`address`：地址不能为空"),
        ("POST", "createImageRegistry", with("address", json!("u:SECRET/x@a.io/b")), "`%2F`"),
        ("POST", "createImageRegistry", with("isListed", json!(false)), "`isOnShelf` 与 `isListed` 不一致"),
        ("POST", "createImageRegistry", json!([]), "创建失败:请求体中的字段不符"),
        ("PUT", "updateImageRegistry", json!({"name": "x"}), "更新失败:缺少 `ID`"),
        ("PUT", "updateImageRegistry", json!({"ID": 99, "name": "x"}), "更新失败:没有镜像库条目 `99`"),
        ("GET", "findImageRegistry?ID=99", Value::Null, "查询失败:没有镜像库条目 `99`"),
        ("GET", "findImageRegistry", Value::Null, "查询失败:缺少 `ID`"),
        ("GET", "getImageRegistryList?page=x", Value::Null, "获取失败:`page` 的值有误"),
        ("DELETE", "deleteImageRegistry", Value::Null, "删除失败:缺少 `ID`"),
        ("DELETE", "deleteImageRegistryByIds?IDs[]=x", Value::Null, "批量删除失败:缺少 `ID`"),
    ] {
        let told = front.ask(method, path, body).await;
        let msg = told["msg"].as_str().unwrap();
        assert_eq!((&told["code"], &told["data"]), (&json!(7), &json!({})), "{method} {path}");
        assert!(msg.contains(reason) && !msg.contains("SECRET"), "{method} {path}: {msg}");
    }
    assert_eq!(yard.ask("operator", "GET", "/library/entries", Value::Null).await.body["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_an_address_is_never_repeated() {
    let yard = Yard::new().await;
    let front = FrontEnd::of(&yard, "operator").await;
    let mut new = row("a");
    new["address"] = json!("admin:canary123@registry.company.com/project/image:latest");
    let made = front.ask("POST", "createImageRegistry", new).await;
    assert_eq!(made["data"]["address"], "registry.company.com/project/image:latest");
    let list = front.ask("GET", "getImageRegistryList", Value::Null).await;
    let audit = format!("{:?}", yard.catalog.audit(&Default::default(), 100).await.unwrap());
    assert!(!format!("{made}{list}{audit}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_are_logged_in_and_may() {
    let yard = Yard::new().await;
    let user = FrontEnd::of(&yard, "user").await;
    let calls = [
        ("POST", "createImageRegistry"),
        ("PUT", "updateImageRegistry"),
        ("DELETE", "deleteImageRegistry?ID=1"),
        ("DELETE", "deleteImageRegistryByIds?IDs[]=1"),
        ("GET", "findImageRegistry?ID=1"),
        ("GET", "getImageRegistryList"),
    ];
    for (method, path) in calls {
        let path_here = format!("/imageRegistry/{path}");
        for token in ["", "nonsense", "ep_0123456789", &"a".repeat(44)] {
            let (status, told) = sent(&yard, token, method, &path_here, Value::Null).await;
            assert_eq!(
                (status, &told["code"], &told["data"]),
                (401, &json!(7), &Value::Null),
                "{method} {path} {token}"
            );
        }
        let (_, told) = sent(&yard, &user.token, method, &path_here, Value::Null).await;
        if method != "GET" {
            assert_eq!((&told["code"], &told["msg"]), (&json!(7), &json!("权限不足")), "{method} {path}");
        }
    }
    // What is off the shelf is not offered.
    let operator = FrontEnd::of(&yard, "operator").await;
    let mut off = row("off");
    off["isOnShelf"] = json!(false);
    operator.ask("POST", "createImageRegistry", off).await;
    assert_eq!(user.ask("GET", "getImageRegistryList", Value::Null).await["data"]["total"], 0);
    assert_eq!(user.ask("GET", "findImageRegistry?ID=1", Value::Null).await["code"], 7);
    assert_eq!(operator.ask("GET", "getImageRegistryList", Value::Null).await["data"]["total"], 1);
    assert!(yard.actions().await.iter().any(|told| told == "request refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_one_of_ours_with_its_limits() {
    let yard = Yard::new().await;
    let (status, told) = sent(&yard, "", "POST", "/base/captcha", Value::Null).await;
    assert_eq!((status, &told["code"], &told["data"]["openCaptcha"]), (200, &json!(0), &json!(false)));
    let login = |password: &str| json!({"username": "admin", "password": password});
    let (_, told) = sent(&yard, "", "POST", "/base/login", login(PASSWORD)).await;
    let data = &told["data"];
    assert_eq!((&data["user"]["username"], &data["user"]["authorityId"]), (&json!("admin"), &json!(888)));
    assert!(data["expiresAt"].as_u64().unwrap() > 1_700_000_000_000);
    let session = yard.ask("admin", "GET", "/sessions", Value::Null).await.body;
    assert_eq!(session["sessions"].as_array().unwrap().len(), 1, "{session}");
    // It ends like any other.
    let id = session["sessions"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(yard.ask("admin", "DELETE", &format!("/sessions/{id}"), Value::Null).await.status, 204);
    let token = data["token"].as_str().unwrap();
    let (status, _) = sent(&yard, token, "GET", "/imageRegistry/getImageRegistryList", Value::Null).await;
    assert_eq!(status, 401);
    let (status, told) = sent(&yard, "", "POST", "/base/login", login("wrong")).await;
    // Not 401, which front ends take for the end of a session.
    assert_eq!((status, &told["code"], &told["data"]), (200, &json!(7), &json!({})));
    assert_eq!(told["msg"], "登录失败:用户名不存在或者密码错误");
    assert!(yard.actions().await.iter().any(|told| told == "session.begin refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_token_of_ours_is_a_token_as_well() {
    let yard = Yard::new().await;
    let new = json!({"name": "front", "scopes": ["library"]});
    let made = yard.ask("operator", "POST", "/tokens", new).await;
    let token = made.body["token"].as_str().unwrap().to_owned();
    let (status, told) = sent(&yard, &token, "POST", "/imageRegistry/createImageRegistry", row("a")).await;
    assert_eq!((status, &told["code"]), (200, &json!(0)), "{told}");
    // A cookie of that name is none: a browser would send it by itself.
    let headers = [HOST, ("cookie", &*format!("x-token={token}"))];
    let answer = yard.rig.send("GET", "/imageRegistry/getImageRegistryList", &headers, "").await;
    assert_eq!(answer.status, 401);
}
