//! Runs a program in a container that runs.

use std::{collections::VecDeque, fmt, str::FromStr};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::{
    body::{Body, ConnectionTask},
    engine::{Api, Engine, MAX_DOCUMENT, posted, with_query},
    error::Error,
    fault::LinkFault,
    frames::{Chunk, FrameDecoder},
    json::null_is_default,
    names::{ContainerId, EngineNameError},
    transport::{self, HEAD_TIMEOUT, Wait},
};

/// How many bytes of output are read at once.
const PIECE: usize = 16 << 10;

/// The longest first line that is looked at: a number, or why there is none.
const MAX_FIRST_LINE: usize = 512;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters of a line.
    pub columns: u16,
}

/// What is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecRequest {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// With a terminal of this size; otherwise without one.
    pub terminal: Option<TerminalSize>,
    /// Whether it reads what is written to it.
    pub reads_input: bool,
    /// As whom, in the words of the container; otherwise as the container runs.
    pub user: Option<String>,
}

/// What an engine calls a program that it runs in a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExecId(String);

impl ExecId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExecId {
    type Err = EngineNameError;

    fn from_str(text: &str) -> Result<Self, EngineNameError> {
        // Of the same form as a container's.
        text.parse::<ContainerId>().map(|id| Self(id.to_string()))
    }
}

/// How a program in a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecState {
    /// It runs.
    Running,
    /// It ended so; nothing if the engine does not say how.
    Ended(Option<i64>),
}

/// A program that runs in a container. Dropping both halves closes the connection. A program that reads its input notices
/// that, unless it has a terminal: see [`Engine::session`].
pub struct Exec {
    /// What the engine calls it.
    pub id: ExecId,
    /// What is written to it.
    pub input: ExecInput,
    /// What it prints.
    pub output: ExecOutput,
}

/// Where a program's input is written.
pub struct ExecInput(WriteHalf<TokioIo<Upgraded>>);

/// Where a program's output is read. Nothing is read ahead.
pub struct ExecOutput {
    io: Option<ReadHalf<TokioIo<Upgraded>>>,
    frames: FrameDecoder,
    waiting: VecDeque<Chunk>,
    _connection: ConnectionTask,
}

impl fmt::Debug for Exec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exec").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateExec<'a> {
    attach_stdin: bool,
    // Podman starts nothing that is attached to nothing.
    attach_stdout: bool,
    attach_stderr: bool,
    tty: bool,
    cmd: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_size: Option<[u16; 2]>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    detach: bool,
    tty: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    console_size: Option<[u16; 2]>,
}

#[derive(Deserialize)]
struct ExecResponse {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireExec {
    #[serde(default)]
    running: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    exit_code: Option<i64>,
}

impl Engine {
    /// Runs a program in a container.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the container does not run; [`Error::NotFound`] if it is not there.
    pub async fn exec(&self, container: &ContainerId, request: &ExecRequest) -> Result<Exec, Error> {
        let size = request.terminal.map(|size| [size.rows, size.columns]);
        let create = CreateExec {
            attach_stdin: request.reads_input,
            attach_stdout: true,
            attach_stderr: true,
            tty: size.is_some(),
            cmd: &request.command,
            user: request.user.as_deref(),
            console_size: size,
        };
        let path = self.path(Api::Docker, &format!("containers/{container}/exec"));
        let made: ExecResponse = self.post(&path, &create, HEAD_TIMEOUT).await?;
        let id: ExecId = made.id.parse().map_err(|_| Error::Answer("it names no program"))?;
        let exec = self.attach(id, size).await?;
        if let Some(size) = request.terminal {
            self.first_size(&exec.id, size).await?;
        }
        Ok(exec)
    }

