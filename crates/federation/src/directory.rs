//! An LDAP directory: bind, search, bind as whoever was found (RFC 4511, RFC 4513).
//!
//! The number of requests for a login does not depend on how many groups somebody has, and for one that fails not on whether
//! the user exists.
//! Referrals are not followed: another server could be named by whoever writes an entry.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};

use futures_util::FutureExt;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions,
    adapters::PagedResults,
};
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    dn::Dn,
    error::{DirectoryError, SetupError, deepest},
    ldap_filter::FilterTemplate,
    provider::ExternalUser,
    tls,
    token::printable,
};

/// How long a login may take as a whole. Docker gives up after 15 s.
const TIME: Duration = Duration::from_secs(5);
/// Entries per page. Active Directory gives no more than 1,000 at once.
const PAGE: i32 = 500;
/// The most groups that somebody may be in.
const MAX_GROUPS: usize = 5_000;
/// The most groups whose own groups are looked for in one request.
const MAX_AT_ONCE: usize = 500;

/// How a directory is configured.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// `ldaps://HOST` or `ldap://HOST`.
    pub url: Url,
    /// Whether a connection to `ldap://` turns to TLS before anything else.
    pub start_tls: bool,
    /// Certificates to accept beside those that the system trusts.
    pub ca: Option<PathBuf>,
    /// Who searches; `None` searches without a name.
    pub bind: Option<(String, SecretString)>,
    /// Below which entry people are.
    pub base: String,
    /// Which entry is somebody's.
    pub filter: FilterTemplate,
    /// The attribute that accounts are named by.
    pub name_attribute: String,
    /// The attribute of a person's entry that lists their groups.
    pub groups_attribute: String,
    /// How groups are found beside that attribute.
    pub groups: Option<GroupSearch>,
}

/// How the groups of somebody are searched.
#[derive(Clone, Debug)]
pub struct GroupSearch {
    /// Below which entry groups are.
    pub base: String,
    /// Which groups somebody is in.
    pub filter: FilterTemplate,
    /// How many levels of groups of groups are followed.
    pub nested: u8,
}

/// Somebody in a directory, with what their entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub person: ExternalUser,
    /// The entry's name as the directory writes it.
    pub dn: String,
}

/// An LDAP directory.
pub struct Directory {
    settings: DirectorySettings,
    tls: Arc<ClientConfig>,
}

impl Directory {
    /// Ready to be asked. Nothing is asked yet.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(settings: DirectorySettings) -> Result<Self, SetupError> {
        let tls = Arc::new(tls::config(settings.ca.as_deref())?);
        Ok(Self { settings, tls })
    }

    /// How it is configured.
    pub fn settings(&self) -> &DirectorySettings {
        &self.settings
    }

    /// Finds somebody and verifies their password. `None` if there is no such user or the password is wrong; which of the two
    /// shows neither in the answer nor in the number of requests.
    ///
    /// An empty password is refused before anything is sent: a bind with one succeeds without proving anything (RFC 4513
    /// §5.1.2).
    ///
    /// # Errors
    /// The directory does not answer in time, or refuses us.
    pub async fn authenticate(
        &self,
        user: &str,
        password: &SecretString,
    ) -> Result<Option<Member>, DirectoryError> {
        if user.is_empty() || password.expose_secret().is_empty() {
            return Ok(None);
        }
        let asked = async {
            let mut session = DirectorySession::open(self).await?;
            let found = session.find(user).await?;
            // Nobody is called that, and a service account must not be locked by guesses.
            let nobody = || format!("cn=nobody-{},{}", std::process::id(), self.settings.base);
            let dn = found.as_ref().map_or_else(nobody, |entry| entry.dn.clone());
            let is_right = session.proves(&dn, password).await?;
            let member = match found.filter(|_| is_right) {
                Some(entry) => Some(session.member(user, entry).await?),
                None => None,
            };
            session.close().await;
            Ok(member)
        };
        // The library gives up with a panic on answers that are no LDAP.
        let asked = AssertUnwindSafe(asked).catch_unwind();
        match tokio::time::timeout(TIME, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.broken("its answer cannot be read".to_owned())),
            Err(_) => Err(self.broken(format!("nothing came within {} s", TIME.as_secs()))),
        }
    }

    fn broken(&self, why: String) -> DirectoryError {
        let host = self.settings.url.host_str().unwrap_or_default().to_owned();
        DirectoryError::Unreachable { host, why }
    }

    fn unreachable(&self, error: &LdapError) -> DirectoryError {
        let why = match error {
            LdapError::ResultRecv { .. } | LdapError::OpSend { .. } | LdapError::EndOfStream => {
                "the connection broke off".to_owned()
            }
            error => printable(&deepest(error)),
        };
        self.broken(why)
    }
}

