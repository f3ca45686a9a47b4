//! Work that must not stop half-way when whoever asked for it leaves.

/// Does work to its end.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        // It is never aborted, so it panicked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
