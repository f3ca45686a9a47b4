//! Why a request got no response: decided once, where the HTTP client's error arrives.
//!
//! [`NetworkFault`] prints as the end of a sentence (`cannot be reached: …`), and [`NetworkFault::hint`] is the way out.

use std::{error::Error as StdError, fmt, io};

use rustls::CertificateError;
use url::Url;

/// Why a request got no response, and the proxy that it went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkFault {
    kind: NetworkFaultKind,
    proxy: Option<ProxyUsed>,
    /// The host, if it is none of the registry's own but one that the registry led to.
    elsewhere: Option<String>,
}

/// The proxy that a request went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyUsed {
    /// Host and port.
    pub(crate) host: String,
    /// True if it is that of a link, and not one of the environment.
    pub(crate) is_of_link: bool,
}

/// The classes of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NetworkFaultKind {
    /// The name has no address.
    Dns,
    /// Nothing listens at the address.
    Refused,
    /// The network does not lead there.
    NoRoute,
    /// There was no connection in time.
    ConnectTimeout,
    /// The connection ended before the first byte of a response.
    Closed,
    /// The same, on a connection that was kept from an earlier request. This says nothing about the registry.
    KeptConnection,
    /// The connection broke in the middle of a response.
    Cut,
    /// There was no TLS session.
    Tls(TlsFault),
    /// `https` was spoken to a server of plain HTTP.
    PlainHttp,
    /// Plain HTTP was spoken to a server of TLS.
    NeedsTls,
    /// The response is not HTTP.
    NotHttp,
    /// The proxy wants a login.
    ProxyLogin,
    /// The proxy did not connect to the registry.
    Proxy,
    /// There was no connection to the proxy, and it is not known why.
    ProxyAway,
    /// This machine does not have the address that connections are to be made from.
    SourceAbsent,
    /// Another reason.
    Other,
}

/// Why there was no TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsFault {
    /// The connection ended during the handshake.
    Closed,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for other names.
    Name,
    /// The certificate was not issued by anybody who is trusted.
    Issuer,
    /// The certificate cannot be used for another reason.
    Certificate,
    /// There is no common version or cipher, or the server ended the handshake.
    Handshake,
}

impl NetworkFault {
    /// The fault of a request to `url` through `proxy`.
    pub(crate) fn of(error: &reqwest::Error, url: &Url, proxy: Option<ProxyUsed>) -> Self {
        let attempt = RequestContext {
            is_connecting: error.is_connect(),
            is_https: url.scheme() == "https",
            is_proxied: proxy.is_some(),
        };
        Self { kind: attempt.kind(error), proxy, elsewhere: None }
    }

    /// A fault of that class, without a proxy.
    pub fn new(kind: NetworkFaultKind) -> Self {
        Self { kind, proxy: None, elsewhere: None }
    }

    /// The same, through that proxy.
    pub(crate) fn through(self, proxy: Option<ProxyUsed>) -> Self {
        Self { proxy, ..self }
    }

    /// The same, of a connection that was kept.
    pub(crate) fn of_kept_connection(self) -> Self {
        Self { kind: NetworkFaultKind::KeptConnection, ..self }
    }

    /// The same, at a host that the registry led to.
    pub(crate) fn at(self, url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Self { elsewhere: Some(host), ..self }
    }

    /// The class of the reason.
    pub fn kind(&self) -> NetworkFaultKind {
        self.kind
    }

