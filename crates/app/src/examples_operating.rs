//! Examples of the commands about how a mirror stands.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "budget",
        &[example(
            "entrepot budget",
            "See how many pulls Docker Hub still allows",
            "查看 Docker Hub 还剩多少拉取额度",
        )],
    ),
    (
        "mode",
        &[
            example("entrepot mode", "See which mode is in force, and why", "查看当前的模式及原因"),
            example(
                "entrepot mode cached-only --for 2h --reason maintenance",
                "Serve only what is held, for two hours",
                "两小时内只提供已缓存的内容",
            ),
            example(
                "entrepot mode --tag-lists off",
                "Switch lists of tags off, and nothing else",
                "只关闭标签列表",
            ),
            example("entrepot mode auto", "Take back what was set by hand", "撤销手动设置"),
        ],
    ),
];
