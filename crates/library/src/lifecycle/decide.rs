//! What to do about an instance, from what it should be and what its engine shows. Pure.
//!
//! Containers have no restart policy of their own: what is decided here is all that restarts them.

use std::time::{Duration, SystemTime};

use entrepot_catalog::{InstanceDesired as Desired, InstancePhase as Phase};

/// Exit codes of what did not end by itself: killed, told to end, and what Docker writes after it was cut off.
const TAKEN_DOWN: [i64; 3] = [137, 143, 255];
/// How far clocks of engine and server may be apart when times are compared.
const CLOCKS: Duration = Duration::from_secs(10);
/// How often a start is tried, and how long it takes from the first to the second try; each pause is twice the one before.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// What is known of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFacts {
    /// What it should be.
    pub desired: Desired,
    /// Where it is on its way.
    pub phase: Phase,
    /// Its container, as far as one is recorded.
    pub container: Option<String>,
    /// When the container's run began that is recorded.
    pub started: Option<SystemTime>,
    /// True while one of our tasks is at work on it.
    pub is_busy: bool,
}

/// What an engine shows of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineView {
    /// The engine does not answer.
    Unreachable,
    /// Its containers: those with the label of this instance.
    Containers(Vec<Container>),
}

/// A container as an engine shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// How it is.
    pub state: ContainerPhase,
    /// The exit code of its last run.
    pub exit_code: i64,
    /// True if its last run was ended because it used too much memory.
    pub is_oom_killed: bool,
    /// When its last run began, by the engine's clock.
    pub started: Option<SystemTime>,
    /// When its last run but the present one ended, by the engine's clock.
    pub finished: Option<SystemTime>,
}

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerPhase {
    /// It was made, and never started.
    Created,
    /// It runs.
    Running,
    /// It was paused.
    Paused,
    /// It has ended.
    Exited,
    /// The engine could not remove it, or is about to.
    Dead,
}

/// Who was away at some time, so that nobody saw what became of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Nobody.
    Nobody,
    /// The engine, while this server asked it.
    Engine {
        /// The last time that it answered before.
        from: SystemTime,
        /// The first time that it answered again.
        until: SystemTime,
    },
    /// This server.
    Server {
        /// The last time that it asked.
        from: SystemTime,
        /// The first time that it asked again.
        until: SystemTime,
    },
}

/// Something to do about an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceStep {
    /// Say that nobody knows how it is. It keeps its cards.
    Unsure,
    /// Record that this is its container: the record was not written when it was made.
    Adopt(String),
    /// Fetch the image, make the container, start it.
    Make,
    /// Start the container.
    Start(String),
    /// Stop the container.
    Stop(String),
    /// Remove the container.
    Remove(String),
    /// Record that it runs.
    Running {
        /// Since when.
        since: Option<SystemTime>,
        /// When the run before ended, if this is another one than is recorded.
        previous_end: Option<SystemTime>,
    },
    /// Record that somebody paused it.
    Paused,
    /// Record that it is stopped, as it should be.
    Stopped,
    /// Record that its program has ended: it should be stopped from now on, and its cards are free.
    Ended {
        /// Its exit code.
        exit_code: i64,
        /// True if it used too much memory.
        is_oom_killed: bool,
    },
    /// Record that its container is gone. Its data volume is not.
    Lost,
    /// Forget it: nothing of it is left.
    Forget,
}

/// What to do, in this order.
pub fn decide(facts: &InstanceFacts, view: &EngineView, away: Absence) -> Vec<InstanceStep> {
    if facts.is_busy {
        return Vec::new();
    }
    let EngineView::Containers(containers) = view else { return vec![InstanceStep::Unsure] };
    let Some(ours) = ours(facts, containers) else { return without_container(facts) };
    let others = containers.iter().filter(|other| other.id != ours.id);
    let mut steps: Vec<_> = others.map(|other| InstanceStep::Remove(other.id.clone())).collect();
    if facts.container.as_ref() != Some(&ours.id) {
        steps.push(InstanceStep::Adopt(ours.id.clone()));
    }
    steps.extend(match facts.desired {
        Desired::Running => to_run(facts, ours, away),
        Desired::Stopped => to_stop(facts, ours),
        Desired::Deleted => vec![InstanceStep::Remove(ours.id.clone()), InstanceStep::Forget],
    });
    steps
}

// The recorded container; without it, the one that runs, else the newest. More than one is what a crash left behind while
// the container was made anew: the old one is recorded until the new one runs.
fn ours<'a>(facts: &InstanceFacts, containers: &'a [Container]) -> Option<&'a Container> {
    let recorded = containers.iter().find(|container| facts.container.as_ref() == Some(&container.id));
    recorded.or_else(|| {
        containers
            .iter()
            .max_by_key(|container| (container.state == ContainerPhase::Running, container.started))
    })
}

