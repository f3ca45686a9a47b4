//! Tags as versions: range checks, and which of two is newer.
//!
//! A tag is a version if it consists of an optional `v`, one to three numbers and an optional `-` with a pre-release as
//! defined by semver.org: `v1.2`, `1.27.3`, `2024.01`, `1.2.3-rc1`, `8.5.0-910b-ubuntu22.04`. Missing numbers count as
//! 0. A suffix after the dash makes a version older than the same without it, as in `1.2.3-rc1`; a tag does not show
//! that `1.27-alpine` is meant otherwise.
//!
//! For the order, [`newest_first`], a version may have four numbers and any suffix: `3.4.3.10-debian`, `2.8.1-9-gfaf`.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version, VersionReq};

/// The version of `tag`, if it is one.
pub(crate) fn version(tag: &str) -> Option<Version> {
    let text = tag.strip_prefix('v').or_else(|| tag.strip_prefix('V')).unwrap_or(tag);
    let (numbers, pre) = text.split_once('-').map_or((text, None), |(numbers, pre)| (numbers, Some(pre)));
    let mut parts = numbers.split('.').map(number);
    let (major, minor, patch) = (parts.next()??, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let pre = match pre {
        None => Prerelease::EMPTY,
        Some(text) => Prerelease::new(text).ok().filter(|pre| !pre.is_empty())?,
    };
    let (minor, patch) = (minor.unwrap_or(Some(0))?, patch.unwrap_or(Some(0))?);
    Some(Version { major, minor, patch, pre, build: BuildMetadata::EMPTY })
}

// `u64::from_str` accepts a sign.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A range of versions: comparators that must all hold (`>=1.2, <2`, separated by commas or spaces), or several such
/// lists separated by `||`. `1.2` means `^1.2`: from 1.2 to before 2; `=1.2` any 1.2; `~1.2.3` from 1.2.3 to before
/// 1.3. A pre-release is in a range only if the range names a pre-release of the same version.
#[derive(Clone, Debug)]
pub(crate) struct Range(Vec<VersionReq>);

impl Range {
    /// Parses a range.
    pub(super) fn parse(text: &str) -> Result<Self, semver::Error> {
        text.split("||").map(|list| VersionReq::parse(&with_commas(list))).collect::<Result<_, _>>().map(Self)
    }

    /// True if the version is in the range.
    pub(super) fn holds(&self, version: &Version) -> bool {
        self.0.iter().any(|list| list.matches(version))
    }
}

// Spaces between comparators become commas; a space after an operator belongs to it.
fn with_commas(list: &str) -> String {
    let mut text = String::new();
    for word in list.split([',', ' ']).filter(|word| !word.is_empty()) {
        let continues = text.is_empty() || text.ends_with(['<', '>', '=', '~', '^']);
        if !continues {
            text.push_str(", ");
        }
        text.push_str(word);
    }
    text
}

/// Newest first: versions by their numbers, then those without a suffix, then suffixes in descending natural order; after
/// them other tags with digits, as `RELEASE.2026-01-31`, and then words, as `latest`, both in descending natural order.
pub(crate) fn newest_first(a: &str, b: &str) -> Ordering {
    Rank::of(b).cmp(&Rank::of(a)).then_with(|| natural(b, a))
}

/// The place of a tag in the order of age; the greatest is the newest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank<'t> {
    Word,
    WithDigits,
    Version([u64; 4], Suffix<'t>),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Suffix<'t> {
    With(Natural<'t>),
    Without,
}

#[derive(PartialEq, Eq)]
struct Natural<'t>(&'t str);

impl Ord for Natural<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        natural(self.0, other.0)
    }
}

impl PartialOrd for Natural<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'t> Rank<'t> {
    fn of(tag: &'t str) -> Self {
        let text = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let (core, suffix) = text
            .split_once('-')
            .map_or((text, Suffix::Without), |(core, suffix)| (core, Suffix::With(Natural(suffix))));
        match numbers(core) {
            Some(numbers) => Self::Version(numbers, suffix),
            None if tag.bytes().any(|byte| byte.is_ascii_digit()) => Self::WithDigits,
            None => Self::Word,
        }
    }
}

// One to four numbers; missing ones are 0.
fn numbers(core: &str) -> Option<[u64; 4]> {
    let mut numbers = [0; 4];
    for (index, part) in core.split('.').enumerate() {
        *numbers.get_mut(index)? = Some(part).filter(|part| !part.is_empty()).and_then(number)?;
    }
    Some(numbers)
}

/// Natural order: runs of digits compare as numbers, everything else by bytes. Different texts are never equal.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (left.first(), right.first()) {
        let both_digits = x.is_ascii_digit() && y.is_ascii_digit();
        let (step_left, step_right) = if both_digits { (digits(left), digits(right)) } else { (1, 1) };
        let order = if both_digits {
            let (x, y) = (significant(&left[..step_left]), significant(&right[..step_right]));
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            x.cmp(y)
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (&left[step_left..], &right[step_right..]);
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

fn digits(text: &[u8]) -> usize {
    text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len())
}

fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().position(|byte| *byte != b'0').unwrap_or(digits.len());
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_tags_are_versions() {
        for (tag, meant) in [
            ("1", "1.0.0"),
            ("v1.2", "1.2.0"),
            ("V1.2.3", "1.2.3"),
            ("1.2.3-rc1", "1.2.3-rc1"),
            ("2024.01.02", "2024.1.2"),
            ("8.5.0-910b-ubuntu22.04-py3.11", "8.5.0-910b-ubuntu22.04-py3.11"),
        ] {
            assert_eq!(version(tag).unwrap().to_string(), meant, "{tag}");
        }
        for tag in ["latest", "", "v", "1.2.3.4", "1.", "1..2", "1.2-", "1.2-a_b", "x1", "1.2-01", "vv1"] {
            assert_eq!(version(tag), None, "{tag}");
        }
    }

    #[test]
    fn ranges_hold_versions() {
        for (range, inside, outside) in [
            (">=1.2, <2", vec!["1.2", "v1.9.9"], vec!["1.1.9", "2", "1.3-rc1"]),
            (">=1.2 <2", vec!["1.2"], vec!["2.0"]),
            (">= 1.2 < 2", vec!["1.2"], vec!["2.0"]),
            ("1.2", vec!["1.2", "1.9"], vec!["2"]),
            ("=1.2", vec!["1.2.7"], vec!["1.3"]),
            ("~1.2.3", vec!["1.2.9"], vec!["1.2.2", "1.3.0"]),
            ("^1 || ^3", vec!["1.5", "3.1"], vec!["2.0"]),
            (">=1.2.3-rc1", vec!["1.2.3-rc2", "1.2.3"], vec!["1.3.0-rc1"]),
            ("*", vec!["9"], vec!["9-a"]),
        ] {
            let parsed = Range::parse(range).unwrap();
            for tag in inside {
                assert!(parsed.holds(&version(tag).unwrap()), "{range} holds {tag}");
            }
            for tag in outside {
                assert!(!parsed.holds(&version(tag).unwrap()), "{range} does not hold {tag}");
            }
        }
        for bad in ["", "new", ">1 ||", "1.2.3.4"] {
            assert!(Range::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_newest_come_first() {
        let mut tags = ["1.9", "latest", "1.10", "1.10-rc1", "build-9", "build-10", "v2", "1.10.0"];
        tags.sort_by(|a, b| newest_first(a, b));
        assert_eq!(tags, ["v2", "1.10.0", "1.10", "1.10-rc1", "1.9", "build-10", "build-9", "latest"]);
        for (newer, older) in [
            ("1.0.0-rc10", "1.0.0-rc9"),
            ("7.0.8-debian-11-r10", "7.0.8-debian-11-r9"),
            ("v2.8.1-11-gfafafaf", "v2.8.1-9-gfafafaf"),
            ("3.4.3.10-debian", "3.4.3.9-debian"),
            ("3.4.3.10-debian", "3.4"),
            ("1.0.0", "1.0.0-rc10"),
            ("1.2.3.4", "1.2.3"),
            ("1.2-01", "1.1"),
            ("RELEASE.2024-01-11T07-46-16Z", "RELEASE.2023-12-31T07-46-16Z"),
            ("RELEASE.2024-01-11T07-46-16Z", "latest"),
            ("1", "latest"),
            ("stable", "latest"),
        ] {
            assert_eq!(newest_first(newer, older), Ordering::Less, "{newer} {older}");
            assert_eq!(newest_first(older, newer), Ordering::Greater, "{newer} {older}");
        }
    }

    #[test]
    fn natural_order_counts() {
        for (less, more) in
            [("a9", "a10"), ("a", "b"), ("a1b2", "a1b10"), ("9", "a"), ("a01", "a1"), ("a1", "a1b")]
        {
            assert_eq!(natural(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(natural(more, less), Ordering::Greater, "{more} {less}");
        }
    }

    proptest::proptest! {
        #[test]
        fn orders_are_orders(mut tags in proptest::collection::vec("v?[0-9]{1,2}(\\.0?[0-9]){0,3}(-[a-c0-9.]{1,3})?", 0..12)) {
            // Sorting panics where an order contradicts itself.
            tags.sort_by(|a, b| newest_first(a, b));
            for pair in tags.windows(2) {
                assert_eq!(newest_first(&pair[1], &pair[0]), newest_first(&pair[0], &pair[1]).reverse());
                assert_eq!(natural(&pair[0], &pair[1]) == Ordering::Equal, pair[0] == pair[1]);
            }
        }
    }
}
