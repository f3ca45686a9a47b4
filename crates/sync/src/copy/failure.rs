//! Turns copy errors into messages: the fact, and a hint if one is known.

use entrepot_oci::Digest;
use entrepot_oci::ManifestError;
use entrepot_remote::{Error as RemoteError, InvalidResponse, Refusal};

use super::{
    send::SendError,
    walk::{Sparse, WalkError},
};
use crate::{
    CopyFailure, CopyJob, Format, JobOutcome, JobTarget, Place, Shape, endpoints::EndpointError,
    shape::ShapeError,
};

const PLATFORMS: &str = "copy only platforms that it has: `--platform`, or `platforms` of the destination";

/// The outcome of a target if the source could not be read.
pub(super) fn of_walk(job: &CopyJob, error: &WalkError) -> JobOutcome {
    let source = &job.source;
    let failed = |what: String, hint: Option<&str>| JobOutcome::Failed(failure(what, hint, true));
    match error {
        WalkError::Root(EndpointError::Budget(after)) | WalkError::Below(_, EndpointError::Budget(after)) => {
            JobOutcome::Postponed { after: *after }
        }
        WalkError::Root(error) if error.is_not_found() => failed(
            format!("the image is not at `{source}`"),
            Some(match job.rule.is_empty() {
                true => "look at the spelling; some registries also say this of what needs an account",
                false => "it may have been deleted or moved since it was listed",
            }),
        ),
        WalkError::Below(digest, error) if error.is_not_found() => {
            failed(format!("`{source}` does not have {digest}, which the image names"), Some(PLATFORMS))
        }
        WalkError::Sparse(Sparse { missing, there }) => {
            let what = format!("`{source}` does not have {} of the image", missing.join(", "));
            let platforms: Vec<String> = there.iter().map(ToString::to_string).collect();
            let hint = match platforms.is_empty() {
                true => "the source has none of its platforms".to_owned(),
                false => format!(
                    "copy what it has: `--platform {}`, or `platforms` of the destination",
                    platforms.join(",")
                ),
            };
            failed(what, Some(&hint))
        }
        WalkError::Root(error) | WalkError::Below(_, error) => JobOutcome::Failed(at_source(source, error)),
        WalkError::UnknownContent(_, why) => {
            let hint = matches!(**why, ManifestError::Schema1).then_some(
                "build and push it again with a tool of today, or convert it: `skopeo copy --format v2s2`",
            );
            failed(format!("at `{source}`: {error}"), hint)
        }
        WalkError::Manifest(..) | WalkError::TooMuch => {
            failed(format!("the image at `{source}` is not usable: {error}"), None)
        }
    }
}

/// A read error.
pub(super) fn at_source(source: &Place, error: &EndpointError) -> CopyFailure {
    let (what, hint) = match error {
        EndpointError::Registry(RemoteError::Invalid(InvalidResponse::WrongDigest)) => {
            (format!("`{source}` sent bytes with the wrong digest"), None)
        }
        EndpointError::Registry(denied @ RemoteError::Denied { status: 401, .. }) => {
            return not_logged_in(
                source,
                &format!("cannot pull from `{source}` ({})", denied.reason()),
                true,
            );
        }
        EndpointError::Registry(denied @ RemoteError::Denied { .. }) => (
            format!("no right to pull from `{source}` ({})", denied.reason()),
            Some("set an account that has it under `credentials`, or log in"),
        ),
        other => common(source, other),
    };
    failure(what, hint, true)
}

/// A write error.
pub(super) fn at_target(target: &JobTarget, error: &EndpointError) -> CopyFailure {
    let place = &target.place;
    let (what, hint) = match error {
        EndpointError::Registry(denied @ RemoteError::Denied { status: 401, .. }) => {
            return not_logged_in(place, &format!("cannot push to `{place}` ({})", denied.reason()), false);
        }
        EndpointError::Registry(denied @ RemoteError::Denied { .. }) => {
            let (what, hint) = refused(target, denied.refusal().unwrap_or(Refusal::Other));
            (format!("{what} ({})", denied.reason()), hint)
        }
        EndpointError::Registry(RemoteError::NotFound) => refused(target, Refusal::Repository),
        other => common(place, other),
    };
    failure(what, hint, false)
}

/// An error when a layout or archive is completed.
pub(super) fn at_place(place: &Place, error: &EndpointError) -> CopyFailure {
    let (what, hint) = common(place, error);
    failure(what, hint, false)
}

/// An error of either side.
pub(super) fn of_fault(source: &Place, target: &JobTarget, fault: &SendError) -> JobOutcome {
    JobOutcome::Failed(match fault {
        SendError::Source(error) => at_source(source, error),
        SendError::Missing(digest) => failure(
            format!("`{source}` does not have {digest}, a layer of the image"),
            Some(
                "a foreign layer is kept elsewhere; copy only platforms without it: `--platform`, or `platforms` of the destination",
            ),
            true,
        ),
        SendError::Target(error) => at_target(target, error),
    })
}

