//! A link as the operator writes it.

use std::net::IpAddr;

use entrepot_oci::Rate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::{Position, Url};

/// The proxies that are spoken to. The name of the registry is resolved here for `socks5`, and by the proxy otherwise.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// One way to a registry: through a proxy, from an address of this machine, or both. With neither it is the direct one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkSettings {
    /// The proxy: `http://host:port` (CONNECT), `https://`, `socks5://` or `socks5h://`.
    pub proxy: Option<Url>,
    /// The name to log in to the proxy with.
    pub username: Option<String>,
    /// The password for it.
    pub password: Option<SecretString>,
    /// The address of this machine that connections are made from.
    pub source: Option<IpAddr>,
    /// The most that the link carries. It is shared by all registries that use the link.
    pub rate: Option<Rate>,
}

/// Why a link cannot be used as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The proxy speaks another protocol.
    #[error("this proxy is none of `http://`, `https://`, `socks5://` and `socks5h://`")]
    Scheme,
    /// The proxy has no host.
    #[error("this proxy has no host")]
    Host,
    /// The URL holds a login.
    #[error("this proxy has a user name or password in it")]
    Userinfo,
    /// The URL has more than a host and a port.
    #[error("this proxy has more than a host and a port")]
    Path,
    /// A login without a proxy.
    #[error("`username` and `password` are for a `proxy`, and there is none")]
    LoginWithoutProxy,
    /// One half of a login.
    #[error("`username` and `password` go together")]
    HalfLogin,
    /// An address that is none of a machine's own.
    #[error("this is no address that connections can be made from")]
    Source,
}

impl LinkFault {
    /// What to write instead.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Scheme | Self::Host | Self::Path => "write `http://host:port` or `socks5://host:port`",
            Self::Userinfo => "the login has keys of its own: `username` and `password`",
            Self::LoginWithoutProxy | Self::HalfLogin => "write both beside `proxy`, or neither",
            Self::Source => "write one of the addresses that `ip address` shows, such as `10.0.0.4`",
        }
    }

    /// The key that it is about.
    pub fn key(self) -> &'static str {
        match self {
            Self::Scheme | Self::Host | Self::Userinfo | Self::Path => "proxy",
            Self::LoginWithoutProxy | Self::HalfLogin => "username",
            Self::Source => "source",
        }
    }
}

impl LinkSettings {
    /// Reads the URL of a proxy.
    ///
    /// # Errors
    /// It is none; the error does not quote it, since it may hold a password.
    pub fn proxy(text: &str) -> Result<Url, LinkFault> {
        let url = Url::parse(text).map_err(|_| LinkFault::Scheme)?;
        proxy_fault(&url).map_or(Ok(url), Err)
    }

    /// What is wrong with it, if anything is.
    pub fn fault(&self) -> Option<LinkFault> {
        if let Some(fault) = self.proxy.as_ref().and_then(proxy_fault) {
            return Some(fault);
        }
        let login = (self.username.is_some(), self.password.is_some());
        match login {
            (false, false) => {}
            _ if self.proxy.is_none() => return Some(LinkFault::LoginWithoutProxy),
            (true, true) => {}
            _ => return Some(LinkFault::HalfLogin),
        }
        let is_odd = |ip: IpAddr| ip.is_unspecified() || ip.is_multicast();
        self.source.filter(|ip| is_odd(*ip)).map(|_| LinkFault::Source)
    }

    /// What it is called in logs, metrics and answers: where it leads, without the password.
    pub fn name(&self) -> String {
        let proxy = self.proxy.as_ref().map(|proxy| {
            let login = self.username.as_ref().map(|name| format!("{name}@")).unwrap_or_default();
            format!("{}://{login}{}", proxy.scheme(), host(proxy))
        });
        match (proxy, self.source) {
            (Some(proxy), Some(source)) => format!("{proxy} from {source}"),
            (Some(proxy), None) => proxy,
            (None, Some(source)) => source.to_string(),
            (None, None) => "direct".to_owned(),
        }
    }

