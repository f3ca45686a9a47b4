//! Listen addresses: `127.0.0.1:5000`, `[::]:5000`, `localhost:5000`.

use std::{fmt, str::FromStr};

use entrepot_oci::Host;

/// A host with a port. Port 0 picks a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen(String);

/// The reason a text is not a listen address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListenError {
    /// Only a port.
    #[error("`{0}` has no address")]
    NoAddress(String),
    /// Only an address.
    #[error("`{0}` has no port")]
    NoPort(String),
    /// Anything else.
    #[error("`{0}` is not an address with a port")]
    Form(String),
}

impl ListenError {
    /// A hint on how to fix it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoAddress(text) => {
                let port = text.trim_start_matches(':');
                format!("write `127.0.0.1:{port}` for this machine alone, `0.0.0.0:{port}` for all")
            }
            Self::NoPort(text) => format!("write `{text}:5000`"),
            Self::Form(_) => "write it like `127.0.0.1:5000`, `[::]:5000` or `localhost:5000`".to_owned(),
        }
    }
}

impl Listen {
    /// The host and port as one text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let port = text.strip_prefix(':').unwrap_or(text);
        if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ListenError::NoAddress(text.to_owned()));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port),
            _ if text.parse::<Host>().is_ok() => return Err(ListenError::NoPort(text.to_owned())),
            _ => return Err(ListenError::Form(text.to_owned())),
        };
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
        if is_port && name.parse::<Host>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(ListenError::Form(text.to_owned()))
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_host_and_port() {
        for good in ["127.0.0.1:5000", "0.0.0.0:0", "[::]:5000", "localhost:80"] {
            assert_eq!(good.parse::<Listen>().unwrap().as_str(), good);
        }
        for (bad, hint) in [
            (":5000", "write `127.0.0.1:5000` for this machine alone, `0.0.0.0:5000` for all"),
            ("5000", "write `127.0.0.1:5000` for this machine alone, `0.0.0.0:5000` for all"),
            ("127.0.0.1", "write `127.0.0.1:5000`"),
            ("::1:5000", "write it like `127.0.0.1:5000`, `[::]:5000` or `localhost:5000`"),
            ("a:70000", "write it like `127.0.0.1:5000`, `[::]:5000` or `localhost:5000`"),
            ("http://a:80", "write it like `127.0.0.1:5000`, `[::]:5000` or `localhost:5000`"),
        ] {
            assert_eq!(bad.parse::<Listen>().unwrap_err().hint(), hint, "{bad}");
        }
    }
}
