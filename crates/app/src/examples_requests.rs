//! Examples of the commands about requests for images and keep lists.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "request",
        &[
            example(
                "entrepot request nginx:1.27",
                "Have all of an image fetched, with a bar",
                "完整同步一个镜像，显示进度条",
            ),
            example(
                "entrepot request quay.io/ascend/cann:8.0 --platform linux/arm64 --platform linux/amd64",
                "For several platforms at once",
                "一次同步多个平台",
            ),
            example(
                "entrepot request nginx:1.27 --dry-run",
                "See how large it is before asking for it",
                "先查看大小",
            ),
        ],
    ),
    (
        "request ls",
        &[example("entrepot request ls --status failed", "List requests that failed", "列出失败的请求")],
    ),
    ("keep ls", &[example("entrepot keep ls", "See how much of each list is here", "查看各列表的同步率")]),
    (
        "keep images",
        &[example(
            "entrepot keep images daily --state failed",
            "See what is not kept, and why",
            "查看未保存的镜像及原因",
        )],
    ),
    ("keep run", &[example("entrepot keep run daily --wait", "Run a list now", "立即运行一个列表")]),
    ("keep cancel", &[example("entrepot keep cancel daily", "Stop its run", "停止运行")]),
    ("request show", &[example("entrepot request show 17", "Show a request", "显示一个请求")]),
    ("request cancel", &[example("entrepot request cancel 17", "Take it back", "取消请求")]),
];
