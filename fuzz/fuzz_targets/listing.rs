//! Any page of tags or referrers: the `Link` (or `Location`) that came with it in the first line, the document behind.

#![no_main]

use entrepot_oci::MediaType;
use entrepot_remote::laws;
use libfuzzer_sys::fuzz_target;

const PAGES: [&str; 4] = [
    "https://registry.example/v2/a/tags/list?n=2",
    "http://127.0.0.1:5000/v2/a/referrers/x",
    "http://lan.example/v2/a/tags/list",
    "https://[2606:4700::1111]/v2/",
];

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let Ok(from) = PAGES[usize::from(choice) % PAGES.len()].parse() else { return };
    let (header, document) = text.split_once('\n').unwrap_or((text, ""));
    laws::next_page(header);
    entrepot_egress::laws::redirect(&from, header);
    entrepot_egress::laws::link(&from, header);
    laws::tag_pages(document.as_bytes(), usize::from(choice));
    entrepot_oci::laws::manifest(document.as_bytes(), Some(&MediaType::OCI_INDEX));
});
