//! Traces.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("this is not the address of a collector", "这不是 collector 的地址"),
    (
        "write the address of the collector: `http://127.0.0.1:4318`",
        "请写 collector 的地址：`http://127.0.0.1:4318`",
    ),
    ("this is not a share", "这不是比例"),
    ("write `100%`, `10%` or `0.1%`", "写成 `100%`、`10%` 或 `0.1%`"),
    ("this is not the name of a header", "这不是请求头的名称"),
    ("this cannot be the value of a header", "这不能作为请求头的值"),
    ("write `{authorization: \"env:NAME\"}`", "写成 `{authorization: \"env:NAME\"}`"),
];
