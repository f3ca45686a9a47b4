//! Whole messages, as people see them.

use entrepot_chinese::said;

#[test]
fn messages_are_said_with_their_causes() {
    for (english, chinese) in [
        (
            "`quay.io` cannot be reached: the connection is refused (through the proxy `http://10.0.0.1:3128`)",
            "无法连接 `quay.io`：连接被拒绝（经由代理 `http://10.0.0.1:3128`）",
        ),
        (
            "cannot pull from `docker.io/library/nginx` (401: authentication required)",
            "无法从 `docker.io/library/nginx` 拉取（401: authentication required）",
        ),
        (
            "entrepot.yaml:3:5: `tls`: `cert` is there and `key` is not",
            "entrepot.yaml:3:5: `tls`: 有 `cert` 而没有 `key`",
        ),
        (
            "entrepot.yaml:1:1: `mirror.segments`: expected a whole number, found a list",
            "entrepot.yaml:1:1: `mirror.segments`: 应为整数，实际为列表",
        ),
        (
            "cannot open the catalog: the database file `/data/catalog.db` is damaged",
            "无法打开数据库：数据库文件 `/data/catalog.db` 已损坏",
        ),
        (
            "cannot read rules.yaml: No such file or directory (os error 2)",
            "无法读取 rules.yaml：文件或目录不存在（os error 2）",
        ),
        (
            "`images.tar` is not a tar archive: it ends at byte 512",
            "`images.tar` 不是 tar 归档：第 512 字节处提前结束",
        ),
        ("there is no rule `nginx` in `rules.yaml`", "`rules.yaml` 中没有规则 `nginx`"),
        ("there is no rule `nginx`", "没有规则 `nginx`"),
        ("3 images could not be copied", "3 个镜像复制失败"),
        ("2 images were not copied", "2 个镜像未复制"),
        ("upstream `quay.io` fails with status 502", "上游 `quay.io` 出错，状态码 502"),
        ("the keys here are `cert`, `key` and `listen`", "此处可用的键有 `cert`, `key` 和 `listen`"),
        ("'--to <TO>' is no sentence of ours: not found", "'--to <TO>' is no sentence of ours: 不存在"),
        (
            "invalid value 'A' for '<IMAGE>': a digest is written `algorithm:hex`",
            "'<IMAGE>' 的值 'A' 无效：摘要应写成 `algorithm:hex`",
        ),
    ] {
        assert_eq!(said(english), chinese, "{english}");
    }
}

#[test]
fn what_others_say_stays_as_it_is() {
    for text in ["denied: requested access to the resource is denied", "toomanyrequests", "", "你好"] {
        assert_eq!(said(text), text);
    }
    let name = "a` and `b";
    assert!(said(&format!("there is no rule `{name}`")).contains(name));
}
