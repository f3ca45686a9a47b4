//! Looks at what only a container can see of a machine: its cards, and whether HAMi-core is there.

use std::{collections::BTreeSet, time::Duration};

use entrepot_catalog::{FoundDevice, NodeRecord};
use entrepot_engine::{
    CdiName, Command, ContainerId, ContainerLimits, ContainerPurpose, CreateRequest, Devices, Engine,
    Environment, Error as EngineError, HostPath, Info, Installation, ListedImage, LogLimits, LogRequest,
    Mounts, Network, Owner, Ports, Product, SplitLibrary,
};
use entrepot_oci::ImageRef;

use super::{
    conditions::{Condition, ConditionCode},
    survey::{self, Survey, SurveyFault},
};

/// How many images of a machine are tried.
const IMAGES_TRIED: usize = 5;
/// The driver's own tool, which tells all there is.
const TOOL: (&str, &str) = ("nvidia-smi", "-q");
/// How long the tool may take. With many cards and no persistence it takes seconds for each.
const TOOL_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked whether it has ended.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// The most bytes that are read of what it prints.
const MAX_PRINTED: usize = 1 << 20;
/// What a container that looks may use.
const LIMITS: ContainerLimits = ContainerLimits {
    cpu_milli: 1000,
    memory: 256 << 20,
    shm: 16 << 20,
    pids: 64,
    disk: None,
    log: LogLimits { file_mib: 1, files: 1 },
};

/// A machine to look at.
pub(super) struct NodeLook<'a> {
    pub(super) node: &'a NodeRecord,
    pub(super) engine: &'a Engine,
    pub(super) info: &'a Info,
    /// The cards that were found before.
    pub(super) before: &'a [FoundDevice],
}

/// What a look showed.
#[derive(Debug, Default)]
pub(super) struct LookResult {
    pub(super) survey: Option<Survey>,
    pub(super) conditions: Vec<Condition>,
}

impl LookResult {
    /// What the last look showed, where there is none this time.
    pub(super) fn before(conditions: &[Condition]) -> Self {
        let kept = conditions.iter().filter(|condition| condition.code.is_of_look());
        Self { survey: None, conditions: kept.cloned().collect() }
    }
}