fn without_container(facts: &InstanceFacts) -> Vec<InstanceStep> {
    match (facts.desired, &facts.container) {
        (Desired::Deleted, _) => vec![InstanceStep::Forget],
        _ if facts.phase == Phase::Lost => Vec::new(),
        (_, Some(_)) => vec![InstanceStep::Lost],
        (Desired::Running, None) if facts.phase == Phase::Failed => Vec::new(),
        (Desired::Running, None) => vec![InstanceStep::Make],
        (Desired::Stopped, None) if matches!(facts.phase, Phase::Stopped | Phase::Failed) => Vec::new(),
        (Desired::Stopped, None) => vec![InstanceStep::Stopped],
    }
}

fn to_run(facts: &InstanceFacts, container: &Container, away: Absence) -> Vec<InstanceStep> {
    match container.state {
        ContainerPhase::Running => running(facts, container),
        ContainerPhase::Paused => vec![InstanceStep::Paused],
        ContainerPhase::Created if facts.phase == Phase::Failed => Vec::new(),
        ContainerPhase::Created => vec![InstanceStep::Start(container.id.clone())],
        ContainerPhase::Exited if facts.phase == Phase::Failed => Vec::new(),
        // It was asked to start, and has not yet.
        ContainerPhase::Exited if is_on_its_way(facts.phase) && !has_run_since(facts, container) => {
            vec![InstanceStep::Start(container.id.clone())]
        }
        ContainerPhase::Exited if was_taken_down(container, away) => {
            vec![InstanceStep::Start(container.id.clone())]
        }
        ContainerPhase::Exited | ContainerPhase::Dead => {
            vec![InstanceStep::Ended {
                exit_code: container.exit_code,
                is_oom_killed: container.is_oom_killed,
            }]
        }
    }
}

fn running(facts: &InstanceFacts, container: &Container) -> Vec<InstanceStep> {
    if facts.phase == Phase::Running && facts.started == container.started {
        return Vec::new();
    }
    let is_another = facts.started.is_some() && facts.started != container.started;
    vec![InstanceStep::Running {
        since: container.started,
        previous_end: container.finished.filter(|_| is_another),
    }]
}

fn to_stop(facts: &InstanceFacts, container: &Container) -> Vec<InstanceStep> {
    match container.state {
        ContainerPhase::Running | ContainerPhase::Paused => vec![InstanceStep::Stop(container.id.clone())],
        ContainerPhase::Created | ContainerPhase::Exited | ContainerPhase::Dead
            if matches!(facts.phase, Phase::Stopped | Phase::Failed) =>
        {
            Vec::new()
        }
        ContainerPhase::Created | ContainerPhase::Exited | ContainerPhase::Dead => {
            vec![InstanceStep::Stopped]
        }
    }
}

// Its image may have to be fetched again before it starts.
fn is_on_its_way(phase: Phase) -> bool {
    matches!(phase, Phase::Queued | Phase::Pulling | Phase::Creating | Phase::Starting | Phase::Restarting)
}

// A run that is not recorded yet has begun and ended.
fn has_run_since(facts: &InstanceFacts, container: &Container) -> bool {
    container.started.is_some() && container.started != facts.started
}

/// True if the container did not end by itself, but because its engine or the machine went down.
fn was_taken_down(container: &Container, away: Absence) -> bool {
    let (from, until, any_code) = match away {
        Absence::Nobody => return false,
        // Whatever the program made of its end, it was told to.
        Absence::Engine { from, until } => (from, until, true),
        // It may have ended by itself while nobody looked.
        Absence::Server { from, until } => (from, until, false),
    };
    let within = container.finished.is_some_and(|at| at + CLOCKS >= from && at <= until + CLOCKS);
    within && !container.is_oom_killed && (any_code || TAKEN_DOWN.contains(&container.exit_code))
}

/// How long to wait before another start after so many have failed; `None`: it is given up.
pub fn pause_after(failed: u32) -> Option<Duration> {
    (1..TRIES).contains(&failed).then(|| FIRST_PAUSE * 2_u32.pow(failed - 1))
}

/// What to do about a name that is taken already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameTaken {
    /// It is our own container, made before a crash.
    Adopt(String),
    /// It is somebody else's: another name is tried.
    Another(String),
}

