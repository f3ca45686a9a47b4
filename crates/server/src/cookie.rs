//! The cookie that holds a session (RFC 6265). Pure.
//!
//! Scripts cannot read it, and other sites cannot make a browser send it with a change. Over TLS it has the prefix
//! `__Host-`: a browser takes such a one only from this very host, so that neither a page without TLS nor one of a
//! neighbouring name can put another session there.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use crate::headers;

const NAME: &str = "entrepot_session";
const SECURE_NAME: &str = "__Host-entrepot_session";

fn name(is_https: bool) -> &'static str {
    if is_https { SECURE_NAME } else { NAME }
}

/// The secret in the cookie of a request. `is_https` says whether its client speaks TLS. Two cookies of that name are none:
/// one of them is somebody else's.
pub(crate) fn read(headers: &HeaderMap, is_https: bool) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name(is_https)).map(|(_, value)| value);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The value of `Set-Cookie` that begins a session.
pub(crate) fn set(secret: &str, is_https: bool, max_age: Duration) -> HeaderValue {
    let mut value = headers::value(write(secret, is_https, max_age));
    value.set_sensitive(true);
    value
}

/// The value of `Set-Cookie` that removes it.
pub(crate) fn clear(is_https: bool) -> HeaderValue {
    headers::value(write("", is_https, Duration::ZERO))
}

fn write(secret: &str, is_https: bool, max_age: Duration) -> String {
    let secure = if is_https { "; Secure" } else { "" };
    let (name, seconds) = (name(is_https), max_age.as_secs());
    format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_this_host_alone_and_not_for_scripts() {
        let day = Duration::from_secs(86_400);
        assert_eq!(
            set("abc", true, day),
            "__Host-entrepot_session=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            set("abc", false, day),
            "entrepot_session=abc; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax"
        );
        assert!(clear(false).to_str().unwrap().starts_with("entrepot_session=; Path=/; Max-Age=0;"));
        assert_eq!(format!("{:?}", set("abc", true, day)), "Sensitive");
    }

    #[test]
    fn it_is_read_by_the_name_of_its_scheme() {
        let read = |values: &[&str], is_https| {
            let values = values.iter().map(|value| (header::COOKIE, HeaderValue::from_str(value).unwrap()));
            let mut all = HeaderMap::new();
            values.for_each(|(name, value)| {
                all.append(name, value);
            });
            read(&all, is_https).map(str::to_owned)
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
