//! The cookie that holds a session (RFC 6265). Pure.
//!
//! Scripts cannot read it, and other sites cannot make a browser send it with a change. Over TLS it has the prefix
//! `__Host-`: a browser takes such a one only from this very host, so that neither a page without TLS nor one of a
//! neighbouring name can put another session there.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::headers;

/// The cookie of a session.
pub(crate) const SESSION: Cookie =
    Cookie { name: "entrepot_session", secure_name: "__Host-entrepot_session" };
/// The cookie of a login that is under way at a provider.
pub(crate) const LOGIN: Cookie = Cookie { name: "entrepot_login", secure_name: "__Host-entrepot_login" };

/// A cookie, by its names.
pub(crate) struct Cookie {
    name: &'static str,
    /// Its name over TLS.
    secure_name: &'static str,
}

impl Cookie {
    fn name(&self, is_https: bool) -> &'static str {
        if is_https { self.secure_name } else { self.name }
    }

    /// The value that a request brings. `is_https` says whether its client speaks TLS. Two cookies of that name are none:
    /// one of them is somebody else's.
    pub(crate) fn read<'a>(&self, headers: &'a HeaderMap, is_https: bool) -> Option<&'a str> {
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(key, _)| *key == self.name(is_https)).map(|(_, value)| value);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The value of `Set-Cookie` that hands it to a browser.
    pub(crate) fn set(&self, secret: &str, is_https: bool, max_age: Duration) -> HeaderValue {
        let mut value = headers::value(self.write(secret, is_https, max_age));
        value.set_sensitive(true);
        value
    }

    /// The value of `Set-Cookie` that removes it.
    pub(crate) fn clear(&self, is_https: bool) -> HeaderValue {
        headers::value(self.write("", is_https, Duration::ZERO))
    }

    fn write(&self, secret: &str, is_https: bool, max_age: Duration) -> String {
        let secure = if is_https { "; Secure" } else { "" };
        let (name, seconds) = (self.name(is_https), max_age.as_secs());
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_this_host_alone_and_not_for_scripts() {
        let day = Duration::from_secs(86_400);
        assert_eq!(
            SESSION.set("abc", true, day),
            "__Host-entrepot_session=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            SESSION.set("abc", false, day),
            "entrepot_session=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        assert!(SESSION.clear(false).to_str().unwrap().starts_with("entrepot_session=; Path=/; Max-Age=0;"));
        assert_eq!(format!("{:?}", SESSION.set("abc", true, day)), "Sensitive");
    }

    #[test]
    fn it_is_read_by_the_name_of_its_scheme() {
        let read = |values: &[&str], is_https| {
            let values = values.iter().map(|value| (header::COOKIE, HeaderValue::from_str(value).unwrap()));
            let mut all = HeaderMap::new();
            values.for_each(|(name, value)| {
                all.append(name, value);
            });
            SESSION.read(&all, is_https).map(str::to_owned)
        };
        let is = |secret: &str| Some(secret.to_owned());
        assert_eq!(read(&["a=b; entrepot_session=x; c=d"], false), is("x"));
        assert_eq!(read(&["a=b", "entrepot_session=x"], false), is("x"));
        assert_eq!(read(&["entrepot_session=x; __Host-entrepot_session=y"], true), is("y"));
        assert_eq!(read(&["entrepot_session=x"], true), None, "set by a page without TLS");
        assert_eq!(read(&["entrepot_session=x; entrepot_session=y"], false), None, "set by a neighbour");
        assert_eq!(read(&["entrepot_session"], false), None);
        assert_eq!(read(&[], false), None);
    }
}