/// A connection that was opened for one login.
struct DirectorySession<'a> {
    directory: &'a Directory,
    ldap: Ldap,
}

impl<'a> DirectorySession<'a> {
    async fn open(directory: &'a Directory) -> Result<Self, DirectoryError> {
        let settings = LdapConnSettings::new()
            .set_config(Arc::clone(&directory.tls))
            .set_starttls(directory.settings.start_tls);
        let connected = LdapConnAsync::from_url_with_settings(settings, &directory.settings.url).await;
        let (connection, ldap) = connected.map_err(|error| directory.unreachable(&error))?;
        // It ends when the last handle is dropped.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the LDAP directory broke off");
            }
        });
        let mut session = Self { directory, ldap };
        if directory.settings.bind.is_some() {
            session.bind().await?;
        }
        Ok(session)
    }

    /// Binds as whoever searches.
    async fn bind(&mut self) -> Result<(), DirectoryError> {
        let (dn, password) = match &self.directory.settings.bind {
            Some((dn, password)) => (dn.as_str(), password.expose_secret()),
            None => ("", ""),
        };
        let bound = self.ldap.simple_bind(dn, password).await;
        let bound = bound.map_err(|error| self.directory.unreachable(&error))?;
        if bound.rc == 0 {
            Ok(())
        } else {
            Err(DirectoryError::Bind { who: dn.to_owned(), why: told(&bound) })
        }
    }

    async fn find(&mut self, user: &str) -> Result<Option<SearchEntry>, DirectoryError> {
        let settings = &self.directory.settings;
        let filter = settings.filter.filled(user, "");
        let attributes = [settings.name_attribute.as_str(), settings.groups_attribute.as_str()];
        let search =
            Search { what: "the search for a user", base: &settings.base, filter, attributes: &attributes };
        let mut entries = self.search(&search, 1).await?;
        if entries.len() > 1 {
            return Err(DirectoryError::Ambiguous);
        }
        Ok(entries.pop())
    }

    /// Somebody who has proved who they are, with their groups.
    async fn member(&mut self, user: &str, entry: SearchEntry) -> Result<Member, DirectoryError> {
        let settings = &self.directory.settings;
        if settings.groups.is_some() {
            self.bind().await?;
        }
        let groups = self.groups(user, &entry).await?;
        let name = values(&entry, &settings.name_attribute).next().unwrap_or(user).to_owned();
        let subject = name_of(&entry.dn)?;
        let groups = Some(groups.iter().map(Dn::to_string).collect());
        let person = ExternalUser { subject: subject.to_string(), name, groups };
        Ok(Member { person, dn: entry.dn })
    }

    async fn groups(&mut self, user: &str, entry: &SearchEntry) -> Result<BTreeSet<Dn>, DirectoryError> {
        let settings = &self.directory.settings;
        let listed = values(entry, &settings.groups_attribute);
        // What is no name is the group of another kind of directory.
        let mut all: BTreeSet<Dn> = listed.filter_map(|group| group.parse().ok()).collect();
        let Some(groups) = &settings.groups else { return Ok(all) };
        let found = self.group_names(groups, groups.filter.filled(user, &entry.dn)).await?;
        all.extend(found);
        let mut newest: Vec<Dn> = all.iter().cloned().collect();
        for _ in 0..groups.nested {
            if newest.is_empty() {
                break;
            }
            let mut above = Vec::new();
            for some in newest.chunks(MAX_AT_ONCE) {
                let any: String = some.iter().map(|dn| groups.filter.filled("", dn.as_str())).collect();
                above.extend(self.group_names(groups, format!("(|{any})")).await?);
            }
            newest = above.into_iter().filter(|dn| all.insert(dn.clone())).collect();
        }
        if all.len() > MAX_GROUPS { Err(too_many()) } else { Ok(all) }
    }

    async fn group_names(&mut self, groups: &GroupSearch, filter: String) -> Result<Vec<Dn>, DirectoryError> {
        let entries = self.search(&Search::of_groups(groups, filter), MAX_GROUPS).await?;
        if entries.len() > MAX_GROUPS {
            return Err(too_many());
        }
        entries.iter().map(|entry| name_of(&entry.dn)).collect()
    }

    /// Binds as somebody. False if the password is wrong.
    async fn proves(&mut self, dn: &str, password: &SecretString) -> Result<bool, DirectoryError> {
        let bound = self.ldap.simple_bind(dn, password.expose_secret()).await;
        let bound = bound.map_err(|error| self.directory.unreachable(&error))?;
        // RFC 4511 appendix A.
        match bound.rc {
            0 => Ok(true),
            // No such object, invalid DN, inappropriate authentication, invalid credentials, insufficient access, and what
            // servers say of accounts that are locked: constraint violation, unwilling to perform.
            19 | 32 | 34 | 48 | 49 | 50 | 53 => Ok(false),
            _ => Err(DirectoryError::Refused { what: "the user's bind", why: told(&bound) }),
        }
    }

    /// Searches; of more than `most` entries it returns one more, and leaves the rest.
    async fn search(&mut self, search: &Search<'_>, most: usize) -> Result<Vec<SearchEntry>, DirectoryError> {
        let failed = |error: LdapError| match error {
            LdapError::LdapResult { result } => refused(search.what, &result),
            error => self.directory.unreachable(&error),
        };
        let mut ldap = self.ldap.clone();
        ldap.with_search_options(SearchOptions::new().timelimit(i32::try_from(TIME.as_secs()).unwrap_or(5)));
        let attributes = search.attributes.to_vec();
        let pages = PagedResults::new(PAGE);
        let stream =
            ldap.streaming_search_with(pages, search.base, Scope::Subtree, &search.filter, attributes);
        let mut stream = stream.await.map_err(failed)?;
        let mut entries = Vec::new();
        while let Some(entry) = stream.next().await.map_err(failed)? {
            if !entry.is_ref() && !entry.is_intermediate() {
                entries.push(SearchEntry::construct(entry));
            }
            if entries.len() > most {
                return Ok(entries);
            }
        }
        match stream.finish().await {
            LdapResult { rc: 0, .. } => Ok(entries),
            result => Err(refused(search.what, &result)),
        }
    }

    async fn close(mut self) {
        // The server would notice anyway.
        let _ = self.ldap.unbind().await;
    }
}

