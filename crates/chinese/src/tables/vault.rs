//! Stored credentials of other registries.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    (
        "a name has 1 to {MAX_NAME} letters, digits and signs, and no spaces",
        "名称为 1 到 {MAX_NAME} 个字母、数字或符号，不含空格",
    ),
    (
        "a user name has 1 to {MAX_USERNAME} characters, and no `:`",
        "用户名为 1 到 {MAX_USERNAME} 个字符，不含 `:`",
    ),
    ("a password has 1 to {MAX_PASSWORD} bytes", "密码为 1 到 {MAX_PASSWORD} 字节"),
    (
        "the endpoint is not a URL such as `https://registry.example.com`",
        "endpoint 须为 URL，例如 `https://registry.example.com`",
    ),
    (
        "there is nothing to change: give a `username` or a `password`",
        "没有要修改的内容，请给出 `username` 或 `password`",
    ),
    ("the credential is for `{0}` and what is below it", "该凭据只用于 `{0}` 及其下的仓库"),
    ("there is a credential `{0}` already", "凭据 `{0}` 已存在"),
    ("there is no credential `{0}`", "没有凭据 `{0}`"),
    ("it was changed in the meantime; look at it again", "期间已被修改，请重新查看"),
    ("the stored password of `{name}` cannot be used: {source}", "`{name}` 保存的密码无法使用：{source}"),
    ("the registry cannot be set up", "无法初始化镜像站"),
    ("the credentials cannot be read or changed", "无法读取或修改凭据"),
    (
        "the key `{key}` that sealed the credential `{name}` is not here",
        "没有加密凭据 `{name}` 所用的密钥 `{key}`",
    ),
    ("the credentials cannot be read", "无法读取凭据"),
    (
        "the sealed value `{row}` of `{table}` does not open: {source}",
        "无法解密 `{table}` 中的加密值 `{row}`：{source}",
    ),
    ("the sealed values cannot be read or changed", "无法读取或修改加密值"),
];
