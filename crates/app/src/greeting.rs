//! The message of a ready `serve`: its address, and how to pull.

use std::{fmt, net::SocketAddr};

use entrepot_access::Verbs;
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
    /// What anybody may do to public repositories.
    pub(crate) anonymous: Verbs,
    /// What programs on this machine may do beside that.
    pub(crate) local: Verbs,
    /// True if there is anything to log in with.
    pub(crate) has_logins: bool,
    /// Print it in Chinese.
    pub(crate) chinese: bool,
}

const FIRST_PASSWORD: &str = "nobody can yet; set the first password:  entrepot account password admin";
const FIRST_PASSWORD_ZH: &str = "还没有人可以登录，设置第一个密码：entrepot account password admin";

fn may(verbs: Verbs, nothing: &str) -> String {
    if verbs.is_empty() { nothing.to_owned() } else { verbs.to_string().replace(',', ", ") }
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
        let pull = format!("docker pull {here}/{}/{example}", self.default_upstream);
        let push = self.hosted.first().map(|prefix| format!("docker push {here}/{prefix}NAME"));
        let setting = format!("\"registry-mirrors\": [\"{scheme}://{here}\"]");
        let log_in = format!("docker login {here}");
        if self.chinese {
            writeln!(f, "entrepot 正在监听 {scheme}://{}", self.address)?;
            writeln!(f, "  网页：{scheme}://{here}/ 有各种客户端的用法")?;
            writeln!(f, "  拉取：{pull}")?;
            writeln!(f, "  推送：{}", push.as_deref().unwrap_or("未配置 `hosted` 前缀，不接受推送"))?;
            let nothing = "什么也不能做";
            writeln!(
                f,
                "  权限：任何人 {}，本机程序 {}",
                may(self.anonymous, nothing),
                may(self.local, nothing)
            )?;
            writeln!(f, "  登录：{}", if self.has_logins { &log_in } else { FIRST_PASSWORD_ZH })?;
            return writeln!(f, "  让 Docker 用它加速 {}：{setting}", self.default_upstream);
        }
        writeln!(f, "entrepot listens on {scheme}://{}", self.address)?;
        writeln!(f, "  page:  {scheme}://{here}/ says how, for every client")?;
        writeln!(f, "  pull:  {pull}")?;
        writeln!(f, "  push:  {}", push.as_deref().unwrap_or("nowhere: no `hosted` prefix is configured"))?;
        let nothing = "nothing";
        writeln!(
            f,
            "  access: anybody may {}, programs on this machine may {}",
            may(self.anonymous, nothing),
            may(self.local, nothing)
        )?;
        writeln!(f, "  login: {}", if self.has_logins { &log_in } else { FIRST_PASSWORD })?;
        writeln!(f, "  stand in for {} in Docker's daemon:  {setting}", self.default_upstream)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(address: &str, tls: bool, chinese: bool) -> String {
        let default_upstream = &Host::docker_hub();
        let hosted = &["local/".to_owned()];
        let anonymous = "pull".parse().unwrap();
        let local = if tls { Verbs::NONE } else { Verbs::ALL };
        Greeting {
            address: address.parse().unwrap(),
            tls,
            default_upstream,
            hosted,
            anonymous,
            local,
            has_logins: tls,
            chinese,
        }
        .to_string()
    }

    #[test]
    fn says_how_to_pull() {
        assert_eq!(
            greeting("127.0.0.1:5000", false, false),
            "entrepot listens on http://127.0.0.1:5000
  page:  http://127.0.0.1:5000/ says how, for every client
  pull:  docker pull 127.0.0.1:5000/docker.io/library/nginx
  push:  docker push 127.0.0.1:5000/local/NAME
  access: anybody may pull, programs on this machine may pull, push, delete, request
  login: nobody can yet; set the first password:  entrepot account password admin
  stand in for docker.io in Docker's daemon:  \"registry-mirrors\": [\"http://127.0.0.1:5000\"]
"
        );
        let everywhere = greeting("[::]:443", true, true);
        assert!(everywhere.starts_with("entrepot 正在监听 https://[::]:443\n"), "{everywhere}");
        assert!(
            everywhere.contains("  拉取：docker pull localhost:443/docker.io/library/nginx\n"),
            "{everywhere}"
        );
        assert!(everywhere.contains("  权限：任何人 pull，本机程序 什么也不能做\n"), "{everywhere}");
        assert!(everywhere.contains("  登录：docker login localhost:443\n"), "{everywhere}");
    }
}