impl NodeLook<'_> {
    /// Looks. What cannot be seen is said, and makes nothing worse than it is.
    pub(super) async fn now(&self, installation: &Installation) -> LookResult {
        if !self.may_have_cards() {
            return LookResult::default();
        }
        let images = match self.images().await {
            Ok(images) => images,
            Err(error) => {
                let unknown = ConditionCode::HamiUnknown.because(error.to_string());
                return LookResult { survey: None, conditions: vec![unknown] };
            }
        };
        let (survey, found) = self.cards(&images, installation).await;
        let mut conditions: Vec<Condition> = found.into_iter().collect();
        if survey.is_some() || self.has_cards() {
            conditions.extend(self.hami_core(&images, installation).await);
        }
        LookResult { survey, conditions }
    }

    // Podman lists no cards: whether there are some shows only when one asks for them.
    fn may_have_cards(&self) -> bool {
        self.has_cards() || self.engine.version().product == Product::Podman
    }

    fn has_cards(&self) -> bool {
        let has_names = self.info.cdi_devices.iter().any(|name| name.starts_with("nvidia.com/"));
        has_names || self.info.runtimes.contains("nvidia") || !self.before.is_empty()
    }

    // The names of images that are there, the smallest first.
    async fn images(&self) -> Result<Vec<ImageRef>, EngineError> {
        let mut images = self.engine.images().await?;
        images.sort_by_key(|image| image.size);
        let named =
            |image: &ListedImage| image.tags.iter().chain(&image.digests).find_map(|name| name.parse().ok());
        Ok(images.iter().filter_map(named).collect())
    }

    // An engine that makes a container refuses one whose mounts are not there. Any image will do: nothing of it runs.
    async fn hami_core(&self, images: &[ImageRef], installation: &Installation) -> Option<Condition> {
        let mut last = ConditionCode::HamiUnknown.because("there is no image on the node yet");
        for image in images.iter().take(IMAGES_TRIED) {
            let made = async {
                let mut request = self.request(image, installation)?;
                let directory = self.node.settings.hami_core.parse::<HostPath>();
                let directory = directory.map_err(|_| EngineError::Answer("the directory is no path"))?;
                let lock = "vgpulock".parse().map_err(|_| EngineError::Answer("the lock has no name"))?;
                request.mounts.split = Some(SplitLibrary { directory, preload: None, lock });
                self.engine.create(&request).await
            };
            match made.await {
                Ok(made) => {
                    self.remove(&made.id).await;
                    return None;
                }
                Err(error) if is_missing_mount(&error) => {
                    return Some(ConditionCode::HamiMissing.because(&self.node.settings.hami_core));
                }
                Err(error) => last = ConditionCode::HamiUnknown.because(error.to_string()),
            }
        }
        Some(last)
    }

    // The tool comes with the driver, and not every image has what it needs: one that shows nothing hides nothing.
    async fn cards(
        &self,
        images: &[ImageRef],
        installation: &Installation,
    ) -> (Option<Survey>, Option<Condition>) {
        let mut told = None;
        for image in images.iter().take(IMAGES_TRIED) {
            let printed = match self.printed(image, installation).await {
                Ok(printed) => printed,
                // It hangs, and would with each image.
                Err(error @ EngineError::Timeout(_)) => {
                    return (None, Some(ConditionCode::DriverGone.because(error.to_string())));
                }
                Err(error) => error.to_string(),
            };
            let survey = Survey::read(&printed);
            if !survey.cards.is_empty() {
                let exclusive = survey.cards.iter().find(|card| card.is_exclusive);
                let condition = exclusive.map(|card| ConditionCode::MpsRuns.because(&card.uuid));
                return (Some(survey), condition);
            }
            told = match survey::fault(&printed) {
                SurveyFault::DriverUpdated => Some(ConditionCode::DriverUpdated.because("")),
                SurveyFault::DriverGone => Some(ConditionCode::DriverGone.because("")),
                SurveyFault::Other => told,
            };
        }
        (None, told)
    }

    // What the tool of the driver prints.
    async fn printed(&self, image: &ImageRef, installation: &Installation) -> Result<String, EngineError> {
        let mut request = self.request(image, installation)?;
        request.devices = self.devices();
        request.command.entrypoint = Some(vec![TOOL.0.to_owned()]);
        request.command.arguments = Some(vec![TOOL.1.to_owned()]);
        let made = self.engine.create(&request).await?;
        let printed = self.run(&made.id).await;
        self.remove(&made.id).await;
        printed
    }

    // One by one where they have names, as for instances.
    fn devices(&self) -> Devices {
        let names: BTreeSet<CdiName> = self
            .info
            .cdi_devices
            .iter()
            .filter(|name| name.starts_with("nvidia.com/gpu="))
            .filter_map(|name| name.parse().ok())
            .collect();
        if names.is_empty() { Devices::EveryNvidia } else { Devices::Cdi(names) }
    }

    async fn run(&self, id: &ContainerId) -> Result<String, EngineError> {
        self.engine.start(id).await?;
        let ended = async {
            loop {
                let container = self.engine.inspect(id).await?;
                if !container.state.status.is_alive() {
                    return Ok(container);
                }
                tokio::time::sleep(LOOKED_EVERY).await;
            }
        };
        let patience = tokio::time::timeout(TOOL_TIMEOUT, ended).await;
        let container = patience.unwrap_or(Err(EngineError::Timeout(TOOL_TIMEOUT)))?;
        let request = LogRequest { tail: None, since_ms: None, follow: false, timestamps: false };
        let (mut logs, mut printed) = (self.engine.logs(&container, request).await?, Vec::new());
        while let Some(chunk) = logs.next().await? {
            printed.extend_from_slice(&chunk.bytes);
            if printed.len() > MAX_PRINTED {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }

    fn request(&self, image: &ImageRef, installation: &Installation) -> Result<CreateRequest, EngineError> {
        let name = format!("entrepot-look-{}", uuid::Uuid::new_v4().simple());
        Ok(CreateRequest {
            name: name.parse().map_err(|_| EngineError::Answer("the look at it has no name"))?,
            image: image.clone(),
            platform: None,
            owner: Owner { installation: installation.clone(), purpose: ContainerPurpose::Survey },
            command: Command::default(),
            environment: Environment::default(),
            limits: LIMITS,
            devices: Devices::None,
            mounts: Mounts::default(),
            ports: Ports::default(),
            network: Network::None,
        })
    }

    async fn remove(&self, id: &ContainerId) {
        if let Err(error) = self.engine.remove(id).await {
            tracing::warn!(node = self.node.settings.name, %error, "a container that was made for a look is left");
        }
    }
}

// In the words of Docker and of Podman.
fn is_missing_mount(error: &EngineError) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    text.contains("source path does not exist") || text.contains("no such file or directory")
}

#[cfg(test)]
mod tests {
    use entrepot_engine::Message;

    use super::*;

    #[test]
    fn engines_say_that_a_directory_is_missing() {
        let refused = |text: &str| EngineError::Refused { status: 400, message: Message::new(text) };
        for text in [
            "invalid mount config for type \"bind\": bind source path does not exist: /root/HAMi-core/build",
            "make cli opts(): statfs /root/HAMi-core/build: no such file or directory",
        ] {
            assert!(is_missing_mount(&refused(text)), "{text}");
        }
        assert!(!is_missing_mount(&refused("No such image: a:1")));
    }
}
