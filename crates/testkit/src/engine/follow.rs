//! Answers that go on while something happens.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::stream;

use super::{
    reply::Chunks,
    state::{EngineShared, EngineState},
};

/// What there is to say next.
pub(crate) enum NextOutput {
    /// This.
    Say(Bytes),
    /// Nothing yet.
    Wait,
    /// Nothing any more.
    End,
}

/// Says what `next` finds, looking again whenever something changes.
pub(crate) fn follow(
    shared: Arc<EngineShared>,
    next: impl FnMut(&mut EngineState) -> NextOutput + Send + 'static,
) -> Chunks {
    let changes = shared.changes();
    Box::pin(stream::unfold((shared, changes, next), async |(shared, mut changes, mut next)| {
        loop {
            changes.mark_unchanged();
            let found = next(&mut shared.state());
            match found {
                NextOutput::Say(bytes) => return Some((io::Result::Ok(bytes), (shared, changes, next))),
                NextOutput::End => return None,
                NextOutput::Wait => changes.changed().await.ok()?,
            }
        }
    }))
}
