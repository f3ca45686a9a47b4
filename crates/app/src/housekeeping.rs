//! What is done for accounts once an hour: the audit log is trimmed, and API tokens that end soon are counted.

use std::time::{Duration, SystemTime};

use entrepot_access::Access;
use entrepot_server::ServerMetrics;
use tokio_util::sync::CancellationToken;

/// How often.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Tokens that end within this time are counted.
const SOON: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Keeps house until `stop`. What fails is logged, and tried again an hour later.
pub(crate) async fn keep(
    access: Access,
    audit_kept_for: Duration,
    metrics: ServerMetrics,
    stop: CancellationToken,
) {
    loop {
        trim(&access, audit_kept_for).await;
        count(&access, &metrics).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

async fn trim(access: &Access, kept_for: Duration) {
    match access.trim_audit(kept_for).await {
        Ok(0) => {}
        Ok(count) => {
            tracing::info!("{count} entries of the audit log were older than `access.audit.keep_for`")
        }
        Err(error) => tracing::warn!(%error, "the audit log cannot be trimmed"),
    }
}

async fn count(access: &Access, metrics: &ServerMetrics) {
    let now = SystemTime::now();
    match access.count_ending_tokens(now, now + SOON).await {
        Ok(count) => metrics.api_tokens_ending(count),
        Err(error) => tracing::warn!(%error, "the API tokens that end soon cannot be counted"),
    }
}
