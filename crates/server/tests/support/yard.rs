//! A server with accounts, as browsers meet it.

use entrepot_access::{Access, AccountUpdate, Role, Rules};
use entrepot_catalog::{Catalog, Location};
use entrepot_secrets::Keyring;
use entrepot_testkit::client::Response;

use super::{
    Rig, Setup,
    account::{AWAY, PASSWORD, by, name},
};

pub(crate) const OURS: (&str, &str) = ("origin", "http://m.test");
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
pub(crate) const HTML: (&str, &str) = ("accept", "text/html,*/*;q=0.8");

pub(crate) struct Yard {
    pub(crate) rig: Rig,
    pub(crate) access: Access,
    _directory: tempfile::TempDir,
}

impl Yard {
    pub(crate) async fn new() -> Self {
        Self::with(
            Rules { private: vec!["local/secret/**".parse().unwrap()], ..Rules::default() },
            Setup::default(),
        )
        .await
    }

    pub(crate) async fn with(rules: Rules, setup: Setup) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("access.db"))).await.unwrap();
        let access = Access::open(catalog, Keyring::generate(), rules).await.unwrap();
        for (account, role) in
            [("alice", Role::User), ("bob", Role::User), ("olga", Role::Operator), ("root", Role::Admin)]
        {
            access.create_account(&name(account), role, Some(PASSWORD.into()), &by()).await.unwrap();
        }
        let rig = Rig::start_with(Setup { access: Some(access.clone()), ..setup }).await;
        Self { rig, access, _directory: directory }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        let headers = [&[AWAY], headers].concat();
        self.rig.send(method, path, &headers, body.to_owned()).await
    }

    /// Sends the form of the login page.
    pub(crate) async fn log_in(&self, fields: &str, more: &[(&str, &str)]) -> Response {
        self.send("POST", "/login", &[&[FORM, OURS, HTML], more].concat(), fields).await
    }

    /// The cookie of a new session.
    pub(crate) async fn cookie(&self, user: &str) -> String {
        let answer = self.log_in(&form(user), &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        pair(&answer)
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Response {
        self.send("GET", path, &[("cookie", cookie)], "").await
    }

    /// Who the holder of a cookie is to the server.
    pub(crate) async fn who(&self, cookie: &str) -> Option<String> {
        json(&self.get("/api/v1/me", cookie).await)["account"].as_str().map(str::to_owned)
    }

    pub(crate) async fn change(&self, account: &str, update: AccountUpdate) {
        self.access.change_account(&name(account), update, &by()).await.unwrap();
    }
}

pub(crate) fn form(user: &str) -> String {
    format!("name={user}&password=correct+horse+battery")
}

pub(crate) fn json(response: &Response) -> serde_json::Value {
    serde_json::from_str(&response.text()).unwrap()
}

/// The name and value of the cookie that a response sets.
pub(crate) fn pair(response: &Response) -> String {
    response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}
