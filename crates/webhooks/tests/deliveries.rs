//! Deliveries to a server in process, with real requests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use entrepot_catalog::{Catalog, DeliveryFilter, DeliveryRecord, DeliveryStatus, Location, NewDelivery};
use entrepot_events::{DiskLow, Event, EventReceiver, EventSender};
use entrepot_testkit::{ReceivedRequest, Receiver};
use entrepot_webhooks::{Error, Webhook, WebhookMetrics, WebhookSection, Webhooks, WebhooksParts, wanted};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Long after what could be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Webhooks with a clock of their own.
struct Yard {
    webhooks: Webhooks,
    catalog: Catalog,
    sender: EventSender,
    receiver: Option<EventReceiver>,
    now: Arc<Mutex<SystemTime>>,
    directory: tempfile::TempDir,
    sections: Value,
}

impl Yard {
    async fn new(sections: Value) -> Self {
        Self::on(tempfile::tempdir().unwrap(), sections).await
    }

    async fn on(directory: tempfile::TempDir, sections: Value) -> Self {
        let parsed: Vec<WebhookSection> = serde_json::from_value(sections.clone()).unwrap();
        let webhooks = Webhook::read(&parsed).unwrap();
        let (sender, receiver) = entrepot_events::channel(wanted(&webhooks));
        let catalog = Catalog::open(&Location::Sqlite(directory.path().join("db"))).await.unwrap();
        let now = Arc::new(Mutex::new(SystemTime::now()));
        let clock = Arc::clone(&now);
        let parts = WebhooksParts {
            catalog: catalog.clone(),
            webhooks,
            server: Some("https://m.example.com".to_owned()),
            metrics: WebhookMetrics::default(),
            clock: Arc::new(move || *clock.lock().unwrap()),
        };
        let webhooks = Webhooks::open(parts).await.unwrap();
        Self { webhooks, catalog, sender, receiver: Some(receiver), now, directory, sections }
    }

    fn work(&mut self) -> (CancellationToken, JoinHandle<()>) {
        let (webhooks, stop) = (self.webhooks.clone(), CancellationToken::new());
        let (receiver, stopped) = (self.receiver.take().unwrap(), stop.clone());
        (stop, tokio::spawn(async move { webhooks.work(receiver, stopped).await }))
    }

    async fn restart(self) -> Self {
        let Self { webhooks, catalog, directory, sections, .. } = self;
        drop(webhooks);
        catalog.close().await;
        Self::on(directory, sections).await
    }

    fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    async fn deliveries(&self) -> Vec<DeliveryRecord> {
        self.catalog.deliveries(&DeliveryFilter::default(), 100).await.unwrap().rows
    }

