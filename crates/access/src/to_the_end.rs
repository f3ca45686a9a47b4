//! Changes that are made whole, whoever waits for them.

/// Does work that must not stop half-way when whoever asked for it leaves. A panic of it goes on here.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        // It is never aborted, so it panicked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
