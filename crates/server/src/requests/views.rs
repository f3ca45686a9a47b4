//! Requests as the JSON API has them. Pure.

use entrepot_api as api;
use entrepot_catalog::{ImageRequestStatus, Listing};
use entrepot_requests::{Image, ImageLook, RequestFault, RequestState};

use super::words::hint;
use crate::pages::words::Language;

/// Who reads them, and where.
#[derive(Clone, Debug)]
pub(crate) struct RequestViewer {
    /// What stands in front of image names.
    pub(crate) host: String,
    pub(crate) language: Language,
}

pub(crate) fn list(page: Listing<RequestState>, viewer: &RequestViewer) -> api::ImageRequestList {
    let next = page.rows.last().filter(|_| page.more).map(|last| id(last.record.id));
    let requests = page.rows.into_iter().map(|state| request(state, viewer)).collect();
    api::ImageRequestList { requests, more: page.more, next }
}

pub(crate) fn request(
    RequestState { record, position: place, rate }: RequestState,
    viewer: &RequestViewer,
) -> api::ImageRequest {
    let error = record.error.as_deref().and_then(RequestFault::of).map(|fault| api::ImageRequestError {
        code: code(fault),
        hint: hint(fault, viewer.language).to_owned(),
        detail: record.detail.clone().unwrap_or_default(),
    });
    api::ImageRequest {
        id: id(record.id),
        pull: format!("{}/{}", viewer.host, record.image),
        image: record.image,
        platforms: record.platforms.split(',').map(str::to_owned).collect(),
        status: status(record.step.status),
        position: place.position,
        seconds_left: place.left.map(|left| left.as_secs()),
        done: record.step.bytes_done,
        total: record.step.bytes_total,
        rate,
        digest: record.step.digest.map(|digest| digest.to_string()),
        askers: record.askers,
        error,
        created: record.created.into(),
        started: record.started.map(Into::into),
        finished: record.finished.map(Into::into),
    }
}

pub(crate) fn look(image: &Image, look: &ImageLook) -> api::ImageRequestLook {
    let texts = |platforms: &[entrepot_oci::Platform]| platforms.iter().map(ToString::to_string).collect();
    api::ImageRequestLook {
        image: image.explicit(),
        digest: look.whole.digest.to_string(),
        platforms: texts(&look.whole.platforms),
        offered: texts(&look.whole.offered),
        total: look.whole.size(),
        missing: look.missing,
        ahead: look.ahead,
    }
}

pub(crate) fn status_named(text: &str) -> Option<ImageRequestStatus> {
    use ImageRequestStatus::{Canceled, Done, Failed, Queued, Running};
    [Queued, Running, Done, Failed, Canceled].into_iter().find(|status| status.as_str() == text)
}

fn status(status: ImageRequestStatus) -> api::ImageRequestStatus {
    match status {
        ImageRequestStatus::Queued => api::ImageRequestStatus::Queued,
        ImageRequestStatus::Running => api::ImageRequestStatus::Running,
        ImageRequestStatus::Done => api::ImageRequestStatus::Done,
        ImageRequestStatus::Failed => api::ImageRequestStatus::Failed,
        ImageRequestStatus::Canceled => api::ImageRequestStatus::Canceled,
    }
}

fn code(fault: RequestFault) -> api::ImageRequestFault {
    match fault {
        RequestFault::NotFound => api::ImageRequestFault::NotFound,
        RequestFault::Denied => api::ImageRequestFault::Denied,
        RequestFault::RateLimited => api::ImageRequestFault::RateLimited,
        RequestFault::Registry => api::ImageRequestFault::Registry,
        RequestFault::NoPlatform => api::ImageRequestFault::NoPlatform,
        RequestFault::TooLarge => api::ImageRequestFault::TooLarge,
        RequestFault::NoSpace => api::ImageRequestFault::NoSpace,
        RequestFault::Damaged => api::ImageRequestFault::Damaged,
        RequestFault::Store => api::ImageRequestFault::Store,
        RequestFault::Lapsed => api::ImageRequestFault::Lapsed,
    }
}

fn id(id: i64) -> u32 {
    u32::try_from(id).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_on_both_sides() {
        for fault in RequestFault::ALL {
            assert_eq!(code(fault).as_str(), fault.as_str());
            assert_ne!(hint(fault, Language::English), hint(fault, Language::Chinese));
        }
        for word in ["queued", "running", "done", "failed", "canceled"] {
            assert_eq!(status(status_named(word).unwrap()).as_str(), word);
        }
        assert!(status_named("x").is_none());
    }
}
