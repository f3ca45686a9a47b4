//! What somebody asks of a new instance, looked over as a whole. Pure.

use std::{collections::BTreeSet, time::SystemTime};

use serde::{Deserialize, Serialize};

use super::{settings::InstanceSettings, snapshot::Snapshot};
use crate::{
    ids::{EntryId, NodeId, SpecId},
    split::{self, EnvironmentFault, Variable},
};

/// The longest name, key and region, in characters.
const MAX_NAME: usize = 63;
const MAX_KEY: usize = 128;
/// The most words of a command, and the longest of all together in bytes.
const MAX_WORDS: usize = 256;
const MAX_COMMAND: usize = 32 << 10;

/// What somebody asks of a new instance.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// Its name; without one, it gets the entry's with a number.
    pub name: Option<String>,
    /// The entry that it runs.
    pub entry: EntryId,
    /// The spec that it gets.
    pub spec: SpecId,
    /// The node; without one, that with the best fit.
    pub node: Option<NodeId>,
    /// The region; without one, any.
    pub region: Option<String>,
    /// The same key makes no second instance.
    pub request_key: Option<String>,
    /// What the container is made with.
    pub settings: RunSettings,
    /// When it is to be stopped.
    pub stop_at: Option<SystemTime>,
    /// When it is to be removed.
    pub release_at: Option<SystemTime>,
}

/// What the container of an instance is made with, besides entry and spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSettings {
    /// Variables.
    #[serde(default)]
    pub environment: Vec<(String, String)>,
    /// What it starts, in place of the image's.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// The ports of the container that are published.
    #[serde(default)]
    pub ports: Vec<u16>,
    /// Its data volume; without one, it gets one of its own.
    #[serde(default)]
    pub volume: Option<String>,
    /// Where the data volume is; `None`: it has none.
    #[serde(default = "data_path")]
    pub data: Option<String>,
    /// True if its volumes go with it when it is removed.
    #[serde(default)]
    pub removes_volumes: bool,
}

/// What is wrong with a request. All faults are told at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunFault {
    /// The name is none.
    #[error("a name has 1 to 63 letters, digits, `-` and `_`, and begins with a letter or digit")]
    Name,
    /// The key is none.
    #[error("a request key has 1 to 128 printable characters")]
    RequestKey,
    /// The operator allows no variables.
    #[error("variables are not allowed here")]
    NoEnvironment,
    /// A variable may not be set.
    #[error(transparent)]
    Environment(EnvironmentFault),
    /// The operator allows no commands.
    #[error("the command of an image cannot be replaced here")]
    NoCommand,
    /// The command is none.
    #[error("a command has 1 to 256 words, 32 KiB in all, and no zero byte")]
    Command,
    /// Too many ports.
    #[error("at most {0} ports can be published")]
    TooManyPorts(usize),
    /// A port that is none, or is named twice.
    #[error("a port is a number from 1 to 65535, and is named once")]
    Port,
    /// Data may not be there.
    #[error("a data volume is at an absolute path, and not over the system: `/data`")]
    Data,
    /// It would end before it begins.
    #[error("the time is in the past")]
    Past(&'static str),
    /// The spec splits cards, and the entry does not allow that.
    #[error("the spec `{spec}` has parts of cards, and the entry `{entry}` does not support that")]
    NotSplit {
        /// The spec.
        spec: String,
        /// The entry.
        entry: String,
    },
}

impl RunFault {
    /// The field of the request that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::RequestKey => "request_key",
            Self::NoEnvironment | Self::Environment(_) => "environment",
            Self::NoCommand | Self::Command => "command",
            Self::TooManyPorts(_) | Self::Port => "ports",
            Self::Data => "data",
            Self::Past(field) => field,
            Self::NotSplit { .. } => "entry",
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the field's default")]
fn data_path() -> Option<String> {
    Some("/data".to_owned())
}

impl RunSettings {
    /// What somebody gets who says nothing: a data volume at `/data`.
    pub fn usual() -> Self {
        Self { data: data_path(), ..Self::default() }
    }

