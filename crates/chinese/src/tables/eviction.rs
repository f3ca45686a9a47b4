//! What goes when there is too much.

pub(super) const SENTENCES: &[(&str, &str)] =
    &[("this must be more than 0", "必须大于 0"), ("this must be 1h or more", "至少为 1h")];
