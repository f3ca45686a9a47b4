//! Events as sentences, in both languages. Pure.

use bytesize::ByteSize;
use entrepot_events::{
    BudgetLow, CardFree, CertificateFailed, DiskLow, Event, ModeChanged, PruneWaiting, RequestDone,
    RequestResult, ScrubFound, SyncRun,
};
use entrepot_oci::printable;
use serde::Deserialize;

/// The language of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum MessageLanguage {
    /// English.
    #[serde(rename = "en")]
    English,
    /// 中文.
    #[serde(rename = "zh")]
    Chinese,
}

impl MessageLanguage {
    /// As it is written in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }
}

/// The event in a sentence. What comes from others is in it as one line, with nothing hidden.
pub(crate) fn sentence(event: &Event, language: MessageLanguage) -> String {
    let sentence = match language {
        MessageLanguage::English => english(event),
        MessageLanguage::Chinese => chinese(event),
    };
    printable(&sentence).into_owned()
}

fn english(event: &Event) -> String {
    match event {
        Event::SyncFailed(SyncRun { rule, failed, problem: None, .. }) => {
            format!("the sync `{rule}` failed: {failed} {}", copies(*failed))
        }
        Event::SyncFailed(SyncRun { rule, problem: Some(problem), .. }) => {
            format!("the sync `{rule}` failed: {problem}")
        }
        Event::SyncBehind(SyncRun { rule, postponed, .. }) => {
            format!("the sync `{rule}` is behind: {postponed} {} put off", copies_are(*postponed))
        }
        Event::SyncRecovered(SyncRun { rule, .. }) => format!("the sync `{rule}` is in order again"),
        Event::PruneWaiting(PruneWaiting { id, rule, tags, some }) => format!(
            "the sync `{rule}` found {tags} {} that no rule writes, such as {}: see `entrepot sync prune show {id}`",
            if *tags == 1 { "tag" } else { "tags" },
            some.join(", "),
        ),
        Event::RequestDone(RequestDone { image, result, problem, .. }) => match (result, problem) {
            (RequestResult::Done, _) => format!("`{image}` was requested, and is here"),
            (RequestResult::Cancelled, _) => format!("the request for `{image}` was taken back"),
            (RequestResult::Failed, None) => format!("`{image}` was requested, and cannot be fetched"),
            (RequestResult::Failed, Some(why)) => {
                format!("`{image}` was requested, and cannot be fetched: {why}")
            }
        },
        Event::BudgetLow(BudgetLow { registry, account, remaining, limit }) => {
            let whose = account.as_ref().map(|name| format!(" for `{name}`")).unwrap_or_default();
            format!("{registry} allows only {remaining} of {limit} pulls more{whose} in this window")
        }
        Event::DiskLow(DiskLow { free, size }) => {
            format!("the disk is nearly full: {} of {} are free", bytes(*free), bytes(*size))
        }
        Event::ModeChanged(ModeChanged { from, to, cause }) => {
            format!("the mode is `{to}` now, and was `{from}`: {cause}")
        }
        Event::ScrubFound(ScrubFound { checked, wrong, repaired }) => {
            format!("of {checked} stored files {wrong} were wrong, and {repaired} of these were repaired")
        }
        Event::CardFree(CardFree { spec, free, accounts }) => {
            format!("`{spec}` is free ({free}), for {}", accounts.join(", "))
        }
        Event::CertificateFailed(CertificateFailed { problem, good_for: Some(seconds) }) => {
            format!("no new certificate: {problem}; the one in use is good for {}", left(*seconds, "h", "d"))
        }
        Event::CertificateFailed(CertificateFailed { problem, good_for: None }) => {
            format!("no certificate: {problem}; clients see one that nobody trusts")
        }
        Event::Test {} => "this is a test: the webhook works".to_owned(),
    }
}

