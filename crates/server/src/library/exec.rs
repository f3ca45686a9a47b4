//! The JSON API of programs in instances: one WebSocket for each.

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use entrepot_access::Operation;
use entrepot_api::{EXEC_PROTOCOL, Problem as ProblemBody};
use http::Response;

use super::{
    exec_talk::{self, ExecContext, MAX_FRAME},
    instances::meant,
};
use crate::{
    body::Body,
    pages::words::Language,
    sync::problem::Problem,
    web::{
        allowed::{access, by, lasting},
        call::WebCall,
        request::Segment,
    },
};

/// Bytes that are read from a client at once, and that may wait for it besides what is being sent.
const READ: usize = 16 << 10;
const WAITING: usize = 4 * MAX_FRAME;

/// Run a program in the container of an instance
///
/// A WebSocket (RFC 6455) with the subprotocol `entrepot.exec.v1`. The first frame is a text, an `ExecMessage` of type
/// `start`; from then on binary frames are what the program reads, as it is. The server answers with an `ExecReport` of type
/// `started` or `failed`; its binary frames are what the program prints, with one byte in front: 1 for its output, 2 for its
/// errors. At the end there is one `exited` or `failed`. The program ends when the connection does.
#[utoipa::path(
    get, path = "/api/v1/library/instances/{id}/exec", operation_id = "execInInstance", tag = "library",
    params(("id" = u32, Path, description = "The instance")),
    responses(
        (status = 101, description = "It goes on as a WebSocket"),
        (status = 400, description = "The request is no handshake of a WebSocket", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The instance does not run, or too many programs run in it", body = ProblemBody, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn exec(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    id: Segment,
    call: WebCall,
) -> Result<Response<Body>, Problem> {
    let (library, target) = meant(&call, &id?.0)?;
    let place = library.place_for_program(target).await?;
    let upgrade = upgrade.map_err(|_| no_handshake())?;
    let terms = ExecContext {
        by: by(&call),
        access: access(&call)?.clone(),
        lasting: lasting(&call, Operation::RunInstances),
        language: Language::of("", &call.headers),
        draining: call.state.draining.clone(),
    };
    let upgrade = upgrade
        .protocols([EXEC_PROTOCOL])
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_write_buffer_size(WAITING);
    let answer = upgrade.on_upgrade(move |socket| exec_talk::talk(socket, place, terms));
    Ok(answer.map(|_| Body::empty()))
}

fn no_handshake() -> Problem {
    Problem::bad("this address speaks WebSocket, and the request does not begin one")
        .with_hint("use `entrepot exec`, or a WebSocket client over HTTP/1.1")
        .in_chinese("此地址使用 WebSocket，而请求并未发起握手")
        .with_chinese_hint("请使用 `entrepot exec`，或 HTTP/1.1 上的 WebSocket 客户端")
}
