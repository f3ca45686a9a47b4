//! What runs found out, kept in the catalog. Where that fails, the log says so and the run asks the registry instead.

use std::{fmt::Write, time::SystemTime};

use entrepot_catalog::{Catalog, Error};
use entrepot_oci::Digest;
use entrepot_sync::{Format, Ledger, Shape};
use futures_util::future::BoxFuture;

/// The memory of runs that have a catalog.
#[derive(Clone, Debug)]
pub struct CatalogLedger(Catalog);

impl CatalogLedger {
    /// Kept in `catalog`.
    pub fn new(catalog: Catalog) -> Self {
        Self(catalog)
    }
}

impl Ledger for CatalogLedger {
    fn converted<'a>(&'a self, source: &'a Digest, shape: &'a Shape) -> BoxFuture<'a, Option<Digest>> {
        Box::pin(async move { told(self.0.converted(source, &form(shape)).await).flatten() })
    }

    fn remember<'a>(
        &'a self,
        source: &'a Digest,
        shape: &'a Shape,
        converted: &'a Digest,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            told(self.0.remember_converted(source, &form(shape), converted).await);
        })
    }

    fn verified<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move { told(self.0.is_verified(tag).await).unwrap_or(false) })
    }

    fn verify<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            told(self.0.set_verified(tag, SystemTime::now()).await);
        })
    }
}

fn told<T>(result: Result<T, Error>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(%error, "what runs found out cannot be looked up or kept")).ok()
}

/// A shape as a text: equal texts are equal shapes.
fn form(shape: &Shape) -> String {
    let mut text = match shape.format {
        Format::Keep => "keep",
        Format::Docker => "docker",
    }
    .to_owned();
    if shape.without_attestations {
        text.push_str(" without-attestations");
    }
    let mut platforms: Vec<_> = shape.platforms.iter().map(ToString::to_string).collect();
    platforms.sort_unstable();
    for platform in platforms {
        // Writing to a string does not fail.
        let _ = write!(text, " {platform}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shapes_have_one_text() {
        let shape = |platforms: &[&str]| Shape {
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            format: Format::Docker,
            without_attestations: true,
        };
        assert_eq!(form(&Shape::default()), "keep");
        let text = form(&shape(&["linux/arm64", "linux/amd64"]));
        assert_eq!(text, "docker without-attestations linux/amd64 linux/arm64");
        assert_eq!(text, form(&shape(&["linux/amd64", "linux/arm64"])));
    }
}
