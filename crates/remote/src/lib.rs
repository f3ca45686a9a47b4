//! Speaks to any registry that is not ours.
