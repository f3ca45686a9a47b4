//! Conversations with a server (RFC 6455).

use reqwest::{
    RequestBuilder, StatusCode, Upgraded,
    header::{
        CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::{Role, WebSocketConfig},
    },
};

use super::{answer::refusal, fault::ApiError};

pub(crate) use tokio_tungstenite::tungstenite::Message;

/// The longest message of a server, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A conversation.
pub(crate) type WebSocket = WebSocketStream<Upgraded>;

/// Begins a conversation by a request that has no headers of its own yet.
pub(super) async fn open(request: RequestBuilder, protocol: &str) -> Result<WebSocket, ApiError> {
    let key = generate_key();
    let request = request
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, &key)
        .header(SEC_WEBSOCKET_PROTOCOL, protocol);
    let response = request.send().await.map_err(ApiError::of)?;
    let status = response.status();
    if !status.is_success() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response).await);
    }
    let told = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(|told| told.as_bytes().to_vec());
    if told != Some(derive_accept_key(key.as_bytes()).into_bytes()) {
        return Err(ApiError::NoWebSocket);
    }
    let upgraded = response.upgrade().await.map_err(ApiError::of)?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .write_buffer_size(0);
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}
