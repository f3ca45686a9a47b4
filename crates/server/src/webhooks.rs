//! The JSON API of webhooks: which there are, what came of deliveries, a test, and one more try.

use entrepot_access::{AuditAction, Operation};
use entrepot_api::{
    Problem as ProblemBody, WebhookDelivery, WebhookDeliveryList, WebhookDeliveryQuery, WebhookList,
    WebhookTest,
};
use entrepot_catalog::DeliveryFilter;
use entrepot_webhooks::{Error, Webhooks};
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    query,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by},
        call::WebCall,
        request::{Segment, limit, parsed},
    },
    webhook_views as views,
};

/// List the webhooks of the configuration
///
/// Without what is secret about them: paths, queries and keys.
#[utoipa::path(
    get, path = "/api/v1/webhooks", operation_id = "listWebhooks", tag = "webhooks",
    responses(
        (status = 200, description = "The webhooks", body = WebhookList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn webhooks(call: WebCall) -> Result<Response<Body>, Problem> {
    let webhooks = managed(&call)?.list().await?;
    Ok(answer::json(&views::webhooks(webhooks), JSON))
}

/// Send a test to a webhook
///
/// Now, and once. That the other side does not take it is told with status 200.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{name}/test", operation_id = "testWebhook", tag = "webhooks",
    params(("name" = String, Path, description = "The webhook")),
    responses(
        (status = 200, description = "What came of it", body = WebhookTest),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn test_webhook(name: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (webhooks, name) = (managed(&call)?, name?.0);
    let trial = webhooks.test(&name).await?;
    record(&call, AuditAction { action: "webhook.test", object: &name, detail: trial.problem.clone() }).await;
    Ok(answer::json(&views::trial(trial), JSON))
}

/// List deliveries to webhooks
///
/// The latest thousand of each webhook are kept.
#[utoipa::path(
    get, path = "/api/v1/webhook-deliveries", operation_id = "listWebhookDeliveries", tag = "webhooks",
    params(WebhookDeliveryQuery),
    responses(
        (status = 200, description = "A page of deliveries, the latest first", body = WebhookDeliveryList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn deliveries(call: WebCall) -> Result<Response<Body>, Problem> {
    let (webhooks, query) = (managed(&call)?, call.query());
    let filter = DeliveryFilter {
        webhook: query::text(query, "webhook"),
        status: parsed(query, "status", views::status_named)?,
        before: parsed(query, "before", |text| text.parse().ok())?,
    };
    let page = webhooks.deliveries(&filter, limit(query)?).await?;
    Ok(answer::json(&views::deliveries(page), JSON))
}

/// Have a delivery tried once more, now
///
/// Whatever came of it so far. The other side gets the event with the same id.
#[utoipa::path(
    post, path = "/api/v1/webhook-deliveries/{id}/redeliver", operation_id = "redeliver", tag = "webhooks",
    params(("id" = String, Path, description = "The delivery")),
    responses(
        (status = 202, description = "It is tried", body = WebhookDelivery),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn redeliver(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (webhooks, id) = (managed(&call)?, id?.0);
    let number = id.parse().map_err(|_| unknown_delivery(&id))?;
    let delivery = webhooks.redeliver(number).await?;
    record(
        &call,
        AuditAction { action: "webhook.redeliver", object: &id, detail: Some(delivery.webhook.clone()) },
    )
    .await;
    let mut response = answer::json(&views::delivery(delivery), JSON);
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// Returns the webhooks if the caller may manage them.
fn managed(call: &WebCall) -> Result<&Webhooks, Problem> {
    allowed(call, Operation::ManageWebhooks)?;
    call.state.webhooks.as_ref().ok_or_else(Problem::not_found)
}

async fn record(call: &WebCall, action: AuditAction<'_>) {
    let Some(access) = &call.state.access else { return };
    if let Err(error) = access.record_done(action, &by(call)).await {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}

fn unknown_delivery(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is no delivery `{id}`"))
        .with_hint("see what there is: `entrepot webhooks deliveries`")
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::UnknownWebhook(_) => {
                Self::new(StatusCode::NOT_FOUND, text).with_hint("see what there is: `entrepot webhooks ls`")
            }
            Error::UnknownDelivery(id) => unknown_delivery(&id.to_string()),
            Error::Catalog(cause) => {
                tracing::warn!(%cause, "webhooks cannot be looked up");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
        }
    }
}
