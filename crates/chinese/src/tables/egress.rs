//! Addresses that somebody else supplied.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("not a URL with a host", "不是带主机名的 URL"),
    ("`{scheme}:` URLs are not allowed", "不允许 `{scheme}:` 地址"),
    ("URLs with a user name or password are not allowed", "URL 中不允许写用户名或密码"),
    (
        "`{host}` would be contacted without TLS after a server with TLS",
        "前一个服务器使用 TLS，而访问 `{host}` 将不使用 TLS",
    ),
    ("`{host}` is at a private address", "`{host}` 是内网地址"),
    ("`{host}` is the proxy in use", "`{host}` 是正在使用的代理"),
    ("`{host}` has another origin than the response that named it", "`{host}` 与给出该地址的响应不同源"),
];
