//! The conversation with a client that runs a program in an instance.
//!
//! Nothing is read ahead in either direction: a client that does not read stops the program's output, and a program that does
//! not read stops the client's input.

use std::{pin::pin, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::{BufMut as _, Bytes, BytesMut};
use entrepot_access::{Access, Audit, OngoingAccess};
use entrepot_api::{ExecMessage, ExecReport, ExecStart, ExecStream, ExecTerminal};
use entrepot_engine::{Chunk, ExecInput, ExecOutput, ExecRequest, Stream, TerminalSize};
use entrepot_library::{Program, ProgramControl, ProgramPlace};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{pages::words::Language, sync::problem::Problem};

/// The longest frame of a client, in bytes.
pub(super) const MAX_FRAME: usize = 64 << 10;
/// How long a client has to say what is to run.
const START: Duration = Duration::from_secs(30);
/// How often a client is asked whether it is there: proxies cut connections that are silent for a minute.
const PING: Duration = Duration::from_secs(20);
/// How long a client may be silent, or not read.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long a client has to close the connection, once all is said.
const LINGER: Duration = Duration::from_secs(5);

type Sink = SplitSink<WebSocket, Message>;
type WebSocketFrames = SplitStream<WebSocket>;

/// What a conversation goes by.
pub(super) struct ExecContext {
    /// Who runs the program.
    pub(super) by: Audit,
    /// The language of the client.
    pub(super) language: Language,
    /// What tells whether they may go on.
    pub(super) access: Access,
    /// By what they began.
    pub(super) lasting: OngoingAccess,
    /// Cancelled when the server stops.
    pub(super) draining: CancellationToken,
}

/// Why a conversation ends.
enum ExecEnd {
    /// The program has ended, with this exit code.
    Exited(Option<i64>),
    /// It does not start.
    Refused(Box<Problem>),
    /// The client says something that means nothing here.
    Meaningless,
    /// The server stops.
    Draining,
    /// Whoever began may not go on.
    Revoked,
    /// The client has left, or is silent.
    Gone,
}

/// Runs a program for a client, until one of them ends.
pub(super) async fn talk(socket: WebSocket, place: ProgramPlace, context: ExecContext) {
    let (mut sink, mut frames) = socket.split();
    let ExecContext { by, language, access, lasting, draining } = context;
    let mut revoked = pin!(access.until_revoked(&lasting));
    let starting = async {
        let request = asked(&mut frames).await?;
        let reads_input = request.reads_input;
        let started = place.start(request, by).await;
        started
            .map(|program| (program, reads_input))
            .map_err(|error| ExecEnd::Refused(Box::new(error.into())))
    };
    let started = tokio::select! {
        () = draining.cancelled() => Err(ExecEnd::Draining),
        () = &mut revoked => Err(ExecEnd::Revoked),
        started = starting => started,
    };
    let (end, control) = match started {
        Err(end) => (end, None),
        Ok((program, reads_input)) => {
            let Program { input, mut output, control } = program;
            let input = Some(input).filter(|_| reads_input);
            let end = tokio::select! {
                () = draining.cancelled() => ExecEnd::Draining,
                () = &mut revoked => ExecEnd::Revoked,
                end = feed(&mut frames, input, &control) => end,
                end = print(&mut sink, &mut output, &control) => end,
            };
            (end, Some(control))
        }
    };
    let has_ended = matches!(end, ExecEnd::Exited(_));
    let ended = async {
        if let Some(control) = control.filter(|_| !has_ended) {
            control.end().await;
        }
    };
    tokio::join!(close(sink, frames, end, language), ended);
}

/// What is to run, which the first frame says.
async fn asked(frames: &mut WebSocketFrames) -> Result<ExecRequest, ExecEnd> {
    let first = async {
        loop {
            match frames.next().await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str::<ExecMessage>(&text).map_err(|_| ExecEnd::Meaningless);
                }
                Some(Ok(Message::Binary(_))) => return Err(ExecEnd::Meaningless),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(ExecEnd::Gone),
            }
        }
    };
    match timeout(START, first).await.unwrap_or(Err(ExecEnd::Gone))? {
        ExecMessage::Start(ExecStart { command, terminal, input, user }) => {
            Ok(ExecRequest { command, terminal: terminal.map(size), reads_input: input, user })
        }
        ExecMessage::Resize(_) | ExecMessage::EndOfInput => Err(ExecEnd::Meaningless),
    }
}

