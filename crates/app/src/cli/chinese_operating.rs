//! The help texts of the commands about how a mirror stands, in 中文.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    (
        "Show which mode a mirror is in, or set it: how much is on offer",
        "查看或设置运行模式，即本站提供多少服务",
    ),
    (
        "Show how many pulls upstreams still allow, account by account; exit code 1 if one counts an account as an address",
        "按账号显示各上游剩余的拉取额度；若有上游把账号按地址计算，退出码为 1",
    ),
    ("The mode to set by hand; `auto` takes back what was set", "要手动设置的模式；`auto` 撤销之前的设置"),
    ("For how long, such as `2h`; without it, until it is taken back", "持续时间，例如 `2h`；不写则直到撤销"),
    ("Why: those who are refused are told", "原因，会告知被拒绝的人"),
    ("Whether tags of mirrored repositories are listed", "是否列出代理仓库的标签"),
    ("Whether `/v2/_catalog` may be asked", "是否可以查询 `/v2/_catalog`"),
];
