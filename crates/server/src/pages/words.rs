//! The texts of the pages in both languages, and the choice of the reader's language.

use std::borrow::Cow;

use http::{HeaderMap, header};

use crate::query;

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// Takes the language from `?lang=`, then from the browser's preference, then English.
    pub(crate) fn of(query: &str, headers: &HeaderMap) -> Self {
        let asked = query::find(query, "lang").and_then(|asked| Self::read(&asked));
        asked.or_else(|| preferred(headers)).unwrap_or(Self::English)
    }

    fn read(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        match first.trim().to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The code for `lang` attributes and `?lang=`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }

    /// The language that pages offer beside this one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// The same language in the crate `guide`.
    pub(crate) fn of_guide(self) -> entrepot_guide::GuideLanguage {
        match self {
            Self::English => entrepot_guide::GuideLanguage::English,
            Self::Chinese => entrepot_guide::GuideLanguage::Chinese,
        }
    }

    /// An error's text in this language, as far as it is known there, and the language that it is in.
    pub(crate) fn told(self, english: &str) -> (Cow<'_, str>, &'static str) {
        match (self, entrepot_chinese::said(english)) {
            (Self::Chinese, Cow::Owned(text)) => (Cow::Owned(text), "zh"),
            _ => (Cow::Borrowed(english), "en"),
        }
    }

    pub(crate) fn words(self) -> &'static PageWords {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }
}

// The supported language of greatest weight; the first one on a tie (RFC 9110 §12.5.4).
fn preferred(headers: &HeaderMap) -> Option<Language> {
    let said = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best = None;
    for range in said.split(',') {
        let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        if let Some(language) = Language::read(tag)
            && weight > 0.0
            && best.is_none_or(|(_, most)| weight > most)
        {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

/// The texts of the pages.
pub(crate) struct PageWords {
    pub(crate) home: &'static str,
    pub(crate) guide: &'static str,
    pub(crate) guide_lead: &'static str,
    pub(crate) syncs: &'static str,
    pub(crate) syncs_lead: &'static str,
    pub(crate) other_language: &'static str,
    pub(crate) theme: &'static str,
    pub(crate) contents: &'static str,
    pub(crate) others: &'static str,
    pub(crate) source: &'static str,
    pub(crate) tags: &'static str,
    pub(crate) all_tags: &'static str,
    pub(crate) notes: &'static str,
    pub(crate) usage: &'static str,
    pub(crate) pull: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) not_copied: &'static str,
    pub(crate) fill: &'static str,
    pub(crate) tag_hole: &'static str,
    pub(crate) last_sync: &'static str,
    pub(crate) next_sync: &'static str,
    pub(crate) never: &'static str,
    pub(crate) by_hand: &'static str,
    pub(crate) in_sync: &'static str,
    pub(crate) behind: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) details: &'static str,
    pub(crate) run_now: &'static str,
    pub(crate) run_elsewhere: &'static str,
    pub(crate) stop: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) looking: &'static str,
    pub(crate) copying: &'static str,
    pub(crate) done: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) cancelled: &'static str,
    pub(crate) interrupted: &'static str,
    pub(crate) postponed: &'static str,
    pub(crate) missing: &'static str,
    pub(crate) history: &'static str,
    pub(crate) history_head: [&'static str; 7],
    pub(crate) causes: [&'static str; 3],
    pub(crate) more: &'static str,
    pub(crate) rules: &'static str,
    pub(crate) copies: &'static str,
    pub(crate) rate: &'static str,
    pub(crate) no_rules: &'static str,
    pub(crate) no_rules_hint: &'static str,
    pub(crate) no_copies: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) token: &'static str,
    pub(crate) token_hint: &'static str,
    pub(crate) ok: &'static str,
    pub(crate) cancel: &'static str,
    pub(crate) markdown: &'static str,
    pub(crate) log: &'static str,
    pub(crate) badge: &'static str,
    pub(crate) api: &'static str,
    pub(crate) here: &'static str,
}

