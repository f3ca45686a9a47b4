//! Brings an instance up: fetches its image, makes its container, starts it, and looks whether it is what was asked for.
//!
//! Each step is recorded before the next, and does nothing that is done already. A crash anywhere is followed by the next
//! look at the node, which begins here again.

use entrepot_catalog::{InstanceDesired, InstancePhase, InstanceReason, InstanceRecord};
use entrepot_engine::{
    Container, ContainerId, ContainerStatus, CreateRequest, Difference, Error as EngineError, compare,
};

use super::{
    halt::Halt,
    observed,
    site::{LaunchContext, NodeImage},
    steps::{ended, enter},
};
use crate::{library::Library, lifecycle::pause_after, split::EntryWay};

/// What engines say where somebody else has a port of the machine.
const PORT_TAKEN: [&str; 3] = ["port is already allocated", "address already in use", "cannot listen on"];

impl Library {
    /// Brings an instance up in the background.
    pub(super) fn begin_bring_up(&self, id: i64) {
        self.in_background(id, async move |library: Self| library.bring_up(id).await);
    }

    /// Brings an instance up. Whoever calls is alone at work on it.
    pub(super) async fn bring_up(&self, id: i64) -> Result<(), Halt> {
        let mut instance = self.record(id).await?;
        if instance.state.desired != InstanceDesired::Running {
            return Err(Halt::Changed);
        }
        let site = self.site(&instance).await?;
        let image = self.fetched(&mut instance, &site).await?;
        let request = self.container_request(&instance, &site, &image).await?;
        let id = self.container(&mut instance, &site, &image, &request).await?;
        self.advance(&mut instance, enter(InstancePhase::Starting)).await?;
        let started = match site.engine.start(&id).await {
            Err(error) if is_port_taken(&error) => {
                self.start_elsewhere(&mut instance, &site, &image, &request).await?
            }
            Err(error) => return self.not_started(&instance, &error),
            Ok(_) => request,
        };
        self.look_at_started(&mut instance, &site, &started).await
    }

    // Another port is tried once. The container is made anew: it runs nothing yet.
    async fn start_elsewhere(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        image: &NodeImage,
        request: &CreateRequest,
    ) -> Result<CreateRequest, Halt> {
        let taken = self.0.catalog.instance_ports(instance.id).await?;
        for port in taken {
            let other = self.0.catalog.other_port(instance, port, self.port_range()).await?;
            other.ok_or_else(|| Halt::failed(InstanceReason::StartFailed, "its node has no port left"))?;
        }
        self.discard(instance, launch).await?;
        let ports = self.0.catalog.instance_ports(instance.id).await?;
        let request = CreateRequest { ports: super::container::published(&ports)?, ..request.clone() };
        let id = self.container(instance, launch, image, &request).await?;
        match launch.engine.start(&id).await {
            Ok(_) => Ok(request),
            Err(error) => self.not_started(instance, &error).map(|()| request),
        }
    }

    // Its driver may come later than the engine after a start of the machine: it is tried again, less and less often.
    fn not_started(&self, instance: &InstanceRecord, error: &EngineError) -> Result<(), Halt> {
        if !error.is_answer() {
            return Err(Halt::Unreachable(error.to_string()));
        }
        let now = std::time::SystemTime::now();
        let failed =
            self.0.instances.failed(instance.id, |failed| now + pause_after(failed).unwrap_or_default());
        Err(match pause_after(failed) {
            Some(_) => Halt::again(InstanceReason::StartFailed, error),
            None => Halt::failed(InstanceReason::StartFailed, error),
        })
    }

    /// Looks at a container that was started: whether it runs, and whether it is what was asked for.
    async fn look_at_started(
        &self,
        instance: &mut InstanceRecord,
        launch: &LaunchContext,
        request: &CreateRequest,
    ) -> Result<(), Halt> {
        let shown = self.shown(instance, launch).await?;
        self.settle(instance, observed::run(&shown.state).as_ref()).await?;
        if shown.state.status != ContainerStatus::Running {
            return self.advance(instance, |state| ended(state, &shown.state)).await;
        }
        let mut warnings = match judged(request, &shown) {
            Ok(warnings) => warnings,
            Err(halt) => {
                self.put_down(instance, launch).await?;
                return Err(halt);
            }
        };
        let verified = self.verified(instance, launch).await?;
        warnings
            .extend(verified.iter().flat_map(|verified| &verified.leaks).map(|way| around(*way).to_owned()));
        self.0.instances.worked(instance.id);
        let started = shown.state.started_ms.map(observed::time);
        self.advance(instance, |state| {
            enter(InstancePhase::Running)(state);
            state.started = started;
            state.stopped = None;
            state.exit_code = None;
            state.is_oom_killed = false;
            state.warnings = written(&warnings);
            if let Some(verified) = verified {
                state.split = verified.split;
                state.split_proof = Some(verified.proof);
            }
        })
        .await
    }

    /// The container as its engine shows it.
    pub(super) async fn shown(
        &self,
        instance: &InstanceRecord,
        launch: &LaunchContext,
    ) -> Result<Container, Halt> {
        let id = container_id(instance)?;
        launch.engine.inspect(&id).await.map_err(|error| Halt::engine(InstanceReason::ContainerGone, &error))
    }
}

/// The container that is recorded.
pub(super) fn container_id(instance: &InstanceRecord) -> Result<ContainerId, Halt> {
    let id = instance.state.container_id.as_deref().and_then(|id| id.parse().ok());
    id.ok_or_else(|| Halt::failed(InstanceReason::ContainerGone, "it has no container"))
}

/// Where a container is not what was asked for.
///
/// # Errors
/// It must not run so.
pub(super) fn judged(request: &CreateRequest, shown: &Container) -> Result<Vec<String>, Halt> {
    let differences = compare(request, shown);
    let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
    if differences.iter().any(Difference::is_serious) {
        return Err(Halt::failed(InstanceReason::CreatedOtherwise, told.join("; ")));
    }
    Ok(told)
}

/// Warnings as they are stored.
pub(super) fn written(warnings: &[String]) -> String {
    // Texts always serialize.
    serde_json::to_string(warnings).unwrap_or_default()
}

fn around(way: EntryWay) -> &'static str {
    match way {
        EntryWay::Exec => "the limit on the card's memory does not hold",
        EntryWay::Login => "a login by SSH loses the environment, and with it the limit on the card's memory",
        EntryWay::Empty => {
            "a program without an environment, as cron starts it, loses the limit on the card's memory"
        }
    }
}

fn is_port_taken(error: &EngineError) -> bool {
    let text = error.to_string();
    error.is_answer() && PORT_TAKEN.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_others_have_is_told_by_its_words() {
        let refused = |message: &str| {
            is_port_taken(&EngineError::Refused {
                status: 500,
                message: entrepot_engine::Message::new(message),
            })
        };
        assert!(refused("driver failed: Bind for 0.0.0.0:30000 failed: port is already allocated"));
        assert!(refused("listen tcp4 0.0.0.0:30000: bind: address already in use"));
        assert!(!refused("no such device"));
    }
}
