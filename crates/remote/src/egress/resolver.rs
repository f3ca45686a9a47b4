//! Name look-ups that give no private addresses away, so that what is checked is what is connected to.

use std::{net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{EgressError, Exempt, address};

/// The system's resolver behind the gate.
pub(crate) struct Resolver(pub(crate) Arc<Exempt>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let exempt = Arc::clone(&self.0);
        Box::pin(async move {
            // The client puts the port in itself.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept = if exempt.name(name.as_str()) { found } else { only_public(name.as_str(), found)? };
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

fn only_public(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, EgressError> {
    let some = !found.is_empty();
    let kept: Vec<_> = found.into_iter().filter(|address| address::is_public(address.ip())).collect();
    if kept.is_empty() && some {
        return Err(EgressError::PrivateAddress { host: name.to_owned() });
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn of_two_addresses_only_the_public_one_is_used() {
        let kept = only_public("a.example", addresses(&["127.0.0.1", "1.1.1.1"])).unwrap();
        assert_eq!(kept, addresses(&["1.1.1.1"]));
        assert!(matches!(
            only_public("a.example", addresses(&["10.0.0.1", "::1"])),
            Err(EgressError::PrivateAddress { host }) if host == "a.example"
        ));
        assert!(only_public("a.example", Vec::new()).unwrap().is_empty());
    }

    #[tokio::test]
    async fn localhost_is_private_unless_it_is_an_endpoint() {
        let ask =
            async |exempt: Exempt| Resolver(Arc::new(exempt)).resolve("localhost".parse().unwrap()).await;
        assert!(ask(Exempt::default()).await.is_err());
        let endpoint = "http://localhost:5000".parse().unwrap();
        assert!(ask(Exempt::of(&[endpoint], false)).await.unwrap().count() > 0);
        assert!(ask(Exempt::of(&[], true)).await.unwrap().count() > 0);
    }
}
