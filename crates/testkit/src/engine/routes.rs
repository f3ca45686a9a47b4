//! Which handler answers.

use super::{
    commit, containers, context::Context, create, events, exec, images, inspect, logs, reply::Reply, stats,
    system, volumes,
};

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
        ("POST", ["images", name @ .., "push"]) => commit::push(context, &name.join("/")),
        ("DELETE", ["images", name @ ..]) => commit::remove(context, &name.join("/")),
        ("POST", ["commit"]) => commit::commit(context),
        ("GET", ["events"]) => events::stream(context),
        ("GET", ["images", name @ .., "json"]) => images::look(context, &name.join("/")),
        ("POST", ["containers", "create"]) => create::docker(context),
        ("POST", ["libpod", "containers", "create"]) => create::libpod(context),
        ("GET", ["containers", "json"]) => inspect::list(context),
        ("GET", ["containers", name, "json"] | ["libpod", "containers", name, "json"]) => {
            inspect::look(context, name)
        }
        ("GET", ["containers", name, "logs"]) => logs::read(context, name),
        ("GET", ["containers", name, "stats"]) => stats::read(context, name),
        ("POST", ["containers", name, "exec"]) => exec::create(context, name),
        ("GET", ["exec", id, "json"]) => exec::look(context, id),
        ("POST", ["exec", id, "resize"]) => exec::resize(context, id),
        ("POST", ["containers", name, verb]) => containers::act(context, name, verb),
        ("DELETE", ["containers", name]) => containers::remove(context, name),
        ("POST", ["volumes", "create"]) => volumes::create(context),
        ("GET", ["volumes"]) => volumes::list(context),
        ("DELETE", ["volumes", name]) => volumes::remove(context, name),
        _ => Reply::new(404, "text/plain; charset=utf-8", "404 page not found\n"),
    }
}
