//! Handlers of the pages about logging in: `/login`, `/logout`, `/account`.

use axum::body::Body as RequestBody;
use entrepot_access::{
    Access, Account, AccountUpdate, Audit, Carries, ChangeError, Identity, LoginError, SessionId,
    SessionSecret,
};
use http::{HeaderMap, Response, StatusCode, header};

use super::{
    account::{AccountOutcome, AccountPage},
    errors,
    form::FormFields,
    frame::{Frame, PageKind},
    login::{LoginFault, LoginView},
    own_path::OwnPath,
    reader::login_address,
    response::{language, personal, see_other, visitor},
};
use crate::{
    body::Body,
    cookie, host, login_provider, query, sessions,
    web::{allowed::by, call::WebCall},
};

/// Sessions shown.
const SESSIONS: usize = 100;

/// The page that logs in.
pub(super) async fn login(call: WebCall) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    let next = next(query::find(call.query(), "next").as_deref());
    if sessions::current(&call).is_some() {
        return see_other(next.as_str());
    }
    shown(&call, access, &PasswordLogin { next, name: String::new(), fault: None })
}

/// Logs in.
pub(super) async fn log_in(call: WebCall, body: RequestBody) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    let Some(form) = FormFields::read(body).await else {
        let fault = Some(LoginFault::BrokenForm);
        return shown(&call, access, &PasswordLogin { next: OwnPath::first(), name: String::new(), fault });
    };
    let next = next(form.get("next").as_deref());
    let name = form.get("name").unwrap_or_default();
    match sessions::begin(&call, access, &name, &form.secret("password")).await {
        Ok(begun) => with(see_other(next.as_str()), begun.cookie),
        Err(error) => {
            if let LoginError::Catalog(cause) = &error {
                tracing::warn!(%cause, "a login could not be decided");
            }
            let mut response =
                shown(&call, access, &PasswordLogin { next, name, fault: Some(LoginFault::from(&error)) });
            if let LoginError::Throttled(wait) = error {
                response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
            }
            response
        }
    }
}

/// Logs out. It does what it can: who has no session is logged out already.
pub(super) async fn log_out(call: WebCall) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    if let Some(id) = sessions::current(&call)
        && let Err(error) = access.end_session(id, &by(&call)).await
        && !matches!(error, ChangeError::NoSession(_))
    {
        tracing::warn!(%error, "a session did not end");
        return errors::unavailable(&call);
    }
    let is_by_provider = match holder(&call) {
        Some(account) => access.is_by_provider(account.id).await,
        None => false,
    };
    // There it goes on.
    let page = if is_by_provider { login_provider::END } else { "/" };
    let to = format!("{page}?lang={}", language(&call).code());
    let removed = cookie::SESSION.clear(call.origin().is_https());
    with(see_other(&to), HeaderMap::from_iter([(header::SET_COOKIE, removed)]))
}

/// The page of one's own account.
pub(super) async fn account(call: WebCall) -> Response<Body> {
    let outcome = query::find(call.query(), "done").and_then(|word| AccountOutcome::read(&word));
    own_page(call, outcome).await
}

/// Changes one's own password. The account's sessions end, and this browser gets another one.
pub(super) async fn change_password(call: WebCall, body: RequestBody) -> Response<Body> {
    let (Some(access), Some(account)) = (&call.state.access, holder(&call)) else {
        return own_page(call, None).await;
    };
    let Some(form) = FormFields::read(body).await else {
        return own_page(call, Some(AccountOutcome::BrokenForm)).await;
    };
    match changed(&call, access, account, &form).await {
        Ok(secret) => {
            with(done(&call, AccountOutcome::Changed), sessions::begun(&call, access, &secret).cookie)
        }
        Err(outcome) => own_page(call, Some(outcome)).await,
    }
}

async fn changed(
    call: &WebCall,
    access: &Access,
    account: &Account,
    form: &FormFields,
) -> Result<SessionSecret, AccountOutcome> {
    let new = form.secret("new");
    if form.get("new") != form.get("again") {
        return Err(AccountOutcome::NotEqual);
    }
    // Whoever finds an open browser does not know it.
    access
        .login(account.name.as_str(), &form.secret("current"), call.client().address())
        .await
        .map_err(|error| refused_password(&error))?;
    let change = AccountUpdate { password: Some(new), ..AccountUpdate::default() };
    access.change_account(&account.name, change, &by(call)).await.map_err(refused_change)?;
    access.begin_session(account.id, &call.session_origin()).await.map_err(|error| {
        tracing::warn!(%error, "no session began after a change of the password");
        AccountOutcome::Failed
    })
}

fn refused_password(error: &LoginError) -> AccountOutcome {
    match error {
        LoginError::Throttled(wait) => AccountOutcome::Wait(wait.as_secs().max(1)),
        LoginError::Busy(_) | LoginError::Unavailable(_) | LoginError::Catalog(_) => AccountOutcome::Failed,
        _ => AccountOutcome::NotCurrent,
    }
}

