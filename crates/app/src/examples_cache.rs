//! Examples of `entrepot cache`.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "cache ls",
        &[
            example("entrepot cache ls", "List repositories", "列出仓库"),
            example(
                "entrepot cache ls nginx",
                "List the images of docker.io/library/nginx",
                "列出 docker.io/library/nginx 的镜像",
            ),
        ],
    ),
    (
        "cache stat",
        &[example("entrepot cache stat --output json", "Print totals for a program", "输出总量，供程序使用")],
    ),
    (
        "cache rm",
        &[
            example(
                "entrepot cache rm nginx:1.26",
                "Remove an image, and what nothing else uses",
                "删除一个镜像，以及不再被引用的内容",
            ),
            example(
                "entrepot cache rm --dry-run --yes local/app",
                "Show what removing a repository would free",
                "显示删除一个仓库可以释放多少空间",
            ),
        ],
    ),
    (
        "cache verify",
        &[example("entrepot cache verify --repair", "Find and mend what disagrees", "找出并修复不一致之处")],
    ),
    (
        "cache gc",
        &[
            example("entrepot cache gc --dry-run", "Show what would go now", "显示现在会淘汰什么"),
            example("entrepot cache gc --free 20GiB", "Make room by hand", "手动腾出空间"),
        ],
    ),
    (
        "cache pin",
        &[example(
            "entrepot cache pin nginx:1.27 --reason demo --for 7d",
            "Keep an image for a week",
            "保留镜像一周",
        )],
    ),
    (
        "cache unpin",
        &[example(
            "entrepot cache unpin --source kept --held-by nightly",
            "End all pins of a keep list",
            "解除某个保留列表的全部保留",
        )],
    ),
    (
        "cache pins",
        &[example("entrepot cache pins nginx", "Who keeps it, and why", "谁保留了它，原因是什么")],
    ),
    (
        "cache savings",
        &[example("entrepot cache savings", "Is a larger disk worth it?", "值得换更大的磁盘吗？")],
    ),
    (
        "cache scrub",
        &[example(
            "entrepot cache scrub --rate 200MiB/s",
            "Hash everything again, faster than by schedule",
            "以比定时更快的速度重新校验全部内容",
        )],
    ),
    (
        "cache simulate",
        &[
            example(
                "entrepot cache simulate /var/log/entrepot.log",
                "Which size would have saved how much",
                "多大的缓存可以节省多少",
            ),
            example(
                "entrepot cache simulate --generated 1",
                "The same on generated pulls",
                "同上，使用生成的拉取记录",
            ),
        ],
    ),
];
