//! Which trace a span belongs to. Pure, but for random ids.

use crate::section::Sample;

/// A span's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The trace.
    pub(crate) trace: [u8; 16],
    /// The span.
    pub(crate) span: [u8; 8],
    /// Whether it is sent.
    pub(crate) is_sampled: bool,
}

impl Context {
    /// The first span of a trace.
    pub(crate) fn root(sample: Sample) -> Self {
        let trace = *uuid::Uuid::new_v4().as_bytes();
        Self { trace, span: new_span(), is_sampled: sample.takes(trace) }
    }

    /// A span below this one.
    pub(crate) fn child(&self) -> Self {
        Self { span: new_span(), ..*self }
    }

    /// What a client says in `traceparent` (W3C Trace Context §3.2); `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace) = (parts.next()?, bytes::<16>(parts.next()?)?);
        let (span, flags) = (bytes::<8>(parts.next()?)?, bytes::<1>(parts.next()?)?);
        // A later version may have more parts, and no version is `ff`.
        let is_known = bytes::<1>(version)? != [0xff] && (version != "00" || parts.next().is_none());
        let is_valid = trace != [0; 16] && span != [0; 8];
        (is_known && is_valid).then_some(Self { trace, span, is_sampled: flags[0] & 1 == 1 })
    }
}

fn new_span() -> [u8; 8] {
    uuid::Uuid::new_v4().as_u64_pair().1.to_be_bytes()
}

// Lower-case digits, as many as there have to be.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex =
        text.len() == 2 * N && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate().filter(|_| is_hex) {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    is_hex.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_clients_say_is_read_as_written_down() {
        let context = Context::parse(GOOD).unwrap();
        assert_eq!((context.trace[0], context.trace[15], context.span[7]), (0x0a, 0x9c, 0x31));
        assert!(context.is_sampled);
        assert!(!Context::parse(&GOOD.replace("-01", "-00")).unwrap().is_sampled);
        assert!(Context::parse(&format!("{}-more", GOOD.replacen("00", "01", 1))).is_some());
        for wrong in [
            "",
            "00",
            &GOOD.replacen("00", "ff", 1),
            &format!("{GOOD}-more"),
            &GOOD.to_uppercase(),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
        ] {
            assert_eq!(Context::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn children_stay_in_the_trace() {
        let parent = Context::parse(GOOD).unwrap();
        let child = parent.child();
        assert_eq!((child.trace, child.is_sampled), (parent.trace, true));
        assert_ne!(child.span, parent.span);
    }
}
