//! The bounds of what a spec may say.

use std::ops::RangeInclusive;

/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 100;
/// The longest remark, in characters.
pub(super) const MAX_REMARK: usize = 1000;
/// How many cards an instance may have: HAMi-core counts to 16.
pub(super) const GPU_COUNT: RangeInclusive<u32> = 1..=16;
/// The memory of a part of a card. Below this, not even a context fits.
pub(super) const GPU_MEMORY_MIB: RangeInclusive<u64> = 256..=(4 << 20);
/// The share of a card's cores.
pub(super) const CORE_PERCENT: RangeInclusive<u32> = 1..=100;
/// Thousandths of a core.
pub(super) const CPU_MILLI: RangeInclusive<u64> = 10..=4_096_000;
/// Memory. Engines take no less than 6 MiB.
pub(super) const MEMORY_MIB: RangeInclusive<u64> = 6..=(64 << 20);
/// The size of a disk.
pub(super) const DISK_GIB: RangeInclusive<u64> = 1..=(1 << 20);
/// The highest price, in ten-thousandths.
pub(super) const MAX_PRICE: u64 = 1_000_000_000_000;
/// How long a start may take.
pub(super) const START_SECONDS: RangeInclusive<u64> = 1..=86_400;
