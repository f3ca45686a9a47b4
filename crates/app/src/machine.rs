//! What the machine has and does, measured again and again: the mode depends on it.

use std::{path::Path, time::Duration};

use entrepot_access::{Access, Audit, Deed};
use entrepot_server::{Disk, Machine, ModeChange, ModesInForce};
use tokio_util::sync::CancellationToken;

/// How often.
const EVERY: Duration = Duration::from_secs(5);

/// Measures until `stop`, and writes changes of the mode into the audit log.
pub(crate) async fn watch(modes: ModesInForce, access: Access, data: &Path, stop: CancellationToken) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        // Asking a file system may wait for it.
        let path = data.to_owned();
        let machine = tokio::task::spawn_blocking(move || measured(&path)).await.unwrap_or_default();
        if let Some(change) = modes.observe(machine).await {
            note(&access, change).await;
        }
    }
}

async fn note(access: &Access, ModeChange { from, to, why }: ModeChange) {
    let by = Audit { actor: "condition".to_owned(), address: None, request_id: None };
    let detail = Some(format!("{from} → {to}: {why}"));
    let deed = Deed { action: "mode.changed", object: "mode", detail };
    if let Err(error) = access.record_done(deed, &by).await {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}

fn measured(data: &Path) -> Machine {
    Machine { disk: disk(data), load: load() }
}

// What is reserved for the system's administrator is not for us.
fn disk(data: &Path) -> Option<Disk> {
    let about = rustix::fs::statvfs(data).ok()?;
    let reserved = about.f_bfree.saturating_sub(about.f_bavail);
    let bytes = |blocks: u64| blocks.saturating_mul(about.f_frsize);
    Some(Disk { size: bytes(about.f_blocks.saturating_sub(reserved)), free: bytes(about.f_bavail) })
}

#[cfg(target_os = "linux")]
fn load() -> Option<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Fixed point with 16 bits (sysinfo(2)).
    let last_minute = rustix::system::sysinfo().loads[0] as f64 / f64::from(1 << 16);
    Some(last_minute / cores as f64)
}

#[cfg(not(target_os = "linux"))]
fn load() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_a_size_and_something_free() {
        let Disk { size, free } = disk(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(size > 0 && free <= size);
        assert_eq!(disk(Path::new("/nowhere/at/all")), None);
        assert!(load().is_none_or(|load| load >= 0.0));
    }
}
