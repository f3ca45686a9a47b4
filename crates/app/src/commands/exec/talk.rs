//! The conversation with the server about a program that runs in an instance.

use std::{io::Read as _, thread};

use entrepot_api::{ExecMessage, ExecReport, ExecStart, ExecStream, ExecTerminal};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

use crate::{
    client::{Message, WebSocket},
    failure::Failure,
    output::{self, Characters},
    terminal::{self, RawTerminal},
};

/// How much is read at once of what the program is to read, in bytes.
const PIECE: usize = 16 << 10;
/// How many pieces may wait.
const PIECES: usize = 2;

type Sink = SplitSink<WebSocket, Message>;
type WebSocketFrames = SplitStream<WebSocket>;

/// Runs a program, and returns its exit code.
pub(super) async fn talk(socket: WebSocket, start: ExecStart) -> Result<i64, Failure> {
    let (mut sink, mut frames) = socket.split();
    let (reads_input, has_terminal) = (start.input, start.terminal.is_some());
    let sizes = has_terminal.then(|| signal(SignalKind::window_change())).transpose();
    let sizes = sizes.map_err(|error| Failure::because("cannot follow the size of the terminal", &error))?;
    say(&mut sink, &ExecMessage::Start(start)).await;
    match next(&mut frames).await? {
        ServerMessage::Report(ExecReport::Started) => {}
        ServerMessage::Report(ExecReport::Failed { detail }) => return Err(Failure::new(detail)),
        ServerMessage::Report(ExecReport::Exited { .. }) | ServerMessage::Printed(..) => return Err(broken()),
    }
    let lent = if has_terminal { Some(lend()?) } else { None };
    let keys = reads_input.then(keys);
    tokio::select! {
        code = show(&mut frames, lent) => code,
        never = pass_on(&mut sink, keys, sizes) => match never {},
    }
}

fn lend() -> Result<RawTerminal, Failure> {
    RawTerminal::begin().map_err(|error| Failure::because("cannot use the terminal", &error))
}

/// What a server says.
enum ServerMessage {
    /// A report.
    Report(ExecReport),
    /// The program printed something.
    Printed(ExecStream, Vec<u8>),
}

async fn next(frames: &mut WebSocketFrames) -> Result<ServerMessage, Failure> {
    loop {
        match frames.next().await {
            Some(Ok(Message::Text(text))) => {
                let report = serde_json::from_str(&text);
                return report
                    .map(ServerMessage::Report)
                    .map_err(|error| Failure::because("the server's answer cannot be used", &error));
            }
            Some(Ok(Message::Binary(frame))) => {
                let (stream, printed) = ExecStream::split(&frame).ok_or_else(broken)?;
                return Ok(ServerMessage::Printed(stream, printed.to_vec()));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(broken()),
        }
    }
}

fn broken() -> Failure {
    Failure::new("the connection broke off; the program was told to end")
}

/// Shows what the program prints until it ends; `lent`: on this terminal, as it is.
async fn show(frames: &mut WebSocketFrames, lent: Option<RawTerminal>) -> Result<i64, Failure> {
    let (mut printed, mut errors) = (Characters::default(), Characters::default());
    let code = loop {
        match (next(frames).await?, &lent) {
            (ServerMessage::Printed(_, bytes), Some(lent)) => {
                lent.show(&bytes).map_err(|error| Failure::because("cannot write the output", &error))?;
            }
            (ServerMessage::Printed(ExecStream::Output, bytes), None) => {
                output::print_exact(&printed.push(&bytes))?
            }
            (ServerMessage::Printed(ExecStream::Error, bytes), None) => {
                output::print_exact_error(&errors.push(&bytes))?;
            }
            (ServerMessage::Report(ExecReport::Exited { code }), _) => break code,
            (ServerMessage::Report(ExecReport::Failed { detail }), _) => return Err(Failure::new(detail)),
            (ServerMessage::Report(ExecReport::Started), _) => {}
        }
    };
    output::print_exact(&printed.rest())?;
    output::print_exact_error(&errors.rest())?;
    code.ok_or_else(|| Failure::new("the program has ended, and its node does not say how"))
}

/// Passes on what the program is to read, and the size of the terminal, for as long as it runs.
async fn pass_on(
    sink: &mut Sink,
    mut keys: Option<mpsc::Receiver<Vec<u8>>>,
    mut sizes: Option<Signal>,
) -> std::convert::Infallible {
    loop {
        tokio::select! {
            piece = read(&mut keys) => match piece {
                // Whoever reads the answers sees a connection that broke.
                Some(bytes) => drop(sink.send(Message::Binary(bytes.into())).await),
                None => {
                    keys = None;
                    say(sink, &ExecMessage::EndOfInput).await;
                }
            },
            () = changed(&mut sizes) => {
                if let Some((rows, columns)) = terminal::size() {
                    say(sink, &ExecMessage::Resize(ExecTerminal { rows, columns })).await;
                }
            }
        }
    }
}

async fn read(keys: &mut Option<mpsc::Receiver<Vec<u8>>>) -> Option<Vec<u8>> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

async fn changed(sizes: &mut Option<Signal>) {
    match sizes {
        Some(sizes) => drop(sizes.recv().await),
        None => std::future::pending().await,
    }
}

async fn say(sink: &mut Sink, message: &ExecMessage) {
    // Texts and numbers always serialize. Whoever reads the answers sees a connection that broke.
    let text = serde_json::to_string(message).unwrap_or_default();
    drop(sink.send(Message::Text(text.into())).await);
}

/// What this process reads. A thread of its own does, which nobody has to wait for: a read cannot be ended.
fn keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    thread::spawn(move || {
        let (mut input, mut piece) = (std::io::stdin().lock(), vec![0; PIECE]);
        while let Ok(count @ 1..) = input.read(&mut piece) {
            if sender.blocking_send(piece[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
