//! The first page: what this is, how to pull an image from here with each tool, what is mirrored, where to push.

use std::fmt::Write;

use entrepot_mirror::NameResolver;
use entrepot_oci::ImageRefError;
use entrepot_requests::{Image, ImageMeaning, read};

use super::{
    commands::{CommandStep, PullExample, Tool},
    here::OwnAddress,
    home_words::HomeWords,
    html::{copy_button, escape, inline},
    words::Language,
};

/// What the page is about.
pub(super) struct Home<'a> {
    pub(super) here: &'a OwnAddress,
    pub(super) names: &'a NameResolver,
    /// What the reader typed or pasted.
    pub(super) image: &'a str,
    /// What the reader pulls with.
    pub(super) tool: Tool,
    pub(super) rights: AnonymousRights,
    /// True if images can be asked for.
    pub(super) takes_requests: bool,
    pub(super) language: Language,
}

/// What holds for those who do not log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnonymousRights {
    /// True if pulls need a login.
    pub(super) pulls_need_login: bool,
    pub(super) pushes: Pushes,
}

/// Who may push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushes {
    /// Anybody.
    FromAnybody,
    /// Programs on the server's machine, and who logs in.
    FromThisMachine,
    /// Who logs in.
    AfterLogin,
    /// Nobody: there is nothing to log in with.
    FromNobody,
}

