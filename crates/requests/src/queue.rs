//! Whose turn it is, when that will be, and who may ask for more. Pure.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{ImageRequestCounts, ImageRequestRecord, ImageRequestStatus};

use crate::{error::Error, section::PerClient};

/// How long a request counts for what a client may ask in a day.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a request is in the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuePosition {
    /// How many come before it; `None` once its turn has come.
    pub position: Option<u64>,
    /// How long it takes until all of it is here, as far as anybody can say.
    pub left: Option<Duration>,
}

/// Where a request is among those that are open, in their order. `rate` is how many bytes come in a second, for all.
pub(crate) fn place(open: &[&ImageRequestRecord], id: i64, rate: Option<u64>) -> QueuePosition {
    let Some(at) = open.iter().position(|request| request.id == id) else { return QueuePosition::default() };
    let upto = open.get(..=at).unwrap_or_default();
    let is_queued = open.get(at).is_some_and(|request| is_queued(request));
    let before = upto.iter().filter(|request| is_queued_before(request, id)).count();
    // Those whose turn has come share what comes, whoever was first.
    let counted = open.iter().filter(|request| request.id <= id || !self::is_queued(request));
    let bytes = counted.map(|request| bytes_left(request)).fold(0, u64::saturating_add);
    let left = rate.filter(|rate| *rate > 0).map(|rate| Duration::from_secs(bytes.div_ceil(rate)));
    QueuePosition { position: is_queued.then(|| u64::try_from(before).unwrap_or(u64::MAX)), left }
}

fn is_queued_before(request: &ImageRequestRecord, id: i64) -> bool {
    request.id < id && is_queued(request)
}

fn is_queued(request: &ImageRequestRecord) -> bool {
    request.step.status == ImageRequestStatus::Queued
}

fn bytes_left(request: &ImageRequestRecord) -> u64 {
    request.step.bytes_total.unwrap_or_default().saturating_sub(request.step.bytes_done)
}

/// Whether a client may ask for one more, by what it has asked for in the last [`DAY`].
pub(crate) fn may_ask(counts: ImageRequestCounts, may: PerClient, now: SystemTime) -> Result<(), Error> {
    if let Some(limit) = may.open.filter(|limit| counts.open >= u64::from(*limit)) {
        return Err(Error::TooManyOpen(limit));
    }
    if let Some(limit) = may.daily.filter(|limit| counts.recent >= u64::from(*limit)) {
        let ends = counts.first_recent.map(|first| first + DAY);
        let after = ends.and_then(|ends| ends.duration_since(now).ok()).unwrap_or_default();
        return Err(Error::TooManyToday { limit, after });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::ImageRequestStep;

    use super::*;

    fn request(id: i64, status: ImageRequestStatus, done: u64, total: u64) -> ImageRequestRecord {
        ImageRequestRecord {
            id,
            image: format!("docker.io/library/a:{id}"),
            platforms: "linux/amd64".to_owned(),
            step: ImageRequestStep { status, digest: None, bytes_total: Some(total), bytes_done: done },
            error: None,
            detail: None,
            askers: 1,
            created: SystemTime::UNIX_EPOCH,
            started: None,
            finished: None,
        }
    }

    // operate.md row 52
    #[test]
    fn a_place_counts_those_that_are_open() {
        use ImageRequestStatus::{Queued, Running};
        let all = [
            request(1, Running, 50, 100),
            request(3, Queued, 0, 100),
            request(4, Running, 0, 100),
            request(7, Queued, 0, 100),
        ];
        let open: Vec<_> = all.iter().collect();
        let place = |id, rate| place(&open, id, rate);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(place(3, Some(10)), QueuePosition { position: Some(0), left: seconds(25) });
        assert_eq!(place(7, Some(10)), QueuePosition { position: Some(1), left: seconds(35) });
        assert_eq!(place(1, Some(10)), QueuePosition { position: None, left: seconds(15) });
        assert_eq!(place(7, None), QueuePosition { position: Some(1), left: None }, "nothing has come yet");
        assert_eq!(place(7, Some(0)).left, None);
        assert_eq!(place(2, Some(10)), QueuePosition::default(), "it has ended");
    }

    // operate.md row 11 and §3
    #[test]
    fn a_client_may_ask_so_often() {
        let now = SystemTime::UNIX_EPOCH + 3 * DAY;
        let counts = |open, recent| ImageRequestCounts {
            open,
            recent,
            first_recent: Some(now - DAY + Duration::from_secs(90)),
        };
        let ask = |counts, may| may_ask(counts, may, now);
        assert!(ask(counts(2, 19), PerClient::PUBLIC).is_ok());
        assert!(matches!(ask(counts(3, 3), PerClient::PUBLIC), Err(Error::TooManyOpen(3))));
        let Err(Error::TooManyToday { limit: 20, after }) = ask(counts(0, 20), PerClient::PUBLIC) else {
            panic!()
        };
        assert_eq!(after.as_secs(), 90);
        assert!(ask(counts(1000, 1000), PerClient::default()).is_ok());
        let none = PerClient { open: Some(0), daily: None };
        assert!(ask(ImageRequestCounts::default(), none).is_err(), "0 is none, from the first one");
    }
}