    /// Whether it is the same way as another one, with the same login; the rate may be another.
    pub fn is_same_way(&self, other: &Self) -> bool {
        let password =
            |link: &Self| link.password.as_ref().map(|password| password.expose_secret().to_owned());
        self.name() == other.name() && password(self) == password(other)
    }
}

/// Host and port of a proxy.
pub(crate) fn host(proxy: &Url) -> &str {
    &proxy[Position::BeforeHost..Position::AfterPort]
}

fn proxy_fault(proxy: &Url) -> Option<LinkFault> {
    if !SCHEMES.contains(&proxy.scheme()) {
        Some(LinkFault::Scheme)
    } else if !proxy.has_host() || proxy.host_str().is_none_or(str::is_empty) {
        Some(LinkFault::Host)
    } else if !proxy.username().is_empty() || proxy.password().is_some() {
        Some(LinkFault::Userinfo)
    } else if !matches!(proxy.path(), "" | "/") || proxy.query().is_some() || proxy.fragment().is_some() {
        Some(LinkFault::Path)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> LinkSettings {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_link_is_named_by_where_it_leads() {
        for (text, name) in [
            ("{}", "direct"),
            (r#"{"source":"10.0.0.4","rate":"30Mbit/s"}"#, "10.0.0.4"),
            (r#"{"source":"2001:db8::4"}"#, "2001:db8::4"),
            (r#"{"proxy":"socks5://10.0.0.2:1080"}"#, "socks5://10.0.0.2:1080"),
            (
                r#"{"proxy":"http://p.example:3128/","source":"10.0.0.4"}"#,
                "http://p.example:3128 from 10.0.0.4",
            ),
            (
                r#"{"proxy":"socks5h://p.example:1","username":"me","password":"canary"}"#,
                "socks5h://me@p.example:1",
            ),
        ] {
            let link = link(text);
            assert_eq!((link.name().as_str(), link.fault()), (name, None), "{text}");
            assert!(!format!("{link:?}").contains("canary"));
        }
    }

    #[test]
    fn what_is_no_link_is_said() {
        for (text, fault) in [
            (r#"{"proxy":"ftp://10.0.0.2"}"#, LinkFault::Scheme),
            (r#"{"proxy":"socks4://10.0.0.2"}"#, LinkFault::Scheme),
            (r#"{"proxy":"socks5:10.0.0.2"}"#, LinkFault::Host),
            (r#"{"proxy":"http://me:canary@10.0.0.2"}"#, LinkFault::Userinfo),
            (r#"{"proxy":"http://10.0.0.2:3128/x"}"#, LinkFault::Path),
            (r#"{"username":"me","password":"p"}"#, LinkFault::LoginWithoutProxy),
            (r#"{"proxy":"http://10.0.0.2","username":"me"}"#, LinkFault::HalfLogin),
            (r#"{"proxy":"http://10.0.0.2","password":"p"}"#, LinkFault::HalfLogin),
            (r#"{"source":"0.0.0.0"}"#, LinkFault::Source),
            (r#"{"source":"::"}"#, LinkFault::Source),
            (r#"{"source":"224.0.0.1"}"#, LinkFault::Source),
        ] {
            assert_eq!(link(text).fault(), Some(fault), "{text}");
        }
        for text in [r#"{"rate":"fast"}"#, r#"{"source":"eth0"}"#, r#"{"via":"x"}"#] {
            assert!(serde_json::from_str::<LinkSettings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_proxy_is_read_without_being_quoted() {
        assert!(LinkSettings::proxy("socks5://10.0.0.2:1080").is_ok());
        assert_eq!(LinkSettings::proxy("10.0.0.2:1080"), Err(LinkFault::Scheme));
        assert_eq!(LinkSettings::proxy("http://:canary@x"), Err(LinkFault::Userinfo));
    }

    #[test]
    fn another_login_is_another_way_and_another_rate_is_not() {
        let of = |password: &str, rate: &str| {
            link(&format!(
                r#"{{"proxy":"http://10.0.0.2","username":"u","password":"{password}","rate":"{rate}"}}"#
            ))
        };
        assert!(of("a", "1MB/s").is_same_way(&of("a", "2MB/s")));
        assert!(!of("a", "1MB/s").is_same_way(&of("b", "1MB/s")));
    }
}
