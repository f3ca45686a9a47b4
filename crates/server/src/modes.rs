//! The JSON API of the mode: what is on offer, and setting it by hand.

use std::time::{Duration, SystemTime};

use axum::body::Body as RequestBody;
use entrepot_access::{AuditAction, Operation};
use entrepot_api::{self as api, ModeState, NewModeOrder, Problem as ProblemBody};
use entrepot_policy::{Cause, Condition, Measure, Mode, Order, Percent};
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    headers::JSON,
    modes_in_force::ModeView,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by, may_read},
        call::WebCall,
        request::document,
    },
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;
/// The longest time that is counted, in seconds; without end is said without a time.
const LONGEST: u64 = 366 * 24 * 60 * 60;

/// Say which mode is in force, and why
#[utoipa::path(
    get, path = "/api/v1/mode", operation_id = "getMode", tag = "mode",
    responses(
        (status = 200, description = "The mode", body = ModeState),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn mode(call: WebCall) -> Result<Response<Body>, Problem> {
    may_read(&call, Operation::Inspect)?;
    Ok(state(&call))
}

/// Set the mode by hand
///
/// It counts at once, in place of what was set before and whatever conditions hold, until its time is over or it is taken
/// back. It is in force again after a restart.
#[utoipa::path(
    put, path = "/api/v1/mode", operation_id = "setMode", tag = "mode", request_body = NewModeOrder,
    responses(
        (status = 200, description = "It is in force", body = ModeState),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn set_mode(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let new: NewModeOrder = document(body).await?;
    let order = read(&new, by(&call).actor)?;
    let detail = told(&new);
    put(&call, Some(order), AuditAction { action: "mode.set", object: "mode", detail: Some(detail) }).await
}

/// Take back what was set by hand
///
/// The mode is that of the configuration and of its conditions again.
#[utoipa::path(
    delete, path = "/api/v1/mode", operation_id = "resetMode", tag = "mode",
    responses(
        (status = 200, description = "The mode in force", body = ModeState),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn reset_mode(call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    put(&call, None, AuditAction { action: "mode.reset", object: "mode", detail: None }).await
}

async fn put(
    call: &WebCall,
    order: Option<Order>,
    action: AuditAction<'_>,
) -> Result<Response<Body>, Problem> {
    let done = call.state.modes.order(order).await;
    if let Some(access) = &call.state.access {
        let recorded = match &done {
            Ok(_) => access.record_done(action, &by(call)).await,
            Err(_) => access.record_failed(action, &by(call)).await,
        };
        if let Err(error) = recorded {
            tracing::warn!("the audit log cannot be written: {error}");
        }
    }
    done.map_err(|error| {
        tracing::warn!(%error, "what was set by hand about the mode cannot be recorded");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer, and nothing has changed")
            .in_chinese("数据库没有响应，未作任何更改")
    })?;
    Ok(state(call))
}

fn state(call: &WebCall) -> Response<Body> {
    answer::json(&view(&call.state.modes.view()), JSON)
}

// What was asked for, for the audit log.
fn told(new: &NewModeOrder) -> String {
    let switch =
        |name: &str, flag: Option<bool>| flag.map(|on| format!("{name} {}", if on { "on" } else { "off" }));
    let parts = [
        new.mode.map(|mode| mode.to_string()),
        switch("tag_lists", new.tag_lists),
        switch("catalog", new.catalog),
        new.seconds.map(|seconds| format!("for {seconds} s")),
        new.reason.clone(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn read(new: &NewModeOrder, by: String) -> Result<Order, Problem> {
    let NewModeOrder { mode, tag_lists, catalog, reason, seconds } = new.clone();
    if mode.is_none() && tag_lists.is_none() && catalog.is_none() {
        return Err(Problem::bad("one of `mode`, `tag_lists` and `catalog` is needed")
            .about("mode")
            .with_hint("to take back what was set, send `DELETE`")
            .in_chinese("需要 `mode`、`tag_lists`、`catalog` 中的至少一项")
            .with_chinese_hint("要撤销之前的设置，请用 `DELETE`"));
    }
    let reason = reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let is_line =
        |text: &String| text.chars().count() <= LONGEST_REASON && !text.chars().any(char::is_control);
    if reason.as_ref().is_some_and(|reason| !is_line(reason)) {
        return Err(Problem::bad(format!("`reason` is one line of {LONGEST_REASON} characters at most"))
            .about("reason")
            .in_chinese(format!("`reason` 只能有一行，最多 {LONGEST_REASON} 个字符")));
    }
    if seconds.is_some_and(|seconds| !(1..=LONGEST).contains(&seconds)) {
        return Err(Problem::bad(format!("`seconds` must be from 1 to {LONGEST}"))
            .about("seconds")
            .with_hint("leave it out for a mode without end")
            .in_chinese(format!("`seconds` 应为 1 到 {LONGEST}"))
            .with_chinese_hint("不写表示一直有效"));
    }
    let since = SystemTime::now();
    let until = seconds.map(|seconds| since + Duration::from_secs(seconds));
    Ok(Order { mode: mode.map(known), tag_lists, catalog, reason, since, until, by })
}

fn view(view: &ModeView) -> ModeState {
    let ModeView { offer, order, conditions } = view;
    ModeState {
        mode: shown(offer.mode),
        cause: match offer.cause {
            Cause::Configured => api::ModeCause::Configuration,
            Cause::ByHand => api::ModeCause::Hand,
            Cause::Condition(_) => api::ModeCause::Condition,
        },
        reason: offer.why(),
        until: offer.until.map(Into::into),
        small: offer.small,
        tag_lists: offer.lists_tags,
        catalog: offer.lists_names,
        order: order.as_ref().map(|order| api::ModeOrder {
            mode: order.mode.map(shown),
            tag_lists: order.tag_lists,
            catalog: order.catalog,
            by: order.by.clone(),
            since: order.since.into(),
        }),
        conditions: conditions.iter().map(condition).collect(),
    }
}

fn condition((condition, holds, measured): &(Condition, bool, Option<Percent>)) -> api::ModeCondition {
    api::ModeCondition {
        measure: match condition.measure() {
            Measure::Disk => api::ModeMeasure::Disk,
            Measure::Budget => api::ModeMeasure::Budget,
            Measure::Load => api::ModeMeasure::Load,
        },
        limit: condition.limit().to_string(),
        measured: measured.map(|measured| measured.to_string()),
        mode: shown(condition.mode()),
        holds: *holds,
    }
}

/// The mode on the wire.
pub(crate) fn shown(mode: Mode) -> api::Mode {
    match mode {
        Mode::Normal => api::Mode::Normal,
        Mode::SmallOnly => api::Mode::SmallOnly,
        Mode::CachedOnly => api::Mode::CachedOnly,
        Mode::Closed => api::Mode::Closed,
    }
}

fn known(mode: api::Mode) -> Mode {
    match mode {
        api::Mode::Normal => Mode::Normal,
        api::Mode::SmallOnly => Mode::SmallOnly,
        api::Mode::CachedOnly => Mode::CachedOnly,
        api::Mode::Closed => Mode::Closed,
    }
}
