//! Who the engine is, and who we are.

use entrepot_engine::{Engine, Error, Product, TlsFault};
use entrepot_testkit::until_answer;

use crate::setting::{Real, endpoint, set};

#[tokio::test]
async fn the_engine_is_known() {
    let Some(Real { engine, .. }) = Real::find().await else { return };
    let version = engine.version();
    let expected = set("ENTREPOT_TEST_PRODUCT");
    println!("{} {} speaks {}", version.product, version.release, version.api);
    assert!(expected.is_none_or(|name| name.eq_ignore_ascii_case(&version.product.to_string())));
    assert_eq!(version.os, "linux");
    let pong = engine.ping().await.unwrap();
    assert!(pong.date_ms.is_some());
    let info = engine.info().await.unwrap();
    assert!(
        info.cpus > 0 && info.memory > 0 && !info.storage.is_empty() && !info.root.is_empty(),
        "{info:?}"
    );
    assert!(info.runtimes.contains("runc"), "{info:?}");
    println!("{info:?}");
    // Docker 28 says that it does not find what others remove while it counts.
    let usage = until_answer("bytes", async || engine.disk_usage().await.ok()).await;
    assert!(usage.images > 0, "{usage:?}");
    assert_eq!(usage.disk.is_some(), version.product == Product::Podman);
    let images = until_answer("images", async || engine.images().await.ok()).await;
    assert!(images.iter().any(|image| !image.tags.is_empty()), "{images:?}");
}

#[tokio::test]
async fn a_certificate_that_is_not_known_is_refused() {
    if set("ENTREPOT_TEST_CERTIFICATES").is_none() {
        return;
    }
    let endpoint = endpoint("other-cert.pem", "other-key.pem").unwrap();
    let error = Engine::connect(endpoint).await.unwrap_err();
    assert!(matches!(error, Error::Tls(TlsFault::Client | TlsFault::Closed)), "{error:?}");
}
