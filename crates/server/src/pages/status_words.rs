//! The texts of the page about how the service stands, in both languages.

use entrepot_api::{Mode, UpstreamStanding};

use super::words::Language;

/// The texts.
pub(super) struct StatusWords {
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) mode: &'static str,
    pub(super) until: &'static str,
    pub(super) no_tags: &'static str,
    pub(super) disk: &'static str,
    pub(super) upstreams: &'static str,
    pub(super) upstream: &'static str,
    pub(super) state: &'static str,
    pub(super) links: &'static str,
    pub(super) budget: &'static str,
    pub(super) not_told: &'static str,
    pub(super) machines: &'static str,
    language: Language,
}

const ENGLISH: StatusWords = StatusWords {
    title: "Status",
    lead: "How this server stands, and what it offers now.",
    mode: "Mode",
    until: "until",
    no_tags: "Tags of mirrored repositories are not listed now. Pulls work as before.",
    disk: "Disk",
    upstreams: "Upstreams",
    upstream: "Registry",
    state: "When it was asked last",
    links: "Links in use",
    budget: "Pulls left",
    not_told: "not told",
    machines: "For programs: `/api/v1/status`",
    language: Language::English,
};

const CHINESE: StatusWords = StatusWords {
    title: "服务状态",
    lead: "本站的当前状态，以及现在提供哪些服务。",
    mode: "运行模式",
    until: "截止",
    no_tags: "目前不列出代理仓库的标签，拉取不受影响。",
    disk: "磁盘",
    upstreams: "上游",
    upstream: "镜像仓库",
    state: "最近一次访问",
    links: "可用线路",
    budget: "剩余拉取额度",
    not_told: "未说明",
    machines: "供程序读取：`/api/v1/status`",
    language: Language::Chinese,
};

impl StatusWords {
    /// The texts in `language`.
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    /// What a mode is called.
    pub(super) fn name(&self, mode: Mode) -> &'static str {
        match (self.language, mode) {
            (Language::English, Mode::Normal) => "everything",
            (Language::English, Mode::SmallOnly) => "small layers only",
            (Language::English, Mode::CachedOnly) => "cached images only",
            (Language::English, Mode::Closed) => "closed",
            (Language::Chinese, Mode::Normal) => "正常",
            (Language::Chinese, Mode::SmallOnly) => "只下载小的层",
            (Language::Chinese, Mode::CachedOnly) => "只提供已缓存的镜像",
            (Language::Chinese, Mode::Closed) => "已关闭",
        }
    }

    /// What a mode means for whoever pulls; `small` is the largest small layer.
    pub(super) fn meaning(&self, mode: Mode, small: &str) -> String {
        match (self.language, mode) {
            (Language::English, Mode::Normal) => {
                "Images that are not held are fetched from their registries.".to_owned()
            }
            (Language::English, Mode::SmallOnly) => {
                format!("What is held is served. Of the rest, layers up to {small} are fetched.")
            }
            (Language::English, Mode::CachedOnly) => {
                "What is held is served, however old it is. Nothing is fetched from other registries."
                    .to_owned()
            }
            (Language::English, Mode::Closed) => "No images are served.".to_owned(),
            (Language::Chinese, Mode::Normal) => "未缓存的镜像会从上游下载。".to_owned(),
            (Language::Chinese, Mode::SmallOnly) => {
                format!("提供已缓存的内容；其余内容中，不超过 {small} 的层会从上游下载。")
            }
            (Language::Chinese, Mode::CachedOnly) => {
                "只提供已缓存的内容，可能较旧；不从上游下载。".to_owned()
            }
            (Language::Chinese, Mode::Closed) => "暂不提供任何镜像。".to_owned(),
        }
    }

    /// How an upstream was when it was asked last.
    pub(super) fn standing(&self, standing: UpstreamStanding) -> &'static str {
        match (self.language, standing) {
            (Language::English, UpstreamStanding::Unknown) => "not asked yet",
            (Language::English, UpstreamStanding::Up) => "answers",
            (Language::English, UpstreamStanding::Down) => "does not answer",
            (Language::Chinese, UpstreamStanding::Unknown) => "尚未访问",
            (Language::Chinese, UpstreamStanding::Up) => "正常",
            (Language::Chinese, UpstreamStanding::Down) => "无响应",
        }
    }
}
