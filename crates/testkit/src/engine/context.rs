//! What handlers need.

use std::sync::Arc;

use super::{
    call::EngineCall,
    reply::Reply,
    state::{EngineShared, EngineState},
};

/// What handlers need.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Arc<EngineShared>,
    pub(crate) state: &'a mut EngineState,
    pub(crate) call: &'a EngineCall,
}

impl Context<'_> {
    /// An error in the engine's form.
    pub(crate) fn error(&self, status: u16, message: &str) -> Reply {
        Reply::error(self.shared.dialect, status, message)
    }

    pub(crate) fn no_such_container(&self, name: &str) -> Reply {
        self.error(
            404,
            &match self.shared.dialect.is_podman() {
                true => format!("no container with name or ID \"{name}\" found: no such container"),
                false => format!("No such container: {name}"),
            },
        )
    }
}
