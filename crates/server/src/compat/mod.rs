//! The API of the image library as front ends of gin-vue-admin speak it: `/imageRegistry/…`, `/base/login`.
//!
//! - `envelope`: `{code, data, msg}`, with 0 or 7; `identity`: who sends an `x-token`
//! - `login`: how they get one; `registry`: the calls; `input`: what they send, read (pure)
//!
//! It says and does what our own API does, under other names: the same rights, the same checks, the same audit log.

mod envelope;
mod identity;
mod input;
mod login;
mod registry;

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get, post, put},
};

use crate::state::ServerState;

/// The addresses.
pub(crate) fn router() -> Router<Arc<ServerState>> {
    Router::new()
        .route("/base/captcha", post(login::captcha))
        .route("/base/login", post(login::log_in))
        .route("/imageRegistry/createImageRegistry", post(registry::create))
        .route("/imageRegistry/updateImageRegistry", put(registry::update))
        .route("/imageRegistry/deleteImageRegistry", delete(registry::remove))
        .route("/imageRegistry/deleteImageRegistryByIds", delete(registry::remove_all))
        .route("/imageRegistry/findImageRegistry", get(registry::find))
        .route("/imageRegistry/getImageRegistryList", get(registry::list))
}
