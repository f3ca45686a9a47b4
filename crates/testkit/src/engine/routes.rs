//! Which handler answers.

use super::{
    call::EngineCall,
    containers, create, images, inspect,
    reply::Reply,
    state::{Shared, State},
    system, volumes,
};

/// What handlers need.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) state: &'a mut State,
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

/// The answer to a request, as a sane engine gives it.
pub(crate) fn answer(context: &mut Context<'_>) -> Reply {
    let call = context.call;
    if let Some(refusal) = system::refuse_version(context) {
        return refusal;
    }
    let segments: Vec<&str> = call.path.split('/').collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["version"]) => Reply::ok(&context.shared.dialect.version()),
        ("GET" | "HEAD", ["_ping"]) => Reply::new(200, "text/plain; charset=utf-8", "OK"),
        ("GET", ["info"]) => system::info(context),
        ("GET", ["libpod", "info"]) => system::libpod_info(),
        ("GET", ["system", "df"]) => system::usage(context),
        ("GET", ["images", "json"]) => images::list(context),
        ("POST", ["images", "create"]) => images::pull(context),
        ("GET", ["images", name @ .., "json"]) => images::look(context, &name.join("/")),
        ("POST", ["containers", "create"]) => create::docker(context),
        ("POST", ["libpod", "containers", "create"]) => create::libpod(context),
        ("GET", ["containers", "json"]) => inspect::list(context),
        ("GET", ["containers", name, "json"]) => inspect::look(context, name),
        ("POST", ["containers", name, verb]) => containers::act(context, name, verb),
        ("DELETE", ["containers", name]) => containers::remove(context, name),
        ("POST", ["volumes", "create"]) => volumes::create(context),
        ("GET", ["volumes"]) => volumes::list(context),
        ("DELETE", ["volumes", name]) => volumes::remove(context, name),
        _ => Reply::new(404, "text/plain; charset=utf-8", "404 page not found\n"),
    }
}
