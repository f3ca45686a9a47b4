//! The body of an answer, with an end to its size and to the patience for it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::task::JoinHandle;

use crate::{error::Error, network_fault};

/// Ends the connection's task, and with it the connection, when nobody wants the answer any more.
#[derive(Debug)]
pub(crate) struct ConnectionTask(pub(crate) JoinHandle<()>);

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of an answer. Nothing is read before it is asked for; dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Body {
    incoming: Incoming,
    _connection: ConnectionTask,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, connection: ConnectionTask) -> Self {
        Self { incoming, _connection: connection }
    }

    /// The next bytes, however long they take; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.incoming.frame().await {
            let frame = frame.map_err(|error| network_fault::of_body(&error))?;
            // What is no data are trailers, which mean nothing here.
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of it, of at most `most` bytes and within `patience`.
    pub(crate) async fn whole(mut self, most: usize, patience: Duration) -> Result<Bytes, Error> {
        let reading = async {
            let mut read = BytesMut::new();
            while let Some(data) = self.next().await? {
                if read.len() + data.len() > most {
                    return Err(Error::Answer("it is too long"));
                }
                read.extend_from_slice(&data);
            }
            Ok(read.freeze())
        };
        tokio::time::timeout(patience, reading).await.unwrap_or(Err(Error::Timeout(patience)))
    }

    /// As much of it as an error message may be long, within `patience`; what is missing is left out.
    pub(crate) async fn beginning(mut self, most: usize, patience: Duration) -> Bytes {
        let mut read = BytesMut::new();
        let reading = async {
            while read.len() < most
                && let Ok(Some(data)) = self.next().await
            {
                read.extend_from_slice(&data[..data.len().min(most - read.len())]);
            }
        };
        // Whoever waits for the rest has the status already.
        drop(tokio::time::timeout(patience, reading).await);
        read.freeze()
    }
}
