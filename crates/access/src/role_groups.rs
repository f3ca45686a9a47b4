//! Which groups of a provider or directory give which role. Pure.

use std::collections::BTreeSet;

use crate::role::Role;

/// The groups for each role. Names are compared exactly: `/team` is not `team`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleGroups(Vec<(Role, BTreeSet<String>)>);

impl RoleGroups {
    /// These groups give these roles.
    pub fn new(groups: impl IntoIterator<Item = (Role, Vec<String>)>) -> Self {
        let mut all: Vec<_> =
            groups.into_iter().map(|(role, names)| (role, names.into_iter().collect())).collect();
        // The most powerful first.
        all.sort_by_key(|(role, _): &(Role, BTreeSet<String>)| std::cmp::Reverse(*role));
        Self(all)
    }

    /// The role of somebody in these groups: the most powerful one. `None` is no access.
    pub fn role_of(&self, groups: &[String]) -> Option<Role> {
        let is_in = |names: &BTreeSet<String>| groups.iter().any(|group| names.contains(group));
        self.0.iter().find(|(_, names)| is_in(names)).map(|(role, _)| *role)
    }

    /// True if no group gives any role.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, names)| names.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(groups: &[&str]) -> Option<Role> {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let roles = RoleGroups::new([
            (Role::Viewer, of(&["staff"])),
            (Role::User, of(&["dev", "ml"])),
            (Role::Admin, of(&["ops"])),
        ]);
        roles.role_of(&of(groups))
    }

    #[test]
    fn the_most_powerful_role_counts_and_no_match_is_no_access() {
        assert_eq!(role(&["staff", "ml"]), Some(Role::User));
        assert_eq!(role(&["dev", "ops", "staff"]), Some(Role::Admin));
        assert_eq!((role(&["other"]), role(&[])), (None, None));
    }

    // Row 74 of the traps: Keycloak writes paths, and whoever configured `ops` did not mean `/evil/ops`.
    #[test]
    fn groups_match_exactly() {
        for other in ["/ops", "Ops", "ops ", "evil/ops", "op", "ops2"] {
            assert_eq!(role(&[other]), None, "{other}");
        }
    }
}
