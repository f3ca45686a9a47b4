//! URLs in the configuration: parsed strictly, and never quoted in errors, since they may contain a password.

use entrepot_oci::Repository;
use url::Url;

/// The reason a text is not an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndpointError {
    /// Not a URL.
    #[error("this is not a URL")]
    NotUrl,
    /// An unsupported scheme.
    #[error("this URL is neither `https://` nor `http://`")]
    Scheme,
    /// User and password before the host.
    #[error("this URL has a user name or password in it")]
    Userinfo,
    /// A path where there can be none.
    #[error("this URL has a path")]
    Path,
    /// A path that cannot be the beginning of repository names.
    #[error("the path of this URL cannot be the beginning of repository names")]
    Names,
    /// A query or a fragment.
    #[error("this URL has a `?` or `#` part")]
    Query,
    /// Port 0.
    #[error("this URL has port 0, which cannot be connected to")]
    Port,
}

impl EndpointError {
    /// A hint on how to fix it.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::NotUrl | Self::Scheme => "write `https://host`, or `http://host:port` for plain HTTP",
            Self::Userinfo => {
                "accounts have keys of their own: `credentials`, or `access_key` and `secret_key`"
            }
            Self::Path => "leave it out: `https://host:port`",
            Self::Names => "write what stands before the names there: `https://mirror.example.com/docker.io`",
            Self::Query => "leave it out",
            Self::Port => "leave out the port, or write the right one",
        }
    }
}

/// Parses the address of an object store.
pub(super) fn store(text: &str) -> Result<Url, EndpointError> {
    let url = endpoint(text)?;
    if url.path() == "/" { Ok(url) } else { Err(EndpointError::Path) }
}

/// Parses the address of a registry, which may have a path.
pub(super) fn endpoint(text: &str) -> Result<Url, EndpointError> {
    let url = Url::parse(text).map_err(|_| EndpointError::NotUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(EndpointError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Userinfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(EndpointError::Query);
    }
    let names = url.path().trim_matches('/');
    if !names.is_empty() && names.parse::<Repository>().is_err() {
        return Err(EndpointError::Names);
    }
    if url.port() == Some(0) {
        return Err(EndpointError::Port);
    }
    Ok(url)
}

/// The endpoint as it would be written.
pub(super) fn shown(endpoint: &Url) -> &str {
    endpoint.as_str().trim_end_matches('/')
}

/// True if the text is the URL of a PostgreSQL database. Path and parameters are left to the driver.
pub(super) fn is_postgres(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_scheme_host_and_port() {
        for good in ["https://quay.io", "http://127.0.0.1:5000/", "https://[::1]:5000"] {
            assert!(endpoint(good).is_ok() && store(good).is_ok(), "{good}");
        }
        for good in ["https://m.test/docker.io", "https://m.test/v2/hub/", "http://m.test/repository/hub/v2"]
        {
            assert!(endpoint(good).is_ok(), "{good}");
            assert_eq!(store(good), Err(EndpointError::Path), "{good}");
        }
        for (bad, fault) in [
            ("quay.io", EndpointError::NotUrl),
            ("ftp://quay.io", EndpointError::Scheme),
            ("file:///etc/passwd", EndpointError::Scheme),
            ("https://u:p@quay.io", EndpointError::Userinfo),
            ("https://u@quay.io", EndpointError::Userinfo),
            ("https://quay.io/Hub", EndpointError::Names),
            ("https://quay.io/a//b", EndpointError::Names),
            ("https://quay.io/%41", EndpointError::Names),
            ("https://quay.io/?x", EndpointError::Query),
            ("https://quay.io/#x", EndpointError::Query),
            ("https://quay.io:0", EndpointError::Port),
        ] {
            assert_eq!(endpoint(bad), Err(fault), "{bad}");
        }
    }

    #[test]
    fn databases_are_postgres() {
        assert!(is_postgres("postgres://u:p@h/d") && is_postgres("postgresql://h:1/d?sslmode=require"));
        assert!(!is_postgres("mysql://h/d") && !is_postgres("h/d") && !is_postgres("postgres:d"));
    }
}
