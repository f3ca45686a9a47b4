//! The container of an instance, as its engine is asked for it. Pure.

use std::collections::BTreeMap;

use entrepot_catalog::{
    AllocationRecord, DeviceState, FoundDevice, InstanceRecord, NodeSettings, PortRecord,
};
use entrepot_engine::{
    Command, ContainerLimits, ContainerPurpose, CreateRequest, Devices, Environment, EnvironmentError,
    Installation, LogLimits, Mounts, Network, Owner, Ports, Publish, SplitLibrary, VolumeMount, VolumeName,
};
use entrepot_oci::ImageRef;

use super::{
    request::RunSettings,
    settings::InstanceSettings,
    snapshot::{CardVendor, Snapshot, SpecSnapshot},
};
use crate::split::{self, Cards, EnvironmentFault, Preload, Slice, SplitWiring, Variable};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What a container is made of.
pub(crate) struct ContainerInputs<'a> {
    pub(crate) instance: &'a InstanceRecord,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) asked: &'a RunSettings,
    pub(crate) installation: &'a Installation,
    pub(crate) node: &'a NodeSettings,
    /// True if the limit on cards must hold for logins too.
    pub(crate) is_strict: bool,
    /// The cards of the node.
    pub(crate) devices: &'a [FoundDevice],
    /// What the instance has of them.
    pub(crate) cards: &'a [AllocationRecord],
    pub(crate) ports: &'a [PortRecord],
    /// Its data volume.
    pub(crate) volume: Option<&'a str>,
    /// What the node calls the image.
    pub(crate) image: &'a ImageRef,
    /// The variables of the image.
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) settings: &'a InstanceSettings,
}

