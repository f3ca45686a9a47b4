//! What to write, for each tool, to pull an image from here. Pure.

use entrepot_oci::{Host, Reference};
use entrepot_requests::Image;

use super::{here::OwnAddress, home_words::HomeWords};

/// What people pull with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Docker,
    Daemon,
    Containerd,
    Podman,
    K3s,
    Compose,
}

impl Tool {
    pub(super) const ALL: [Self; 6] =
        [Self::Docker, Self::Daemon, Self::Containerd, Self::Podman, Self::K3s, Self::Compose];

    /// Its name in addresses and in the style sheet.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Daemon => "daemon",
            Self::Containerd => "containerd",
            Self::Podman => "podman",
            Self::K3s => "k3s",
            Self::Compose => "compose",
        }
    }

    /// What it is called.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Daemon => "daemon.json",
            Self::Containerd => "containerd",
            Self::Podman => "Podman",
            Self::K3s => "k3s",
            Self::Compose => "Compose",
        }
    }
}

/// A thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommandStep {
    /// Something to know.
    Note(&'static str),
    /// Something to type, and what for.
    Command(&'static str, String),
    /// Something to write into a file.
    File(String, String),
}

/// An image and the server to pull it from.
pub(super) struct PullExample<'a> {
    pub(super) here: &'a OwnAddress,
    pub(super) image: &'a Image,
    /// True if names without a registry are Docker Hub's here, so that this server can stand in for it.
    pub(super) stands_in_for_hub: bool,
    pub(super) words: &'a HomeWords,
}

impl PullExample<'_> {
    /// What to do with a tool.
    pub(super) fn steps(&self, tool: Tool) -> Vec<CommandStep> {
        match tool {
            Tool::Docker => self.docker(),
            Tool::Daemon => self.daemon(),
            Tool::Containerd => self.containerd(),
            Tool::Podman => self.podman(),
            Tool::K3s => self.k3s(),
            Tool::Compose => self.compose(),
        }
    }

    // The name with this server in front.
    fn address(&self) -> String {
        format!("{}/{}", self.here.host(), self.image.name())
    }

    // Docker speaks plain HTTP to loopback addresses, and to others only if it was told to.
    fn needs_consent(&self) -> bool {
        self.here.is_plain() && !self.here.is_loopback()
    }

    fn docker(&self) -> Vec<CommandStep> {
        let (words, image) = (self.words, self.image);
        let mut steps = vec![CommandStep::Command(words.pull, format!("docker pull {}", self.address()))];
        if image.upstream().is_some() && matches!(image.reference(), Reference::Tag(_)) {
            let rename = format!("docker tag {} {}", self.address(), image.familiar());
            steps.push(CommandStep::Command(words.usual_name, rename));
        }
        if self.needs_consent() {
            steps.push(CommandStep::Note(words.consent_first));
        }
        steps
    }

    fn daemon(&self) -> Vec<CommandStep> {
        let (words, mut lines) = (self.words, Vec::new());
        let stands_in = self.image.is_of_docker_hub() && self.stands_in_for_hub;
        if stands_in {
            lines.push(format!(r#"  "registry-mirrors": ["{}"]"#, self.here.url()));
        }
        if self.needs_consent() {
            lines.push(format!(r#"  "insecure-registries": ["{}"]"#, self.here.host()));
        }
        let mut steps = Vec::new();
        if !stands_in {
            steps.push(CommandStep::Note(words.hub_only));
        }
        if lines.is_empty() {
            steps.push(CommandStep::Command(words.pull, format!("docker pull {}", self.address())));
            return steps;
        }
        let name = if stands_in { self.image.familiar() } else { self.address() };
        steps.push(CommandStep::File(
            "/etc/docker/daemon.json".into(),
            format!("{{\n{}\n}}", lines.join(",\n")),
        ));
        steps.push(CommandStep::Command(words.apply, "sudo systemctl reload docker".into()));
        steps.push(CommandStep::Command(words.pull, format!("docker pull {name}")));
        steps
    }

    fn containerd(&self) -> Vec<CommandStep> {
        let (words, url) = (self.words, self.here.url());
        let (directory, server, name) = match self.image.upstream() {
            Some(host) => (host.to_string(), server_of(host), self.image.explicit()),
            None => {
                let name = format!("{}/{}", self.here.host(), self.image.explicit());
                (self.here.host().to_owned(), url.clone(), name)
            }
        };
        let file = format!("/etc/containerd/certs.d/{directory}/hosts.toml");
        let hosts =
            format!("server = \"{server}\"\n\n[host.\"{url}\"]\n  capabilities = [\"pull\", \"resolve\"]");
        vec![
            CommandStep::File(file, hosts),
            CommandStep::Command(words.kubernetes_pulls, format!("sudo crictl pull {name}")),
            CommandStep::Command(
                words.by_hand,
                format!("sudo ctr images pull --hosts-dir /etc/containerd/certs.d {name}"),
            ),
            CommandStep::Note(words.config_path),
        ]
    }

    fn podman(&self) -> Vec<CommandStep> {
        let words = self.words;
        let option = if self.here.is_plain() { "--tls-verify=false " } else { "" };
        let mut steps =
            vec![CommandStep::Command(words.pull, format!("podman pull {option}{}", self.address()))];
        let Some(upstream) = self.image.upstream() else { return steps };
        let insecure = if self.here.is_plain() { "\ninsecure = true" } else { "" };
        let text = format!(
            "[[registry]]\nlocation = \"{upstream}\"\n[[registry.mirror]]\nlocation = \"{}/{upstream}\"{insecure}",
            self.here.host()
        );
        steps.push(CommandStep::Note(words.or_once));
        steps.push(CommandStep::File("/etc/containers/registries.conf.d/entrepot.conf".into(), text));
        steps.push(CommandStep::Command(words.pull, format!("podman pull {}", self.image.name())));
        steps
    }

    fn k3s(&self) -> Vec<CommandStep> {
        let (words, name) = (self.words, self.image.explicit());
        let (registry, name) = match self.image.upstream() {
            Some(host) => (host.as_str(), name),
            None => (self.here.host(), format!("{}/{name}", self.here.host())),
        };
        let text = format!("mirrors:\n  \"{registry}\":\n    endpoint: [\"{}\"]", self.here.url());
        vec![
            CommandStep::File("/etc/rancher/k3s/registries.yaml".into(), text),
            CommandStep::Command(words.apply_k3s, "sudo systemctl restart k3s".into()),
            CommandStep::Command(words.pull, format!("sudo k3s crictl pull {name}")),
        ]
    }

    fn compose(&self) -> Vec<CommandStep> {
        let (words, address) = (self.words, self.address());
        let text = format!("services:\n  {}:\n    image: {address}", self.image.short());
        let mut steps = vec![CommandStep::File("docker-compose.yaml".into(), text)];
        if self.needs_consent() {
            steps.push(CommandStep::Note(words.consent_first));
        }
        let rewrite = format!("entrepot rewrite docker-compose.yaml --to {} --in-place", self.here.host());
        steps.push(CommandStep::Command(words.whole_file, rewrite));
        steps.push(CommandStep::Command(words.dockerfile, format!("FROM {address}")));
        steps
    }
}

fn server_of(host: &Host) -> String {
    let name = if host.is_docker_hub() { "registry-1.docker.io" } else { host.as_str() };
    format!("https://{name}")
}
