//! SSH into instances.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("the host key `{}` cannot be read or made", "无法读取或创建主机密钥 `{}`"),
    ("others can read it: `chmod 600`", "他人可以读取它：请执行 `chmod 600`"),
    ("it is locked by a passphrase", "它带有口令"),
    ("you may not go on here: the account, or its key, has changed", "您已不能继续：账号或其公钥已变更"),
    ("the command is not UTF-8", "命令不是 UTF-8"),
    (
        "there is no `{0}` here; copy files with `scp -O`, `rsync` or `tar`, if the image has them",
        "这里没有 `{0}`；镜像中有 `scp`、`rsync` 或 `tar` 时，请用 `scp -O`、`rsync` 或 `tar` 拷贝文件",
    ),
];
