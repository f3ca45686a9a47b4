//! The most bytes that any policy can save: PFOO-L (Berger, Beckmann, Harchol-Balter, SIGMETRICS 2018).
//!
//! To find a blob again, a cache must hold it from one access to the next: its size for that long. The shortest of those spans
//! are granted until all the room there is in the whole time is used up, wherever it is. No cache can do better.

use super::{belady::next_accesses, replay::warm_up, trace::Trace};

/// The part of the bytes that no policy can exceed with a cache of `cap` bytes, from 0 to 1.
pub fn most_bytes(trace: &Trace, cap: u64) -> f64 {
    let accesses: Vec<u32> = trace.accesses().collect();
    let warm: usize =
        trace.pulls()[..warm_up(trace)].iter().map(|pull| trace.image(pull.image).blobs.len()).sum();
    let asked: u64 = accesses[warm..].iter().map(|blob| trace.size(*blob)).sum();
    let next = next_accesses(trace);
    let mut spans: Vec<(u64, u64)> = next
        .iter()
        .enumerate()
        .filter(|(_, next)| **next != u64::MAX && **next >= warm as u64)
        .map(|(nth, next)| (next - nth as u64, trace.size(accesses[nth])))
        .collect();
    spans.sort_unstable();
    let mut room = cap as f64 * accesses.len() as f64;
    let mut saved = 0;
    for (length, size) in spans {
        room -= length as f64 * size as f64;
        if room < 0.0 {
            break;
        }
        saved += size;
    }
    if asked == 0 { 0.0 } else { saved as f64 / asked as f64 }
}
