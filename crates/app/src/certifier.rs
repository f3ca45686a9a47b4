//! The certificate by ACME while the server runs.

use std::path::Path;

use entrepot_acme::{CertificateNews, Challenges, HttpPort, Keeper, Name, Store};
use entrepot_events::{CertificateFailed, Event, EventSender};
use entrepot_server::{Server, TlsFiles};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Tls},
    failure::Failure,
};

/// What gets the certificate, and answers whoever signs it.
pub(crate) struct Certifier {
    /// What the server answers to the authority.
    pub(crate) challenges: Challenges,
    /// Where the certificate is.
    pub(crate) files: TlsFiles,
    keeper: Keeper,
    port: Option<HttpPort>,
}

impl Certifier {
    /// Opens what is kept below `data`, and the port for HTTP-01; `None` if the certificate does not come by ACME.
    ///
    /// # Errors
    /// A file cannot be used, or the port; the message is for the operator.
    pub(crate) async fn open(
        config: &Config,
        data: &Path,
        names: watch::Receiver<Vec<Name>>,
    ) -> Result<Option<Self>, Failure> {
        let (Some(Tls::Acme(settings)), Some(url)) = (&config.tls, &config.public_url) else {
            return Ok(None);
        };
        let store = Store::open(data, &settings.directory, &names.borrow());
        let store = store.map_err(|error| {
            Failure::because("cannot keep certificates", &error)
                .with_hint("look at the data directory: the server's user must be able to write there")
        })?;
        let challenges = Challenges::default();
        let port = match (&settings.http, url.text().parse()) {
            (Some(address), Ok(url)) => {
                let bound = HttpPort::bind(address, challenges.clone(), url).await;
                Some(bound.map_err(|error| {
                    Failure::because(format!("cannot listen on `{address}` for ACME"), &error).with_hint(
                        "free the port, let this user bind it, or leave out `tls.acme.http`: the authority then asks by \
                         TLS on port 443",
                    )
                })?)
            }
            _ => None,
        };
        let files = TlsFiles { cert: store.certificate_file(), key: store.certificate_file() };
        let keeper = Keeper::new(settings.clone(), store, challenges.clone(), names);
        Ok(Some(Self { challenges, files, keeper, port }))
    }

    async fn work(self, server: &Server, events: &EventSender, stop: CancellationToken) {
        let told = |news| match news {
            CertificateNews::Replaced => server.reload(),
            CertificateNews::Failing { problem, good_for } => {
                let good_for = good_for.map(|left| left.as_secs());
                events.raise(Event::CertificateFailed(CertificateFailed { problem, good_for }));
            }
        };
        let port = async {
            if let Some(port) = self.port {
                port.serve(stop.clone()).await;
            }
        };
        tokio::join!(self.keeper.work(stop.clone(), told), port);
    }
}

/// Works until `stop`: `server` takes each new certificate into use, and `events` is told if there is none.
pub(crate) async fn work(
    certifier: Option<Certifier>,
    server: &Server,
    events: &EventSender,
    stop: CancellationToken,
) {
    if let Some(certifier) = certifier {
        certifier.work(server, events, stop).await;
    }
}
