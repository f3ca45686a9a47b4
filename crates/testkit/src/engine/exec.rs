//! Programs in containers. They are what the test says; without a word of it, they repeat what they read.

use std::{io, sync::Arc};

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
    record::Status,
    reply::{Reply, ReplyBody},
    state::Shared,
};

pub(crate) fn create(context: &mut Context<'_>, name: &str) -> Reply {
    let Some(record) = context.state.container(name) else { return context.no_such_container(name) };
    if record.life.status != Status::Running {
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
pub(crate) fn start(shared: &Arc<Shared>, call: &EngineCall, upgrade: OnUpgrade) -> Response<ReplyBody> {
    let id = call.path.split('/').nth(1).unwrap_or_default().to_owned();
    let mut state = shared.state();
    let answers = state.answers.clone();
    let Some(exec) = state.execs.iter_mut().find(|exec| exec.id == id) else {
        return Reply::error(shared.dialect, 404, &format!("No such exec instance: {id}")).into_response();
    };
    if std::mem::replace(&mut exec.is_started, true) {
        return Reply::error(shared.dialect, 409, "exec session has run already").into_response();
    }
    exec.is_running = true;
    let (command, has_terminal) = (exec.command.join(" "), exec.has_terminal);
    let answer = answers.into_iter().find(|(part, _)| command.contains(part)).map(|(_, answer)| answer);
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let exit_code = match answer {
            Some(answer) => tell(TokioIo::new(upgraded), &answer, has_terminal).await,
            None => repeat(TokioIo::new(upgraded), has_terminal).await,
        };
        let mut state = shared.state();
        if let Some(exec) = state.execs.iter_mut().find(|exec| exec.id == id) {
            (exec.is_running, exec.exit_code) = (false, Some(exit_code));
        }
        drop(state);
        shared.changed();
    });
    let empty = Empty::<Bytes>::new().map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(empty);
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(header::CONNECTION, "Upgrade".parse().unwrap());
    response.headers_mut().insert(header::UPGRADE, "tcp".parse().unwrap());
    response
}

async fn tell(mut io: impl AsyncWrite + Unpin, answer: &ExecAnswer, has_terminal: bool) -> i64 {
    for (stream, text) in [(1, &answer.output), (2, &answer.errors)] {
        if !text.is_empty() {
            // A client that left hears nothing.
            drop(io.write_all(&framed(has_terminal, &(stream, Bytes::copy_from_slice(text)))).await);
        }
    }
    drop(io.shutdown().await);
    answer.exit_code
}

async fn repeat(mut io: impl AsyncRead + AsyncWrite + Unpin, has_terminal: bool) -> i64 {
    let mut piece = [0; 4096];
    loop {
        match io.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                let read = Bytes::copy_from_slice(&piece[..count]);
                if io.write_all(&framed(has_terminal, &(1, read))).await.is_err() {
                    break;
                }
            }
        }
    }
    let _: io::Result<()> = io.shutdown().await;
    0
}
