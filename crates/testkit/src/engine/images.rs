//! Images, and pulls of them.

use entrepot_oci::ImageRef;
use serde_json::{Value, json};

use super::{
    context::Context,
    offer::{PullableImage, Refusal},
    progress, refuse,
    reply::Reply,
    state::image_id,
};

pub(crate) fn list(context: &Context<'_>) -> Reply {
    let listed = context.state.images.iter().map(|(reference, offer)| described(reference, offer));
    Reply::ok(&Value::Array(listed.collect()))
}

pub(crate) fn look(context: &Context<'_>, name: &str) -> Reply {
    match name.parse().ok().and_then(|name: ImageRef| context.state.images.get_key_value(&name.to_string())) {
        Some((reference, offer)) => Reply::ok(&described(reference, offer)),
        None => missing(context, name),
    }
}

pub(crate) fn missing(context: &Context<'_>, name: &str) -> Reply {
    context.error(
        404,
        &match context.shared.dialect.is_podman() {
            true => format!("failed to find image {name}: {name}: No such image"),
            false => format!("No such image: {name}"),
        },
    )
}

fn described(reference: &str, image: &PullableImage) -> Value {
    let environment: Vec<String> =
        image.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let size: u64 = image.layers.iter().sum();
    let (tags, digests) =
        if reference.contains('@') { (vec![], vec![reference]) } else { (vec![reference], vec![]) };
    json!({
        "Id": image_id(reference), "RepoTags": tags, "RepoDigests": digests, "Created": "2026-01-01T00:00:00Z",
        "Size": size, "VirtualSize": size, "Os": "linux", "Architecture": image.architecture,
        "Config": {"Env": environment, "Cmd": ["sh"], "Entrypoint": null, "User": image.user, "Labels": null},
    })
}

pub(crate) fn pull(context: &mut Context<'_>) -> Reply {
    let (name, tag) = (context.call.value("fromImage"), context.call.value("tag"));
    let separator = if tag.contains(':') { '@' } else { ':' };
    let Ok(image) = format!("{name}{separator}{tag}").parse::<ImageRef>() else {
        return context.error(400, "invalid reference format");
    };
    let reference = image.to_string();
    let offered = context.state.offers.get(&reference).cloned();
    match offered.unwrap_or(Err(Refusal::NotFound)) {
        Ok(offer) => progress::pull(context.shared.dialect, context.state, reference, offer),
        Err(refusal) => refuse::refuse(context.shared.dialect, &image, refusal),
    }
}
