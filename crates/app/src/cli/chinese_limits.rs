//! The help texts in 中文 about what may be pulled and how much: `rules` and `limits`.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Check which images may be pulled, and by which rule", "检查哪些镜像可以拉取，以及由哪条规则决定"),
    (
        "Check a list or the rules of a configuration, and say which rule decides about images; exit code 1 if one is refused",
        "检查名单或配置中的规则，并说明每个镜像由哪条规则决定；有镜像被拒绝时退出码为 1",
    ),
    (
        "A list with a pattern a line, such as `allows.txt`, or a configuration (`.yaml`)",
        "名单（每行一个模式，例如 `allows.txt`），或配置文件（`.yaml`）",
    ),
    (
        "Images, as clients name them: `nginx:1.27`, `quay.io/acme/web`",
        "镜像名，写法与客户端相同：`nginx:1.27`、`quay.io/acme/web`",
    ),
    ("Show the lists that are in force on a server", "显示服务器上生效的名单"),
    (
        "Ask a server whether an image may be pulled, and by which rule; exit code 1 if it may not",
        "查询服务器是否允许拉取某个镜像，以及由哪条规则决定；不允许时退出码为 1",
    ),
    (
        "The image, as clients name it: `nginx:1.27`, `quay.io/acme/web`",
        "镜像名，写法与客户端相同：`nginx:1.27`、`quay.io/acme/web`",
    ),
    (
        "Deny images at once, whatever is allowed; also remove them, and see who pulled them",
        "立即禁止镜像，优先于一切允许规则；可同时删除缓存，并查看谁拉取过",
    ),
    (
        "The images, as clients name them, or a pattern: `acme/web`, `docker.io/acme/**`, `quay.io/acme/web:1.*`",
        "镜像名（写法与客户端相同）或模式：`acme/web`、`docker.io/acme/**`、`quay.io/acme/web:1.*`",
    ),
    ("Why; whoever is refused is told", "原因；被拒绝者会看到"),
    ("Where that is written at length, such as the address of an advisory", "详细说明的地址，例如安全公告"),
    ("Denied by law: status 451 instead of 403", "因法律原因禁止：返回 451 而不是 403"),
    ("Remove what is held of them", "删除缓存中的这些镜像"),
    ("Show who pulled the repository in so many days", "显示多少天内谁拉取过这个仓库"),
    ("List what was denied with `deny`", "列出用 `deny` 禁止的镜像"),
    ("Take a denial back; what the configuration denies stays denied", "撤销一条禁止；配置中禁止的不受影响"),
    ("The images, as they were denied", "镜像，与禁止时的写法相同"),
    (
        "Show who pulled an image, as far as that is recorded (`rules.pulled_by`)",
        "显示谁拉取过某个镜像（需开启记录：`rules.pulled_by`）",
    ),
    ("How many days are looked back", "往前查看多少天"),
    ("Have a server read its rules again now", "让服务器立即重新加载规则"),
    (
        "See how much may be pulled, why somebody was refused, and who is banned",
        "查看限额、拒绝的原因和封禁名单",
    ),
    ("Show the limits and bans that are in force on a server", "显示服务器上生效的限额和封禁"),
    (
        "Print the networks that are banned instead, one a line, for a firewall or CDN",
        "只输出被封禁的网段，每行一个，供防火墙或 CDN 使用",
    ),
    (
        "Show as what a server counts you, and what you have left",
        "显示服务器把您计为哪个客户端，以及剩余额度",
    ),
    ("Show what the id of a refusal or ban stands for", "按编号查询一次拒绝或封禁"),
    ("The id that a client was told", "客户端收到的编号"),
    ("Ban an address, a network or an account", "封禁一个地址、网段或账号"),
    (
        "Whom: `203.0.113.7`, `2001:db8::/48` or `account:alice`",
        "封禁对象：`203.0.113.7`、`2001:db8::/48` 或 `account:alice`",
    ),
    ("Why; they are told", "原因；对方会看到"),
    (
        "For how long, such as `24h`; without it, until somebody lifts it",
        "封禁多久，例如 `24h`；不写则一直封禁，直到有人解除",
    ),
    ("Lift a ban", "解除封禁"),
    ("The ban's id, or whom it is of", "封禁的编号，或封禁对象"),
];
