//! The help texts in 中文 of the commands about webhooks and about tags that no rule writes.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Show webhooks, and what came of deliveries to them", "查看 Webhook 及其投递结果"),
    ("List the webhooks of a server, and how deliveries to them stand", "列出服务器的 Webhook，以及投递情况"),
    ("List the latest deliveries, and why they failed", "列出最近的投递，以及失败原因"),
    ("Only those to this webhook", "只列出发往该 Webhook 的投递"),
    (
        "Only those with this status: `waiting`, `delivered` or `failed`",
        "只列出该状态的投递：`waiting`（等待）、`delivered`（已送达）或 `failed`（失败）",
    ),
    ("Maximum number of deliveries", "最多列出多少条"),
    (
        "Send a test to a webhook now; the exit code is 1 if it is not taken",
        "立即向 Webhook 发送测试消息；对方未接收时退出码为 1",
    ),
    ("The webhook, as listed by `entrepot webhooks ls`", "Webhook 名称，见 `entrepot webhooks ls`"),
    ("Have a delivery tried once more, now", "立即重新投递一次"),
    (
        "The delivery, as listed by `entrepot webhooks deliveries`",
        "投递的编号，见 `entrepot webhooks deliveries`",
    ),
    (
        "Decide about tags that no rule writes, which a server's runs found",
        "对服务器同步时发现的、没有规则写入的标签作出决定",
    ),
    (
        "List what runs found, for targets with `prune: review`",
        "列出设有 `prune: review` 的目标上发现的标签列表",
    ),
    ("Only lists of this rule", "只列出该规则的列表"),
    ("Maximum number of lists", "最多列出多少份"),
    ("Show the tags of a list, and what became of them", "查看一份列表中的标签，以及处理结果"),
    ("The list, as listed by `entrepot sync prune ls`", "列表的编号，见 `entrepot sync prune ls`"),
    (
        "Have the tags of a list removed, as far as they are what they were",
        "删除列表中的标签；之后有变化的不会删除",
    ),
    ("Remove them without asking", "不询问，直接删除"),
    ("Leave the tags of a list where they are", "保留列表中的标签"),
    ("Have the server's webhooks told when this spec is free", "该规格空闲时，让服务器的 Webhook 通知"),
    ("Wait for this spec no longer", "不再等待该规格"),
];
