//! `entrepot commit`: saves an instance as an image, and shows how far that is.

use std::{convert::Infallible, time::Duration};

use entrepot_api::{CommittedImage, Entry, InstanceCommit, InstanceSaving, NewEntry, SavingPhase};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{find::find, render};
use crate::{
    commands::asker::ApiSession,
    failure::Failure,
    output::{sentence, size},
    terminal,
};

/// Redraws per second.
const HERTZ: u8 = 10;
const BAR: &str = "{wide_bar:.green} {msg}";
/// How long to wait before it is asked again how far it is.
const PAUSE: Duration = Duration::from_millis(300);

/// Saves an instance as an image, and puts that into the library.
pub(super) async fn commit(
    asker: &ApiSession,
    named: &str,
    image: String,
    entry: Option<String>,
) -> Result<(), Failure> {
    let id = find(asker, named).await?.to_string();
    let path = ["library", "instances", id.as_str(), "commit"];
    let new = InstanceCommit { image };
    let saved: CommittedImage = tokio::select! {
        saved = asker.client.long_post(&path, &new) => asker.told(saved)?,
        never = show(asker, &id) => match never {},
    };
    if let Some(name) = &entry {
        let new = NewEntry { name: Some(name.clone()), address: saved.image.clone(), ..NewEntry::default() };
        let _: Entry = asker.told(asker.client.post(&["library", "entries"], &new).await)?;
    }
    asker.print(&saved, || render::committed(named, &saved, entry.as_deref()))
}

// A bar where somebody looks. What cannot be followed is saved all the same.
async fn show(asker: &ApiSession, id: &str) -> Infallible {
    if !terminal::is_heard() {
        return std::future::pending().await;
    }
    let target = ProgressDrawTarget::stderr_with_hz(HERTZ);
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = CommitBar(ProgressBar::with_draw_target(Some(0), target).with_style(style));
    loop {
        if let Ok(mut frames) = asker.client.stream(&["library", "instances", id, "commit", "events"]).await {
            while let Ok(Some((_, data))) = frames.next().await {
                if let Ok(saving) = serde_json::from_str(&data) {
                    bar.show(&saving);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A bar that goes when it is dropped.
struct CommitBar(ProgressBar);

impl CommitBar {
    fn show(&self, saving: &InstanceSaving) {
        self.0.set_length(saving.total);
        self.0.set_position(saving.done);
        terminal::describe_bar(&self.0, &told(saving));
    }
}

impl Drop for CommitBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn told(saving: &InstanceSaving) -> String {
    match saving.phase {
        SavingPhase::Making => sentence!("its node makes the image"),
        SavingPhase::Sending => {
            sentence!("{done} of {all} sent", done = size(saving.done), all = size(saving.total))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is_is_told_in_bytes() {
        let making = InstanceSaving { phase: SavingPhase::Making, done: 0, total: 0 };
        assert_eq!(told(&making), "its node makes the image");
        let sending = InstanceSaving { phase: SavingPhase::Sending, done: 1 << 20, total: 10 << 20 };
        assert_eq!(told(&sending), format!("{} of {} sent", size(1 << 20), size(10 << 20)));
    }
}
