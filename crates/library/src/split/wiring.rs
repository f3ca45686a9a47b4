//! What a container gets besides its cards, so that it uses them as it should. Pure.
//!
//! The names are those of HAMi-core and CUDA (`CUDA_…`) and of NVIDIA's container toolkit (`NVIDIA_…`). Which cards a
//! container sees is told to the engine, not here.

use super::environment::{EnvironmentFault, Variable, find, preloaded};

/// The library in a container, in the directory that is mounted for it.
const LIBRARY: &str = "/libvgpu/build/libvgpu.so";
/// Where the library looks for itself if nobody says otherwise; it is mounted there too. Without it there, programs that use
/// cuDNN 9 end in a recursion, and what has lost its environment finds nothing.
const DEFAULT_LIBRARY: &str = "/usr/local/vgpu/libvgpu.so";
/// Where the library keeps its books: in memory, so that a container which starts again starts with fresh ones.
pub(super) const BOOKS: &str = "/dev/shm/cudevshr.cache";
/// Where it looks for them if nobody says otherwise. In strict mode a link there leads to the others.
pub(super) const DEFAULT_BOOKS: &str = "/tmp/cudevshr.cache";
/// The volume with the lock of older versions. All containers of a node share it.
const LOCK_VOLUME: &str = "entrepot-vgpulock";

/// A part of each card, by HAMi-core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice<'a> {
    /// How many cards; each gives the same part.
    pub cards: usize,
    /// Memory of each card, in MiB.
    pub memory_mib: u64,
    /// The part of the computing units, in percent.
    pub core_percent: Option<u8>,
    /// HAMi-core's directory on the node.
    pub hami_core: &'a str,
    /// How its library gets into programs.
    pub preload: Preload,
}

/// How HAMi-core's library gets into programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preload {
    /// By the environment.
    Environment,
    /// By the loader's own list too, so that a login which loses the environment is limited as well.
    Strict,
}

/// What a container has of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cards<'a> {
    /// None, or cards of another vendor.
    Others,
    /// Whole NVIDIA cards.
    Whole,
    /// Parts of NVIDIA cards.
    Slices(Slice<'a>),
}

/// Where the library and its lock come from, for the engine to mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryMount {
    /// HAMi-core's directory on the node.
    pub directory: String,
    /// The file on the node that becomes the loader's own list, in strict mode.
    pub preload: Option<String>,
    /// The volume of the lock.
    pub lock: &'static str,
}

/// What a container gets besides its cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitWiring {
    /// Variables, which go over those of the image.
    pub environment: Vec<Variable>,
    /// HAMi-core.
    pub library: Option<LibraryMount>,
}

impl SplitWiring {
    fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.environment.push(Variable { name: name.into(), value: value.into() });
    }
}

