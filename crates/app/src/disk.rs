//! Watches the disk that the data directory is on: how full it is for metrics, and that it is nearly full for operators.

use std::{path::PathBuf, time::Duration};

use entrepot_events::{DiskLow, Event, EventSender};
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio_util::sync::CancellationToken;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(60);
/// Less than this share free is low, in percent.
const LOW: u64 = 10;
/// What is low is so until this share is free, so that one file more or less is no news.
const FINE: u64 = 12;

/// Gauges of the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskMetrics {
    free: Gauge,
    size: Gauge,
}

impl DiskMetrics {
    /// Gauges on `registry`.
    pub(crate) fn on(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let about = "Bytes that are free on the disk of the data directory";
        registry.register("entrepot_disk_free_bytes", about, metrics.free.clone());
        let about = "Size of the disk of the data directory, in bytes";
        registry.register("entrepot_disk_size_bytes", about, metrics.size.clone());
        metrics
    }

    fn set(&self, disk: &DiskLow) {
        let gauge = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.free.set(gauge(disk.free));
        self.size.set(gauge(disk.size));
    }
}

/// Looks at the disk of `directory` until `stop`.
pub(crate) async fn watch(
    directory: PathBuf,
    metrics: DiskMetrics,
    events: EventSender,
    stop: CancellationToken,
) {
    let mut state = Fullness::default();
    loop {
        let looked = directory.clone();
        // A network file system may make it wait.
        if let Ok(Some(disk)) = tokio::task::spawn_blocking(move || look(&looked)).await {
            metrics.set(&disk);
            if state.has_become_low(&disk) {
                tracing::warn!(free = disk.free, size = disk.size, "the disk is nearly full");
                events.raise(Event::DiskLow(disk));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

fn look(directory: &std::path::Path) -> Option<DiskLow> {
    let disk = rustix::fs::statvfs(directory).ok()?;
    // What only root may use is not free for us.
    Some(DiskLow { free: disk.f_bavail * disk.f_frsize, size: disk.f_blocks * disk.f_frsize })
}

/// Whether the disk was low.
#[derive(Default)]
struct Fullness {
    is_low: bool,
}

impl Fullness {
    /// True if the disk is low and was not. Pure.
    fn has_become_low(&mut self, disk: &DiskLow) -> bool {
        let most = if self.is_low { FINE } else { LOW };
        let is_low = u128::from(disk.free) * 100 < u128::from(disk.size) * u128::from(most);
        let has_become = is_low && !self.is_low;
        self.is_low = is_low;
        has_become
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_is_low_is_told_once() {
        let mut state = Fullness::default();
        let told: Vec<_> = [50, 10, 9, 8, 11, 9, 12, 11, 9]
            .map(|free| (free, state.has_become_low(&DiskLow { free, size: 100 })))
            .into_iter()
            .filter_map(|(free, told)| told.then_some(free))
            .collect();
        assert_eq!(told, [9, 9], "11 of 100 is neither low nor fine again");
        assert!(!Fullness::default().has_become_low(&DiskLow { free: 0, size: 0 }), "it has no size");
    }

    #[test]
    fn a_real_disk_has_a_size() {
        let directory = tempfile::tempdir().unwrap();
        let disk = look(directory.path()).unwrap();
        assert!(disk.size > 0 && disk.free <= disk.size, "{disk:?}");
        assert_eq!(look(std::path::Path::new("/nowhere/at/all")), None);
    }
}
