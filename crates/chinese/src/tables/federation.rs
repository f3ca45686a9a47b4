//! OpenID providers and LDAP directories.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("this browser did not begin the login", "登录不是从此浏览器开始的"),
    ("the login took too long", "登录超时"),
    ("the login was finished before", "登录此前已完成"),
    (
        "it is not a distinguished name such as `cn=admins,ou=groups,dc=example,dc=org`",
        "不是合法的 DN，例如 `cn=admins,ou=groups,dc=example,dc=org`",
    ),
    ("cannot read the certificates in `{}`", "无法读取 `{}` 中的证书"),
    ("`{}` holds no certificates in PEM format", "`{}` 中没有 PEM 格式的证书"),
    ("cannot set up TLS", "无法初始化 TLS"),
    ("cannot set up the HTTP client", "无法初始化 HTTP 客户端"),
    ("the OpenID provider at `{host}` does not answer: {why}", "OpenID 提供方 `{host}` 没有响应：{why}"),
    ("the OpenID provider answers wrongly for its {what}: {why}", "OpenID 提供方的响应有误（{what}）：{why}"),
    (
        "the configuration says `issuer: {configured}`, and the provider there calls itself `{told}`",
        "配置为 `issuer: {configured}`，而提供方自称 `{told}`",
    ),
    ("the provider's {what} may not be contacted: {why}", "不允许访问提供方的 {what}：{why}"),
    ("cannot use the keys in `{}`: {why}", "无法使用 `{}` 中的密钥：{why}"),
    (
        "the OpenID provider does not accept this client: {0}; are `client_id` and `client_secret` right?",
        "OpenID 提供方不接受此客户端：{0}；请检查 `client_id` 和 `client_secret`",
    ),
    ("the OpenID provider refuses the login: {0}", "OpenID 提供方拒绝登录：{0}"),
    (
        "the provider's userinfo endpoint speaks of somebody else than its ID token",
        "提供方的 userinfo 与 ID 令牌不是同一用户",
    ),
    (
        "the provider left out the groups because there are too many for a token (claim `{claim}`)",
        "组过多，提供方没有把它们写入令牌（声明 `{claim}`）",
    ),
    ("the LDAP directory at `{host}` does not answer: {why}", "LDAP 目录 `{host}` 没有响应：{why}"),
    ("the LDAP directory refuses our bind as `{who}`: {why}", "LDAP 目录拒绝以 `{who}` 绑定：{why}"),
    ("the LDAP directory refuses {what}: {why}", "LDAP 目录拒绝{what}：{why}"),
    ("several entries of the LDAP directory match this user name", "LDAP 目录中有多个条目匹配此用户名"),
    ("it is not an LDAP filter such as `(uid={{user}})`", "不是合法的 LDAP 过滤器，例如 `(uid={{user}})`"),
    (
        "it has neither `{{user}}` nor `{{dn}}`, so it would find the same for everybody",
        "其中没有 `{{user}}` 或 `{{dn}}`，对所有人的查询结果都相同",
    ),
    ("it is not a signed JSON Web Token", "不是已签名的 JWT"),
    ("the token's algorithm `{0}` is not accepted", "不接受令牌的签名算法 `{0}`"),
    ("the token's header asks for something that is not supported", "令牌头部要求了不支持的功能"),
    (
        "the token is signed with a key that its issuer does not publish",
        "令牌的签名密钥不在签发方公布的密钥中",
    ),
    ("the token was issued by `{0}`", "令牌由 `{0}` 签发"),
    ("the token is for somebody else: its audience is {0}", "令牌不是给本服务的，其 audience 为 {0}"),
    ("the token is not valid yet; are the clocks right?", "令牌尚未生效，请检查时钟"),
    ("the token has no usable claim `{0}`", "令牌中没有可用的声明 `{0}`"),
    ("the token belongs to another login", "令牌属于另一次登录"),
];
