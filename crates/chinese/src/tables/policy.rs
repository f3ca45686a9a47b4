//! Rules about what may be pulled.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    (
        "this is a number in a time, such as `120/m`, `20/s` or `600/h`, and may go on: `120/m burst 300`",
        "应为一段时间内的次数，例如 `120/m`、`20/s`、`600/h`，后面可写突发量：`120/m burst 300`",
    ),
    (
        "this is a number of bytes in a time, such as `20GiB/h` or `2TiB/d`, and may go on: `20GiB/h burst 60GiB`",
        "应为一段时间内的字节数，例如 `20GiB/h`、`2TiB/d`，后面可写突发量：`20GiB/h burst 60GiB`",
    ),
    (
        "a mode is one of `normal`, `small-only`, `cached-only`, `closed`",
        "模式为 `normal`、`small-only`、`cached-only`、`closed` 之一",
    ),
    ("the disk is {} full or more", "磁盘已用 {} 或更多"),
    ("an upstream has {} of our pulls left or less", "某个上游的剩余拉取额度不超过 {}"),
    ("the load is {} or more", "负载达到 {} 或更高"),
    ("this is a part, such as `95%` or `0.5%`", "应为百分比，例如 `95%` 或 `0.5%`"),
    ("a condition has one of `disk`, `budget` and `load`", "条件须写 `disk`、`budget`、`load` 之一"),
    (
        "a condition leads to `small-only`, `cached-only` or `closed`",
        "条件的模式须为 `small-only`、`cached-only` 或 `closed`",
    ),
    ("`back` is where the condition ends: {0}", "`back` 是条件结束的位置：{0}"),
    ("a greater part than where it begins", "须大于开始的位置"),
    ("a smaller part than where it begins", "须小于开始的位置"),
    ("less than `100%`", "须小于 `100%`"),
    ("more than `0%`", "须大于 `0%`"),
    ("a part of the whole is more than `0%` and at most `100%`", "百分比须大于 `0%`，最多 `100%`"),
    ("this is one line of 500 characters at most", "应为一行，最多 500 个字符"),
    ("`{text}` is not a rule: {error}", "`{text}` 不是规则：{error}"),
    (
        "a rule begins with a registry, as in `docker.io/library/nginx` or `docker.io/acme/**`",
        "规则须以镜像站开头，例如 `docker.io/library/nginx` 或 `docker.io/acme/**`",
    ),
    (
        "this names a registry and no image of it; for all of them write `/**` behind it",
        "只写了镜像站，没有写镜像；全部镜像请在后面加 `/**`",
    ),
    ("no repository can have this name: {0}", "仓库不能用这个名称：{0}"),
    ("a rule has a tag or a digest, not both", "规则只能写标签或摘要之一"),
    ("this is 403, or 451 for what is denied by law", "应为 403，因法律原因禁止的为 451"),
    ("a pattern, or keys with `image`", "模式，或含 `image` 的键值"),
    ("`{subject}` is allowed by `{}`, line {} of `{}`", "`{subject}` 由 `{}` 允许（第 {} 行，`{}`）"),
    (
        "`{subject}` is allowed: no rule denies it, and there is no allow list",
        "允许 `{subject}`：没有规则禁止它，也没有允许列表",
    ),
    (
        "some images of `{subject}` may be pulled; hint: add a tag to see whether that one may",
        "`{subject}` 的部分镜像可以拉取；提示：加上标签可查询具体的镜像",
    ),
    ("`{image}` is not in the allow list (`{list}`)", "`{image}` 不在允许列表中（`{list}`）"),
    (
        "`{image}` is not in the allow list; of its repository `{list}` allows `{}`",
        "`{image}` 不在允许列表中；`{list}` 在该仓库中允许 `{}`",
    ),
    (
        "`{image}` is not known to belong to what `{list}` allows of its repository, such as `{}`",
        "无法确定 `{image}` 属于 `{list}` 在该仓库中允许的内容，例如 `{}`",
    ),
    ("the nearest rule is `{}`, line {}", "最接近的规则是 `{}`，第 {} 行"),
    ("pull it by its tag first", "请先用标签拉取"),
    ("ask here: {}", "请联系：{}"),
    ("`{image}` is denied by `{}` of `{}`", "`{image}` 被 `{}` 禁止（`{}`）"),
];
