//! Name look-ups that give no private addresses away, so that what is checked is what is connected to.

use std::{io, net::SocketAddr, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{EgressError, Exempt, address};

/// Who knows the addresses behind a name.
type LookUp = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// A resolver behind the gate.
pub(crate) struct Resolver {
    exempt: Arc<Exempt>,
    look_up: LookUp,
}

impl Resolver {
    /// The system's.
    pub(crate) fn new(exempt: Arc<Exempt>) -> Self {
        // The client puts the port in itself.
        let look_up: LookUp =
            |name| async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }.boxed();
        Self { exempt, look_up }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (exempt, look_up) = (Arc::clone(&self.exempt), self.look_up);
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned()).await?;
            let kept =
                if exempt.connects(name.as_str()) { found } else { only_public(name.as_str(), found)? };
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
    use std::sync::atomic::{AtomicUsize, Ordering};

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

    // U21
    #[tokio::test]
    async fn a_name_that_moves_to_a_private_address_is_not_followed_there() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let look_up: LookUp = |_| {
            let moving = ["1.1.1.1", "127.0.0.1"];
            let text = moving[ASKED.fetch_add(1, Ordering::SeqCst) % moving.len()];
            std::future::ready(Ok(addresses(&[text]))).boxed()
        };
        let resolver = Resolver { exempt: Arc::default(), look_up };
        let ask = async || resolver.resolve("a.example".parse().unwrap()).await;
        // The client looks a name up for each connection, and connects to nothing but what comes from here.
        assert_eq!(ask().await.unwrap().collect::<Vec<_>>(), addresses(&["1.1.1.1"]));
        let refused = ask().await.err().unwrap();
        assert!(refused.downcast_ref::<EgressError>().is_some(), "{refused}");
        assert!(ask().await.is_ok());
    }

    #[tokio::test]
    async fn localhost_is_private_unless_it_is_an_endpoint() {
        let ask = async |exempt: Exempt| {
            Resolver::new(Arc::new(exempt)).resolve("localhost".parse().unwrap()).await
        };
        assert!(ask(Exempt::default()).await.is_err());
        let endpoint = "http://localhost:5000".parse().unwrap();
        assert!(ask(Exempt::of(&[endpoint], false)).await.unwrap().count() > 0);
        assert!(ask(Exempt::of(&[], true)).await.unwrap().count() > 0);
    }
}
