//! `entrepot account`, `token` and `audit`: who may use a server, asked of the server.

pub(crate) mod issued;
mod key;
mod render;

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use entrepot_api::{
    AccountChange, AccountList, AccountListQuery, ApiTokenList, ApiTokenListQuery, AuditList, AuditQuery,
    EndedSessions, IssuedToken, NewAccount, NewApiToken, Role, SessionEndQuery, SessionList,
    SessionListQuery,
};
use reqwest::Method;
use secrecy::ExposeSecret;

use self::issued::{Registry, TokenClient, TokenFormat};
use super::{asker::ApiSession, password::Password};
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Output, sentence},
    runtime,
};

/// How many entries are asked for at once.
const PAGE: usize = 500;
/// The most entries of the audit log that a server gives at once.
const MOST: usize = 1000;
/// How often a server is asked for new entries of the audit log.
const FOLLOWED_EVERY: Duration = Duration::from_secs(2);

/// The arguments.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: AccountOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum AccountOperation {
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
    /// Set one's own public key.
    SetKey {
        /// The file that has it.
        file: PathBuf,
    },
    /// Show one's own public key.
    ShowKey,
    /// Remove one's own public key.
    RemoveKey,
    /// List API tokens.
    Tokens {
        /// Only those of this account.
        account: Option<String>,
        /// Only those that end within this time.
        expiring: Option<Duration>,
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
        lifetime: Option<Duration>,
        /// How it is printed.
        issue: Issue,
    },
    /// Give an API token a new secret.
    RenewToken {
        /// Its id.
        id: String,
        /// How it is printed.
        issue: Issue,
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
        /// Which entries.
        query: AuditQuery,
        /// Whether to go on with what is done from now on.
        follow: bool,
    },
}

/// How a new token is printed.
#[derive(Debug)]
pub(crate) struct Issue {
    /// The form.
    pub(crate) format: TokenFormat,
    /// The server as its clients name it, if given.
    pub(crate) registry: Option<String>,
}

/// Runs the command.
pub(crate) fn run(Accounts { to, operation }: Accounts) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(asker.perform(operation))
}

impl ApiSession {
    async fn perform(&self, operation: AccountOperation) -> Result<(), Failure> {
        match operation {
            AccountOperation::List => self.list().await,
            AccountOperation::Add { name, role, password } => self.add(name, role, password).await,
            AccountOperation::SetPassword { name, password } => {
                let password = password.obtain(&sentence!("new password of `{name}`: ", name = name)).await?;
                let password = Some(password.expose_secret().to_owned());
                let change = AccountChange { password, ..AccountChange::default() };
                self.change(&name, &change, &sentence!("has a new password")).await
            }
            AccountOperation::SetRole { name, role } => {
                let change = AccountChange { role: Some(role), ..AccountChange::default() };
                self.change(&name, &change, &sentence!("is {role} now", role = role)).await
            }
            AccountOperation::SetDisabled { name, disabled } => {
                let change = AccountChange { disabled: Some(disabled), ..AccountChange::default() };
                let what = if disabled { sentence!("is disabled") } else { sentence!("is enabled") };
                self.change(&name, &change, &what).await
            }
            AccountOperation::Remove { name } => {
                self.told(self.client.change(Method::DELETE, &["accounts", &name], &()).await)?;
                self.done(&name, &sentence!("is removed, with its API tokens"))
            }
            AccountOperation::SetKey { file } => key::set(self, &file).await,
            AccountOperation::ShowKey => key::show(self).await,
            AccountOperation::RemoveKey => key::remove(self).await,
            AccountOperation::Tokens { account, expiring } => self.tokens(account, expiring).await,
            AccountOperation::CreateToken { name, account, scopes, lifetime, issue } => {
                let expires = lifetime.map(|lifetime| (SystemTime::now() + lifetime).into());
                self.create_token(NewApiToken { account, name, scopes, expires }, issue).await
            }
            AccountOperation::RenewToken { id, issue } => {
                let registry = self.registry(&issue)?;
                let token = self.told(self.client.post(&["tokens", &id, "renew"], &()).await)?;
                let user = issued::user(&id);
                self.print_issued(
                    &token,
                    issue.format,
                    registry.map(|registry| TokenClient { user, registry }),
                )
            }
            AccountOperation::RemoveToken { id } => {
                self.told(self.client.change(Method::DELETE, &["tokens", &id], &()).await)?;
                self.done(&id, &sentence!("is removed"))
            }
            AccountOperation::Audit { query, follow: false } => self.audit(query).await,
            AccountOperation::Audit { query, follow: true } => self.follow(query).await,
            AccountOperation::Sessions { account } => self.sessions(account).await,
            AccountOperation::EndSession { id } => {
                self.told(self.client.change(Method::DELETE, &["sessions", &id], &()).await)?;
                self.done(&id, &sentence!("has ended"))
            }
            AccountOperation::EndSessions { account } => {
                let query = SessionEndQuery { account: Some(account) };
                let ended: EndedSessions = self.told(self.client.delete(&["sessions"], &query).await)?;
                self.print(&ended, || render::ended(ended.ended))
            }
        }
    }

