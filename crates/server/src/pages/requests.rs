//! Handlers of the page about requests for images. Changes are admitted as those of all forms are: none for pages of other
//! sites.

use axum::body::Body as RequestBody;
use entrepot_access::{Identity, Operation};
use entrepot_api::ImageRequest;
use entrepot_catalog::ImageRequestFilter;
use entrepot_requests::Requests;
use http::{HeaderValue, Response, StatusCode, header};

use super::{
    errors,
    form::FormFields,
    frame::{Frame, PageKind},
    reader::{PageReader, login_address},
    request_page::{ClosedReason, FormOutcome, RequestPage, closed},
    request_words::RequestWords,
    response::{language, personal, see_other, visitor},
};
use crate::{
    body::Body,
    query,
    requests::{api, views, wanted},
    sync::problem::Problem,
    web::{allowed::may, call::WebCall},
};

/// How many requests are shown.
const SHOWN: usize = 20;
/// How often the page renews itself while something is under way, in seconds. HTML §7.4.5 names the header.
const REFRESH: HeaderValue = HeaderValue::from_static("3");

/// The page; `?image=` is in the form already.
pub(super) async fn show(PageReader(call): PageReader) -> Response<Body> {
    let (image, platforms) = (text(&call, "image"), text(&call, "platforms"));
    answered(&call, &image, &platforms, FormOutcome::Nothing).await
}

/// Looks an image up, asks for it, or takes a request back.
pub(super) async fn act(PageReader(call): PageReader, body: RequestBody) -> Response<Body> {
    let language = language(&call);
    let Some(form) = FormFields::read(body).await else {
        let message = RequestWords::of(language).broken_form.to_owned();
        return answered(&call, "", "", FormOutcome::Refused { message, suggestions: Vec::new() }).await;
    };
    let field = |key| form.get(key).unwrap_or_default();
    let (image, platforms) = (field("image"), field("platforms"));
    let list: Vec<String> =
        platforms.split([',', ' ']).filter(|text| !text.is_empty()).map(str::to_owned).collect();
    let done = match field("do").as_str() {
        "ask" => api::asked(&call, &image, &list).await.map(drop),
        "cancel" => match field("id").parse::<u32>() {
            Ok(id) => api::canceled(&call, id.into()).await,
            Err(_) => Ok(()),
        },
        _ => match api::looked(&call, &image, &list).await {
            Ok(look) => {
                return answered(&call, &image, &platforms, FormOutcome::Looked(Box::new(look))).await;
            }
            Err(problem) => Err(problem),
        },
    };
    match done {
        Ok(()) => see_other(&format!("/requests?lang={}", language.code())),
        Err(problem) => {
            let suggestions = problem.suggestions().to_vec();
            let outcome = FormOutcome::Refused { message: problem.message_in(language), suggestions };
            let mut response = answered(&call, &image, &platforms, outcome).await;
            *response.status_mut() = problem.status;
            response
        }
    }
}

async fn answered(call: &WebCall, image: &str, platforms: &str, outcome: FormOutcome) -> Response<Body> {
    let language = language(call);
    let Some(requests) = &call.state.requests else {
        return framed(call, StatusCode::NOT_FOUND, &closed(language, &ClosedReason::Off));
    };
    if !may(call, Operation::Request) {
        let (status, why) = match call.caller.sender.principal.identity {
            Identity::Account(_) => (StatusCode::FORBIDDEN, ClosedReason::Forbidden),
            _ => (StatusCode::OK, ClosedReason::NeedsLogin(login_address(call, language))),
        };
        return framed(call, status, &closed(language, &why));
    }
    let own = match own(call, requests).await {
        Ok(own) => own,
        Err(_) => return errors::unavailable(call),
    };
    let is_open = own.iter().any(|request| request.finished.is_none());
    let may_renew = is_open && matches!(outcome, FormOutcome::Nothing) && image.is_empty();
    let main = RequestPage { language, image, platforms, outcome, requests: &own }.main();
    let mut response = framed(call, StatusCode::OK, &main);
    if may_renew {
        response.headers_mut().insert(header::REFRESH, REFRESH);
    }
    response
}

// What this reader has asked for, whoever they are.
async fn own(call: &WebCall, requests: &Requests) -> Result<Vec<ImageRequest>, Problem> {
    let client = Some(wanted::asker(call).client);
    let page = requests.list(&ImageRequestFilter { client, ..ImageRequestFilter::default() }, SHOWN).await?;
    Ok(views::list(page, &api::reader(call)).requests)
}

fn framed(call: &WebCall, status: StatusCode, main: &str) -> Response<Body> {
    let frame = Frame {
        page: PageKind::Requests,
        language: language(call),
        query: call.query(),
        visitor: visitor(call),
    };
    personal(status, frame.around(main))
}

fn text(call: &WebCall, key: &str) -> String {
    query::find(call.query(), key).unwrap_or_default().into_owned()
}
