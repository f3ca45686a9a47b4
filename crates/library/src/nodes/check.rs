//! Looks at a node: asks its engine, and records what that says.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use entrepot_catalog::{FoundDevice, NodeCheck, NodeRecord};
use entrepot_engine::Engine;

use super::{
    conditions::{self, Condition, ConditionCode},
    facts::{EngineAnswers, Facts, Version},
    inventory::{self, CardSources},
    look::{LookResult, NodeLook},
    reach::{UnreachableReason, condition},
};
use crate::{error::Error, ids::NodeId, library::Library};

/// How closely a node is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckDepth {
    /// Whether it answers, and what it says of itself.
    Answer,
    /// Also what only a container can see: its cards, and HAMi-core; and how full its disk is.
    Whole,
}

/// What a check found.
struct NodeFindings {
    conditions: Vec<Condition>,
    facts: Facts,
    devices: Vec<FoundDevice>,
    cpus: u64,
    memory_mib: u64,
}

impl Library {
    /// Looks at a node, and records what that shows.
    ///
    /// # Errors
    /// There is no such node, or the database failed. A node that cannot be reached is no error: that is what was found.
    pub async fn check_node(&self, id: NodeId, depth: CheckDepth) -> Result<NodeRecord, Error> {
        let node = self.node(id).await?;
        let settings = &self.0.settings.nodes;
        let patience = match depth {
            CheckDepth::Answer => settings.check_timeout,
            CheckDepth::Whole => settings.survey_timeout,
        };
        let asked = tokio::time::timeout(patience, self.look_at(&node, depth)).await;
        let found = asked.unwrap_or_else(|_| {
            Err(UnreachableReason::Condition(ConditionCode::Unreachable.because("it did not answer in time")))
        });
        self.record_check(&node, found).await?;
        self.node(id).await
    }

    async fn look_at(&self, node: &NodeRecord, depth: CheckDepth) -> Result<NodeFindings, UnreachableReason> {
        let link = self.connect(node).await?;
        let asked = ask(link.engine(), depth).await.map_err(UnreachableReason::Condition)?;
        let before = self.0.catalog.devices_of(&BTreeSet::from([node.id])).await?;
        let before: Vec<_> = before.into_iter().map(|device| device.found).collect();
        let mut facts = Facts::of(&asked, &Facts::read(&node.facts));
        let looked = match depth {
            CheckDepth::Answer => LookResult::before(&conditions::read(&node.conditions)),
            CheckDepth::Whole => {
                let look = NodeLook { node, engine: link.engine(), info: &asked.info, before: &before };
                look.now(&self.installation().await?).await
            }
        };
        if let Some(survey) = &looked.survey {
            (facts.driver, facts.cuda) = (survey.driver.clone(), survey.cuda.clone());
        }
        let devices = inventory::cards(&CardSources {
            settings: &node.settings,
            before: &before,
            cdi: &asked.info.cdi_devices,
            survey: looked.survey.as_ref(),
            has_ascend_runtime: asked.info.runtimes.contains("ascend"),
        });
        let secret = self.0.catalog.node_secret(node.id).await?;
        let ends = secret.and_then(|secret| secret.ends);
        let within = self.0.settings.nodes.certificate_warning;
        let mut found = conditions::of_engine(&facts);
        found.extend(conditions::of_certificate(ends, SystemTime::now(), within));
        found.extend(conditions::of_ascend(&node.settings, &facts));
        found.extend(conditions::of_cards(&facts, &devices));
        if inventory::lacks_names(&asked.info.cdi_devices)
            && devices.iter().all(|device| device.cdi_name.is_none())
        {
            found.push(ConditionCode::CardsWithoutNames.because("nvidia.com/gpu=all"));
        }
        found.extend(conditions::of_driver(&facts));
        found.extend(looked.conditions);
        let (cpus, memory_mib) = (u64::from(asked.info.cpus) * 1000, asked.info.memory >> 20);
        Ok(NodeFindings { conditions: found, facts, devices, cpus, memory_mib })
    }

    async fn record_check(
        &self,
        node: &NodeRecord,
        found: Result<NodeFindings, UnreachableReason>,
    ) -> Result<(), Error> {
        let now = SystemTime::now();
        let check = match found {
            Err(UnreachableReason::Catalog(error)) => return Err(error.into()),
            // What was known of its cards stays known.
            Err(UnreachableReason::Condition(condition)) => {
                NodeCheck { facts: None, cpus: None, memory_mib: None, ..concluded(&[condition]) }
            }
            Ok(found) => {
                self.0.catalog.devices_found(node.id, &found.devices, now).await?;
                NodeCheck {
                    facts: Some(found.facts.written()),
                    cpus: Some(found.cpus),
                    memory_mib: Some(found.memory_mib),
                    ..concluded(&found.conditions)
                }
            }
        };
        if check.status != node.status {
            tracing::info!(
                node = node.settings.name,
                status = check.status.as_str(),
                why = check.conditions,
                "a node changed"
            );
        }
        self.0.catalog.node_checked(node, &check, now).await?;
        Ok(())
    }
}

fn concluded(found: &[Condition]) -> NodeCheck {
    NodeCheck {
        status: conditions::status(found),
        offers: conditions::offer(found),
        conditions: conditions::written(found),
        facts: None,
        cpus: None,
        memory_mib: None,
    }
}

async fn ask(engine: &Engine, depth: CheckDepth) -> Result<EngineAnswers, Condition> {
    let told = |error: entrepot_engine::Error| condition(&error);
    let info = engine.info().await.map_err(told)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let disk = match depth {
        CheckDepth::Answer => None,
        // Some engines count for minutes: what is not known does not make a node unusable.
        CheckDepth::Whole => engine.disk_usage().await.ok(),
    };
    let now_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(EngineAnswers { version: Version::from(engine.version()), info, disk, now_ms })
}
