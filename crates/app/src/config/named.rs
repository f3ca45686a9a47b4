//! Opens the files that a configuration names: certificates and keys, and the certificates of other registries. Secrets and
//! rules are read with the configuration itself.

use std::{error::Error as StdError, iter};

use entrepot_remote::Remote;

use super::{
    reader::{error::Error, place::SourceLocation, tree::ConfigNode},
    types::{Config, Tls},
};

const PEM: &str = "the file is PEM; the path is seen from where the server is started";

/// What is wrong with the files. `root` is what the configuration was built from.
pub(super) fn check(config: &Config, root: &ConfigNode) -> Vec<Error> {
    let fault = |path: &[&str], what: String| {
        let place = root.at(path).map_or(SourceLocation::Nowhere, |node| node.location.clone());
        path.iter().rev().fold(Error::at(&place, what), |error, step| error.under(step))
    };
    let tls = match &config.tls {
        Some(Tls::Files(files)) => entrepot_server::check_certificate(files).err().map(|error| {
            fault(&["tls"], chain(&error))
                .with_hint("both files are PEM; the paths are seen from where the server is started")
        }),
        Some(Tls::Acme(settings)) => settings
            .check_ca()
            .err()
            .map(|error| fault(&["tls", "acme", "directory_ca"], chain(&error)).with_hint(PEM)),
        None => None,
    };
    let with_ca = config.registries.iter().filter(|(_, registry)| registry.remote.ca.is_some());
    let registries = with_ca.filter_map(|(host, registry)| {
        let error = Remote::new(host.clone(), &registry.remote).err()?;
        let fault = fault(&["registries", host.as_str(), "ca"], chain(&error));
        Some(fault.with_hint(PEM))
    });
    tls.into_iter().chain(registries).collect()
}

// The error and its causes.
fn chain(error: &dyn StdError) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
