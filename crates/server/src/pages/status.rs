//! The page about how the service stands: the mode and why, the upstreams, the disk, and what the operator says.

use std::fmt::Write as _;

use entrepot_api::{Mode, ServiceStatus, UpstreamStanding, UpstreamStatus};
use http::Response;

use super::{
    frame::{Frame, PageKind},
    html::{escape, inline, moment, size},
    reader::PageReader,
    response::{language, page, visitor},
    status_limits,
    status_words::StatusWords,
    words::Language,
};
use crate::{body::Body, headers::HTML, limit_views, status};

/// The page.
pub(super) async fn status(PageReader(call): PageReader) -> Response<Body> {
    let language = language(&call);
    let own =
        status_limits::card(&limit_views::standing(call.state.limits.standing(&call.asker())), language);
    let main = main(&status::of(&call.state), &own, language);
    let frame = Frame { page: PageKind::Status, language, query: call.query(), visitor: visitor(&call) };
    page(HTML, frame.around(&main))
}

// `own` is the part about the reader.
fn main(status: &ServiceStatus, own: &str, language: Language) -> String {
    let words = StatusWords::of(language);
    let mut out =
        format!("<main class=\"page narrow\"><h1>{}</h1><p class=\"lead\">{}</p>", words.title, words.lead);
    // Writing to a `String` does not fail.
    out.push_str(&notice(status.notice.as_deref()));
    out.push_str(&mode(status, language));
    out.push_str(own);
    out.push_str(&upstreams(&status.upstreams, words));
    let _ = write!(out, "<p class=\"quiet small\">{}</p></main>", inline(words.machines));
    out
}

/// What the operator says to everybody, above a page.
pub(super) fn notice(notice: Option<&str>) -> String {
    let bar = |text| format!("<div class=\"notice calm bar\" role=\"status\"><p>{}</p></div>", inline(text));
    notice.map(bar).unwrap_or_default()
}

fn mode(status: &ServiceStatus, language: Language) -> String {
    let words = StatusWords::of(language);
    let class = match status.mode {
        Mode::Normal => "good",
        Mode::SmallOnly | Mode::CachedOnly => "late",
        Mode::Closed => "bad",
    };
    let mut out = format!(
        "<section class=\"card\"><header><h2>{}</h2><span class=\"pill {class}\">{}</span></header><p>{}</p>",
        words.mode,
        words.name(status.mode),
        words.meaning(status.mode, &size(status.small))
    );
    if let Some(reason) = &status.reason {
        let (reason, code) = language.told(reason);
        let _ = write!(out, "<p lang=\"{code}\">{}</p>", escape(&reason));
    }
    if let Some(until) = status.until {
        let _ = write!(out, "<p>{} {}</p>", words.until, moment(until.into(), None));
    }
    if !status.tag_lists {
        let _ = write!(out, "<p>{}</p>", words.no_tags);
    }
    if let Some(used) = status.disk {
        let _ = write!(out, "<p class=\"facts\"><span>{} <b>{}</b></span></p>", words.disk, percent(used));
    }
    out.push_str("</section>");
    out
}

fn upstreams(upstreams: &[UpstreamStatus], words: &StatusWords) -> String {
    let has_links = upstreams.iter().any(|one| one.links.is_some());
    let head = if has_links {
        format!("<th scope=\"col\" class=\"number\">{}</th>", words.links)
    } else {
        String::new()
    };
    let mut out = format!(
        "<section class=\"card\"><header><h2>{}</h2></header><div class=\"scroll\" tabindex=\"0\"><table><thead><tr>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th>{head}<th scope=\"col\" class=\"number\">{}</th></tr></thead><tbody>",
        words.upstreams, words.upstream, words.state, words.budget
    );
    for one in upstreams {
        let class = match one.standing {
            UpstreamStanding::Up => "good",
            UpstreamStanding::Down => "bad",
            UpstreamStanding::Unknown => "",
        };
        let budget = one.budget.map_or_else(|| words.not_told.to_owned(), percent);
        let links = one.links.map_or_else(String::new, |links| format!("{}/{}", links.ready, links.all));
        let links = if has_links { format!("<td class=\"number\">{links}</td>") } else { String::new() };
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td><span class=\"pill {class}\">{}</span></td>{links}<td class=\"number\">{budget}</td></tr>",
            escape(&one.upstream),
            words.standing(one.standing)
        );
    }
    out.push_str("</tbody></table></div></section>");
    out
}

fn percent(ratio: f64) -> String {
    format!("{:.0}%", ratio * 100.0)
}

#[cfg(test)]
mod tests {
    use entrepot_api::LinkCount;

    use super::*;

    fn status() -> ServiceStatus {
        ServiceStatus {
            notice: Some("We move on **Sunday** <b>".to_owned()),
            mode: Mode::CachedOnly,
            reason: Some("the disk is 95% full or more".to_owned()),
            until: "2026-05-01T22:00:00Z".parse().ok(),
            small: 20 << 20,
            tag_lists: false,
            disk: Some(0.957),
            upstreams: vec![
                UpstreamStatus {
                    upstream: "docker.io".to_owned(),
                    standing: UpstreamStanding::Down,
                    budget: Some(0.21),
                    links: Some(LinkCount { ready: 5, all: 6 }),
                },
                UpstreamStatus {
                    upstream: "quay.io".to_owned(),
                    standing: UpstreamStanding::Unknown,
                    budget: None,
                    links: None,
                },
            ],
        }
    }

    #[test]
    fn it_says_the_main_thing_in_both_languages() {
        let english = main(&status(), "", Language::English);
        for part in [
            "We move on <strong>Sunday</strong> &lt;b&gt;",
            "cached images only",
            "the disk is 95% full or more",
            "2026-05-01 22:00 UTC",
            "<b>96%</b>",
            "does not answer",
            "<th scope=\"col\" class=\"number\">Links in use</th>",
            "<td class=\"number\">5/6</td><td class=\"number\">21%</td>",
            "not asked yet",
            "not told",
        ] {
            assert!(english.contains(part), "{part} in {english}");
        }
        let chinese = main(&status(), "", Language::Chinese);
        for part in ["服务状态", "只提供已缓存的镜像", "磁盘已用 95% 或更多", "无响应", "尚未访问", "未说明"]
        {
            assert!(chinese.contains(part), "{part} in {chinese}");
        }
    }

    #[test]
    fn what_is_as_usual_is_short() {
        let usual = ServiceStatus {
            notice: None,
            mode: Mode::Normal,
            reason: None,
            until: None,
            tag_lists: true,
            disk: None,
            ..status()
        };
        let page = main(&usual, "", Language::English);
        assert!(
            page.contains("pill good\">everything") && !page.contains("notice") && !page.contains("until")
        );
    }
}
