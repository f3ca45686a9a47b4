//! Images made of containers, and sent away.

use entrepot_oci::{Digest, ImageRef};
use serde_json::json;

use super::{
    context::Context, dialect::Dialect, images, offer::PullableImage, refuse, reply::Reply, state::image_id,
};

pub(crate) fn commit(context: &mut Context<'_>) -> Reply {
    let (name, repo, tag) =
        (context.call.value("container"), context.call.value("repo"), context.call.value("tag"));
    if context.state.container(name).is_none() {
        return context.no_such_container(name);
    }
    let Ok(image) = format!("{repo}:{tag}").parse::<ImageRef>() else {
        return context.error(400, "invalid reference format");
    };
    let reference = image.to_string();
    let id = image_id(&reference);
    let mut offer = PullableImage::of_layers(&[5000]);
    for change in context.call.values("changes") {
        if let Some((name, value)) = change.strip_prefix("ENV ").and_then(|rest| rest.split_once('=')) {
            offer.environment.insert(name.to_owned(), unquoted(value, context.shared.dialect));
        }
    }
    context.state.images.insert(reference, offer);
    Reply::json(201, &json!({"Id": id}))
}

pub(crate) fn push(context: &Context<'_>, name: &str) -> Reply {
    let reference = format!("{name}:{}", context.call.value("tag"));
    let Some(image) = reference.parse::<ImageRef>().ok() else { return images::missing(context, name) };
    if !context.state.images.contains_key(&image.to_string()) {
        return images::missing(context, name);
    }
    if let Some(Err(refusal)) = context.state.offers.get(&image.to_string()) {
        return refuse::refuse(context.shared.dialect, &image, *refusal);
    }
    let lines = [
        json!({"status": format!("The push refers to repository [{name}]")}),
        json!({"status": "Preparing", "progressDetail": {}, "id": "aa11"}),
        json!({"status": "Pushing", "progressDetail": {"current": 2500, "total": 5000}, "id": "aa11"}),
        json!({"status": "Pushing", "progressDetail": {"current": 5000, "total": 5000}, "id": "aa11"}),
        json!({"status": "Pushed", "progressDetail": {}, "id": "aa11"}),
        json!({"status": format!("{}: digest: {} size: 500", context.call.value("tag"), Digest::of(reference.as_bytes()))}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    Reply::new(200, "application/json", text)
}

pub(crate) fn remove(context: &mut Context<'_>, name: &str) -> Reply {
    let removed =
        name.parse().ok().and_then(|image: ImageRef| context.state.images.remove(&image.to_string()));
    match removed {
        Some(_) => Reply::ok(&json!([{"Untagged": name}])),
        None => images::missing(context, name),
    }
}

// As Dockerfiles have it; Podman 4 takes off the outer quotes, and the rest as it is.
fn unquoted(value: &str, dialect: Dialect) -> String {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
    if dialect == Dialect::Podman4 {
        return inner.to_owned();
    }
    let (mut text, mut characters) = (String::new(), inner.chars());
    while let Some(character) = characters.next() {
        let is_escape = character == '\\';
        text.extend(if is_escape { characters.next() } else { Some(character) });
    }
    text
}
