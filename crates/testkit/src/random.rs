//! Pseudo-random bytes from a seed (xorshift64*, seeded by splitmix64).

use bytes::Bytes;

/// `length` bytes generated from `seed`.
pub(crate) fn bytes(seed: u64, length: usize) -> Bytes {
    let mut state = mix(seed);
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        out.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    out.truncate(length);
    out.into()
}

/// Spreads neighbouring seeds apart; never 0, a fixed point of xorshift.
pub(crate) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides() {
        assert_eq!(bytes(1, 100), bytes(1, 100));
        assert_ne!(bytes(1, 100), bytes(2, 100));
        assert_eq!(bytes(1, 13)[..], bytes(1, 100)[..13]);
        assert!(bytes(3, 0).is_empty());
    }
}
