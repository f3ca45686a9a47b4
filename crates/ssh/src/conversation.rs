//! One program of a client, from what is asked until one of them ends.
//!
//! Nothing is read ahead in either direction: a client that does not read stops the program's output, and a program that does
//! not read stops the client's input.

use std::time::Duration;

use entrepot_access::Audit;
use entrepot_engine::{ExecInput, ExecOutput, ExecRequest, Stream, TerminalSize};
use entrepot_library::{InstanceTarget, Library, Program, ProgramControl};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, server::Msg};
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    language::ClientLanguage,
    request::{ChannelRequest, size},
};

/// How long a client has to say what is to run.
const START: Duration = Duration::from_secs(30);
/// How long a client may not read what it is told last.
const PATIENCE: Duration = Duration::from_secs(10);
/// The exit status of `ssh` for what is no program's: something failed here.
const FAILED: u32 = 255;
/// The stream of errors (RFC 4254 §5.2).
const ERRORS: Option<u32> = Some(1);

/// What is told to whom may not go on.
const REVOKED: &str = "you may not go on here: the account, or its key, has changed";

/// What a conversation goes by.
pub(crate) struct ConversationContext {
    /// What runs programs.
    pub(crate) library: Library,
    /// The name or id of the instance.
    pub(crate) instance: String,
    /// The account.
    pub(crate) account: i64,
    /// True if the account may also enter the instances of others.
    pub(crate) sees_all: bool,
    /// Who it is, for the audit log.
    pub(crate) by: Audit,
    /// Cancelled when the connection is gone, or the server stops.
    pub(crate) gone: CancellationToken,
    /// Cancelled when the account may not go on.
    pub(crate) revoked: CancellationToken,
}

/// How a conversation ends.
enum ConversationEnd {
    /// The program has ended, with this exit code.
    Exited(Option<i64>),
    /// Nothing runs, and why.
    Refused(String),
    /// The account may not go on.
    Revoked,
    /// The client has left.
    Gone,
}

/// What a client does with its channel.
pub(crate) struct ChannelHalves {
    pub(crate) read: ChannelReadHalf,
    pub(crate) write: ChannelWriteHalf<Msg>,
}

/// Runs a program for a client, until one of them ends.
pub(crate) async fn talk(halves: ChannelHalves, context: ConversationContext) {
    let ChannelHalves { mut read, write } = halves;
    let mut language = ClientLanguage::default();
    let started = tokio::select! {
        () = context.gone.cancelled() => Err(ConversationEnd::Gone),
        () = context.revoked.cancelled() => Err(ConversationEnd::Revoked),
        started = start(&mut read, &mut language, &context) => started,
    };
    let (end, control) = match started {
        Err(end) => (end, None),
        Ok(Program { input, mut output, control }) => {
            let end = tokio::select! {
                () = context.gone.cancelled() => ConversationEnd::Gone,
                () = context.revoked.cancelled() => ConversationEnd::Revoked,
                end = feed(&mut read, input, &control) => end,
                end = print(&write, &mut output, &control) => end,
            };
            (end, Some(control))
        }
    };
    let has_ended = matches!(end, ConversationEnd::Exited(_));
    let ended = async {
        if let Some(control) = control.filter(|_| !has_ended) {
            control.end().await;
        }
    };
    let closed = timeout(PATIENCE, close(&write, end, language));
    let (_, ()) = tokio::join!(closed, ended);
}

async fn start(
    read: &mut ChannelReadHalf,
    language: &mut ClientLanguage,
    context: &ConversationContext,
) -> Result<Program, ConversationEnd> {
    let request = timeout(START, asked(read, language)).await.unwrap_or(Err(ConversationEnd::Gone))?;
    let refused = |error: entrepot_library::Error| ConversationEnd::Refused(error.to_string());
    let own = Some(context.account);
    let found = match context.library.instance_called(&context.instance, own).await {
        Err(entrepot_library::Error::Unknown { .. }) if context.sees_all => {
            context.library.instance_called(&context.instance, None).await
        }
        found => found,
    };
    let id = found.map_err(refused)?;
    let target = InstanceTarget { id, account: own.filter(|_| !context.sees_all), revision: None };
    let place = context.library.place_for_program(target).await.map_err(refused)?;
    place.start(request, context.by.clone()).await.map_err(refused)
}

