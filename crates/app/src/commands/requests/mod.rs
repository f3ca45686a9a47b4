//! `entrepot request`: an image that a server is to fetch whole, followed until it is there.

mod render;

use entrepot_api::{
    ImageRequest, ImageRequestList, ImageRequestListQuery, ImageRequestLook, ImageRequestStatus,
    NewImageRequest,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reqwest::Method;

use super::asker::ApiSession;
use crate::{client::ServerTarget, failure::Failure, log::Verbosity, runtime, terminal};

/// Redraws per second.
const HERTZ: u8 = 10;

/// The arguments.
#[derive(Debug)]
pub(crate) struct Requests {
    /// The server, and how to answer.
    pub(crate) to: ServerTarget,
    /// The subcommand.
    pub(crate) operation: RequestOperation,
}

/// A subcommand.
#[derive(Debug)]
pub(crate) enum RequestOperation {
    /// Look an image up, and ask for nothing.
    Look(NewImageRequest),
    /// Ask for an image.
    Ask(NewImageRequest, Follow),
    /// List requests.
    List(ImageRequestListQuery),
    /// Show a request.
    Show(u32),
    /// Take a request back.
    Cancel(u32),
}

/// How long to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Until the request has ended, saying so much meanwhile.
    ToItsEnd(Verbosity),
    /// Not at all.
    No,
}

/// Runs the command.
pub(crate) fn run(Requests { to, operation }: Requests) -> Result<(), Failure> {
    let asker = ApiSession::new(to)?;
    runtime::build()?.block_on(perform(&asker, operation))
}

async fn perform(asker: &ApiSession, operation: RequestOperation) -> Result<(), Failure> {
    let none: [(&str, &str); 0] = [];
    match operation {
        RequestOperation::Look(new) => {
            let look: ImageRequestLook = asker.told(asker.client.post(&["requests", "look"], &new).await)?;
            asker.print(&look, || render::look(&look))
        }
        RequestOperation::Ask(new, follow) => {
            let begun: ImageRequest = asker.told(asker.client.post(&["requests"], &new).await)?;
            match follow {
                Follow::No => asker.print(&begun, || render::line(&begun)),
                Follow::ToItsEnd(verbosity) => ended(asker, to_its_end(asker, begun, verbosity).await?),
            }
        }
        RequestOperation::List(query) => {
            let list: ImageRequestList = asker.told(asker.client.get(&["requests"], &query).await)?;
            asker.print(&list, || render::table(&list))
        }
        RequestOperation::Show(id) => {
            let id = id.to_string();
            let request: ImageRequest = asker.told(asker.client.get(&["requests", &id], &none).await)?;
            asker.print(&request, || render::line(&request))
        }
        RequestOperation::Cancel(id) => {
            let id = id.to_string();
            let canceled = asker.client.change(Method::POST, &["requests", &id, "cancel"], &none).await;
            asker.told(canceled)
        }
    }
}

fn ended(asker: &ApiSession, request: ImageRequest) -> Result<(), Failure> {
    asker.print(&request, || render::line(&request))?;
    match (&request.error, request.status) {
        (Some(error), _) => {
            let what = format!("`{}` was not fetched ({}): {}", request.image, error.code, error.detail);
            Err(Failure::new(what).with_hint(error.hint.clone()))
        }
        (None, ImageRequestStatus::Done) => Ok(()),
        (None, _) => Err(Failure::new(format!("the request for `{}` was taken back", request.image))),
    }
}

// A stream that breaks off is opened again.
async fn to_its_end(
    asker: &ApiSession,
    begun: ImageRequest,
    verbosity: Verbosity,
) -> Result<ImageRequest, Failure> {
    let id = begun.id.to_string();
    let bar = (terminal::is_heard() && verbosity == Verbosity::Usual).then(bar);
    let mut last = begun;
    while last.finished.is_none() {
        let mut frames = asker.told(asker.client.stream(&["requests", &id, "events"]).await)?;
        while let Some((_, data)) = frames.next().await? {
            let request: ImageRequest = serde_json::from_str(&data)
                .map_err(|error| Failure::because("the server's events cannot be used", &error))?;
            match &bar {
                Some(bar) => show(bar, &request),
                None if request.status != last.status && verbosity != Verbosity::Quiet => {
                    terminal::say(None, &format!("{}: {}", request.image, render::progress(&request)));
                }
                None => {}
            }
            last = request;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(last)
}

fn bar() -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(HERTZ);
    // The template is a constant; an invalid one falls back to the default.
    let style = ProgressStyle::with_template("{wide_bar:.green} {msg}");
    let bar = ProgressBar::with_draw_target(Some(0), target);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show(bar: &ProgressBar, request: &ImageRequest) {
    bar.set_length(request.total.unwrap_or(request.done));
    bar.set_position(request.done);
    terminal::describe_bar(bar, &render::progress(request));
}
