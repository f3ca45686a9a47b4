use super::*;
use crate::JobTarget;

fn target() -> JobTarget {
    let place = Place::Registry { host: "a.example".parse().unwrap(), repository: "b/c".parse().unwrap() };
    JobTarget {
        place,
        reference: "1".parse().unwrap(),
        shape: Shape::default(),
        source_name: None,
        digest: None,
        referrers: false,
        before: None,
        backup: None,
    }
}

fn message(error: RemoteError) -> String {
    let CopyFailure { what, hint, .. } = at_target(&target(), &error.into());
    hint.map_or_else(|| what.clone(), |hint| format!("{what} · hint: {hint}"))
}

#[test]
fn refusals_have_a_way_out() {
    for (status, reason, text) in [
        (
            400,
            "TAG_INVALID: The image tag '1' already exists and cannot be overwritten",
            "`a.example/b/c` has `1`, and does not allow it to be moved (400: TAG_INVALID: The image tag '1' already exists \
             and cannot be overwritten) · hint: list it under `immutable`, so that it is left alone",
        ),
        (
            403,
            "DENIED: quota exceeded",
            "there is no space left at `a.example/b/c` (403: DENIED: quota exceeded) · hint: delete something there, or \
             raise the quota",
        ),
        (
            400,
            "NAME_INVALID",
            "`a.example/b/c` does not allow this name for a repository or tag (400: NAME_INVALID) · hint: use \
             another name",
        ),
        (
            413,
            "",
            "`a.example/b/c` does not accept this much in one request (413) · hint: set a smaller `chunk` for this registry",
        ),
        (418, "a teapot", "`a.example/b/c` refuses (418: a teapot)"),
    ] {
        assert_eq!(message(RemoteError::Denied { status, reason: reason.to_owned() }), text);
    }
}

#[test]
fn what_is_broken_is_said_plainly() {
    for (error, text) in [
        (RemoteError::TimedOut, "`a.example` did not answer in time"),
        (
            RemoteError::Failing { status: 503, retry_after: None },
            "`a.example` fails with status 503 · hint: try again later",
        ),
        (
            RemoteError::Limited { retry_after: None },
            "`a.example` asks to slow down · hint: set a lower `rate` for this registry",
        ),
    ] {
        assert_eq!(message(error), text);
    }
}

#[test]
fn forms_that_cannot_be_are_explained() {
    let zstd = of_shape(&ShapeError::Zstd(entrepot_oci::Digest::of(b"")));
    assert_eq!(zstd.hint.as_deref(), Some("build it with gzip, or leave `format` at `keep`"));
    assert!(zstd.at_source);
}