    /// The reason without the name of the proxy, for those who must not see how this machine is set up.
    pub fn summary(&self) -> String {
        match (&self.proxy, self.is_at_proxy()) {
            (Some(_), true) => format!("{} (that of the proxy in use)", self.kind),
            (Some(_), false) => format!("{} (through a proxy)", self.kind),
            (None, _) => self.kind.to_string(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        use NetworkFaultKind as K;
        const AT_PROXY: &str =
            "look at `HTTPS_PROXY` and `HTTP_PROXY`, and name hosts that need no proxy in `NO_PROXY`";
        const AT_LINK: &str = "look at `links` of this registry in the configuration, and whether the proxy runs and takes the login";
        let at_proxy = match &self.proxy {
            Some(proxy) if proxy.is_of_link => AT_LINK,
            _ => AT_PROXY,
        };
        match self.kind {
            _ if self.is_at_proxy() => at_proxy,
            K::Proxy | K::ProxyLogin | K::ProxyAway => at_proxy,
            K::SourceAbsent => {
                "give this machine the address, or correct `source` under `links` of this registry"
            }
            _ if self.elsewhere.is_some() => {
                "the registry leads there; those who run it set the address that it tells: `http.host` of \
                 distribution, `external_url` of Harbor"
            }
            K::Dns => {
                "look at the spelling and at the DNS of this machine, set `HTTPS_PROXY`, or name a mirror under \
                 `endpoints`; README.md: \"docker.io cannot be reached\" (docker.io 连不上怎么办)"
            }
            K::Refused => {
                "look at the address and port under `endpoints`, and whether it runs; behind a firewall set \
                 `HTTPS_PROXY`"
            }
            K::NoRoute | K::ConnectTimeout | K::Tls(TlsFault::Closed) => {
                "the network or a firewall is in the way: set `HTTPS_PROXY`, or name a mirror under `endpoints`; \
                 README.md: \"docker.io cannot be reached\" (docker.io 连不上怎么办)"
            }
            K::Closed => {
                "look whether the port under `endpoints` is that of a registry, and speaks what the address says \
                 (`http://` or `https://`); a firewall may also cut connections: set `HTTPS_PROXY`"
            }
            K::Cut => "try again; a firewall may also cut connections: set `HTTPS_PROXY`",
            K::KeptConnection | K::Other => "try again",
            K::Tls(TlsFault::Expired) => {
                "have it renewed; if it is valid, the clock of this machine is wrong"
            }
            K::Tls(TlsFault::NotYetValid) => "look at the clock of this machine",
            K::Tls(TlsFault::Name) => "use a name of the certificate under `endpoints`",
            K::Tls(TlsFault::Issuer) => {
                "name the certificate, or that of its issuer, under `ca` for this registry; a company proxy that \
                 replaces certificates has an issuer too"
            }
            K::Tls(TlsFault::Certificate) => {
                "have another one issued, with the host under `subjectAltName`; `insecure: true` accepts any"
            }
            K::Tls(TlsFault::Handshake) => "it must support TLS 1.2 or newer, without client certificates",
            K::PlainHttp => "write `http://` instead of `https://` under `endpoints`",
            K::NeedsTls => "write `https://` instead of `http://` under `endpoints`",
            K::NotHttp => "look at the port under `endpoints`; if it is one of TLS, write `https://`",
        }
    }

    /// Whether the connection to the proxy failed, rather than the one through it.
    pub(crate) fn is_at_proxy(&self) -> bool {
        use NetworkFaultKind as K;
        let is_connecting =
            matches!(self.kind, K::Dns | K::Refused | K::NoRoute | K::ConnectTimeout | K::ProxyAway);
        self.proxy.is_some() && is_connecting
    }
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proxy {
            Some(ProxyUsed { host: proxy, .. }) if self.is_at_proxy() => {
                write!(f, "{} (that of the proxy `{proxy}`)", self.kind)
            }
            Some(ProxyUsed { host: proxy, .. }) => write!(f, "{} (through the proxy `{proxy}`)", self.kind),
            None => self.kind.fmt(f),
        }?;
        match &self.elsewhere {
            Some(host) => write!(f, " at `{host}`, where it leads"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for NetworkFaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "the name cannot be resolved",
            Self::Refused => "the connection is refused",
            Self::NoRoute => "there is no route to the address",
            Self::ConnectTimeout => "there is no connection in time",
            Self::Closed => "the connection is closed without an answer",
            Self::Cut => "the connection breaks in the middle of an answer",
            Self::KeptConnection => "a connection that was kept had been closed",
            Self::Tls(TlsFault::Closed) => "the connection is closed during the TLS handshake",
            Self::Tls(TlsFault::Expired) => "the certificate has expired",
            Self::Tls(TlsFault::NotYetValid) => "the certificate is not valid yet",
            Self::Tls(TlsFault::Name) => "the certificate is for another name",
            Self::Tls(TlsFault::Issuer) => "the certificate is not signed by a known authority",
            Self::Tls(TlsFault::Certificate) => "the certificate cannot be used",
            Self::Tls(TlsFault::Handshake) => "the TLS handshake fails",
            Self::PlainHttp => "it speaks plain HTTP and not TLS",
            Self::NeedsTls => "it speaks TLS and not plain HTTP",
            Self::NotHttp => "the answer is not HTTP",
            Self::ProxyLogin => "the proxy wants a login",
            Self::Proxy => "the proxy does not connect to it",
            Self::ProxyAway => "there is no connection",
            Self::SourceAbsent => "this machine does not have the source address",
            Self::Other => "the request could not be sent",
        })
    }
}

/// How the HTTP client says that a proxy wants another login, by HTTP and by SOCKS.
const LOGIN_REFUSED: [&str; 3] = [
    "authorization required",
    "credentials not accepted",
    "server does not support user/pass authentication",
];

/// How it says that there was no connection to a proxy by SOCKS, or that it broke; these errors have no causes.
const AWAY: [&str; 2] =
    ["SOCKS error: failed to create underlying connection", "SOCKS error: io error during SOCKS handshake"];

struct RequestContext {
    is_connecting: bool,
    is_https: bool,
    is_proxied: bool,
}

impl RequestContext {
    fn kind(&self, error: &reqwest::Error) -> NetworkFaultKind {
        use NetworkFaultKind as K;
        if error.is_dns() {
            return K::Dns;
        }
        if let Some(kind) = causes(error).find_map(|cause| self.of_cause(cause)) {
            return kind;
        }
        match (self.is_connecting, self.is_proxied) {
            (true, _) if error.is_timeout() => K::ConnectTimeout,
            (true, true) if LOGIN_REFUSED.iter().any(|text| says(error, text)) => K::ProxyLogin,
            (true, true) if AWAY.iter().any(|text| says(error, text)) => K::ProxyAway,
            (true, true) => K::Proxy,
            (true, false) => K::Other,
            (false, _) => K::Closed,
        }
    }

