//! The words of the guide, in two languages.

/// A language of the guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuideLanguage {
    /// 中文
    #[default]
    Chinese,
    /// English
    English,
}

/// What the guide says.
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) intro: &'static str,
    pub(crate) address: &'static str,
    pub(crate) note: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) all_tags: &'static str,
    pub(crate) upstream: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) examples: &'static str,
    pub(crate) from: &'static str,
    pub(crate) notes: &'static str,
    pub(crate) platforms: &'static str,
    pub(crate) docker: &'static str,
    pub(crate) status: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) schedule: &'static str,
    pub(crate) last: &'static str,
    pub(crate) in_sync: &'static str,
    pub(crate) never: &'static str,
    pub(crate) by_hand: &'static str,
    pub(crate) hourly: &'static str,
    pub(crate) daily: &'static str,
    pub(crate) weekly: &'static str,
    pub(crate) find: &'static str,
    pub(crate) any_registry: &'static str,
    pub(crate) in_browser: &'static str,
    pub(crate) questions: &'static str,
    pub(crate) missing: (&'static str, &'static str),
    pub(crate) request: (&'static str, &'static str),
    pub(crate) updated: &'static str,
    pub(crate) list_end: &'static str,
    pub(crate) colon: &'static str,
}

const CHINESE: Words = Words {
    title: "镜像地址指引（按项目分类）",
    intro: "本文档按项目分类列出所有可用的容器镜像地址，方便用户根据项目需求找到所需的镜像。",
    address: "地址",
    note: "说明",
    scope: "标签范围",
    all_tags: "所有标签",
    upstream: "上游源",
    copy: "同步副本",
    usage: "使用建议",
    examples: "使用示例",
    from: "从 {} 拉取",
    notes: "注意事项",
    platforms: "平台",
    docker: "Docker 格式，摘要与上游不同",
    status: "同步状态",
    rule: "规则",
    schedule: "同步频率",
    last: "最近同步",
    in_sync: "同步率",
    never: "尚未同步",
    by_hand: "手动",
    hourly: "每小时一次",
    daily: "每天一次",
    weekly: "每周一次",
    find: "如何查找标签？",
    any_registry: "任意镜像站",
    in_browser: "可通过浏览器访问",
    questions: "常见问题",
    missing: (
        "如果某个标签在目标处找不到怎么办？",
        "可能是同步尚未完成，请等待下一次同步后再次检查，或手动触发同步：`entrepot sync`。",
    ),
    request: ("如何请求同步新的镜像？", "在规则文件的 `sync` 中添加新的规则，并提交 Pull Request。"),
    updated: "最后更新",
    list_end: "、",
    colon: "：",
};

const ENGLISH: Words = Words {
    title: "Where to pull images from, by project",
    intro: "Every address that an image can be pulled from, project by project.",
    address: "Address",
    note: "Note",
    scope: "Tags",
    all_tags: "all tags",
    upstream: "source",
    copy: "copy",
    usage: "Which one to use",
    examples: "Examples",
    from: "from {}",
    notes: "Good to know",
    platforms: "platforms",
    docker: "Docker's format, so that digests differ from the source's",
    status: "How it stands",
    rule: "Rule",
    schedule: "How often",
    last: "Last sync",
    in_sync: "In sync",
    never: "not yet",
    by_hand: "by hand",
    hourly: "every hour",
    daily: "every day",
    weekly: "every week",
    find: "How to find tags",
    any_registry: "Any registry",
    in_browser: "in a browser:",
    questions: "Questions",
    missing: (
        "A tag is missing at one of the addresses. What now?",
        "It may not have been copied yet: look again after the next sync, or start one: `entrepot sync`.",
    ),
    request: (
        "How can another image be added?",
        "Add a rule under `sync` in the file of rules, and send a pull request.",
    ),
    updated: "Last updated",
    list_end: ", ",
    colon: ": ",
};

impl GuideLanguage {
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::Chinese => &CHINESE,
            Self::English => &ENGLISH,
        }
    }

    /// `三个可用地址`
    pub(crate) fn addresses(self, count: usize) -> String {
        const NUMERALS: [&str; 11] = ["零", "一", "两", "三", "四", "五", "六", "七", "八", "九", "十"];
        match (self, NUMERALS.get(count)) {
            (Self::Chinese, Some(numeral)) => format!("{numeral}个可用地址"),
            (Self::Chinese, None) => format!("{count} 个可用地址"),
            (Self::English, _) => format!("{count} addresses"),
        }
    }

    /// `（从 Docker Hub 同步）`
    pub(crate) fn synced_from(self, name: &str) -> String {
        match self {
            Self::Chinese => format!("（从 {name} 同步）"),
            Self::English => format!(" (from {name})"),
        }
    }
}
