//! How a [`entrepot_remote::Remote`] treats registries that follow the specification, and those that do not.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod access;
mod answers;
mod auth;
mod blobs;
mod documents;
mod endpoints;
mod faults;
mod kept;
mod limits;
mod links;
mod listings;
mod public_view;
mod push;
mod quirks;
mod quotas;
mod redirects;
mod strangers;
mod support;
mod tls;
mod wrong_accounts;
