//! How front ends log in: `/base/login` begins a session of ours, whose secret they send as `x-token`.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body as RequestBody;
use entrepot_access::{LoginError, Role};
use http::{Response, StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::envelope::{CallFailure, CallMessages, answered, language};
use crate::{
    body::Body,
    sync::problem::Problem,
    web::{allowed::access, call::WebCall, request::document_up_to},
};

/// The largest login, in bytes: a password may have a thousand.
const MAX_LOGIN: usize = 16 << 10;

// Captchas are not asked for: logins are slowed down instead.
#[derive(Deserialize)]
struct LoginBody {
    username: String,
    password: SecretString,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoggedIn {
    user: User,
    token: String,
    expires_at: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(rename = "ID")]
    id: i64,
    username: String,
    user_name: String,
    nick_name: String,
    authority_id: u32,
    authority: Authority,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authority {
    authority_id: u32,
    authority_name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Captcha {
    captcha_id: &'static str,
    pic_path: &'static str,
    captcha_length: u8,
    open_captcha: bool,
}

/// Says that none is needed.
pub(super) async fn captcha(call: WebCall) -> Response<Body> {
    let none = Captcha { captcha_id: "", pic_path: "", captcha_length: 0, open_captcha: false };
    let said = CallMessages { done: "验证码获取成功", failed: "验证码获取失败" };
    answered(Ok::<_, CallFailure>(none), &said, language(&call.headers))
}

/// Begins a session.
pub(super) async fn log_in(call: WebCall, body: RequestBody) -> Response<Body> {
    let said = CallMessages { done: "登录成功", failed: "登录失败" };
    let language = language(&call.headers);
    answered(try_log_in(&call, body).await, &said, language)
}

async fn try_log_in(call: &WebCall, body: RequestBody) -> Result<LoggedIn, CallFailure> {
    let access = access(call)?;
    let LoginBody { username, password } = document_up_to(body, MAX_LOGIN).await?;
    let secret = access.log_in(&username, &password, &call.session_origin()).await.map_err(refused)?;
    let session = access.session(secret.expose()).await.map_err(|_| refused(LoginError::Wrong))?;
    let account = session.principal.account().ok_or_else(|| refused(LoginError::Wrong))?;
    let ends = SystemTime::now() + access.session_limits().max_age;
    let ends = ends.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (authority_id, authority_name) = authority(account.role);
    Ok(LoggedIn {
        user: User {
            id: account.id,
            username: account.name.to_string(),
            user_name: account.name.to_string(),
            nick_name: account.name.to_string(),
            authority_id,
            authority: Authority { authority_id, authority_name },
        },
        token: secret.expose().to_owned(),
        // Milliseconds since 1970 fit for millions of years.
        expires_at: u64::try_from(ends.as_millis()).unwrap_or(u64::MAX),
    })
}

// What front ends know as the super admin is 888.
fn authority(role: Role) -> (u32, &'static str) {
    match role {
        Role::Admin => (888, "管理员"),
        Role::Operator => (8881, "运维"),
        Role::User => (9528, "用户"),
        Role::Viewer => (9529, "只读"),
    }
}

// Not 401, which front ends take for the end of a session.
fn refused(error: LoginError) -> CallFailure {
    let chinese = match &error {
        LoginError::Throttled(wait) => format!("登录失败次数过多，请在 {} 秒后重试", wait.as_secs().max(1)),
        LoginError::TokenForSession => "此处需要密码，API 令牌请直接放在 `x-token` 中".to_owned(),
        LoginError::Busy(_) | LoginError::Unavailable(_) | LoginError::Catalog(_) => {
            "暂时无法登录，请稍后重试".to_owned()
        }
        LoginError::Wrong
        | LoginError::NoRole
        | LoginError::Unconfirmed { .. }
        | LoginError::Workload(_)
        | LoginError::Token(_)
        | LoginError::Expired { .. } => "用户名不存在或者密码错误".to_owned(),
    };
    if let LoginError::Catalog(cause) = &error {
        tracing::warn!(%cause, "a login could not be decided");
    }
    CallFailure::Problem(Box::new(
        Problem::new(StatusCode::BAD_REQUEST, error.to_string()).in_chinese(chinese),
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pages::words::Language;

    #[test]
    fn a_refused_login_says_why_in_both_languages() {
        for (error, chinese) in [
            (LoginError::Wrong, "用户名不存在或者密码错误"),
            (LoginError::TokenForSession, "此处需要密码，API 令牌请直接放在 `x-token` 中"),
            (LoginError::Throttled(Duration::from_secs(7)), "登录失败次数过多，请在 7 秒后重试"),
        ] {
            let english = error.to_string();
            let CallFailure::Problem(problem) = refused(error) else { panic!("it is no 401") };
            assert_eq!(problem.message_in(Language::Chinese), chinese);
            assert_eq!(problem.message_in(Language::English), english);
        }
    }
}
