//! What the tests share.

use entrepot_engine::{
    Command, ContainerLimits, ContainerPurpose, CreateRequest, Devices, Endpoint, Engine, Environment,
    Installation, LogLimits, Mounts, Network, Owner, Ports,
};
use entrepot_testkit::engine::{Dialect, PullableImage, TestEngine};

/// The image that the engines of the tests have.
pub(crate) const IMAGE: &str = "registry.example/team/app:1";

/// An engine with the image, and a client of it.
pub(crate) async fn started(dialect: Dialect) -> (TestEngine, Engine) {
    let fake = TestEngine::start(dialect).await;
    fake.put_image(IMAGE, PullableImage::of_layers(&[1000]));
    let engine = connected(&fake).await;
    (fake, engine)
}

/// A client of an engine without TLS.
pub(crate) async fn connected(fake: &TestEngine) -> Engine {
    let endpoint = Endpoint::new(fake.address().parse().unwrap(), None).unwrap();
    Engine::connect(endpoint).await.unwrap()
}

pub(crate) fn installation() -> Installation {
    "test-1".parse().unwrap()
}

/// A request with nothing special.
pub(crate) fn plain(name: &str) -> CreateRequest {
    CreateRequest {
        name: name.parse().unwrap(),
        image: IMAGE.parse().unwrap(),
        platform: None,
        owner: Owner { installation: installation(), purpose: ContainerPurpose::Instance(7) },
        command: Command::default(),
        environment: Environment::default(),
        limits: ContainerLimits {
            cpu_milli: 1500,
            memory: 2 << 30,
            shm: 1 << 30,
            pids: 4096,
            disk: None,
            log: LogLimits::default(),
        },
        devices: Devices::None,
        mounts: Mounts::default(),
        ports: Ports::default(),
        network: Network::Usual,
    }
}
