//! May the caller of the JSON API do this?

use entrepot_access::{Access, Audit, AuditAction, Identity, OngoingAccess, Operation};
use entrepot_api::ProblemCode;
use http::StatusCode;

use super::call::WebCall;
use crate::{
    sender::{Credentials, Rejection, RejectionKind, SOON},
    sync::problem::Problem,
};

/// The accounts, or "not found" without them.
pub(crate) fn access(call: &WebCall) -> Result<&Access, Problem> {
    call.state.access.as_ref().ok_or_else(Problem::not_found)
}

/// Returns the accounts if the caller may do this.
pub(crate) fn allowed(call: &WebCall, operation: Operation) -> Result<&Access, Problem> {
    let access = access(call)?;
    if may(call, operation) { Ok(access) } else { Err(refused(call)) }
}

/// True if the caller may do this. A registry token is for the registry API: who gets one for a pull must not manage the
/// account of whoever asked for it.
pub(crate) fn may(call: &WebCall, operation: Operation) -> bool {
    let sender = &call.caller.sender;
    let is_registry_token = matches!(sender.credentials, Credentials::Token(_));
    let access = call.state.access.as_ref().filter(|_| !is_registry_token || operation == Operation::See);
    access.is_some_and(|access| access.rules().may(&sender.principal, operation))
}

/// Lets the caller read what is there with and without accounts. Without accounts, everybody may.
pub(crate) fn may_read(call: &WebCall, operation: Operation) -> Result<(), Problem> {
    if call.state.access.is_some() { allowed(call, operation).map(drop) } else { Ok(()) }
}

/// The caller, for the audit log.
pub(crate) fn by(call: &WebCall) -> Audit {
    Audit {
        actor: call.caller.sender.principal.label(),
        address: call.client().address().map(|address| address.to_string()),
        request_id: Some(call.caller.id.as_str().to_owned()),
    }
}

/// By what the caller does something that goes on for long.
pub(crate) fn lasting(call: &WebCall, operation: Operation) -> OngoingAccess {
    let sender = &call.caller.sender;
    let session = match &sender.credentials {
        Credentials::Session(id) => Some(id.clone()),
        _ => None,
    };
    OngoingAccess { principal: sender.principal.clone(), session, ssh_key: None, operation }
}

/// Writes what the caller did, or tried in vain, into the audit log. What cannot be written down was done all the same.
pub(crate) async fn note(call: &WebCall, action: AuditAction<'_>, is_done: bool) {
    let (Some(access), audit) = (call.state.access.as_ref(), by(call)) else { return };
    let recorded = if is_done {
        access.record_done(action, &audit).await
    } else {
        access.record_failed(action, &audit).await
    };
    if let Err(error) = recorded {
        tracing::warn!("the audit log cannot be written: {error}");
    }
}

/// What a caller is told who may not do something.
pub(crate) fn refused(call: &WebCall) -> Problem {
    let sender = &call.caller.sender;
    match (&sender.credentials, &sender.principal.identity) {
        (Credentials::Refused(rejection), _) => of_rejection(rejection),
        (_, Identity::Account(_) | Identity::SyncToken) => {
            let who = sender.principal.label();
            Problem::new(StatusCode::FORBIDDEN, format!("{who} may not do this"))
                .with_hint("an admin can, or the server's owner on its machine: `entrepot account`")
                .in_chinese(format!("{who} 没有这项权限"))
                .with_chinese_hint("请管理员操作，或在服务器上使用 `entrepot account`")
        }
        _ => Problem::new(StatusCode::UNAUTHORIZED, "this needs a login")
            .with_hint(
                "send a user name and password, or an API token; on the server's machine: `entrepot account`",
            )
            .in_chinese("需要登录")
            .with_chinese_hint("请提供用户名和密码，或 API 令牌；在服务器上可使用 `entrepot account`"),
    }
}

fn of_rejection(rejection: &Rejection) -> Problem {
    let problem = |status| Problem::new(status, rejection.message.clone());
    match rejection.kind {
        RejectionKind::Password => problem(StatusCode::UNAUTHORIZED)
            .coded(ProblemCode::LoginRefused)
            .in_chinese("用户名或密码错误，或者令牌已失效"),
        RejectionKind::Token => {
            problem(StatusCode::UNAUTHORIZED).coded(ProblemCode::LoginRefused).in_chinese("令牌无效或已过期")
        }
        RejectionKind::Wait(wait) => problem(StatusCode::TOO_MANY_REQUESTS)
            .after(wait.as_secs())
            .in_chinese(format!("登录失败次数过多，请在 {} 秒后重试", wait.as_secs().max(1))),
        RejectionKind::Unavailable => {
            problem(StatusCode::SERVICE_UNAVAILABLE).after(SOON).in_chinese("暂时无法读取账号，请稍后重试")
        }
    }
}
