//! The engine that the tests run against.

use std::path::PathBuf;

use entrepot_engine::{
    Command, Container, ContainerId, ContainerLimits, ContainerPurpose, CreateRequest, Devices, Endpoint,
    Engine, Environment, Error, Installation, LogLimits, Mounts, Network, Owner, Ports, PullStop, Tls,
};
use entrepot_oci::ImageRef;

/// A real engine, with the image.
pub(crate) struct Real {
    pub(crate) engine: Engine,
    pub(crate) image: ImageRef,
}

impl Real {
    /// The engine of the environment, if there is one.
    pub(crate) async fn find() -> Option<Self> {
        let engine = Engine::connect(endpoint("cert.pem", "key.pem")?).await.unwrap();
        let image: ImageRef = set("ENTREPOT_TEST_IMAGE").expect("ENTREPOT_TEST_IMAGE").parse().unwrap();
        if matches!(engine.image(&image).await, Err(Error::NotFound(_))) {
            pull(&engine, &image).await.unwrap();
        }
        Some(Self { engine, image })
    }

    /// A request with nothing special, that runs a script.
    pub(crate) fn request(&self, name: &str, script: &str) -> CreateRequest {
        let mut environment = Environment::default();
        environment.set("ASKED", "a=b c").unwrap();
        CreateRequest {
            name: format!("entrepot-{name}").parse().unwrap(),
            image: self.image.clone(),
            platform: None,
            owner: Owner { installation: installation(), purpose: ContainerPurpose::Instance(7) },
            command: Command {
                entrypoint: None,
                arguments: Some(["sh", "-c", script].map(str::to_owned).into()),
                terminal: false,
            },
            environment,
            limits: ContainerLimits {
                cpu_milli: 500,
                memory: 256 << 20,
                shm: 32 << 20,
                pids: 64,
                disk: None,
                log: LogLimits::default(),
            },
            devices: Devices::None,
            mounts: Mounts::default(),
            ports: Ports::default(),
            // The machines of the tests have no bridge.
            network: Network::None,
        }
    }

    /// Makes a container, in place of what an earlier run left behind.
    pub(crate) async fn made(&self, request: &CreateRequest) -> ContainerId {
        self.gone(request).await;
        self.engine.create(request).await.unwrap().id
    }

    /// Makes and starts a container.
    pub(crate) async fn started(&self, request: &CreateRequest) -> Container {
        let id = self.made(request).await;
        self.engine.start(&id).await.unwrap();
        self.engine.inspect(&id).await.unwrap()
    }

    /// Removes the container of this name.
    pub(crate) async fn gone(&self, request: &CreateRequest) {
        if let Ok(container) = self.engine.inspect_named(&request.name).await {
            self.engine.remove(&container.id).await.unwrap();
        }
    }
}

pub(crate) fn installation() -> Installation {
    "real-test".parse().unwrap()
}

pub(crate) async fn pull(
    engine: &Engine,
    image: &ImageRef,
) -> Result<Vec<entrepot_engine::PullEvent>, PullStop> {
    let mut pull = engine.pull(image, None, None).await?;
    let mut events = Vec::new();
    while let Some(event) = pull.next().await? {
        events.push(event);
    }
    Ok(events)
}

/// Where the engine is, seen with these files.
pub(crate) fn endpoint(certificate: &str, key: &str) -> Option<Endpoint> {
    let address = set("ENTREPOT_TEST_ENGINE")?.parse().unwrap();
    let tls = set("ENTREPOT_TEST_CERTIFICATES").map(|directory| {
        let read = |name: &str| std::fs::read_to_string(PathBuf::from(&directory).join(name)).unwrap();
        Tls::from_pem(&read("ca.pem"), &read(certificate), &read(key).into()).unwrap()
    });
    Some(Endpoint::new(address, tls).unwrap())
}

pub(crate) fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
