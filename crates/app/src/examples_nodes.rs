//! Examples of the commands about nodes, specs and pulls.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "spec ls",
        &[example(
            "entrepot spec ls --vendor nvidia",
            "List specs with NVIDIA cards",
            "列出使用 NVIDIA 卡的规格",
        )],
    ),
    (
        "spec add",
        &[
            example(
                "entrepot spec add A100x8 --cpus 64 --memory 512GiB --gpus 8 --gpu-model NVIDIA-A100 --price 80",
                "Eight whole cards",
                "八张整卡",
            ),
            example(
                "entrepot spec add A100-quarter --cpus 8 --memory 64GiB --gpu-memory 20GiB --gpu-cores 25",
                "A part of one card",
                "一张卡的四分之一",
            ),
        ],
    ),
    (
        "spec set",
        &[example("entrepot spec set A100x8 --price 72.5 --unset shm", "Another price", "修改价格")],
    ),
    ("spec shelf", &[example("entrepot spec shelf A100x8 off", "Stop offering a spec", "下架规格")]),
    ("spec rm", &[example("entrepot spec rm A100x8", "Remove a spec", "删除规格")]),
];
