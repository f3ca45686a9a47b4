//! The JSON API of images that are denied by command, and of who pulled what.

use std::time::{Duration, SystemTime};

use axum::body::Body as RequestBody;
use entrepot_access::{AuditAction, Operation};
use entrepot_api::{
    Denial as DenialBody, DenialList, DenialQuery, DenialResult, NewDenial, Problem as ProblemBody,
    Puller as PullerBody, PullerList, PullerQuery,
};
use entrepot_catalog::{Error as CatalogError, PullerRecord};
use entrepot_mirror::{Error as MirrorError, Mirror, Origin, Removal, RepoKey};
use entrepot_oci::{ImageRef, Name, Page, Reference};
use entrepot_policy::{ImagePattern, Notice, SectionFault};
use http::{Response, StatusCode};

use crate::{
    answer,
    body::Body,
    denials::Denial,
    headers::JSON,
    held, query,
    sync::problem::Problem,
    web::{
        allowed::{allowed, may, note, refused},
        call::WebCall,
        request::document,
    },
};

/// The days that are looked back, unless the caller says how many.
const DAYS: u32 = 30;
/// The most days, and the most pulls that are told at once.
const MOST_DAYS: u32 = 3660;
const MOST_PULLS: usize = 1000;

/// List what is denied by command
#[utoipa::path(
    get, path = "/api/v1/pull-rules/denials", operation_id = "listDenials", tag = "rules",
    responses(
        (status = 200, description = "What is denied, besides what the configuration says", body = DenialList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn denials(call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::Inspect)?;
    let denials = call.state.rules.denials().all().values().map(view).collect();
    Ok(answer::json(&DenialList { denials }, JSON))
}

/// Deny images
///
/// At once, also beyond a restart, and whatever the configuration allows. What is held of them can be removed with the same
/// request, and the answer can say who pulled them.
#[utoipa::path(
    post, path = "/api/v1/pull-rules/denials", operation_id = "denyImages", tag = "rules",
    request_body = NewDenial,
    responses(
        (status = 201, description = "They are denied", body = DenialResult),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn deny(call: WebCall, body: RequestBody) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let NewDenial { image, reason, notice, legal, purge, pulled_by_days } = document(body).await?;
    let (wanted, notice) =
        (DenialTarget::read(&call.state.mirror, &image)?, Notice { reason, notice, is_legal: legal });
    if purge && !may(&call, Operation::ManageCache)
        || pulled_by_days.is_some() && !may(&call, Operation::ReadAudit)
    {
        return Err(refused(&call));
    }
    if purge && wanted.has_stars_in_tag() {
        return Err(Problem::bad("what is held is removed by repository, tag or digest")
            .about("purge")
            .with_hint("leave out the stars behind the colon, or `purge`")
            .in_chinese("只能按仓库、标签或摘要删除缓存")
            .with_chinese_hint("请去掉冒号后的星号，或不使用 `purge`"));
    }
    let days = pulled_by_days.map(days).transpose()?;
    let actor = call.caller.sender.principal.label();
    let denial = Denial::new(wanted.pattern(), notice, actor).map_err(unreadable)?;
    let view = view(&denial);
    let made = call.state.rules.deny(denial).await;
    let deed = AuditAction { action: "rules.deny", object: &view.image, detail: view.reason.clone() };
    note(&call, deed, made.is_ok()).await;
    made.map_err(failed)?;
    // Who pulled it is told also where nothing is held any more.
    let pulled_by = match (days, &wanted.key) {
        (Some(days), Some(key)) => Some(pullers(&call, key, days).await?),
        _ => None,
    };
    let removed = if purge { Some(held::removal(wanted.purge(&call.state.mirror).await?)) } else { None };
    Ok(answer::created(&DenialResult { denial: view, removed, pulled_by }))
}

/// Take a denial back
///
/// What the configuration denies stays denied.
#[utoipa::path(
    delete, path = "/api/v1/pull-rules/denials", operation_id = "undenyImages", tag = "rules",
    params(DenialQuery),
    responses(
        (status = 204, description = "It was taken back"),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn undeny(call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ManageRules)?;
    let image = query::text(call.query(), "image").unwrap_or_default();
    let pattern = DenialTarget::read(&call.state.mirror, &image)?.pattern();
    let done = call.state.rules.undeny(&pattern).await;
    note(&call, AuditAction { action: "rules.undeny", object: &pattern, detail: None }, done.is_ok()).await;
    if done.map_err(failed)? {
        return Ok(answer::empty(StatusCode::NO_CONTENT));
    }
    Err(Problem::new(StatusCode::NOT_FOUND, format!("`{pattern}` is not denied by command"))
        .with_hint("what is: `entrepot rules denied`; what the configuration denies is changed there")
        .in_chinese(format!("没有用命令禁止过 `{pattern}`"))
        .with_chinese_hint("用命令禁止的见 `entrepot rules denied`；配置中的规则请在配置中修改"))
}

/// Say who pulled an image
///
/// As far as the configuration has it recorded: `rules.pulled_by`.
#[utoipa::path(
    get, path = "/api/v1/pull-rules/pulled-by", operation_id = "listPullers", tag = "rules",
    params(PullerQuery),
    responses(
        (status = 200, description = "Who pulled it", body = PullerList),
        (status = "default", description = "Refused", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(crate) async fn pulled_by(call: WebCall) -> Result<Response<Body>, Problem> {
    allowed(&call, Operation::ReadAudit)?;
    let image = query::text(call.query(), "image").unwrap_or_default();
    let number = query::text(call.query(), "days").map_or(Ok(DAYS), |text| text.parse().map_err(|_| ()));
    let days = days(number.unwrap_or(0))?;
    let name: Name = ImageRef::split(&image).0.parse().map_err(|error| wrong(&image, format!("{error}")))?;
    let key = call.state.mirror.held_as(&name)?;
    Ok(answer::json(&pullers(&call, &key, days).await?, JSON))
}

/// The images that somebody means: as clients name them, or a pattern of rules.
struct DenialTarget {
    /// The repository, unless there are stars in it.
    key: Option<RepoKey>,
    repositories: String,
    /// The tag or digest, with what stands before it.
    rest: String,
    reference: Option<Reference>,
}

impl DenialTarget {
    fn read(mirror: &Mirror, text: &str) -> Result<Self, Problem> {
        let (name, tag, digest) = ImageRef::split(text);
        let rest = text.strip_prefix(name).unwrap_or_default().to_owned();
        let reference = digest.or(tag).and_then(|text| text.parse().ok());
        if name.contains('*') {
            return Ok(Self { key: None, repositories: name.to_owned(), rest, reference });
        }
        let parsed: Name = name.parse().map_err(|error| wrong(text, format!("{error}")))?;
        let key = mirror.held_as(&parsed)?;
        if key.origin == Origin::Hosted {
            return Err(Problem::bad(format!("`{text}` was pushed here: rules are about what others have"))
                .about("image")
                .with_hint("remove it: `entrepot cache rm`")
                .in_chinese(format!("`{text}` 是推送到本站的镜像，规则只针对其他镜像站"))
                .with_chinese_hint("可以删除：`entrepot cache rm`"));
        }
        Ok(Self { repositories: key.to_string(), key: Some(key), rest, reference })
    }

    /// As rules have it.
    fn pattern(&self) -> String {
        format!("{}{}", self.repositories, self.rest)
    }

    fn has_stars_in_tag(&self) -> bool {
        !self.rest.is_empty() && self.reference.is_none()
    }

    /// Removes what is held of it.
    async fn purge(&self, mirror: &Mirror) -> Result<Removal, Problem> {
        if let Some(key) = &self.key {
            return Ok(removed(mirror.remove(key, self.reference.as_ref()).await)?);
        }
        let pattern: ImagePattern =
            self.repositories.parse().map_err(|error| wrong(&self.repositories, format!("{error}")))?;
        let (mut sum, mut after) = (none(), None::<String>);
        loop {
            let page =
                Page::parse(None, after.as_deref()).map_err(|error| Problem::bad(error.to_string()))?;
            let held = mirror.repositories(None, &page).await?;
            for repository in &held.repositories {
                if !pattern.repositories().matches(&repository.name) {
                    continue;
                }
                let Ok(name) = repository.name.parse::<Name>() else { continue };
                let one = removed(mirror.remove(&mirror.held_as(&name)?, self.reference.as_ref()).await)?;
                sum = Removal {
                    manifests: sum.manifests + one.manifests,
                    blobs: sum.blobs + one.blobs,
                    freed: sum.freed + one.freed,
                };
            }
            after = held.repositories.last().map(|last| last.name.clone());
            if !held.more {
                return Ok(sum);
            }
        }
    }
}

fn none() -> Removal {
    Removal { manifests: 0, blobs: 0, freed: 0 }
}

// What is not held need not be removed.
fn removed(outcome: Result<Removal, MirrorError>) -> Result<Removal, MirrorError> {
    match outcome {
        Err(MirrorError::RepositoryUnknown { .. } | MirrorError::ManifestUnknown { .. }) => Ok(none()),
        outcome => outcome,
    }
}

async fn pullers(call: &WebCall, key: &RepoKey, days: Duration) -> Result<PullerList, Problem> {
    let (rules, since) = (&call.state.rules, SystemTime::now() - days);
    let recorded_for = rules.pullers().kept_for().map(|time| time.as_secs());
    let (rows, more) = match rules.catalog() {
        Some(catalog) => {
            rules.pullers().write(catalog).await.map_err(failed)?;
            let listing = catalog.pullers(key, since, MOST_PULLS).await.map_err(failed)?;
            (listing.rows, listing.more)
        }
        None => (Vec::new(), false),
    };
    let pulls = rows.into_iter().map(|PullerRecord { digest, client, pulls, last }| PullerBody {
        digest: digest.to_string(),
        client,
        pulls,
        last: last.into(),
    });
    Ok(PullerList { repository: key.to_string(), recorded_for, pulls: pulls.collect(), more })
}

fn days(number: u32) -> Result<Duration, Problem> {
    if (1..=MOST_DAYS).contains(&number) {
        return Ok(Duration::from_secs(u64::from(number) * 24 * 60 * 60));
    }
    Err(Problem::bad(format!("the days are a number from 1 to {MOST_DAYS}"))
        .about("days")
        .in_chinese(format!("天数应为 1 到 {MOST_DAYS} 的数字")))
}

fn view(denial: &Denial) -> DenialBody {
    let Notice { reason, notice, is_legal } = denial.rule.notice.clone();
    DenialBody {
        image: denial.image().to_owned(),
        reason,
        notice,
        legal: is_legal,
        since: denial.since.into(),
        by: denial.actor.clone(),
    }
}

fn unreadable(SectionFault { path, what }: SectionFault) -> Problem {
    let field = match path.first().map(String::as_str) {
        Some("reason") => "reason",
        Some("notice") => "notice",
        _ => "image",
    };
    Problem::bad(what).about(field).in_chinese("镜像模式、原因或公告地址有误")
}

fn wrong(text: &str, what: String) -> Problem {
    Problem::bad(what).about("image").in_chinese(format!("`{text}` 不是镜像名，例如 `nginx:1.27`"))
}

fn failed(error: CatalogError) -> Problem {
    tracing::warn!(%error, "the database failed");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        .with_hint("try again later; the server's log says more")
        .in_chinese("数据库没有响应")
        .with_chinese_hint("请稍后重试，详情见服务器日志")
}
