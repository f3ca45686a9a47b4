//! Secrets by reference, `env:NAME` or `file:PATH`, so that a configuration can be shared.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use secrecy::SecretString;

use super::{
    environment::Environment,
    reader::{
        error::Error,
        place::SourceLocation,
        tree::{ConfigNode, ConfigValue},
    },
    types::Warning,
};

/// Resolves the references wherever a secret is allowed.
///
/// This is the only list of the keys that hold secrets.
pub(super) fn resolve(root: &mut ConfigNode, environment: &Environment) -> Result<Vec<Warning>, Error> {
    let mut resolver = Resolver { environment, warnings: Vec::new() };
    resolver.at(root, &["database"])?;
    resolver.at(root, &["api_token"])?;
    resolver.at(root, &["secrets", "key"])?;
    resolver.at(root, &["tls", "acme", "eab", "hmac"])?;
    resolver.at(root, &["access", "oidc", "client_secret"])?;
    resolver.at(root, &["access", "ldap", "bind_password"])?;
    resolver.at(root, &["blobs", "s3", "access_key"])?;
    resolver.at(root, &["blobs", "s3", "secret_key"])?;
    resolver.webhooks(root)?;
    resolver.trace_headers(root)?;
    let Some(ConfigValue::Map(registries)) = root.get_mut("registries").map(|node| &mut node.value) else {
        return Ok(resolver.warnings);
    };
    for registry in registries {
        for list in ["credentials", "links"] {
            let Some(ConfigValue::List(logins)) = registry.node.get_mut(list).map(|node| &mut node.value)
            else {
                continue;
            };
            for (index, login) in logins.iter_mut().enumerate() {
                for key in ["username", "password"] {
                    resolver.at(login, &[key]).map_err(|error| {
                        let error = error.under(&index.to_string()).under(list);
                        error.under(&registry.key).under("registries")
                    })?;
                }
            }
        }
    }
    Ok(resolver.warnings)
}

/// The secret in a variable that is not a configuration key; `None` if it is not set. It may be a reference as well.
///
/// # Errors
/// The reference leads nowhere.
pub(crate) fn secret_variable(
    name: &str,
    environment: &Environment,
) -> Result<Option<(SecretString, Vec<Warning>)>, Error> {
    let Some(text) = environment.get(name).map(without_line_end).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let mut resolver = Resolver { environment, warnings: Vec::new() };
    let mut node =
        ConfigNode { value: ConfigValue::Text(text.to_owned()), location: SourceLocation::Nowhere };
    resolver.replace(&mut node).map_err(|error| error.under(name))?;
    Ok(node.text().map(|text| (text.into(), resolver.warnings)))
}

struct Resolver<'a> {
    environment: &'a Environment,
    warnings: Vec<Warning>,
}

impl Resolver<'_> {
    fn at(&mut self, node: &mut ConfigNode, path: &[&str]) -> Result<(), Error> {
        let Some((step, rest)) = path.split_first() else { return self.replace(node) };
        match node.get_mut(step) {
            Some(inner) => self.at(inner, rest).map_err(|error| error.under(step)),
            None => Ok(()),
        }
    }

    fn webhooks(&mut self, root: &mut ConfigNode) -> Result<(), Error> {
        let Some(ConfigValue::List(webhooks)) = root.get_mut("webhooks").map(|node| &mut node.value) else {
            return Ok(());
        };
        for (index, webhook) in webhooks.iter_mut().enumerate() {
            for key in ["url", "secret"] {
                let found = self.at(webhook, &[key]);
                found.map_err(|error| error.under(&index.to_string()).under("webhooks"))?;
            }
        }
        Ok(())
    }

    fn trace_headers(&mut self, root: &mut ConfigNode) -> Result<(), Error> {
        let headers = root.get_mut("tracing").and_then(|tracing| tracing.get_mut("headers"));
        let Some(ConfigValue::Map(headers)) = headers.map(|node| &mut node.value) else { return Ok(()) };
        for header in headers {
            let found = self.replace(&mut header.node);
            found.map_err(|error| error.under(&header.key).under("headers").under("tracing"))?;
        }
        Ok(())
    }

    fn replace(&mut self, node: &mut ConfigNode) -> Result<(), Error> {
        let secret = match node.text() {
            None => return Ok(()),
            Some(text) => match text.split_once(':') {
                Some(("env", name)) => self.environment_variable(name, &node.location)?,
                Some(("file", path)) => self.file(Path::new(path), &node.location)?,
                _ => return Ok(()),
            },
        };
        node.value = ConfigValue::Text(secret);
        Ok(())
    }

    fn environment_variable(&self, name: &str, location: &SourceLocation) -> Result<String, Error> {
        match self.environment.get(name).map(without_line_end) {
            Some(secret) if !secret.is_empty() => Ok(secret.to_owned()),
            _ => Err(Error::at(location, format!("environment variable `{name}` is not set"))
                .with_hint("set it where the server is started, or use `file:PATH`")),
        }
    }

    fn file(&mut self, path: &Path, location: &SourceLocation) -> Result<String, Error> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "does not exist",
                io::ErrorKind::PermissionDenied => "may not be read",
                _ => "cannot be read",
            };
            Error::at(location, format!("secret file `{shown}` {why}"))
                .with_hint("the path is seen from where the server is started")
        })?;
        let secret = without_line_end(&text);
        if secret.is_empty() {
            return Err(Error::at(location, format!("secret file `{shown}` is empty")));
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

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_variable_holds_a_secret_or_says_where_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        fs::write(&file, "correct horse\r\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let reference = format!("file:{}", file.display());
        let read = |text: &str| {
            let environment = Environment::from([("SECRET", text), ("OTHER", "another")]);
            let found = secret_variable("SECRET", &environment).map_err(|error| error.to_string())?;
            Ok::<_, String>(found.map(|(text, warnings)| (text.expose_secret().to_owned(), warnings.len())))
        };
        let is = |text: &str, warnings| Ok(Some((text.to_owned(), warnings)));
        assert_eq!(read("a: b #c\n"), is("a: b #c", 0));
        assert_eq!(read("env:OTHER"), is("another", 0));
        assert_eq!(read(&reference), is("correct horse", 1), "others can read it");
        assert_eq!(read(""), Ok(None));
        assert!(read("file:nowhere").unwrap_err().contains("secret file `nowhere` does not exist"));
        assert_eq!(secret_variable("SECRET", &Environment::default()).unwrap().map(|_| ()), None);
    }
}