/// What is to run, which comes after what it is to run with.
async fn asked(
    read: &mut ChannelReadHalf,
    language: &mut ClientLanguage,
) -> Result<ExecRequest, ConversationEnd> {
    let mut terminal: Option<TerminalSize> = None;
    loop {
        let asked = match read.wait().await {
            None | Some(ChannelMsg::Close) => return Err(ConversationEnd::Gone),
            Some(ChannelMsg::RequestPty { col_width, row_height, .. }) => {
                terminal = Some(size(col_width, row_height));
                continue;
            }
            Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                terminal = terminal.map(|_| size(col_width, row_height));
                continue;
            }
            Some(ChannelMsg::RequestShell { .. }) => ChannelRequest::Shell,
            Some(ChannelMsg::Exec { command, .. }) => ChannelRequest::Command(command),
            Some(ChannelMsg::RequestSubsystem { name, .. }) => ChannelRequest::Subsystem(name),
            // The language is for what we say. What variables a container has is said where it is made.
            Some(ChannelMsg::SetEnv { variable_name, variable_value, .. }) => {
                *language = language.heard(&variable_name, &variable_value);
                continue;
            }
            Some(_) => continue,
        };
        return asked.program(terminal).map_err(|why| ConversationEnd::Refused(why.to_string()));
    }
}

/// Gives the program what the client sends, until the client leaves.
async fn feed(read: &mut ChannelReadHalf, input: ExecInput, control: &ProgramControl) -> ConversationEnd {
    let mut input = Some(input);
    loop {
        match read.wait().await {
            None | Some(ChannelMsg::Close) => return ConversationEnd::Gone,
            Some(ChannelMsg::Data { data }) => {
                // A program that has ended reads nothing more; what it printed is still on its way.
                if let Some(open) = &mut input
                    && open.write(&data).await.is_err()
                {
                    input = None;
                }
            }
            Some(ChannelMsg::Eof) => {
                if let Some(mut open) = input.take() {
                    // What was sent before has arrived, or the program has ended.
                    drop(open.close().await);
                }
            }
            Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => {
                control.resize(size(col_width, row_height)).await;
            }
            Some(_) => {}
        }
    }
}

/// Sends the client what the program prints, until it has ended.
async fn print(
    write: &ChannelWriteHalf<Msg>,
    output: &mut ExecOutput,
    control: &ProgramControl,
) -> ConversationEnd {
    let (mut printed, mut errors) = (write.make_writer(), write.make_writer_ext(ERRORS));
    loop {
        let sent = match output.next().await {
            Ok(Some(chunk)) => match chunk.stream {
                Stream::Output => printed.write_all(&chunk.bytes).await,
                Stream::Error => errors.write_all(&chunk.bytes).await,
            },
            // A connection to the engine that breaks leaves the same question: how it ended.
            Ok(None) | Err(_) => return ConversationEnd::Exited(control.exit_code().await),
        };
        if sent.is_err() {
            return ConversationEnd::Gone;
        }
    }
}

/// Says how it ended, and closes the channel. A client that has left hears nothing of it.
async fn close(write: &ChannelWriteHalf<Msg>, end: ConversationEnd, language: ClientLanguage) {
    let (said, status) = match end {
        ConversationEnd::Gone => return,
        ConversationEnd::Exited(code) => {
            (None, code.and_then(|code| u32::try_from(code).ok()).unwrap_or(FAILED))
        }
        ConversationEnd::Refused(why) => (Some(why), FAILED),
        ConversationEnd::Revoked => (Some(REVOKED.to_owned()), FAILED),
    };
    if let Some(said) = said {
        let line = format!("entrepot: {}\r\n", language.said(&said));
        drop(write.make_writer_ext(ERRORS).write_all(line.as_bytes()).await);
    }
    drop(write.exit_status(status).await);
    drop(write.eof().await);
    drop(write.close().await);
}
