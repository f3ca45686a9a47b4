//! Programs that end when whoever uses them leaves.
//!
//! Engines keep a program with a terminal running when its connection closes, and have no word to end it. So a program
//! here says the number of its process before it begins, and a second program in the container tells that process to
//! hang up, as the end of a terminal does. Both need a shell in the container, which a terminal does anyhow.

use std::{fmt, time::Duration};

use tokio::runtime::Handle;

use crate::{
    engine::Engine,
    error::Error,
    exec::{Exec, ExecRequest, ExecState},
    message::Message,
    names::ContainerId,
};

/// Says the number of its process, and becomes the program.
const LEAD: &str = r#"echo $$; exec "$@""#;
/// Tells the process to hang up, and ends it if it has not gone after five seconds.
const END: &str = "kill -HUP $1 2>/dev/null || exit 0; for i in 1 2 3 4 5; do sleep 1; kill -0 $1 2>/dev/null || exit 0; done; kill -KILL $1";
/// How long ending a program may take.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// A program that ends with its [`Leader`].
#[derive(Debug)]
pub struct ExecSession {
    /// The program.
    pub exec: Exec,
    /// Its end.
    pub leader: Leader,
}

/// The first process of a program. When this is dropped, the process is told to hang up.
pub struct Leader(Option<Process>);

impl fmt::Debug for Leader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.as_ref().map(|process| process.number);
        formatter.debug_tuple("Leader").field(&number).finish()
    }
}

struct Process {
    engine: Engine,
    container: ContainerId,
    exec: crate::exec::ExecId,
    user: Option<String>,
    number: u32,
}

impl Engine {
    /// Runs a program that ends when its [`Leader`] is dropped.
    ///
    /// # Errors
    /// As [`Engine::exec`]; and [`Error::NotStarted`], above all where there is no shell in the container.
    pub async fn session(
        &self,
        container: &ContainerId,
        request: &ExecRequest,
    ) -> Result<ExecSession, Error> {
        let lead = ["sh", "-c", LEAD, "sh"].map(str::to_owned);
        let command = lead.into_iter().chain(request.command.iter().cloned()).collect();
        let led = ExecRequest { command, ..request.clone() };
        let mut exec = self.exec(container, &led).await?;
        let line = tokio::time::timeout(END_TIMEOUT, exec.output.first_line()).await;
        let line = line.unwrap_or(Err(Error::Timeout(END_TIMEOUT)))?;
        let number = line.trim_ascii_end().parse().map_err(|_| Error::NotStarted(Message::new(&line)))?;
        let process = Process {
            engine: self.clone(),
            container: container.clone(),
            exec: exec.id.clone(),
            user: request.user.clone(),
            number,
        };
        Ok(ExecSession { exec, leader: Leader(Some(process)) })
    }
}

impl Leader {
    /// Ends the program now, and returns when it has gone.
    ///
    /// # Errors
    /// The engine does not answer, or the container does not run any more.
    pub async fn end(mut self) -> Result<(), Error> {
        match self.0.take() {
            Some(process) => process.end().await,
            None => Ok(()),
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if let (Some(process), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            // Nobody waits for it; where the engine is away, the container has to end some other way.
            runtime.spawn(async move { drop(process.end().await) });
        }
    }
}

impl Process {
    // The number may be another's once the process has gone.
    async fn end(self) -> Result<(), Error> {
        if self.engine.exec_state(&self.exec).await? != ExecState::Running {
            return Ok(());
        }
        let number = self.number.to_string();
        let ending = ExecRequest {
            command: ["sh", "-c", END, "sh", &number].map(str::to_owned).into(),
            terminal: None,
            reads_input: false,
            user: self.user,
        };
        let ended = async {
            let mut exec = self.engine.exec(&self.container, &ending).await?;
            while exec.output.next().await?.is_some() {}
            Ok(())
        };
        tokio::time::timeout(END_TIMEOUT, ended).await.unwrap_or(Err(Error::Timeout(END_TIMEOUT)))
    }
}
