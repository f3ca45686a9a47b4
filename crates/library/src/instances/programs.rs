//! Programs that people run in the containers of their instances.

use std::time::Duration;

use entrepot_access::Audit;
use entrepot_catalog::InstancePhase;
use entrepot_engine::{
    Error as EngineError, ExecId, ExecInput, ExecOutput, ExecRequest, ExecState, Leader, TerminalSize,
};

use super::{fault::InstanceFault, streams::ReachedContainer, verbs::InstanceTarget, work::ProgramGuard};
use crate::{error::Error, library::Library};

/// The most programs that people run in one instance at a time.
const MOST: usize = 32;
/// What runs where nobody says what. It is no login shell: that would set another `PATH` than the image's.
const SHELL: [&str; 3] = ["sh", "-c", r#"exec "$(command -v bash || echo sh)""#];
/// How often it is asked how a program ended whose output has ended, and how long between.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// A place for one program in the container of an instance that runs.
pub struct ProgramPlace {
    library: Library,
    instance: i64,
    reached: ReachedContainer,
    counted: ProgramGuard,
}

/// A program that runs in the container of an instance.
pub struct Program {
    /// What is written to it.
    pub input: ExecInput,
    /// What it prints.
    pub output: ExecOutput,
    /// How it is asked and told things.
    pub control: ProgramControl,
}

/// A program's life. The program ends when this is dropped.
pub struct ProgramControl {
    engine: entrepot_engine::Engine,
    id: ExecId,
    leader: Leader,
    _counted: ProgramGuard,
}

impl Library {
    /// Finds a place for a program in the container of an instance.
    ///
    /// # Errors
    /// There is no such instance, it does not run, its node does not answer, or too many programs run in it.
    pub async fn place_for_program(&self, target: InstanceTarget) -> Result<ProgramPlace, Error> {
        let instance = self.own(target.id, target.account).await?;
        if instance.state.phase != InstancePhase::Running {
            return Err(InstanceFault::Phase(instance.state.phase).into());
        }
        let reached = self.reached(&instance).await?;
        if !reached.container.state.status.is_alive() {
            return Err(InstanceFault::Phase(InstancePhase::Stopped).into());
        }
        let counted = self.0.instances.count_program(instance.id, MOST);
        let counted = counted.ok_or(InstanceFault::TooManyPrograms(MOST))?;
        Ok(ProgramPlace { library: self.clone(), instance: instance.id, reached, counted })
    }
}

impl ProgramPlace {
    /// Runs a program there: a shell, if the request names none.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(self, mut request: ExecRequest, by: Audit) -> Result<Program, Error> {
        if request.command.is_empty() {
            request.command = SHELL.map(str::to_owned).into();
        }
        let (library, instance) = (self.library.clone(), self.instance.to_string());
        let work = async move |_: Library| self.try_start(&request).await;
        library.deed(by, "instance.exec", instance, work).await
    }

    async fn try_start(self, request: &ExecRequest) -> Result<Program, Error> {
        let Self { reached, counted, .. } = self;
        let session = reached.engine.session(&reached.container.id, request).await;
        let session = session.map_err(|error| match error {
            // A user that is not there, a program that is none.
            EngineError::Refused { message, .. } => InstanceFault::NotStarted(message.to_string()).into(),
            error => reached.refused(&error),
        })?;
        let control = ProgramControl {
            engine: reached.engine,
            id: session.exec.id,
            leader: session.leader,
            _counted: counted,
        };
        Ok(Program { input: session.exec.input, output: session.exec.output, control })
    }
}

impl ProgramControl {
    /// Gives its terminal another size. A program that has ended, or has no terminal, has none to change.
    pub async fn resize(&self, size: TerminalSize) {
        if let Err(error) = self.engine.resize(&self.id, size).await {
            tracing::debug!(%error, "a terminal keeps its size");
        }
    }

    /// How it ended, once its output has ended; `None` if the engine does not say.
    pub async fn exit_code(&self) -> Option<i64> {
        for _ in 0..TRIES {
            match self.engine.exec_state(&self.id).await {
                Ok(ExecState::Ended(code)) => return code,
                // Its output may end a moment earlier.
                Ok(ExecState::Running) => tokio::time::sleep(PAUSE).await,
                Err(_) => return None,
            }
        }
        None
    }

    /// Ends the program, and returns when it has gone or does not go.
    pub async fn end(self) {
        if let Err(error) = self.leader.end().await {
            tracing::debug!(%error, "a program cannot be ended");
        }
    }
}
