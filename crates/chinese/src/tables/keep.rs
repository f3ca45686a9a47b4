//! Keep lists.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("there is no keep list `{0}`", "没有常驻列表 `{0}`"),
    ("keep list `{0}` does not run", "常驻列表 `{0}` 没有在运行"),
    ("what is known of keep lists cannot be read or written", "暂时无法读写常驻列表的记录"),
    ("`{name}` is not the name of a list", "`{name}` 不能用作列表名称"),
    ("use letters, digits, `.`, `_` and `-`", "请使用字母、数字、`.`、`_` 和 `-`"),
    ("the list names no image", "列表没有写任何镜像"),
    ("write `images` or `files`, or leave the list out", "请写上 `images` 或 `files`，或去掉这个列表"),
    ("these lines name no repository: {}", "这些行没有写仓库：{}"),
    (
        "a line has a repository with its registry, and perhaps `:` and an expression for tags",
        "每行写一个带镜像站的仓库，后面可写 `:` 和标签的正则表达式",
    ),
    ("`{text}` is not an image: {error}", "`{text}` 不是镜像：{error}"),
    ("`{text}` is no pattern: {error}", "`{text}` 不是模式：{error}"),
];
