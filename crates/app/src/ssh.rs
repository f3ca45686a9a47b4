//! The server of SSH that leads into instances.

use entrepot_access::Access;
use entrepot_library::Library;
use entrepot_ssh::{HostKey, SshParts, SshServer};
use tokio_util::sync::CancellationToken;

use crate::{config::Config, data::DataDir, failure::Failure};

/// The name of the host key below the data directory.
const HOST_KEY: &str = "ssh_host_ed25519_key";

/// Listens for SSH, if the configuration says where.
///
/// # Errors
/// It cannot listen there, or the host key cannot be read or made.
pub(crate) async fn bound(
    config: &Config,
    data: &DataDir,
    access: &Access,
    library: &Library,
) -> Result<Option<SshServer>, Failure> {
    let Some(listen) = config.library.ssh.listen else { return Ok(None) };
    let key = HostKey::open_or_create(&data.path().join(HOST_KEY));
    let key = key.map_err(|error| Failure::because("cannot take clients of SSH", &error))?;
    let fingerprint = key.fingerprint().to_owned();
    let parts = SshParts { access: access.clone(), library: library.clone(), key };
    match SshServer::bind(&listen.to_string(), parts).await {
        Ok(server) => {
            tracing::info!(%listen, host_key = fingerprint, "instances are reached by SSH");
            Ok(Some(server))
        }
        Err(error) => Err(Failure::because("cannot take clients of SSH", &error)
            .with_hint("another program may listen there: see `library.ssh.listen`")),
    }
}

/// Serves clients of SSH until `stop`.
pub(crate) async fn work(server: Option<SshServer>, stop: CancellationToken) {
    if let Some(server) = server {
        server.run(stop).await;
    }
}
