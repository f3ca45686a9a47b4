//! The message of a ready `serve`: its address, and how to pull.

use std::{fmt, net::SocketAddr};

use entrepot_oci::Host;

/// The greeting. `Display` writes it, newline included.
pub(crate) struct Greeting<'a> {
    /// The listen address.
    pub(crate) address: SocketAddr,
    /// True if the server uses TLS.
    pub(crate) tls: bool,
    /// The upstream for names without a registry.
    pub(crate) default_upstream: &'a Host,
    /// The prefixes that accept pushes.
    pub(crate) hosted: &'a [String],
    /// Also print it in Chinese.
    pub(crate) chinese: bool,
}

impl Greeting<'_> {
    // The registry part of image names, for a client on this machine.
    fn here(&self) -> String {
        let port = self.address.port();
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("localhost:{port}"),
            _ => self.address.to_string(),
        }
    }
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = self.here();
        let scheme = if self.tls { "https" } else { "http" };
        let example = if self.default_upstream.is_docker_hub() { "library/nginx" } else { "NAME" };
        writeln!(f, "entrepot listens on {scheme}://{}", self.address)?;
        writeln!(f, "  pull:  docker pull {here}/{}/{example}", self.default_upstream)?;
        match self.hosted.first() {
            Some(prefix) => writeln!(f, "  push:  docker push {here}/{prefix}NAME")?,
            None => writeln!(f, "  push:  nowhere: no `hosted` prefix is configured")?,
        }
        writeln!(
            f,
            "  stand in for {} in Docker's daemon:  \"registry-mirrors\": [\"{scheme}://{here}\"]",
            self.default_upstream
        )?;
        if self.chinese {
            writeln!(
                f,
                "  拉取镜像：docker pull {here}/{}/{example}，首次经由上游，之后走本地缓存",
                self.default_upstream
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(address: &str, tls: bool, chinese: bool) -> String {
        let default_upstream = &Host::docker_hub();
        let hosted = &["local/".to_owned()];
        Greeting { address: address.parse().unwrap(), tls, default_upstream, hosted, chinese }.to_string()
    }

    #[test]
    fn says_how_to_pull() {
        assert_eq!(
            greeting("127.0.0.1:5000", false, false),
            "entrepot listens on http://127.0.0.1:5000
  pull:  docker pull 127.0.0.1:5000/docker.io/library/nginx
  push:  docker push 127.0.0.1:5000/local/NAME
  stand in for docker.io in Docker's daemon:  \"registry-mirrors\": [\"http://127.0.0.1:5000\"]
"
        );
        let everywhere = greeting("[::]:443", true, true);
        assert!(
            everywhere
                .starts_with("entrepot listens on https://[::]:443\n  pull:  docker pull localhost:443/")
        );
        assert!(everywhere.ends_with("，首次经由上游，之后走本地缓存\n"));
    }
}
