//! Waiting with an end: a test that hangs says nothing.

use std::time::Duration;

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until there is something, and returns it. Panics after 30 seconds, naming `what` was waited for.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looked = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    patiently(what, looked).await
}

/// Asks until the answer is `Some`, and returns it. Panics after 30 seconds, naming `what` was waited for.
pub async fn until_answer<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    patiently(what, asked).await
}

/// Waits for something that says when it is there. Panics after 30 seconds, naming `what` was waited for.
pub async fn patiently<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("waited {LIMIT:?} for {what}"))
}
