//! Checks that a changed text is the same tree except for the intended changes.

use std::collections::HashMap;

use super::{Data, Tree, TreeNode};

/// The intended changes, by the node's offset in the old text.
pub(crate) type Changes = HashMap<usize, ScalarChange>;

/// The intended change to a scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScalarChange {
    /// Its new value.
    pub(crate) text: Option<String>,
    /// The entry inserted before the entry with this value.
    pub(crate) before: Option<(String, String)>,
    /// The entry inserted after the entry with this value.
    pub(crate) beside: Option<(String, String)>,
    /// The mapping that replaces it.
    pub(crate) mapping: Option<Vec<(String, String)>>,
}

/// True if `new` is `old` with `changes` and nothing else.
pub(crate) fn same(old: &Tree<'_>, new: &Tree<'_>, changes: &Changes) -> bool {
    old.documents.len() == new.documents.len()
        && old.documents.iter().zip(&new.documents).all(|(old, new)| node(old, new, changes))
}

fn node(old: &TreeNode<'_>, new: &TreeNode<'_>, changes: &Changes) -> bool {
    old.anchor == new.anchor && old.tag == new.tag && data(old, new, changes)
}

fn data(old: &TreeNode<'_>, new: &TreeNode<'_>, changes: &Changes) -> bool {
    match (&old.data, &new.data) {
        (Data::Alias(old), Data::Alias(new)) => old == new,
        (Data::Sequence { items: old }, Data::Sequence { items: new }) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| node(old, new, changes))
        }
        (Data::Mapping { pairs: old, .. }, Data::Mapping { pairs: new, .. }) => mapping(old, new, changes),
        (Data::Scalar { text, .. }, _) => scalar(text, new, changes.get(&old.span.start)),
        _ => false,
    }
}

fn scalar(old: &str, new: &TreeNode<'_>, change: Option<&ScalarChange>) -> bool {
    let Some(change) = change else { return new.text() == Some(old) };
    match &change.mapping {
        Some(entries) => {
            let Data::Mapping { pairs, .. } = &new.data else { return false };
            pairs.len() == entries.len()
                && pairs.iter().zip(entries).all(|(pair, entry)| is_entry(pair, entry))
        }
        None => new.text() == Some(change.text.as_deref().unwrap_or(old)),
    }
}

type NodePair<'a> = (TreeNode<'a>, TreeNode<'a>);

fn mapping(old: &[NodePair<'_>], new: &[NodePair<'_>], changes: &Changes) -> bool {
    let mut new = new.iter();
    let follow = old.iter().all(|(key, value)| {
        let change = changes.get(&value.span.start);
        let before = change.and_then(|change| change.before.as_ref());
        if !before.is_none_or(|entry| new.next().is_some_and(|pair| is_entry(pair, entry))) {
            return false;
        }
        let Some(pair) = new.next() else { return false };
        let beside = change.and_then(|change| change.beside.as_ref());
        node(key, &pair.0, changes)
            && node(value, &pair.1, changes)
            && beside.is_none_or(|entry| new.next().is_some_and(|pair| is_entry(pair, entry)))
    });
    follow && new.next().is_none()
}

fn is_entry(pair: &NodePair<'_>, entry: &(String, String)) -> bool {
    pair.0.text() == Some(&entry.0) && pair.1.text() == Some(&entry.1)
}

#[cfg(test)]
mod tests {
    use super::{super::yaml, *};

    fn is_same(old: &str, new: &str, changes: &Changes) -> bool {
        same(&yaml::read(old).unwrap(), &yaml::read(new).unwrap(), changes)
    }

    #[test]
    fn only_what_was_to_change_may_differ() {
        let old = "a: &x nginx\nb: [1, *x]\n";
        let none = Changes::new();
        assert!(is_same(old, "a:   &x 'nginx' # c\nb:\n- 1\n- *x\n", &none));
        for new in
            ["a: &x nginy\nb: [1, *x]\n", "a: nginx\nb: [1, nginx]\n", "a: &x nginx\nb: [1]\n", "b: 1\n"]
        {
            assert!(!is_same(old, new, &none), "{new}");
        }
        let at = old.find("nginx").unwrap();
        let text = ScalarChange { text: Some("m/nginx".into()), ..ScalarChange::default() };
        assert!(is_same(old, "a: &x m/nginx\nb: [1, *x]\n", &Changes::from([(at, text.clone())])));
        assert!(!is_same(old, "a: &x nginx\nb: [1, *x]\n", &Changes::from([(at, text)])));
    }

    #[test]
    fn entries_that_were_put_in_are_expected() {
        let old = "- name: a\n  tag: b\n- c\n";
        let beside = ScalarChange { beside: Some(("new".into(), "x".into())), ..ScalarChange::default() };
        let mapping =
            ScalarChange { mapping: Some(vec![("name".into(), "y".into())]), ..ScalarChange::default() };
        let changes =
            Changes::from([(old.find("a\n").unwrap(), beside), (old.find("c\n").unwrap(), mapping)]);
        assert!(is_same(old, "- name: a\n  new: x\n  tag: b\n- {name: y}\n", &changes));
        assert!(!is_same(old, "- name: a\n  tag: b\n  new: x\n- {name: y}\n", &changes));
        assert!(!is_same(old, "- name: a\n  new: x\n  tag: b\n- c\n", &changes));
    }
}
