//! Decides whether a request is answered at all, before looking at what it asks for. Pure.
//!
//! The threat: the machine that runs a registry often runs a browser too, and the browser opens untrusted pages.

use entrepot_oci::Host;
use http::StatusCode;

use crate::{
    call::Call,
    cross_site::{self, RequestEffect},
    error::Refusal,
    host::Unclear,
    peer::ListenerKind,
    registry,
    sender::Credentials,
};

/// The reason that a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AdmissionDenial {
    /// The request names no unambiguous host.
    Host(Unclear),
    /// The request is for a host that we do not serve; `None` if it names no valid host.
    Misdirected(Option<Host>),
    /// A browser sent the request for a page of another site.
    CrossSite,
    /// It was sent with a session, and nothing shows that it comes from one of our pages.
    Unproven,
}

/// The start of the addresses of the JSON API, and the end of those of streams of events.
const API: &str = "/api/";
const EVENTS: &str = "/events";

/// Admits a request or refuses it. The local socket is always admitted: whoever can open it owns the data directory.
pub(crate) fn admit(call: &Call<'_>) -> Result<(), AdmissionDenial> {
    let (path, method) = (call.path(), &call.head.method);
    if call.peer.door() == ListenerKind::Control {
        return Ok(());
    }
    let host = call.host.map_err(AdmissionDenial::Host)?;
    let origin = call.origin();
    // Reads below `/v2/` make the mirror download, and a stream of events takes a place.
    let reads_cost = registry::is_below(path) || path.starts_with(API) && path.ends_with(EVENTS);
    let effect = RequestEffect::of(method, &call.head.headers, reads_cost);
    if cross_site::is_refused(effect, &origin) {
        return Err(AdmissionDenial::CrossSite);
    }
    if matches!(call.sender.credentials, Credentials::Session(_)) && cross_site::is_unproven(effect, &origin)
    {
        return Err(AdmissionDenial::Unproven);
    }
    if !is_probe(path) && !call.state.hosts.include(host) {
        return Err(AdmissionDenial::Misdirected(host.and_then(|host| host.parse().ok())));
    }
    Ok(())
}

// Monitoring may use any host name; these addresses reveal nothing else.
fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

impl AdmissionDenial {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Host(_) => StatusCode::BAD_REQUEST,
            Self::Misdirected(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::CrossSite | Self::Unproven => StatusCode::FORBIDDEN,
        }
    }

    /// The fact for the error message.
    pub(crate) fn what(&self) -> String {
        match self {
            Self::Host(Unclear::Several) => "the request names more than one host".to_owned(),
            Self::Host(Unclear::Malformed) => "the host that the request names is not one".to_owned(),
            Self::Misdirected(Some(host)) => {
                format!("this server listens on loopback and does not answer to `{host}`")
            }
            Self::Misdirected(None) => {
                "this server listens on loopback, and the request does not say which host it is for"
                    .to_owned()
            }
            Self::CrossSite => "a page of another site sent this".to_owned(),
            Self::Unproven => "a session counts only for this server's own pages".to_owned(),
        }
    }

    /// The hint for the error message.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Host(_) => "send one `Host`",
            Self::Misdirected(_) => {
                "ask for `localhost`, or list the name under `names` in the server's configuration"
            }
            Self::CrossSite => "use a registry client, or this server's own pages",
            Self::Unproven => "send a password or an API token in `Authorization`, and no cookie",
        }
    }
}

impl From<AdmissionDenial> for Refusal {
    fn from(denied: AdmissionDenial) -> Self {
        Self::denied(denied.status(), format!("{}; hint: {}", denied.what(), denied.hint()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_and_a_way_out() {
        let told = |denied: AdmissionDenial| {
            let Refusal { status, message, .. } = denied.into();
            format!("{} {message}", status.as_u16())
        };
        assert_eq!(
            told(AdmissionDenial::Misdirected("evil.example:5000".parse().ok())),
            "421 this server listens on loopback and does not answer to `evil.example:5000`; \
             hint: ask for `localhost`, or list the name under `names` in the server's configuration"
        );
        assert_eq!(
            told(AdmissionDenial::Misdirected(None)),
            "421 this server listens on loopback, and the request does not say which host it is for; \
             hint: ask for `localhost`, or list the name under `names` in the server's configuration"
        );
        assert_eq!(
            told(AdmissionDenial::CrossSite),
            "403 a page of another site sent this; hint: use a registry client, or this server's own pages"
        );
        assert_eq!(
            told(AdmissionDenial::Unproven),
            "403 a session counts only for this server's own pages; \
             hint: send a password or an API token in `Authorization`, and no cookie"
        );
        assert_eq!(
            told(AdmissionDenial::Host(Unclear::Several)),
            "400 the request names more than one host; hint: send one `Host`"
        );
        assert_eq!(
            told(AdmissionDenial::Host(Unclear::Malformed)),
            "400 the host that the request names is not one; hint: send one `Host`"
        );
    }
}
