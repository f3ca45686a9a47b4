//! Looks at what only a container can see of a machine: whether HAMi-core is there. Nothing is started for that.

use entrepot_catalog::{FoundDevice, NodeRecord};
use entrepot_engine::{
    Command, CreateRequest, Devices, Engine, Environment, Error as EngineError, HostPath, Info, Installation,
    Limits, LogLimits, Mounts, Network, Owner, Ports, Purpose, SplitLibrary,
};
use entrepot_oci::ImageRef;

use super::{
    conditions::{Condition, ConditionCode},
    survey::Survey,
};

/// How many images of a machine are tried.
const IMAGES_TRIED: usize = 3;
/// What a container that looks may use.
const LIMITS: Limits = Limits {
    cpu_milli: 1000,
    memory: 256 << 20,
    shm: 16 << 20,
    pids: 64,
    disk: None,
    log: LogLimits { file_mib: 1, files: 1 },
};

/// A machine to look at.
pub(super) struct Look<'a> {
    pub(super) node: &'a NodeRecord,
    pub(super) engine: &'a Engine,
    pub(super) info: &'a Info,
    /// The cards that were found before.
    pub(super) cards: &'a [FoundDevice],
}

/// What a look showed.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) survey: Option<Survey>,
    pub(super) conditions: Vec<Condition>,
}

impl Looked {
    /// What the last look showed, where there is none this time.
    pub(super) fn before(conditions: &[Condition]) -> Self {
        let kept = conditions.iter().filter(|condition| condition.code.is_of_look());
        Self { survey: None, conditions: kept.cloned().collect() }
    }
}

impl Look<'_> {
    /// Looks. What cannot be seen is said, and makes nothing worse than it is.
    pub(super) async fn now(&self, installation: &Installation) -> Looked {
        if !self.may_have_cards() {
            return Looked::default();
        }
        Looked { survey: None, conditions: self.hami_core(installation).await.into_iter().collect() }
    }

    fn may_have_cards(&self) -> bool {
        let has_names = self.info.cdi_devices.iter().any(|name| name.starts_with("nvidia.com/"));
        has_names || self.info.runtimes.contains("nvidia") || !self.cards.is_empty()
    }

    // An engine that makes a container refuses one whose mounts are not there. Any image will do: nothing of it runs.
    async fn hami_core(&self, installation: &Installation) -> Option<Condition> {
        let images = match self.images().await {
            Ok(images) => images,
            Err(error) => return Some(ConditionCode::HamiUnknown.because(error.to_string())),
        };
        let mut last = ConditionCode::HamiUnknown.because("there is no image on the node yet");
        for image in images.into_iter().take(IMAGES_TRIED) {
            match self.make(image, installation).await {
                Ok(()) => return None,
                Err(error) if is_missing_mount(&error) => {
                    return Some(ConditionCode::HamiMissing.because(&self.node.settings.hami_core));
                }
                Err(error) => last = ConditionCode::HamiUnknown.because(error.to_string()),
            }
        }
        Some(last)
    }

    // The names of images that are there, the smallest first.
    async fn images(&self) -> Result<Vec<ImageRef>, EngineError> {
        let mut images = self.engine.images().await?;
        images.sort_by_key(|image| image.size);
        let named = |image: &entrepot_engine::ListedImage| {
            image.tags.iter().chain(&image.digests).find_map(|name| name.parse().ok())
        };
        Ok(images.iter().filter_map(named).collect())
    }

    async fn make(&self, image: ImageRef, installation: &Installation) -> Result<(), EngineError> {
        let unusable = |_| EngineError::Answer("the look at it has no name");
        let name = format!("entrepot-look-{}", uuid::Uuid::new_v4().simple());
        let directory: HostPath = self
            .node
            .settings
            .hami_core
            .parse()
            .map_err(|_| EngineError::Answer("the directory is no path"))?;
        let lock = "vgpulock".parse().map_err(unusable)?;
        let request = CreateRequest {
            name: name.parse().map_err(unusable)?,
            image,
            platform: None,
            owner: Owner { installation: installation.clone(), purpose: Purpose::Survey },
            command: Command::default(),
            environment: Environment::default(),
            limits: LIMITS,
            devices: Devices::None,
            mounts: Mounts {
                volumes: Vec::new(),
                split: Some(SplitLibrary { directory, preload: None, lock }),
            },
            ports: Ports::default(),
            network: Network::None,
        };
        let made = self.engine.create(&request).await?;
        if let Err(error) = self.engine.remove(&made.id).await {
            tracing::warn!(node = self.node.settings.name, %error, "a container that was made for a look is left");
        }
        Ok(())
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
