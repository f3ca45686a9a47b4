//! What the engine says when a pull fails, as recorded of real ones.

use entrepot_oci::ImageRef;
use serde_json::json;

use super::{dialect::Dialect, offer::Refusal, reply::Reply};

/// An error before the answer has begun, or within it.
enum RefusalReply {
    Before(u16, String),
    Within(String),
}

use RefusalReply::{Before, Within};

/// Refuses a pull in the engine's words.
pub(crate) fn refuse(dialect: Dialect, image: &ImageRef, refusal: Refusal) -> Reply {
    let said = match dialect {
        Dialect::Docker20 => docker20(image, refusal),
        Dialect::Docker28 => docker28(image, refusal),
        Dialect::Podman4 => Within(podman4(image, refusal)),
        Dialect::Podman5 => podman5(image, refusal),
    };
    match said {
        Before(status, text) => Reply::error(dialect, status, &text),
        Within(text) => {
            let error = json!({"progressDetail": {}, "errorDetail": {"message": text}, "error": text});
            Reply::new(200, "application/json", format!("{error}\r\n"))
        }
    }
}

fn docker20(image: &ImageRef, refusal: Refusal) -> RefusalReply {
    let host = image.host();
    match refusal {
        Refusal::NotFound => {
            Before(404, format!("manifest for {image} not found: manifest unknown: manifest unknown"))
        }
        Refusal::Denied => Before(500, "denied".to_owned()),
        Refusal::RateLimited => {
            Before(500, "toomanyrequests: you have reached your pull rate limit".to_owned())
        }
        Refusal::Tls => {
            Before(500, format!("Get \"https://{host}/v2/\": x509: certificate signed by unknown authority"))
        }
        Refusal::DiskFull => {
            Within("write /var/lib/docker/tmp/GetImageBlob1: no space left on device".to_owned())
        }
        Refusal::Platform => {
            Within("no matching manifest for linux/amd64 in the manifest list entries".to_owned())
        }
        Refusal::Registry => {
            Before(500, "received unexpected HTTP status: 500 Internal Server Error".to_owned())
        }
        Refusal::Network => Before(
            500,
            format!("Get \"http://{host}/v2/\": dial tcp 127.0.0.1:1: connect: connection refused"),
        ),
    }
}

fn docker28(image: &ImageRef, refusal: Refusal) -> RefusalReply {
    let head = format!("failed to resolve reference \"{image}\"");
    let url = format!("http://{}/v2/{}/manifests/1", image.host(), image.repository());
    let unexpected = |status| {
        Before(500, format!("unknown: {head}: unexpected status from HEAD request to {url}: {status}"))
    };
    let failed = |cause| Before(500, format!("{head}: failed to do request: Head \"{url}\": {cause}"));
    match refusal {
        Refusal::NotFound => Before(404, format!("{head}: {image}: not found")),
        Refusal::Denied => unexpected("403 Forbidden"),
        Refusal::RateLimited => unexpected("429 Too Many Requests"),
        Refusal::Registry => unexpected("500 Internal Server Error"),
        Refusal::Tls => failed("tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        Refusal::Network => failed("dial tcp 127.0.0.1:1: connect: connection refused"),
        Refusal::DiskFull => Within("failed to copy: write /var/lib/containerd/x: no space left on device".to_owned()),
        Refusal::Platform => Before(
            404,
            "no matching manifest for linux/amd64 in the manifest list entries: no match for platform in manifest: not found"
                .to_owned(),
        ),
    }
}

fn podman4(image: &ImageRef, refusal: Refusal) -> String {
    let (host, repository) = (image.host(), image.repository());
    let source = format!("initializing source docker://{image}");
    let reading = format!("{source}: reading manifest 1 in {host}/{repository}");
    let pinging = format!("{source}: pinging container registry {host}: Get \"https://{host}/v2/\"");
    match refusal {
        Refusal::NotFound => format!("{reading}: manifest unknown: manifest unknown"),
        Refusal::Denied => format!("{reading}: denied"),
        Refusal::RateLimited => format!("{reading}: toomanyrequests: you have reached your pull rate limit"),
        Refusal::Registry => format!("{reading}: received unexpected HTTP status: 500 Internal Server Error"),
        Refusal::Tls => format!("{pinging}: x509: certificate signed by unknown authority"),
        Refusal::Network => format!("{pinging}: dial tcp 127.0.0.1:1: connect: connection refused"),
        Refusal::DiskFull => {
            "writing blob: storing blob to file \"/var/tmp/storage1/1\": no space left on device".to_owned()
        }
        Refusal::Platform => format!(
            "choosing an image from manifest list docker://{image}: no image found in image index for architecture amd64, \
             variant \"\", OS linux"
        ),
    }
}

// It says the last cause and no more.
fn podman5(image: &ImageRef, refusal: Refusal) -> RefusalReply {
    let host = image.host();
    match refusal {
        Refusal::NotFound => Before(404, "manifest unknown: manifest unknown".to_owned()),
        Refusal::Denied => Before(403, "denied".to_owned()),
        Refusal::RateLimited => {
            Before(429, "toomanyrequests: you have reached your pull rate limit".to_owned())
        }
        Refusal::Registry => {
            Before(500, "received unexpected HTTP status: 500 Internal Server Error".to_owned())
        }
        Refusal::Tls => Before(
            500,
            format!(
                "pinging container registry {host}: tls: failed to verify certificate: x509: certificate signed by unknown authority"
            ),
        ),
        Refusal::Network => Before(500, "connection refused".to_owned()),
        Refusal::DiskFull => Within("writing blob: storing blob to file: no space left on device".to_owned()),
        Refusal::Platform => Before(
            500,
            "no image found in image index for architecture \"amd64\", variant \"\", OS \"linux\"".to_owned(),
        ),
    }
}
