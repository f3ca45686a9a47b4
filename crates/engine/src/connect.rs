//! Opens connections to engines.

use std::{io, net::IpAddr, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;

use crate::{
    endpoint::Endpoint,
    error::Error,
    fault::{LinkFault, TlsFault},
    network_fault,
    tls::Tls,
};

/// How long connecting may take, TLS included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After this silence the system asks whether the other side is still there, so that a stream of a dead machine ends.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How many such questions stay unanswered before the connection ends.
const UNANSWERED: u32 = 4;

/// What requests are written to.
pub(crate) trait EngineStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> EngineStream for T {}

/// Connects within [`CONNECT_TIMEOUT`].
pub(crate) async fn connect(endpoint: &Endpoint) -> Result<Box<dyn EngineStream>, Error> {
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, open(endpoint));
    connecting.await.unwrap_or(Err(Error::Unreachable(LinkFault::ConnectTimeout)))
}

async fn open(endpoint: &Endpoint) -> Result<Box<dyn EngineStream>, Error> {
    if let Some(path) = endpoint.address().socket() {
        let stream = UnixStream::connect(path).await;
        return Ok(Box::new(stream.map_err(|error| network_fault::of_connect(&error, true))?));
    }
    let (host, port) = endpoint.address().host_and_port().ok_or(Error::Unreachable(LinkFault::Other))?;
    let stream = dial(host, port).await?;
    match endpoint.tls() {
        None => Ok(Box::new(stream)),
        Some(tls) => handshake(tls, host, stream).await,
    }
}

// Tries each address of the name, in the order of the system's resolver.
async fn dial(host: &str, port: u16) -> Result<TcpStream, Error> {
    let addresses = tokio::net::lookup_host((host, port)).await;
    let addresses = addresses.map_err(|_| Error::Unreachable(LinkFault::Name))?;
    let mut last = Error::Unreachable(LinkFault::Name);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without these it works too, only later.
                drop(keep_alive(&stream));
                return Ok(stream);
            }
            Err(error) => last = network_fault::of_connect(&error, false),
        }
    }
    Err(last)
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    use rustix::net::sockopt;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepcnt(stream, UNANSWERED)?;
    Ok(())
}

async fn handshake(tls: &Tls, host: &str, stream: TcpStream) -> Result<Box<dyn EngineStream>, Error> {
    let name = match host.parse::<IpAddr>() {
        Ok(address) => ServerName::from(address),
        Err(_) => ServerName::try_from(host.to_owned()).map_err(|_| Error::Tls(TlsFault::Name))?,
    };
    let stream = TlsConnector::from(tls.config()).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| network_fault::of_handshake(&error))?))
}