fn chinese(event: &Event) -> String {
    match event {
        Event::SyncFailed(SyncRun { rule, failed, problem: None, .. }) => {
            format!("同步规则 `{rule}` 失败：{failed} 个镜像未能复制")
        }
        Event::SyncFailed(SyncRun { rule, problem: Some(problem), .. }) => {
            format!("同步规则 `{rule}` 失败：{problem}")
        }
        Event::SyncBehind(SyncRun { rule, postponed, .. }) => {
            format!("同步规则 `{rule}` 落后：{postponed} 个镜像推迟复制")
        }
        Event::SyncRecovered(SyncRun { rule, .. }) => format!("同步规则 `{rule}` 已恢复正常"),
        Event::PruneWaiting(PruneWaiting { id, rule, tags, some }) => format!(
            "同步规则 `{rule}` 发现 {tags} 个没有规则写入的标签，例如 {}：请查看 `entrepot sync prune show {id}`",
            some.join("、"),
        ),
        Event::RequestDone(RequestDone { image, result, problem, .. }) => match (result, problem) {
            (RequestResult::Done, _) => format!("申请的镜像 `{image}` 已就绪"),
            (RequestResult::Cancelled, _) => format!("对镜像 `{image}` 的申请已撤回"),
            (RequestResult::Failed, None) => format!("申请的镜像 `{image}` 无法获取"),
            (RequestResult::Failed, Some(why)) => format!("申请的镜像 `{image}` 无法获取：{why}"),
        },
        Event::BudgetLow(BudgetLow { registry, account, remaining, limit }) => {
            let whose = account.as_ref().map(|name| format!("（账号 `{name}`）")).unwrap_or_default();
            format!("{registry}{whose}的拉取额度即将用完：本时段 {limit} 次，剩余 {remaining} 次")
        }
        Event::DiskLow(DiskLow { free, size }) => {
            format!("磁盘将满：共 {}，剩余 {}", bytes(*size), bytes(*free))
        }
        Event::ModeChanged(ModeChanged { from, to, cause }) => {
            format!("运行模式由 `{from}` 变为 `{to}`：{cause}")
        }
        Event::ScrubFound(ScrubFound { checked, wrong, repaired }) => {
            format!("校验了 {checked} 个存储文件，{wrong} 个有误，其中 {repaired} 个已修复")
        }
        Event::CardFree(CardFree { spec, free, accounts }) => {
            format!("规格 `{spec}` 已有空闲（{free} 个），等待者：{}", accounts.join("、"))
        }
        Event::CertificateFailed(CertificateFailed { problem, good_for: Some(seconds) }) => {
            format!("未能续期证书：{problem}；当前证书剩余有效期 {}", left(*seconds, " 小时", " 天"))
        }
        Event::CertificateFailed(CertificateFailed { problem, good_for: None }) => {
            format!("未能取得证书：{problem}；客户端看到的是无人信任的证书")
        }
        Event::Test {} => "这是一条测试消息：Webhook 工作正常".to_owned(),
    }
}

fn copies(number: u64) -> &'static str {
    if number == 1 { "image was not copied" } else { "images were not copied" }
}

fn copies_are(number: u64) -> &'static str {
    if number == 1 { "image is" } else { "images are" }
}

// Whole days, or hours where it is less than two days.
fn left(seconds: u64, hours: &str, days: &str) -> String {
    let of_hours = seconds / 3600;
    if of_hours < 48 { format!("{of_hours}{hours}") } else { format!("{}{days}", of_hours / 24) }
}

fn bytes(number: u64) -> String {
    ByteSize(number).display().iec().to_string()
}

#[cfg(test)]
mod tests {
    use entrepot_events::SyncRunState;

    use super::*;

    fn run(failed: u64, problem: Option<&str>) -> SyncRun {
        SyncRun {
            rule: "base".to_owned(),
            run: "7".to_owned(),
            state: SyncRunState::Failed,
            failed,
            postponed: 1,
            problem: problem.map(str::to_owned),
        }
    }

    #[test]
    fn says_it_in_both_languages() {
        for (event, english, chinese) in of_syncs().into_iter().chain(of_others()).chain(of_certificates()) {
            assert_eq!(sentence(&event, MessageLanguage::English), english);
            assert_eq!(sentence(&event, MessageLanguage::Chinese), chinese);
        }
    }

