//! Ways out of what failed, as commands tell them.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("leave out `--tty`", "请去掉 `--tty`"),
    (
        "another program may listen there: see `library.ssh.listen`",
        "可能有其他程序在监听，见 `library.ssh.listen`",
    ),
    ("let proxies pass `Connection: Upgrade` on", "请让代理传递 `Connection: Upgrade`"),
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
        "indent with spaces, and put quotes around text that has `: `, `#`, `{{` or `[` in it",
        "用空格缩进；含有 `: `、`#`、`{{` 或 `[` 的文本要加引号",
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
        "look at them with `--dry-run`, then have exactly them go with `--plan DIGEST`",
        "请先用 `--dry-run` 查看，再用 `--plan DIGEST` 只淘汰它们",
    ),
    (
        "what became of it is listed above; what was damaged is kept aside in `damaged`",
        "处理结果见上；损坏的内容留在 `damaged` 中",
    ),
    ("the next one goes on where it was", "下一次会从中断处继续"),
    (
        "check the disk or the bucket; `entrepot cache verify` compares bytes with records",
        "请检查磁盘或存储桶；`entrepot cache verify` 可核对内容与记录",
    ),
    ("pin one image: `NAME:TAG` or `NAME@DIGEST`", "请指定一个镜像：`NAME:TAG` 或 `NAME@DIGEST`"),
    ("name an image, or give `--source` or `--held-by`", "请指定镜像，或使用 `--source`、`--held-by`"),
    (
        "pins of what is not held are found by digest: `NAME@DIGEST`",
        "未保存的镜像请按摘要指定：`NAME@DIGEST`",
    ),
    (
        "it must be the server's log with `log: {format: json, level: info}`",
        "须为服务器的日志，配置为 `log: {format: json, level: info}`",
    ),
    ("wait for it, or cancel it with `--cancel`", "请等待其结束，或用 `--cancel` 取消"),
    (
        "look at what would go now: `entrepot cache gc --dry-run`",
        "查看现在会淘汰什么：`entrepot cache gc --dry-run`",
    ),
    ("leave it out to have no such limit", "不写则没有这个限制"),
    ("to scrub never, leave out `scrub`", "不需要校验时，不写 `scrub` 即可"),
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
    (
        "look at `blobs.s3` in the configuration: the bucket must exist, and its key must be allowed to list, read and write it",
        "请检查配置中的 `blobs.s3`：存储桶须存在，其密钥须有列出、读取和写入的权限",
    ),
    (
        "look at `database` in the configuration, and whether it runs",
        "请检查配置中的 `database`，以及数据库是否在运行",
    ),
    ("it must be a file that this user may read and write", "须为当前用户可读写的文件"),
    ("see what is held: `entrepot cache ls`", "查看已有内容：`entrepot cache ls`"),
    (
        "choose another one, or leave the variable out and use `entrepot account password admin`",
        "请换一个密码；或去掉该变量，改用 `entrepot account password admin`",
    ),
    ("link them again if they are to be one file: `ln -f`", "如果应为同一文件，请重新链接：`ln -f`"),
    ("root can give it back: `chown {user}:{group}`", "root 可以改回：`chown {user}:{group}`"),
    ("look at `ca` in the section `access` of the configuration", "请检查配置中 `access` 部分的 `ca`"),
    ("run this as the user that the server runs as", "请以运行服务的用户执行"),
    (
        "`{}` belongs to another installation: put back the key file that this database was used with",
        "`{}` 属于另一个安装：请放回此数据库原来使用的密钥文件",
    ),
    (
        "the key in the configuration belongs to another installation: give the one that this database was used with, also as a second line",
        "配置中的密钥属于另一个安装：请改用此数据库原来的密钥，也可写在第二行",
    ),
    (
        "the database holds secrets that were sealed with it: put it back from your copy, or say where it is: `secrets: {{key_file: PATH}}`; if it is lost, `entrepot secrets reset`",
        "数据库中有用它加密的内容：请从备份恢复，或指明位置：`secrets: {{key_file: PATH}}`；如已丢失，`entrepot secrets reset`",
    ),
    (
        "put it back from your copy: what was sealed with another key does not open",
        "请从备份恢复：用其他密钥加密的内容无法解密",
    ),
    ("the user that the server runs as must be able to read it", "运行服务的用户须能读取"),
    ("stop that one, or give this one a database of its own", "请停止另一个，或为这个另用一个数据库"),
    (
        "{hint}; if that one is gone, end its session: `SELECT pg_terminate_backend({session})`",
        "{hint}；如果它已不存在，请结束其会话：`SELECT pg_terminate_backend({session})`",
    ),
    (
        "let the provider send the groups, or name the claim that has them: `groups_claim`",
        "请让提供方发送组信息，或指明所在的声明：`groups_claim`",
    ),
    (
        "name one of these groups, exactly as it is written above, under `admins`, `operators`, `users` or `viewers`",
        "请把上面某个组的名称原样写入 `admins`、`operators`、`users` 或 `viewers`",
    ),
    ("say which file it is in: `--config FILE`", "请指明所在文件：`--config FILE`"),
    (
        "the directory does not say which of the two is wrong; `access.ldap.base` and `filter` say where users are",
        "目录没有说明是哪一项有误；用户的位置由 `access.ldap.base` 和 `filter` 决定",
    ),
    (
        "the provider's certificate is not trusted here: name the one that issued it, `ca: FILE`",
        "提供方的证书不受信任：请写明其签发机构的证书 `ca: FILE`",
    ),
    (
        "the directory's certificate is not trusted here: name the one that issued it, `ca: FILE`",
        "目录的证书不受信任：请写明其签发机构的证书 `ca: FILE`",
    ),
    (
        "try from here: `curl {issuer}/.well-known/openid-configuration`",
        "请在本机尝试：`curl {issuer}/.well-known/openid-configuration`",
    ),
    (
        "write `issuer: {told}` if that is your provider: the two must be the same to the letter, a last `/` too",
        "如果确实是您的提供方，请写 `issuer: {told}`：两者须完全一致，包括末尾的 `/`",
    ),
    ("if that is right, write `private_network: true`", "如果无误，请写 `private_network: true`"),
    (
        "let the provider send only the groups that are assigned to this application, or application roles: `groups_claim: roles`",
        "请让提供方只发送分配给此应用的组，或使用应用角色：`groups_claim: roles`",
    ),
    (
        "look at `access.ldap.url`, and whether it is reached from here",
        "请检查 `access.ldap.url`，以及本机能否访问",
    ),
    ("look at `access.ldap.bind_dn` and `bind_password`", "请检查 `access.ldap.bind_dn` 和 `bind_password`"),
    (
        "`access.ldap.filter` must find one entry for each name",
        "`access.ldap.filter` 对每个用户名须只找到一个条目",
    ),
    (
        "write `m.example.com`, or `http://10.0.0.7:5000` for plain HTTP",
        "写成 `m.example.com`；不用 TLS 时写 `http://10.0.0.7:5000`",
    ),
    ("say it: `--registry m.example.com`", "请写明：`--registry m.example.com`"),
    ("see what is: `entrepot cache ls {}`", "查看已有内容：`entrepot cache ls {}`"),
    (
        "push again what was pushed, or remove it: `entrepot cache rm NAME`",
        "推送的内容请重新推送，或删除：`entrepot cache rm NAME`",
    ),
    (
        "repair what can be repaired: `entrepot cache verify --repair`",
        "修复可以修复的内容：`entrepot cache verify --repair`",
    ),
    ("is this the right database? say `--yes` to delete them", "请确认数据库无误；加上 `--yes` 即可删除"),
    ("is this the right store? say `--yes` to forget them", "请确认存储无误；加上 `--yes` 即可清除记录"),
    ("name the image by its tag: `{}`", "请用标签指定镜像：`{}`"),
    ("it has {}", "其中有 {}"),
    ("no images", "没有镜像"),
    (
        "say which, as in `{which}`, or `--all-tags`; there are {}",
        "请指明是哪一个，如 `{which}`，或用 `--all-tags`；其中有 {}",
    ),
    (
        "copy them one by one, as in `{place}:{first}`, or all of them with `entrepot load`",
        "请逐个复制，如 `{place}:{first}`，或用 `entrepot load` 载入全部",
    ),
    (
        "name the file: `entrepot credentials import ~/.docker/config.json`",
        "请指定文件：`entrepot credentials import ~/.docker/config.json`",
    ),
    ("put the key back, if there is a copy; otherwise say `--yes`", "有备份请先恢复密钥；否则加上 `--yes`"),
    (
        "stop the server first; while it runs, remove what you want with `entrepot credentials remove`",
        "请先停止服务；服务运行时可用 `entrepot credentials remove` 删除",
    ),
    (
        "say it: `--kind` {}; `--kind script` lists what looks like an image",
        "请写明：`--kind` {}；`--kind script` 可列出看起来像镜像名的内容",
    ),
    ("leave it out: `--to {}`", "请去掉：`--to {}`"),
    (
        "give one of them a name of its own: `--map {}=NEW`; nothing was written",
        "请为其中一个另起名称：`--map {}=NEW`；没有写入任何内容",
    ),
    (
        "look at another platform: `--platform`; or push the image there again",
        "请换一个平台：`--platform`；或重新推送镜像",
    ),
    ("leave out `-i`", "请去掉 `-i`"),
    ("see who may make tokens: `entrepot token ls`", "查看谁能新建令牌：`entrepot token ls`"),
    (
        "remove it there: `entrepot token ls --server {host}`",
        "请到服务器上删除：`entrepot token ls --server {host}`",
    ),
    (
        "look at both; an admin of it can set another password: `entrepot account password`",
        "请检查两者；其管理员可以重设密码：`entrepot account password`",
    ),
    (
        "log in to the endpoint, if it may have a password of yours: `entrepot login {endpoint}`",
        "如果可以把密码给该 endpoint，请登录它：`entrepot login {endpoint}`",
    ),
    ("begin again", "请重新开始"),
    (
        "log in with a password or an access token: `entrepot login {target}`",
        "请用密码或访问令牌登录：`entrepot login {target}`",
    ),
    (
        "look at them: `entrepot migrate plan`; if {they} older copies, write over: `--overwrite`; nothing was copied",
        "请查看：`entrepot migrate plan`；如果是较旧的副本，可用 `--overwrite` 覆盖；没有复制任何内容",
    ),
    (
        "write several patterns: `documents: [\"a/*.yaml\", \"b/*.yaml\"]`",
        "请拆成多个模式：`documents: [\"a/*.yaml\", \"b/*.yaml\"]`",
    ),
    (
        "`*` stands for anything within a name, `**` for any number of directories: `config/**/*.yaml`",
        "`*` 匹配名称中的任意内容，`**` 匹配任意多层目录：`config/**/*.yaml`",
    ),
    (
        "name a file that has a section `migrate`: `entrepot migrate plan FILE`; `from` and `to` are enough",
        "请指定含有 `migrate` 部分的文件：`entrepot migrate plan FILE`；只需写 `from` 和 `to`",
    ),
    (
        "say which: `documents: [\".github/workflows/*.yml\"]` in the migration; `--checkout` says where they are",
        "请在迁移中写明：`documents: [\".github/workflows/*.yml\"]`；用 `--checkout` 指明所在目录",
    ),
    (
        "give the file another name: `load` writes plain names below one directory, and hidden ones of variables alone",
        "请给文件改名：`load` 只写入同一目录下的普通文件名，隐藏文件只限变量文件",
    ),
    (
        "nothing was copied or written; if you know who made it, have it made again from files with plain names",
        "没有复制或写入任何内容；如果知道来源，请让对方用普通文件名重新打包",
    ),
    (
        "`entrepot relay --bundle` makes what can be loaded; archives of `docker save` and `podman save` can be, too",
        "可载入的文件由 `entrepot relay --bundle` 生成；`docker save` 和 `podman save` 的归档也可以",
    ),
    (
        "copy them one by one: `entrepot copy {place}:TAG {to}/NAME`",
        "请逐个复制：`entrepot copy {place}:TAG {to}/NAME`",
    ),
    (
        "it may have been left out when the bundle was made: make it again for this registry",
        "打包时可能没有包括它：请为此镜像站重新打包",
    ),
    (
        "`--kind` says what it is; it was taken for a {kind} file",
        "可用 `--kind` 指明类型；现按 {kind} 文件处理",
    ),
    (
        "{hint}; `--to` says where names begin, `--naming` and `--map` how they go on; nothing was copied",
        "{hint}；`--to` 决定名称的开头，`--naming` 和 `--map` 决定其余部分；没有复制任何内容",
    ),
    (
        "set their variables in `.env` or the environment, write them out, or put them on an `--ignore` list",
        "请在 `.env` 或环境中设置变量，或写出完整名称，或放入 `--ignore` 列表",
    ),
    ("leave out `{option}`: each is written beside its own", "请去掉 `{option}`：各自写在原文件旁边"),
    ("what it did: `{}`", "查看详情：`{}`"),
    (
        "another process listens there: stop it, or choose another port with `--listen`",
        "另一个进程占用了该地址：请停止它，或用 `--listen` 换一个端口",
    ),
    (
        "ports below 1024 need a privilege: choose another one with `--listen`",
        "1024 以下的端口需要特权：请用 `--listen` 换一个端口",
    ),
    (
        "this machine does not have that address: choose one with `--listen`",
        "本机没有该地址：请用 `--listen` 另选",
    ),
    ("choose an address of this machine with `--listen`", "请用 `--listen` 选择本机的地址"),
    ("the data directory must be on a file system that has sockets", "数据目录所在的文件系统须支持套接字"),
    (
        "let it have more threads and open files (`ulimit -u -n`)",
        "请提高线程数和打开文件数的上限（`ulimit -u -n`）",
    ),
    ("look at `tls` in the configuration: both files are PEM", "请检查配置中的 `tls`：两个文件都是 PEM 格式"),
    (
        "look at the spelling; if it is private, log in: `entrepot login {host}`",
        "请检查拼写；如果是私有的，请登录：`entrepot login {host}`",
    ),
    (
        "the account may not do this, or its password has changed: `entrepot login {host}`",
        "账号无权这样做，或密码已更改：`entrepot login {host}`",
    ),
    ("try again in {} s, or use an account with a higher limit", "请在 {} 秒后重试，或使用限额更高的账号"),
    ("try again later, or use an account with a higher limit", "请稍后重试，或使用限额更高的账号"),
    (
        "write `registries: {{\"{host}\": {{endpoints: [\"http://{host}\"]}}}}` in the configuration",
        "请在配置中写 `registries: {{\"{host}\": {{endpoints: [\"http://{host}\"]}}}}`",
    ),
    (
        "the registry is to blame: tell those who run it, and name the tags that you want meanwhile",
        "问题出在镜像站：请告知其管理员，在此期间请写明所需的标签",
    ),
    ("see whether it is a registry; `-vv` shows what was asked", "请确认它是镜像站；`-vv` 可显示发出的请求"),
    ("see what there is: `entrepot spec ls`", "查看有哪些规格：`entrepot spec ls`"),
    (
        "each stands as a comment in the rules, where you can decide about it",
        "每一处都以注释形式写在规则中，可逐一决定",
    ),
    ("the reasons are above, and in the comments of what was written", "原因见上，也写在输出的注释中"),
    ("there are {}", "现有 {}"),
    ("look at the migration", "请检查迁移配置"),
    ("see what there is: `entrepot library ls`", "查看有哪些条目：`entrepot library ls`"),
    ("see what there is: `entrepot ps`", "查看有哪些实例：`entrepot ps`"),
    ("see what there is: `entrepot node ls`", "查看有哪些节点：`entrepot node ls`"),
    ("see what it printed: `entrepot logs {}`", "查看输出：`entrepot logs {}`"),
    ("say it: `--format csv` or `--format json`", "请写明：`--format csv` 或 `--format json`"),
    (
        "write it as clients name it: `nginx:1.27`, `quay.io/acme/web`",
        "请按客户端的写法：`nginx:1.27`、`quay.io/acme/web`",
    ),
    ("write the names of accounts: `[prometheus]`", "请写账号名：`[prometheus]`"),
    (
        "write patterns such as `docker.io/library/**` instead of names",
        "请用 `docker.io/library/**` 这样的模式代替逐个名称",
    ),
    ("leave the file out to allow everything, or deny `**`", "允许全部请去掉此文件；全部禁止请禁止 `**`"),
    ("see all of a list: `entrepot rules check FILE`", "检查整个列表：`entrepot rules check FILE`"),
    (
        "a list is a text file with a pattern a line; the path is seen from where the configuration is",
        "列表是每行一个模式的文本文件；路径相对于配置文件所在目录",
    ),
    (
        "write `{disk: 95%, mode: cached-only}`, `{budget: 10%, mode: small-only}` or `{load: 400%, mode: small-only}`",
        "请写 `{disk: 95%, mode: cached-only}`、`{budget: 10%, mode: small-only}` 或 `{load: 400%, mode: small-only}`",
    ),
    ("switch lists alone: `entrepot mode --tag-lists off`", "单独关闭列表：`entrepot mode --tag-lists off`"),
    (
        "look at SOURCE, and whether the account is confirmed at its registry",
        "请查看 SOURCE 一列，以及账号是否已在镜像站完成验证",
    ),
    ("leave it out to say nothing", "不需要公告时请去掉此项"),
];