/// Why no container can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContainerFault {
    /// A card is gone, or not as it should be.
    #[error("the card `{uuid}` is {state}")]
    Device {
        /// The card.
        uuid: String,
        /// How it is.
        state: &'static str,
    },
    /// A card has no name that the engine takes.
    #[error("the card `{0}` has no name that the engine takes")]
    DeviceName(String),
    /// The image or what was asked for cannot be.
    #[error(transparent)]
    Variable(#[from] EnvironmentFault),
    /// A variable cannot be set.
    #[error("the variable `{name}` cannot be set: {cause}")]
    Set {
        /// Its name.
        name: String,
        /// Why.
        cause: EnvironmentError,
    },
    /// Something that was checked before is not as it should be.
    #[error("the {0} is not one")]
    Text(&'static str),
}

impl ContainerInputs<'_> {
    /// The container.
    ///
    /// # Errors
    /// It cannot be asked for: a card is gone, or the image does what it must not.
    pub(crate) fn request(&self) -> Result<CreateRequest, ContainerFault> {
        let devices = self.devices()?;
        let wiring = split::wire(self.wiring(), &self.image_variables())?;
        Ok(CreateRequest {
            name: text(&self.instance.state.container_name, "name of the container")?,
            image: self.image.clone(),
            platform: None,
            owner: Owner {
                installation: self.installation.clone(),
                purpose: ContainerPurpose::Instance(self.id()?),
            },
            command: Command { entrypoint: None, arguments: self.asked.command.clone(), terminal: false },
            environment: self.environment(&wiring)?,
            limits: limits(&self.snapshot.spec, self.settings),
            devices,
            mounts: self.mounts(&wiring)?,
            ports: self.ports()?,
            network: Network::Usual,
        })
    }

    fn id(&self) -> Result<u32, ContainerFault> {
        u32::try_from(self.instance.id).map_err(|_| ContainerFault::Text("id"))
    }

    fn image_variables(&self) -> Vec<Variable> {
        let read = |(name, value): (&String, &String)| Variable { name: name.clone(), value: value.clone() };
        self.variables.iter().map(read).collect()
    }

    fn wiring(&self) -> Cards<'_> {
        let spec = &self.snapshot.spec;
        let is_nvidia = spec.cards.as_ref().is_some_and(|cards| cards.vendor == CardVendor::Nvidia);
        if !is_nvidia || self.cards.is_empty() {
            return Cards::Others;
        }
        let Some(memory_mib) = spec.slice() else { return Cards::Whole };
        Cards::Slices(Slice {
            cards: self.cards.len(),
            memory_mib,
            core_percent: spec.cards.as_ref().and_then(|cards| cards.core_percent),
            hami_core: &self.node.hami_core,
            preload: if self.is_strict { Preload::Strict } else { Preload::Environment },
        })
    }

    fn devices(&self) -> Result<Devices, ContainerFault> {
        let found: Vec<_> =
            self.cards.iter().map(|card| self.device(&card.uuid)).collect::<Result<_, _>>()?;
        let Some(cards) = self.snapshot.spec.cards.as_ref().filter(|_| !found.is_empty()) else {
            return Ok(Devices::None);
        };
        if cards.vendor == CardVendor::Ascend {
            let template =
                cards.template.as_deref().map(|template| text(template, "template")).transpose()?;
            return Ok(Devices::Ascend { cards: found.iter().map(|card| card.position).collect(), template });
        }
        let unnamed = |card: &FoundDevice| ContainerFault::DeviceName(card.uuid.clone());
        // One mechanism for all of them: the interface, if the engine knows each card by it.
        let cdi: Option<Vec<_>> = found.iter().map(|card| card.cdi_name.as_deref()).collect();
        match cdi {
            Some(names) => {
                let named =
                    names.iter().zip(&found).map(|(name, card)| name.parse().map_err(|_| unnamed(card)));
                Ok(Devices::Cdi(named.collect::<Result<_, _>>()?))
            }
            None => {
                let named = found.iter().map(|card| card.uuid.parse().map_err(|_| unnamed(card)));
                Ok(Devices::Nvidia(named.collect::<Result<_, _>>()?))
            }
        }
    }

    fn device(&self, uuid: &str) -> Result<&FoundDevice, ContainerFault> {
        let device = self.devices.iter().find(|device| device.uuid == uuid);
        let fault = |state| ContainerFault::Device { uuid: uuid.to_owned(), state };
        match device {
            Some(device) if device.state == DeviceState::Healthy => Ok(device),
            Some(device) => Err(fault(device.state.as_str())),
            None => Err(fault(DeviceState::Gone.as_str())),
        }
    }

    fn environment(&self, wiring: &SplitWiring) -> Result<Environment, ContainerFault> {
        let mut environment = Environment::default();
        for Variable { name, value } in self.asked.variables().iter().chain(&wiring.environment) {
            let set = environment.set(name, value);
            set.map_err(|cause| ContainerFault::Set { name: name.clone(), cause })?;
        }
        Ok(environment)
    }

    fn mounts(&self, wiring: &SplitWiring) -> Result<Mounts, ContainerFault> {
        let mount = |(volume, target): (&str, &str)| {
            Ok::<_, ContainerFault>(VolumeMount {
                volume: text(volume, "volume")?,
                target: text(target, "data path")?,
            })
        };
        let data = self.volume.zip(self.asked.data.as_deref());
        let library = wiring.library.as_ref().map(|library| {
            let lock: VolumeName = text(library.lock, "volume")?;
            let preload = library.preload.as_deref().map(|path| text(path, "path")).transpose()?;
            Ok::<_, ContainerFault>(SplitLibrary {
                directory: text(&library.directory, "HAMi-core path")?,
                preload,
                lock,
            })
        });
        Ok(Mounts {
            volumes: data.map(mount).transpose()?.into_iter().collect(),
            split: library.transpose()?,
        })
    }

    fn ports(&self) -> Result<Ports, ContainerFault> {
        published(self.ports)
    }
}

/// The ports of an instance, as its engine is asked for them.
pub(crate) fn published(ports: &[PortRecord]) -> Result<Ports, ContainerFault> {
    let publish = |port: &PortRecord| Publish { container: port.container, host: port.host, address: None };
    Ports::new(ports.iter().map(publish)).map_err(|_| ContainerFault::Text("port"))
}

