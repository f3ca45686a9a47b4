//! Instances in the words of the JSON API. Pure.

use std::time::SystemTime;

use entrepot_api as api;
use entrepot_catalog::{
    InstanceDesired, InstancePhase, InstanceReason, InstanceRecord, InstanceSplit, Listing, PeriodRecord,
    VolumeRecord,
};
use entrepot_library::{
    Allowance, Edit, Free, InstanceView, QuotaSettings, RunRequest, RunSettings, SpecSnapshot, cost_of,
    lifecycle::{InstanceAction, InstancePart, kept},
};

/// A page of instances.
pub(super) fn list(page: Listing<InstanceView>, door: Option<&SshDoor>) -> api::InstanceList {
    let instances: Vec<_> = page.rows.into_iter().map(|view| instance(view, door)).collect();
    let next = instances.last().map(|last| last.id).filter(|_| page.more);
    api::InstanceList { instances, more: page.more, next }
}

/// Where this server listens for SSH, as a client sees it.
pub(super) struct SshDoor {
    /// The host.
    pub(super) host: String,
    /// The port.
    pub(super) port: u16,
    /// The account that asks. Others name its instances by their ids.
    pub(super) account: Option<i64>,
}

impl SshDoor {
    // The command that leads into an instance.
    fn line(&self, record: &InstanceRecord) -> String {
        let is_own = self.account == Some(record.account_id);
        let name = if is_own { record.name.clone() } else { record.id.to_string() };
        match self.port {
            22 => format!("ssh {name}@{}", self.host),
            port => format!("ssh -p {port} {name}@{}", self.host),
        }
    }
}

/// An instance.
pub(super) fn instance(view: InstanceView, door: Option<&SshDoor>) -> api::Instance {
    let keeps = keeps(&view);
    let ssh = door.map(|door| door.line(&view.record));
    let InstanceView { record, snapshot, asked, cards, ports, node, host, stop_at, release_at } = view;
    let state = record.state;
    let address = |port: u16| host.as_ref().map(|host| format!("{host}:{port}"));
    api::Instance {
        id: u32::try_from(record.id).unwrap_or_default(),
        name: record.name,
        owner: record.owner,
        entry: api::InstanceEntry {
            id: snapshot.entry.id,
            name: snapshot.entry.name,
            address: snapshot.entry.address,
        },
        spec: spec(&snapshot.spec),
        node,
        image: record.image,
        phase: phase(state.phase),
        desired: desired(state.desired),
        reason: state.reason.map(reason),
        detail: state.detail,
        with_cards: state.has_devices,
        cards: cards.into_iter().map(card).collect(),
        ports: ports
            .into_iter()
            .map(|port| api::InstancePort {
                container: port.container,
                node: port.host,
                address: address(port.host),
            })
            .collect(),
        ssh,
        environment: asked.environment.into_iter().map(|(name, _)| name).collect(),
        command: asked.command,
        data: asked.data,
        split: split(state.split),
        // What is not a list of texts was not written by us.
        warnings: serde_json::from_str(&state.warnings).unwrap_or_default(),
        exit_code: state.exit_code,
        restarts: state.restarts,
        started: state.started.map(Into::into),
        stopped: state.stopped.map(Into::into),
        stop_at: stop_at.map(Into::into),
        release_at: release_at.map(Into::into),
        keeps,
        revision: record.revision,
        created: record.created.into(),
        changed: record.changed.into(),
    }
}

fn keeps(view: &InstanceView) -> api::InstanceKeeps {
    let has = [
        Some(InstancePart::Disk),
        view.asked.data.as_ref().map(|_| InstancePart::Data),
        view.ports.first().map(|_| InstancePart::Ports),
        view.cards.first().map(|_| InstancePart::Cards),
    ];
    let has: Vec<_> = has.into_iter().flatten().collect();
    let kept = |deed| kept(deed, &has).into_iter().map(part).collect();
    api::InstanceKeeps {
        stop: kept(InstanceAction::Stop),
        reimage: kept(InstanceAction::Reimage),
        release: kept(InstanceAction::Release),
    }
}

fn part(part: InstancePart) -> api::InstancePart {
    match part {
        InstancePart::Disk => api::InstancePart::Disk,
        InstancePart::Data => api::InstancePart::Data,
        InstancePart::Ports => api::InstancePart::Ports,
        InstancePart::Cards => api::InstancePart::Cards,
    }
}

fn card(card: entrepot_catalog::AllocationRecord) -> api::InstanceCard {
    api::InstanceCard { uuid: card.uuid, memory_mib: card.memory_mib, core_percent: card.core_percent }
}

fn spec(spec: &SpecSnapshot) -> api::InstanceSpec {
    let cards = spec.cards.as_ref();
    api::InstanceSpec {
        id: spec.id,
        name: spec.name.clone(),
        gpu_count: spec.card_count(),
        gpu_model: cards.and_then(|cards| cards.model.clone()),
        gpu_memory_mib: cards.and_then(|cards| cards.memory_mib),
        cpu_milli: spec.cpu_milli,
        memory_mib: spec.memory_mib,
        price: spec.price,
    }
}

