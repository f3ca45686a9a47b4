//! The help texts of `entrepot cache` in 中文, as far as they are about what stays and what goes.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Evict the images that are worth least, as the limits demand", "按限额的要求淘汰价值最低的镜像"),
    ("Only show what would go, and the digest of that plan", "只显示会淘汰哪些镜像，以及该计划的摘要"),
    ("Evict exactly what the plan of this digest says", "只淘汰此摘要对应的计划所列的镜像"),
    ("Free so much, instead of what the limits demand", "释放这么多空间，而不是按限额的要求"),
    ("Cancel the eviction that is under way", "取消正在进行的淘汰"),
    ("Pin an image, so that it is not evicted", "保留镜像，使其不被淘汰"),
    ("The image: `NAME:TAG` or `NAME@DIGEST`", "镜像：`NAME:TAG` 或 `NAME@DIGEST`"),
    ("Why, for others who wonder", "原因，供他人了解"),
    ("How long, such as `30d` [default: until it is ended]", "保留多久，例如 `30d`（默认：直到解除）"),
    (
        "End pins: those of an image, of a source, or of whoever holds them",
        "解除保留：某个镜像的、某个来源的，或某个持有者的",
    ),
    ("List pins", "列出保留的镜像"),
    ("The image: `NAME`, `NAME:TAG` or `NAME@DIGEST`", "镜像：`NAME`、`NAME:TAG` 或 `NAME@DIGEST`"),
    ("Only pins of this source", "只处理此来源的保留"),
    (
        "Only pins that are held by this request, list, entry, instance or account",
        "只处理由此请求、列表、条目、实例或账号持有的保留",
    ),
    (
        "Show what a larger disk would have saved in the last seven days",
        "显示更大的磁盘在最近七天可以节省多少",
    ),
    (
        "Hash all that is held again; damaged content is set aside and fetched again",
        "重新校验全部内容；损坏的会移到一旁并重新拉取",
    ),
    (
        "How much to read in a second, such as `100MiB/s` [default: mirror.scrub_rate]",
        "每秒读取多少，例如 `100MiB/s`（默认：mirror.scrub_rate）",
    ),
    ("Cancel the scrub that is under way", "取消正在进行的校验"),
    (
        "Show what caches of several sizes would have saved on an access log, under several policies",
        "按访问日志推算不同大小的缓存在几种策略下可以节省多少",
    ),
    ("The server's log, with lines in JSON", "服务器的日志，每行一个 JSON"),
    ("Generate pulls by this seed, instead of reading a log", "不读日志，而是按此种子生成拉取记录"),
];
