//! Documents that name images.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("line {}, column {}: {what}", "第 {} 行第 {} 列：{what}"),
    (
        "the rewritten document would differ in more than its images; it was not written",
        "改写会影响镜像名以外的内容，因此没有写入",
    ),
    ("line {line}: `{pattern}` is not a pattern: {why}", "第 {line} 行：`{pattern}` 不是合法的模式：{why}"),
    ("`{0}` is not a kind of document", "没有文件类型 `{0}`"),
    ("`{first}` and `{second}` would both be `{target}`", "`{first}` 和 `{second}` 都会变成 `{target}`"),
    ("`{0}` is not `OLD=NEW`", "`{0}` 不是 `OLD=NEW` 的形式"),
    ("`{name}` is not an image name: {why}", "`{name}` 不是镜像名：{why}"),
    ("`{0}` has a digest; write the name without it", "`{0}` 带有摘要，请去掉"),
    ("`{0}` sets a tag without saying which tag it replaces", "`{0}` 写了新标签，却没有写它替换哪个标签"),
    ("`{0}` is mapped to two names", "`{0}` 对应了两个名称"),
    ("`{0}` is both an old and a new name", "`{0}` 既是旧名称又是新名称"),
    ("`{0}` is not a registry, with or without a namespace", "`{0}` 不是镜像站（可带命名空间）"),
    (
        "a template begins with the name of a registry, as in `hub.example.com/{{repository}}`; this is `{0}`",
        "模板须以镜像站开头，例如 `hub.example.com/{{repository}}`；这里是 `{0}`",
    ),
    (
        "`{{{0}}}` is not known; there are {{host}}, {{repository}}, {{short}}, {{namespace}}, {{name}} and {{flat}}",
        "没有 `{{{0}}}`；可用的有 {{host}}、{{repository}}、{{short}}、{{namespace}}、{{name}}、{{flat}}",
    ),
    ("`{{` without `}}` in `{0}`", "`{0}` 中有 `{{` 而没有 `}}`"),
    ("`{0}` gives every image the same name", "`{0}` 会让所有镜像同名"),
];
