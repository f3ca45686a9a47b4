//! Human-readable sizes.

/// A human-readable size; `bytes` is in bytes.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let exponent = (bytes.ilog2() / 10).min(4);
    let unit = UNITS.get(exponent as usize - 1).copied().unwrap_or("TiB");
    // One decimal, rounded down.
    let tenths = (u128::from(bytes) * 10) >> (10 * exponent);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(
            [size(0), size(1023), size(1536), size(5 << 30), size(u64::MAX)],
            ["0 B", "1023 B", "1.5 KiB", "5.0 GiB", "16777215.9 TiB"]
        );
    }
}