/// Gives the program what the client sends, until the client leaves.
async fn feed(
    frames: &mut WebSocketFrames,
    mut input: Option<ExecInput>,
    control: &ProgramControl,
) -> ExecEnd {
    loop {
        let Ok(Some(Ok(frame))) = timeout(PATIENCE, frames.next()).await else { return ExecEnd::Gone };
        match frame {
            Message::Binary(bytes) => {
                // A program that has ended reads nothing more; what it printed is still on its way.
                if let Some(open) = &mut input
                    && open.write(&bytes).await.is_err()
                {
                    input = None;
                }
            }
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(ExecMessage::Resize(terminal)) => control.resize(size(terminal)).await,
                Ok(ExecMessage::EndOfInput) => {
                    if let Some(mut open) = input.take() {
                        // What was sent before has arrived, or the program has ended.
                        drop(open.close().await);
                    }
                }
                Ok(ExecMessage::Start(_)) | Err(_) => return ExecEnd::Meaningless,
            },
            Message::Close(_) => return ExecEnd::Gone,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Sends the client what the program prints, until it has ended.
async fn print(sink: &mut Sink, output: &mut ExecOutput, control: &ProgramControl) -> ExecEnd {
    if !say(sink, &ExecReport::Started).await {
        return ExecEnd::Gone;
    }
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            chunk = output.next() => match chunk {
                Ok(Some(chunk)) => Message::Binary(framed(&chunk)),
                // A connection to the engine that breaks leaves the same question: how it ended.
                Ok(None) | Err(_) => return ExecEnd::Exited(control.exit_code().await),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        if !sent(sink, message).await {
            return ExecEnd::Gone;
        }
    }
}

/// Says why the conversation ends, and closes the connection.
async fn close(mut sink: Sink, mut frames: WebSocketFrames, end: ExecEnd, language: Language) {
    let (report, code) = match end {
        ExecEnd::Gone => return,
        ExecEnd::Exited(code) => (ExecReport::Exited { code }, close_code::NORMAL),
        ExecEnd::Refused(problem) => (failed(&problem, language), close_code::NORMAL),
        ExecEnd::Meaningless => (failed(&meaningless(), language), close_code::POLICY),
        ExecEnd::Draining => (failed(&draining(), language), close_code::AWAY),
        ExecEnd::Revoked => (failed(&revoked(), language), close_code::POLICY),
    };
    let frame = CloseFrame { code, reason: "".into() };
    if say(&mut sink, &report).await && sent(&mut sink, Message::Close(Some(frame))).await {
        // A connection that is closed with something unread may lose what was sent.
        let _ = timeout(LINGER, async { while let Some(Ok(_)) = frames.next().await {} }).await;
    }
}

async fn say(sink: &mut Sink, report: &ExecReport) -> bool {
    // Texts and numbers always serialize.
    let text = serde_json::to_string(report).unwrap_or_default();
    sent(sink, Message::Text(text.into())).await
}

async fn sent(sink: &mut Sink, message: Message) -> bool {
    matches!(timeout(PATIENCE, sink.send(message)).await, Ok(Ok(())))
}

fn framed(chunk: &Chunk) -> Bytes {
    let stream = match chunk.stream {
        Stream::Output => ExecStream::Output,
        Stream::Error => ExecStream::Error,
    };
    let mut frame = BytesMut::with_capacity(chunk.bytes.len() + 1);
    frame.put_u8(stream.number());
    frame.put_slice(&chunk.bytes);
    frame.freeze()
}

// Some programs do not survive a terminal without a character.
fn size(terminal: ExecTerminal) -> TerminalSize {
    TerminalSize { rows: terminal.rows.max(1), columns: terminal.columns.max(1) }
}

fn failed(problem: &Problem, language: Language) -> ExecReport {
    ExecReport::Failed { detail: problem.message_in(language) }
}

fn meaningless() -> Problem {
    Problem::bad("the frame is none of the protocol, or comes at the wrong time")
        .with_hint("see `execInInstance` in `/api/v1/openapi.json`")
        .in_chinese("收到的帧不属于此协议，或出现的时机不对")
        .with_chinese_hint("格式见 `/api/v1/openapi.json` 中的 `execInInstance`")
}

fn revoked() -> Problem {
    Problem::bad("you may not go on here: the account, or what you logged in with, has changed")
        .with_hint("log in again")
        .in_chinese("您已不能继续：账号或登录凭据已变更")
        .with_chinese_hint("请重新登录")
}

fn draining() -> Problem {
    Problem::bad("the server shuts down")
        .with_hint("try again later")
        .in_chinese("服务器正在关闭")
        .with_chinese_hint("请稍后重试")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_framed_as_it_is() {
        let whole = "中文🚀".as_bytes();
        for end in 0..whole.len() {
            let chunk = Chunk { stream: Stream::Error, bytes: Bytes::copy_from_slice(&whole[..end]) };
            let frame = framed(&chunk);
            assert_eq!(ExecStream::split(&frame), Some((ExecStream::Error, &whole[..end])));
        }
    }

    #[test]
    fn a_terminal_has_a_character() {
        let none = ExecTerminal { rows: 0, columns: 0 };
        assert_eq!(size(none), TerminalSize { rows: 1, columns: 1 });
    }
}
