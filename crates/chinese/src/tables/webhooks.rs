//! Webhooks, and the events that they tell of.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("this is not the name of an event", "这不是事件名"),
    (
        "names of webhooks have letters, digits, `.`, `_` and `-`, and 64 of them at most",
        "Webhook 名称由字母、数字、`.`、`_`、`-` 组成，最多 64 个字符",
    ),
    ("choose another one: it is how people call it", "请换一个：人们用它来称呼这个 Webhook"),
    ("`{}` is already the name of another webhook", "`{}` 已是另一个 Webhook 的名称"),
    ("give each of them a `name` of its own", "请分别写上不同的 `name`"),
    ("the secret is too short: 16 characters are the least", "密钥太短：至少 16 个字符"),
    ("behind `whsec_` there is base64, and this is not", "`whsec_` 之后应为 base64，而这不是"),
    (
        "make one with `openssl rand -base64 32`, and give it to the other side too",
        "可用 `openssl rand -base64 32` 生成，并告知对方",
    ),
    ("requests in the format `{}` are not signed", "格式 `{}` 的请求没有签名"),
    ("leave it out: the key is in the URL", "请去掉：密钥已在 URL 中"),
    ("`{name}` is not the name of an event", "`{name}` 不是事件名"),
    ("this names no event", "没有写任何事件"),
    (
        "the names are in the reference of the configuration: `sync.failed`, `disk.low` and so on; leave `on` out for \
                all of them",
        "事件名见配置参考，如 `sync.failed`、`disk.low`；去掉 `on` 即为全部事件",
    ),
    (
        "if that is what you want, add `private_network: true` to this webhook",
        "若确实如此，请在该 Webhook 中加上 `private_network: true`",
    ),
    (
        "write the address that the other side gave you: `https://…`, or `env:NAME` to keep it out of this file",
        "请写对方给出的地址：`https://…`；也可写 `env:NAME`，不把它放在此文件中",
    ),
    ("this version does not know the event", "此版本不认识该事件"),
    ("there is no webhook `{0}`", "没有 Webhook `{0}`"),
    ("there is no delivery `{0}`", "没有投递 `{0}`"),
    ("see what there is: `entrepot webhooks ls`", "查看有哪些 Webhook：`entrepot webhooks ls`"),
    ("see what there is: `entrepot webhooks deliveries`", "查看有哪些投递：`entrepot webhooks deliveries`"),
    ("status 410: nobody is there any more", "状态码 410：对方已停用"),
    ("status {status}, and redirects are not followed", "状态码 {status}，而重定向不会跟随"),
    ("status {status}", "状态码 {status}"),
    ("the robot says {errcode}: {said}", "机器人返回 {errcode}：{said}"),
    ("what answers is no robot", "应答的不是机器人"),
    ("no answer within {} s", "{} 秒内没有应答"),
];
