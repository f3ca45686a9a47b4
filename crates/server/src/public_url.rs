//! The address that the configuration gives this server: what challenges, pages and commands call it. Pure.

use std::str::FromStr;

use http::{Uri, uri::Authority};

/// A scheme and a host, with its port unless that is the usual one: `https://m.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    is_https: bool,
    authority: String,
}

/// Why a text is not the address of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// It is not a URL.
    #[error("this is not a URL with a scheme and a host")]
    Form,
    /// Its scheme is another one.
    #[error("the scheme of this URL is neither `https` nor `http`")]
    Scheme,
    /// It has more than a scheme, a host and a port.
    #[error("this URL has more than a scheme, a host and a port")]
    Rest,
}

impl PublicUrl {
    /// True if clients speak TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.is_https
    }

    /// The host, with its port unless that is the usual one.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        match self.authority.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => name,
            _ => &self.authority,
        }
    }

    /// The address as text.
    pub fn text(&self) -> String {
        format!("{}://{}", scheme(self.is_https), self.authority)
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        // The parser leaves a fragment out without a word.
        if text.contains('#') {
            return Err(PublicUrlError::Rest);
        }
        let uri: Uri = text.parse().map_err(|_| PublicUrlError::Form)?;
        let scheme = uri.scheme_str().ok_or(PublicUrlError::Form)?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(PublicUrlError::Scheme),
        };
        let authority = uri.authority().map(Authority::as_str).ok_or(PublicUrlError::Form)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.contains('@') {
            return Err(PublicUrlError::Rest);
        }
        let authority = without_usual_port(&authority.to_ascii_lowercase(), is_https).to_owned();
        if is_plain(&authority) { Ok(Self { is_https, authority }) } else { Err(PublicUrlError::Form) }
    }
}

/// The name of the scheme.
pub(crate) fn scheme(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

/// The host without the port that the scheme implies.
pub(crate) fn without_usual_port(authority: &str, is_https: bool) -> &str {
    authority.strip_suffix(if is_https { ":443" } else { ":80" }).unwrap_or(authority)
}

/// True if it has only characters of names, addresses and ports, so that it may stand in a header or a page.
pub(crate) fn is_plain(authority: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte);
    !authority.is_empty() && authority.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_an_origin() {
        for (text, expected) in [
            ("https://m.example.com", "https://m.example.com"),
            ("HTTPS://M.example.com:443/", "https://m.example.com"),
            ("http://m.example.com:80", "http://m.example.com"),
            ("https://m.example.com:80", "https://m.example.com:80"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
            ("http://10.0.0.7:5000", "http://10.0.0.7:5000"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().text(), expected, "{text}");
        }
        assert_eq!("https://[2001:db8::1]:8443".parse::<PublicUrl>().unwrap().host(), "[2001:db8::1]");
        assert_eq!("https://[2001:db8::1]".parse::<PublicUrl>().unwrap().host(), "[2001:db8::1]");
        assert_eq!("https://m.test:8443".parse::<PublicUrl>().unwrap().host(), "m.test");
    }

    #[test]
    fn what_is_more_or_less_is_refused() {
        use PublicUrlError::{Form, Rest, Scheme};
        for (text, error) in [
            ("", Form),
            ("m.example.com", Form),
            ("/x", Form),
            ("https://", Form),
            ("https://é.example.com", Form),
            ("ftp://m.example.com", Scheme),
            ("https://m.example.com/registry", Rest),
            ("https://m.example.com/?a", Rest),
            ("https://m.example.com/#a", Rest),
            ("https://u:p@m.example.com", Rest),
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(error), "{text}");
        }
    }
}