const ENGLISH: PageWords = PageWords {
    home: "Pull an image",
    guide: "Image addresses",
    guide_lead: "Every address an image can be pulled from, by category.",
    syncs: "Sync",
    syncs_lead: "What is copied where, and how it stands.",
    other_language: "中文",
    theme: "Light / dark",
    contents: "Contents",
    others: "Other images",
    source: "source",
    tags: "Tags",
    all_tags: "all tags",
    notes: "Good to know",
    usage: "Which one to use",
    pull: "Pull",
    copy: "Copy",
    copied: "Copied",
    not_copied: "Not copied",
    fill: "Tag to put into the commands",
    tag_hole: "[tag]",
    last_sync: "Last sync",
    next_sync: "Next",
    never: "not yet",
    by_hand: "when asked to",
    in_sync: "in sync",
    behind: "behind",
    unknown: "not synced yet",
    details: "State of every tag",
    run_now: "Run now",
    run_elsewhere: "Runs are begun and stopped on the server's machine, with `entrepot sync run NAME`; or here, once `api_token` is set in its configuration.",
    stop: "Stop",
    waiting: "waiting its turn",
    looking: "looking",
    copying: "copying",
    done: "done",
    failed: "failed",
    cancelled: "cancelled",
    interrupted: "interrupted",
    postponed: "postponed",
    missing: "not wanted there",
    history: "History",
    history_head: ["Began", "Why", "Outcome", "Copied", "Equal", "Failed", "Written"],
    causes: ["schedule", "catching up", "asked for"],
    more: "More",
    rules: "rules",
    copies: "copies",
    rate: "in sync",
    no_rules: "Nothing is synced yet.",
    no_rules_hint: "Name what to copy under `sync` in the configuration.",
    no_copies: "No run has looked at this rule yet.",
    refused: "The configuration was changed and cannot be used; what was in force before is still.",
    token: "Token",
    token_hint: "What `api_token` says in the server's configuration. It is kept until this tab is closed.",
    ok: "OK",
    cancel: "Cancel",
    markdown: "as Markdown",
    log: "sync log",
    badge: "badge",
    api: "API",
    here: "this server",
};

const CHINESE: PageWords = PageWords {
    home: "拉取镜像",
    guide: "镜像地址指引",
    guide_lead: "按项目分类列出所有可用的镜像地址。",
    syncs: "同步状态",
    syncs_lead: "哪些镜像同步到哪里，当前状态如何。",
    other_language: "English",
    theme: "浅色 / 深色",
    contents: "目录",
    others: "其他镜像",
    source: "上游源",
    tags: "标签范围",
    all_tags: "所有标签",
    notes: "注意事项",
    usage: "使用建议",
    pull: "拉取示例",
    copy: "复制",
    copied: "已复制",
    not_copied: "复制失败",
    fill: "填入命令中的标签",
    tag_hole: "[tag]",
    last_sync: "上次同步",
    next_sync: "下次",
    never: "尚未同步",
    by_hand: "手动触发",
    in_sync: "已同步",
    behind: "有滞后",
    unknown: "尚未同步",
    details: "每个标签的状态",
    run_now: "立即同步",
    run_elsewhere: "请在服务所在的机器上用 `entrepot sync run 规则名` 启动和停止同步；或在配置中设置 `api_token`，之后即可在此页面操作。",
    stop: "停止",
    waiting: "排队中",
    looking: "检查中",
    copying: "复制中",
    done: "完成",
    failed: "失败",
    cancelled: "已取消",
    interrupted: "被中断",
    postponed: "推迟",
    missing: "不同步到此处",
    history: "历史记录",
    history_head: ["开始时间", "触发方式", "结果", "已复制", "已一致", "失败", "写入"],
    causes: ["定时", "补跑", "手动"],
    more: "更多",
    rules: "条规则",
    copies: "个副本",
    rate: "同步率",
    no_rules: "还没有同步规则。",
    no_rules_hint: "请在配置文件的 `sync` 中写明要同步的镜像。",
    no_copies: "此规则尚未运行过。",
    refused: "配置已修改但无法使用，目前仍沿用之前的配置。",
    token: "令牌",
    token_hint: "即服务器配置中 `api_token` 的值。关闭此标签页后即忘记。",
    ok: "确定",
    cancel: "取消",
    markdown: "Markdown 版",
    log: "同步日志",
    badge: "徽章",
    api: "接口说明",
    here: "本站",
};

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn chosen(query: &str, accept: &str) -> Language {
        let headers =
            HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_str(accept).unwrap())]);
        Language::of(query, &headers)
    }

    #[test]
    fn the_reader_chooses() {
        use Language::{Chinese, English};
        assert_eq!(chosen("lang=zh", "en"), Chinese);
        assert_eq!(chosen("lang=zh-CN", "en"), Chinese);
        assert_eq!(chosen("lang=xx", "zh-CN,zh;q=0.9,en;q=0.8"), Chinese);
        assert_eq!(chosen("", "en;q=0.5, zh-TW;q=0.7"), Chinese);
        assert_eq!(chosen("", "en-US,en;q=0.9,zh;q=0.8"), English);
        assert_eq!(chosen("", "zh;q=0, fr"), English);
        assert_eq!(chosen("", "fr, de"), English);
        assert_eq!(Language::of("", &HeaderMap::new()), English);
    }
}