/// A search below an entry.
struct Search<'a> {
    what: &'static str,
    base: &'a str,
    filter: String,
    attributes: &'a [&'a str],
}

impl<'a> Search<'a> {
    fn of_groups(groups: &'a GroupSearch, filter: String) -> Self {
        // RFC 4511 §4.5.1.8: no attributes at all.
        Self { what: "the search for groups", base: &groups.base, filter, attributes: &["1.1"] }
    }
}

/// The values of an attribute, whose name the directory may write in another case.
fn values<'a>(entry: &'a SearchEntry, attribute: &'a str) -> impl Iterator<Item = &'a str> {
    let of_it = entry.attrs.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(attribute));
    of_it.flat_map(|(_, values)| values.iter().map(String::as_str))
}

fn name_of(dn: &str) -> Result<Dn, DirectoryError> {
    dn.parse().map_err(|_| {
        DirectoryError::Entry(format!(
            "the directory has an entry `{}` whose name cannot be read",
            printable(dn)
        ))
    })
}

fn too_many() -> DirectoryError {
    DirectoryError::Entry(format!("the directory finds more than {MAX_GROUPS} groups"))
}

fn refused(what: &'static str, result: &LdapResult) -> DirectoryError {
    DirectoryError::Refused { what, why: told(result) }
}

/// A result in words. The text is the server's.
fn told(result: &LdapResult) -> String {
    let meaning = match result.rc {
        8 => "it wants TLS (strongerAuthRequired)",
        10 => "it refers to another server, which is not followed",
        13 => "it wants TLS (confidentialityRequired)",
        32 => "there is no such entry; is `base` right?",
        49 => "name or password are wrong",
        50 => "this account may not do that",
        51 | 52 => "it is busy",
        _ => "",
    };
    let text = printable(result.text.trim());
    let parts = [meaning, text.as_str()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    format!("result {}{}{}", result.rc, if parts.is_empty() { "" } else { ": " }, parts.join("; "))
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
