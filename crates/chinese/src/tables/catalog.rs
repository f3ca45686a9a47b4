//! The database.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("the database file `{}` {problem}", "数据库文件 `{}` {problem}"),
    (
        "the address of the database is not of the form `postgres://user@host/name`",
        "数据库地址应写成 `postgres://user@host/name`",
    ),
    (
        "parameter {position} in the address of the database is not known",
        "数据库地址中的第 {position} 个参数未知",
    ),
    ("the database cannot be reached", "无法连接数据库"),
    (
        "the database has tables of version {found}, this program knows them up to version {known}",
        "数据库表的版本为 {found}，本程序最高支持版本 {known}",
    ),
    ("the tables of the database cannot be brought up to date", "无法升级数据库表"),
    ("the database's lock file cannot be used", "无法使用数据库的锁文件"),
    ("the database failed", "数据库出错"),
    ("the database holds a {what} that is none", "数据库中有格式错误的内容（{what}）"),
    ("the blob {digest} is not in the repository", "仓库中没有镜像层 {digest}"),
    (
        "{digest} has {actual} bytes and not {stated}, as the manifest says",
        "{digest} 实际有 {actual} 字节，清单写的是 {stated}",
    ),
    ("this is not the id of a run", "不是同步编号"),
    ("cannot be opened", "无法打开"),
    ("cannot be written", "无法写入"),
    ("is not a SQLite database", "不是 SQLite 数据库"),
    ("is damaged", "已损坏"),
    ("is locked by another program", "被另一个程序锁定"),
    ("cannot grow: the disk is full", "无法增大：磁盘已满"),
    ("cannot be used", "无法使用"),
];
