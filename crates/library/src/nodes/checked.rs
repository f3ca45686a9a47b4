//! What people say about a node, checked as a whole. Pure.

use entrepot_catalog::NodeSettings;
use entrepot_engine::{Address, Endpoint, HostPath, Tls};
use url::{Host, Url};

use super::{
    faults::NodeFault,
    limits::{MAX_CARDS, MAX_NAME, MAX_REMARK},
};
use crate::text;

/// What people say about a node, with nothing wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct CheckedNode {
    settings: NodeSettings,
    endpoint: Endpoint,
}

impl CheckedNode {
    /// Checks what people say about a node, with the certificates that it is reached with.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn new(settings: NodeSettings, tls: Option<Tls>) -> Result<Self, Vec<NodeFault>> {
        let mut faults = general(&settings);
        let address = settings.address.parse::<Address>().map_err(NodeFault::Address);
        let endpoint = address.and_then(|address| Endpoint::new(address, tls).map_err(NodeFault::Endpoint));
        match endpoint {
            Ok(endpoint) if faults.is_empty() => {
                // As everybody writes it.
                let settings = NodeSettings { address: endpoint.address().to_string(), ..settings };
                Ok(Self { settings, endpoint })
            }
            Ok(_) => Err(faults),
            Err(fault) => {
                faults.push(fault);
                Err(faults)
            }
        }
    }

    /// What people say about it.
    pub(crate) fn settings(&self) -> &NodeSettings {
        &self.settings
    }

    /// Where its engine is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

fn general(node: &NodeSettings) -> Vec<NodeFault> {
    let mut faults = Vec::new();
    let mut wrong = |is_wrong: bool, fault: NodeFault| faults.extend(is_wrong.then_some(fault));
    wrong(!is_name(&node.name), NodeFault::Name);
    wrong(!node.region.is_empty() && !text::is_line(&node.region, MAX_NAME), NodeFault::Region);
    wrong(node.public_host.as_deref().is_some_and(|host| Host::parse(host).is_err()), NodeFault::PublicHost);
    wrong(node.mirror_url.as_deref().is_some_and(|url| !is_base(url)), NodeFault::MirrorUrl);
    if let Err(error) = node.hami_core.parse::<HostPath>() {
        wrong(true, NodeFault::HamiCore(error));
    }
    wrong(node.ascend_cards > MAX_CARDS, NodeFault::AscendCards);
    let says_model = node.ascend_cards > 0 || !node.ascend_model.is_empty();
    wrong(says_model && !text::is_line(&node.ascend_model, MAX_NAME), NodeFault::AscendModel);
    wrong(!text::is_prose(&node.remark, MAX_REMARK), NodeFault::Remark);
    faults
}

// Not a number: those are ids.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_NAME).contains(&name.len()) && name.as_bytes()[0].is_ascii_alphabetic() && name.bytes().all(fits)
}

fn is_base(url: &str) -> bool {
    url.parse::<Url>().is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

#[cfg(test)]
pub(crate) fn example(name: &str, address: &str) -> NodeSettings {
    NodeSettings {
        name: name.to_owned(),
        region: "north".to_owned(),
        address: address.to_owned(),
        public_host: None,
        pull_via: entrepot_catalog::PullVia::Mirror,
        mirror_url: None,
        hami_core: super::limits::DEFAULT_HAMI_CORE.to_owned(),
        strict_split: false,
        drained: false,
        ascend_cards: 0,
        ascend_model: String::new(),
        ascend_memory_mib: None,
        remark: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use entrepot_engine::{AddressError, EndpointError, PathError};

    use super::*;

    fn node() -> NodeSettings {
        example("gpu-1", "unix:///run/docker.sock")
    }

    fn faults(settings: NodeSettings) -> Vec<NodeFault> {
        CheckedNode::new(settings, None).err().unwrap_or_default()
    }

    #[test]
    fn a_node_has_one_form_of_its_address() {
        let tcp = CheckedNode::new(example("a", "tcp://LOCALHOST"), None).unwrap();
        assert_eq!(tcp.settings().address, "tcp://localhost:2376");
        assert_eq!(tcp.endpoint().address().to_string(), "tcp://localhost:2376");
        let said = NodeSettings {
            public_host: Some("gpu.example.com".into()),
            mirror_url: Some("http://10.0.0.5:5000".into()),
            ascend_cards: 8,
            ascend_model: "Ascend 910B4".into(),
            region: String::new(),
            ..node()
        };
        assert_eq!(CheckedNode::new(said.clone(), None).unwrap().settings(), &said);
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let wrong = NodeSettings {
            name: "7".into(),
            region: "a\nb".into(),
            address: "http://x".into(),
            public_host: Some("a b".into()),
            mirror_url: Some("http://m/path".into()),
            hami_core: "build".into(),
            ascend_cards: 65,
            remark: "x".repeat(1001),
            ..node()
        };
        let found = faults(wrong);
        let expected = [
            NodeFault::Name,
            NodeFault::Region,
            NodeFault::PublicHost,
            NodeFault::MirrorUrl,
            NodeFault::HamiCore(PathError::Form),
            NodeFault::AscendCards,
            NodeFault::AscendModel,
            NodeFault::Remark,
            NodeFault::Address(AddressError::Scheme),
        ];
        assert_eq!(found, expected);
        let fields: Vec<_> = found.into_iter().map(NodeFault::field).collect();
        assert_eq!(
            fields.join(" "),
            "name region public_host mirror_url hami_core ascend.cards ascend.model remark address"
        );
    }

    #[test]
    fn each_field_has_its_bounds() {
        for (settings, expected) in [
            (NodeSettings { name: String::new(), ..node() }, NodeFault::Name),
            (NodeSettings { name: "a".repeat(64), ..node() }, NodeFault::Name),
            (NodeSettings { name: "a/b".into(), ..node() }, NodeFault::Name),
            (example("a", "tcp://10.0.0.1"), NodeFault::Endpoint(EndpointError::WithoutTls)),
            (NodeSettings { mirror_url: Some("ftp://m".into()), ..node() }, NodeFault::MirrorUrl),
            (NodeSettings { mirror_url: Some("http://u:p@m".into()), ..node() }, NodeFault::MirrorUrl),
            (NodeSettings { ascend_cards: 1, ..node() }, NodeFault::AscendModel),
        ] {
            assert_eq!(faults(settings.clone()), [expected], "{settings:?}");
        }
    }
}
