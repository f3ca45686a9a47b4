//! Types of the registry protocol, for clients and servers, without I/O.
//!
//! - names: [`Host`], [`Repository`], [`Name`], [`Tag`], [`Reference`], [`Image`], [`Digest`], [`Platform`]
//! - documents: [`Manifest`], [`ImageConfig`], [`Descriptor`], [`MediaType`] and the parts of a referrers response
//! - untrusted text, escaped for display: [`printable`], and without the passwords in it: [`without_passwords`]
//! - numbers of bytes, as people write them: [`Size`], [`Rate`]
//! - what operators write: [`Rate`], [`Size`]
//! - requests: [`Route`], [`ByteRange`], [`ByteRanges`], [`ChunkRange`], [`Page`]; responses: [`ErrorCode`]
//!
//! Text is parsed into these types once, at the edge; functions further in take no `&str` for them.

mod descriptor;
mod digest;
mod error;
mod host;
mod image_config;
mod image_ref;
mod json;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod laws;
mod manifest;
mod media;
mod name;
mod page;
mod pattern;
mod platform;
mod printable;
mod quantity;
mod range;
mod reference;
mod referrers;
mod repository;
mod repository_pattern;
mod route;
mod schema1;
mod userinfo;
mod wildcard;

pub use descriptor::{Descriptor, MAX_LISTED_ANNOTATIONS};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use error::{ErrorBody, ErrorCode};
pub use host::{ALIASES, Host, HostError};
pub use image_config::{ImageConfig, MAX_CONFIG_BYTES};
pub use image_ref::{ImageRef, ImageRefError};
pub use json::{DocumentError, MAX_DEPTH};
pub use manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError};
pub use media::MediaType;
pub use name::Name;
pub use page::{MAX_PAGE, Page, PageError};
pub use pattern::is_shallow;
pub use platform::{Platform, PlatformError};
pub use printable::{is_hidden, printable, printable_json, printable_lines};
pub use quantity::{Rate, RateError, Size, SizeError};
pub use range::{ByteRange, ByteRanges, ChunkRange, MAX_RANGES, RangeError};
pub use reference::{Reference, ReferenceError, Tag, TagError};
pub use referrers::{ReferrersIndex, referrers_tag};
pub use repository::{Repository, RepositoryError};
pub use repository_pattern::{PatternError, RepositoryPattern};
pub use route::{Method, Route, RouteError, UploadStart};
pub use schema1::{is_manifest_digest, schema1_media_type, schema1_signed_payload};
pub use userinfo::without_passwords;
pub use wildcard::matches_wildcard;
