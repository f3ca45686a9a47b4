//! Secrets by reference, `env:NAME` or `file:PATH`, so that a configuration can be shared.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use super::{
    environment::Environment,
    reader::{
        error::Error,
        place::Place,
        tree::{Node, Value},
    },
    types::Warning,
};

/// Resolves the references wherever a secret is allowed.
///
/// This is the only list of the keys that hold secrets.
pub(super) fn resolve(root: &mut Node, environment: &Environment) -> Result<Vec<Warning>, Error> {
    let mut resolver = Resolver { environment, warnings: Vec::new() };
    resolver.at(root, &["database"])?;
    resolver.at(root, &["api_token"])?;
    resolver.at(root, &["secrets", "key"])?;
    resolver.at(root, &["blobs", "s3", "access_key"])?;
    resolver.at(root, &["blobs", "s3", "secret_key"])?;
    let Some(Value::Map(registries)) = root.get_mut("registries").map(|node| &mut node.value) else {
        return Ok(resolver.warnings);
    };
    for registry in registries {
        let Some(Value::List(credentials)) = registry.node.get_mut("credentials").map(|node| &mut node.value)
        else {
            continue;
        };
        for (index, credential) in credentials.iter_mut().enumerate() {
            for key in ["username", "password"] {
                resolver.at(credential, &[key]).map_err(|error| {
                    let error = error.under(&index.to_string()).under("credentials");
                    error.under(&registry.key).under("registries")
                })?;
            }
        }
    }
    Ok(resolver.warnings)
}

struct Resolver<'a> {
    environment: &'a Environment,
    warnings: Vec<Warning>,
}

impl Resolver<'_> {
    fn at(&mut self, node: &mut Node, path: &[&str]) -> Result<(), Error> {
        let Some((step, rest)) = path.split_first() else { return self.replace(node) };
        match node.get_mut(step) {
            Some(inner) => self.at(inner, rest).map_err(|error| error.under(step)),
            None => Ok(()),
        }
    }

    fn replace(&mut self, node: &mut Node) -> Result<(), Error> {
        let secret = match node.text() {
            None => return Ok(()),
            Some(text) => match text.split_once(':') {
                Some(("env", name)) => self.environment_variable(name, &node.place)?,
                Some(("file", path)) => self.file(Path::new(path), &node.place)?,
                _ => return Ok(()),
            },
        };
        node.value = Value::Text(secret);
        Ok(())
    }

    fn environment_variable(&self, name: &str, place: &Place) -> Result<String, Error> {
        match self.environment.get(name).map(without_line_end) {
            Some(secret) if !secret.is_empty() => Ok(secret.to_owned()),
            _ => Err(Error::at(place, format!("environment variable `{name}` is not set"))
                .with_hint("set it where the server is started, or use `file:PATH`")),
        }
    }

    fn file(&mut self, path: &Path, place: &Place) -> Result<String, Error> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "does not exist",
                io::ErrorKind::PermissionDenied => "may not be read",
                _ => "cannot be read",
            };
            Error::at(place, format!("secret file `{shown}` {why}"))
                .with_hint("the path is seen from where the server is started")
        })?;
        let secret = without_line_end(&text);
        if secret.is_empty() {
            return Err(Error::at(place, format!("secret file `{shown}` is empty")));
        }
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
            self.warnings.push(Warning {
                what: format!("secret file `{shown}` can be read by others"),
                hint: format!("run `chmod 600 {shown}`"),
            });
        }
        Ok(secret.to_owned())
    }
}

// Editors and `echo` add one, which belongs to no secret.
fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\n', '\r'])
}
