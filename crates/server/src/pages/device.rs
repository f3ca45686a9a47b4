//! Handlers of the page where a person confirms the login of a program that has no browser (RFC 8628 §3.3).

use axum::body::Body as RequestBody;
use entrepot_access::{Access, AccountName, Carries, DeviceRequest, Identity};
use http::{Response, StatusCode};

use super::{
    errors,
    form::FormFields,
    frame::{Frame, PageKind},
    html::escape,
    login::notice,
    provider_words::ProviderWords,
    reader::login_address,
    response::{language, personal, see_other, visitor},
};
use crate::{body::Body, query, web::call::WebCall};

/// Whoever looks at the page.
enum DeviceVisitor<'a> {
    /// Somebody with all rights of their account.
    Account(&'a AccountName),
    /// Somebody with an API token, which must not make others.
    Token,
    Nobody,
}

/// The page: for the code, and then for the decision.
pub(super) async fn ask(call: WebCall) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    let words = ProviderWords::of(language(&call));
    match holder(&call) {
        DeviceVisitor::Account(_) => {}
        DeviceVisitor::Token => {
            return shown(&call, StatusCode::FORBIDDEN, &notice("notice", words.needs_account));
        }
        DeviceVisitor::Nobody => return see_other(&login_address(&call, language(&call))),
    }
    let Some(code) = query::find(call.query(), "code") else {
        return shown(&call, StatusCode::OK, &for_the_code(words));
    };
    match access.device_request(&code) {
        Some(request) => shown(&call, StatusCode::OK, &for_the_decision(words, &code, &request)),
        None => {
            let main = format!("{}{}", notice("notice", words.no_code), for_the_code(words));
            shown(&call, StatusCode::NOT_FOUND, &main)
        }
    }
}

/// Takes the decision.
pub(super) async fn decide(call: WebCall, body: RequestBody) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    let words = ProviderWords::of(language(&call));
    let account = match holder(&call) {
        DeviceVisitor::Account(account) => account.clone(),
        DeviceVisitor::Token => {
            return shown(&call, StatusCode::FORBIDDEN, &notice("notice", words.needs_account));
        }
        DeviceVisitor::Nobody => return see_other(&login_address(&call, language(&call))),
    };
    let Some(form) = FormFields::read(body).await else {
        return shown(&call, StatusCode::BAD_REQUEST, &notice("notice", words.no_code));
    };
    let code = form.get("code").unwrap_or_default();
    let is_approved = form.get("answer").as_deref() == Some("approve");
    decided(&call, access, &code, is_approved.then_some(account))
}

fn decided(call: &WebCall, access: &Access, code: &str, account: Option<AccountName>) -> Response<Body> {
    let words = ProviderWords::of(language(call));
    let text = match account {
        Some(_) => notice("notice good", words.approved),
        None => notice("notice calm", words.denied),
    };
    match access.decide_device_login(code, account) {
        Ok(_) => shown(call, StatusCode::OK, &text),
        Err(_) => shown(call, StatusCode::NOT_FOUND, &notice("notice", words.no_code)),
    }
}

fn holder(call: &WebCall) -> DeviceVisitor<'_> {
    let principal = &call.caller.sender.principal;
    match (&principal.identity, &principal.carries) {
        (Identity::Account(account), Carries::All) => DeviceVisitor::Account(&account.name),
        (_, Carries::Token(_)) => DeviceVisitor::Token,
        (_, Carries::All) => DeviceVisitor::Nobody,
    }
}

fn for_the_code(words: &ProviderWords) -> String {
    format!(
        "<p class=\"lead\">{}</p><form class=\"card stack\" action=\"/login/device\" method=\"get\">\
         <label for=\"code\">{}</label><input id=\"code\" name=\"code\" autocomplete=\"off\" \
         autocapitalize=\"characters\" spellcheck=\"false\" required autofocus>\
         <button class=\"main\">{}</button></form>",
        words.device_lead, words.code, words.go_on
    )
}

fn for_the_decision(words: &ProviderWords, code: &str, request: &DeviceRequest) -> String {
    let from =
        request.address.as_deref().map(|address| format!("<p>{} {}</p>", words.asked_from, escape(address)));
    format!(
        "<p class=\"lead\"><strong>{}</strong> {}</p>{}<p><code>{}</code></p><p>{}</p><p class=\"quiet small\">{}</p>\
         <form class=\"stack\" action=\"/login/device\" method=\"post\"><input type=\"hidden\" name=\"code\" value=\"{}\">\
         <button class=\"main\" name=\"answer\" value=\"approve\">{}</button>\
         <button name=\"answer\" value=\"deny\">{}</button></form>",
        escape(&request.client),
        words.wants_in,
        from.unwrap_or_default(),
        escape(&code.to_uppercase()),
        words.compare,
        words.gives,
        escape(code),
        words.approve,
        words.deny,
    )
}

fn shown(call: &WebCall, status: StatusCode, main: &str) -> Response<Body> {
    let language = language(call);
    let main =
        format!("<main class=\"page slim\"><h1>{}</h1>{main}</main>", ProviderWords::of(language).device);
    let frame = Frame { page: PageKind::Login, language, query: "", visitor: visitor(call) };
    personal(status, frame.around(&main))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::words::Language;

    #[test]
    fn what_a_program_calls_itself_is_no_markup() {
        let words = ProviderWords::of(Language::English);
        let request = DeviceRequest { client: "<b>\"x\"".to_owned(), address: Some("10.0.0.7".to_owned()) };
        let html = for_the_decision(words, "bcdf-ghjk\"><b>", &request);
        assert!(html.contains("<strong>&lt;b&gt;&quot;x&quot;</strong> wants to log in as you."), "{html}");
        assert!(
            html.contains("<code>BCDF-GHJK&quot;&gt;&lt;B&gt;</code>") && html.contains("10.0.0.7"),
            "{html}"
        );
        assert!(!html.contains("<b>"));
    }
}
