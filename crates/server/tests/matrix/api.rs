//! The JSON API: every operation of its description.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_access::{Grant, NewToken, Role, SessionOrigin};

use crate::{
    documented::{Needed, Roles, needs},
    senders::{Carries, Kind, Sender, all},
    support::account::{PASSWORD, by},
    yard::{Answer, PUBLIC, Request, Yard, ask, begun},
};

/// Something of each kind that there is, and something that there is not.
struct Things {
    token: String,
    grant: String,
    session: String,
}

impl Things {
    async fn make(yard: &Yard) -> Self {
        let target = "target".parse().unwrap();
        yard.access.create_account(&target, Role::User, Some(PASSWORD.into()), &by()).await.unwrap();
        let new = NewToken {
            account: target,
            name: "theirs".to_owned(),
            scopes: "pull:**".parse().unwrap(),
            expires: None,
        };
        let token = yard.access.create_token(&new, &by()).await.unwrap().id().to_string();
        let grant = Grant {
            to: "group:nobody".parse().unwrap(),
            repositories: vec!["elsewhere/x".parse().unwrap()],
            may: "pull".parse().unwrap(),
        };
        let grant = yard.access.add_grant(&grant, &by()).await.unwrap().to_string();
        let session = session_of(yard).await;
        Self { token, grant, session }
    }

    /// The address of a thing, and the same with one that is not there.
    fn of(&self, template: &str) -> [String; 2] {
        let run = "0195d5a0-7a1b-7000-8000-000000000000";
        let (there, absent) = match template {
            "/api/v1/accounts/{name}" => ("target", "nobody"),
            "/api/v1/sync/rules/{name}/run" => ("base", "nothing"),
            "/api/v1/tokens/{id}" | "/api/v1/tokens/{id}/renew" => (self.token.as_str(), "0000000000"),
            "/api/v1/sessions/{id}" => (self.session.as_str(), "000000000000"),
            "/api/v1/credentials/{name}" | "/api/v1/credentials/{name}/verify" => ("a", "b"),
            "/api/v1/grants/{id}" => (self.grant.as_str(), "1"),
            "/api/v1/limits/explain/{id}" | "/api/v1/limits/bans/{id}" => ("203.0.113.7", "203.0.113.8"),
            "/api/v1/sync/runs/{id}" | "/api/v1/sync/runs/{id}/cancel" => (run, run),
            "/api/v1/pull-rules/explain" => {
                return [PUBLIC, "local/none"].map(|name| format!("{template}?image={name}"));
            }
            "/api/v1/cache/images" => {
                return [PUBLIC, "local/none"].map(|name| format!("{template}?name={name}"));
            }
            other => return [other.to_owned(), other.to_owned()],
        };
        [there, absent].map(|name| template.replace("{name}", name).replace("{id}", name))
    }
}

async fn session_of(yard: &Yard) -> String {
    let target = yard.access.login("target", &PASSWORD.into(), None).await.unwrap();
    let account = target.account().unwrap().id;
    let made = SessionOrigin { address: None, agent: None, request_id: None };
    yard.access.begin_session(account, &made).await.unwrap().id().to_string()
}

/// The operations of the published description, which a test compares with the router.
fn described() -> BTreeSet<String> {
    let path = format!("{}/../../docs/reference/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let document: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    paths
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect()
}

fn written() -> BTreeMap<String, Needed> {
    needs().into_iter().filter(|(key, _)| key.contains(" /api/v1/")).collect()
}

#[test]
fn every_operation_is_written_down() {
    let written: BTreeSet<_> = written().into_keys().collect();
    let mut described = described();
    described.insert("GET /api/v1/openapi.json".to_owned());
    assert_eq!(written, described);
}

fn request<'a>(method: &'a str, path: &'a str) -> Request<'a> {
    // A revision that nothing has, so that nothing is changed.
    Request { method, path, headers: &[("if-match", "\"0\"")], body: b"{}" }
}

fn is_allowed(answer: &Answer) -> bool {
    !matches!(answer.status, 401 | 403)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_is_written_and_learns_nothing_else() {
    let yard = Yard::open().await;
    let (roles, things, senders) = (Roles::read(), Things::make(&yard).await, all(&yard.access).await);
    for (key, Needed { rights, own }) in written() {
        let (method, template) = key.split_once(' ').unwrap();
        let [there, absent] = things.of(template);
        for sender in &senders {
            let what = format!("{sender:?} {method} {there}");
            let may = rights.iter().any(|right| right == "anybody" || sender.may_do(&roles, right))
                && !(template.starts_with("/api/v1/cache/") && sender.kind == Kind::Local)
                && !(template.starts_with("/api/v1/cache/") && sender.kind == Kind::SyncToken);
            // Lists without a name are one's own.
            let is_own = !template.contains('{') && own.is_some();
            let may_own =
                is_own && own.as_ref().is_some_and(|own| sender.is_account() && sender.may_do(&roles, own));
            if may || may_own {
                if template.ends_with("/events") && !template.contains('{') {
                    // It has no end; those of a thing that is not there have.
                    assert_eq!(begun(&yard.full, sender, template).await, 200, "{what}");
                    continue;
                }
                let answer = ask(&yard.full, sender, &request(method, &absent)).await;
                assert!(is_allowed(&answer), "{what}: {answer:?}");
                continue;
            }
            let (answer, missing) = (
                ask(&yard.full, sender, &request(method, &there)).await,
                ask(&yard.full, sender, &request(method, &absent)).await,
            );
            // A token or session of somebody else is not there for who may manage their own.
            let is_one = template.contains("/tokens/") || template.contains("/sessions/");
            let hidden = answer.status == 404 && is_one && own.is_some();
            assert!(!is_allowed(&answer) || hidden, "{what}: {answer:?}");
            let plain = |answer: &Answer| Answer {
                body: answer
                    .body
                    .replace(&things.token, "0000000000")
                    .replace(&things.session, "000000000000"),
                ..answer.clone()
            };
            assert_eq!(plain(&answer), plain(&missing), "{what}: tells whether it exists");
        }
    }
}

impl Sender {
    fn is_account(&self) -> bool {
        matches!(self.kind, Kind::Account(_))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ones_own_needs_less() {
    let yard = Yard::open().await;
    let roles = Roles::read();
    for sender in all(&yard.access).await {
        let Kind::Account(role) = sender.kind else { continue };
        for (key, Needed { own, .. }) in written() {
            let Some(own) = own.filter(|_| key.contains("/accounts/{name}")) else { continue };
            let (method, template) = key.split_once(' ').unwrap();
            let path = template.replace("{name}", role.as_str());
            let answer = ask(&yard.full, &sender, &request(method, &path)).await;
            let may = sender.may_do(&roles, &own);
            assert_eq!(is_allowed(&answer), may, "{sender:?} {key}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_there_before_anybody_is_asked_for_a_login() {
    let yard = Yard::open().await;
    for sender in all(&yard.access).await.iter().filter(|sender| sender.carries == Carries::All) {
        for path in ["/api/v1/nothing", "/api/v1/accounts/a/b", "/api/v2/me", "/v2/a/nothing/b", "/v1/search"]
        {
            let answer =
                ask(&yard.full, sender, &Request { method: "GET", path, headers: &[], body: b"" }).await;
            assert_eq!(answer.status, 404, "{sender:?} {path}");
        }
        let wrong = Request { method: "DELETE", path: "/api/v1/me", headers: &[], body: b"" };
        assert_eq!(ask(&yard.full, sender, &wrong).await.status, 405, "{sender:?}");
    }
}
