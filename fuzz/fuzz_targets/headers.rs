//! Three numbers and any one header that is read by itself: `Range`, `Content-Range` of a chunk and of an answer,
//! `Retry-After`, `If-None-Match` and their like.

#![no_main]

use entrepot_oci::laws;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u8, u8, &[u8])| {
    let (size, from, length, header) = input;
    entrepot_server::laws::header(header);
    let Ok(header) = std::str::from_utf8(header) else { return };
    laws::byte_range(header, size);
    // Most sizes that the fuzzer thinks of are far beyond any number that it writes.
    laws::byte_range(header, size % 64);
    laws::byte_ranges(header, size);
    laws::chunk_range(header);
    let from = u64::from(from);
    entrepot_remote::laws::content_range(header, from, None);
    entrepot_remote::laws::content_range(header, from, Some(from + 1 + u64::from(length)));
    entrepot_remote::laws::retry_after(header);
});
