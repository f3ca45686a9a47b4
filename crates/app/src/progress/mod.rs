//! What is shown while images are copied: bars on a terminal, a line for each image elsewhere, nothing when told to be
//! quiet.
//!
//! - sums: `tally`, pure; drawing: `bars`; a line: [`line`]
//! - [`Show`] takes the events of a run until there are no more

mod bars;
mod tally;

use std::time::Duration;

use entrepot_sync::{Done, Event, Job, Outcome, Row};
use indicatif::ProgressBar;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinHandle,
};

use crate::{
    log::Verbosity,
    output::{Output, size},
    terminal,
};
use bars::Bars;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bars.
    Bars,
    /// A line for each image.
    Lines,
    /// Nothing.
    Nothing,
}

impl Style {
    /// What fits a command that prints so and is to say so much. Lines of a log would tear bars apart.
    pub(crate) fn of(output: Output, verbosity: Verbosity) -> Self {
        match (verbosity, output) {
            (Verbosity::Quiet, _) => Self::Nothing,
            (Verbosity::Usual, _) if terminal::is_heard() => Self::Bars,
            (_, Output::Json) => Self::Nothing,
            _ => Self::Lines,
        }
    }
}

/// What shows a run.
pub(crate) struct Show {
    task: JoinHandle<()>,
}

impl Show {
    /// Begins to show a run of these jobs; the sender is for the run.
    pub(crate) fn begin(style: Style, jobs: &[Job]) -> (Self, UnboundedSender<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let task = match style {
            Style::Bars => tokio::spawn(draw(Bars::new(jobs), receiver)),
            Style::Lines => tokio::spawn(print_lines(receiver)),
            Style::Nothing => tokio::spawn(ignore(receiver)),
        };
        (Self { task }, sender)
    }

    /// Waits until all is shown. The senders must be gone.
    pub(crate) async fn end(self) {
        // What it drew is not worth an error.
        let _ = self.task.await;
    }
}

/// A sign that something goes on, until there is something to show.
pub(crate) struct Wait(Option<ProgressBar>);

impl Wait {
    /// Begins.
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

    /// Ends; it leaves nothing behind on a terminal.
    pub(crate) fn end(self) {
        self.0.iter().for_each(ProgressBar::finish_and_clear);
    }
}

async fn draw(mut bars: Bars, mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        bars.take(&event);
    }
    bars.end();
}

async fn print_lines(mut events: UnboundedReceiver<Event>) {
    while let Some(event) = events.recv().await {
        if let Event::Settled { row, .. } = event {
            terminal::say(None, &line(&row));
        }
    }
}

async fn ignore(mut events: UnboundedReceiver<Event>) {
    while events.recv().await.is_some() {}
}

/// What became of an image, in one line.
pub(crate) fn line(row: &Row) -> String {
    let Row { source, reference, target, target_reference, outcome, took, .. } = row;
    let (from, to) = (image(source, reference), image(target, target_reference));
    match outcome {
        Outcome::Done(Done { changed: false, .. }) => format!("up to date: {to}"),
        Outcome::Done(Done { written, mounted, .. }) => {
            let mounted = if *mounted == 0 { String::new() } else { format!(", {} mounted", size(*mounted)) };
            format!("copied: {from} to {to}, {}{mounted}, {:.1} s", size(*written), took.as_secs_f64())
        }
        Outcome::Failed(failure) => format!("failed: {to}: {}", failure.what),
        Outcome::Postponed { .. } => format!("postponed: {to}"),
        Outcome::Cancelled => format!("cancelled: {to}"),
    }
}

/// An image at a place, as people write it.
pub(crate) fn image(place: &entrepot_sync::Place, reference: &entrepot_oci::Reference) -> String {
    match reference {
        entrepot_oci::Reference::Tag(tag) => format!("{place}:{tag}"),
        entrepot_oci::Reference::Digest(digest) => format!("{place}@{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use entrepot_oci::{Digest, Reference, Tag};
    use entrepot_sync::{Failure, Place};

    use super::*;

    #[test]
    fn images_end_in_a_line() {
        let row = |outcome| Row {
            rule: String::new(),
            source: Place::Layout("a".into()),
            reference: Reference::Tag(Tag::latest()),
            target: Place::Layout("b".into()),
            target_reference: Reference::Tag(Tag::latest()),
            digest: None,
            outcome,
            took: Duration::from_millis(1250),
        };
        let done = |changed, mounted| {
            Outcome::Done(Done { digest: Digest::of(b""), changed, written: 2048, mounted, present: 0 })
        };
        let failure = Failure { what: "it is full".into(), hint: None, at_source: false };
        for (outcome, text) in [
            (done(false, 0), "up to date: oci:b:latest"),
            (done(true, 0), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.2 s"),
            (done(true, 1024), "copied: oci:a:latest to oci:b:latest, 2.0 KiB, 1.0 KiB mounted, 1.2 s"),
            (Outcome::Failed(failure), "failed: oci:b:latest: it is full"),
            (Outcome::Postponed { after: None }, "postponed: oci:b:latest"),
            (Outcome::Cancelled, "cancelled: oci:b:latest"),
        ] {
            assert_eq!(line(&row(outcome)), text);
        }
    }
}
