//! The check of the IP addresses behind a name, at the moment of connecting.

use std::{io, net::SocketAddr, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{address, error::Error, exemptions::Exemptions};

// Looks up the addresses of a name; tests have their own.
type LookUp = fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// A name resolver for `reqwest` that leaves private addresses out, unless the name is exempt.
///
/// The client connects only to addresses from here, so a name cannot pass the check and lead elsewhere afterwards. A name
/// with private addresses alone fails with [`Error::PrivateAddress`], which is among the sources of the client's error.
pub struct Resolver {
    exemptions: Arc<Exemptions>,
    look_up: LookUp,
}

impl Resolver {
    pub(crate) fn new(exemptions: Arc<Exemptions>) -> Self {
        // The client sets the port itself.
        let look_up: LookUp =
            |name| async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }.boxed();
        Self { exemptions, look_up }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (exemptions, look_up) = (Arc::clone(&self.exemptions), self.look_up);
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned()).await?;
            let is_exempt = exemptions.allows_connection(name.as_str());
            let kept = if is_exempt { found } else { only_public(name.as_str(), found)? };
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

fn only_public(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Error> {
    let was_found = !found.is_empty();
    let kept: Vec<_> = found.into_iter().filter(|address| address::is_public(address.ip())).collect();
    if kept.is_empty() && was_found {
        return Err(Error::PrivateAddress { host: name.to_owned() });
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
            Err(Error::PrivateAddress { host }) if host == "a.example"
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
        let resolver = Resolver { exemptions: Arc::default(), look_up };
        let ask = async || resolver.resolve("a.example".parse().unwrap()).await;
        // The client looks a name up for each connection, and connects only to what is returned here.
        assert_eq!(ask().await.unwrap().collect::<Vec<_>>(), addresses(&["1.1.1.1"]));
        let refused = ask().await.err().unwrap();
        assert!(refused.downcast_ref::<Error>().is_some(), "{refused}");
        assert!(ask().await.is_ok());
    }

    #[tokio::test]
    async fn localhost_is_private_unless_it_is_configured() {
        let ask = async |exemptions: Exemptions| {
            Resolver::new(Arc::new(exemptions)).resolve("localhost".parse().unwrap()).await
        };
        assert!(ask(Exemptions::default()).await.is_err());
        let configured = "http://localhost:5000".parse().unwrap();
        assert!(ask(Exemptions::new(&[configured])).await.unwrap().count() > 0);
        assert!(ask(Exemptions::default().with_private_network(true)).await.unwrap().count() > 0);
    }
}
