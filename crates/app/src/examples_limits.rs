//! Examples of the commands about what may be pulled, and how much.

use crate::example::{Example, example};

/// The commands, each with its examples.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "rules check",
        &[
            example(
                "entrepot rules check allows.txt nginx:1.27 quay.io/acme/web",
                "Check a list, and see which of its lines decides about images",
                "检查名单，并查看每个镜像由哪一行决定",
            ),
            example(
                "entrepot rules check entrepot.yaml nginx --output json",
                "Check the rules of a configuration, for a program",
                "检查配置中的规则，输出 JSON",
            ),
        ],
    ),
    (
        "rules ls",
        &[example(
            "entrepot rules ls",
            "See which lists are in force, and whether newer ones could not be used",
            "查看生效的名单，以及新的名单是否有误",
        )],
    ),
    (
        "rules explain",
        &[example(
            "entrepot rules explain docker.io/acme/web:1",
            "Ask why an image is refused",
            "查询镜像为何被拒绝",
        )],
    ),
    (
        "rules reload",
        &[example(
            "entrepot rules reload",
            "Put a changed list into force without waiting",
            "立即启用修改后的名单",
        )],
    ),
    (
        "rules deny",
        &[example(
            "entrepot rules deny docker.io/acme/miner --reason mining --notice https://example.com/advisory --purge --pulled-by 30",
            "Deny an image that does harm, remove it, and see who pulled it in 30 days",
            "禁止有害的镜像，删除缓存，并查看 30 天内谁拉取过",
        )],
    ),
    (
        "rules denied",
        &[example("entrepot rules denied", "See what was denied by command", "查看用命令禁止的镜像")],
    ),
    (
        "rules undeny",
        &[example("entrepot rules undeny docker.io/acme/miner", "Take a denial back", "撤销一条禁止")],
    ),
    (
        "rules pulled-by",
        &[example(
            "entrepot rules pulled-by docker.io/acme/web --days 7",
            "See who pulled an image this week",
            "查看一周内谁拉取过某个镜像",
        )],
    ),
    (
        "limits ls",
        &[
            example("entrepot limits ls", "See the limits and bans in force", "查看生效的限额和封禁"),
            example(
                "entrepot limits ls --cidr > banned.txt",
                "Give the banned networks to a firewall",
                "把被封禁的网段交给防火墙",
            ),
        ],
    ),
    (
        "limits me",
        &[example(
            "entrepot limits me --server https://m.example.com",
            "See what you have left on a public mirror",
            "查看自己在公共镜像站的剩余额度",
        )],
    ),
    (
        "limits show",
        &[example(
            "entrepot limits show 7q3k9xz2",
            "Find out why somebody was refused, by the id that they were told",
            "按对方收到的编号，查询被拒绝的原因",
        )],
    ),
    (
        "limits ban",
        &[example(
            "entrepot limits ban 203.0.113.0/24 --for 24h --reason looping",
            "Ban a network for a day",
            "封禁一个网段一天",
        )],
    ),
    ("limits lift", &[example("entrepot limits lift 7q3k9xz2", "Lift a ban", "解除封禁")]),
];
