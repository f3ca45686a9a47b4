//! What can be wrong with a spec. Pure.

use super::limits::{
    CORE_PERCENT, CPU_MILLI, DISK_GIB, GPU_COUNT, GPU_MEMORY_MIB, MAX_NAME, MAX_PRICE, MAX_REMARK,
    MEMORY_MIB, START_SECONDS,
};

/// What is wrong with a spec: always one field, and what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SpecFault {
    /// The name is empty, too long, or has control characters.
    #[error("a name has 1 to {MAX_NAME} printable characters")]
    Name,
    /// Something is said about cards, and there are none: the field is in it.
    #[error("a spec without cards has no `{0}`: name the vendor of the cards, as `vendor`")]
    NoCards(&'static str),
    /// There are cards, and how many is not said.
    #[error("a spec with cards has {} to {} of them", GPU_COUNT.start(), GPU_COUNT.end())]
    GpuCount,
    /// The model is empty, too long, or has control characters.
    #[error("a model has 1 to {MAX_NAME} printable characters, as the card says it")]
    GpuModel,
    /// Parts of several cards: their processes would all be counted on the first one.
    #[error("a part is of one card: `gpu_count` is 1 where `memory_split` is set")]
    PartsOfSeveral,
    /// A part of a card, and how large is not said.
    #[error("a part of a card has `gpu_memory_mib`, {} to {}", GPU_MEMORY_MIB.start(), GPU_MEMORY_MIB.end())]
    PartMemory,
    /// Whole cards come with all of their memory.
    #[error("whole cards have no `{0}`: set `memory_split` for a part of one")]
    Whole(&'static str),
    /// A share of the cores that is none.
    #[error("`core_percent` is {} to {}", CORE_PERCENT.start(), CORE_PERCENT.end())]
    CorePercent,
    /// Ascend's parts are named by templates, which fix the share of the cores too.
    #[error("Ascend fixes the share of the cores by the template: leave `core_percent` out")]
    CoresByTemplate,
    /// A part of an Ascend card without its template.
    #[error("a part of an Ascend card has a `vnpu_template`, such as `vir05_1c_8g`")]
    TemplateMissing,
    /// A template where the vendor has none.
    #[error("only Ascend has templates: leave `vnpu_template` out")]
    TemplateOfOthers,
    /// A template whose name is none.
    #[error("a template has 1 to 32 lower-case letters, digits and `_`")]
    Template,
    /// Too little or too much.
    #[error("`cpu_milli` is {} to {}: thousandths of a core", CPU_MILLI.start(), CPU_MILLI.end())]
    Cpu,
    /// Too little or too much.
    #[error("`memory_mib` is {} to {}", MEMORY_MIB.start(), MEMORY_MIB.end())]
    Memory,
    /// Too little or too much: the field is in it.
    #[error("`{0}` is {least} to {most}", least = DISK_GIB.start(), most = DISK_GIB.end())]
    Disk(&'static str),
    /// Shared memory is a part of the memory.
    #[error("`shm_mib` is 1 to `memory_mib`: it is a part of that")]
    Shm,
    /// Too much.
    #[error("`price` is at most {MAX_PRICE}")]
    Price,
    /// Too short or too long.
    #[error("`start_seconds` is {} to {}", START_SECONDS.start(), START_SECONDS.end())]
    Start,
    /// Too long.
    #[error("a remark has at most {MAX_REMARK} characters")]
    Remark,
}

impl SpecFault {
    /// The field that it is about.
    pub fn field(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::NoCards(field) | Self::Whole(field) | Self::Disk(field) => field,
            Self::GpuCount | Self::PartsOfSeveral => "gpu_count",
            Self::GpuModel => "gpu_model",
            Self::PartMemory => "gpu_memory_mib",
            Self::CorePercent | Self::CoresByTemplate => "core_percent",
            Self::TemplateMissing | Self::TemplateOfOthers | Self::Template => "vnpu_template",
            Self::Cpu => "cpu_milli",
            Self::Memory => "memory_mib",
            Self::Shm => "shm_mib",
            Self::Price => "price",
            Self::Start => "start_seconds",
            Self::Remark => "remark",
        }
    }
}
