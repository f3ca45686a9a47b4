//! Which cards a container gets: each by its own name, never by a number of them, and never all.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// What the runtimes of card makers read as "no card".
const NONE: &str = "void";
/// What NVIDIA's runtime reads as "every card".
const EVERY: &str = "all";
/// What NVIDIA's runtime reads.
pub(crate) const NVIDIA_VISIBLE: &str = "NVIDIA_VISIBLE_DEVICES";
/// What Ascend's runtime reads.
pub(crate) const ASCEND_VISIBLE: &str = "ASCEND_VISIBLE_DEVICES";
/// Which template of a virtual card Ascend's runtime makes.
pub(crate) const ASCEND_TEMPLATE: &str = "ASCEND_VNPU_SPECS";
/// Further words for Ascend's runtime, which nobody may say.
pub(crate) const ASCEND_OPTIONS: &str = "ASCEND_RUNTIME_OPTIONS";

/// Why a text names no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// Of the container device interface.
    #[error("a card is named `nvidia.com/gpu=NAME`, and never `all`")]
    Cdi,
    /// Of NVIDIA.
    #[error("a card of NVIDIA is named `GPU-…`, as `nvidia-smi -L` prints it")]
    Gpu,
    /// Of a template.
    #[error("a template has letters, digits and `_`, such as `vir05_1c_8g`")]
    Template,
}

/// The name of a card in the container device interface: `nvidia.com/gpu=GPU-…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CdiName(String);

/// The name that NVIDIA gives a card: `GPU-…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GpuUuid(String);

/// Which virtual card is made of an Ascend card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VnpuTemplate(String);

fn is_word(text: &str, also: &[u8]) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_allowed)
}

impl FromStr for CdiName {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let is_name = text.split_once('=').is_some_and(|(kind, name)| {
            let (vendor, class) = kind.split_once('/').unwrap_or_default();
            let is_all = name.eq_ignore_ascii_case("all");
            is_word(vendor, b".-_") && is_word(class, b"-_") && is_word(name, b"-_.:") && !is_all
        });
        if is_name { Ok(Self(text.to_owned())) } else { Err(DeviceError::Cdi) }
    }
}

impl FromStr for GpuUuid {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let is_uuid = text.strip_prefix("GPU-").is_some_and(|rest| is_word(rest, b"-"));
        if is_uuid { Ok(Self(text.to_owned())) } else { Err(DeviceError::Gpu) }
    }
}

impl FromStr for VnpuTemplate {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        if is_word(text, b"_") { Ok(Self(text.to_owned())) } else { Err(DeviceError::Template) }
    }
}

impl CdiName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GpuUuid {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CdiName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Display for GpuUuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Display for VnpuTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Which cards a container gets, and by which mechanism. There is one mechanism for a container, never two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Devices {
    /// None, also where the image wants some and the engine's default runtime would give them.
    #[default]
    None,
    /// By the container device interface.
    Cdi(BTreeSet<CdiName>),
    /// By Docker's driver for NVIDIA.
    Nvidia(BTreeSet<GpuUuid>),
    /// All of NVIDIA's, to look at them before their names are known. Only a container that
    /// [looks at the machine](crate::ContainerPurpose::Survey) can be made with them.
    EveryNvidia,
    /// By Ascend's runtime.
    Ascend {
        /// The numbers of the cards.
        cards: BTreeSet<u32>,
        /// Which part of a card; otherwise whole cards.
        template: Option<VnpuTemplate>,
    },
}

impl Devices {
    /// The environment that belongs to them. It goes over everything else.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let none = |name| (name, NONE.to_owned());
        match self {
            Self::None => vec![none(NVIDIA_VISIBLE), none(ASCEND_VISIBLE)],
            // The interface gives the cards; a runtime that reads the variable must not give others besides.
            Self::Cdi(_) => vec![none(NVIDIA_VISIBLE), none(ASCEND_VISIBLE)],
            Self::Nvidia(cards) => {
                let names: Vec<&str> = cards.iter().map(GpuUuid::as_str).collect();
                vec![(NVIDIA_VISIBLE, names.join(",")), none(ASCEND_VISIBLE)]
            }
            Self::EveryNvidia => vec![(NVIDIA_VISIBLE, EVERY.to_owned()), none(ASCEND_VISIBLE)],
            Self::Ascend { cards, template } => {
                let numbers: Vec<String> = cards.iter().map(u32::to_string).collect();
                let template = template.as_ref().map(|template| (ASCEND_TEMPLATE, template.0.clone()));
                let mut set = vec![none(NVIDIA_VISIBLE), (ASCEND_VISIBLE, numbers.join(","))];
                set.extend(template);
                set
            }
        }
    }

    /// The runtime that gives them, if it is not the engine's usual one.
    pub(crate) fn runtime(&self) -> Option<&'static str> {
        matches!(self, Self::Ascend { .. }).then_some("ascend")
    }

    /// Whether there are any.
    pub fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::Cdi(cards) => cards.is_empty(),
            Self::Nvidia(cards) => cards.is_empty(),
            Self::EveryNvidia => false,
            Self::Ascend { cards, .. } => cards.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Row 25: a card without a name of its own is not asked for as "all".
    #[test]
    fn a_card_is_never_all() {
        for name in ["nvidia.com/gpu=0", "nvidia.com/gpu=GPU-8a1b", "nvidia.com/gpu=0:1", "huawei.com/npu=0"]
        {
            assert_eq!(name.parse::<CdiName>().unwrap().as_str(), name);
        }
        for name in [
            "",
            "all",
            "nvidia.com/gpu=all",
            "nvidia.com/gpu=ALL",
            "nvidia.com/gpu=",
            "gpu=0",
            "/=0",
            "a/b=c d",
        ] {
            assert_eq!(name.parse::<CdiName>(), Err(DeviceError::Cdi), "{name}");
        }
        for name in ["all", "0", "GPU-", "GPU-a,GPU-b", "MIG-a"] {
            assert_eq!(name.parse::<GpuUuid>(), Err(DeviceError::Gpu), "{name}");
        }
        assert!("vir05_1c_8g".parse::<VnpuTemplate>().is_ok() && "a b".parse::<VnpuTemplate>().is_err());
    }

    // Rows 18 and 30.
    #[test]
    fn exactly_one_mechanism_gives_cards() {
        let of = |devices: Devices| {
            let set = devices.environment().into_iter();
            set.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        let none = "NVIDIA_VISIBLE_DEVICES=void ASCEND_VISIBLE_DEVICES=void";
        assert_eq!(of(Devices::None), none);
        assert_eq!(of(Devices::Cdi(["nvidia.com/gpu=0".parse().unwrap()].into())), none);
        assert_eq!(
            of(Devices::Nvidia(["GPU-b".parse().unwrap(), "GPU-a".parse().unwrap()].into())),
            "NVIDIA_VISIBLE_DEVICES=GPU-a,GPU-b ASCEND_VISIBLE_DEVICES=void"
        );
        let template = Some("vir05_1c_8g".parse().unwrap());
        assert_eq!(
            of(Devices::Ascend { cards: [3, 1].into(), template }),
            "NVIDIA_VISIBLE_DEVICES=void ASCEND_VISIBLE_DEVICES=1,3 ASCEND_VNPU_SPECS=vir05_1c_8g"
        );
        assert!(Devices::Nvidia([].into()).is_none());
        let every = "NVIDIA_VISIBLE_DEVICES=all ASCEND_VISIBLE_DEVICES=void";
        assert_eq!(of(Devices::EveryNvidia), every, "for a look alone");
    }
}
