//! Speaks to container engines, Docker and Podman, by typed requests only.
//!
//! - [`Engine`] is one engine, reached at an [`Endpoint`]; it has a verb for each thing that can be asked
//! - [`CreateRequest`] is all that can be asked of a new container: what is not in it cannot be asked
//! - [`compare`] (pure) says where the container that the engine made is not the one that was asked for
//!
//! Nothing here decides what should run. All that an engine sends is bounded, and its texts are printable.

#![forbid(unsafe_code)]

mod address;
mod body;
mod commit;
mod compare;
mod connect;
mod container;
mod create;
mod create_request;
mod device;
mod endpoint;
mod engine;
mod environment;
mod error;
mod events;
mod exec;
mod fault;
mod frames;
mod images;
mod info;
mod inspect;
mod json;
mod json_lines;
mod lifecycle;
mod limits;
mod list;
mod logs;
mod message;
mod mount;
mod names;
mod network_fault;
mod owner;
mod ports;
mod pull;
mod pull_auth;
mod pull_event;
mod pull_failure;
mod session;
mod stats;
mod text;
mod time;
mod tls;
mod transport;
mod version;
mod volume;
mod wire;

pub use address::{Address, AddressError};
pub use commit::{CommitRequest, Push, PushEvent};
pub use compare::{Difference, Limit, compare};
pub use container::{
    Container, ContainerMount, ContainerSettings, ContainerState, ContainerStatus, Evidence,
};
pub use create::CreatedContainer;
pub use create_request::{Command, CreateRequest, Network};
pub use device::{CdiName, DeviceError, Devices, GpuUuid, VnpuTemplate};
pub use endpoint::{Endpoint, EndpointError};
pub use engine::{Engine, Pong};
pub use environment::{Environment, EnvironmentError};
pub use error::Error;
pub use events::{ContainerAction, ContainerEvent, Events};
pub use exec::{Exec, ExecId, ExecInput, ExecOutput, ExecRequest, ExecState, TerminalSize};
pub use fault::{LinkFault, TlsFault};
pub use frames::{Chunk, Stream};
pub use images::{Image, ImageConfig, ListedImage};
pub use info::{DiskUsage, Info, Usage};
pub use lifecycle::{Started, StopOutcome};
pub use limits::{ContainerLimits, LimitsError, LogLimits};
pub use list::{ListedContainer, OwnerFilter};
pub use logs::{LogRequest, Logs};
pub use message::Message;
pub use mount::{ContainerPath, HostPath, Mounts, PathError, SplitLibrary, VolumeMount};
pub use names::{ContainerId, ContainerName, EngineNameError, ImageId, VolumeName};
pub use owner::{ContainerPurpose, Installation, Owner};
pub use ports::{Ports, PortsError, Publish};
pub use pull::{ImagePull, PullStop};
pub use pull_auth::PullAuth;
pub use pull_event::{LayerStep, PullEvent};
pub use pull_failure::{PullError, PullFailure};
pub use session::{ExecSession, Leader};
pub use stats::{Memory, Sample};
pub use text::{Decoder, Decoders};
pub use tls::{PemError, Tls};
pub use version::{ApiVersion, EngineVersion, Product, Release};
pub use volume::Volume;
