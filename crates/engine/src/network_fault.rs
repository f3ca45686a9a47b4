//! Says why there was no answer, by the causes of an error.

use std::{error::Error as StdError, io};

use rustls::{AlertDescription, CertificateError};

use crate::{
    error::Error,
    fault::{LinkFault, TlsFault},
};

/// Of an attempt to connect.
pub(crate) fn of_connect(error: &io::Error, is_socket: bool) -> Error {
    Error::Unreachable(match error.kind() {
        io::ErrorKind::NotFound if is_socket => LinkFault::NoSocket,
        io::ErrorKind::PermissionDenied if is_socket => LinkFault::Permission,
        io::ErrorKind::ConnectionRefused => LinkFault::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => LinkFault::NoRoute,
        io::ErrorKind::TimedOut => LinkFault::ConnectTimeout,
        _ => LinkFault::Other,
    })
}

/// Of a TLS handshake.
pub(crate) fn of_handshake(error: &io::Error) -> Error {
    match tls_cause(error) {
        Some(fault) => Error::Tls(fault),
        None => Error::Tls(TlsFault::Closed),
    }
}

/// Of a request that got no answer. With TLS 1.3 the engine judges our certificate only now.
pub(crate) fn of_request(error: &hyper::Error, is_tls: bool) -> Error {
    if let Some(fault) = tls_cause(error) {
        return Error::Tls(fault);
    }
    if error.is_parse() {
        return Error::Unreachable(LinkFault::NotHttp);
    }
    if is_tls { Error::Tls(TlsFault::Closed) } else { Error::Unreachable(LinkFault::Closed) }
}

/// Of an answer that ended too early.
pub(crate) fn of_body(error: &hyper::Error) -> Error {
    if error.is_parse() {
        return Error::Unreachable(LinkFault::NotHttp);
    }
    Error::Unreachable(LinkFault::Cut)
}

fn tls_cause(error: &(dyn StdError + 'static)) -> Option<TlsFault> {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.into_iter().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // What it wraps is not among its sources.
            return error.get_ref().and_then(|inner| tls_cause(inner));
        }
        cause.downcast_ref::<rustls::Error>().map(of_tls)
    })
}

fn of_tls(error: &rustls::Error) -> TlsFault {
    match error {
        rustls::Error::InvalidMessage(_) => TlsFault::PlainHttp,
        rustls::Error::InvalidCertificate(fault) => of_certificate(fault),
        rustls::Error::AlertReceived(alert) if is_about_us(*alert) => TlsFault::Client,
        _ => TlsFault::Handshake,
    }
}

fn is_about_us(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::CertificateRequired
            | A::UnknownCA
            | A::AccessDenied
    )
}

fn of_certificate(fault: &CertificateError) -> TlsFault {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsFault::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::Name,
        // Another authority may have the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFault::Issuer,
        // An authority that presents its own certificate: nobody but itself has signed it.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsFault::Issuer,
        _ => TlsFault::Certificate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_networks_fail_in_their_own_ways() {
        use io::ErrorKind as K;
        for (kind, is_socket, fault) in [
            (K::NotFound, true, LinkFault::NoSocket),
            (K::PermissionDenied, true, LinkFault::Permission),
            (K::ConnectionRefused, true, LinkFault::Refused),
            (K::ConnectionRefused, false, LinkFault::Refused),
            (K::HostUnreachable, false, LinkFault::NoRoute),
            (K::NetworkUnreachable, false, LinkFault::NoRoute),
            (K::TimedOut, false, LinkFault::ConnectTimeout),
            (K::NotFound, false, LinkFault::Other),
        ] {
            assert_eq!(of_connect(&kind.into(), is_socket), Error::Unreachable(fault));
        }
    }

    #[test]
    fn certificates_fail_in_their_own_ways() {
        let of = |error: rustls::Error| of_handshake(&io::Error::new(io::ErrorKind::InvalidData, error));
        let certificate = |fault| of(rustls::Error::InvalidCertificate(fault));
        for (error, fault) in [
            (certificate(CertificateError::UnknownIssuer), TlsFault::Issuer),
            (certificate(CertificateError::BadSignature), TlsFault::Issuer),
            (certificate(CertificateError::NotValidForName), TlsFault::Name),
            (certificate(CertificateError::Expired), TlsFault::Expired),
            (certificate(CertificateError::NotValidYet), TlsFault::NotYetValid),
            (certificate(CertificateError::Revoked), TlsFault::Certificate),
            (of(rustls::Error::AlertReceived(AlertDescription::UnknownCA)), TlsFault::Client),
            (of(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)), TlsFault::Handshake),
            (
                of(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)),
                TlsFault::PlainHttp,
            ),
            (of_handshake(&io::ErrorKind::UnexpectedEof.into()), TlsFault::Closed),
        ] {
            assert_eq!(error, Error::Tls(fault));
        }
    }
}