/// The image cannot have the requested shape.
pub(super) fn of_shape(error: &ShapeError) -> CopyFailure {
    let hint = match error {
        ShapeError::Platform { .. } => Some(PLATFORMS),
        ShapeError::Zstd(_) => Some("build it with gzip, or leave `format` at `keep`"),
        ShapeError::NotAnImage(_) => Some("leave `format` at `keep`"),
        ShapeError::Document(_) => None,
    };
    failure(error.to_string(), hint, true)
}

/// The image would have another digest at the target than the one that the target is named with.
pub(super) fn of_other_digest(target: &JobTarget, digest: &Digest) -> CopyFailure {
    let wanted = target.digest.as_ref().map_or_else(String::new, ToString::to_string);
    let hint = match target.shape.format {
        Format::Docker => "this registry takes images in another form only: name the image by its tag alone",
        Format::Keep => "leave out the digest, or name the one that the source has",
    };
    let what = format!("it would be {digest} there, and is named as {wanted}; nothing was written");
    failure(what, Some(hint), false)
}

// Nobody is logged in, or the password is not right any more.
fn not_logged_in(place: &Place, what: &str, at_source: bool) -> CopyFailure {
    let hint = format!("log in: `entrepot login {}`", host(place));
    failure(what.to_owned(), Some(&hint), at_source)
}

fn failure(what: String, hint: Option<&str>, at_source: bool) -> CopyFailure {
    CopyFailure { what, hint: hint.map(str::to_owned), at_source }
}

fn refused(target: &JobTarget, refusal: Refusal) -> (String, Option<&'static str>) {
    let JobTarget { place, reference, shape, .. } = target;
    match refusal {
        Refusal::Form => (format!("`{place}` does not accept manifests of this type"), another_form(shape)),
        Refusal::Incomplete => (
            format!("`{place}` says that part of the image is missing, although it was sent"),
            Some("run it again; if that does not help, the registry loses data"),
        ),
        Refusal::Repository => (
            format!("there is no repository `{place}`, and pushing does not create it"),
            Some("create the repository, or the project that it is in, first"),
        ),
        Refusal::Name => {
            (format!("`{place}` does not allow this name for a repository or tag"), Some("use another name"))
        }
        Refusal::Rights => (
            format!("no right to push to `{place}`"),
            Some("give the account that right, or set another one under `credentials`"),
        ),
        Refusal::Size => (
            format!("`{place}` does not accept this much in one request"),
            Some("set a smaller `chunk` for this registry"),
        ),
        Refusal::StorageQuota => (
            format!("there is no space left at `{place}`"),
            Some("delete something there, or raise the quota"),
        ),
        Refusal::Immutable => (
            format!("`{place}` has `{reference}`, and does not allow it to be moved"),
            Some("list it under `immutable`, so that it is left alone"),
        ),
        Refusal::Upload | Refusal::Unsupported | Refusal::Other => (format!("`{place}` refuses"), None),
    }
}

fn another_form(shape: &Shape) -> Option<&'static str> {
    match shape.format {
        Format::Keep => Some("set `format: docker` for this target"),
        Format::Docker => None,
    }
}

fn common(place: &Place, error: &EndpointError) -> (String, Option<&'static str>) {
    match error {
        EndpointError::Registry(unreachable @ RemoteError::Unreachable { fault, .. }) => {
            (format!("`{}` cannot be reached: {}", host(place), unreachable.reason()), Some(fault.hint()))
        }
        EndpointError::Registry(RemoteError::TimedOut) => {
            (format!("`{}` did not answer in time", host(place)), None)
        }
        EndpointError::Registry(RemoteError::Cut { .. }) => {
            (format!("`{}` breaks off in the middle of answers", host(place)), None)
        }
        EndpointError::Registry(RemoteError::Failing { status, .. }) => {
            (format!("`{}` fails with status {status}", host(place)), Some("try again later"))
        }
        EndpointError::Registry(RemoteError::Limited { .. }) => {
            (format!("`{}` asks to slow down", host(place)), Some("set a lower `rate` for this registry"))
        }
        EndpointError::Registry(denied @ RemoteError::Denied { .. }) => {
            (format!("`{place}` refuses ({})", denied.reason()), None)
        }
        EndpointError::NotFound | EndpointError::Registry(RemoteError::NotFound) => {
            (format!("it is not at `{place}`"), None)
        }
        EndpointError::Locked(_) => (error.to_string(), Some("wait until it is done")),
        EndpointError::ReadOnly => (error.to_string(), Some("write to `oci-archive:FILE`")),
        EndpointError::Ambiguous(names) => (
            format!("several images in `{place}` have that tag: {}", names.join(", ")),
            Some("give the whole name behind the path: `docker-archive:FILE:NAME:TAG`"),
        ),
        EndpointError::Malformed { .. } | EndpointError::File { .. } => (error.to_string(), None),
        other => (format!("`{}`: {other}", host(place)), None),
    }
}

fn host(place: &Place) -> String {
    place.host().map_or_else(|| place.to_string(), ToString::to_string)
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
