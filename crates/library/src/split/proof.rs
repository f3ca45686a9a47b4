//! Whether the split took effect, by each way into the container. Pure.
//!
//! `nvidia-smi` is asked, which HAMi-core answers for: it shows that the library is loaded and knows the limit. It does not
//! show that CUDA is limited; only a card can.

use serde::{Deserialize, Serialize};

use super::wiring::{BOOKS, DEFAULT_BOOKS};

/// What is asked, in a shell.
const QUESTION: &str = "nvidia-smi --query-gpu=uuid,memory.total --format=csv,noheader,nounits";
/// What the loader says of a library that it cannot load, and goes on without.
const IGNORED: &str = "cannot be preloaded";
/// How much of what a program said is kept, in characters.
const KEPT: usize = 300;

/// A way into a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryWay {
    /// By the engine, with the container's environment. Comes first: it opens HAMi-core's books with the limit in them, which
    /// those without an environment then find.
    Exec,
    /// By a login, as an SSH server does it: a shell that reads its profile, and nothing of the container's environment.
    Login,
    /// With nothing at all, as cron and su do.
    Empty,
}

/// What a program in the container answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// It ended.
    Ended {
        /// Its exit code.
        code: i64,
        /// What it printed.
        output: String,
        /// What it complained about.
        errors: String,
    },
    /// It did not end in time: the library and the driver may not go together.
    Silent,
    /// The engine did not start it.
    NotStarted(String),
}

/// What a way into the container showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shown", rename_all = "kebab-case")]
pub enum ProbeResult {
    /// The limit.
    Limited,
    /// More than the limit: the library is not loaded.
    Unlimited {
        /// What it showed, in MiB.
        seen_mib: u64,
        /// What it should have shown, in MiB.
        limit_mib: u64,
    },
    /// Other cards than the instance has.
    OtherCards {
        /// Those it showed.
        seen: Vec<String>,
    },
    /// The loader did not take the library, and went on without it.
    NotLoaded {
        /// What it said.
        said: String,
    },
    /// Nothing in time.
    Silent,
    /// Nothing that can be read.
    Unreadable {
        /// What it said.
        said: String,
    },
}

/// What each way showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The ways, in the order in which they were tried.
    pub ways: Vec<(EntryWay, ProbeResult)>,
}

/// What follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitVerdict {
    /// It is limited by each way that must be. Those that are named lead around the limit: the owner is told.
    Effective {
        /// Ways without the limit.
        leaks: Vec<EntryWay>,
    },
    /// It is not: the instance is stopped, and its owner told why.
    NotEffective {
        /// The first way that shows it.
        way: EntryWay,
        /// What it showed.
        shown: ProbeResult,
    },
}

impl EntryWay {
    /// All ways, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Exec, Self::Login, Self::Empty];

    /// The command that is run in the container, as the container's own user.
    pub fn command(self) -> Vec<String> {
        let start: &[&str] = match self {
            Self::Exec => &["/bin/sh", "-c"],
            Self::Login => &[
                "/usr/bin/env",
                "-i",
                "HOME=/root",
                "USER=root",
                "LOGNAME=root",
                "TERM=xterm",
                "/bin/sh",
                "-l",
                "-c",
            ],
            Self::Empty => &["/usr/bin/env", "-i", "/bin/sh", "-c"],
        };
        start.iter().copied().chain([QUESTION]).map(str::to_owned).collect()
    }
}

/// What is run in a container as root in strict mode, before it is asked: it leads those without an environment to the books.
pub fn link_to_books() -> Vec<String> {
    ["ln", "-sfn", BOOKS, DEFAULT_BOOKS].map(str::to_owned).to_vec()
}

impl ProbeResult {
    /// Reads an answer. The instance has these cards, and this much memory of each.
    pub fn read(answer: ProbeAnswer, uuids: &[String], limit_mib: u64) -> Self {
        let (code, output, errors) = match answer {
            ProbeAnswer::Silent => return Self::Silent,
            ProbeAnswer::NotStarted(said) => return Self::Unreadable { said: short(&said) },
            ProbeAnswer::Ended { code, output, errors } => (code, output, errors),
        };
        if let Some(line) = errors.lines().find(|line| line.contains(IGNORED)) {
            return Self::NotLoaded { said: short(line) };
        }
        let cards: Option<Vec<_>> = output.lines().filter(|line| !line.trim().is_empty()).map(card).collect();
        let Some(cards) = cards.filter(|cards| code == 0 && !cards.is_empty()) else {
            return Self::Unreadable {
                said: short(if errors.trim().is_empty() { &output } else { &errors }),
            };
        };
        let mut seen: Vec<_> = cards.iter().map(|(uuid, _)| uuid.clone()).collect();
        let mut expected = uuids.to_vec();
        seen.sort_unstable();
        expected.sort_unstable();
        let most = cards.iter().map(|(_, memory)| *memory).max().unwrap_or(0);
        match most {
            _ if seen != expected => Self::OtherCards { seen },
            most if most > limit_mib => Self::Unlimited { seen_mib: most, limit_mib },
            _ => Self::Limited,
        }
    }
}

impl Proof {
    /// What follows from it. In strict mode the limit must hold by every way, else only with the container's environment.
    pub fn verdict(&self, is_strict: bool) -> SplitVerdict {
        if !self.ways.iter().any(|(way, _)| *way == EntryWay::Exec) {
            return SplitVerdict::NotEffective { way: EntryWay::Exec, shown: ProbeResult::Silent };
        }
        let open = self.ways.iter().filter(|(_, shown)| *shown != ProbeResult::Limited);
        let (mut leaks, must_hold) = (Vec::new(), |way| is_strict || way == EntryWay::Exec);
        for (way, shown) in open {
            if must_hold(*way) {
                return SplitVerdict::NotEffective { way: *way, shown: shown.clone() };
            }
            leaks.push(*way);
        }
        SplitVerdict::Effective { leaks }
    }
}

