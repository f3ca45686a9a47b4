use proptest::prelude::*;

use super::*;

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn id(name: &str) -> String {
    digest(name).hex()[..12].to_owned()
}

fn event(id: &str, step: LayerStep) -> PullEvent {
    PullEvent::Layer { id: id.to_owned(), step }
}

fn downloading(current: u64, total: Option<u64>) -> LayerStep {
    LayerStep::Downloading { current, total }
}

fn plan() -> PullPlan {
    PullPlan::new([(digest("a"), 1000), (digest("b"), 3000), (digest("a"), 1000)], 50)
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_total_is_right_from_the_first_second() {
    let mut tracker = Tracker::new(Some(&plan()));
    let begin = tracker.progress(at(0));
    assert_eq!((begin.phase, begin.done, begin.total), (PullPhase::Resolving, 0, Some(4050)));
    assert_eq!((begin.layers.len(), begin.layers_done), (2, 0), "a layer that is there twice arrives once");
    tracker.take(&event(&id("a"), LayerStep::Existed), at(1));
    tracker.take(&event(&id("b"), downloading(1500, Some(3000))), at(1));
    let half = tracker.progress(at(1));
    assert_eq!((half.phase, half.done, half.layers_done), (PullPhase::Downloading, 2500, 1));
    assert_eq!((half.rate, half.left), (Some(1500), Some(at(1))));
    tracker.take(&event(&id("b"), LayerStep::Downloaded), at(2));
    let there = tracker.progress(at(2));
    assert_eq!((there.phase, there.done, there.rate, there.left), (PullPhase::Extracting, 4050, None, None));
    tracker.take(&event(&id("b"), LayerStep::Done), at(9));
    assert_eq!(tracker.progress(at(9)).layers_done, 2);
}

// Row 58: with containerd's store, seconds are counted while it unpacks, and never as bytes.
#[test]
fn three_dialects_end_at_the_total() {
    let classic = [
        ("a", LayerStep::Waiting),
        ("a", downloading(400, Some(1000))),
        ("a", LayerStep::Verifying),
        ("a", LayerStep::Downloaded),
        ("a", LayerStep::Extracting),
        ("a", LayerStep::Done),
    ];
    let containerd = [
        ("index", downloading(20, Some(20))),
        ("a", downloading(400, Some(1000))),
        ("a", LayerStep::Downloaded),
        ("a", LayerStep::Extracting),
        ("a", LayerStep::Extracting),
        ("a", LayerStep::Done),
    ];
    let podman =
        [("a", LayerStep::Waiting), ("a", downloading(400, Some(1000))), ("a", LayerStep::Downloaded)];
    for events in [&classic[..], &containerd, &podman] {
        let mut tracker = Tracker::new(Some(&PullPlan::new([(digest("a"), 1000)], 50)));
        for (name, step) in events {
            tracker.take(&event(&id(name), step.clone()), at(1));
        }
        let end = tracker.progress(at(1));
        assert_eq!((end.phase, end.done, end.total), (PullPhase::Extracting, 1050, Some(1050)), "{events:?}");
        assert_eq!(end.layers.len(), 1, "documents are not layers");
    }
}

#[test]
fn a_retry_takes_nothing_back() {
    let mut tracker = Tracker::new(Some(&plan()));
    tracker.take(&event(&id("b"), downloading(2000, None)), at(1));
    tracker.take(&event(&id("b"), LayerStep::Retrying), at(2));
    tracker.take(&event(&id("b"), downloading(100, None)), at(3));
    let now = tracker.progress(at(3));
    assert_eq!((now.done, now.layers[1].done), (2000, 2000));
    // A size that lies does not count for more than the whole.
    tracker.take(&event(&id("b"), downloading(u64::MAX, Some(u64::MAX))), at(4));
    assert_eq!((tracker.progress(at(4)).done, tracker.progress(at(4)).total), (3000, Some(4050)));
}

#[test]
fn without_a_plan_the_engine_is_all_there_is() {
    let mut tracker = Tracker::new(None);
    assert_eq!(tracker.progress(at(0)).total, None);
    tracker.take(&event("aaaaaaaaaaaa", downloading(5, Some(10))), at(1));
    tracker.take(&event("bbbbbbbbbbbb", LayerStep::Waiting), at(1));
    assert_eq!((tracker.progress(at(1)).done, tracker.progress(at(1)).total), (5, None));
    tracker.take(&event("bbbbbbbbbbbb", downloading(1, Some(30))), at(1));
    assert_eq!(tracker.progress(at(1)).total, Some(40));
    for layer in 0..2000 {
        tracker.take(&event(&format!("{layer:012}"), LayerStep::Waiting), at(1));
    }
    assert_eq!(tracker.progress(at(1)).layers.len(), MOST_LAYERS, "an engine cannot fill our memory");
}

#[test]
fn layers_that_begin_alike_have_longer_names() {
    let digests = [format!("{:0<64}", "aaaaaaaaaaaaaaab"), format!("{:0<64}", "aaaaaaaaaaaaaaac")];
    let [one, two] = digests.map(|hex| format!("sha256:{hex}").parse().unwrap());
    let mut tracker = Tracker::new(Some(&PullPlan::new([(one, 10), (two, 20)], 0)));
    let names: Vec<_> = tracker.progress(at(0)).layers.into_iter().map(|layer| layer.name).collect();
    assert_eq!(names, ["aaaaaaaaaaaaaaab", "aaaaaaaaaaaaaaac"]);
    // The engine calls both the same.
    for _ in 0..2 {
        tracker.take(&event("aaaaaaaaaaaa", LayerStep::Done), at(1));
    }
    assert_eq!(tracker.progress(at(1)).done, 30);
}

#[test]
fn what_was_there_before_is_there_at_the_end() {
    let mut tracker = Tracker::new(Some(&plan()));
    tracker.complete();
    let end = tracker.progress(at(1));
    assert_eq!((end.done, end.total, end.layers_done), (4050, Some(4050), 2));
}

// Row 59: whoever unpacks for long is not stuck, and whoever waits is.
#[test]
fn silence_is_what_counts_as_a_stall() {
    let mut tracker = Tracker::new(Some(&plan()));
    let limit = at(60);
    tracker.take(&event(&id("a"), downloading(10, None)), at(5));
    assert!(!tracker.is_stalled(at(64), limit) && tracker.is_stalled(at(65), limit));
    // The same bytes again, a retry, a note: nothing came.
    tracker.take(&event(&id("a"), downloading(10, None)), at(30));
    tracker.take(&event(&id("a"), LayerStep::Retrying), at(40));
    tracker.take(&PullEvent::Note(entrepot_engine::Message::new("still here")), at(50));
    assert!(tracker.is_stalled(at(65), limit));
    assert_eq!(tracker.progress(at(65)).silent, at(60));
    for second in (70..1000).step_by(50) {
        tracker.take(&event(&id("b"), LayerStep::Extracting), at(second));
        assert!(!tracker.is_stalled(at(second + 59), limit));
    }
}

fn steps() -> impl Strategy<Value = LayerStep> {
    prop_oneof![
        Just(LayerStep::Waiting),
        (any::<u64>(), any::<Option<u64>>()).prop_map(|(current, total)| downloading(current, total)),
        (0..5000_u64).prop_map(|current| downloading(current, None)),
        Just(LayerStep::Verifying),
        Just(LayerStep::Downloaded),
        Just(LayerStep::Extracting),
        Just(LayerStep::Done),
        Just(LayerStep::Existed),
        Just(LayerStep::Retrying),
    ]
}

proptest! {
    #[test]
    fn the_bar_never_falls_and_never_passes_the_total(
        events in prop::collection::vec((0..4_usize, steps(), 0..3000_u64), 0..200),
        is_planned: bool,
    ) {
        let plan = plan();
        let mut tracker = Tracker::new(is_planned.then_some(&plan));
        let (mut now, mut last) = (Duration::ZERO, 0);
        for (layer, step, passed) in events {
            now += Duration::from_millis(passed);
            tracker.take(&event(&id(["a", "b", "index", "config"][layer]), step), now);
            let shown = tracker.progress(now);
            prop_assert!(shown.done >= last, "{} after {last}", shown.done);
            last = shown.done;
            if is_planned {
                prop_assert_eq!(shown.total, Some(plan.total()));
                prop_assert!(shown.done <= plan.total());
            }
            let in_place = shown.layers.iter().filter(|layer| layer.phase == LayerPhase::Done).count();
            prop_assert_eq!(shown.layers_done, u64::try_from(in_place).unwrap());
        }
    }

    #[test]
    fn a_pull_that_is_done_has_all_bytes(steps_before in prop::collection::vec((0..2_usize, steps()), 0..50)) {
        let plan = plan();
        let mut tracker = Tracker::new(Some(&plan));
        for (layer, step) in steps_before {
            tracker.take(&event(&id(["a", "b"][layer]), step), at(1));
        }
        for name in ["a", "b"] {
            tracker.take(&event(&id(name), LayerStep::Done), at(2));
        }
        let end = tracker.progress(at(2));
        prop_assert_eq!((end.done, end.layers_done, end.phase), (plan.total(), 2, PullPhase::Extracting));
    }
}
