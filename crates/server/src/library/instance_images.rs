//! The JSON API of the images of instances: another one for an instance, and one made of it.

use axum::body::Body as RequestBody;
use entrepot_access::Verb;
use entrepot_api::{
    self as api, CommittedImage, InstanceCommit, InstanceReimage, InstanceSaving, Problem as ProblemBody,
    ProblemCode,
};
use entrepot_catalog::Origin;
use entrepot_library::{LibraryImage, SavingPhase, SavingProgress, SavingWatch};
use http::{Response, StatusCode};

use super::instances::meant;
use crate::{
    answer,
    body::Body,
    sync::problem::Problem,
    web::{
        allowed::{access, by, refused},
        call::WebCall,
        following::{FollowedSource, follow},
        request::{Segment, document},
    },
};

/// Give an instance the image of another entry
///
/// Its disk goes; its data volume, its ports, its cards and its name stay. One that runs is stopped and starts again; another
/// one has it from its next start on.
#[utoipa::path(
    post, path = "/api/v1/library/instances/{id}/image", operation_id = "reimageInstance", tag = "library",
    params(
        ("id" = u32, Path, description = "The instance"),
        ("If-Match" = Option<String>, Header, description = "The revision that the change is for")
    ),
    request_body = InstanceReimage,
    responses(
        (status = 202, description = "It has the image, and starts again if it ran"),
        (status = 409, description = "It is on its way to something else, or the entry is not offered", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "It was changed since", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn reimage(
    id: Segment,
    call: WebCall,
    body: RequestBody,
) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let InstanceReimage { entry } = document(body).await?;
    let entry = i64::from(entry)
        .try_into()
        .map_err(|_| Problem::bad("no entry has this id").about("entry").in_chinese("没有这个 id 的镜像"))?;
    library.reimage_instance(target, entry, by(&call)).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

/// Save the disk of an instance as an image
///
/// Under a name that takes pushes, where the caller may push. Its data volume and the variables that were set for it are not
/// in the image. The answer comes when the image is there; it is made in any case.
#[utoipa::path(
    post, path = "/api/v1/library/instances/{id}/commit", operation_id = "commitInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    request_body = InstanceCommit,
    responses(
        (status = 201, description = "The image is there", body = CommittedImage),
        (status = 409, description = "It has no container, or is being saved already", body = ProblemBody, content_type = "application/problem+json"),
        (status = 502, description = "Its node cannot do it", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn commit(id: Segment, call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let InstanceCommit { image } = document(body).await?;
    let image = library.image_to_push(&image)?;
    if image.key().origin == Origin::Hosted && !may_push(&call, &image)? {
        return Err(refused(&call).about("image").coded(ProblemCode::Forbidden));
    }
    let saved = library.commit_instance(target, image, by(&call)).await?;
    Ok(answer::created(&CommittedImage { image: saved.image, digest: saved.digest.to_string() }))
}

/// Follow the saving of an instance
///
/// Server-sent events of the name `saving`, each with an `InstanceSaving`: at once, and at least twice a second until it is
/// saved or fails, when the stream ends. What came of it is the answer to `commitInstance`.
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}/commit/events", operation_id = "watchCommit", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "A stream of events"),
        (status = 404, description = "It is not being saved", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn watch_commit(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    follow(&call, FollowedSaving(library.watch_saving(target).await?))
}

struct FollowedSaving(SavingWatch);

impl FollowedSource for FollowedSaving {
    const EVENT: &'static str = "saving";

    async fn next(&mut self) -> Option<String> {
        let SavingProgress { phase, done, total } = self.0.next().await?;
        let phase = match phase {
            SavingPhase::Making => api::SavingPhase::Making,
            SavingPhase::Sending => api::SavingPhase::Sending,
        };
        // Types of strings and numbers always serialize.
        Some(serde_json::to_string(&InstanceSaving { phase, done, total }).unwrap_or_default())
    }

    fn now(&self) -> Option<String> {
        None
    }
}

fn may_push(call: &WebCall, image: &LibraryImage) -> Result<bool, Problem> {
    let (rules, full) = (access(call)?.rules(), image.key().to_string());
    let rights = rules.rights(&call.caller.sender.principal, &full, rules.visibility(&full));
    Ok(rights.has(Verb::Push))
}