    async fn attach(&self, id: ExecId, size: Option<[u16; 2]>) -> Result<Exec, Error> {
        let start = Start { detach: false, tty: size.is_some(), console_size: size };
        let mut request = posted(&self.path(Api::Docker, &format!("exec/{}/start", id.0)), &start)?;
        request.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static("tcp"));
        let (mut response, connection) = transport::exchange(self.endpoint(), request, Wait::SHORT).await?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            if status.is_success() {
                return Err(Error::Answer("it is no stream"));
            }
            return Err(transport::refusal(status, Body::new(response.into_body(), connection)).await);
        }
        let upgraded = hyper::upgrade::on(&mut response).await;
        let io = TokioIo::new(upgraded.map_err(|_| Error::Unreachable(LinkFault::Closed))?);
        let (read, write) = tokio::io::split(io);
        let frames = FrameDecoder::new(size.is_some());
        let output = ExecOutput { io: Some(read), frames, waiting: VecDeque::new(), _connection: connection };
        Ok(Exec { id, input: ExecInput(write), output })
    }

    // Engines before the console size of a start begin with a terminal of no size. The program may not be there yet,
    // or may have ended already: then there is nothing to do.
    async fn first_size(&self, id: &ExecId, size: TerminalSize) -> Result<(), Error> {
        match self.resize(id, size).await {
            Err(error) if !error.is_answer() => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives the terminal of a program another size.
    ///
    /// # Errors
    /// The engine refuses: the program has ended, or has no terminal.
    pub async fn resize(&self, id: &ExecId, size: TerminalSize) -> Result<(), Error> {
        let (rows, columns) = (size.rows.to_string(), size.columns.to_string());
        let path = with_query(&format!("exec/{}/resize", id.0), &[("h", &rows), ("w", &columns)]);
        self.act(Method::POST, &path, HEAD_TIMEOUT).await.map(drop)
    }

    /// How a program is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the engine has forgotten it.
    pub async fn exec_state(&self, id: &ExecId) -> Result<ExecState, Error> {
        let wire: WireExec = self.get(&format!("exec/{}/json", id.0), MAX_DOCUMENT).await?;
        Ok(if wire.running { ExecState::Running } else { ExecState::Ended(wire.exit_code) })
    }
}

impl ExecInput {
    /// Writes to the program, as fast as it reads.
    ///
    /// # Errors
    /// The connection breaks, or the program has ended.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        written.await.map_err(|_| Error::Unreachable(LinkFault::Cut))
    }

    /// Says that no more will come. The output goes on.
    ///
    /// # Errors
    /// The connection breaks.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.0.shutdown().await.map_err(|_| Error::Unreachable(LinkFault::Cut))
    }
}

impl ExecOutput {
    /// What the program printed next, however long that takes; `None` at the end, and after an error.
    ///
    /// # Errors
    /// The connection breaks, or what arrives is no output.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        let next = self.read().await;
        if !matches!(next, Ok(Some(_))) {
            self.io = None;
        }
        next
    }

    /// The first line, of at most 512 bytes; what came after it is read next.
    pub(crate) async fn first_line(&mut self) -> Result<String, Error> {
        let mut line = Vec::new();
        while let Some(mut chunk) = self.next().await? {
            let end = chunk.bytes.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let part = chunk.bytes.split_to(end.unwrap_or(chunk.bytes.len()));
            line.extend_from_slice(&part);
            if end.is_some() || line.len() > MAX_FIRST_LINE {
                if !chunk.bytes.is_empty() {
                    self.waiting.push_front(chunk);
                }
                break;
            }
        }
        line.truncate(MAX_FIRST_LINE);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    async fn read(&mut self) -> Result<Option<Chunk>, Error> {
        loop {
            if let Some(chunk) = self.waiting.pop_front() {
                return Ok(Some(chunk));
            }
            let Some(io) = &mut self.io else { return Ok(None) };
            let mut piece = bytes::BytesMut::with_capacity(PIECE);
            let count = io.read_buf(&mut piece).await.map_err(|_| Error::Unreachable(LinkFault::Cut))?;
            if count == 0 {
                return Ok(None);
            }
            self.waiting = self.frames.push(Bytes::from(piece))?;
        }
    }
}
