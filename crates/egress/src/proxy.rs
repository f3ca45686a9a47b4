//! The proxies that the environment configures.

use url::Url;

/// The proxies that the variables `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` name, in upper or lower case, as reqwest
/// reads them. Values that are not URLs are left out.
pub fn environment_proxies() -> impl Iterator<Item = Url> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    names.into_iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        let full = if value.contains("://") { value } else { format!("http://{value}") };
        full.parse().ok()
    })
}
