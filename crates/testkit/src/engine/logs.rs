//! What containers print.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::{
    context::Context,
    follow::{NextOutput, follow},
    record::{PrintedLine, RecordStatus},
    reply::{Chunks, Reply},
    state::EngineShared,
};

/// Bytes of a piece of endless output.
const PIECE: usize = 16 << 10;
const CONTENT_TYPE: &str = "application/vnd.docker.raw-stream";

pub(crate) fn read(context: &mut Context<'_>, name: &str) -> Reply {
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    let has_terminal = record.config["Tty"] == true;
    if record.life.prints_forever {
        return Reply::stream(CONTENT_TYPE, forever(Arc::clone(context.shared), has_terminal));
    }
    let (id, printed) = (record.id.clone(), record.life.printed.len());
    let tail = context.call.value("tail").parse().unwrap_or(printed);
    let mut position = printed.saturating_sub(tail);
    if context.call.value("follow") != "true" {
        let bytes = record.life.printed[position..].iter().flat_map(|printed| framed(has_terminal, printed));
        return Reply::new(200, CONTENT_TYPE, bytes.collect::<Vec<u8>>());
    }
    let chunks = follow(Arc::clone(context.shared), move |state| {
        let Some(record) = state.container(&id) else { return NextOutput::End };
        match record.life.printed.get(position) {
            Some(printed) => {
                position += 1;
                NextOutput::Say(framed(has_terminal, printed).into())
            }
            None if record.life.status == RecordStatus::Running => NextOutput::Wait,
            None => NextOutput::End,
        }
    });
    Reply::late(CONTENT_TYPE, chunks, context.shared.dialect.is_podman())
}

/// As it is for a terminal; otherwise in a frame.
pub(crate) fn framed(has_terminal: bool, (stream, text): &PrintedLine) -> Vec<u8> {
    if has_terminal {
        return text.to_vec();
    }
    let size = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[*stream, 0, 0, 0], size.as_slice(), text].concat()
}

// As fast as it is read.
fn forever(shared: Arc<EngineShared>, has_terminal: bool) -> Chunks {
    let piece: Bytes = framed(has_terminal, &(1, Bytes::from_static(&[b'x'; PIECE]))).into();
    Box::pin(stream::repeat(()).map(move |()| {
        shared.count(piece.len());
        Ok(piece.clone())
    }))
}