    /// The variables.
    pub(crate) fn variables(&self) -> Vec<Variable> {
        let read = |(name, value): &(String, String)| Variable { name: name.clone(), value: value.clone() };
        self.environment.iter().map(read).collect()
    }

    /// What is stored of it.
    pub(crate) fn written(&self) -> String {
        // Texts and numbers always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What was stored.
    ///
    /// # Errors
    /// It is none of ours.
    pub(crate) fn read(text: &str) -> Result<Self, entrepot_catalog::Error> {
        serde_json::from_str(text)
            .map_err(|_| entrepot_catalog::Error::Content { what: "setting of an instance" })
    }
}

/// Looks a request over, beside the entry and the spec that it names. Returns all faults.
pub(crate) fn faults(
    request: &RunRequest,
    snapshot: &Snapshot,
    settings: &InstanceSettings,
    now: SystemTime,
) -> Vec<RunFault> {
    let mut faults = Vec::new();
    let mut fault = |is_wrong: bool, fault: RunFault| faults.extend(is_wrong.then_some(fault));
    fault(request.name.as_deref().is_some_and(|name| !is_name(name)), RunFault::Name);
    fault(request.request_key.as_deref().is_some_and(|key| !is_key(key)), RunFault::RequestKey);
    for (field, at) in [("stop_at", request.stop_at), ("release_at", request.release_at)] {
        fault(at.is_some_and(|at| at <= now), RunFault::Past(field));
    }
    faults.extend(of_settings(&request.settings, snapshot, settings));
    faults.extend(of_split(snapshot));
    faults
}

fn of_settings(asked: &RunSettings, snapshot: &Snapshot, settings: &InstanceSettings) -> Vec<RunFault> {
    let mut faults = Vec::new();
    let mut fault = |is_wrong: bool, fault: RunFault| faults.extend(is_wrong.then_some(fault));
    fault(!settings.environment && !asked.environment.is_empty(), RunFault::NoEnvironment);
    fault(!settings.commands && asked.command.is_some(), RunFault::NoCommand);
    fault(asked.command.as_deref().is_some_and(|command| !is_command(command)), RunFault::Command);
    fault(asked.ports.len() > settings.max_ports, RunFault::TooManyPorts(settings.max_ports));
    let different: BTreeSet<_> = asked.ports.iter().collect();
    fault(different.len() < asked.ports.len() || different.contains(&0), RunFault::Port);
    let is_path = |path: &str| path.parse::<entrepot_engine::ContainerPath>().is_ok();
    fault(asked.data.as_deref().is_some_and(|path| !is_path(path)), RunFault::Data);
    let refused = split::check(&asked.variables(), snapshot.spec.is_split());
    faults.extend(refused.err().map(RunFault::Environment));
    faults
}

/// What is wrong with an entry for a spec.
pub(super) fn of_split(snapshot: &Snapshot) -> Option<RunFault> {
    let Snapshot { entry, spec } = snapshot;
    let is_wrong = spec.is_split() && !entry.memory_split;
    is_wrong.then(|| RunFault::NotSplit { spec: spec.name.clone(), entry: entry.name.clone() })
}

/// True for the name of an instance.
pub(crate) fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphanumeric());
    begins
        && name.len() <= MAX_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// A name for an instance of this entry, which is known by the number `number`.
pub(crate) fn usual_name(entry: &str, number: u64) -> String {
    let letters = entry.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let name: String = letters.collect::<String>().trim_matches('-').chars().take(MAX_NAME - 9).collect();
    let name = if name.is_empty() { "instance" } else { &name };
    format!("{}-{:08x}", name.to_ascii_lowercase(), number & 0xffff_ffff)
}

fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.chars().count()) && !key.contains(char::is_control)
}

