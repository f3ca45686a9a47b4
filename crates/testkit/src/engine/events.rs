//! What happens, told to whoever asks.

use std::sync::Arc;

use super::{
    context::Context,
    follow::{NextOutput, follow},
    labels::has_labels,
    reply::Reply,
};

pub(crate) fn stream(context: &mut Context<'_>) -> Reply {
    let filters = context.call.value("filters").to_owned();
    let mut position = context.state.events.len();
    let chunks = follow(Arc::clone(context.shared), move |state| {
        while let Some(event) = state.events.get(position) {
            position += 1;
            if has_labels(&event["Actor"]["Attributes"], &filters) {
                return NextOutput::Say(format!("{event}\n").into());
            }
        }
        NextOutput::Wait
    });
    Reply::late("application/json", chunks, context.shared.dialect.is_podman())
}
