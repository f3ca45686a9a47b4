//! Looks whether the limit on an instance's cards holds, by each way into its container.

use std::time::Duration;

use entrepot_catalog::{InstanceReason, InstanceRecord, InstanceSplit};
use entrepot_engine::{ContainerId, Engine, Error as EngineError, ExecRequest, ExecState, Stream};

use super::{bring_up::container_id, halt::Halt, site::LaunchContext};
use crate::{
    library::Library,
    split::{self, EntryWay, ProbeAnswer, ProbeResult, Proof, SplitVerdict},
};

/// How long a program in the container may take where the spec does not say: a driver that does not go with the library
/// hangs at its first call.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most of an answer that is read, in bytes.
const MOST: usize = 64 << 10;

/// What was found of the limit.
pub(super) struct SplitFindings {
    /// Whether it holds.
    pub(super) split: InstanceSplit,
    /// What each way showed, as JSON.
    pub(super) proof: String,
    /// Ways that lead around it.
    pub(super) leaks: Vec<EntryWay>,
}

impl Library {
    /// Looks whether the limit on the cards of an instance holds; `None` if they have none.
    ///
    /// # Errors
    /// It does not hold: the instance was stopped.
    pub(super) async fn verified(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<Option<SplitFindings>, Halt> {
        let Some(limit_mib) = launch.snapshot.spec.slice().filter(|_| instance.state.has_devices) else {
            return Ok(None);
        };
        let id = container_id(instance)?;
        let cards = self.0.catalog.instance_cards(instance.id).await?;
        let uuids: Vec<_> = cards.into_iter().map(|card| card.uuid).collect();
        let patience = launch.snapshot.spec.start_seconds.map_or(PATIENCE, Duration::from_secs);
        if launch.is_strict() {
            // What came of it is seen by what the other ways show.
            asked(&launch.engine, &id, split::link_to_books(), Some("0"), patience).await;
        }
        let mut proof = Proof::default();
        for way in EntryWay::ALL {
            let answer = asked(&launch.engine, &id, way.command(), None, patience).await;
            let shown = ProbeResult::read(answer, &uuids, limit_mib);
            let goes_on = way != EntryWay::Exec || shown == ProbeResult::Limited;
            proof.ways.push((way, shown));
            if !goes_on {
                break;
            }
        }
        self.judge(instance, launch, &proof).await.map(Some)
    }

    async fn judge(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        proof: &Proof,
    ) -> Result<SplitFindings, Halt> {
        // Words and texts always serialize.
        let written = serde_json::to_string(proof).unwrap_or_default();
        match proof.verdict(launch.is_strict()) {
            SplitVerdict::Effective { leaks } => {
                Ok(SplitFindings { split: InstanceSplit::Verified, proof: written, leaks })
            }
            SplitVerdict::NotEffective { way, shown } => {
                self.put_down(instance, launch).await?;
                self.advance(instance, |state| state.split_proof = Some(written)).await?;
                Err(Halt::failed(InstanceReason::SplitNotEffective, told(way, &shown)))
            }
        }
    }
}

/// What a way into a container showed, for people.
fn told(way: EntryWay, result: &ProbeResult) -> String {
    let way = match way {
        EntryWay::Exec => "a program",
        EntryWay::Login => "a login",
        EntryWay::Empty => "a program without an environment",
    };
    match result {
        ProbeResult::Limited => format!("{way} is limited"),
        ProbeResult::Unlimited { seen_mib, limit_mib } => {
            format!("{way} sees {seen_mib} MiB of the card instead of {limit_mib} MiB")
        }
        ProbeResult::OtherCards { seen } => format!("{way} sees other cards: {}", seen.join(", ")),
        ProbeResult::NotLoaded { said } => format!("the library is not loaded: {said}"),
        ProbeResult::Silent => {
            format!("{way} got no answer of the card in time: driver and library may not go together")
        }
        ProbeResult::Unreadable { said } => format!("`nvidia-smi` does not work in the container: {said}"),
    }
}

async fn asked(
    engine: &Engine,
    id: &ContainerId,
    command: Vec<String>,
    user: Option<&str>,
    patience: Duration,
) -> ProbeAnswer {
    let request = ExecRequest { command, terminal: None, reads_input: false, user: user.map(str::to_owned) };
    match tokio::time::timeout(patience, answered(engine, id, &request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => ProbeAnswer::NotStarted(error.to_string()),
        Err(_) => ProbeAnswer::Silent,
    }
}

async fn answered(
    engine: &Engine,
    id: &ContainerId,
    request: &ExecRequest,
) -> Result<ProbeAnswer, EngineError> {
    let mut exec = engine.exec(id, request).await?;
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    while let Some(chunk) = exec.output.next().await? {
        let into = match chunk.stream {
            Stream::Output => &mut output,
            Stream::Error => &mut errors,
        };
        into.extend_from_slice(&chunk.bytes);
        if output.len() + errors.len() > MOST {
            break;
        }
    }
    let code = match engine.exec_state(&exec.id).await? {
        ExecState::Ended(code) => code.unwrap_or_default(),
        // It said more than is read.
        ExecState::Running => -1,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(ProbeAnswer::Ended { code, output: text(&output), errors: text(&errors) })
}