fn limits(spec: &SpecSnapshot, settings: &InstanceSettings) -> ContainerLimits {
    ContainerLimits {
        cpu_milli: u32::try_from(spec.cpu_milli).unwrap_or(u32::MAX),
        memory: spec.memory_mib.saturating_mul(MIB),
        shm: spec.shm_mib.unwrap_or(settings.shm_mib).saturating_mul(MIB),
        pids: settings.pids,
        disk: spec.system_disk_gib.map(|gib| gib.saturating_mul(GIB)),
        log: LogLimits::default(),
    }
}

fn text<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T, ContainerFault> {
    text.parse().map_err(|_| ContainerFault::Text(what))
}

/// The name of the data volume of an instance that brings none.
pub(crate) fn own_volume(instance: i64) -> String {
    format!("entrepot-{instance}-data")
}

#[cfg(test)]
mod tests {
    use entrepot_catalog::{DeviceVendor, InstancePhase, PullVia};

    use super::*;
    use crate::instances::sample;

    struct Kitchen {
        instance: InstanceRecord,
        snapshot: Snapshot,
        asked: RunSettings,
        installation: Installation,
        node: NodeSettings,
        devices: Vec<FoundDevice>,
        cards: Vec<AllocationRecord>,
        image: BTreeMap<String, String>,
    }

    fn device(uuid: &str, cdi_name: Option<&str>) -> FoundDevice {
        FoundDevice {
            uuid: uuid.to_owned(),
            position: 3,
            vendor: DeviceVendor::Nvidia,
            model: "A100".to_owned(),
            cdi_name: cdi_name.map(str::to_owned),
            memory_mib: Some(81_920),
            used_mib: None,
            state: DeviceState::Healthy,
            detail: None,
        }
    }

    fn kitchen(memory_mib: Option<u64>) -> Kitchen {
        let card = AllocationRecord { uuid: "GPU-a".to_owned(), memory_mib, core_percent: None };
        let node = NodeSettings {
            name: "n1".to_owned(),
            region: String::new(),
            address: "unix:///run/docker.sock".to_owned(),
            public_host: None,
            pull_via: PullVia::Direct,
            mirror_url: None,
            hami_core: "/root/HAMi-core/build".to_owned(),
            strict_split: false,
            drained: false,
            ascend_cards: 0,
            ascend_model: String::new(),
            ascend_memory_mib: None,
            remark: String::new(),
        };
        let mut asked = RunSettings::usual();
        asked.environment = vec![("HF_HOME".to_owned(), "/data/hf".to_owned())];
        Kitchen {
            instance: sample::instance(InstancePhase::Creating),
            snapshot: sample::snapshot(memory_mib),
            asked,
            installation: "test-1".parse().unwrap(),
            node,
            devices: vec![device("GPU-a", Some("nvidia.com/gpu=GPU-a")), device("GPU-b", None)],
            cards: vec![card],
            image: BTreeMap::from([("LD_PRELOAD".to_owned(), "libtcmalloc.so".to_owned())]),
        }
    }

    impl Kitchen {
        fn request(&self) -> Result<CreateRequest, ContainerFault> {
            ContainerInputs {
                instance: &self.instance,
                snapshot: &self.snapshot,
                asked: &self.asked,
                installation: &self.installation,
                node: &self.node,
                is_strict: true,
                devices: &self.devices,
                cards: &self.cards,
                ports: &[PortRecord { host: 30_000, container: 8888 }],
                volume: Some("entrepot-7-data"),
                image: &self.instance.image.parse().unwrap(),
                variables: &self.image,
                settings: &InstanceSettings::default(),
            }
            .request()
        }
    }

