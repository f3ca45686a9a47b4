//! Sockets, certificates and addresses of the server.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("this is not a URL with a scheme and a host", "不是带协议和主机名的 URL"),
    ("the scheme of this URL is neither `https` nor `http`", "URL 的协议不是 `https` 或 `http`"),
    ("this URL has more than a scheme, a host and a port", "URL 只能有协议、主机名和端口"),
    ("cannot listen on `{addr}`", "无法监听 `{addr}`"),
    ("cannot make the socket `{}`", "无法创建套接字 `{}`"),
    ("cannot start threads", "无法启动线程"),
    ("`{}` cannot be read", "无法读取 `{}`"),
    ("`{}` has no certificate in it", "`{}` 中没有证书"),
    ("certificate and key cannot be used together", "证书与私钥不匹配"),
    (
        "a ban is of an address, a network or an account, such as `203.0.113.7`, `2001:db8::/48` or `account:alice`",
        "封禁对象应为地址、网段或账号，例如 `203.0.113.7`、`2001:db8::/48`、`account:alice`",
    ),
];
