//! What is to be done about an instance because of the time. Pure.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{InstanceDesired, InstancePhase, InstanceReason, InstanceRecord};

use super::settings::InstanceSettings;

/// What is to be done because of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DueAction {
    /// Warn its owner that it ends at this time.
    Warn(SystemTime),
    /// Stop it, and why.
    Stop(InstanceReason),
    /// Remove it. Its volumes stay.
    Release,
}

/// When an instance is removed: when its owner said, or when it has been stopped for as long as the operator allows.
pub(crate) fn release(instance: &InstanceRecord, after: Option<Duration>) -> Option<SystemTime> {
    let is_stopped =
        matches!(instance.state.phase, InstancePhase::Stopped | InstancePhase::Failed | InstancePhase::Lost);
    let since = instance.state.stopped.unwrap_or(instance.changed);
    let by_operator = after.filter(|_| is_stopped).map(|after| since + after);
    [instance.release_at, by_operator].into_iter().flatten().min()
}

/// When an instance is stopped, and why: when its owner said, or when its account has used up its hours.
pub(crate) fn stop(
    instance: &InstanceRecord,
    quota: Option<SystemTime>,
) -> Option<(SystemTime, InstanceReason)> {
    let said = instance.stop_at.map(|at| (at, InstanceReason::TimedStop));
    let quota = quota.map(|at| (at, InstanceReason::QuotaUsed));
    let stops = [said, quota].into_iter().flatten().min_by_key(|(at, _)| *at);
    stops.filter(|_| instance.state.desired == InstanceDesired::Running)
}

/// What is due now. `quota`: when its account has used up its hours.
pub(crate) fn due(
    instance: &InstanceRecord,
    settings: &InstanceSettings,
    quota: Option<SystemTime>,
    now: SystemTime,
) -> Option<DueAction> {
    if instance.state.desired == InstanceDesired::Deleted {
        return None;
    }
    let release = release(instance, settings.release_stopped_after);
    let stop = stop(instance, quota);
    if release.is_some_and(|at| at <= now) {
        return Some(DueAction::Release);
    }
    if let Some((_, reason)) = stop.filter(|(at, _)| *at <= now) {
        return Some(DueAction::Stop(reason));
    }
    let next = [release, stop.map(|(at, _)| at)].into_iter().flatten().min()?;
    let is_near = now + settings.warn_before >= next;
    (is_near && instance.state.warned.is_none()).then_some(DueAction::Warn(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instances::sample;

    const MINUTE: Duration = Duration::from_secs(60);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    fn running(stop_at: Option<SystemTime>, release_at: Option<SystemTime>) -> InstanceRecord {
        InstanceRecord { stop_at, release_at, ..sample::instance(InstancePhase::Running) }
    }

    fn found(instance: &InstanceRecord) -> Option<DueAction> {
        due(instance, &InstanceSettings::default(), None, now())
    }

    #[test]
    fn nothing_goes_by_a_clock_that_nobody_set() {
        assert_eq!(found(&running(None, None)), None);
        let old =
            InstanceRecord { changed: SystemTime::UNIX_EPOCH, ..sample::instance(InstancePhase::Stopped) };
        assert_eq!(found(&old), None);
    }

    #[test]
    fn it_is_warned_of_once_and_then_done() {
        let soon = running(Some(now() + 10 * MINUTE), None);
        assert_eq!(found(&soon), Some(DueAction::Warn(now() + 10 * MINUTE)));
        let mut warned = soon;
        warned.state.warned = Some(now());
        assert_eq!(found(&warned), None);
        warned.stop_at = Some(now());
        assert_eq!(found(&warned), Some(DueAction::Stop(InstanceReason::TimedStop)));
        assert_eq!(found(&running(Some(now() + 31 * MINUTE), None)), None);
    }

    #[test]
    fn a_release_goes_over_a_stop() {
        assert_eq!(found(&running(Some(now()), Some(now()))), Some(DueAction::Release));
        let near = running(Some(now() + 20 * MINUTE), Some(now() + 10 * MINUTE));
        assert_eq!(found(&near), Some(DueAction::Warn(now() + 10 * MINUTE)));
    }

    #[test]
    fn a_stopped_one_is_removed_where_an_operator_says_so() {
        let settings =
            InstanceSettings { release_stopped_after: Some(60 * MINUTE), ..InstanceSettings::default() };
        let mut stopped = sample::instance(InstancePhase::Stopped);
        stopped.state.desired = InstanceDesired::Stopped;
        stopped.state.stopped = Some(now() - 60 * MINUTE);
        assert_eq!(due(&stopped, &settings, None, now()), Some(DueAction::Release));
        stopped.state.stopped = Some(now() - 40 * MINUTE);
        assert_eq!(due(&stopped, &settings, None, now()), Some(DueAction::Warn(now() + 20 * MINUTE)));
        stopped.stop_at = Some(now() - MINUTE);
        stopped.state.warned = Some(now());
        assert_eq!(due(&stopped, &settings, None, now()), None, "it is stopped already");
        let runs = running(None, None);
        assert_eq!(due(&runs, &settings, None, now()), None);
    }

    #[test]
    fn hours_that_are_used_up_stop_it_after_a_warning() {
        let runs = running(Some(now() + 60 * MINUTE), None);
        let found = |instance: &InstanceRecord, quota| {
            due(instance, &InstanceSettings::default(), Some(quota), now())
        };
        assert_eq!(found(&runs, now() + 10 * MINUTE), Some(DueAction::Warn(now() + 10 * MINUTE)));
        assert_eq!(found(&runs, now()), Some(DueAction::Stop(InstanceReason::QuotaUsed)));
        assert_eq!(found(&runs, now() + 40 * MINUTE), None);
        let mut stopped = runs;
        stopped.state.desired = InstanceDesired::Stopped;
        assert_eq!(found(&stopped, now()), None);
    }
}