    #[test]
    fn a_part_of_a_card_as_it_is_asked_for() {
        let request = kitchen(Some(8192)).request().unwrap();
        assert_eq!(request.devices, Devices::Cdi(["nvidia.com/gpu=GPU-a".parse().unwrap()].into()));
        let variable = |name| request.environment.get(name).unwrap();
        assert_eq!(variable("HF_HOME"), "/data/hf");
        assert_eq!(variable("LD_PRELOAD"), "/libvgpu/build/libvgpu.so:libtcmalloc.so");
        assert_eq!(variable("CUDA_REDIRECT"), "/libvgpu/build/libvgpu.so");
        assert_eq!(variable("CUDA_DEVICE_MEMORY_LIMIT_0"), "8192m");
        assert_eq!(variable("CUDA_DEVICE_ORDER"), "PCI_BUS_ID");
        let split = request.mounts.split.as_ref().unwrap();
        assert_eq!(split.directory.as_str(), "/root/HAMi-core/build");
        assert_eq!(split.preload.as_ref().unwrap().as_str(), "/root/HAMi-core/build/ld.so.preload");
        assert_eq!(request.mounts.volumes[0].target.as_str(), "/data");
        assert_eq!(
            (request.limits.cpu_milli, request.limits.memory, request.limits.shm),
            (4000, 16 << 30, 1 << 30)
        );
        assert_eq!(request.limits.check(), Ok(()));
        assert_eq!(request.owner.purpose, ContainerPurpose::Instance(7));
        assert!(!request.command.terminal && request.command.entrypoint.is_none());
        let ports: Vec<_> = request.ports.iter().map(|port| (port.container, port.host)).collect();
        assert_eq!(ports, [(8888, 30_000)]);
    }

    #[test]
    fn whole_cards_get_no_library() {
        let request = kitchen(None).request().unwrap();
        assert_eq!(request.mounts.split, None);
        assert_eq!(request.environment.get("LD_PRELOAD"), None, "the image's own stays");
        assert_eq!(request.environment.get("CUDA_DEVICE_MEMORY_LIMIT"), None);
    }

    #[test]
    fn cards_are_named_and_by_one_mechanism() {
        let mut kitchen = kitchen(None);
        kitchen.cards[0].uuid = "GPU-b".to_owned();
        let gpu = |uuid: &str| uuid.parse().unwrap();
        assert_eq!(kitchen.request().unwrap().devices, Devices::Nvidia([gpu("GPU-b")].into()));
        kitchen.cards.push(AllocationRecord {
            uuid: "GPU-a".to_owned(),
            memory_mib: None,
            core_percent: None,
        });
        let both = Devices::Nvidia([gpu("GPU-a"), gpu("GPU-b")].into());
        assert_eq!(kitchen.request().unwrap().devices, both);
    }

    #[test]
    fn without_cards_it_has_none_and_no_library() {
        let mut kitchen = kitchen(Some(8192));
        kitchen.cards.clear();
        let request = kitchen.request().unwrap();
        assert_eq!((request.devices, request.mounts.split), (Devices::None, None));
    }

    #[test]
    fn ascend_cards_are_numbers_with_a_template() {
        let mut kitchen = kitchen(None);
        let cards = kitchen.snapshot.spec.cards.as_mut().unwrap();
        cards.vendor = CardVendor::Ascend;
        cards.template = Some("vir05_1c_8g".to_owned());
        let template = Some("vir05_1c_8g".parse().unwrap());
        let request = kitchen.request().unwrap();
        assert_eq!(request.devices, Devices::Ascend { cards: [3].into(), template });
        assert_eq!(request.environment.get("CUDA_DEVICE_ORDER"), None);
    }

    #[test]
    fn a_card_that_is_gone_is_told() {
        let mut kitchen = kitchen(Some(8192));
        kitchen.devices[0].state = DeviceState::Gone;
        let gone = ContainerFault::Device { uuid: "GPU-a".to_owned(), state: "gone" };
        assert_eq!(kitchen.request(), Err(gone.clone()));
        kitchen.devices.clear();
        assert_eq!(kitchen.request(), Err(gone));
    }

    #[test]
    fn an_image_that_reaches_for_the_node_is_refused() {
        let mut kitchen = kitchen(None);
        kitchen.image.insert("LD_PRELOAD".to_owned(), "./x.so".to_owned());
        let refused = ContainerFault::Variable(EnvironmentFault::ImagePreload("./x.so".to_owned()));
        assert_eq!(kitchen.request(), Err(refused));
    }
}
