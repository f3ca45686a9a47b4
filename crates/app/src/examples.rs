//! Examples, for the help and the manual pages of each command.

use crate::{
    example::{Example, example},
    examples_cache, examples_entries, examples_instances, examples_limits, examples_nodes,
    examples_operating, examples_requests, examples_webhooks,
};

/// The examples of the command at `path`, without the name of the program: `sync run`.
pub(crate) fn of(path: &str) -> &'static [Example] {
    all().find(|(of, _)| *of == path).map_or(&[], |(_, examples)| examples)
}

/// All commands, each with its examples.
pub(crate) fn all() -> impl Iterator<Item = &'static (&'static str, &'static [Example])> {
    EXAMPLES
        .iter()
        .chain(examples_cache::EXAMPLES)
        .chain(examples_entries::EXAMPLES)
        .chain(examples_nodes::EXAMPLES)
        .chain(examples_requests::EXAMPLES)
        .chain(examples_instances::EXAMPLES)
        .chain(examples_limits::EXAMPLES)
        .chain(examples_operating::EXAMPLES)
        .chain(examples_webhooks::EXAMPLES)
}

/// The commands, each with its examples.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            example(
                "entrepot serve",
                "Serve on 127.0.0.1:5000, with the data in ./data",
                "在 127.0.0.1:5000 提供服务，数据放在 ./data",
            ),
            example("entrepot copy nginx:1.27 registry.lan/library/nginx", "Copy an image", "复制一个镜像"),
            example("entrepot help sync run", "Show the help of a command", "显示一个命令的帮助"),
        ],
    ),
    (
        "serve",
        &[
            example(
                "entrepot serve",
                "Serve on this machine, without a configuration",
                "不写配置，在本机提供服务",
            ),
            example(
                "entrepot serve --listen 0.0.0.0:5000 --data /var/lib/entrepot",
                "Serve other machines",
                "供其他机器使用",
            ),
        ],
    ),
    (
        "config check",
        &[example(
            "entrepot config check entrepot.yaml",
            "List every mistake, with its line",
            "列出每个错误及其行号",
        )],
    ),
    (
        "config show",
        &[example(
            "ENTREPOT_MIRROR__FRESHNESS=10m entrepot config show",
            "Show the configuration, with a variable over the file",
            "显示配置，其中一项由环境变量覆盖",
        )],
    ),
    (
        "sync",
        &[
            example("entrepot sync rules.yaml --dry-run", "Show what would be copied", "显示将要复制的内容"),
            example(
                "entrepot sync rules.yaml --only nginx --jobs 4",
                "Copy for one rule, four images at once",
                "只执行一条规则，同时复制四个镜像",
            ),
        ],
    ),
    (
        "sync run",
        &[
            example(
                "entrepot sync run nginx --wait",
                "Run a rule on the server of this machine, and follow it",
                "让本机的服务器执行一条规则，并显示进度",
            ),
            example(
                "ENTREPOT_API_TOKEN=… entrepot sync run nginx --server https://m.example.com",
                "The same on another machine",
                "让另一台机器上的服务器执行",
            ),
        ],
    ),
    (
        "sync runs",
        &[example(
            "entrepot sync runs --rule nginx -n 5",
            "List the last five runs of a rule",
            "列出一条规则最近的五次同步",
        )],
    ),
    ("sync cancel", &[example("entrepot sync cancel 0197f3c1", "Stop a run by its id", "按编号停止同步")]),
    (
        "sync import",
        &[
            example(
                "entrepot sync import image-sync.json --out rules.yaml",
                "Make rules of another tool's file",
                "把其他工具的文件转换为规则",
            ),
            example(
                "entrepot sync import mirror.txt --to registry.lan/mirror/{host}/{path}",
                "Make rules of a list",
                "把列表转换为规则",
            ),
        ],
    ),
    (
        "check",
        &[example(
            "entrepot check rules.yaml --badge sync.svg",
            "Show what is in sync, and write a badge",
            "显示同步情况，并写出徽章",
        )],
    ),
    (
        "guide",
        &[example(
            "entrepot guide rules.yaml --lang zh --out GUIDE.md",
            "Write the guide in 中文",
            "写出中文版的地址指引",
        )],
    ),
    (
        "list fmt",
        &[example("entrepot list fmt -i mirror.txt", "Sort a list in its file", "直接为文件中的列表排序")],
    ),
    (
        "copy",
        &[
            example(
                "entrepot copy nginx:1.27 quay.io/me/nginx registry.lan:5000/library/nginx",
                "Read once, write to two registries",
                "只读取一次，写入两个镜像站",
            ),
            example(
                "entrepot copy --all-tags quay.io/ascend/cann registry.lan/ascend/cann",
                "Copy every tag",
                "复制所有标签",
            ),
            example("entrepot copy nginx:1.27 oci-archive:nginx.tar", "Write an archive", "写成归档文件"),
        ],
    ),
    (
        "tags",
        &[example(
            "entrepot tags nginx --semver '>=1.26' --latest 3",
            "List the three newest versions from 1.26 on",
            "列出 1.26 以来最新的三个版本",
        )],
    ),
    (
        "inspect",
        &[example(
            "entrepot inspect nginx:1.27 --platform linux/arm64",
            "Show the image for one platform",
            "显示一个平台的镜像",
        )],
    ),
    ("digest", &[example("entrepot digest nginx:1.27", "Print a digest", "输出摘要")]),
    (
        "login",
        &[
            example(
                "entrepot login quay.io",
                "Log in; user name and password are asked for",
                "登录，用户名和密码会询问",
            ),
            example(
                "entrepot login quay.io -u robot --password-stdin < token",
                "Log in from a script",
                "在脚本中登录",
            ),
            example(
                "entrepot login m.example.com --device",
                "Log in to an entrepot with a browser, by OpenID Connect or a password",
                "用浏览器登录 entrepot，OpenID Connect 或密码均可",
            ),
        ],
    ),
    ("logout", &[example("entrepot logout quay.io", "Remove a login", "删除登录")]),
    (
        "images",
        &[example(
            "entrepot images --resolve docker-compose.yaml",
            "List a stack's images, and ask whether they exist",
            "列出文件中的镜像，并查询是否存在",
        )],
    ),
    (
        "rewrite",
        &[
            example(
                "entrepot rewrite docker-compose.yaml --to m.example.com --diff",
                "Show a file with the mirror's address in front of its images",
                "显示在镜像名前加上镜像站地址后的修改",
            ),
            example(
                "entrepot rewrite k8s/*.yaml --to m.example.com --in-place",
                "Change files",
                "直接修改文件",
            ),
        ],
    ),
    (
        "relay",
        &[
            example(
                "entrepot relay docker-compose.yaml --to registry.lan/apps",
                "Copy a stack's images, and write docker-compose-mirror.yaml",
                "复制文件中的镜像，并生成 docker-compose-mirror.yaml",
            ),
            example(
                "entrepot relay docker-compose.yaml --to registry.lan/apps --bundle stack.tar",
                "Pack it for a machine without network",
                "打包给离线的机器",
            ),
        ],
    ),
    (
        "load",
        &[example("entrepot load stack.tar --to registry.lan/apps", "Unpack it there", "在离线的机器上展开")],
    ),
    (
        "migrate plan",
        &[example("entrepot migrate plan migrate.yaml", "Show what there is to do", "显示要做的事")],
    ),
    ("migrate check", &[example("entrepot migrate check migrate.yaml", "Try the permissions", "试验权限")]),
    (
        "migrate apply",
        &[example(
            "entrepot migrate apply migrate.yaml --jobs 4",
            "Copy, four images at once",
            "复制，同时处理四个镜像",
        )],
    ),
    ("migrate verify", &[example("entrepot migrate verify migrate.yaml", "Compare both sides", "核对两边")]),
    (
        "migrate rewrite",
        &[example(
            "entrepot migrate rewrite migrate.yaml --in-place",
            "Change the project's files",
            "修改项目文件",
        )],
    ),
    ("migrate status", &[example("entrepot migrate status migrate.yaml", "Show how far it is", "显示进度")]),
    (
        "completions",
        &[example(
            "entrepot completions bash > /usr/share/bash-completion/completions/entrepot",
            "Install completions for bash",
            "安装 bash 补全",
        )],
    ),
    (
        "man",
        &[
            example("entrepot man | man -l -", "Read the manual page", "阅读手册页"),
            example("entrepot man --out /usr/local/share/man/man1", "Install all pages", "安装所有手册页"),
        ],
    ),
    ("help", &[example("entrepot help sync run", "Show the help of a command", "显示一个命令的帮助")]),
    ("version", &[example("entrepot version", "Print the version", "显示版本")]),
    (
        "account ls",
        &[example("entrepot account ls --output json", "List accounts for a program", "以 JSON 列出账号")],
    ),
    (
        "account add",
        &[
            example("entrepot account add alice", "Create an account", "新建账号"),
            example(
                "entrepot account add ci --robot",
                "Create a robot for a pipeline",
                "为流水线新建机器人账号",
            ),
        ],
    ),
    (
        "account password",
        &[example("entrepot account password admin", "Set the first password", "设置第一个密码")],
    ),
    ("account role", &[example("entrepot account role alice operator", "Make an operator", "设为运维人员")]),
    (
        "account disable",
        &[example("entrepot account disable alice", "Lock somebody out at once", "立即停用某个账号")],
    ),
    (
        "account enable",
        &[example("entrepot account enable alice", "Let somebody in again", "重新启用某个账号")],
    ),
    (
        "account key set",
        &[example(
            "entrepot account key set ~/.ssh/id_ed25519.pub --server m.example.com",
            "Reach your instances by SSH",
            "用 SSH 进入自己的实例",
        )],
    ),
    (
        "account key show",
        &[example("entrepot account key show --server m.example.com", "See your key", "查看公钥")],
    ),
    (
        "account key rm",
        &[example(
            "entrepot account key rm --server m.example.com",
            "Let no key in any more",
            "不再接受公钥登录",
        )],
    ),
    ("account rm", &[example("entrepot account rm alice", "Remove an account", "删除账号")]),
    (
        "token ls",
        &[example("entrepot token ls --account ci", "List the tokens of a robot", "列出机器人账号的令牌")],
    ),
    (
        "token create",
        &[
            example(
                "entrepot token create build --account ci --scope 'pull,push:local/ci/**' --expires 90d",
                "Let a pipeline push below local/ci for 90 days",
                "允许流水线在 90 天内推送到 local/ci 之下",
            ),
            example(
                "entrepot token create k8s --account ci --scope 'pull:**' --registry m.example.com --output dockerconfigjson",
                "Make what Kubernetes has in an image pull secret",
                "生成 Kubernetes 镜像拉取凭据",
            ),
        ],
    ),
    (
        "token renew",
        &[example(
            "entrepot token renew roZHYrZ6Ai",
            "Replace a secret without an outage",
            "不停机更换令牌内容",
        )],
    ),
    (
        "access explain",
        &[
            example(
                "entrepot access explain account:alice push local/app",
                "Ask why alice may push, or why not",
                "查询 alice 为何能或不能推送",
            ),
            example(
                "entrepot access explain anonymous pull docker.io/acme/web --output json",
                "Ask it for a program",
                "以 JSON 查询",
            ),
        ],
    ),
    (
        "access grants ls",
        &[example(
            "entrepot access grants ls --to group:ml",
            "List what a group was granted",
            "列出授予某个组的权限",
        )],
    ),
    (
        "access grants add",
        &[example(
            "entrepot access grants add --to account:alice --may pull,push 'local/app/**'",
            "Let alice push below local/app",
            "允许 alice 推送到 local/app 之下",
        )],
    ),
    (
        "access grants rm",
        &[example("entrepot access grants rm 3719483918274560", "Take a grant back", "收回一项授权")],
    ),
    (
        "links",
        &[example(
            "entrepot links",
            "See which links work, what each carries, and why one rests",
            "查看哪些链路可用、各自的速度，以及停用的原因",
        )],
    ),
    (
        "session ls",
        &[example(
            "entrepot session ls --account alice",
            "See where somebody is logged in",
            "查看某人在哪里登录",
        )],
    ),
    (
        "session end",
        &[
            example("entrepot session end 4fTq0ZbWkR2x", "End one session", "结束一个会话"),
            example(
                "entrepot session end --account alice",
                "Log somebody out everywhere",
                "让某人在所有浏览器中退出登录",
            ),
        ],
    ),
    ("token rm", &[example("entrepot token rm roZHYrZ6Ai", "Revoke a token", "吊销令牌")]),
    (
        "credentials list",
        &[example(
            "entrepot credentials list --output json",
            "List credentials for a program",
            "以 JSON 列出凭据",
        )],
    ),
    (
        "credentials add",
        &[
            example(
                "entrepot credentials add docker.io -u acme",
                "Store an account of Docker Hub",
                "保存 Docker Hub 账号",
            ),
            example(
                "entrepot credentials add quay.io/acme -u acme+robot --password-stdin < token",
                "Store a robot for one namespace",
                "为一个命名空间保存机器人账号",
            ),
        ],
    ),
    (
        "access test",
        &[example(
            "entrepot access test ldap --user alice",
            "Show which groups the directory gives `alice`, and which role that is",
            "显示目录给 `alice` 哪些组，以及由此得到的角色",
        )],
    ),
    (
        "access test oidc",
        &[
            example(
                "entrepot access test oidc",
                "Check that the OpenID provider answers and accepts us",
                "检查 OpenID 提供方是否可用、是否接受本服务",
            ),
            example(
                "entrepot access test oidc --token-stdin < id-token",
                "Show the claims, groups and role of whoever the ID token is about",
                "显示该 ID 令牌中的声明、组以及对应的角色",
            ),
        ],
    ),
    (
        "credentials password",
        &[example(
            "entrepot credentials password docker.io --password-stdin < token",
            "Replace an access token",
            "更换访问令牌",
        )],
    ),
    (
        "credentials remove",
        &[example("entrepot credentials remove docker.io", "Stop using an account", "停止使用某个账号")],
    ),
    (
        "credentials verify",
        &[example(
            "entrepot credentials verify quay.io/acme --repository acme/app",
            "See whether an account works",
            "验证账号是否可用",
        )],
    ),
    (
        "credentials import",
        &[example(
            "entrepot credentials import ~/.docker/config.json",
            "Store the logins of Docker",
            "导入 Docker 的登录信息",
        )],
    ),
    ("secrets status", &[example("entrepot secrets status", "See which key seals", "查看当前的密钥")]),
    (
        "secrets rotate",
        &[example("entrepot secrets rotate", "Replace the key while the server runs", "不停机更换密钥")],
    ),
    (
        "secrets key",
        &[example("entrepot secrets key > secret.key", "Make a key for a deployment", "为部署生成密钥")],
    ),
    (
        "secrets reset",
        &[example("entrepot secrets reset --yes", "Begin anew without a lost key", "密钥丢失后重新开始")],
    ),
    (
        "access test ldap",
        &[example(
            "entrepot access test ldap --user alice --password-stdin < password",
            "Log in to the directory as `alice`, and show groups and role",
            "以 `alice` 登录目录，并显示其组和角色",
        )],
    ),
    (
        "audit",
        &[
            example("entrepot audit --actor owner -n 20", "Show what the owner did", "查看所有者的操作"),
            example(
                "entrepot audit --action login --outcome refused --since 1d",
                "Show the failed logins of a day",
                "查看一天内失败的登录",
            ),
            example("entrepot audit --follow", "Watch what is done", "持续查看操作"),
        ],
    ),
];
