//! The JSON API of limits: what is in force, how somebody stands, why they were refused, and who is banned.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::body::Body as RequestBody;
use entrepot_access::{AuditAction, Operation};
use entrepot_api::{
    Ban as BanBody, BanList, ClientLimits, LimitExplanation, LimitList, NewBan as NewBanBody,
    Problem as ProblemBody,
};
use entrepot_catalog::Error as CatalogError;
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    limit_views as views,
    limits::{Ban, NewBan, Subject, SubjectError},
    sync::problem::Problem,
    web::{
        allowed::{allowed, may_read, note},
        call::WebCall,
        request::{Segment, document},
    },
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;
/// The longest ban that ends by itself, in seconds.
const LONGEST_BAN: u64 = 10 * 366 * 24 * 60 * 60;

/// Say which limits are in force
#[utoipa::path(
    get, path = "/api/v1/limits", operation_id = "getLimits", tag = "limits",
    responses(
        (status = 200, description = "The limits", body = LimitList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn limits(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    Ok(answer::json(&views::list(&call.state.limits), JSON))
}

/// Say how the caller stands
///
/// As what they are counted, what they have left, and whether they are banned.
#[utoipa::path(
    get, path = "/api/v1/limits/me", operation_id = "getOwnLimits", tag = "limits",
    responses(
        (status = 200, description = "How the caller stands", body = ClientLimits),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn own(call: WebCall) -> Result<Response<Body>, Problem> {
    Ok(answer::json(&views::standing(call.state.limits.standing(&call.asker())), JSON))
}

/// Say what the id of a refusal or ban stands for
///
/// Bans are found by their subject, too. Refusals are forgotten by and by, and by a restart.
#[utoipa::path(
    get, path = "/api/v1/limits/explain/{id}", operation_id = "explainLimit", tag = "limits",
    params(("id" = String, Path, description = "The id that a client was told")),
    responses(
        (status = 200, description = "The refusal or the ban", body = LimitExplanation),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn explain(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    let id = id?.0;
    let refusal = call.state.limits.refusal(&id).map(views::refusal);
    let ban = call.state.limits.find_ban(&id).as_deref().map(views::ban);
    if refusal.is_none() && ban.is_none() {
        return Err(unknown(&id));
    }
    Ok(answer::json(&LimitExplanation { refusal, ban }, JSON))
}

/// List bans
#[utoipa::path(
    get, path = "/api/v1/limits/bans", operation_id = "listBans", tag = "limits",
    responses(
        (status = 200, description = "The bans in force", body = BanList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn bans(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    Ok(answer::json(&views::bans(&call.state.limits), JSON))
}

/// Ban somebody
///
/// In place of an earlier ban of the same. It counts at once and survives a restart.
#[utoipa::path(
    post, path = "/api/v1/limits/bans", operation_id = "addBan", tag = "limits", request_body = NewBanBody,
    responses(
        (status = 201, description = "It is in force", body = BanBody),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn add_ban(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let new = read(document(body).await?, call.caller.sender.principal.label())?;
    let (object, reason) = (new.subject.to_string(), new.reason.clone());
    let made = call.state.limits.ban(new).await;
    let deed = AuditAction { action: "ban.add", object: &object, detail: Some(reason) };
    note(&call, deed, made.is_ok()).await;
    let ban = made.map_err(failed)?;
    Ok(answer::created(&views::ban(&ban)))
}

/// Lift a ban
#[utoipa::path(
    delete, path = "/api/v1/limits/bans/{id}", operation_id = "liftBan", tag = "limits",
    params(("id" = String, Path, description = "The ban's id, or its subject")),
    responses(
        (status = 204, description = "It was lifted"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn lift(id: Segment, call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let id = id?.0;
    let ban: Arc<Ban> = call.state.limits.find_ban(&id).ok_or_else(|| unknown(&id))?;
    let lifted = call.state.limits.lift(&ban).await;
    let deed = AuditAction {
        action: "ban.lift",
        object: &ban.subject.to_string(),
        detail: Some(ban.reason.clone()),
    };
    note(&call, deed, lifted.is_ok()).await;
    lifted.map_err(failed)?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

fn read(new: NewBanBody, actor: String) -> Result<NewBan, Problem> {
    let NewBanBody { subject, reason, seconds } = new;
    let subject: Subject = subject.trim().parse().map_err(|error: SubjectError| {
        Problem::bad(error.to_string())
            .about("subject")
            .in_chinese("封禁对象应为地址、网段或账号，例如 `203.0.113.7`、`2001:db8::/48`、`account:alice`")
    })?;
    let reason = reason.trim().to_owned();
    let is_line = !reason.is_empty() && !reason.chars().any(char::is_control);
    if !is_line || reason.chars().count() > LONGEST_REASON {
        return Err(Problem::bad(format!("a reason is one line of {LONGEST_REASON} characters at most"))
            .about("reason")
            .with_hint("those who are banned are told")
            .in_chinese(format!("原因应为一行文字，最多 {LONGEST_REASON} 个字符"))
            .with_chinese_hint("被封禁者会看到这段文字"));
    }
    if !seconds.is_none_or(|seconds| (1..=LONGEST_BAN).contains(&seconds)) {
        return Err(Problem::bad(format!("a ban is from 1 to {LONGEST_BAN} seconds"))
            .about("seconds")
            .with_hint("leave it out to ban until somebody lifts it")
            .in_chinese(format!("封禁时长应为 1 到 {LONGEST_BAN} 秒"))
            .with_chinese_hint("不写则一直封禁，直到有人解除"));
    }
    let until = seconds.map(|seconds| SystemTime::now() + Duration::from_secs(seconds));
    Ok(NewBan { subject, reason, actor, until })
}

fn unknown(id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("nothing is known of `{id}`"))
        .with_hint("refusals are forgotten by and by, and by a restart; bans: `entrepot limits ls`")
        .in_chinese(format!("没有 `{id}` 的记录"))
        .with_chinese_hint("拒绝记录会逐渐被清除，重启后也会清空；封禁见 `entrepot limits ls`")
}

fn failed(error: CatalogError) -> Problem {
    tracing::warn!(%error, "a ban could not be written down");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer, and nothing was changed")
        .with_hint("try again later; the server's log says more")
        .in_chinese("数据库没有响应，未作任何更改")
        .with_chinese_hint("请稍后重试，详情见服务器日志")
}