    fn of_syncs() -> Vec<(Event, &'static str, &'static str)> {
        let waiting = PruneWaiting {
            id: "8".to_owned(),
            rule: "base".to_owned(),
            tags: 2,
            some: vec!["q.io/a:1".to_owned(), "q.io/a:2".to_owned()],
        };
        vec![
            (
                Event::SyncFailed(run(1, None)),
                "the sync `base` failed: 1 image was not copied",
                "同步规则 `base` 失败：1 个镜像未能复制",
            ),
            (
                Event::SyncFailed(run(3, Some("no TLS"))),
                "the sync `base` failed: no TLS",
                "同步规则 `base` 失败：no TLS",
            ),
            (
                Event::SyncBehind(run(0, None)),
                "the sync `base` is behind: 1 image is put off",
                "同步规则 `base` 落后：1 个镜像推迟复制",
            ),
            (
                Event::SyncRecovered(run(0, None)),
                "the sync `base` is in order again",
                "同步规则 `base` 已恢复正常",
            ),
            (
                Event::PruneWaiting(waiting),
                "the sync `base` found 2 tags that no rule writes, such as q.io/a:1, q.io/a:2: see `entrepot sync prune show 8`",
                "同步规则 `base` 发现 2 个没有规则写入的标签，例如 q.io/a:1、q.io/a:2：请查看 `entrepot sync prune show 8`",
            ),
        ]
    }

    fn low() -> BudgetLow {
        BudgetLow {
            registry: "docker.io".to_owned(),
            account: Some("bot".to_owned()),
            remaining: 3,
            limit: 100,
        }
    }

    fn of_certificates() -> Vec<(Event, &'static str, &'static str)> {
        vec![
            (
                Event::CertificateFailed(CertificateFailed {
                    problem: "no A record".to_owned(),
                    good_for: Some(9 * 86_400 + 1),
                }),
                "no new certificate: no A record; the one in use is good for 9d",
                "未能续期证书：no A record；当前证书剩余有效期 9 天",
            ),
            (
                Event::CertificateFailed(CertificateFailed {
                    problem: "no A record".to_owned(),
                    good_for: None,
                }),
                "no certificate: no A record; clients see one that nobody trusts",
                "未能取得证书：no A record；客户端看到的是无人信任的证书",
            ),
        ]
    }

    fn of_others() -> Vec<(Event, &'static str, &'static str)> {
        let request = |result, problem: Option<&str>| {
            Event::RequestDone(RequestDone {
                id: "9".to_owned(),
                image: "docker.io/library/nginx:1".to_owned(),
                result,
                problem: problem.map(str::to_owned),
            })
        };
        let changed = ModeChanged {
            from: "normal".to_owned(),
            to: "cached-only".to_owned(),
            cause: "disk 96 %".to_owned(),
        };
        let card = CardFree {
            spec: "A100".to_owned(),
            free: 1,
            accounts: vec!["alice".to_owned(), "bob".to_owned()],
        };
        vec![
            (
                request(RequestResult::Done, None),
                "`docker.io/library/nginx:1` was requested, and is here",
                "申请的镜像 `docker.io/library/nginx:1` 已就绪",
            ),
            (
                request(RequestResult::Failed, Some("it is not there")),
                "`docker.io/library/nginx:1` was requested, and cannot be fetched: it is not there",
                "申请的镜像 `docker.io/library/nginx:1` 无法获取：it is not there",
            ),
            (
                request(RequestResult::Cancelled, None),
                "the request for `docker.io/library/nginx:1` was taken back",
                "对镜像 `docker.io/library/nginx:1` 的申请已撤回",
            ),
            (
                Event::BudgetLow(low()),
                "docker.io allows only 3 of 100 pulls more for `bot` in this window",
                "docker.io（账号 `bot`）的拉取额度即将用完：本时段 100 次，剩余 3 次",
            ),
            (
                Event::ModeChanged(changed),
                "the mode is `cached-only` now, and was `normal`: disk 96 %",
                "运行模式由 `normal` 变为 `cached-only`：disk 96 %",
            ),
            (
                Event::ScrubFound(ScrubFound { checked: 10, wrong: 2, repaired: 1 }),
                "of 10 stored files 2 were wrong, and 1 of these were repaired",
                "校验了 10 个存储文件，2 个有误，其中 1 个已修复",
            ),
            (
                Event::CardFree(card),
                "`A100` is free (1), for alice, bob",
                "规格 `A100` 已有空闲（1 个），等待者：alice、bob",
            ),
            (Event::Test {}, "this is a test: the webhook works", "这是一条测试消息：Webhook 工作正常"),
        ]
    }

    #[test]
    fn what_others_say_stays_one_line() {
        let event = Event::SyncFailed(run(1, Some("no\nsuch \u{202e}thing")));
        assert_eq!(
            sentence(&event, MessageLanguage::English),
            r"the sync `base` failed: no\nsuch \u{202e}thing"
        );
    }
}