fn is_command(words: &[String]) -> bool {
    let length: usize = words.iter().map(String::len).sum();
    (1..=MAX_WORDS).contains(&words.len())
        && length <= MAX_COMMAND
        && !words[0].is_empty()
        && !words.iter().any(|word| word.contains('\0'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::instances::sample;

    fn request() -> RunRequest {
        RunRequest {
            name: Some("train-1".to_owned()),
            entry: 1.try_into().unwrap(),
            spec: 1.try_into().unwrap(),
            node: None,
            region: None,
            request_key: None,
            settings: RunSettings::usual(),
            stop_at: None,
            release_at: None,
        }
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
    }

    fn found(request: &RunRequest) -> Vec<RunFault> {
        faults(request, &sample::snapshot(Some(8192)), &InstanceSettings::default(), now())
    }

    fn settings(change: impl FnOnce(&mut RunSettings)) -> Vec<RunFault> {
        let mut request = request();
        change(&mut request.settings);
        found(&request)
    }

    #[test]
    fn a_plain_request_is_fine() {
        assert_eq!(found(&request()), []);
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_fields() {
        let mut wrong = request();
        wrong.name = Some("a b".to_owned());
        wrong.request_key = Some(String::new());
        wrong.stop_at = Some(now());
        wrong.settings.ports = vec![22, 22];
        wrong.settings.environment = vec![("LD_PRELOAD".to_owned(), "x".to_owned())];
        wrong.settings.command = Some(Vec::new());
        wrong.settings.data = Some("/etc".to_owned());
        let fields: Vec<_> = found(&wrong).iter().map(RunFault::field).collect();
        assert_eq!(fields, ["name", "request_key", "stop_at", "command", "ports", "data", "environment"]);
    }

    #[test]
    fn what_the_operator_does_not_allow_is_refused() {
        let mut asked = request();
        asked.settings.command = Some(vec!["sh".to_owned()]);
        asked.settings.environment = vec![("A".to_owned(), "1".to_owned())];
        asked.settings.ports = vec![1, 2, 3];
        assert_eq!(found(&asked), []);
        let strict = InstanceSettings {
            commands: false,
            environment: false,
            max_ports: 2,
            ..InstanceSettings::default()
        };
        let refused = faults(&asked, &sample::snapshot(None), &strict, now());
        assert_eq!(refused, [RunFault::NoEnvironment, RunFault::NoCommand, RunFault::TooManyPorts(2)]);
    }

    #[test]
    fn ports_commands_and_paths_have_bounds() {
        assert_eq!(settings(|asked| asked.ports = vec![0]), [RunFault::Port]);
        for command in [vec![String::new()], vec!["a\0".to_owned()], vec!["x".repeat(MAX_COMMAND + 1)]] {
            assert_eq!(settings(|asked| asked.command = Some(command)), [RunFault::Command]);
        }
        for path in ["data", "/proc/x", "/a/../b", "/"] {
            assert_eq!(settings(|asked| asked.data = Some(path.to_owned())), [RunFault::Data], "{path}");
        }
        assert_eq!(settings(|asked| asked.data = None), []);
    }

    #[test]
    fn parts_of_cards_need_an_entry_that_supports_them() {
        let mut whole = sample::snapshot(None);
        whole.entry.memory_split = false;
        assert_eq!(of_split(&whole), None);
        let mut split = sample::snapshot(Some(8192));
        split.entry.memory_split = false;
        let fault = RunFault::NotSplit { spec: "a100-8g".to_owned(), entry: "torch".to_owned() };
        assert_eq!(of_split(&split), Some(fault));
    }

    #[test]
    fn names_are_made_of_what_an_entry_is_called() {
        for (entry, name) in [
            ("PyTorch 2.4", "pytorch-2-4-00000007"),
            ("镜像", "instance-00000007"),
            (&"x".repeat(300), &format!("{}-00000007", "x".repeat(54))),
        ] {
            assert_eq!(usual_name(entry, 7), name);
            assert!(is_name(name));
        }
    }

    #[test]
    fn settings_are_read_back() {
        let settings =
            RunSettings { ports: vec![22], command: Some(vec!["a".to_owned()]), ..RunSettings::usual() };
        assert_eq!(RunSettings::read(&settings.written()).unwrap(), settings);
        assert_eq!(RunSettings::read("{}").unwrap(), RunSettings::usual());
        assert!(RunSettings::read("7").is_err());
    }
}