/// What somebody asks of a new instance. `None`: an id is none.
pub(super) fn request(new: api::NewInstance) -> Option<RunRequest> {
    let usual = RunSettings::usual();
    let settings = RunSettings {
        environment: new.environment.into_iter().collect(),
        command: new.command,
        ports: new.ports,
        volume: new.volume,
        data: new.data.unwrap_or(usual.data),
        removes_volumes: false,
    };
    Some(RunRequest {
        name: new.name,
        entry: i64::from(new.entry).try_into().ok()?,
        spec: i64::from(new.spec).try_into().ok()?,
        node: new.node.map(|id| i64::from(id).try_into()).transpose().ok()?,
        region: new.region,
        request_key: new.request_key,
        settings,
        stop_at: new.stop_at.map(Into::into),
        release_at: new.release_at.map(Into::into),
    })
}

/// What somebody changes about an instance.
pub(super) fn edit(change: api::InstanceChange) -> Edit {
    let time = |at: Option<Option<api::Timestamp>>| at.map(|at| at.map(SystemTime::from));
    Edit { name: change.name, stop_at: time(change.stop_at), release_at: time(change.release_at) }
}

/// A page of the runs of an instance.
pub(super) fn runs(page: Listing<PeriodRecord>, now: SystemTime) -> api::InstanceRunList {
    let run = |period: PeriodRecord| {
        let (billable, cost) = cost_of(&period, now);
        api::InstanceRun {
            started: period.started.into(),
            ended: period.ended.map(Into::into),
            cards: period.cards,
            price: period.price,
            billable_seconds: billable.as_secs(),
            cost,
            unknown_seconds: period.unknown.as_secs(),
        }
    };
    api::InstanceRunList { runs: page.rows.into_iter().map(run).collect(), more: page.more }
}

/// How often each spec fits.
pub(super) fn free(free: Vec<Free>) -> api::FreeSpecs {
    let one = |free: Free| api::FreeSpec { spec: spec(&free.spec), instances: free.instances };
    api::FreeSpecs { specs: free.into_iter().map(one).collect() }
}

/// What an account may have, and has.
pub(super) fn quota(allowance: Allowance) -> api::Quota {
    let QuotaSettings { instances, cards, hours } = allowance.limits;
    api::Quota {
        limits: api::QuotaLimits { instances, cards, hours },
        instances: allowance.instances,
        cards: allowance.cards,
        used_seconds: allowance.used.as_secs(),
    }
}

/// A page of volumes.
pub(super) fn volumes(page: Listing<VolumeRecord>) -> api::DataVolumeList {
    let volume = |volume: VolumeRecord| api::DataVolume {
        name: volume.name,
        node: volume.node_id,
        instance: volume.instance_id,
        created: volume.created.into(),
    };
    api::DataVolumeList { volumes: page.rows.into_iter().map(volume).collect(), more: page.more }
}

fn phase(phase: InstancePhase) -> api::InstancePhase {
    match phase {
        InstancePhase::Queued => api::InstancePhase::Queued,
        InstancePhase::Pulling => api::InstancePhase::Pulling,
        InstancePhase::Creating => api::InstancePhase::Creating,
        InstancePhase::Starting => api::InstancePhase::Starting,
        InstancePhase::Running => api::InstancePhase::Running,
        InstancePhase::Stopping => api::InstancePhase::Stopping,
        InstancePhase::Stopped => api::InstancePhase::Stopped,
        InstancePhase::Restarting => api::InstancePhase::Restarting,
        InstancePhase::Deleting => api::InstancePhase::Deleting,
        InstancePhase::Failed => api::InstancePhase::Failed,
        InstancePhase::Lost => api::InstancePhase::Lost,
    }
}

fn desired(desired: InstanceDesired) -> api::InstanceDesired {
    match desired {
        InstanceDesired::Running => api::InstanceDesired::Running,
        InstanceDesired::Stopped => api::InstanceDesired::Stopped,
        InstanceDesired::Deleted => api::InstanceDesired::Deleted,
    }
}

fn reason(reason: InstanceReason) -> api::InstanceReason {
    match reason {
        InstanceReason::NodeUnreachable => api::InstanceReason::NodeUnreachable,
        InstanceReason::PullFailed => api::InstanceReason::PullFailed,
        InstanceReason::CreateFailed => api::InstanceReason::CreateFailed,
        InstanceReason::CreatedOtherwise => api::InstanceReason::CreatedOtherwise,
        InstanceReason::StartFailed => api::InstanceReason::StartFailed,
        InstanceReason::SplitNotEffective => api::InstanceReason::SplitNotEffective,
        InstanceReason::DeviceGone => api::InstanceReason::DeviceGone,
        InstanceReason::Exited => api::InstanceReason::Exited,
        InstanceReason::OutOfMemory => api::InstanceReason::OutOfMemory,
        InstanceReason::Stuck => api::InstanceReason::Stuck,
        InstanceReason::Paused => api::InstanceReason::Paused,
        InstanceReason::ContainerGone => api::InstanceReason::ContainerGone,
        InstanceReason::TimedStop => api::InstanceReason::TimedStop,
        InstanceReason::QuotaUsed => api::InstanceReason::QuotaUsed,
    }
}

fn split(split: InstanceSplit) -> api::InstanceSplit {
    match split {
        InstanceSplit::None => api::InstanceSplit::None,
        InstanceSplit::Unverified => api::InstanceSplit::Unverified,
        InstanceSplit::Verified => api::InstanceSplit::Verified,
        InstanceSplit::NotEffective => api::InstanceSplit::NotEffective,
    }
}
