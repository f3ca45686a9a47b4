//! What a certificate says, and the two kinds that are made here.

use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use x509_parser::{
    extensions::GeneralName,
    pem::Pem,
    prelude::{FromDer, X509Certificate},
    time::ASN1Time,
};

use crate::{answers::AlpnCertificate, name::Name};

/// What of a certificate decides whether it is used and renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The host names it is for.
    pub(crate) names: Vec<String>,
    /// The begin of its life.
    pub(crate) not_before: SystemTime,
    /// The end of its life.
    pub(crate) not_after: SystemTime,
    /// True if no authority has signed it.
    pub(crate) is_self_signed: bool,
}

impl Certificate {
    /// Reads the first certificate in `pem`.
    pub(crate) fn read(pem: &[u8]) -> Option<Self> {
        let block =
            Pem::iter_from_buffer(pem).filter_map(Result::ok).find(|block| block.label == "CERTIFICATE")?;
        let (_, certificate) = X509Certificate::from_der(&block.contents).ok()?;
        let alternatives = certificate.subject_alternative_name().ok()??;
        let names = alternatives.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Some(Self {
            names: names.collect(),
            not_before: time(certificate.validity().not_before),
            not_after: time(certificate.validity().not_after),
            is_self_signed: certificate.issuer() == certificate.subject(),
        })
    }
}

/// When a certificate ends. `der` is the certificate in DER form.
pub fn expiry(der: &[u8]) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(time(certificate.validity().not_after))
}

// Times before 1970 are those of nobody's certificate.
fn time(time: ASN1Time) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.timestamp().try_into().unwrap_or(0))
}

/// Makes a certificate that nobody trusts, for the time before the first one: chain and key in PEM format.
pub(crate) fn self_signed(names: &[Name]) -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = parameters(names)?.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

/// Makes the certificate that answers TLS-ALPN-01: it proves the digest of the key authorization (RFC 8737 §3).
pub(crate) fn for_challenge(name: &Name, digest: &[u8]) -> Result<AlpnCertificate, rcgen::Error> {
    let mut parameters = parameters(std::slice::from_ref(name))?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(AlpnCertificate { certificate: certificate.der().to_vec(), key: key.serialize_der() })
}

fn parameters(names: &[Name]) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    parameters.distinguished_name = DistinguishedName::new();
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<Name> {
        ["m.example.com", "hub.m.example.com"].iter().map(|name| Name::parse(name).unwrap()).collect()
    }

    #[test]
    fn what_was_made_is_read_again() {
        let read = Certificate::read(self_signed(&names()).unwrap().as_bytes()).unwrap();
        assert_eq!(read.names, ["m.example.com", "hub.m.example.com"]);
        assert!(read.is_self_signed && read.not_before < read.not_after);
    }

    #[test]
    fn what_an_authority_signed_is_not_self_signed() {
        let (ours, theirs) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(rcgen::DnType::CommonName, "authority");
        let issuer = rcgen::Issuer::new(authority, theirs);
        let signed = parameters(&names()).unwrap().signed_by(&ours, &issuer).unwrap();
        assert!(!Certificate::read(signed.pem().as_bytes()).unwrap().is_self_signed);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        assert_eq!(Certificate::read(b""), None);
        assert_eq!(
            Certificate::read(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            None
        );
        assert_eq!(Certificate::read(KeyPair::generate().unwrap().serialize_pem().as_bytes()), None);
    }

    #[test]
    fn the_answer_carries_the_digest() {
        let answer = for_challenge(&names()[0], &[7; 32]).unwrap();
        let (_, certificate) = X509Certificate::from_der(&answer.certificate).unwrap();
        let extension = certificate.extensions().iter().find(|extension| extension.value.ends_with(&[7; 32]));
        assert_eq!(extension.unwrap().oid.to_id_string(), "1.3.6.1.5.5.7.1.31");
        assert!(extension.unwrap().critical);
    }
}
