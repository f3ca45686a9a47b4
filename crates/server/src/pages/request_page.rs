//! The page about requests for images: a form, what was found, and the reader's requests. It works without the script.

use std::fmt::Write as _;

use entrepot_api::{ImageRequest, ImageRequestLook, ImageRequestStatus};

use super::{
    html::{copy_button, escape, inline, size},
    request_words::RequestWords,
    words::Language,
};

/// What the page is about.
pub(super) struct RequestPage<'a> {
    pub(super) language: Language,
    /// What the reader typed or pasted.
    pub(super) image: &'a str,
    /// The platforms as the reader wrote them.
    pub(super) platforms: &'a str,
    pub(super) outcome: FormOutcome,
    /// The reader's requests, the latest first.
    pub(super) requests: &'a [ImageRequest],
}

/// What came of the form.
pub(super) enum FormOutcome {
    /// It was not sent.
    Nothing,
    /// The image was looked up.
    Looked(Box<ImageRequestLook>),
    /// It was refused.
    Refused {
        /// The fact and the way out.
        message: String,
        /// What may have been meant.
        suggestions: Vec<String>,
    },
}

impl RequestPage<'_> {
    /// The main part of the page.
    pub(super) fn main(&self) -> String {
        let words = self.words();
        format!(
            "<main class=\"page narrow\"><h1>{}</h1><p class=\"lead\">{}</p>{}{}{}</main>",
            words.title,
            words.lead,
            self.form(),
            self.outcome(),
            self.list()
        )
    }

    fn words(&self) -> &'static RequestWords {
        RequestWords::of(self.language)
    }

    fn form(&self) -> String {
        let words = self.words();
        format!(
            r#"<form class="card stack" action="{}" method="post"><input type="hidden" name="do" value="look">
<label for="image">{}</label><input id="image" name="image" value="{}" placeholder="nginx:1.27" autocomplete="off" autocapitalize="none" spellcheck="false" required aria-describedby="image-hint"{}>
<p id="image-hint" class="quiet small">{}</p>
<label for="platforms">{}</label><input id="platforms" name="platforms" value="{}" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="platforms-hint">
<p id="platforms-hint" class="quiet small">{}</p>
<button class="main">{}</button></form>"#,
            self.address(),
            words.image,
            escape(self.image),
            if matches!(self.outcome, FormOutcome::Refused { .. }) { " aria-invalid=\"true\"" } else { "" },
            inline(words.image_hint),
            words.platforms,
            escape(self.platforms),
            inline(words.platforms_hint),
            words.look,
        )
    }

    fn address(&self) -> String {
        format!("/requests?lang={}", self.language.code())
    }

    // A form that is one button.
    fn button(&self, fields: &[(&str, &str)], label: &str, class: &str) -> String {
        let hidden: String = fields
            .iter()
            .map(|(name, value)| format!(r#"<input type="hidden" name="{name}" value="{}">"#, escape(value)))
            .collect();
        format!(
            r#"<form action="{}" method="post">{hidden}<button{class}>{label}</button></form>"#,
            self.address()
        )
    }

    fn outcome(&self) -> String {
        match &self.outcome {
            FormOutcome::Nothing => String::new(),
            FormOutcome::Looked(look) => self.looked(look),
            FormOutcome::Refused { message, suggestions } => self.refused(message, suggestions),
        }
    }

    fn looked(&self, look: &ImageRequestLook) -> String {
        let words = self.words();
        let platforms = look.platforms.join(", ");
        let fields = [("do", "ask"), ("image", look.image.as_str()), ("platforms", self.platforms)];
        let facts = format!(
            "<p class=\"facts\"><span>{} <b>{}</b></span><span>{} <b>{}</b></span><span>{} <b>{}</b></span><span>{}</span></p>",
            words.size,
            size(look.total),
            words.missing,
            size(look.missing),
            words.ahead,
            look.ahead,
            escape(&platforms)
        );
        let here = if look.missing == 0 { format!("<p>{}</p>", words.all_here) } else { String::new() };
        format!(
            "<section class=\"card\" aria-live=\"polite\"><header><h2><code>{}</code></h2></header>{facts}{here}{}</section>",
            escape(&look.image),
            self.button(&fields, words.ask, " class=\"main\"")
        )
    }

    fn refused(&self, message: &str, suggestions: &[String]) -> String {
        let words = self.words();
        if suggestions.is_empty() {
            return format!("<div class=\"notice\" role=\"alert\"><p>{}</p></div>", inline(message));
        }
        let buttons = suggestions.iter().map(|image| {
            let fields = [("do", "look"), ("image", image.as_str()), ("platforms", self.platforms)];
            format!("<li>{}</li>", self.button(&fields, &format!("<code>{}</code>", escape(image)), ""))
        });
        format!(
            "<div class=\"notice calm\" role=\"alert\"><p><strong>{}</strong></p><ul class=\"ways\">{}</ul></div>",
            words.did_you_mean,
            buttons.collect::<String>()
        )
    }

    fn list(&self) -> String {
        let words = self.words();
        let mut out = format!("<section><h2>{}</h2>", words.yours);
        if self.requests.is_empty() {
            let _ = write!(out, "<p class=\"quiet\">{}</p></section>", words.none);
            return out;
        }
        if self.requests.iter().any(|request| request.finished.is_none()) {
            let _ = write!(out, "<p class=\"quiet small\">{}</p>", words.renews);
        }
        out.extend(self.requests.iter().map(|request| self.request(request)));
        out.push_str("</section>");
        out
    }

    fn request(&self, request: &ImageRequest) -> String {
        let words = self.words();
        let pill = match request.status {
            ImageRequestStatus::Done => "good",
            ImageRequestStatus::Failed => "bad",
            ImageRequestStatus::Running => "late live",
            ImageRequestStatus::Queued | ImageRequestStatus::Canceled => "",
        };
        let mut out = format!(
            "<article class=\"card\"><header><h2><code>{}</code></h2><span class=\"pill {pill}\">{}</span></header>{}",
            escape(&request.image),
            words.status(request.status),
            self.facts(request)
        );
        if let (ImageRequestStatus::Running, Some(total)) = (request.status, request.total) {
            let _ = write!(out, "<progress value=\"{}\" max=\"{}\"></progress>", request.done, total.max(1));
        }
        if let Some(error) = &request.error {
            let (detail, hint) = (escape(&error.detail), inline(&error.hint));
            let _ = write!(out, "<p class=\"why\">{detail}<span>{hint}</span></p>");
        }
        if request.status == ImageRequestStatus::Done {
            let (id, command) = (format!("pull-{}", request.id), format!("docker pull {}", request.pull));
            let copy = copy_button(&id, self.language.words().copy);
            let _ = write!(
                out,
                "<p class=\"about\">{}</p><div class=\"command\"><pre id=\"{id}\" tabindex=\"0\">{}</pre>{copy}</div>",
                words.pull_it,
                escape(&command)
            );
        }
        if request.finished.is_none() {
            let id = request.id.to_string();
            out.push_str(&self.button(&[("do", "cancel"), ("id", &id)], words.take_back, ""));
        }
        out.push_str("</article>");
        out
    }

    fn facts(&self, request: &ImageRequest) -> String {
        let words = self.words();
        let mut facts = vec![escape(&request.platforms.join(", "))];
        if let Some(position) = request.position {
            facts.push(format!("{} <b>{position}</b>", words.ahead));
        }
        match (request.status, request.total) {
            (ImageRequestStatus::Running, Some(total)) => {
                facts.push(format!("<b>{}</b> / {}", size(request.done), size(total)));
            }
            (_, Some(total)) => facts.push(format!("{} <b>{}</b>", words.size, size(total))),
            (_, None) => {}
        }
        facts.extend(request.rate.map(|rate| format!("{}/s", size(rate))));
        facts.extend(request.seconds_left.map(|left| format!("{left} {}", words.seconds_left)));
        let facts: String = facts.iter().map(|fact| format!("<span>{fact}</span>")).collect();
        format!("<p class=\"facts\">{facts}</p>")
    }
}

/// Why a reader cannot ask.
pub(super) enum ClosedReason {
    /// Nobody can here.
    Off,
    /// Who logs in at this address may.
    NeedsLogin(String),
    /// This account may not.
    Forbidden,
}

/// The page for those who cannot ask: why, and what to do.
pub(super) fn closed(language: Language, why: &ClosedReason) -> String {
    let words = RequestWords::of(language);
    let (what, hint) = match why {
        ClosedReason::Off => (words.off, inline(words.off_hint)),
        ClosedReason::NeedsLogin(address) => {
            (words.needs_login, format!("<a href=\"{}\">{}</a>", escape(address), words.log_in))
        }
        ClosedReason::Forbidden => (words.forbidden, inline(words.forbidden_hint)),
    };
    format!(
        "<main class=\"page narrow\"><h1>{}</h1><div class=\"notice calm\" role=\"alert\"><p><strong>{what}</strong></p><p>{hint}</p></div></main>",
        words.title
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(image: &str, outcome: FormOutcome) -> String {
        RequestPage { language: Language::English, image, platforms: "", outcome, requests: &[] }.main()
    }

    #[test]
    fn what_people_write_is_no_markup() {
        let html = page("\"><script>alert(1)</script>", FormOutcome::Nothing);
        assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;"), "{html}");
        assert!(!html.contains("<script>"));
        let message = "`<b>` is <i>not</i> one".to_owned();
        let html = page("x", FormOutcome::Refused { message, suggestions: vec![] });
        assert!(html.contains("<code>&lt;b&gt;</code> is &lt;i&gt;not"), "{html}");
    }

    // operate.md row 48
    #[test]
    fn a_correction_is_one_click() {
        let suggestions = vec!["docker.io/library/nginx:1.27".to_owned()];
        let html = page("Nginx:1.27", FormOutcome::Refused { message: String::new(), suggestions });
        assert!(html.contains("Did you mean one of these?"));
        assert!(html.contains(
            r#"<input type="hidden" name="do" value="look"><input type="hidden" name="image" value="docker.io/library/nginx:1.27">"#
        ));
    }
}