    /// The deliveries, once they are as wanted.
    async fn once(&self, is_so: impl Fn(&[DeliveryRecord]) -> bool) -> Vec<DeliveryRecord> {
        let looking = async {
            loop {
                let found = self.deliveries().await;
                if is_so(&found) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap()
    }
}

fn low() -> Event {
    Event::DiskLow(DiskLow { free: 1, size: 100 })
}

fn json_hook(receiver: &Receiver) -> Value {
    json!({"name": "ops", "url": receiver.url(), "secret": "a long enough secret", "private_network": true})
}

fn all(status: DeliveryStatus) -> impl Fn(&[DeliveryRecord]) -> bool {
    move |found| !found.is_empty() && found.iter().all(|one| one.status == status)
}

#[tokio::test]
async fn what_is_raised_arrives_signed_and_is_logged() {
    let receiver = Receiver::start(200, "").await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    let ReceivedRequest { path, headers, body } = receiver.next().await;
    assert_eq!((path.as_str(), headers["content-type"].as_str()), ("/hook", "application/json"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["type"], &body["data"]), (&json!("disk.low"), &json!({"free": 1, "size": 100})));
    assert_eq!(body["server"], "https://m.example.com");
    assert_eq!(body["id"], headers["webhook-id"].as_str());
    assert!(headers["webhook-signature"].starts_with("v1,") && headers.contains_key("webhook-timestamp"));
    let [delivery] = yard.once(all(DeliveryStatus::Delivered)).await.try_into().unwrap();
    assert_eq!((delivery.attempts, delivery.answer, delivery.problem), (1, Some(200), None));
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn each_webhook_hears_what_it_asked_for_and_waits_for_no_other() {
    let (quick, silent) = (Receiver::start(200, "").await, Receiver::silent().await);
    let hooks = json!([
        {"name": "silent", "url": silent.url(), "private_network": true},
        {"name": "quick", "url": quick.url(), "private_network": true, "on": ["disk.low"]},
        {"name": "other", "url": quick.url(), "private_network": true, "on": ["card.free"]},
    ]);
    let mut yard = Yard::new(hooks).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    yard.sender.raise(low());
    let first = quick.next().await;
    let second = quick.next().await;
    assert_ne!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let found = yard
        .once(|found| found.iter().filter(|one| one.status == DeliveryStatus::Delivered).count() == 2)
        .await;
    assert_eq!(found.len(), 4, "two for each of two webhooks");
    assert!(found.iter().all(|one| one.webhook != "other"));
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn what_is_refused_is_tried_again_with_the_same_id_until_it_is_taken() {
    let receiver = Receiver::start(503, "").await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    let first = receiver.next().await;
    let tried = yard.once(|found| found.iter().any(|one| one.attempts == 1)).await.remove(0);
    assert_eq!((tried.status, tried.answer), (DeliveryStatus::Waiting, Some(503)));
    assert_eq!(tried.problem.as_deref(), Some("status 503"));
    assert!(tried.next > tried.tried.unwrap());
    receiver.answer(204, "");
    // Its time has come; the wait is slept in real time otherwise.
    yard.pass(Duration::from_secs(3600));
    yard.webhooks.redeliver(tried.id).await.unwrap();
    let second = receiver.next().await;
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    assert_ne!(first.headers["webhook-timestamp"], second.headers["webhook-timestamp"]);
    assert_ne!(first.headers["webhook-signature"], second.headers["webhook-signature"]);
    assert_eq!(first.body, second.body);
    yard.once(all(DeliveryStatus::Delivered)).await;
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn whoever_is_gone_is_left_alone() {
    let receiver = Receiver::start(410, "").await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    let [delivery] = yard.once(all(DeliveryStatus::Failed)).await.try_into().unwrap();
    assert_eq!(delivery.problem.as_deref(), Some("status 410: nobody is there any more"));
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn a_robot_that_says_no_with_status_200_has_not_taken_it() {
    let receiver = Receiver::start(200, r#"{"errcode":310000,"errmsg":"sign not match"}"#).await;
    let robot = json!({"name": "ding", "url": receiver.url(), "format": "dingtalk", "private_network": true});
    let yard = Yard::new(json!([robot])).await;
    let trial = yard.webhooks.test("ding").await.unwrap();
    assert_eq!(trial.answer, Some(200));
    assert_eq!(trial.problem.as_deref(), Some("the robot says 310000: sign not match"));
    assert!(receiver.next().await.body.contains("测试"));
    receiver.answer(200, r#"{"errcode":0,"errmsg":"ok"}"#);
    assert_eq!(yard.webhooks.test("ding").await.unwrap().problem, None);
    let statuses: Vec<_> = yard.deliveries().await.into_iter().map(|one| one.status).collect();
    assert_eq!(
        statuses,
        [DeliveryStatus::Delivered, DeliveryStatus::Failed],
        "tests are logged, and not repeated"
    );
    assert!(
        matches!(yard.webhooks.test("nobody").await, Err(Error::UnknownWebhook(name)) if name == "nobody")
    );
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let receiver = Receiver::silent().await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    yard.once(|found| found.len() == 1).await;
    let first = receiver.next().await;
    // Raised while it stops.
    yard.sender.raise(low());
    stop.cancel();
    working.await.unwrap();
    receiver.answer(200, "");
    let mut yard = yard.restart().await;
    assert_eq!(yard.deliveries().await.len(), 2, "nothing that was raised is forgotten");
    let (stop, working) = yard.work();
    let mut ids = vec![receiver.next().await, receiver.next().await];
    ids.retain(|heard| heard.headers["webhook-id"] == first.headers["webhook-id"]);
    assert_eq!(ids.len(), 1, "with the id that it had");
    yard.once(all(DeliveryStatus::Delivered)).await;
    stop.cancel();
    working.await.unwrap();
}

#[tokio::test]
async fn what_waits_for_a_webhook_that_is_gone_is_forgotten() {
    let receiver = Receiver::silent().await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let (stop, working) = yard.work();
    yard.sender.raise(low());
    yard.once(|found| found.len() == 1).await;
    stop.cancel();
    working.await.unwrap();
    yard.sections = json!([]);
    let yard = yard.restart().await;
    assert_eq!(yard.deliveries().await, []);
    assert_eq!(yard.webhooks.list().await.unwrap(), []);
}

#[tokio::test]
async fn redirects_are_not_followed_and_private_addresses_need_a_word() {
    let receiver = Receiver::start(302, "").await;
    let yard = Yard::new(json!([json_hook(&receiver)])).await;
    let trial = yard.webhooks.test("ops").await.unwrap();
    assert_eq!(trial.problem.as_deref(), Some("status 302, and redirects are not followed"));
    let written = json!([{"url": receiver.url()}]);
    let parsed: Vec<WebhookSection> = serde_json::from_value(written).unwrap();
    assert!(Webhook::read(&parsed).unwrap_err().what.contains("private address"));
}

#[tokio::test]
async fn a_failure_tells_nothing_of_the_url() {
    let closed = Receiver::start(200, "").await.port();
    let url = format!("http://127.0.0.1:{closed}/CANARY?access_token=CANARY");
    let yard = Yard::new(json!([{"name": "ops", "url": url, "private_network": true}])).await;
    let trial = yard.webhooks.test("ops").await.unwrap();
    let problem = trial.problem.unwrap();
    assert!(trial.answer.is_none() && !problem.contains("CANARY"), "{problem}");
    let view = yard.webhooks.list().await.unwrap().remove(0);
    assert_eq!(view.origin, format!("http://127.0.0.1:{closed}"));
    assert!(!format!("{view:?}").contains("CANARY"));
    assert_eq!(view.last.unwrap().status, DeliveryStatus::Failed);
}

#[tokio::test]
async fn what_another_version_raised_is_not_sent_as_something_else() {
    let receiver = Receiver::start(200, "").await;
    let mut yard = Yard::new(json!([json_hook(&receiver)])).await;
    let unknown = NewDelivery {
        webhook: "ops".to_owned(),
        event: "018f".to_owned(),
        kind: "of.next.year".to_owned(),
        body: r#"{"type":"of.next.year","data":{}}"#.to_owned(),
        raised: SystemTime::UNIX_EPOCH,
        next: Some(SystemTime::UNIX_EPOCH),
    };
    yard.catalog.add_deliveries(&[unknown]).await.unwrap();
    let (stop, working) = yard.work();
    let [delivery] = yard.once(all(DeliveryStatus::Failed)).await.try_into().unwrap();
    assert_eq!(delivery.problem.as_deref(), Some("this version does not know the event"));
    assert!(matches!(yard.webhooks.redeliver(1).await, Err(Error::UnknownDelivery(1))));
    stop.cancel();
    working.await.unwrap();
}
