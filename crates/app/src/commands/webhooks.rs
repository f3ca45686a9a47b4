//! `entrepot webhooks`: what other servers are told of, asked of the server.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{
    Webhook, WebhookDelivery, WebhookDeliveryList, WebhookDeliveryQuery, WebhookDeliveryStatus, WebhookList,
    WebhookTest,
};

use super::asker::ApiSession;
use crate::{
    client::ServerTarget,
    failure::Failure,
    output::{self, Column, sentence, word},
    runtime,
};

/// The arguments.
#[derive(Debug)]
pub(crate) struct Webhooks {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: WebhooksOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum WebhooksOperation {
    /// List webhooks.
    Ls,
    /// List deliveries.
    Deliveries(WebhookDeliveryQuery),
    /// Send a test to a webhook.
    Test {
        /// Its name.
        name: String,
    },
    /// Have a delivery tried once more.
    Redeliver {
        /// Its id.
        id: String,
    },
}

/// Runs the command.
pub(crate) fn run(Webhooks { to, operation }: Webhooks) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: WebhooksOperation) -> Result<(), Failure> {
    let none: [(&str, &str); 0] = [];
    match operation {
        WebhooksOperation::Ls => {
            let all: WebhookList = asker.told(asker.client.get(&["webhooks"], &none).await)?;
            asker.print(&all, || webhooks(&all.webhooks))
        }
        WebhooksOperation::Deliveries(query) => {
            let page: WebhookDeliveryList =
                asker.told(asker.client.get(&["webhook-deliveries"], &query).await)?;
            asker.print(&page, || deliveries(&page.deliveries))
        }
        WebhooksOperation::Test { name } => {
            let test: WebhookTest =
                asker.told(asker.client.act(&["webhooks", &name, "test"], &none).await)?;
            tested(asker, &name, &test)
        }
        WebhooksOperation::Redeliver { id } => {
            let path = ["webhook-deliveries", &id, "redeliver"];
            let delivery: WebhookDelivery = asker.told(asker.client.act(&path, &none).await)?;
            asker.print(&delivery, || {
                let (event, webhook) = (&delivery.kind, &delivery.webhook);
                output::line(&sentence!(
                    "`{event}` is sent to `{webhook}` once more",
                    event = event,
                    webhook = webhook
                ))
            })
        }
    }
}

fn tested(asker: &ApiSession, name: &str, test: &WebhookTest) -> Result<(), Failure> {
    let Some(problem) = &test.problem else {
        return asker.print(test, || output::line(&sentence!("`{name}` has taken the test", name = name)));
    };
    asker.print(test, String::new)?;
    Err(Failure::new(format!("`{name}` has not taken the test: {problem}"))
        .with_hint("look at `url`, `secret` and `format` of this webhook in the configuration"))
}

fn webhooks(webhooks: &[Webhook]) -> String {
    if webhooks.is_empty() {
        return sentence!("there are no webhooks: write some into the configuration, as `webhooks`") + "\n";
    }
    let columns = [
        Column("NAME", Left),
        Column("FORMAT", Left),
        Column("TO (which address)", Left),
        Column("WAITING", Right),
        Column("LAST", Left),
        Column("ON", Left),
    ];
    let rows = webhooks.iter().map(|webhook| {
        vec![
            webhook.name.clone(),
            webhook.format.to_string(),
            webhook.origin.clone(),
            webhook.waiting.to_string(),
            webhook.last.as_ref().map_or_else(|| "-".to_owned(), |last| word(last.status)),
            webhook.on.join(" "),
        ]
    });
    output::table(&columns, rows.collect())
}

fn deliveries(deliveries: &[WebhookDelivery]) -> String {
    if deliveries.is_empty() {
        return sentence!("there are no deliveries") + "\n";
    }
    let columns = [
        Column("ID", Left),
        Column("WEBHOOK", Left),
        Column("EVENT", Left),
        Column("RAISED", Left),
        Column("STATUS", Left),
        Column("TRIED", Right),
        Column("PROBLEM", Left),
    ];
    let rows = deliveries.iter().map(|delivery| {
        vec![
            delivery.id.clone(),
            delivery.webhook.clone(),
            delivery.kind.clone(),
            delivery.raised.to_string(),
            status(delivery),
            delivery.attempts.to_string(),
            delivery.problem.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    output::table(&columns, rows.collect())
}

fn status(delivery: &WebhookDelivery) -> String {
    match (delivery.status, delivery.next) {
        (WebhookDeliveryStatus::Waiting, Some(next)) => sentence!("waiting, next {time}", time = next),
        (status, _) => word(status),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn delivery(status: WebhookDeliveryStatus) -> WebhookDelivery {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_777_638_896);
        WebhookDelivery {
            id: "12".to_owned(),
            webhook: "ops".to_owned(),
            event: "018f".to_owned(),
            kind: "disk.low".to_owned(),
            raised: at.into(),
            status,
            attempts: 1,
            next: (status == WebhookDeliveryStatus::Waiting).then(|| at.into()),
            tried: Some(at.into()),
            answer: Some(500),
            problem: Some("status 500".to_owned()),
        }
    }

    #[test]
    fn deliveries_are_lines() {
        let text = deliveries(&[delivery(WebhookDeliveryStatus::Waiting)]);
        assert!(
            text.contains("12")
                && text.contains("waiting, next 2026-05-01T12:34:56Z")
                && text.contains("status 500"),
            "{text}"
        );
        assert!(deliveries(&[delivery(WebhookDeliveryStatus::Failed)]).contains("failed"));
        assert_eq!(deliveries(&[]), "there are no deliveries\n");
    }

    #[test]
    fn webhooks_are_lines() {
        let webhook = Webhook {
            name: "ops".to_owned(),
            origin: "https://hooks.example".to_owned(),
            format: entrepot_api::WebhookFormat::Json,
            language: entrepot_api::WebhookLanguage::En,
            on: vec!["disk.low".to_owned(), "sync.failed".to_owned()],
            signed: true,
            waiting: 3,
            last: Some(delivery(WebhookDeliveryStatus::Delivered)),
        };
        let text = webhooks(&[webhook]);
        assert!(text.contains("disk.low sync.failed") && text.contains("delivered"), "{text}");
        assert!(webhooks(&[]).contains("`webhooks`"));
    }
}
