//! `entrepot account`, `token` and `audit`: who may use a server, asked of the server.

mod render;

use std::time::SystemTime;

use entrepot_api::{
    AccountChange, AccountList, ApiTokenList, ApiTokenListQuery, AuditList, AuditQuery, EndedSessions,
    IssuedToken, NewAccount, NewApiToken, PageQuery, Role, SessionEndQuery, SessionList, SessionListQuery,
};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Serialize;

use super::password::Password;
use crate::{
    client::{Addressed, Client, Fault},
    failure::Failure,
    output::{self, Output},
    runtime,
};

/// How many entries are asked for at once.
const PAGE: usize = 500;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// The server, and how to answer.
    pub(crate) to: Addressed,
    /// The subcommand.
    pub(crate) verb: Verb,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum Verb {
    /// List accounts.
    List,
    /// Create an account with a password, or a robot.
    Add {
        /// Its name.
        name: String,
        /// Its role.
        role: Role,
        /// Its password; `None` makes a robot.
        password: Option<Password>,
    },
    /// Set the password of an account.
    SetPassword {
        /// Its name.
        name: String,
        /// The new password.
        password: Password,
    },
    /// Change the role of an account.
    SetRole {
        /// Its name.
        name: String,
        /// The new role.
        role: Role,
    },
    /// Disable or enable an account.
    SetDisabled {
        /// Its name.
        name: String,
        /// Whether it is disabled.
        disabled: bool,
    },
    /// Remove an account.
    Remove {
        /// Its name.
        name: String,
    },
    /// List API tokens.
    Tokens {
        /// Only those of this account.
        account: Option<String>,
    },
    /// Create an API token.
    CreateToken {
        /// Its name.
        name: String,
        /// The account that it is for.
        account: Option<String>,
        /// Its scopes.
        scopes: Vec<String>,
        /// How long it lives.
        lifetime: Option<std::time::Duration>,
    },
    /// Give an API token a new secret.
    RenewToken {
        /// Its id.
        id: String,
    },
    /// Remove an API token.
    RemoveToken {
        /// Its id.
        id: String,
    },
    /// List sessions.
    Sessions {
        /// Only those of this account.
        account: Option<String>,
    },
    /// End a session.
    EndSession {
        /// Its id.
        id: String,
    },
    /// End all sessions of an account.
    EndSessions {
        /// The account.
        account: String,
    },
    /// Read the audit log.
    Audit {
        /// Only what this one did.
        actor: Option<String>,
        /// How many entries.
        count: usize,
    },
}

/// Runs the command.
pub(crate) fn run(Accounts { to, verb }: Accounts) -> Result<(), Failure> {
    let asker = Asker { output: to.output, client: to.client()? };
    runtime::build()?.block_on(asker.perform(verb))
}

struct Asker {
    client: Client,
    output: Output,
}

impl Asker {
    async fn perform(&self, verb: Verb) -> Result<(), Failure> {
        match verb {
            Verb::List => self.list().await,
            Verb::Add { name, role, password } => self.add(name, role, password).await,
            Verb::SetPassword { name, password } => {
                let password = password.obtain(&format!("new password of `{name}`: ")).await?;
                let password = Some(password.expose_secret().to_owned());
                self.change(
                    &name,
                    &AccountChange { password, ..AccountChange::default() },
                    "has a new password",
                )
                .await
            }
            Verb::SetRole { name, role } => {
                let change = AccountChange { role: Some(role), ..AccountChange::default() };
                self.change(&name, &change, &format!("is {} now", role)).await
            }
            Verb::SetDisabled { name, disabled } => {
                let change = AccountChange { disabled: Some(disabled), ..AccountChange::default() };
                self.change(&name, &change, if disabled { "is disabled" } else { "is enabled" }).await
            }
            Verb::Remove { name } => {
                self.told(self.client.change(Method::DELETE, &["accounts", &name], &()).await)?;
                self.done(&name, "is removed, with its API tokens")
            }
            Verb::Tokens { account } => self.tokens(account).await,
            Verb::CreateToken { name, account, scopes, lifetime } => {
                let expires = lifetime.map(|lifetime| (SystemTime::now() + lifetime).into());
                let new = NewApiToken { account, name, scopes, expires };
                self.issued(self.client.post(&["tokens"], &new).await)
            }
            Verb::RenewToken { id } => self.issued(self.client.post(&["tokens", &id, "renew"], &()).await),
            Verb::RemoveToken { id } => {
                self.told(self.client.change(Method::DELETE, &["tokens", &id], &()).await)?;
                self.done(&id, "is removed")
            }
            Verb::Sessions { account } => self.sessions(account).await,
            Verb::EndSession { id } => {
                self.told(self.client.change(Method::DELETE, &["sessions", &id], &()).await)?;
                self.done(&id, "has ended")
            }
            Verb::EndSessions { account } => {
                let query = SessionEndQuery { account: Some(account) };
                let ended: EndedSessions = self.told(self.client.delete(&["sessions"], &query).await)?;
                self.print(&ended, || match ended.ended {
                    1 => "1 session has ended\n".to_owned(),
                    count => format!("{count} sessions have ended\n"),
                })
            }
            Verb::Audit { actor, count } => self.audit(actor, count).await,
        }
    }