fn refused_change(error: ChangeError) -> AccountOutcome {
    match error {
        ChangeError::Password(error) => AccountOutcome::Refused(error),
        ChangeError::NoPassword(_) => AccountOutcome::NoPassword,
        error => {
            tracing::warn!(%error, "a password was not changed");
            AccountOutcome::Failed
        }
    }
}

/// Ends one of one's own sessions, or all others.
pub(super) async fn end(call: WebCall, body: RequestBody) -> Response<Body> {
    let (Some(access), Some(account)) = (&call.state.access, holder(&call)) else {
        return own_page(call, None).await;
    };
    let Some(form) = FormFields::read(body).await else {
        return own_page(call, Some(AccountOutcome::BrokenForm)).await;
    };
    let id = form.get("id").unwrap_or_default();
    let ended = match id.as_str() {
        "others" => {
            let ended = end_others(access, account, sessions::current(&call), &by(&call)).await;
            ended.map_err(|error| tracing::warn!(%error, "sessions did not end"))
        }
        // One that has ended meanwhile is what was wanted.
        id => sessions::end(&call, id).await.or_else(|problem| match problem.status {
            StatusCode::NOT_FOUND => Ok(()),
            _ => Err(()),
        }),
    };
    match ended {
        Ok(()) => done(&call, AccountOutcome::Ended),
        Err(()) => own_page(call, Some(AccountOutcome::Failed)).await,
    }
}

async fn end_others(
    access: &Access,
    account: &Account,
    current: Option<&SessionId>,
    by: &Audit,
) -> Result<(), ChangeError> {
    let page = access.sessions(Some(&account.name), "", SESSIONS).await?;
    for record in page.rows.iter().filter(|record| current.is_none_or(|id| id.as_str() != record.id)) {
        let Ok(id) = record.id.parse() else { continue };
        match access.end_session(&id, by).await {
            Ok(()) | Err(ChangeError::NoSession(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn done(call: &WebCall, outcome: AccountOutcome) -> Response<Body> {
    see_other(&format!("/account?done={}&lang={}", outcome.word(), language(call).code()))
}

// The page is for people: an API token has no page, and whoever holds it must not manage its account.
fn holder(call: &WebCall) -> Option<&Account> {
    let principal = &call.caller.sender.principal;
    match (&principal.identity, &principal.carries) {
        (Identity::Account(account), Carries::All) => Some(account),
        _ => None,
    }
}

async fn own_page(call: WebCall, outcome: Option<AccountOutcome>) -> Response<Body> {
    let Some(access) = &call.state.access else { return errors::missing(call).await };
    let Some(account) = holder(&call) else { return see_other(&login_address(&call, language(&call))) };
    let found = async {
        let page = access.sessions(Some(&account.name), "", SESSIONS).await?;
        Ok::<_, ChangeError>((page.rows, access.has_password(account.id).await?))
    };
    let (rows, has_password) = match found.await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "an account cannot be shown");
            return errors::unavailable(&call);
        }
    };
    let current = sessions::current(&call);
    let mut sessions: Vec<_> = rows.into_iter().map(|record| sessions::view(record, current)).collect();
    sessions.sort_by_key(|session| (!session.current, std::cmp::Reverse(session.last_used)));
    let language = language(&call);
    let content = AccountPage { language, account, has_password, sessions: &sessions, outcome };
    let frame = Frame { page: PageKind::Account, language, query: "", visitor: visitor(&call) };
    let status = match outcome {
        None | Some(AccountOutcome::Changed | AccountOutcome::Ended) => StatusCode::OK,
        Some(AccountOutcome::Failed) => StatusCode::SERVICE_UNAVAILABLE,
        Some(AccountOutcome::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    personal(status, frame.around(&content.main()))
}

/// A login that is to be tried.
struct PasswordLogin {
    next: OwnPath,
    name: String,
    fault: Option<LoginFault>,
}

fn shown(call: &WebCall, access: &Access, attempt: &PasswordLogin) -> Response<Body> {
    let (language, origin) = (language(call), call.origin());
    let login = LoginView {
        language,
        next: &attempt.next,
        name: &attempt.name,
        fault: attempt.fault.as_ref(),
        providers: &call.state.login_providers,
        is_readable: !origin.is_https() && !host::is_loopback(&origin.asked()),
        is_in_use: access.is_in_use() || !call.state.login_providers.is_empty(),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("next", attempt.next.as_str()).finish();
    let frame = Frame { page: PageKind::Login, language, query: &query, visitor: visitor(call) };
    let status = match attempt.fault {
        None => StatusCode::OK,
        Some(LoginFault::Wrong | LoginFault::NoRole | LoginFault::Token) => StatusCode::UNAUTHORIZED,
        Some(LoginFault::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(LoginFault::Busy | LoginFault::Away | LoginFault::Unavailable) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Some(LoginFault::BrokenForm) => StatusCode::BAD_REQUEST,
    };
    personal(status, frame.around(&login.main()))
}

fn next(asked: Option<&str>) -> OwnPath {
    asked.and_then(OwnPath::read).unwrap_or_else(OwnPath::first)
}

fn with(mut response: Response<Body>, headers: HeaderMap) -> Response<Body> {
    response.headers_mut().extend(headers);
    response
}
