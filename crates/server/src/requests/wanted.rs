//! What somebody asks for, and whether they may have it.

use entrepot_access::{AuditAction, Identity, Operation, Verb, Visibility};
use entrepot_mirror::{AnonymousAccess, Probe};
use entrepot_oci::{Method, Platform, Reference};
use entrepot_policy::{Explanation, FullName, PullSubject};
use entrepot_requests::{Image, ImageMeaning, ParsedText, RequestedImage, Requester, Requests, read};
use http::StatusCode;

use super::problem::{doubtful, no_name};
use crate::{
    action::{Action, ContentRef},
    limits,
    pages::here::OwnAddress,
    sync::problem::Problem,
    web::{
        allowed::{allowed, by, may},
        call::WebCall,
    },
};

/// The longest list of platforms.
const MOST_PLATFORMS: usize = 16;

/// The requests, if the caller may ask for images.
pub(crate) fn requests(call: &WebCall) -> Result<&Requests, Problem> {
    allowed(call, Operation::Request)?;
    call.state.requests.as_ref().ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "images cannot be asked for here")
            .with_hint("write `requests: {}` in the server's configuration")
            .in_chinese("本站未开放镜像请求")
            .with_chinese_hint("请在服务器的配置中写上 `requests: {}`")
    })
}

/// The caller, as the limits of requests know them.
pub(crate) fn asker(call: &WebCall) -> Requester {
    let principal = &call.caller.sender.principal;
    let client = match &principal.identity {
        Identity::Account(account) => format!("account:{}", account.name),
        Identity::Workload(_) => principal.label(),
        _ => call.client().address().map_or_else(|| principal.label(), |address| address.to_string()),
    };
    Requester { client, is_exempt: call.state.limits.exempts(principal) }
}

/// Whose requests the caller sees: those of this client, or `None` for all.
pub(crate) fn whose(call: &WebCall) -> Option<String> {
    (!may(call, Operation::Inspect)).then(|| asker(call).client)
}

/// What a text and these platforms mean.
///
/// # Errors
/// It is not certain, or means no image that is mirrored here.
pub(crate) fn wanted(call: &WebCall, text: &str, platforms: &[String]) -> Result<RequestedImage, Problem> {
    let names = call.state.mirror.names();
    let here = OwnAddress::of(&call.origin(), names);
    let Some(ParsedText { meaning: asked, platforms: named }) = read(text, here.host(), names) else {
        return Err(no_name(&ImageMeaning::Placeholder));
    };
    let mut all = parsed(platforms)?;
    all.extend(named);
    let mut known = Vec::new();
    all.retain(|platform| {
        !known.contains(platform) && {
            known.push(platform.clone());
            true
        }
    });
    match asked {
        ImageMeaning::Image(image) => Ok(RequestedImage { image, platforms: all }),
        ImageMeaning::Perhaps(images) => Err(doubtful(&images)),
        other => Err(no_name(&other)),
    }
}

fn parsed(platforms: &[String]) -> Result<Vec<Platform>, Problem> {
    if platforms.len() > MOST_PLATFORMS {
        return Err(Problem::bad(format!("these are more than {MOST_PLATFORMS} platforms"))
            .about("platforms")
            .in_chinese(format!("平台不能超过 {MOST_PLATFORMS} 个")));
    }
    let platform = |text: &String| {
        text.parse::<Platform>().map_err(|error| {
            Problem::bad(error.to_string())
                .about("platforms")
                .in_chinese("平台的写法是 `os/architecture`，例如 `linux/arm64`、`linux/arm/v7`")
        })
    };
    platforms.iter().map(platform).collect()
}

/// Lets the caller ask for an image: by their rights, by the rules about pulls, and by the limits of pulls.
///
/// # Errors
/// They may not.
pub(crate) async fn admit(call: &WebCall, image: &Image) -> Result<(), Problem> {
    let Some(host) = image.upstream() else { return Ok(()) };
    let name = FullName { host, repository: &image.key().repository };
    if let Err(refused) = by_rules(call, name, image.reference()) {
        let deed = AuditAction { action: "request.create", object: &image.explicit(), detail: None };
        if let Some(access) = &call.state.access
            && let Err(error) = access.record_refused(deed, &by(call)).await
        {
            tracing::warn!("the audit log cannot be written: {error}");
        }
        return Err(refused);
    }
    let client =
        limits::LimitedClient { principal: &call.caller.sender.principal, address: call.origin().client() };
    let action = Action::Pull(ContentRef::Manifest(image.reference()));
    // Looking it up asks its registry, as the pull of a manifest does.
    call.state.limits.admit(&client, (&action, Method::Get)).await?;
    by_rights(call, image).await
}

fn by_rules(call: &WebCall, name: FullName<'_>, reference: &Reference) -> Result<(), Problem> {
    let current = call.state.rules.current();
    match current.rules.explain(name, Some(reference)) {
        Explanation::Refused(refused) => {
            let wanted = PullSubject { name, reference: Some(reference) };
            Err(call.state.rules.refuse(&current, &refused, wanted).into())
        }
        Explanation::Allowed(_) | Explanation::SomeImages => Ok(()),
    }
}

// What an upstream gives only to our account is only for those who were granted it. It is asked only if that decides.
async fn by_rights(call: &WebCall, image: &Image) -> Result<(), Problem> {
    let Some(access) = &call.state.access else { return Ok(()) };
    let (rules, full, mirror) = (access.rules(), image.repository(), &call.state.mirror);
    let principal = &call.caller.sender.principal;
    let has = |visibility| rules.rights(principal, &full, visibility).has(Verb::Request);
    if has(Visibility::Private) {
        return Ok(());
    }
    let is_open = has(rules.visibility(&full));
    let verdict = match is_open {
        true => Some(mirror.verdict(image.key(), Probe::Manifest(image.reference())).await?),
        false => None,
    };
    if verdict == Some(AnonymousAccess::Public) {
        return Ok(());
    }
    // The same whether there is such an image or not.
    let problem = Problem::new(StatusCode::FORBIDDEN, format!("you may not ask for `{}`", image.explicit()));
    Err(problem
        .with_hint("an admin can grant it: `entrepot access grant … --may request`")
        .in_chinese(format!("没有请求 `{}` 的权限", image.explicit()))
        .with_chinese_hint("请管理员授权：`entrepot access grant … --may request`"))
}