    fn of_cause(&self, cause: &(dyn StdError + 'static)) -> Option<NetworkFaultKind> {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // What it wraps is not among its sources.
            let inner = error.get_ref().and_then(|inner| self.of_cause(inner));
            return inner.or_else(|| self.of_io(error.kind()));
        }
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(of_tls(error));
        }
        let is_parse = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        is_parse.then_some(NetworkFaultKind::NotHttp)
    }

    fn of_io(&self, kind: io::ErrorKind) -> Option<NetworkFaultKind> {
        use NetworkFaultKind as K;
        if !self.is_connecting {
            return None;
        }
        match kind {
            io::ErrorKind::ConnectionRefused => Some(K::Refused),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some(K::NoRoute),
            io::ErrorKind::TimedOut => Some(K::ConnectTimeout),
            io::ErrorKind::AddrNotAvailable => Some(K::SourceAbsent),
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                Some(if self.is_https { K::Tls(TlsFault::Closed) } else { K::Closed })
            }
            _ => None,
        }
    }
}

fn of_tls(error: &rustls::Error) -> NetworkFaultKind {
    use NetworkFaultKind as K;
    K::Tls(match error {
        rustls::Error::InvalidMessage(_) => return K::PlainHttp,
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::Name
            }
            CertificateError::UnknownIssuer => TlsFault::Issuer,
            // A certificate authority that presents its own certificate: nobody but itself has signed it.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                TlsFault::Issuer
            }
            _ => TlsFault::Certificate,
        },
        _ => TlsFault::Handshake,
    })
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn says(error: &reqwest::Error, text: &str) -> bool {
    causes(error).any(|cause| cause.to_string().contains(text))
}