    async fn list(&self) -> Result<(), Failure> {
        let mut all = AccountList::default();
        loop {
            let last = all.accounts.last().map(|account| account.name.clone());
            let query = PageQuery { n: Some(PAGE), last };
            let page: AccountList = self.told(self.client.get(&["accounts"], &query).await)?;
            all.accounts.extend(page.accounts);
            if !page.more {
                return self.print(&all, || render::accounts(&all.accounts));
            }
        }
    }

    async fn add(&self, name: String, role: Role, password: Option<Password>) -> Result<(), Failure> {
        let password = match password {
            Some(password) => {
                let password = password.obtain(&format!("password of `{name}`: ")).await?;
                Some(password.expose_secret().to_owned())
            }
            None => None,
        };
        let new = NewAccount { name: name.clone(), role, password };
        self.told(self.client.change(Method::POST, &["accounts"], &new).await)?;
        self.done(&name, &format!("is {} now", role))
    }

    async fn change(&self, name: &str, change: &AccountChange, what: &str) -> Result<(), Failure> {
        self.told(self.client.change(Method::PATCH, &["accounts", name], change).await)?;
        self.done(name, what)
    }

    async fn tokens(&self, account: Option<String>) -> Result<(), Failure> {
        let mut all = ApiTokenList::default();
        loop {
            let last = all.tokens.last().map(|token| token.id.clone());
            let query = ApiTokenListQuery { account: account.clone(), n: Some(PAGE), last };
            let page: ApiTokenList = self.told(self.client.get(&["tokens"], &query).await)?;
            all.tokens.extend(page.tokens);
            if !page.more {
                return self.print(&all, || render::tokens(&all.tokens, SystemTime::now()));
            }
        }
    }

    async fn sessions(&self, account: Option<String>) -> Result<(), Failure> {
        let mut all = SessionList::default();
        loop {
            let query = SessionListQuery { account: account.clone(), n: Some(PAGE), last: all.next.take() };
            let page: SessionList = self.told(self.client.get(&["sessions"], &query).await)?;
            all.sessions.extend(page.sessions);
            all.next = page.next;
            if all.next.is_none() {
                return self.print(&all, || render::sessions(&all.sessions));
            }
        }
    }

    async fn audit(&self, actor: Option<String>, count: usize) -> Result<(), Failure> {
        let query = AuditQuery { actor, n: Some(count), last: None };
        let page: AuditList = self.told(self.client.get(&["audit"], &query).await)?;
        self.print(&page, || render::audit(&page.entries))
    }

    // The token alone on standard output, so that a script can take it; what to do with it on standard error.
    fn issued(&self, answer: Result<IssuedToken, Fault>) -> Result<(), Failure> {
        let issued = self.told(answer)?;
        match self.output {
            Output::Json => output::print_json(&issued),
            Output::Text => {
                crate::terminal::say(None, &format!("token {}; it is not shown again:", issued.id));
                output::print(&format!("{}\n", issued.token))
            }
        }
    }

    fn done(&self, name: &str, what: &str) -> Result<(), Failure> {
        match self.output {
            Output::Json => output::print_json(&Done { name }),
            Output::Text => output::print(&format!("`{name}` {what}\n")),
        }
    }

    fn print(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.output {
            Output::Json => output::print_json(value),
            Output::Text => output::print(&text()),
        }
    }

    fn told<T>(&self, answer: Result<T, Fault>) -> Result<T, Failure> {
        answer.map_err(|fault| fault.explained(self.client.server()))
    }
}

#[derive(Serialize)]
struct Done<'a> {
    name: &'a str,
}
