//! Logins of this user.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("the logins in `{}` are not used", "未使用 `{}` 中的登录信息"),
    ("the logins in `{}` are not used: this is not such a file", "未使用 `{}` 中的登录信息：不是凭据文件"),
    ("cannot write `{}`", "无法写入 `{}`"),
    ("there is no place to keep a login", "没有保存登录信息的位置"),
    ("the login for `{target}` in `{}` cannot be read", "无法读取 `{}` 中 `{target}` 的登录信息"),
    ("a credential helper has a name that no program of its kind has", "凭据助手的名称不合法"),
    ("the credential helper `{program}`", "凭据助手 `{program}`"),
    ("{helper} for `{server}` cannot be run", "{helper} 无法运行（`{server}`）"),
    ("{helper} failed for `{server}`", "{helper} 对 `{server}` 执行失败"),
    ("{helper} failed for `{server}` with status {code}", "{helper} 对 `{server}` 执行失败，状态码 {code}"),
    ("{helper} gave no answer for `{server}` in {} s", "{helper} 在 {} 秒内没有给出 `{server}` 的结果"),
    (
        "{helper} gave an answer for `{server}` that cannot be read",
        "{helper} 给出的 `{server}` 的结果无法读取",
    ),
    (
        "it must be a JSON file of Docker or podman that this user may read",
        "须为当前用户可读的 Docker 或 podman 的 JSON 文件",
    ),
    ("it must be a file in a directory that this user may write to", "所在目录须允许当前用户写入"),
    (
        "set `HOME`, `DOCKER_CONFIG` or `REGISTRY_AUTH_FILE`",
        "请设置 `HOME`、`DOCKER_CONFIG` 或 `REGISTRY_AUTH_FILE`",
    ),
    ("log in again: `entrepot login {target}`", "请重新登录：`entrepot login {target}`"),
    (
        "look at `credHelpers` and `credsStore` in the credentials file",
        "请检查凭据文件中的 `credHelpers` 和 `credsStore`",
    ),
    (
        "install it somewhere on the `PATH`, or take it out of the credentials file",
        "请安装到 `PATH` 中的目录，或从凭据文件中去掉",
    ),
    ("see what it says: `echo {server} | {program} get`", "查看它的输出：`echo {server} | {program} get`"),
    (
        "see what it waits for: `echo {server} | {program} get`",
        "查看它在等什么：`echo {server} | {program} get`",
    ),
    ("see whether it is one: `{program} version`", "确认它是凭据助手：`{program} version`"),
];