impl Home<'_> {
    /// The main part of the page.
    pub(super) fn main(&self) -> String {
        let words = self.words();
        format!(
            "<main class=\"page narrow\"><h1>{}</h1><p class=\"lead\">{}</p>{}{}{}{}</main>",
            words.title,
            words.lead,
            if self.rights.pulls_need_login { self.log_in(words.pull_login) } else { String::new() },
            self.form(),
            self.registries(),
            self.push()
        )
    }

    fn words(&self) -> &'static HomeWords {
        HomeWords::of(self.language)
    }

    // Without the script, the form asks for this page again.
    fn form(&self) -> String {
        let words = self.words();
        let tools: String = Tool::ALL.into_iter().map(|tool| self.tool(tool)).collect();
        format!(
            r#"<form class="card ask" action="/" method="get" data-scheme="{}"><input type="hidden" name="lang" value="{}">
<label for="image">{}</label>
<div class="field"><input id="image" name="image" value="{}" placeholder="{}" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="image-hint"><button class="main">{}</button></div>
<p id="image-hint" class="quiet small">{}</p>
<fieldset class="choice"><legend class="sr">{}</legend>{tools}</fieldset>
<div id="commands" aria-live="polite">{}</div></form>"#,
            if self.here.is_plain() { "http" } else { "https" },
            self.language.code(),
            words.image,
            escape(self.image),
            escape(&self.example()),
            words.show,
            words.image_hint,
            words.tools,
            self.commands()
        )
    }

    fn tool(&self, tool: Tool) -> String {
        let (id, checked) = (tool.id(), if tool == self.tool { " checked" } else { "" });
        format!(
            r#"<input class="sr" type="radio" name="tool" id="tool-{id}" value="{id}"{checked}><label for="tool-{id}">{}</label>"#,
            tool.label()
        )
    }

    // An image that can be pulled from here, shown until the reader names one.
    fn example(&self) -> String {
        match self.names.upstreams().find(|(host, _)| host.is_docker_hub()) {
            Some(_) => "nginx".to_owned(),
            None => format!("{}/app", self.names.default_upstream()),
        }
    }

    fn commands(&self) -> String {
        let (words, host) = (self.words(), self.here.host());
        let asked = read(self.image, host, self.names).or_else(|| read(&self.example(), host, self.names));
        let image = match asked.map(|reading| reading.meaning) {
            Some(ImageMeaning::Image(image)) => image,
            Some(ImageMeaning::Perhaps(images)) => return self.perhaps(&images),
            Some(ImageMeaning::Elsewhere(host)) => {
                let what = format!("{} <code>{}</code>", words.elsewhere, escape(host.as_str()));
                return notice(&what, words.elsewhere_hint);
            }
            Some(ImageMeaning::Invalid(ImageRefError::Tag(_))) => {
                return notice(words.not_a_name, words.bad_tag);
            }
            Some(ImageMeaning::Invalid(ImageRefError::Digest(_))) => {
                return notice(words.not_a_name, words.bad_digest);
            }
            Some(ImageMeaning::Invalid(_) | ImageMeaning::OnlyPlatform | ImageMeaning::Placeholder) => {
                return notice(words.not_a_name, words.not_a_name_hint);
            }
            None => return String::new(),
        };
        let stands_in_for_hub = self.names.default_upstream().is_docker_hub();
        let pull = PullExample { here: self.here, image: &image, stands_in_for_hub, words };
        let mut out = String::new();
        for tool in Tool::ALL {
            // Writing to a `String` does not fail.
            let _ = write!(out, "<section class=\"tool {}\" aria-label=\"{}\">", tool.id(), tool.label());
            for (index, step) in pull.steps(tool).into_iter().enumerate() {
                out.push_str(&self.step(&format!("{}-{index}", tool.id()), step));
            }
            out.push_str("</section>");
        }
        if self.takes_requests {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("image", &image.explicit()).append_pair("lang", self.language.code());
            let address = escape(&format!("/requests?{}", query.finish()));
            let _ = write!(out, "<p class=\"small\"><a href=\"{address}\">{}</a></p>", words.request);
        }
        if self.here.is_loopback() {
            let _ = write!(out, "<p class=\"quiet small\">{}</p>", inline(words.this_machine));
        }
        out
    }

    // One click for each image that may be meant.
    fn perhaps(&self, images: &[Image]) -> String {
        let link = |image: &Image| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("image", &image.name()).append_pair("tool", self.tool.id());
            query.append_pair("lang", self.language.code());
            let name = escape(&image.name());
            format!("<li><a href=\"/?{}\"><code>{name}</code></a></li>", escape(&query.finish()))
        };
        let links: String = images.iter().map(link).collect();
        format!("<p class=\"about\">{}</p><ul class=\"points\">{links}</ul>", self.words().did_you_mean)
    }

    fn step(&self, id: &str, step: CommandStep) -> String {
        let copy = self.language.words().copy;
        let (about, text) = match step {
            CommandStep::Note(text) => return format!("<p class=\"quiet small\">{}</p>", inline(text)),
            CommandStep::Command(what, text) => (inline(what), text),
            CommandStep::File(path, text) => (format!("<code>{}</code>", escape(&path)), text),
        };
        format!(
            "<p class=\"about\">{about}</p><div class=\"command\"><pre id=\"{id}\" tabindex=\"0\">{}</pre>{}</div>",
            escape(&text),
            copy_button(id, copy)
        )
    }

    fn registries(&self) -> String {
        let words = self.words();
        let mut out = format!(
            "<section class=\"card registries\"><h2>{}</h2><p class=\"quiet\">{}</p><ul class=\"addresses\">",
            words.registries, words.registries_lead
        );
        for (host, label) in self.names.upstreams() {
            let mut about = vec![escape(host.as_str())];
            if host == self.names.default_upstream() {
                about.push(words.default_upstream.to_owned());
            }
            if let Some((label, domain)) = label.zip(self.names.domain()) {
                about.push(format!("<code>{}/</code>", escape(&self.here.labelled(label, domain))));
            }
            let id = format!("at-{}", escape(host.as_str()));
            // Writing to a `String` does not fail.
            let _ = write!(
                out,
                "<li><code id=\"{id}\">{}/{}/</code><span class=\"about\">{}</span>{}</li>",
                escape(self.here.host()),
                escape(host.as_str()),
                about.join(" · "),
                copy_button(&id, self.language.words().copy)
            );
        }
        out.push_str("</ul></section>");
        out
    }

    fn log_in(&self, what: &str) -> String {
        format!("<p class=\"small\">{what} <code>docker login {}</code></p>", escape(self.here.host()))
    }

    fn push(&self) -> String {
        let words = self.words();
        if self.names.hosted_prefixes().is_empty() {
            return String::new();
        }
        let mut out = format!(
            "<section class=\"card push\"><h2>{}</h2><p class=\"quiet\">{}</p>",
            words.push, words.push_lead
        );
        out.push_str(&match self.rights.pushes {
            Pushes::FromAnybody => format!("<p class=\"small\">{}</p>", words.push_anybody),
            Pushes::FromThisMachine => self.log_in(words.push_local),
            Pushes::AfterLogin => self.log_in(words.push_login),
            Pushes::FromNobody => format!("<p class=\"small\">{}</p>", inline(words.push_nobody)),
        });
        for (index, prefix) in self.names.hosted_prefixes().iter().enumerate() {
            let (id, name) = (format!("push-{index}"), format!("{}/{prefix}app:v1", self.here.host()));
            let text = format!("docker tag app {name}\ndocker push {name}");
            let _ = write!(
                out,
                "<div class=\"command\"><pre id=\"{id}\" tabindex=\"0\">{}</pre>{}</div>",
                escape(&text),
                copy_button(&id, self.language.words().copy)
            );
        }
        out.push_str("</section>");
        out
    }
}

fn notice(what: &str, hint: &str) -> String {
    format!(
        "<div class=\"notice calm\" role=\"alert\"><p><strong>{what}</strong></p><p>{}</p></div>",
        inline(hint)
    )
}
