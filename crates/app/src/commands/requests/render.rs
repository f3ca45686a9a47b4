//! Requests for people.

use comfy_table::CellAlignment::{Left, Right};
use entrepot_api::{ImageRequest, ImageRequestList, ImageRequestLook, ImageRequestStatus};

use crate::output::{self, Column, amount, joined, sentence, size, word};

/// What there is to an image.
pub(super) fn look(look: &ImageRequestLook) -> String {
    let ahead = match look.ahead {
        0 => sentence!("nobody waits"),
        ahead => before_it(ahead),
    };
    let (total, missing) = (size(look.total), size(look.missing));
    let facts = sentence!(
        "{total}, {missing} of it not here; {ahead}",
        total = total,
        missing = missing,
        ahead = ahead
    );
    let (image, platforms) = (&look.image, look.platforms.join(", "));
    output::line(&sentence!(
        "`{image}` ({platforms}): {facts}",
        image = image,
        platforms = platforms,
        facts = facts
    ))
}

fn before_it(requests: u64) -> String {
    sentence!("{requests} before it", requests = amount(requests, "request"))
}

/// A request in one line.
pub(super) fn line(request: &ImageRequest) -> String {
    let (id, image, progress) = (request.id, &request.image, progress(request));
    let what =
        sentence!("request {id} for `{image}`: {progress}", id = id, image = image, progress = progress);
    let pull = match request.status {
        ImageRequestStatus::Done => sentence!("; pull it: docker pull {image}", image = request.pull),
        _ => String::new(),
    };
    output::line(&format!("{what}{pull}"))
}

/// How far a request is.
pub(super) fn progress(request: &ImageRequest) -> String {
    let mut parts = vec![word(request.status)];
    match (request.status, request.total) {
        (ImageRequestStatus::Running, Some(total)) => {
            parts.push(format!("{} / {}", size(request.done), size(total)));
        }
        (_, Some(total)) => parts.push(size(total)),
        (_, None) => {}
    }
    if let Some(position) = request.position {
        parts.push(before_it(position));
    }
    parts.extend(request.rate.map(|rate| format!("{}/s", size(rate))));
    parts.extend(request.seconds_left.map(|seconds| sentence!("{seconds} s left", seconds = seconds)));
    joined(&parts)
}

/// Several requests.
pub(super) fn table(list: &ImageRequestList) -> String {
    if list.requests.is_empty() {
        return sentence!("there are no requests") + "\n";
    }
    let columns =
        [Column("ID", Right), Column("IMAGE", Left), Column("PLATFORMS", Left), Column("STATUS", Left)];
    let row = |request: &ImageRequest| {
        let platforms = request.platforms.join(", ");
        vec![request.id.to_string(), request.image.clone(), platforms, progress(request)]
    };
    output::table(&columns, list.requests.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> ImageRequest {
        let text = r#"{"id":7,"image":"docker.io/library/nginx:1","pull":"m.test/docker.io/library/nginx:1",
            "platforms":["linux/amd64"],"status":"running","position":null,"seconds_left":6,"done":1048576,"total":4194304,
            "rate":524288,"digest":null,"askers":1,"error":null,"created":"2026-11-30T12:00:00Z","started":null,"finished":null}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn how_far_a_request_is_in_one_line() {
        assert_eq!(progress(&request()), "running, 1.0 MiB / 4.0 MiB, 512.0 KiB/s, 6 s left");
        let status = ImageRequestStatus::Queued;
        let queued = ImageRequest { status, position: Some(2), rate: None, seconds_left: None, ..request() };
        assert_eq!(progress(&queued), "queued, 4.0 MiB, 2 requests before it");
        let done =
            ImageRequest { status: ImageRequestStatus::Done, rate: None, seconds_left: None, ..request() };
        assert_eq!(
            line(&done),
            "request 7 for `docker.io/library/nginx:1`: done, 4.0 MiB; pull it: docker pull m.test/docker.io/library/nginx:1\n"
        );
        let list = ImageRequestList { requests: vec![done], ..ImageRequestList::default() };
        assert!(table(&list).contains("linux/amd64"));
        assert_eq!(table(&ImageRequestList::default()), "there are no requests\n");
    }
}
