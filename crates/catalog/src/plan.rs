//! Decides which manifests go when a tag or a manifest is removed. Pure; `removal` looks and acts.
//!
//! Candidates are only what the removed manifest leads to: manifests it lists and manifests about it, on and on.
//! A candidate stays if a tag, or a manifest that stays, leads to it.

use std::collections::HashMap;

use entrepot_oci::Digest;

/// A manifest that may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Whether a tag still points at it.
    pub(crate) is_tagged: bool,
    /// The manifests that list it.
    pub(crate) parents: Vec<Digest>,
    /// The manifests it lists, and those about it, as far as they are held.
    pub(crate) leads_to: Vec<Digest>,
}

/// The candidates that go, in order of digest. `chosen` goes whatever leads to it.
pub(crate) fn doomed(
    mut candidates: HashMap<Digest, Candidate>,
    chosen: Option<Digest>,
) -> Vec<(Digest, u64)> {
    let mut gone = Vec::new();
    if let Some((digest, candidate)) = chosen.and_then(|digest| candidates.remove_entry(&digest)) {
        gone.push((digest, candidate.size));
    }
    // A parent that is no candidate is not in question: it stays, and so does what it lists.
    let stays = |candidate: &Candidate| {
        let has_other_parent = candidate
            .parents
            .iter()
            .any(|parent| !candidates.contains_key(parent) && Some(*parent) != chosen);
        candidate.is_tagged || has_other_parent
    };
    let mut kept: Vec<_> =
        candidates.iter().filter(|(_, candidate)| stays(candidate)).map(|(digest, _)| *digest).collect();
    while let Some(digest) = kept.pop() {
        if let Some(candidate) = candidates.remove(&digest) {
            kept.extend(candidate.leads_to);
        }
    }
    gone.extend(candidates.into_iter().map(|(digest, candidate)| (digest, candidate.size)));
    gone.sort_unstable();
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(letter: char) -> Digest {
        Digest::of(letter.to_string().as_bytes())
    }

    /// `edges` are `from>to`; `tagged` and the result are letters.
    fn decide(all: &str, edges: &[&str], tagged: &str, chosen: Option<char>) -> String {
        let mut candidates: HashMap<_, _> = all.chars().map(|c| (name(c), Candidate::default())).collect();
        for edge in edges {
            let (from, to) = (name(edge.chars().next().unwrap()), name(edge.chars().nth(2).unwrap()));
            if let Some(candidate) = candidates.get_mut(&from) {
                candidate.leads_to.push(to);
            }
            // `a~b`: b is about a.
            if edge.contains('>') {
                candidates.get_mut(&to).unwrap().parents.push(from);
            }
        }
        for c in tagged.chars() {
            candidates.get_mut(&name(c)).unwrap().is_tagged = true;
        }
        let gone = doomed(candidates, chosen.map(name));
        all.chars().filter(|c| gone.iter().any(|(digest, _)| *digest == name(*c))).collect()
    }

    #[test]
    fn what_only_it_led_to_goes() {
        assert_eq!(decide("abc", &["a>b", "a>c"], "", None), "abc");
        assert_eq!(decide("abc", &["a>b", "a>c"], "b", None), "ac");
        assert_eq!(decide("abc", &["a>b", "a>c", "x>c"], "", None), "ab");
        assert_eq!(decide("abcd", &["a>b", "b>c", "c>d"], "c", None), "ab");
    }

    #[test]
    fn a_tag_or_a_parent_keeps_it_and_what_it_leads_to() {
        assert_eq!(decide("abs", &["a>b", "a~s"], "a", None), "");
        assert_eq!(decide("abs", &["x>a", "a>b", "a~s"], "", None), "");
    }

    #[test]
    fn the_chosen_one_goes_all_the_same() {
        assert_eq!(decide("ab", &["x>a", "a>b"], "a", Some('a')), "ab");
    }

    #[test]
    fn what_is_about_it_goes_with_it() {
        assert_eq!(decide("ast", &["a~s", "s~t"], "", None), "ast");
        assert_eq!(decide("ast", &["a~s", "s~t"], "s", None), "a");
    }
}
