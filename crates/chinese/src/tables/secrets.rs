//! Sealed values and their keys.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("the key file `{}` does not exist", "密钥文件 `{}` 不存在"),
    ("the key file `{}` cannot be used", "无法使用密钥文件 `{}`"),
    ("the key file `{}` holds no key: {problem}", "密钥文件 `{}` 中没有密钥：{problem}"),
    (
        "the key file `{}` can be read by other users; run `chmod 600 {}`",
        "密钥文件 `{}` 可被其他用户读取，请运行 `chmod 600 {}`",
    ),
    ("the key file `{}` has changed since the start", "密钥文件 `{}` 在启动后被修改"),
    (
        "it is not a key of this program: a key begins with `{LABEL}:`",
        "不是本程序的密钥，密钥以 `{LABEL}:` 开头",
    ),
    ("the key's id is not made of lower-case letters and digits", "密钥编号只能由小写字母和数字组成"),
    ("the key is cut off or damaged", "密钥不完整或已损坏"),
    ("the key `{0}` that sealed it is not here", "没有加密它所用的密钥 `{0}`"),
    ("it was damaged, or belongs to another row", "已损坏，或属于另一条记录"),
    ("the key is part of the configuration, which is not ours to change", "密钥写在配置中，本程序不能修改"),
    ("it is not a sealed value of this program", "不是本程序的加密值"),
];
