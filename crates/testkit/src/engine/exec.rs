//! Programs in containers. They are what the test says; without a word of it, they repeat what they read.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    call::EngineCall,
    context::Context,
    dialect::Dialect,
    logs::framed,
    program::{Exec, ExecAnswer},
    record::RecordStatus,
    reply::{Reply, ReplyBody},
    state::EngineShared,
};

/// What a container without a shell prints.
const NO_SHELL: &str = "exec: \"sh\": executable file not found in $PATH\n";

pub(crate) fn create(context: &mut Context<'_>, name: &str) -> Reply {
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    if record.life.status != RecordStatus::Running {
        let id = record.id.clone();
        let status = if context.shared.dialect == Dialect::Podman4 { 500 } else { 409 };
        return context.error(
            status,
            &match context.shared.dialect.is_podman() {
                true => {
                    "can only create exec sessions on running containers: container state improper".to_owned()
                }
                false => format!("Container {id} is not running"),
            },
        );
    }
    let body = &context.call.body;
    let command = body["Cmd"].as_array().cloned().unwrap_or_default();
    let exec = Exec {
        number: u32::try_from(context.state.execs.len()).unwrap() + 100,
        is_told: false,
        id: context.state.next_id(),
        command: command.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        has_terminal: body["Tty"] == true,
        is_started: false,
        is_running: false,
        exit_code: None,
    };
    let reply = Reply::json(201, &json!({"Id": exec.id}));
    context.state.execs.push(exec);
    reply
}

pub(crate) fn look(context: &Context<'_>, id: &str) -> Reply {
    match context.state.execs.iter().find(|exec| exec.id == id) {
        Some(exec) => Reply::ok(&json!({"ID": id, "Running": exec.is_running, "ExitCode": exec.exit_code})),
        None => context.error(404, &format!("No such exec instance: {id}")),
    }
}

pub(crate) fn resize(context: &Context<'_>, id: &str) -> Reply {
    match context.state.execs.iter().find(|exec| exec.id == id) {
        Some(exec) if exec.is_running => {
            Reply::empty(if context.shared.dialect.is_podman() { 201 } else { 200 })
        }
        Some(_) => context.error(500, "cannot resize a stopped exec session: process not found"),
        None => context.error(404, &format!("No such exec instance: {id}")),
    }
}

/// Starts a program, whose streams the connection becomes.
pub(crate) fn start(
    shared: &Arc<EngineShared>,
    call: &EngineCall,
    upgrade: OnUpgrade,
) -> Response<ReplyBody> {
    let id = call.path.split('/').nth(1).unwrap_or_default().to_owned();
    let mut state = shared.state();
    let (answers, has_no_shell) = (state.answers.clone(), state.has_no_shell);
    let Some(exec) = state.execs.iter_mut().find(|exec| exec.id == id) else {
        return Reply::error(shared.dialect, 404, &format!("No such exec instance: {id}")).into_response();
    };
    if std::mem::replace(&mut exec.is_started, true) {
        return Reply::error(shared.dialect, 409, "exec session has run already").into_response();
    }
    exec.is_running = true;
    // A shell that says its number before it becomes the program.
    let is_led = exec.command.get(2).is_some_and(|word| word.starts_with("echo $$;"));
    let answer = match has_no_shell && is_led {
        true => Some(ExecAnswer { exit_code: 127, ..ExecAnswer::of(NO_SHELL) }),
        false => answers
            .into_iter()
            .find(|(part, _)| exec.command.join(" ").contains(part))
            .map(|(_, answer)| answer),
    };
    let program = Program {
        shared: Arc::clone(shared),
        id: exec.id.clone(),
        has_terminal: exec.has_terminal,
        says: (is_led && !has_no_shell).then_some(exec.number),
        tells: tells(&exec.command),
        answer,
    };
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        program.run(TokioIo::new(upgraded)).await;
    });
    let empty = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(empty);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, "Upgrade".parse().unwrap());
    response.headers_mut().insert(header::UPGRADE, "tcp".parse().unwrap());
    response
}

/// A program while it runs.
struct Program {
    shared: Arc<EngineShared>,
    id: String,
    has_terminal: bool,
    says: Option<u32>,
    tells: Option<u32>,
    answer: Option<ExecAnswer>,
}

// Whom a shell tells to hang up.
fn tells(command: &[String]) -> Option<u32> {
    match command {
        [_, _, script, .., number] if script.starts_with("kill -HUP") => number.parse().ok(),
        _ => None,
    }
}

impl Program {
    async fn run(self, mut io: impl AsyncRead + AsyncWrite + Unpin) {
        if let Some(number) = self.says {
            let end = if self.has_terminal { "\r\n" } else { "\n" };
            self.print(&mut io, 1, format!("{number}{end}").as_bytes()).await;
        }
        let exit_code = match (&self.answer, self.tells) {
            (_, Some(number)) => self.tell(number),
            (Some(answer), _) => {
                self.print(&mut io, 1, &answer.output).await;
                self.print(&mut io, 2, &answer.errors).await;
                answer.exit_code
            }
            (None, None) => self.repeat(&mut io).await,
        };
        drop(io.shutdown().await);
        let mut state = self.shared.state();
        if let Some(exec) = state.execs.iter_mut().find(|exec| exec.id == self.id) {
            (exec.is_running, exec.exit_code) = (false, Some(exit_code));
        }
        drop(state);
        self.shared.changed();
    }

    // A client that left hears nothing.
    async fn print(&self, io: &mut (impl AsyncWrite + Unpin), stream: u8, text: &[u8]) {
        if !text.is_empty() {
            let bytes = framed(self.has_terminal, &(stream, Bytes::copy_from_slice(text)));
            drop(io.write_all(&bytes).await);
        }
    }

    fn tell(&self, number: u32) -> i64 {
        let mut state = self.shared.state();
        if let Some(exec) = state.execs.iter_mut().find(|exec| exec.number == number) {
            exec.is_told = true;
        }
        drop(state);
        self.shared.changed();
        0
    }

    /// Says what it hears. With a terminal it stays when nobody listens, as with real engines, until it is told to hang up.
    async fn repeat(&self, io: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> i64 {
        let (mut piece, mut is_alone) = ([0; 4096], false);
        let mut changes = self.shared.changes();
        loop {
            let is_told = self.shared.state().execs.iter().any(|exec| exec.id == self.id && exec.is_told);
            if is_told || (is_alone && !self.has_terminal) {
                return if is_told { 129 } else { 0 };
            }
            tokio::select! {
                read = io.read(&mut piece), if !is_alone => match read {
                    Ok(0) | Err(_) => is_alone = true,
                    Ok(count) => self.print(io, 1, &piece[..count]).await,
                },
                changed = changes.changed() => drop(changed),
            }
        }
    }
}
