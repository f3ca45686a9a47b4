//! Finds and changes image references in documents, leaving every other byte alone.
//!
//! - [`Document::read`] finds [`Candidate`]s: images, and what only looks like one, with the reason
//! - [`Rules::name`] says what an image is to be called: **one** function for listing, copying and rewriting
//! - [`Document::rewrite`] edits the bytes of the names, reads the result again, and gives it out only if it is the
//!   same document but for those names
//!
//! No I/O: texts come in, texts go out.

#![forbid(unsafe_code)]

mod assignments;
mod candidate;
mod dockerfile;
mod document;
mod edit;
mod expansion;
mod find;
mod finder;
mod ignore;
mod kind;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod login;
mod naming;
mod plain;
mod position;
mod reading;
mod settle;
mod text;
mod token;
mod tree;
mod variables;

pub use candidate::{Candidate, Found, Reason, Standing};
pub use document::{Document, ReadError};
pub use edit::{Change, Left, RewriteError, Rewritten};
pub use expansion::Origin;
pub use finder::Search;
pub use ignore::{Ignore, IgnoreError};
pub use kind::{Kind, KindError};
pub use login::{Login, LoginForm, NewLogin};
pub use naming::{
    Census, Collision, Map, MapError, Naming, Root, RootError, Rules, Target, Template, TemplateError,
};
pub use position::Position;
pub use variables::Variables;
