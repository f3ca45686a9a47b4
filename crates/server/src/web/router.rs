//! Maps addresses to handlers, and derives the API description.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use bytes::Bytes;
use http::{Response, StatusCode};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::token;
use crate::{
    accounts, answer::respond, body::Body, budget, cache, cache_work, compat, credentials, denials_api,
    device, grants, headers::JSON, keep, library, limit_api, links, modes, pages, pull_rules, requests,
    sessions, ssh_keys, state::ServerState, status, sync, webhooks,
};

/// Address of the API description.
const DOCUMENT: &str = "/api/v1/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "entrepot",
        version = "1",
        description = "The JSON API of the server. Times are RFC 3339 in UTC, sizes are bytes. \
                       Refusals are `application/problem+json` (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    tags(
        (name = "sync", description = "Rules, their runs, and how their copies stand"),
        (name = "accounts", description = "Accounts, API tokens, sessions and the audit log"),
        (name = "secrets", description = "Credentials of other registries, and the key that they are sealed with"),
        (name = "rules", description = "What may be pulled through the mirror"),
        (name = "keep", description = "Keep lists: images that are fetched again and again by schedule"),
        (name = "limits", description = "How much may be pulled, and who is banned"),
        (name = "requests", description = "Images that people ask for, to be fetched whole"),
        (name = "mode", description = "How much of the mirror is on offer, and what upstreams allow it"),
        (name = "webhooks", description = "What other servers are told of, and what came of that"),
        (name = "library", description = "The image library: images, nodes, specs, instances and pulls"),
        (name = "cache", description = "What the mirror holds; for the owner of the data directory, over its socket")
    ),
    components(schemas(entrepot_api::Event, entrepot_api::EntryForm, entrepot_api::ExecMessage, entrepot_api::ExecReport)),
    modifiers(&ApiToken)
)]
struct OpenApiDocument;

/// Adds the API token, which authorizes clients on other machines to start and cancel runs.
struct ApiToken;

impl Modify for ApiToken {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Marks a response to a method that the address does not allow; `Allow` lists those it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrongMethod;

/// The router.
pub(super) fn router(state: Arc<ServerState>) -> Router {
    let (api, document) = api().split_for_parts();
    // The API description always serializes.
    let document = Bytes::from(document.to_json().unwrap_or_default());
    pages::router()
        .merge(api)
        .merge(compat::router())
        .route("/token", get(token::token).post(token::token))
        .route(DOCUMENT, get(|| async move { described(document) }))
        .fallback(pages::errors::missing)
        .method_not_allowed_fallback(async || (StatusCode::METHOD_NOT_ALLOWED, Extension(WrongMethod)))
        .with_state(state)
}

fn api() -> OpenApiRouter<Arc<ServerState>> {
    let router = OpenApiRouter::with_openapi(OpenApiDocument::openapi());
    let router = pull_api(account_api(sync_api(router)));
    cache_api(library_api(service_api(router)))
}

fn sync_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(sync::api::rules))
        .routes(routes!(sync::api::run_rule))
        .routes(routes!(sync::api::runs))
        .routes(routes!(sync::api::run))
        .routes(routes!(sync::api::cancel_run))
        .routes(routes!(sync::api::state))
        .routes(routes!(sync::events::events))
        .routes(routes!(sync::prunes::prunes))
        .routes(routes!(sync::prunes::prune))
        .routes(routes!(sync::prunes::approve_prune))
        .routes(routes!(sync::prunes::reject_prune))
}

fn account_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(accounts::me))
        .routes(routes!(ssh_keys::ssh_key, ssh_keys::set_ssh_key, ssh_keys::remove_ssh_key))
        .routes(routes!(accounts::accounts, accounts::create_account))
        .routes(routes!(accounts::account, accounts::change_account, accounts::remove_account))
        .routes(routes!(accounts::tokens, accounts::create_token))
        .routes(routes!(accounts::renew_token))
        .routes(routes!(accounts::token, accounts::remove_token))
        .routes(routes!(device::begin))
        .routes(routes!(device::poll))
        .routes(routes!(sessions::log_in, sessions::log_out))
        .routes(routes!(sessions::sessions, sessions::end_sessions))
        .routes(routes!(sessions::end_session))
        .routes(routes!(accounts::audit))
        .routes(routes!(grants::grants, grants::add_grant))
        .routes(routes!(grants::remove_grant))
        .routes(routes!(grants::explain))
        .routes(routes!(credentials::credentials, credentials::add_credential))
        .routes(routes!(
            credentials::credential,
            credentials::change_credential,
            credentials::remove_credential
        ))
        .routes(routes!(credentials::verify_credential))
        .routes(routes!(credentials::secrets))
        .routes(routes!(credentials::rotate_secrets))
}

