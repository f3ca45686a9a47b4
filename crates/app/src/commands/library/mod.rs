//! `entrepot library`: the images that may be run, asked of the server.

mod render;

use std::path::{Path, PathBuf};

use entrepot_api::{
    Entry, EntryChange, EntryCheckQuery, EntryExportQuery, EntryForm, EntryImport, EntryImportQuery,
    EntryList, EntryListQuery, EntryStatus, NewEntry,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use secrecy::ExposeSecret;

use super::{asker::ApiSession, password::Password};
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, sentence},
    runtime,
};

/// How many entries are asked for at once.
const PAGE: usize = 500;
const ENTRIES: [&str; 2] = ["library", "entries"];

/// The arguments.
#[derive(Debug)]
pub(crate) struct Library {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: LibraryOperation,
}

/// The login for an image's registry.
#[derive(Debug)]
pub(crate) struct ImageLogin {
    /// The name of the account.
    pub(crate) username: String,
    /// Its password.
    pub(crate) password: Password,
}

/// A subcommand.
pub(crate) enum LibraryOperation {
    /// List entries.
    List(EntryListQuery),
    /// Add an entry.
    Add {
        /// What it is.
        new: NewEntry,
        /// The login for its registry.
        login: Option<ImageLogin>,
    },
    /// Change an entry.
    Change {
        /// Its id or name.
        entry: String,
        /// What changes.
        change: EntryChange,
        /// The login for its registry.
        login: Option<ImageLogin>,
    },
    /// Remove an entry.
    Remove {
        /// Its id or name.
        entry: String,
    },
    /// Look at an entry's image.
    Check {
        /// Its id or name.
        entry: String,
        /// Whether layers that are not held are fetched.
        fetch: bool,
    },
    /// Add and change entries by a file.
    Import {
        /// The file.
        file: PathBuf,
        /// Its form; `None` for what its name says.
        form: Option<EntryForm>,
        /// Whether nothing is stored.
        dry_run: bool,
    },
    /// Write all entries.
    Export {
        /// The form.
        form: EntryForm,
    },
}

/// Without addresses, which may have a password in them.
impl std::fmt::Debug for LibraryOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verb")
    }
}

/// Runs the command.
pub(crate) fn run(Library { to, operation }: Library) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: LibraryOperation) -> Result<(), Failure> {
    match operation {
        LibraryOperation::List(query) => {
            let entries = list(asker, &query).await?;
            let total = entries.len() as u64;
            let all = EntryList { entries, total, ..EntryList::default() };
            asker.print(&all, || render::entries(&all.entries))
        }
        LibraryOperation::Add { new, login } => {
            let address = with_login(new.address, login).await?;
            let new = NewEntry { address, ..new };
            let entry: Entry = asker.told(asker.client.post(&ENTRIES, &new).await)?;
            asker.print(&entry, || render::added(&entry))
        }
        LibraryOperation::Change { entry, change, login } => change_entry(asker, &entry, change, login).await,
        LibraryOperation::Remove { entry } => {
            asker.told(asker.client.change(Method::DELETE, &path(&entry), &()).await)?;
            asker.done(&entry, &sentence!("is removed"))
        }
        LibraryOperation::Check { entry, fetch } => check(asker, &entry, fetch).await,
        LibraryOperation::Import { file, form, dry_run } => import(asker, &file, form, dry_run).await,
        LibraryOperation::Export { form } => {
            let query = EntryExportQuery { format: Some(form) };
            let path = ["library", "entries", "export"];
            let document = asker.told(asker.client.document(&path, &query).await)?;
            output::print_exact(&document)
        }
    }
}

fn path(entry: &str) -> [&str; 3] {
    ["library", "entries", entry]
}

async fn list(asker: &ApiSession, query: &EntryListQuery) -> Result<Vec<Entry>, Failure> {
    asker
        .pages(async |last| {
            let query = EntryListQuery { n: Some(PAGE), last, ..query.clone() };
            let page: EntryList = asker.told(asker.client.get(&ENTRIES, &query).await)?;
            Ok((page.entries, page.next))
        })
        .await
}

async fn change_entry(
    asker: &ApiSession,
    entry: &str,
    mut change: EntryChange,
    login: Option<ImageLogin>,
) -> Result<(), Failure> {
    if login.is_some() {
        // The login stands in front of the image, which stays if no other is given.
        let address = match change.address.take() {
            Some(address) => address,
            None => {
                let none: [(&str, &str); 0] = [];
                let now: Entry = asker.told(asker.client.get(&path(entry), &none).await)?;
                now.address
            }
        };
        change.address = Some(with_login(address, login).await?);
    }
    let entry: Entry = asker.told(asker.client.patch(&path(entry), &change).await)?;
    asker.print(&entry, || render::changed(&entry))
}

// `user:password@image`, as the server takes it.
async fn with_login(address: String, login: Option<ImageLogin>) -> Result<String, Failure> {
    let Some(ImageLogin { username, password }) = login else { return Ok(address) };
    let password = password.obtain(&sentence!("password of `{name}`: ", name = username)).await?;
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    Ok(format!("{}:{}@{address}", escaped(&username), escaped(password.expose_secret())))
}

async fn check(asker: &ApiSession, entry: &str, fetch: bool) -> Result<(), Failure> {
    let query = EntryCheckQuery { fetch: Some(fetch) };
    let path = ["library", "entries", entry, "check"];
    let found: Entry = asker.told(asker.client.work(&path, &query).await)?;
    asker.print(&found, || render::checked(&found))?;
    match found.check.status {
        EntryStatus::Ok => Ok(()),
        status => {
            let failure = Failure::new(format!("the image of entry {} cannot be used: {status}", found.id));
            Err(failure.with_hint(hint(status)))
        }
    }
}

fn hint(status: EntryStatus) -> &'static str {
    match status {
        EntryStatus::NotFound => "look at the spelling of its image and tag: `entrepot library set --image`",
        EntryStatus::Denied => "give an account of its registry: `entrepot library set ENTRY -u NAME`",
        EntryStatus::RateLimited => "wait, or store an account of its registry: `entrepot credentials add`",
        EntryStatus::NotMirrored => "add its registry to `registries` in the configuration of the server",
        EntryStatus::Invalid => "name an image that can be run, and no chart or other artifact",
        EntryStatus::Ok | EntryStatus::Unknown | EntryStatus::Unreachable => "try again later",
    }
}

async fn import(
    asker: &ApiSession,
    file: &Path,
    form: Option<EntryForm>,
    dry_run: bool,
) -> Result<(), Failure> {
    let named = file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let form = form.or(match named.as_deref() {
        Some("csv") => Some(EntryForm::Csv),
        Some("json") => Some(EntryForm::Json),
        _ => None,
    });
    let form = form.ok_or_else(|| {
        Failure::wrong(format!("the name `{}` does not say what is in the file", file.display()))
            .with_hint("say it: `--format csv` or `--format json`")
    })?;
    let document = std::fs::read(file)
        .map_err(|error| Failure::because(format!("cannot read `{}`", file.display()), &error))?;
    let query = EntryImportQuery { format: Some(form), dry_run: Some(dry_run) };
    let path = ["library", "entries", "import"];
    let done: EntryImport = asker.told(asker.client.upload(&path, &query, document).await)?;
    asker.print(&done, || render::imported(&done))
}