/// What to do about a name that is taken by the container with this id, which has our label or not.
pub fn name_taken(name: &str, id: &str, is_ours: bool, attempt: u32) -> NameTaken {
    if is_ours {
        NameTaken::Adopt(id.to_owned())
    } else {
        NameTaken::Another(format!("{name}-{}", attempt + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    fn known(desired: Desired, phase: Phase) -> InstanceFacts {
        InstanceFacts {
            desired,
            phase,
            container: Some("c1".to_owned()),
            started: Some(at(0)),
            is_busy: false,
        }
    }

    fn container(state: ContainerPhase) -> Container {
        let (id, finished) = ("c1".to_owned(), (state == ContainerPhase::Exited).then(|| at(100)));
        Container { id, state, exit_code: 0, is_oom_killed: false, started: Some(at(0)), finished }
    }

    fn steps(facts: &InstanceFacts, containers: &[Container]) -> Vec<InstanceStep> {
        decide(facts, &EngineView::Containers(containers.to_vec()), Absence::Nobody)
    }

    fn id(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn what_is_as_it_should_be_is_left_alone() {
        assert_eq!(
            steps(&known(Desired::Running, Phase::Running), &[container(ContainerPhase::Running)]),
            []
        );
        assert_eq!(steps(&known(Desired::Stopped, Phase::Stopped), &[container(ContainerPhase::Exited)]), []);
        assert_eq!(steps(&known(Desired::Running, Phase::Failed), &[container(ContainerPhase::Exited)]), []);
        let busy = InstanceFacts { is_busy: true, ..known(Desired::Running, Phase::Starting) };
        assert_eq!(steps(&busy, &[]), []);
    }

    #[test]
    fn a_node_that_does_not_answer_changes_nothing() {
        for desired in [Desired::Running, Desired::Stopped, Desired::Deleted] {
            for phase in Phase::ALL {
                assert_eq!(
                    decide(&known(desired, phase), &EngineView::Unreachable, Absence::Nobody),
                    [InstanceStep::Unsure]
                );
            }
        }
    }

    #[test]
    fn an_instance_that_was_deleted_meanwhile_is_removed_when_its_node_returns() {
        let deleted = known(Desired::Deleted, Phase::Deleting);
        let expected = [InstanceStep::Remove(id("c1")), InstanceStep::Forget];
        for state in [
            ContainerPhase::Created,
            ContainerPhase::Running,
            ContainerPhase::Paused,
            ContainerPhase::Exited,
            ContainerPhase::Dead,
        ] {
            assert_eq!(steps(&deleted, &[container(state)]), expected);
        }
        assert_eq!(steps(&deleted, &[]), [InstanceStep::Forget]);
    }

    #[test]
    fn a_crash_between_create_and_its_record_makes_no_second_container() {
        for phase in [Phase::Queued, Phase::Pulling, Phase::Creating] {
            let unrecorded =
                InstanceFacts { container: None, started: None, ..known(Desired::Running, phase) };
            assert_eq!(steps(&unrecorded, &[]), [InstanceStep::Make]);
            let created = [InstanceStep::Adopt(id("c1")), InstanceStep::Start(id("c1"))];
            assert_eq!(steps(&unrecorded, &[container(ContainerPhase::Created)]), created);
            let runs = [
                InstanceStep::Adopt(id("c1")),
                InstanceStep::Running { since: Some(at(0)), previous_end: None },
            ];
            assert_eq!(steps(&unrecorded, &[container(ContainerPhase::Running)]), runs);
        }
    }

    #[test]
    fn of_two_containers_the_recorded_one_stays() {
        let other = Container { id: id("c2"), ..container(ContainerPhase::Running) };
        let both = [other.clone(), container(ContainerPhase::Exited)];
        let stopped = known(Desired::Stopped, Phase::Stopped);
        assert_eq!(steps(&stopped, &both), [InstanceStep::Remove(id("c2"))]);
        let unrecorded = InstanceFacts { container: None, ..known(Desired::Running, Phase::Creating) };
        let expected = [
            InstanceStep::Remove(id("c1")),
            InstanceStep::Adopt(id("c2")),
            InstanceStep::Running { since: Some(at(0)), previous_end: None },
        ];
        assert_eq!(
            steps(&InstanceFacts { started: None, ..unrecorded }, &both),
            expected,
            "the one that runs"
        );
    }

    #[test]
    fn a_container_that_vanished_is_lost_once() {
        for phase in [Phase::Running, Phase::Stopped, Phase::Starting] {
            for desired in [Desired::Running, Desired::Stopped] {
                assert_eq!(steps(&known(desired, phase), &[]), [InstanceStep::Lost], "{desired:?} {phase:?}");
            }
        }
        assert_eq!(steps(&known(Desired::Running, Phase::Lost), &[]), []);
    }

    #[test]
    fn a_lost_container_that_comes_back_is_taken_back() {
        let back = steps(&known(Desired::Running, Phase::Lost), &[container(ContainerPhase::Running)]);
        assert_eq!(back, [InstanceStep::Running { since: Some(at(0)), previous_end: None }]);
    }

    #[test]
    fn somebody_restarted_it() {
        let again = Container {
            started: Some(at(200)),
            finished: Some(at(150)),
            ..container(ContainerPhase::Running)
        };
        let expected = [InstanceStep::Running { since: Some(at(200)), previous_end: Some(at(150)) }];
        assert_eq!(steps(&known(Desired::Running, Phase::Running), &[again]), expected);
    }

    #[test]
    fn somebody_started_or_paused_it() {
        assert_eq!(
            steps(&known(Desired::Stopped, Phase::Stopped), &[container(ContainerPhase::Running)]),
            [InstanceStep::Stop(id("c1"))]
        );
        assert_eq!(
            steps(&known(Desired::Running, Phase::Running), &[container(ContainerPhase::Paused)]),
            [InstanceStep::Paused]
        );
        assert_eq!(
            steps(&known(Desired::Stopped, Phase::Stopping), &[container(ContainerPhase::Exited)]),
            [InstanceStep::Stopped]
        );
    }

    #[test]
    fn a_program_that_ends_is_not_started_again() {
        for exit_code in [0, 1, 137, 143, 255] {
            let ended = Container { exit_code, ..container(ContainerPhase::Exited) };
            let expected = [InstanceStep::Ended { exit_code, is_oom_killed: false }];
            assert_eq!(steps(&known(Desired::Running, Phase::Running), &[ended]), expected);
        }
    }

    // Rows: who was away, exit code, out of memory, and whether it comes back.
    #[test]
    fn what_went_down_with_its_engine_comes_back() {
        let engine = Absence::Engine { from: at(90), until: at(120) };
        let server = Absence::Server { from: at(90), until: at(120) };
        let earlier = Absence::Engine { from: at(10), until: at(50) };
        for (away, exit_code, is_oom_killed, returns) in [
            (engine, 0, false, true),
            (engine, 1, false, true),
            (engine, 137, false, true),
            (engine, 255, false, true),
            (engine, 137, true, false),
            (server, 255, false, true),
            (server, 143, false, true),
            (server, 137, false, true),
            (server, 0, false, false),
            (server, 1, false, false),
            (server, 137, true, false),
            (earlier, 255, false, false),
            (Absence::Nobody, 255, false, false),
        ] {
            let ended = Container { exit_code, is_oom_killed, ..container(ContainerPhase::Exited) };
            let found =
                decide(&known(Desired::Running, Phase::Running), &EngineView::Containers(vec![ended]), away);
            let expected = if returns {
                InstanceStep::Start(id("c1"))
            } else {
                InstanceStep::Ended { exit_code, is_oom_killed }
            };
            assert_eq!(found, [expected], "{away:?} {exit_code} {is_oom_killed}");
        }
    }

    #[test]
    fn a_start_that_a_crash_cut_off_is_done() {
        let starting = known(Desired::Running, Phase::Starting);
        for phase in [Phase::Queued, Phase::Pulling, Phase::Creating, Phase::Starting, Phase::Restarting] {
            let cut_off = known(Desired::Running, phase);
            assert_eq!(
                steps(&cut_off, &[container(ContainerPhase::Exited)]),
                [InstanceStep::Start(id("c1"))],
                "{phase:?}"
            );
        }
        let ran = Container {
            started: Some(at(300)),
            finished: Some(at(301)),
            exit_code: 1,
            ..container(ContainerPhase::Exited)
        };
        let ended = InstanceStep::Ended { exit_code: 1, is_oom_killed: false };
        assert_eq!(steps(&starting, &[ran]), [ended], "it did start, and ended");
    }

    #[test]
    fn starts_that_fail_are_tried_less_and_less_often() {
        let pauses: Vec<_> = (1..).map_while(pause_after).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320]);
        assert_eq!(pause_after(0), None);
    }

    #[test]
    fn a_name_that_is_taken() {
        assert_eq!(name_taken("entrepot-7", "c9", true, 0), NameTaken::Adopt(id("c9")));
        assert_eq!(name_taken("entrepot-7", "c9", false, 0), NameTaken::Another(id("entrepot-7-1")));
        assert_eq!(name_taken("entrepot-7", "c9", false, 1), NameTaken::Another(id("entrepot-7-2")));
    }
}
