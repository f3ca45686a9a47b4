//! The bars of a pull: one for each layer under way, as many as fit, and one for the whole.

use std::collections::BTreeMap;

use entrepot_api::{LayerPhase, Pull, PullStatus};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    output::{joined, sentence, size, word},
    terminal,
};

/// Redraws per second.
const HERTZ: u8 = 10;
/// The most layers with a bar at once.
const SHOWN: usize = 8;
const LAYER: &str = "{prefix:16} {bar:24.cyan} {bytes:>11} / {total_bytes} {msg}";
const WHOLE: &str = "{wide_bar:.green} {msg}";

/// The bars of a pull.
pub(super) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    layers: BTreeMap<String, ProgressBar>,
}

impl Bars {
    pub(super) fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(HERTZ));
        let whole = all.add(ProgressBar::new(0).with_style(style(WHOLE)));
        Self { all, whole, layers: BTreeMap::new() }
    }

    /// Shows how far the pull is.
    pub(super) fn show(&mut self, pull: &Pull) {
        for layer in &pull.layers {
            let is_under_way =
                !matches!(layer.phase, LayerPhase::Waiting | LayerPhase::Downloaded | LayerPhase::Done);
            if is_under_way && !self.layers.contains_key(&layer.name) && self.layers.len() < SHOWN {
                let bar = ProgressBar::new(0).with_style(style(LAYER));
                terminal::name_bar(&bar, &layer.name);
                self.layers.insert(layer.name.clone(), self.all.insert_before(&self.whole, bar));
            }
            let Some(bar) = self.layers.get(&layer.name) else { continue };
            if is_under_way {
                bar.set_length(layer.total.unwrap_or(layer.done));
                bar.set_position(layer.done);
                terminal::describe_bar(bar, &word(layer.phase));
            } else {
                bar.finish_and_clear();
                self.all.remove(bar);
                self.layers.remove(&layer.name);
            }
        }
        self.whole.set_length(pull.total.unwrap_or(pull.done));
        self.whole.set_position(pull.done);
        terminal::describe_bar(&self.whole, &told(pull));
    }

    pub(super) fn end(self) {
        self.layers.values().for_each(ProgressBar::finish_and_clear);
        self.whole.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants above; an invalid one falls back to the default.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

// How far the whole is, in one line.
fn told(pull: &Pull) -> String {
    let whole = match pull.total {
        Some(total) => format!("{} / {}", size(pull.done), size(total)),
        None => size(pull.done),
    };
    let mut parts = vec![word(pull.status), whole];
    parts.extend(pull.rate.map(|rate| format!("{}/s", size(rate))));
    parts.extend(pull.seconds_left.map(|seconds| sentence!("{seconds} s left", seconds = seconds)));
    match (pull.status, pull.layers_total) {
        (PullStatus::Extracting, Some(total)) => {
            parts.push(sentence!("{done} of {total} layers", done = pull.layers_done, total = total));
        }
        (PullStatus::Downloading, _) if pull.silent_seconds >= 10 => {
            parts.push(sentence!("nothing for {seconds} s", seconds = pull.silent_seconds));
        }
        _ => {}
    }
    if pull.attempt > 1 {
        parts.push(sentence!("attempt {number}", number = pull.attempt));
    }
    joined(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull() -> Pull {
        let text = r#"{"id":1,"node":1,"image":"docker.io/library/nginx:1","entry":null,"status":"downloading","done":1048576,
            "total":4194304,"layers_done":1,"layers_total":3,"rate":524288,"seconds_left":6,"silent_seconds":0,"attempt":1,
            "layers":[],"error":null,"created_by":"x","created":"2026-11-30T12:00:00Z","started":null,"finished":null}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn how_far_a_pull_is_in_one_line() {
        assert_eq!(told(&pull()), "downloading, 1.0 MiB / 4.0 MiB, 512.0 KiB/s, 6 s left");
        let unpacking = Pull { status: PullStatus::Extracting, rate: None, seconds_left: None, ..pull() };
        assert_eq!(told(&unpacking), "extracting, 1.0 MiB / 4.0 MiB, 1 of 3 layers");
        let silent =
            Pull { total: None, rate: None, seconds_left: None, silent_seconds: 12, attempt: 2, ..pull() };
        assert_eq!(told(&silent), "downloading, 1.0 MiB, nothing for 12 s, attempt 2");
    }
}
