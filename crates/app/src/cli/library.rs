//! The command about entries of the image library: `library`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use entrepot_api::{EntryChange, EntryForm, EntryListQuery, NewEntry};

use super::{server::ServerArgs, specs::Shelf};
use crate::commands::{
    library::{ImageLogin, Library, LibraryOperation},
    password::Password,
};

#[derive(Subcommand)]
pub(super) enum LibraryCommand {
    /// List entries: images that may be run
    #[command(visible_alias = "list")]
    Ls {
        /// Only entries with this in their name or image
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only entries that are offered, or that are not
        #[arg(long, value_name = "STATE", value_enum)]
        shelf: Option<Shelf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Add an image: one that the mirror has, or any other
    Add(AddArgs),
    /// Change an entry; instances keep the image that they were made of
    Set(SetArgs),
    /// Offer an entry, or stop offering it
    Shelf {
        /// The entry, by its id, or its name if no other has it
        #[arg(value_name = "ENTRY")]
        entry: String,
        /// Whether it is offered
        #[arg(value_enum)]
        state: Shelf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove an entry that no instance uses
    #[command(visible_alias = "remove")]
    Rm {
        /// The entry, by its id, or its name if no other has it
        #[arg(value_name = "ENTRY")]
        entry: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Look at an entry's image: is it there, how large is it, can memory be split; the exit code is 1 if it is not there
    Check {
        /// The entry, by its id, or its name if no other has it
        #[arg(value_name = "ENTRY")]
        entry: String,
        /// Fetch layers that the mirror does not hold, to look into them
        #[arg(long)]
        fetch: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Add and change entries by a file; nothing is stored if anything in it is wrong
    Import {
        /// The file, in CSV or JSON
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Its form, if its name does not say that
        #[arg(long, value_name = "FORM", value_enum)]
        format: Option<FormatArg>,
        /// Only say what would be done, and what is wrong
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Write all entries as a document, without logins
    Export {
        /// The form
        #[arg(long, value_name = "FORM", value_enum, default_value = "csv")]
        format: FormatArg,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Args)]
pub(super) struct AddArgs {
    /// The image, such as `nginx:1.27` or `registry.example.com/team/app:1.0`
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Its name [default: the last part of the image, with its tag]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    texts: TextArgs,
    /// The memory of cards may be split for it
    #[arg(long)]
    memory_split: bool,
    /// Do not offer it yet
    #[arg(long)]
    off_shelf: bool,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args)]
pub(super) struct SetArgs {
    /// The entry, by its id, or its name if no other has it
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Its new image
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    #[command(flatten)]
    texts: TextArgs,
    /// Whether the memory of cards may be split for it
    #[arg(long, value_name = "STATE", value_enum)]
    memory_split: Option<Shelf>,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// What people say about an image.
#[derive(Args)]
struct TextArgs {
    /// What it is
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where it comes from
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// A note
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

/// The login for the image's registry.
#[derive(Args)]
struct LoginArgs {
    /// The account at the image's registry; its password is prompted for and stored as a credential
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FormatArg {
    Csv,
    Json,
}

impl LibraryCommand {
    pub(super) fn into_args(self) -> Library {
        match self {
            Self::Ls { search, shelf, server } => {
                let on_shelf = shelf.map(is_on);
                args(
                    server,
                    LibraryOperation::List(EntryListQuery { search, on_shelf, ..EntryListQuery::default() }),
                )
            }
            Self::Add(add) => add.into_args(),
            Self::Set(set) => set.into_args(),
            Self::Shelf { entry, state, server } => {
                let change = EntryChange { on_shelf: Some(is_on(state)), ..EntryChange::default() };
                args(server, LibraryOperation::Change { entry, change, login: None })
            }
            Self::Rm { entry, server } => args(server, LibraryOperation::Remove { entry }),
            Self::Check { entry, fetch, server } => args(server, LibraryOperation::Check { entry, fetch }),
            Self::Import { file, format, dry_run, server } => {
                args(server, LibraryOperation::Import { file, form: format.map(form), dry_run })
            }
            Self::Export { format, server } => args(server, LibraryOperation::Export { form: form(format) }),
        }
    }
}

impl AddArgs {
    fn into_args(self) -> Library {
        let TextArgs { description, source, remark } = self.texts;
        let new = NewEntry {
            name: self.name,
            address: self.image,
            description,
            source,
            remark,
            on_shelf: Some(!self.off_shelf),
            memory_split: Some(self.memory_split),
        };
        args(self.server, LibraryOperation::Add { new, login: self.login.into_args() })
    }
}

impl SetArgs {
    fn into_args(self) -> Library {
        let TextArgs { description, source, remark } = self.texts;
        let change = EntryChange {
            name: self.name,
            address: self.image,
            description,
            source,
            remark,
            on_shelf: None,
            memory_split: self.memory_split.map(is_on),
        };
        args(
            self.server,
            LibraryOperation::Change { entry: self.entry, change, login: self.login.into_args() },
        )
    }
}

impl LoginArgs {
    fn into_args(self) -> Option<ImageLogin> {
        let password = if self.password_stdin { Password::OnInput } else { Password::Asked };
        self.username.map(|username| ImageLogin { username, password })
    }
}

fn is_on(state: Shelf) -> bool {
    matches!(state, Shelf::On)
}

fn form(form: FormatArg) -> EntryForm {
    match form {
        FormatArg::Csv => EntryForm::Csv,
        FormatArg::Json => EntryForm::Json,
    }
}

fn args(server: ServerArgs, operation: LibraryOperation) -> Library {
    Library { to: server.addressed(), operation }
}