fn card(line: &str) -> Option<(String, u64)> {
    let (uuid, memory) = line.split_once(',')?;
    Some((uuid.trim().to_owned(), memory.trim().parse().ok()?))
}

fn short(text: &str) -> String {
    text.trim().chars().take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(output: &str) -> ProbeAnswer {
        ProbeAnswer::Ended { code: 0, output: output.to_owned(), errors: String::new() }
    }

    fn shown(answer: ProbeAnswer) -> ProbeResult {
        ProbeResult::read(answer, &["GPU-b".to_owned(), "GPU-a".to_owned()], 8192)
    }

    #[test]
    fn the_limit_is_shown_for_each_card() {
        assert_eq!(shown(answer("GPU-a, 8192\nGPU-b, 8192\n")), ProbeResult::Limited);
        let whole = shown(answer("GPU-a, 8192\nGPU-b, 81920\n"));
        assert_eq!(whole, ProbeResult::Unlimited { seen_mib: 81_920, limit_mib: 8192 });
    }

    #[test]
    fn other_cards_are_no_proof() {
        for output in ["GPU-a, 8192\n", "GPU-a, 8192\nGPU-b, 8192\nGPU-c, 8192", "GPU-a, 8192\nGPU-a, 8192\n"]
        {
            assert!(matches!(shown(answer(output)), ProbeResult::OtherCards { .. }), "{output}");
        }
    }

    #[test]
    fn a_library_that_the_loader_ignores_is_told() {
        let said = "ERROR: ld.so: object '/libvgpu/build/libvgpu.so' from LD_PRELOAD cannot be preloaded (cannot open \
                    shared object file): ignored.";
        let answer = ProbeAnswer::Ended {
            code: 0,
            output: "GPU-a, 8192\nGPU-b, 8192".to_owned(),
            errors: said.to_owned(),
        };
        assert_eq!(shown(answer), ProbeResult::NotLoaded { said: said.to_owned() });
    }

    #[test]
    fn what_cannot_be_read_is_no_proof() {
        let failed = |code, output: &str, errors: &str| {
            shown(ProbeAnswer::Ended { code, output: output.to_owned(), errors: errors.to_owned() })
        };
        let unreadable = |said: &str| ProbeResult::Unreadable { said: said.to_owned() };
        assert_eq!(failed(127, "", "sh: nvidia-smi: not found\n"), unreadable("sh: nvidia-smi: not found"));
        assert_eq!(failed(9, "GPU-a, 8192\nGPU-b, 8192", ""), unreadable("GPU-a, 8192\nGPU-b, 8192"));
        assert_eq!(failed(0, "", ""), unreadable(""));
        assert_eq!(failed(0, "GPU-a, [N/A]", ""), unreadable("GPU-a, [N/A]"));
        assert_eq!(shown(ProbeAnswer::Silent), ProbeResult::Silent);
        assert_eq!(shown(ProbeAnswer::NotStarted("no sh".to_owned())), unreadable("no sh"));
        assert_eq!(failed(1, "", &"x".repeat(5000)), unreadable(&"x".repeat(KEPT)));
    }

    #[test]
    fn a_login_without_the_limit_is_told_or_stops_it() {
        let whole = ProbeResult::Unlimited { seen_mib: 81_920, limit_mib: 8192 };
        let proof = Proof {
            ways: vec![
                (EntryWay::Exec, ProbeResult::Limited),
                (EntryWay::Login, whole.clone()),
                (EntryWay::Empty, whole.clone()),
            ],
        };
        assert_eq!(
            proof.verdict(false),
            SplitVerdict::Effective { leaks: vec![EntryWay::Login, EntryWay::Empty] }
        );
        assert_eq!(proof.verdict(true), SplitVerdict::NotEffective { way: EntryWay::Login, shown: whole });
    }

    #[test]
    fn a_container_without_the_limit_is_stopped_in_any_mode() {
        for shown in [
            ProbeResult::Silent,
            ProbeResult::NotLoaded { said: String::new() },
            ProbeResult::OtherCards { seen: Vec::new() },
        ] {
            let proof = Proof { ways: vec![(EntryWay::Exec, shown.clone())] };
            assert_eq!(proof.verdict(false), SplitVerdict::NotEffective { way: EntryWay::Exec, shown });
        }
        let nothing = SplitVerdict::NotEffective { way: EntryWay::Exec, shown: ProbeResult::Silent };
        assert_eq!(Proof::default().verdict(false), nothing, "nothing was tried");
    }

    #[test]
    fn the_environment_comes_first_and_is_lost_on_the_other_ways() {
        assert_eq!(EntryWay::ALL[0], EntryWay::Exec);
        assert_eq!(EntryWay::Exec.command(), ["/bin/sh", "-c", QUESTION]);
        for way in [EntryWay::Login, EntryWay::Empty] {
            assert_eq!(way.command()[..2], ["/usr/bin/env", "-i"]);
        }
        assert!(EntryWay::Login.command().contains(&"-l".to_owned()));
        assert_eq!(link_to_books(), ["ln", "-sfn", "/dev/shm/cudevshr.cache", "/tmp/cudevshr.cache"]);
    }

    #[test]
    fn a_proof_is_read_back() {
        let proof = Proof {
            ways: vec![(EntryWay::Exec, ProbeResult::Limited), (EntryWay::Login, ProbeResult::Silent)],
        };
        let text = serde_json::to_string(&proof).unwrap();
        assert_eq!(text, r#"{"ways":[["exec",{"shown":"limited"}],["login",{"shown":"silent"}]]}"#);
        assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof);
    }
}
