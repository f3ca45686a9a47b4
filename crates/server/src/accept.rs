//! Accept loops: each connection becomes a task. Running out of file descriptors slows the loop down but never ends it.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use rustix::io::Errno;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use crate::{connection::Connections, workers::Workers};

/// Delay after a failed accept, so that a full descriptor table does not cause a busy loop.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Accepts clients for as long as the future is polled.
pub(crate) async fn clients(
    listener: &TcpListener,
    workers: &Workers,
    shared: &Arc<Connections>,
    tasks: &TaskTracker,
) {
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|(stream, address)| Ok((stream.into_std()?, address))) {
            Ok((stream, address)) => {
                let shared = Arc::clone(shared);
                let address = plain(address.ip());
                workers.serve(tasks, async move {
                    // A stream is registered with the runtime it is created on.
                    match TcpStream::from_std(stream) {
                        Ok(stream) => shared.tcp(stream, address).await,
                        Err(error) => tracing::warn!(%error, "a connection could not be served"),
                    }
                });
            }
            Err(error) => failed(&error, shared).await,
        }
    }
}

/// Accepts connections of the local command line for as long as the future is polled. There may be no such socket.
pub(crate) async fn commands(
    listener: Option<&UnixListener>,
    shared: &Arc<Connections>,
    tasks: &TaskTracker,
) {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(shared);
                tasks.spawn(async move { shared.control(stream).await });
            }
            Err(error) => failed(&error, shared).await,
        }
    }
}

async fn failed(error: &io::Error, shared: &Connections) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    // The client left before it was accepted.
    if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        return;
    }
    if matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) {
        shared.state().shortage.of_connections(Instant::now());
    }
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(BACK_OFF).await;
}

// A dual-stack socket reports IPv4 clients as `::ffff:a.b.c.d`.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
