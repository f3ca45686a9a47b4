//! Search filters with a place for a name (RFC 4515). Pure.

use std::fmt;

use ldap3::ldap_escape;

/// A filter with `{user}` or `{dn}` in it.
#[derive(Clone, PartialEq, Eq)]
pub struct FilterTemplate(String);

/// Why a text is not a filter template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is not a filter.
    #[error("it is not an LDAP filter such as `(uid={{user}})`")]
    Form,
    /// It has no place for a name.
    #[error("it has neither `{{user}}` nor `{{dn}}`, so it would find the same for everybody")]
    Place,
}

impl FilterTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// It is not one.
    pub fn new(text: &str) -> Result<Self, FilterError> {
        if !text.contains("{user}") && !text.contains("{dn}") {
            return Err(FilterError::Place);
        }
        let template = Self(text.trim().to_owned());
        ldap3::parse_filter(template.filled("a", "cn=a")).map_err(|()| FilterError::Form)?;
        Ok(template)
    }

    /// The filter for somebody. Whatever they are called, it stays one filter.
    pub(crate) fn filled(&self, user: &str, dn: &str) -> String {
        let mut text = String::with_capacity(self.0.len() + dn.len());
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('{') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("{user}") {
                text.push_str(&ldap_escape(user));
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{dn}") {
                text.push_str(&ldap_escape(dn));
                rest = after;
            } else {
                text.push('{');
                rest = &rest[1..];
            }
        }
        text.push_str(rest);
        text
    }

    /// True if it depends on nothing but a DN, so that groups of groups can be found with it.
    pub fn is_by_dn(&self) -> bool {
        self.0.contains("{dn}") && !self.0.contains("{user}")
    }

    /// The attribute that holds the user's name: `uid` in `(uid={user})`.
    pub fn name_attribute(&self) -> Option<&str> {
        let (before, _) = self.0.split_once("={user}")?;
        let name = &before[before.rfind(['(', '&', '|', '!']).map_or(0, |at| at + 1)..];
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_name.then_some(name)
    }
}

impl fmt::Debug for FilterTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> FilterTemplate {
        FilterTemplate::new(text).unwrap()
    }

    #[test]
    fn a_template_is_a_filter_with_a_place() {
        for good in ["(uid={user})", "(&(objectClass=person)(|(uid={user})(mail={user})))", "(member={dn})"] {
            assert!(FilterTemplate::new(good).is_ok(), "{good}");
        }
        assert_eq!(FilterTemplate::new("(uid=alice)"), Err(FilterError::Place));
        for bad in ["(uid={user}", "uid={user})(", "({user})"] {
            assert_eq!(FilterTemplate::new(bad), Err(FilterError::Form), "{bad}");
        }
    }

    #[test]
    fn names_stay_values() {
        let filled = template("(&(objectClass=person)(uid={user}))").filled("*)(uid=*", "");
        assert_eq!(filled, "(&(objectClass=person)(uid=\\2a\\29\\28uid=\\2a))");
        assert_eq!(template("(uid={user})").filled("{dn}", "cn=x"), "(uid={dn})", "nothing is filled twice");
    }

    #[test]
    fn the_name_attribute_is_the_one_that_is_compared() {
        assert_eq!(template("(uid={user})").name_attribute(), Some("uid"));
        let filter = template("(&(objectClass=user)(sAMAccountName={user}))");
        assert_eq!(filter.name_attribute(), Some("sAMAccountName"));
        assert_eq!(template("(member={dn})").name_attribute(), None);
    }

    proptest! {
        /// Whatever somebody is called, the filter has the same shape.
        #[test]
        fn a_name_never_changes_the_filter(user in any::<String>()) {
            let filled = template("(&(objectClass=person)(uid={user}))").filled(&user, "");
            let inner = filled.strip_prefix("(&(objectClass=person)(uid=").unwrap().strip_suffix("))").unwrap();
            prop_assert!(!inner.contains(['(', ')', '*', '\0']));
        }
    }
}
