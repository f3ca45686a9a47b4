//! Why there is no connection to an engine.

/// Why an engine cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The host name has no address.
    #[error("the name cannot be resolved")]
    Name,
    /// Nothing listens there.
    #[error("the connection is refused")]
    Refused,
    /// There is no socket at the path.
    #[error("there is no such socket")]
    NoSocket,
    /// This process may not use the socket.
    #[error("this server may not use the socket")]
    Permission,
    /// The network does not lead there.
    #[error("there is no route to the address")]
    NoRoute,
    /// Nobody answers the attempt to connect.
    #[error("there is no connection in time")]
    ConnectTimeout,
    /// The connection was closed before an answer.
    #[error("the connection is closed without an answer")]
    Closed,
    /// The connection ended in the middle of an answer.
    #[error("the connection breaks in the middle of an answer")]
    Cut,
    /// What answers does not speak HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// Something else in the network.
    #[error("the connection fails")]
    Other,
}

/// Why TLS with an engine fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The engine's certificate is not signed by the authority of this node.
    #[error("the engine's certificate is not signed by the authority given for it")]
    Issuer,
    /// The engine's certificate is for another name.
    #[error("the engine's certificate is for another name")]
    Name,
    /// The engine's certificate has expired.
    #[error("the engine's certificate has expired")]
    Expired,
    /// The engine's certificate is not valid yet.
    #[error("the engine's certificate is not valid yet")]
    NotYetValid,
    /// The engine's certificate cannot be used for another reason.
    #[error("the engine's certificate cannot be used")]
    Certificate,
    /// The engine does not accept our certificate.
    #[error("the engine does not accept the client certificate")]
    Client,
    /// The engine closed the connection before an answer. Podman does that where it does not accept our certificate.
    #[error("the engine closes the connection without an answer; it may not accept the client certificate")]
    Closed,
    /// What answers does not speak TLS.
    #[error("it does not speak TLS")]
    PlainHttp,
    /// The handshake fails for another reason.
    #[error("the TLS handshake fails")]
    Handshake,
}
