//! Examples of the commands about webhooks and about tags that no rule writes.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "sync prune ls",
        &[example("entrepot sync prune ls", "See which tags wait for a decision", "查看哪些标签等待决定")],
    ),
    (
        "sync prune show",
        &[example(
            "entrepot sync prune show 3741281918541463552",
            "See what would be removed",
            "查看将删除哪些标签",
        )],
    ),
    (
        "sync prune approve",
        &[example(
            "entrepot sync prune approve 3741281918541463552 --yes",
            "Remove exactly these",
            "只删除这些标签",
        )],
    ),
    (
        "sync prune reject",
        &[example("entrepot sync prune reject 3741281918541463552", "Keep these", "保留这些标签")],
    ),
    ("webhooks ls", &[example("entrepot webhooks ls", "See who is told of what", "查看谁会收到哪些通知")]),
    (
        "webhooks deliveries",
        &[example(
            "entrepot webhooks deliveries ops --status failed",
            "See what did not arrive, and why",
            "查看哪些通知没有送达，以及原因",
        )],
    ),
    (
        "webhooks test",
        &[example("entrepot webhooks test ops", "See whether a webhook works", "测试一个 Webhook 是否可用")],
    ),
    (
        "webhooks redeliver",
        &[example(
            "entrepot webhooks redeliver 3741281918541463552",
            "Send once more what did not arrive",
            "重新发送没有送达的通知",
        )],
    ),
];
