//! The help texts of nodes, specs and pulls in 中文.

/// English and 中文.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("Manage specs: what instances get", "管理产品规格：实例得到的资源"),
    ("List specs: what instances get", "列出产品规格"),
    ("Only specs whose names have this in them", "只列出名称含有此文字的规格"),
    ("Only specs with cards of this vendor", "只列出使用此厂商的卡的规格"),
    ("Create a spec; what is wrong with it is told at once", "新建规格；有误之处一次全部指出"),
    ("Change a spec; instances keep what they were made with", "修改规格；已有实例保持创建时的资源"),
    ("Offer a spec, or stop offering it", "上架或下架规格"),
    ("The spec, by its name or id", "规格的名称或 id"),
    ("Whether it is offered", "是否上架"),
    ("Remove a spec that no instance uses", "删除没有实例使用的规格"),
    ("The name", "名称"),
    ("How many cores, such as `8` or `0.5`", "核数，例如 `8` 或 `0.5`"),
    ("How much memory, such as `64GiB`", "内存，例如 `64GiB`"),
    ("Do not offer it yet", "暂不上架"),
    ("Its new name", "新名称"),
    (
        "Take a value away, so that the server's default counts; may be repeated",
        "去掉一个值，改用服务器的默认值；可重复",
    ),
    ("Whose cards it has", "卡的厂商"),
    ("How many whole cards", "整卡的数量"),
    (
        "The model of the cards, as they say it themselves; any if left out",
        "卡的型号，与卡自报的一致；不填则不限",
    ),
    ("A part of one card with so much memory, such as `20GiB`", "一张卡的一部分显存，例如 `20GiB`"),
    ("The part's share of the card's cores, in percent", "这部分占卡核心的百分比"),
    ("Ascend's name of the part, such as `vir05_1c_8g`", "昇腾的切分模板，例如 `vir05_1c_8g`"),
    ("The container's own disk, such as `50GiB`", "系统盘，例如 `50GiB`"),
    ("The volume for data, such as `100GiB`", "数据盘，例如 `100GiB`"),
    ("Shared memory, such as `8GiB`", "共享内存，例如 `8GiB`"),
    ("The price of an hour, such as `12.5`", "每小时价格，例如 `12.5`"),
    ("How long a start may take, such as `5m`", "启动时限，例如 `5m`"),
    ("A note", "备注"),
];