    async fn create_token(&self, new: NewApiToken, issue: Issue) -> Result<(), Failure> {
        let registry = self.registry(&issue)?;
        let user = issued::user(&new.name);
        let token = self.told(self.client.post(&["tokens"], &new).await)?;
        self.print_issued(&token, issue.format, registry.map(|registry| TokenClient { user, registry }))
    }

    async fn list(&self) -> Result<(), Failure> {
        let accounts = self.pages(async |last| {
            let query = AccountListQuery { n: Some(PAGE), last, ..AccountListQuery::default() };
            let page: AccountList = self.told(self.client.get(&["accounts"], &query).await)?;
            Ok((page.accounts, page.next))
        });
        let all = AccountList { accounts: accounts.await?, ..AccountList::default() };
        self.print(&all, || render::accounts(&all.accounts))
    }

    async fn add(&self, name: String, role: Role, password: Option<Password>) -> Result<(), Failure> {
        let password = match password {
            Some(password) => {
                let password = password.obtain(&sentence!("password of `{name}`: ", name = name)).await?;
                Some(password.expose_secret().to_owned())
            }
            None => None,
        };
        let new = NewAccount { name: name.clone(), role, password };
        self.told(self.client.change(Method::POST, &["accounts"], &new).await)?;
        self.done(&name, &sentence!("is {role} now", role = role))
    }

    async fn change(&self, name: &str, change: &AccountChange, what: &str) -> Result<(), Failure> {
        self.told(self.client.change(Method::PATCH, &["accounts", name], change).await)?;
        self.done(name, what)
    }

    async fn tokens(&self, account: Option<String>, expiring: Option<Duration>) -> Result<(), Failure> {
        let ends_before = expiring.map(|within| (SystemTime::now() + within).into());
        let tokens = self.pages(async |last| {
            let query = ApiTokenListQuery { account: account.clone(), ends_before, n: Some(PAGE), last };
            let page: ApiTokenList = self.told(self.client.get(&["tokens"], &query).await)?;
            Ok((page.tokens, page.next))
        });
        let all = ApiTokenList { tokens: tokens.await?, ..ApiTokenList::default() };
        self.print(&all, || render::tokens(&all.tokens, SystemTime::now()))
    }

    async fn sessions(&self, account: Option<String>) -> Result<(), Failure> {
        let sessions = self.pages(async |last| {
            let query = SessionListQuery { account: account.clone(), n: Some(PAGE), last };
            let page: SessionList = self.told(self.client.get(&["sessions"], &query).await)?;
            Ok((page.sessions, page.next))
        });
        let all = SessionList { sessions: sessions.await?, ..SessionList::default() };
        self.print(&all, || render::sessions(&all.sessions))
    }

    async fn audit(&self, query: AuditQuery) -> Result<(), Failure> {
        let page: AuditList = self.told(self.client.get(&["audit"], &query).await)?;
        self.print(&page, || render::audit(&page.entries))
    }

    // The entries so far, the oldest first, and then those that come.
    async fn follow(&self, mut query: AuditQuery) -> Result<(), Failure> {
        let mut seen = String::new();
        loop {
            let page: AuditList = self.told(self.client.get(&["audit"], &query).await)?;
            let known = page.entries.iter().position(|entry| entry.id == seen).unwrap_or(page.entries.len());
            for entry in page.entries[..known].iter().rev() {
                match self.output {
                    Output::Json => output::print_json(entry)?,
                    Output::Text => output::print(&render::entry(entry))?,
                }
            }
            if let Some(last) = page.entries.first() {
                // Times are cut to the second, so the last one is asked for again.
                (seen, query.since, query.n) = (last.id.clone(), Some(last.at), Some(MOST));
            }
            tokio::time::sleep(FOLLOWED_EVERY).await;
        }
    }

    // How clients name this server, where the form of the token needs it.
    fn registry(&self, issue: &Issue) -> Result<Option<Registry>, Failure> {
        if matches!(issue.format, TokenFormat::Text | TokenFormat::Json) {
            return Ok(None);
        }
        match &issue.registry {
            Some(given) => Registry::read(given).map(Some),
            None if self.client.socket().is_none() => Registry::read(self.client.server()).map(Some),
            None => Err(Failure::wrong("the socket does not say how clients name this server")
                .with_hint("say it: `--registry m.example.com`")),
        }
    }

    // The token alone on standard output, so that a script can take it; what to do with it on standard error.
    fn print_issued(
        &self,
        issued: &IssuedToken,
        form: TokenFormat,
        client: Option<TokenClient>,
    ) -> Result<(), Failure> {
        if let Some(client) = client
            && let Some(document) = issued::document(form, issued, &client)
        {
            return output::print(&document);
        }
        match self.output {
            Output::Json => output::print_json(issued),
            Output::Text => {
                let once = sentence!("token {id}; it is not shown again:", id = issued.id);
                crate::terminal::say(None, &once);
                output::print(&format!("{}\n", issued.token))
            }
        }
    }

    /// All entries of a list. `ask` gets what the page is after, and returns its entries and what the next one is after.
    pub(super) async fn pages<T>(
        &self,
        ask: impl AsyncFn(Option<String>) -> Result<(Vec<T>, Option<String>), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let (mut all, mut next) = ask(None).await?;
        while next.is_some() {
            let (page, after) = ask(next).await?;
            all.extend(page);
            next = after;
        }
        Ok(all)
    }
}
