//! The section `tls`: where the certificate comes from.

use std::{borrow::Cow, net::SocketAddr};

use entrepot_acme::{AcmeSettings, Eab, LETS_ENCRYPT, certifiable};
use entrepot_server::{PublicUrl, TlsFiles};
use url::Url;

use super::{
    keys::{MappingBuilder, SECRET, path},
    sections,
    shown::OutputValue,
    types::Tls,
};

/// What is wrong with the section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TlsProblem {
    /// The key, below the section.
    pub(super) path: &'static [&'static str],
    /// What is wrong.
    pub(super) what: Cow<'static, str>,
    /// A way out.
    pub(super) hint: &'static str,
}

impl TlsProblem {
    fn new(path: &'static [&'static str], what: impl Into<Cow<'static, str>>, hint: &'static str) -> Self {
        Self { path, what: what.into(), hint }
    }
}

/// Checks the section alone.
pub(super) fn check(section: sections::Tls) -> Result<Option<Tls>, TlsProblem> {
    for (key, file) in [(&["cert"], &section.cert), (&["key"], &section.key)] {
        if file.as_ref().is_some_and(|file| file.to_string_lossy().contains("-----BEGIN")) {
            return Err(TlsProblem::new(
                key,
                "this is the content of a file, not its path",
                "write it into a file that only the server can read, and its path here",
            ));
        }
    }
    match (section.cert, section.key, section.acme) {
        (None, None, None) => Ok(None),
        (Some(cert), Some(key), None) => Ok(Some(Tls::Files(TlsFiles { cert, key }))),
        (None, None, Some(acme)) => check_acme(acme).map(Tls::Acme).map(Some),
        (_, _, Some(_)) => Err(TlsProblem::new(
            &["acme"],
            "a certificate comes from files or by ACME, and both are here",
            "take out `cert` and `key`, or `acme`",
        )),
        (Some(_), None, None) => {
            Err(TlsProblem::new(&[], "`cert` is there and `key` is not", "TLS needs both files"))
        }
        (None, Some(_), None) => {
            Err(TlsProblem::new(&[], "`key` is there and `cert` is not", "TLS needs both files"))
        }
    }
}

/// Checks the name that a certificate by ACME is for: that of the public URL.
pub(super) fn check_url(tls: &Tls, url: Option<&PublicUrl>) -> Result<(), TlsProblem> {
    let Tls::Acme(settings) = tls else { return Ok(()) };
    let fault = |what: Cow<'static, str>, hint| Err(TlsProblem::new(&["acme"], what, hint));
    let Some(url) = url else {
        return fault(
            "a certificate is for a name, and there is no `public_url`".into(),
            "say what clients call this server: `public_url: https://m.example.com`",
        );
    };
    if !url.text().starts_with("https://") {
        return fault(format!("`{}` is not HTTPS", url.text()).into(), "write `public_url` with `https://`");
    }
    let host = url.host();
    if certifiable([host], settings.is_public()).is_empty() {
        return fault(
            format!("no public authority signs a certificate for `{host}`").into(),
            "use a name of a domain that is yours, or files: `cert` and `key`",
        );
    }
    Ok(())
}

/// The section as it is in effect.
pub(super) fn show(tls: &Tls) -> OutputValue {
    let mut keys = MappingBuilder::default();
    match tls {
        Tls::Files(files) => {
            keys.text("cert", path(&files.cert));
            keys.text("key", path(&files.key));
        }
        Tls::Acme(settings) => keys.put("acme", show_acme(settings)),
    }
    keys.into()
}

fn check_acme(section: sections::Acme) -> Result<AcmeSettings, TlsProblem> {
    let sections::Acme { directory, directory_ca, email, eab, http } = section;
    let eab = eab.map(|eab| Eab::new(eab.kid, eab.hmac)).transpose().map_err(|_| {
        TlsProblem::new(
            &["acme", "eab", "hmac"],
            "the key is not base64url",
            "copy it as the authority shows it, and keep it out of this file: `env:NAME`",
        )
    })?;
    Ok(AcmeSettings {
        directory: parse_directory(directory.as_deref().unwrap_or(LETS_ENCRYPT))?,
        directory_ca,
        email: email.map(check_email).transpose()?,
        eab,
        http: http.map(check_port).transpose()?,
    })
}

fn parse_directory(text: &str) -> Result<Url, TlsProblem> {
    let url = text.parse::<Url>().ok().filter(|url| url.scheme() == "https" && url.has_host());
    url.filter(|url| url.username().is_empty() && url.password().is_none()).ok_or(TlsProblem::new(
        &["acme", "directory"],
        "this is not the URL of an ACME directory",
        "it begins with `https://` and has no login; leave it out for Let's Encrypt",
    ))
}

