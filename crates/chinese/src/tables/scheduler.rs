//! Rules that are due, and their runs.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("there is no rule `{0}`", "没有规则 `{0}`"),
    ("there is no run `{0}`", "没有同步 `{0}`"),
    ("run `{0}` has ended", "同步 `{0}` 已结束"),
    ("rule `{rule}` is running for another image", "规则 `{rule}` 正在同步另一个镜像"),
    ("rule `{rule}` does not copy from `{image}`", "规则 `{rule}` 的来源不含 `{image}`"),
    ("rule `{rule}` does not copy the tag `{tag}`", "规则 `{rule}` 不复制标签 `{tag}`"),
    (
        "the lock on the database is lost, and no sync begins without it",
        "数据库锁已丢失，在重新取得之前不会开始同步",
    ),
    ("the server is shutting down", "服务正在退出"),
    ("the listener did not keep up", "接收方跟不上"),
    ("this should not have happened; the server's log says more", "出现了意外错误，详见服务器日志"),
    ("it differs, and its tag never changes there", "内容不同，而目标处的标签不允许改变"),
    ("the source's budget is used up; it is renewed in {}", "来源的拉取限额已用完，{} 后恢复"),
    ("the source's budget is used up", "来源的拉取限额已用完"),
    ("there is no list of tags `{0}`", "没有标签列表 `{0}`"),
    (
        "the list of tags `{id}` does not wait for a decision: it is {}",
        "标签列表 `{id}` 不在等待决定：状态为 {}",
    ),
    ("the list of tags `{0}` is too old to be decided about", "标签列表 `{0}` 已过期，不能再决定"),
    ("the list of tags `{0}` is not the one that was seen", "标签列表 `{0}` 不是所看到的那一份"),
];
