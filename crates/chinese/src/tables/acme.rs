//! Certificates by ACME.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("cannot keep certificates", "无法保存证书"),
    ("`{}` cannot be used", "`{}` 无法使用"),
    ("no certificate can be made for the time before the first one", "无法生成首张证书到位之前的临时证书"),
    ("cannot listen on `{address}` for ACME", "无法监听用于 ACME 的 `{address}`"),
    (
        "free the port, let this user bind it, or leave out `tls.acme.http`: the authority then asks by TLS on port 443",
        "请释放该端口、允许当前用户绑定它，或去掉 `tls.acme.http`：证书机构将通过 443 端口的 TLS 验证",
    ),
    (
        "look at the data directory: the server's user must be able to write there",
        "请检查数据目录：服务器用户须能写入",
    ),
    ("look at the data directory: it must have room", "请检查数据目录：须有剩余空间"),
    ("the certificate of the directory's authority cannot be used", "无法使用用于信任 ACME 目录的证书"),
    ("the key is not base64url", "密钥不是 base64url"),
    (
        "copy it as the authority shows it, and keep it out of this file: `env:NAME`",
        "请照证书机构给出的内容复制，且不要写在此文件中：`env:NAME`",
    ),
    ("this is not the URL of an ACME directory", "这不是 ACME 目录的网址"),
    (
        "it begins with `https://` and has no login; leave it out for Let's Encrypt",
        "网址以 `https://` 开头，不含账号密码；使用 Let's Encrypt 时不必写",
    ),
    ("this is not an email address", "这不是电子邮件地址"),
    ("write one address without a name: `ops@example.com`", "请写一个地址，不带姓名：`ops@example.com`"),
    ("this is not an address and a port", "这不是地址和端口"),
    (
        "write `\":80\"` for all addresses of this machine, or one of them: `\"192.0.2.1:80\"`",
        "请写 `\":80\"` 表示本机所有地址，或写其中之一：`\"192.0.2.1:80\"`",
    ),
    ("a certificate comes from files or by ACME, and both are here", "证书来自文件或 ACME，只能选一种"),
    ("take out `cert` and `key`, or `acme`", "请去掉 `cert` 和 `key`，或去掉 `acme`"),
    ("a certificate is for a name, and there is no `public_url`", "证书须对应域名，而这里没有 `public_url`"),
    (
        "say what clients call this server: `public_url: https://m.example.com`",
        "请写明客户端使用的地址：`public_url: https://m.example.com`",
    ),
    ("`{}` is not HTTPS", "`{}` 不是 HTTPS"),
    ("write `public_url` with `https://`", "`public_url` 请以 `https://` 开头"),
    ("no public authority signs a certificate for `{host}`", "公共证书机构不会为 `{host}` 签发证书"),
    (
        "use a name of a domain that is yours, or files: `cert` and `key`",
        "请使用自己域名下的名称，或使用文件：`cert` 和 `key`",
    ),
];