fn check_email(email: String) -> Result<String, TlsProblem> {
    let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if is_address && !email.contains([' ', ',', '?', ':']) {
        return Ok(email);
    }
    Err(TlsProblem::new(
        &["acme", "email"],
        "this is not an email address",
        "write one address without a name: `ops@example.com`",
    ))
}

fn check_port(address: String) -> Result<String, TlsProblem> {
    let is_port = address.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    if is_port || address.parse::<SocketAddr>().is_ok() {
        return Ok(address);
    }
    Err(TlsProblem::new(
        &["acme", "http"],
        "this is not an address and a port",
        "write `\":80\"` for all addresses of this machine, or one of them: `\"192.0.2.1:80\"`",
    ))
}

fn show_acme(settings: &AcmeSettings) -> OutputValue {
    let mut keys = MappingBuilder::default();
    keys.text("directory", settings.directory.as_str());
    keys.some("directory_ca", settings.directory_ca.as_deref().map(|file| OutputValue::Text(path(file))));
    keys.some("email", settings.email.clone().map(OutputValue::Text));
    let eab = settings.eab.as_ref().map(|eab| {
        let mut keys = MappingBuilder::default();
        keys.text("kid", eab.kid());
        keys.text("hmac", SECRET);
        keys.into()
    });
    keys.some("eab", eab);
    keys.some("http", settings.http.clone().map(OutputValue::Text));
    keys.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme(section: sections::Acme) -> Result<AcmeSettings, TlsProblem> {
        match check(sections::Tls { acme: Some(section), ..Default::default() })? {
            Some(Tls::Acme(settings)) => Ok(settings),
            other => panic!("not ACME: {other:?}"),
        }
    }

    #[test]
    fn nothing_said_is_lets_encrypt_by_tls() {
        let settings = acme(sections::Acme::default()).unwrap();
        assert_eq!(settings.directory.as_str(), LETS_ENCRYPT);
        assert!(settings.http.is_none() && settings.eab.is_none() && settings.is_public());
    }

    #[test]
    fn each_mistake_names_its_key() {
        let key = |section| acme(section).unwrap_err().path.last().copied().unwrap();
        let text = |text: &str| Some(text.to_owned());
        for directory in ["http://ca.test/dir", "ca.test", "https://u:canary@ca.test/", ""] {
            assert_eq!(key(sections::Acme { directory: text(directory), ..Default::default() }), "directory");
        }
        for email in ["ops", "@example.com", "a@b.test, c@d.test", "mailto:a@b.test"] {
            assert_eq!(key(sections::Acme { email: text(email), ..Default::default() }), "email");
        }
        for http in ["80", ":", ":http", "0.0.0.0", ":70000"] {
            assert_eq!(key(sections::Acme { http: text(http), ..Default::default() }), "http");
        }
        let eab = Some(sections::Eab { kid: "k".to_owned(), hmac: "not base64!".to_owned().into() });
        assert_eq!(key(sections::Acme { eab, ..Default::default() }), "hmac");
    }

    #[test]
    fn ports_are_written_as_servers_write_them() {
        for http in [":80", "0.0.0.0:80", "[::]:8080", "127.0.0.1:5002"] {
            let section = sections::Acme { http: Some(http.to_owned()), ..Default::default() };
            assert_eq!(acme(section).unwrap().http.as_deref(), Some(http));
        }
    }

    #[test]
    fn files_and_acme_exclude_each_other() {
        let both = sections::Tls { cert: Some("c".into()), key: None, acme: Some(sections::Acme::default()) };
        assert_eq!(check(both).unwrap_err().path, ["acme"]);
        let half = sections::Tls { cert: Some("c".into()), ..Default::default() };
        assert!(check(half).unwrap_err().path.is_empty());
    }

    #[test]
    fn a_certificate_is_for_the_name_that_clients_use() {
        let tls = |directory_ca: Option<&str>| {
            let section = sections::Acme { directory_ca: directory_ca.map(Into::into), ..Default::default() };
            Tls::Acme(acme(section).unwrap())
        };
        let url = |text: &str| text.parse::<PublicUrl>().unwrap();
        assert!(check_url(&tls(None), Some(&url("https://m.example.com"))).is_ok());
        for bad in ["http://m.example.com", "https://192.0.2.1", "https://mirror.lan", "https://mirror"] {
            assert_eq!(check_url(&tls(None), Some(&url(bad))).unwrap_err().path, ["acme"], "{bad}");
        }
        assert!(check_url(&tls(None), None).unwrap_err().what.contains("public_url"));
        assert!(
            check_url(&tls(Some("ca.pem")), Some(&url("https://mirror.lan"))).is_ok(),
            "a private authority may"
        );
    }
}
