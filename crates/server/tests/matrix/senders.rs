//! Everybody who asks.

use entrepot_access::{Access, NewToken, Role};

use crate::{
    documented::{Cell, Roles},
    support::account::{basic, basic_with, by},
    yard::{GRANTED, SYNC_TOKEN, is_private},
};

/// What kind of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Anonymous,
    Local,
    SyncToken,
    /// Somebody with credentials that are not the right ones.
    Refused,
    Account(Role),
}

/// What the credential carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    All,
    /// A scope, and whether its pattern fits.
    Verb(&'static str, bool),
    Area(&'static str),
}

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) kind: Kind,
    pub(crate) carries: Carries,
    pub(crate) authorization: Option<String>,
}

/// All of them.
pub(crate) async fn all(access: &Access) -> Vec<Sender> {
    let plain = |kind, authorization| Sender { kind, carries: Carries::All, authorization };
    let mut all = vec![
        plain(Kind::Anonymous, None),
        plain(Kind::Local, None),
        plain(Kind::SyncToken, Some(format!("Bearer {SYNC_TOKEN}"))),
        // A token that was cut off: unlike a wrong password, it costs no hash.
        plain(Kind::Refused, Some(basic_with("user", "ep_cut0ff"))),
    ];
    for role in Role::ALL {
        let kind = Kind::Account(role);
        all.push(plain(kind, Some(basic(role.as_str()))));
        let verbs = ["pull", "push", "delete", "request"];
        let verbs =
            verbs.into_iter().flat_map(|verb| [Carries::Verb(verb, true), Carries::Verb(verb, false)]);
        let areas = ["sync", "library", "admin"].map(Carries::Area);
        for carries in verbs.chain(areas) {
            let token = token(access, role, &carries).await;
            all.push(Sender { kind, carries, authorization: Some(basic_with("any", &token)) });
        }
    }
    all
}

async fn token(access: &Access, role: Role, carries: &Carries) -> String {
    let scope = match carries {
        Carries::Verb(verb, true) => format!("{verb}:**"),
        Carries::Verb(verb, false) => format!("{verb}:elsewhere/**"),
        Carries::Area(area) => (*area).to_owned(),
        Carries::All => "admin".to_owned(),
    };
    let new = NewToken {
        account: role.as_str().parse().unwrap(),
        name: "matrix".to_owned(),
        scopes: scope.parse().unwrap(),
        expires: None,
    };
    access.create_token(&new, &by()).await.unwrap().expose().to_owned()
}

impl Sender {
    /// Whether the documentation lets them do this to a repository.
    pub(crate) fn may(&self, roles: &Roles, verb: &str, repository: &str) -> bool {
        let is_public = !is_private(repository);
        let anybody = verb == "pull" && is_public;
        let account = match self.kind {
            Kind::Anonymous | Kind::SyncToken | Kind::Refused => anybody,
            Kind::Local => anybody || matches!(verb, "pull" | "push"),
            Kind::Account(role) => {
                let row = match verb {
                    "pull" if is_public => "pull what is public",
                    "pull" => "pull what is private",
                    _ => "push, delete",
                };
                match roles.says(row, role) {
                    Cell::Yes => true,
                    Cell::No => false,
                    Cell::IfGranted => repository == GRANTED,
                }
            }
        };
        // A token takes nothing away that needs no login.
        account && (anybody || self.carries_verb(verb))
    }

    fn carries_verb(&self, verb: &str) -> bool {
        match &self.carries {
            Carries::All => true,
            Carries::Verb(carried, fits) => *carried == verb && *fits,
            Carries::Area(area) => *area == "admin",
        }
    }

    /// Whether the documentation lets them do this apart from repositories.
    pub(crate) fn may_do(&self, roles: &Roles, operation: &str) -> bool {
        let account = match self.kind {
            Kind::Anonymous | Kind::Refused => operation == "see",
            // With `api_token`, programs on this machine need it to run syncs.
            Kind::Local => matches!(operation, "see" | "inspect" | "read-metrics"),
            Kind::SyncToken => matches!(operation, "see" | "inspect" | "run-syncs"),
            Kind::Account(role) => roles.says(operation, role) == Cell::Yes,
        };
        account && self.carries_operation(operation)
    }

    // The table of scopes: `sync` is "reading rules and runs, and starting and cancelling runs"; every token may see pages.
    fn carries_operation(&self, operation: &str) -> bool {
        match &self.carries {
            Carries::All | Carries::Area("admin") => true,
            Carries::Area("sync") => matches!(operation, "see" | "inspect" | "run-syncs"),
            Carries::Area("library") => matches!(
                operation,
                "see" | "browse-library" | "run-instances" | "manage-library" | "manage-instances"
            ),
            Carries::Verb("request", _) => matches!(operation, "see" | "request"),
            Carries::Verb(..) | Carries::Area(_) => operation == "see",
        }
    }
}
