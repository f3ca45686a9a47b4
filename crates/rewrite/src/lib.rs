//! Finds and renames image references in documents, leaving every other byte alone.
//!
//! - [`Document::read`] finds [`Candidate`]s: images, and text that only looks like one, with the reason
//! - [`Rules::name`] gives the new name of an image; listing, copying and rewriting all use it
//! - [`Document::rewrite`] edits the bytes of the names, parses the result, and returns it only if nothing but those
//!   names has changed
//!
//! ```
//! use entrepot_rewrite::{Census, Document, DocumentKind, Naming, Rules, Search};
//!
//! let text = "services:\n  web: {image: 'nginx:1.27'} # the front\n";
//! let document = Document::read(text, DocumentKind::Compose, &Search::default())?;
//! let rules = Rules { naming: Naming::Prefix("m.example.com".parse()?), ..Rules::default() };
//! let rewritten = document.rewrite(&rules, &mut Census::default())?;
//! assert_eq!(
//!     rewritten.text,
//!     "services:\n  web: {image: 'm.example.com/docker.io/library/nginx:1.27'} # the front\n"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No I/O: text in, text out.

#![forbid(unsafe_code)]

mod assignments;
mod candidate;
mod commands;
mod dockerfile;
mod document;
mod edit;
mod elsewhere;
mod expansion;
mod extent;
mod find;
mod finder;
mod hcl;
mod ignore;
mod kind;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod layers;
mod login;
mod naming;
mod plain;
mod position;
mod quadlet;
mod reading;
mod settle;
mod text;
mod token;
mod tree;
mod variables;

pub use candidate::{Candidate, CandidateVerdict, DocumentImage, Reason};
pub use commands::arguments as command_arguments;
pub use document::{Document, ReadError};
pub use edit::{ImageChange, LeftCandidate, RewriteError, RewrittenDocument};
pub use expansion::ValueOrigin;
pub use finder::Search;
pub use ignore::{Ignore, IgnoreError};
pub use kind::{DocumentKind, KindError};
pub use layers::Layers;
pub use login::{LoginForm, LoginStep, NewLogin};
pub use naming::{
    Census, Collision, Map, MapError, Naming, NewName, Root, RootError, Rules, Template, TemplateError,
};
pub use position::Position;
pub use variables::Variables;
