//! Progress while images are copied: bars on a terminal; elsewhere a line for each image, and now and then one for the
//! whole run; nothing with `-q`.
//!
//! - `tally`: totals, pure; `bars`: drawing; `line`: one line
//! - [`Show`] consumes the events of a run until it ends

mod bars;
mod line;
mod tally;

use std::time::Duration;

use entrepot_sync::{CopyEvent, CopyJob, JobOutcome};
use indicatif::ProgressBar;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
    time::{Instant, interval_at},
};

use crate::{log::Verbosity, output::Output, terminal};
use bars::Bars;
use line::sums;
pub(crate) use line::{image, line};
use tally::Tally;

/// How often a line tells how far the run is.
const EVERY: Duration = Duration::from_secs(15);

/// The style of progress output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Progress bars.
    Bars,
    /// A line for each image.
    Lines,
    /// Nothing.
    Nothing,
}

impl Style {
    /// The style for an output format and a verbosity. Log lines would tear bars apart.
    pub(crate) fn of(output: Output, verbosity: Verbosity) -> Self {
        match (verbosity, output) {
            (Verbosity::Quiet, _) => Self::Nothing,
            (Verbosity::Usual, _) if terminal::is_heard() => Self::Bars,
            (_, Output::Json) => Self::Nothing,
            _ => Self::Lines,
        }
    }
}

/// The progress display of a run.
pub(crate) struct Show {
    task: JoinHandle<()>,
}

impl Show {
    /// Starts the display of a run of these jobs; the run sends its events to the sender.
    pub(crate) fn begin(style: Style, jobs: &[CopyJob]) -> (Self, UnboundedSender<CopyEvent>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = match style {
            Style::Bars => tokio::spawn(draw(Bars::new(jobs), receiver)),
            Style::Lines => {
                let tally = Tally::new(jobs.iter().map(|job| job.targets.len()).collect());
                tokio::spawn(print_lines(tally, receiver))
            }
            Style::Nothing => tokio::spawn(ignore(receiver)),
        };
        (Self { task }, sender)
    }

    /// Waits until everything is shown. All senders must be dropped first.
    pub(crate) async fn end(self) {
        // A panic in the display is not worth an error.
        let _ = self.task.await;
    }
}

/// A spinner, shown until there is progress to show.
pub(crate) struct Wait(Option<ProgressBar>);

impl Wait {
    /// Starts the spinner.
    pub(crate) fn begin(style: Style, text: &str) -> Self {
        let spinner = (style == Style::Bars).then(|| {
            let spinner = ProgressBar::new_spinner();
            terminal::describe_bar(&spinner, text);
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        if style == Style::Lines {
            terminal::say(None, text);
        }
        Self(spinner)
    }

    /// Stops the spinner and clears its line.
    pub(crate) fn end(self) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
    }
}

async fn draw(mut bars: Bars, mut events: UnboundedReceiver<CopyEvent>) {
    while let Some(event) = events.recv().await {
        bars.take(&event);
    }
    bars.end();
}

// Failures are told by the report.
async fn print_lines(mut tally: Tally, mut events: UnboundedReceiver<CopyEvent>) {
    let begun = Instant::now();
    let mut clock = interval_at(begun + EVERY, EVERY);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            now = clock.tick() => {
                tally.tick(now - begun);
                terminal::say(None, &sums(&tally));
                continue;
            }
        };
        let Some(event) = event else { return };
        tally.take(&event);
        if let CopyEvent::Settled { row, .. } = event
            && !matches!(row.outcome, JobOutcome::Failed(_))
        {
            terminal::say(None, &line(&row));
        }
    }
}

async fn ignore(mut events: UnboundedReceiver<CopyEvent>) {
    while events.recv().await.is_some() {}
}
