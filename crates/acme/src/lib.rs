//! Certificates by ACME (RFC 8555), for HTTP-01 and TLS-ALPN-01 (RFC 8737).
//!
//! - [`AcmeSettings`], [`Name`]: what is asked for, and of whom
//! - [`Store`]: the account and the certificate in the data directory; [`Keeper`]: orders what is due
//! - [`expiry`]: when a certificate ends
//! - [`Challenges`]: what is answered to the ACME server meanwhile; [`HttpPort`]: the port where it asks by HTTP

#![forbid(unsafe_code)]

mod answers;
mod certificate;
mod http_port;
mod keeper;
mod name;
mod order;
mod problem;
mod schedule;
mod settings;
mod store;

pub use answers::{AlpnCertificate, Challenges};
pub use certificate::expiry;
pub use http_port::HttpPort;
pub use keeper::{CertificateNews, Keeper};
pub use name::{Name, certifiable};
pub use settings::{AcmeSettings, CaError, Eab, EabError, LETS_ENCRYPT};
pub use store::{Store, StoreError};