fn pull_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(pull_rules::pull_rules))
        .routes(routes!(pull_rules::reload))
        .routes(routes!(pull_rules::explain))
        .routes(routes!(denials_api::denials, denials_api::deny, denials_api::undeny))
        .routes(routes!(denials_api::pulled_by))
        .routes(routes!(limit_api::limits))
        .routes(routes!(limit_api::own))
        .routes(routes!(limit_api::explain))
        .routes(routes!(limit_api::bans, limit_api::add_ban))
        .routes(routes!(limit_api::lift))
        .routes(routes!(requests::api::requests, requests::api::ask))
        .routes(routes!(requests::api::look))
        .routes(routes!(requests::api::request))
        .routes(routes!(requests::api::cancel))
        .routes(routes!(requests::api::watch))
        .routes(routes!(keep::api::lists))
        .routes(routes!(keep::api::list))
        .routes(routes!(keep::api::images))
        .routes(routes!(keep::api::run))
        .routes(routes!(keep::api::cancel))
}

fn service_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(links::links))
        .routes(routes!(modes::mode, modes::set_mode, modes::reset_mode))
        .routes(routes!(budget::budget))
        .routes(routes!(status::status))
        .routes(routes!(webhooks::webhooks))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::redeliver))
}

fn cache_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(cache::totals))
        .routes(routes!(cache::repositories))
        .routes(routes!(cache::images, cache::remove_images))
        .routes(routes!(cache::verify, cache::repair))
        .routes(routes!(cache_work::pins, cache_work::pin, cache_work::unpin))
        .routes(routes!(cache_work::eviction_plan))
        .routes(routes!(cache_work::eviction, cache_work::begin_eviction, cache_work::cancel_eviction))
        .routes(routes!(cache_work::savings))
        .routes(routes!(cache_work::scrub, cache_work::begin_scrub, cache_work::cancel_scrub))
}

fn library_api(router: OpenApiRouter<Arc<ServerState>>) -> OpenApiRouter<Arc<ServerState>> {
    router
        .routes(routes!(library::nodes::nodes, library::nodes::add_node))
        .routes(routes!(library::nodes::node, library::nodes::change_node, library::nodes::remove_node))
        .routes(routes!(library::nodes::check_node))
        .routes(routes!(library::nodes::release_device))
        .routes(routes!(library::pulls::pulls, library::pulls::begin_pulls))
        .routes(routes!(library::pulls::pull))
        .routes(routes!(library::pulls::cancel_pull))
        .routes(routes!(library::pulls::watch_pull))
        .routes(routes!(library::entries::entries, library::entries::add_entry))
        .routes(routes!(
            library::entries::entry,
            library::entries::change_entry,
            library::entries::remove_entry
        ))
        .routes(routes!(library::entries::check_entry))
        .routes(routes!(library::entry_documents::export_entries))
        .routes(routes!(library::entry_documents::import_entries))
        .routes(routes!(library::specs::specs, library::specs::create_spec))
        .routes(routes!(library::specs::spec, library::specs::change_spec, library::specs::remove_spec))
        .routes(routes!(library::specs::wait_for_spec, library::specs::end_spec_wait))
        .routes(routes!(library::instances::instances, library::instances::create_instance))
        .routes(routes!(
            library::instances::instance,
            library::instances::change_instance,
            library::instances::remove_instance
        ))
        .routes(routes!(library::instances::start_instance))
        .routes(routes!(library::instances::stop_instance))
        .routes(routes!(library::instances::restart_instance))
        .routes(routes!(library::instance_images::reimage))
        .routes(routes!(library::instance_images::commit))
        .routes(routes!(library::instance_images::watch_commit))
        .routes(routes!(library::instances::instance_runs))
        .routes(routes!(library::instance_streams::logs))
        .routes(routes!(library::instance_streams::usage))
        .routes(routes!(library::exec::exec))
        .routes(routes!(library::instances::free))
        .routes(routes!(library::quotas::quota, library::quotas::set_quota, library::quotas::remove_quota))
        .routes(routes!(library::quotas::volumes))
        .routes(routes!(library::quotas::remove_volume))
}

fn described(document: Bytes) -> Response<Body> {
    let mut response = respond(StatusCode::OK, Body::bytes(document));
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_description_is_the_one_that_is_published() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
        let text = format!("{}\n", api().into_openapi().to_pretty_json().unwrap());
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "docs/reference/openapi.json is not what the router says; \
             renew it: `UPDATE_OPENAPI=1 cargo test -p entrepot-server published`"
        );
    }
}