/// What a container of an image with this environment gets besides these cards.
///
/// # Errors
/// The image has its programs load something that would be loaded on the node too.
pub fn wire(cards: Cards<'_>, image: &[Variable]) -> Result<SplitWiring, EnvironmentFault> {
    let preloaded = preloaded(image)?;
    let mut wiring = SplitWiring::default();
    if cards == Cards::Others {
        return Ok(wiring);
    }
    // The order of nvidia-smi, so that both count alike.
    wiring.set("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
    if find(image, "NVIDIA_DRIVER_CAPABILITIES").is_none() {
        wiring.set("NVIDIA_DRIVER_CAPABILITIES", "compute,utility");
    }
    if let Cards::Slices(slice) = cards {
        limits(&mut wiring, &slice);
        load(&mut wiring, &slice, &preloaded);
    }
    Ok(wiring)
}

fn limits(wiring: &mut SplitWiring, slice: &Slice<'_>) {
    // The last letter is the unit: `m` is MiB, and `MiB` would be bytes.
    let memory = format!("{}m", slice.memory_mib);
    wiring.set("CUDA_DEVICE_MEMORY_LIMIT", memory.as_str());
    for card in 0..slice.cards {
        wiring.set(format!("CUDA_DEVICE_MEMORY_LIMIT_{card}"), memory.as_str());
    }
    if let Some(percent) = slice.core_percent {
        wiring.set("CUDA_DEVICE_SM_LIMIT", percent.to_string());
    }
    wiring.set("CUDA_DEVICE_MEMORY_SHARED_CACHE", BOOKS);
    wiring.set("LIBCUDA_LOG_LEVEL", "1");
}

fn load(wiring: &mut SplitWiring, slice: &Slice<'_>, preloaded: &[&str]) {
    let others = preloaded.iter().copied().filter(|path| ![LIBRARY, DEFAULT_LIBRARY].contains(path));
    let all: Vec<_> = std::iter::once(LIBRARY).chain(others).collect();
    wiring.set("LD_PRELOAD", all.join(":"));
    wiring.set("CUDA_REDIRECT", LIBRARY);
    let directory = slice.hami_core.trim_end_matches('/').to_owned();
    let preload = (slice.preload == Preload::Strict).then(|| format!("{directory}/ld.so.preload"));
    wiring.library = Some(LibraryMount { directory, preload, lock: LOCK_VOLUME });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Slice<'_> = Slice {
        cards: 1,
        memory_mib: 8192,
        core_percent: Some(30),
        hami_core: "/root/HAMi-core/build/",
        preload: Preload::Environment,
    };

    fn image(variables: &[(&str, &str)]) -> Vec<Variable> {
        let read = |(name, value): &(&str, &str)| Variable { name: (*name).into(), value: (*value).into() };
        variables.iter().map(read).collect()
    }

    fn lines(cards: Cards<'_>, image: &[Variable]) -> Vec<String> {
        let wiring = wire(cards, image).unwrap();
        wiring.environment.iter().map(|Variable { name, value }| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_slice_whole() {
        let image = image(&[("LD_PRELOAD", "libtcmalloc.so")]);
        assert_eq!(
            lines(Cards::Slices(SLICE), &image),
            [
                "CUDA_DEVICE_ORDER=PCI_BUS_ID",
                "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
                "CUDA_DEVICE_MEMORY_LIMIT=8192m",
                "CUDA_DEVICE_MEMORY_LIMIT_0=8192m",
                "CUDA_DEVICE_SM_LIMIT=30",
                "CUDA_DEVICE_MEMORY_SHARED_CACHE=/dev/shm/cudevshr.cache",
                "LIBCUDA_LOG_LEVEL=1",
                "LD_PRELOAD=/libvgpu/build/libvgpu.so:libtcmalloc.so",
                "CUDA_REDIRECT=/libvgpu/build/libvgpu.so",
            ]
        );
        let directory = "/root/HAMi-core/build".to_owned();
        let library = LibraryMount { directory, preload: None, lock: "entrepot-vgpulock" };
        assert_eq!(wire(Cards::Slices(SLICE), &image).unwrap().library, Some(library));
    }

    #[test]
    fn strict_mode_uses_the_loaders_own_list() {
        let strict = Slice { preload: Preload::Strict, ..SLICE };
        let library = wire(Cards::Slices(strict), &[]).unwrap().library.unwrap();
        assert_eq!(library.preload.as_deref(), Some("/root/HAMi-core/build/ld.so.preload"));
    }

    #[test]
    fn the_library_is_loaded_once_and_first() {
        let preload = |value| {
            let lines = lines(Cards::Slices(SLICE), &image(&[("LD_PRELOAD", value)]));
            lines.into_iter().find(|line| line.starts_with("LD_PRELOAD")).unwrap()
        };
        assert_eq!(preload(LIBRARY), "LD_PRELOAD=/libvgpu/build/libvgpu.so");
        assert_eq!(preload("/usr/local/vgpu/libvgpu.so /a.so"), "LD_PRELOAD=/libvgpu/build/libvgpu.so:/a.so");
        assert_eq!(preload(""), "LD_PRELOAD=/libvgpu/build/libvgpu.so");
    }

    #[test]
    fn every_card_has_its_limit() {
        let lines = lines(Cards::Slices(Slice { cards: 2, core_percent: None, ..SLICE }), &[]);
        for card in 0..2 {
            assert!(lines.contains(&format!("CUDA_DEVICE_MEMORY_LIMIT_{card}=8192m")));
        }
        assert!(!lines.iter().any(|line| line.starts_with("CUDA_DEVICE_SM_LIMIT")));
    }

    #[test]
    fn whole_cards_are_never_split() {
        let image = image(&[("NVIDIA_DRIVER_CAPABILITIES", "all")]);
        assert_eq!(lines(Cards::Whole, &image), ["CUDA_DEVICE_ORDER=PCI_BUS_ID"], "the image's own stays");
        assert_eq!(wire(Cards::Whole, &image).unwrap().library, None);
        assert_eq!(wire(Cards::Others, &image).unwrap(), SplitWiring::default());
    }

    #[test]
    fn an_image_that_reaches_for_the_node_is_refused_with_or_without_cards() {
        let refused = wire(Cards::Others, &image(&[("LD_PRELOAD", "./x.so")]));
        assert_eq!(refused, Err(EnvironmentFault::ImagePreload("./x.so".to_owned())));
    }
}
