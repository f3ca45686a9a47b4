//! Hints in 中文, by their English text. A hint that is not in the table is shown as it is.

/// The hint in 中文, if there is one.
pub(crate) fn in_chinese(english: &str) -> Option<&'static str> {
    HINTS.iter().find(|(text, _)| *text == english).map(|(_, chinese)| *chinese)
}

const HINTS: &[(&str, &str)] = &[
    // Configuration
    ("TLS needs both files", "TLS 需要两个文件"),
    ("1 means one connection for each blob", "1 表示每个镜像层只用一个连接"),
    ("put both into one section", "请合并为一处"),
    ("put both into one", "请合并为一处"),
    (
        "an alias has lower-case letters, digits and dashes, and 63 of them at most",
        "别名由小写字母、数字和连字符组成，最多 63 个字符",
    ),
    (
        "an alias is the name that a mirrored registry has here: leave out one of the two",
        "别名是被代理的上游在本站的名字，两者请只写一个",
    ),
    ("leave it out to ask as much at once as there is to ask", "不写表示不限制同时的请求数"),
    ("registries with their blobs in S3 refuse smaller pieces", "使用 S3 存储的镜像站不接受更小的分块"),
    (
        "`*` stands for anything within a part of the name, `**` for any number of parts",
        "`*` 匹配一段名称中的任意内容，`**` 匹配任意多段",
    ),
    (
        "an immutable tag is never asked for again, so it has no freshness",
        "不变的标签不会再次查询，因此没有有效期",
    ),
    ("every alias names one registry", "每个别名只能对应一个上游"),
    (
        "write the name alone, without scheme, port and path: `mirror.lan`",
        "只写主机名，不带协议、端口和路径：`mirror.lan`",
    ),
    (
        "write the name alone, without scheme, port and path: `m.example.com`",
        "只写域名，不带协议、端口和路径：`m.example.com`",
    ),
    (
        "write `postgres://user:password@host/name`; leave it out to use SQLite in the data directory",
        "写成 `postgres://user:password@host/name`；不写则使用数据目录中的 SQLite",
    ),
    (
        "leave out both to use the `AWS_…` variables or the machine's role",
        "两者都不写，则使用 `AWS_…` 环境变量或机器的角色",
    ),
    ("a configuration is one document: remove the `---`", "配置只能是一个文档，请去掉 `---`"),
    (
        "indent with spaces, and put quotes around text that has `: `, `#`, `{` or `[` in it",
        "用空格缩进；含有 `: `、`#`、`{` 或 `[` 的文本要加引号",
    ),
    ("write `[…]`, or one `- …` a line", "写成 `[…]`，或每行一个 `- …`"),
    (
        "set it where the server is started, or use `file:PATH`",
        "请在启动服务的环境中设置，或改用 `file:PATH`",
    ),
    ("the path is seen from where the server is started", "路径相对于启动服务时所在的目录"),
    (
        "both files are PEM; the paths are seen from where the server is started",
        "两个文件都是 PEM 格式；路径相对于启动服务时所在的目录",
    ),
    (
        "the file is PEM; the path is seen from where the server is started",
        "文件为 PEM 格式；路径相对于启动服务时所在的目录",
    ),
    ("look at its section under `registries` in the configuration", "请检查配置中 `registries` 下的这一部分"),
    // Data directory, log, server
    ("say where it is: `--data DIR`, or `--config FILE`", "请指明位置：`--data DIR` 或 `--config FILE`"),
    ("its file system must support file locks", "所在的文件系统须支持文件锁"),
    ("it must be a directory that this user may read and write", "须为当前用户可读写的目录"),
    (
        "write a level, or `level,target=level`: `debug`, `info,access=off`",
        "写一个级别，或 `级别,目标=级别`：`debug`、`info,access=off`",
    ),
    (
        "if it is a server, it may be starting or stopping: try again",
        "如果是服务，可能正在启动或停止，请重试",
    ),
    ("the log of the server may say more", "详情可能见服务器日志"),
    (
        "stop the other one, or give this one a directory of its own: `--data DIR`",
        "请停止另一个，或另指定目录：`--data DIR`",
    ),
    (
        "say where it is with `--server URL` or `ENTREPOT_SERVER`",
        "请用 `--server URL` 或 `ENTREPOT_SERVER` 指明",
    ),
    (
        "put the server's `api_token`, or an API token of an account, into `ENTREPOT_API_TOKEN`",
        "请把服务器的 `api_token` 或某个账号的 API 令牌写入 `ENTREPOT_API_TOKEN`",
    ),
    ("write `http://127.0.0.1:5000`", "写成 `http://127.0.0.1:5000`"),
    // Registries and copies
    ("add it under `registries` with `mirror: true`", "请在 `registries` 中添加它，并写上 `mirror: true`"),
    (
        "say `--yes` to remove it, or name one image: `NAME:TAG` or `NAME@DIGEST`",
        "加上 `--yes` 即可删除；或只指定一个镜像：`NAME:TAG` 或 `NAME@DIGEST`",
    ),
    ("leave out tags and digests, or `--all-tags`", "请去掉标签和摘要，或去掉 `--all-tags`"),
    (
        "archives of `docker save` are only read: write `oci-archive:FILE`, which Docker loads too",
        "`docker save` 格式只能读取；请写 `oci-archive:FILE`，Docker 也能载入",
    ),
    (
        "run the same command again: what is there is not copied twice",
        "再次运行同一命令即可，已有的内容不会重复复制",
    ),
    ("run it again: what is there is not copied twice", "再次运行即可，已有的内容不会重复复制"),
    (
        "look at the spelling; some registries also say this of what the account may not see",
        "请检查拼写；账号无权查看时，有些镜像站也会这样回答",
    ),
    (
        "see which: `entrepot sync --dry-run`; copy them: `entrepot sync`",
        "查看是哪些：`entrepot sync --dry-run`；复制：`entrepot sync`",
    ),
    (
        "name a file that has a list `sync`: `entrepot sync FILE`",
        "请指定含有 `sync` 列表的文件：`entrepot sync FILE`",
    ),
    ("it must be a file of text that this user may read", "须为当前用户可读的文本文件"),
    (
        "logins for namespaces are apart: name the namespace too, or say `--all`",
        "命名空间的登录是分开保存的：请写上命名空间，或使用 `--all`",
    ),
    (
        "look at user name and password; many registries want an access token instead of the password",
        "请检查用户名和密码；许多镜像站要求用访问令牌代替密码",
    ),
    ("write `--username NAME`", "请写 `--username NAME`"),
    ("send it on standard input: `--password-stdin < FILE`", "请从标准输入传入：`--password-stdin < FILE`"),
    // Documents and stacks
    ("say it: `--to m.daocloud.io`", "请写明：`--to m.daocloud.io`"),
    ("say it: `--to HOST/NAMESPACE`", "请写明：`--to HOST/NAMESPACE`"),
    ("give some: `--map OLD=NEW`", "请给出对应关系：`--map OLD=NEW`"),
    ("name files, or leave out `--in-place`", "请指定文件，或去掉 `--in-place`"),
    (
        "`--in-place` changes the files, `--diff` shows what would change",
        "`--in-place` 直接修改文件，`--diff` 显示将要修改的内容",
    ),
    ("`--in-place` changes the files themselves", "`--in-place` 会直接修改文件"),
    ("name it: `entrepot relay FILE`", "请指定文件：`entrepot relay FILE`"),
    ("relay them one after the other, to directories of their own", "请逐个处理，并放在各自的目录中"),
    ("copy what is missing: `entrepot migrate apply`", "复制缺少的镜像：`entrepot migrate apply`"),
    (
        "see all that is in the way: `entrepot migrate plan`; nothing was copied",
        "查看全部阻碍：`entrepot migrate plan`；目前没有复制任何内容",
    ),
    (
        "`--out DIR` names a new directory; `--overwrite` writes into this one, in the place of files of the same names",
        "`--out DIR` 指定新目录；`--overwrite` 写入此目录并覆盖同名文件",
    ),
    ("this program reads version 1: use the one that made it", "本程序只能读取版本 1，请使用生成它的程序"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_found_by_their_text() {
        assert_eq!(in_chinese("TLS needs both files"), Some("TLS 需要两个文件"));
        assert_eq!(in_chinese("a hint that nobody gives"), None);
        for (index, (english, chinese)) in HINTS.iter().enumerate() {
            assert!(HINTS[..index].iter().all(|(other, _)| other != english), "{english} is there twice");
            // What is to be typed is the same in both.
            let code = |text: &str| text.split('`').skip(1).step_by(2).map(str::len).sum::<usize>();
            let has_words = english.contains("level,target");
            assert!(has_words || code(english) == code(chinese), "{english}: {chinese}");
        }
    }
}
