//! The part of the status page about its reader: as what they are counted, what they have left, and whether they are banned.

use std::fmt::Write as _;

use entrepot_api::{Ban, ClientLimits, LimitState, LimitUnit};

use super::{
    html::{escape, moment, size},
    words::Language,
};

struct LimitWords {
    title: &'static str,
    counted: &'static str,
    limit: &'static str,
    allowed: &'static str,
    left: &'static str,
    banned: &'static str,
    until: &'static str,
    lifted: &'static str,
    number: &'static str,
}

const ENGLISH: LimitWords = LimitWords {
    title: "Your limits",
    counted: "You are counted as",
    limit: "Limit",
    allowed: "Allowed",
    left: "Left",
    banned: "Banned",
    until: "until",
    lifted: "until somebody lifts it",
    number: "ban",
};

const CHINESE: LimitWords = LimitWords {
    title: "您的限额",
    counted: "您被计为",
    limit: "限额",
    allowed: "允许",
    left: "剩余",
    banned: "已封禁",
    until: "截止",
    lifted: "直到有人解除",
    number: "封禁编号",
};

/// The part; empty for who is not limited.
pub(super) fn card(told: &ClientLimits, language: Language) -> String {
    if told.limits.is_empty() && told.ban.is_none() {
        return String::new();
    }
    let words = match language {
        Language::English => &ENGLISH,
        Language::Chinese => &CHINESE,
    };
    let mut out = format!("<section class=\"card\"><header><h2>{}</h2>", words.title);
    // Writing to a `String` does not fail.
    if told.ban.is_some() {
        let _ = write!(out, "<span class=\"pill bad\">{}</span>", words.banned);
    }
    let _ = write!(out, "</header><p>{} <b>{}</b></p>", words.counted, escape(&told.client));
    out.extend(told.ban.iter().map(|ban| banned(ban, words)));
    if !told.limits.is_empty() {
        let _ = write!(
            out,
            "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
             <th scope=\"col\" class=\"number\">{}</th></tr></thead><tbody>",
            words.limit, words.allowed, words.left
        );
        out.extend(told.limits.iter().map(row));
        out.push_str("</tbody></table></div>");
    }
    out.push_str("</section>");
    out
}

fn banned(ban: &Ban, words: &LimitWords) -> String {
    let end = ban.until.map_or_else(
        || words.lifted.to_owned(),
        |until| format!("{} {}", words.until, moment(until.into(), None)),
    );
    format!("<p>{}: {end} ({} {})</p>", escape(&ban.reason), words.number, escape(&ban.id))
}

fn row(limit: &LimitState) -> String {
    let left = match (limit.left, limit.unit) {
        (None, _) => String::new(),
        (Some(left), LimitUnit::Requests | LimitUnit::Blobs) => left.to_string(),
        (Some(left), LimitUnit::Bytes | LimitUnit::BytesPerSecond) => size(left),
    };
    format!(
        "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td class=\"number\">{left}</td></tr>",
        escape(&limit.name),
        escape(&limit.allowed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // operate.md row 21
    #[test]
    fn readers_see_what_they_have_left_and_their_ban() {
        let state = |name: &str, unit, left| LimitState {
            name: name.to_owned(),
            allowed: "1/m".to_owned(),
            unit,
            left,
        };
        let ban = Ban {
            id: "7q3k9xz2".to_owned(),
            subject: "203.0.113.7".to_owned(),
            cidr: None,
            reason: "<b>a bill</b>".to_owned(),
            by: "limits".to_owned(),
            since: "2026-11-30T20:00:00Z".parse().unwrap(),
            until: "2026-11-30T22:00:00Z".parse().ok(),
        };
        let told = ClientLimits {
            client: "203.0.113.7".to_owned(),
            limited: true,
            limits: vec![
                state("per_client.manifests", LimitUnit::Requests, Some(7)),
                state("per_client.hot", LimitUnit::Bytes, Some(3 << 20)),
                state("per_client.repeats", LimitUnit::Requests, None),
            ],
            ban: Some(ban),
        };
        let english = card(&told, Language::English);
        for part in [
            "You are counted as <b>203.0.113.7</b>",
            "&lt;b&gt;a bill&lt;/b&gt;: until ",
            "(ban 7q3k9xz2)",
            "<code>per_client.manifests</code></th><td>1/m</td><td class=\"number\">7</td>",
            "3.0 MiB",
        ] {
            assert!(english.contains(part), "{part} in {english}");
        }
        assert!(card(&told, Language::Chinese).contains("您被计为 <b>203.0.113.7</b>"));
        let free = ClientLimits { limits: Vec::new(), ban: None, ..told };
        assert_eq!(card(&free, Language::English), "");
    }
}
