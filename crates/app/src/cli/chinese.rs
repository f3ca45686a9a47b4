//! The help texts in 中文, by their English text. A test compares the table with the command line, both ways.

use super::{
    chinese_cache, chinese_entries, chinese_instances, chinese_limits, chinese_nodes, chinese_operating,
    chinese_requests, chinese_webhooks,
};

/// All texts: English and 中文.
pub(super) fn texts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let others = [
        chinese_cache::TEXTS,
        chinese_entries::TEXTS,
        chinese_nodes::TEXTS,
        chinese_instances::TEXTS,
        chinese_limits::TEXTS,
        chinese_operating::TEXTS,
        chinese_requests::TEXTS,
        chinese_webhooks::TEXTS,
    ];
    TEXTS.iter().chain(others.into_iter().flatten())
}

/// English and 中文.
const TEXTS: &[(&str, &str)] = &[
    // Commands
    (
        "Mirror for container images: the first pull streams through, later pulls are local",
        "容器镜像加速服务：首次拉取时边下载边转发，之后直接由本地提供",
    ),
    (
        "Serve images: mirror other registries, and accept pushes to hosted names",
        "启动服务：代理其他镜像站，并接收推送到本站的镜像",
    ),
    ("Check or show the configuration", "检查或显示配置"),
    (
        "Check a configuration file and the files it names, and report all mistakes",
        "检查配置文件及其引用的文件，一次列出所有错误",
    ),
    (
        "Print the effective configuration from file, environment and defaults, without secrets",
        "显示由文件、环境变量和默认值得出的生效配置，不含密码",
    ),
    (
        "List, count, remove or verify cached content, with or without a running server",
        "查看、统计、删除或校验缓存内容，服务是否在运行均可",
    ),
    ("List repositories, or the images of one", "列出仓库，或一个仓库中的镜像"),
    ("Show totals", "显示总量"),
    (
        "Remove a repository, or one image of it, and content nothing else uses",
        "删除一个仓库或其中一个镜像，以及不再被引用的内容",
    ),
    ("Copy what the rules in a file select and is not there yet", "按文件中的规则，复制目标处还没有的镜像"),
    (
        "Convert image-sync.json, mirror.txt, or a file of regsync, skopeo sync or image-syncer into rules",
        "把 image-sync.json、mirror.txt，或 regsync、skopeo sync、image-syncer 的文件转换为规则",
    ),
    ("Run a rule on a server now, or join its current run", "让服务器立即执行一条规则，或接入正在执行的同步"),
    ("List recent runs on a server", "列出服务器最近的同步记录"),
    ("Stop a run on a server", "停止服务器上正在执行的同步"),
    ("Show how much of what the rules select is in sync", "显示规则选中的镜像有多少已同步"),
    ("Print the addresses everything can be pulled from, in Markdown", "以 Markdown 输出所有镜像的可用地址"),
    ("Copy images between registries, directories and archives", "在镜像站、目录和归档文件之间复制镜像"),
    ("List the tags of a repository in any registry", "列出任意镜像站中一个仓库的标签"),
    (
        "Show an image's platforms, layers and configuration without pulling it",
        "不拉取镜像，直接显示其平台、层和配置",
    ),
    ("Print the digest that a tag points to", "输出标签指向的摘要"),
    ("Work with plain lists of images", "处理纯文本的镜像列表"),
    ("Sort a list, dropping duplicates and empty lines", "为列表排序，去掉重复行和空行"),
    ("Log in to a registry, or to a namespace of it", "登录镜像站，或其中一个命名空间"),
    ("Remove a stored login", "删除已保存的登录"),
    (
        "List the images that documents name: compose files, manifests, charts, Dockerfiles, workflows",
        "列出文件中引用的镜像：compose 文件、Kubernetes 清单、chart、Dockerfile、CI 工作流",
    ),
    (
        "Rename the images in documents, leaving every other byte alone",
        "替换文件中的镜像名，其余内容一个字节也不改",
    ),
    (
        "Copy all images of compose files to your registry, and write files that use the copies",
        "把 compose 文件中的所有镜像复制到自己的镜像站，并生成使用这些副本的文件",
    ),
    (
        "Copy the images of a bundle or archive to your registry, and write the stack's files",
        "把离线包或归档中的镜像复制到自己的镜像站，并写出相应文件",
    ),
    (
        "Move a project's images to another registry: plan, check, copy, verify, rewrite",
        "把一个项目的镜像迁移到另一个镜像站：计划、检查、复制、核对、改写",
    ),
    (
        "Show what moves where, blockers and manual steps, in Markdown",
        "以 Markdown 显示迁移内容、阻碍和需要手动完成的步骤",
    ),
    (
        "Prove that the accounts have the permissions, leaving nothing behind",
        "验证账号是否有所需的权限，不留下任何内容",
    ),
    ("Copy what is missing; run it again to continue", "复制缺少的镜像；中断后再次运行即可继续"),
    ("Prove that every tag has the same digest on both sides", "核对每个标签在两边的摘要是否一致"),
    (
        "Show the project's files with the new names and logins, or change them",
        "显示改用新名称和新登录后的项目文件，或直接修改",
    ),
    ("Show progress and the next step", "显示进度和下一步"),
    ("Write a completion script for a shell to standard output", "向标准输出写出 shell 的补全脚本"),
    (
        "Write the manual page to standard output, or one page per command to a directory",
        "向标准输出写出手册页，或把每个命令的手册页写入目录",
    ),
    ("Print the help of a command", "显示一个命令的帮助"),
    ("Print the version", "显示版本"),
    // Options of several commands
    ("Print less: only warnings and errors", "减少输出：只显示警告和错误"),
    ("Print more; repeat for everything", "增加输出；重复使用可显示全部"),
    (
        "The configuration file [env: ENTREPOT_CONFIG] [default: ./entrepot.yaml, if it exists]",
        "配置文件（环境变量：ENTREPOT_CONFIG；默认：./entrepot.yaml，如果存在）",
    ),
    ("Output format: `text` for people, `json` for programs", "输出格式：`text` 供人阅读，`json` 供程序使用"),
    ("The data directory, overriding the configuration", "数据目录，优先于配置"),
    (
        "The directory for data kept between runs [default: ~/.cache/entrepot]",
        "保存各次运行之间数据的目录（默认：~/.cache/entrepot）",
    ),
    ("Number of images to copy in parallel", "同时复制的镜像数量"),
    ("Only show what would be copied", "只显示将要复制的内容"),
    ("Only show what would be done; no registry is asked", "只显示将要执行的操作，不访问任何镜像站"),
    ("Only show what would be removed", "只显示将要删除的内容"),
    (
        "Manifest format: `keep`, or `docker` for registries that refuse OCI [default: depends on the registry]",
        "清单格式：`keep` 保持原样，`docker` 用于不接受 OCI 格式的镜像站（默认：视镜像站而定）",
    ),
    (
        "A new name for one image, overriding the scheme; may be repeated",
        "单独指定一个镜像的新名称，优先于命名方式；可重复",
    ),
    ("A file of such names, one per line", "写有这类名称的文件，每行一个"),
    ("The output file [default: standard output]", "输出文件（默认：标准输出）"),
    ("Only the rule with this name; may be repeated", "只处理此名称的规则；可重复"),
    ("Write a badge (SVG) with the share in sync", "写出表示同步率的徽章（SVG）"),
    ("Change the files in place", "直接修改文件"),
    ("The file", "文件"),
    // serve, config, cache
    ("The listen address, overriding the configuration", "监听地址，优先于配置"),
    ("The configuration file", "配置文件"),
    (
        "A repository: `nginx`, `docker.io/library/nginx`, `local/app`",
        "仓库：`nginx`、`docker.io/library/nginx`、`local/app`",
    ),
    ("Only repositories whose full name starts with this", "只列出全名以此开头的仓库"),
    (
        "What to remove: `NAME`, `NAME:TAG` or `NAME@DIGEST`",
        "要删除的内容：`NAME`、`NAME:TAG` 或 `NAME@DIGEST`",
    ),
    ("Remove a whole repository without confirmation", "不经确认，直接删除整个仓库"),
    // sync, check, guide, list
    (
        "A file with a `sync` list, and `registries` if needed [default: the configuration]",
        "含有 `sync` 列表的文件，需要时也含 `registries`（默认：配置文件）",
    ),
    ("A file with a `sync` list [default: the configuration]", "含有 `sync` 列表的文件（默认：配置文件）"),
    (
        "Remove tags that no rule writes, for targets with `prune: review`",
        "对设有 `prune: review` 的目标，删除没有规则写入的标签",
    ),
    (
        "Write one line per tag in the format of DaoCloud's mirror",
        "按 DaoCloud 镜像站的格式，每个标签写一行日志",
    ),
    (
        "Regular expressions for tags to leave out, one per line [default: exclude.txt next to the file]",
        "要排除的标签的正则表达式，每行一个（默认：同目录下的 exclude.txt）",
    ),
    (
        "The target, if the file does not name one: `registry.example.com/mirror/{host}/{path}`",
        "文件中没有写明时的目标：`registry.example.com/mirror/{host}/{path}`",
    ),
    ("The rule's name", "规则名"),
    (
        "Only this image: `quay.io/ascend/cann` or `quay.io/ascend/cann:8.0`",
        "只处理这个镜像：`quay.io/ascend/cann` 或 `quay.io/ascend/cann:8.0`",
    ),
    (
        "Show progress until the run ends; exit code 1 if anything failed",
        "显示进度直到结束；有失败时退出码为 1",
    ),
    ("Only runs of this rule", "只列出此规则的记录"),
    ("Maximum number of runs", "最多列出的条数"),
    ("The run's id, as listed by `entrepot sync runs`", "`entrepot sync runs` 列出的编号"),
    (
        "The server [default: the one using the data directory, else http://127.0.0.1:5000]",
        "服务器（默认：正在使用数据目录的服务器，否则为 http://127.0.0.1:5000）",
    ),
    ("`zh` or `en` [default: the terminal's language]", "`zh` 或 `en`（默认：终端的语言）"),
    ("The file; `-` for standard input", "文件；`-` 表示标准输入"),
    ("Change the file instead of printing the list", "直接修改文件，而不是输出列表"),
    // copy, tags, inspect, digest
    (
        "The image: `nginx:1.27`, `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE[:TAG]`",
        "镜像：`nginx:1.27`、`oci:DIR[:TAG]`、`oci-archive:FILE[:TAG]`、`docker-archive:FILE[:TAG]`",
    ),
    ("Where to copy it; without a tag, the source's is used", "复制到哪里；不写标签时沿用来源的标签"),
    (
        "Copy every tag of the repository, or every image of the archive",
        "复制仓库的所有标签，或归档中的所有镜像",
    ),
    ("Copy only these platforms: `linux/amd64,linux/arm64`", "只复制这些平台：`linux/amd64,linux/arm64`"),
    ("Do not copy signatures, attestations and SBOMs", "不复制签名、证明和 SBOM"),
    ("The repository: `nginx`, `quay.io/ascend/cann`", "仓库：`nginx`、`quay.io/ascend/cann`"),
    (
        "Only tags that match this regular expression anywhere; `^…$` for the whole tag",
        "只列出任意位置匹配此正则表达式的标签；匹配整个标签用 `^…$`",
    ),
    ("Only tags that do not match this regular expression", "只列出不匹配此正则表达式的标签"),
    ("Only tags that match this glob: `v1.*`", "只列出匹配此通配符的标签：`v1.*`"),
    ("Only tags that do not match this glob", "只列出不匹配此通配符的标签"),
    ("Only tags whose version is in this range: `>=1.2, <2`", "只列出版本在此范围内的标签：`>=1.2, <2`"),
    ("Only the newest N, after all other filters", "经其他条件筛选后，只列出最新的 N 个"),
    (
        "The image: `nginx:1.27`, `quay.io/ascend/cann@sha256:…`",
        "镜像：`nginx:1.27`、`quay.io/ascend/cann@sha256:…`",
    ),
    ("The image: `nginx:1.27`", "镜像：`nginx:1.27`"),
    ("The platform to show: `linux/arm64`", "要显示的平台：`linux/arm64`"),
    ("Print the registry's manifest byte for byte", "原样输出镜像站的清单"),
    // login, logout
    (
        "The registry, or a namespace in it: `quay.io`, `quay.io/ascend`",
        "镜像站，或其中的命名空间：`quay.io`、`quay.io/ascend`",
    ),
    ("The user name; prompted for if omitted", "用户名；省略时会询问"),
    (
        "The password; other users of this machine may see it, so rather use `--password-stdin`",
        "密码；本机其他用户可能看到，建议改用 `--password-stdin`",
    ),
    ("Read the password from standard input", "从标准输入读取密码"),
    (
        "Confirm the login in a browser: for an entrepot, whatever way its people log in",
        "在浏览器中确认登录：适用于 entrepot 服务，与其登录方式无关",
    ),
    ("The registry, or a namespace in it", "镜像站，或其中的命名空间"),
    ("Remove all stored logins", "删除所有已保存的登录"),
    // images, rewrite
    (
        "The documents, or directories with documents; `-` or none for standard input",
        "文件，或含有这些文件的目录；`-` 或不写表示标准输入",
    ),
    (
        "Their kind: compose, kubernetes, helm, kustomize, dockerfile, github, gitlab, woodpecker, circleci, bitbucket, devcontainer, quadlet, hcl, bake, ansible, script, env, list [default: by name and content]",
        "文件类型：compose、kubernetes、helm、kustomize、dockerfile、github、gitlab、woodpecker、circleci、bitbucket、devcontainer、quadlet、hcl、bake、ansible、script、env、list（默认：按文件名和内容判断）",
    ),
    (
        "A list of images to leave alone, one per line; `*` matches any text",
        "不处理的镜像列表，每行一个；`*` 匹配任意文本",
    ),
    (
        "A key of custom resources that names an image, such as `spec.image`; may be repeated",
        "自定义资源中写镜像名的键，例如 `spec.image`；可重复",
    ),
    ("Include argument and environment values that look like images", "包括看起来像镜像名的参数和环境变量值"),
    ("Include images that are built or pushed", "包括由文件构建或推送的镜像"),
    (
        "Ask the registries for existence, digests, platforms and sizes",
        "向镜像站查询是否存在、摘要、平台和大小",
    ),
    ("The registry for the new names, optionally with a namespace", "新名称使用的镜像站，可带命名空间"),
    (
        "The scheme for new names: `prefix` (the whole old name), `alias` (docker.HOST/…), `flatten` (a-b for a/b), `map`, or a template of {host}, {repository}, {short}, {namespace}, {name} and {flat}",
        "新名称的命名方式：`prefix`（保留完整的旧名称）、`alias`（docker.HOST/…）、`flatten`（a/b 变为 a-b）、`map`，或由 {host}、{repository}、{short}、{namespace}、{name}、{flat} 组成的模板",
    ),
    ("Change the files instead of printing the result", "直接修改文件，而不是输出结果"),
    ("Show the changes as a diff", "以 diff 形式显示修改"),
    // relay, load
    (
        "The files that name the images [default: the compose file in this directory]",
        "写有镜像名的文件（默认：当前目录的 compose 文件）",
    ),
    ("The target registry, optionally with a namespace", "目标镜像站，可带命名空间"),
    (
        "The scheme for new names: `flatten` (a-b for a/b), `prefix` (the whole old name), `map`, or a template of {host}, {repository}, {short}, {namespace}, {name} and {flat}",
        "新名称的命名方式：`flatten`（a/b 变为 a-b）、`prefix`（保留完整的旧名称）、`map`，或由 {host}、{repository}、{short}、{namespace}、{name}、{flat} 组成的模板",
    ),
    (
        "A list of images to leave alone, in the files too, one per line; `*` matches any text",
        "不复制、在文件中也不改名的镜像列表，每行一个；`*` 匹配任意文本",
    ),
    (
        "A variable file, instead of the `.env` next to each compose file; may be repeated",
        "变量文件，代替 compose 文件旁的 `.env`；可重复",
    ),
    (
        "The kind of the files: compose, kubernetes, helm and so on [default: by name and content]",
        "文件类型：compose、kubernetes、helm 等（默认：按文件名和内容判断）",
    ),
    (
        "Copy only these platforms, which changes digests: `linux/amd64,linux/arm64` [default: all]",
        "只复制这些平台，摘要会随之改变：`linux/amd64,linux/arm64`（默认：全部）",
    ),
    ("Also copy signatures, attestations and SBOMs", "同时复制签名、证明和 SBOM"),
    (
        "The output file [default: FILE with `-mirror` in its name]",
        "输出文件（默认：在原文件名中加入 `-mirror`）",
    ),
    (
        "The variable file to write, if one sets images [default: `.env-mirror`]",
        "镜像名由变量文件给出时，要写出的变量文件（默认：`.env-mirror`）",
    ),
    (
        "Pack everything into a file for `entrepot load` on a machine without network; no registry is written to",
        "全部打包成一个文件，供离线机器上的 `entrepot load` 使用；不写入任何镜像站",
    ),
    (
        "Write scripts that pull and push the images, and the new files, to this directory; nothing is copied",
        "把拉取和推送镜像的脚本以及新文件写入此目录，不进行复制",
    ),
    (
        "The output of `entrepot relay --bundle`, `docker save` or `podman save`",
        "`entrepot relay --bundle`、`docker save` 或 `podman save` 的输出文件",
    ),
    (
        "The target registry, optionally with a namespace [default: from the bundle]",
        "目标镜像站，可带命名空间（默认：取自离线包）",
    ),
    (
        "The scheme for new names: `flatten`, `prefix`, `map` or a template [default: from the bundle]",
        "新名称的命名方式：`flatten`、`prefix`、`map` 或模板（默认：取自离线包）",
    ),
    (
        "A new or empty directory for the stack's files [default: named after FILE]",
        "存放文件的新目录或空目录（默认：按 FILE 命名）",
    ),
    (
        "Write into a directory with files in it, replacing files of the same names",
        "写入已有文件的目录，覆盖同名文件",
    ),
    // migrate
    (
        "A file with a `migrate` section, and `registries` if needed [default: migrate.yaml, else the configuration]",
        "含有 `migrate` 部分的文件，需要时也含 `registries`（默认：migrate.yaml，否则为配置文件）",
    ),
    (
        "The directory of the project's files [default: that of the migration file]",
        "项目文件所在目录（默认：迁移文件所在目录）",
    ),
    ("Compare with another migration; may be repeated", "与另一个迁移方案比较；可重复"),
    (
        "Inspect every image, whatever it takes of the source's rate limit",
        "检查每个镜像，不考虑来源的访问限额",
    ),
    ("Overwrite tags that differ at the destination", "覆盖目标处不一致的标签"),
    ("Change the files instead of showing a diff", "直接修改文件，而不是显示 diff"),
    ("Restore the old image names", "恢复原来的镜像名"),
    // completions, man, help
    ("The shell", "shell 类型"),
    ("The directory for one page per command", "每个命令一页，写入此目录"),
    ("The command: `sync`, `sync run`", "命令：`sync`、`sync run`"),
    ("Manage the accounts of a server", "管理服务器的账号"),
    ("Manage the API tokens of a server", "管理服务器的 API 令牌"),
    ("Say who may do what on a server, and grant rights", "查询谁能在服务器上做什么，以及授权"),
    (
        "Say whether somebody may do something to a repository, and by which rule; exit code 1 if they may not",
        "说明某个主体能否对仓库执行某个动作，以及依据哪条规则；不能时退出码为 1",
    ),
    (
        "Who: `anonymous`, `local`, `account:NAME`, `token:NAME` or `group:NAME`",
        "主体：`anonymous`、`local`、`account:NAME`、`token:NAME` 或 `group:NAME`",
    ),
    ("What: `pull`, `push`, `delete` or `request`", "动作：`pull`、`push`、`delete` 或 `request`"),
    (
        "The repository, as clients name it: `nginx`, `docker.io/acme/web`, `local/app`",
        "仓库，按客户端的写法：`nginx`、`docker.io/acme/web`、`local/app`",
    ),
    ("Work with rights beyond those of roles", "管理角色之外的授权"),
    ("Show how the links are that a server reaches registries over", "显示服务器访问上游所用的各条出口链路"),
    (
        "List grants: those of the configuration, and those that were made with `add`",
        "列出授权：配置文件中的，以及用 `add` 建立的",
    ),
    ("Only those to this one, such as `account:alice`", "只列出授予此对象的，例如 `account:alice`"),
    ("Only those that cover this repository, named in full", "只列出涉及此仓库（完整名称）的"),
    ("Grant a right, at once", "授权，立即生效"),
    (
        "To whom: `anonymous`, `account:NAME`, `group:NAME` or `role:ROLE`",
        "授权对象：`anonymous`、`account:NAME`、`group:NAME` 或 `role:ROLE`",
    ),
    (
        "What, separated by commas: `pull`, `push`, `delete`, `request`",
        "动作，用逗号分隔：`pull`、`push`、`delete`、`request`",
    ),
    (
        "The repositories, such as `local/app` or `docker.io/acme/**`",
        "仓库，例如 `local/app` 或 `docker.io/acme/**`",
    ),
    (
        "Take a grant back, at once; those of the configuration are changed there",
        "收回授权，立即生效；配置文件中的请在文件里修改",
    ),
    ("The grant's id, as listed by `entrepot access grants ls`", "授权的 id，见 `entrepot access grants ls`"),
    (
        "Only those that have expired or will within this time, the first to expire first",
        "只列出已过期或将在此时间内到期的令牌，最先到期的在前",
    ),
    (
        "Output format: `text`, `json`, or ready for a client: `dockerconfigjson`, `hosts.toml`, `registries.yaml`",
        "输出格式：`text`、`json`，或可直接用于客户端的 `dockerconfigjson`、`hosts.toml`、`registries.yaml`",
    ),
    (
        "How clients name this server: `m.example.com` [default: `--server`]",
        "客户端访问本服务器时使用的名称：`m.example.com` （默认：`--server`）",
    ),
    (
        "Only this, such as `login`, `token.create` or `push`",
        "只显示此类操作，例如 `login`、`token.create` 或 `push`",
    ),
    ("Only what was done to this, such as the name of an account", "只显示针对此对象的操作，例如某个账号名"),
    ("Only what was `done`, `refused` or `failed`", "只显示结果为 `done`、`refused` 或 `failed` 的操作"),
    (
        "Only what happened since: a time such as `2026-05-01T12:00:00Z`, or how long ago, such as `2h`",
        "只显示此后的操作：时间如 `2026-05-01T12:00:00Z`，或多久以前如 `2h`",
    ),
    ("Only what happened before this time", "只显示此前的操作"),
    ("Go on printing what is done from now on", "持续显示新的操作"),
    ("Show who did what on a server", "查看服务器的操作审计记录"),
    (
        "Manage the credentials of other registries that a server stores",
        "管理服务器中保存的其他镜像仓库的凭据",
    ),
    ("Show and rotate the key that a server seals secrets with", "查看和轮换服务器加密敏感信息所用的密钥"),
    (
        "List the stored credentials of other registries, without their passwords",
        "列出已保存的其他镜像仓库的凭据，不显示密码",
    ),
    (
        "Store a credential for a registry; the password is prompted for",
        "保存镜像仓库的凭据，密码通过提示输入",
    ),
    ("Give a stored credential a new password", "为已保存的凭据更换密码"),
    ("The credential, as listed by `entrepot credentials list`", "凭据名称，见 `entrepot credentials list`"),
    ("The new name of its account, if that changes too", "账号名也要更换时的新账号名"),
    ("Remove a stored credential: it is not used any more", "删除已保存的凭据，不再使用"),
    (
        "Ask the registry whether it takes a stored credential; the exit code is 1 if not",
        "向镜像仓库验证已保存的凭据；不可用时退出码为 1",
    ),
    (
        "A repository of the registry that the account should see, such as `acme/app`",
        "该账号应当可以访问的仓库，例如 `acme/app`",
    ),
    (
        "Store the logins of a credentials file of Docker or podman, and of its credential helpers",
        "导入 Docker 或 podman 凭据文件及其凭据助手中的登录信息",
    ),
    (
        "The file [default: where `docker login` and `podman login` keep them]",
        "凭据文件 （默认：`docker login` 和 `podman login` 的保存位置）",
    ),
    ("Give credentials that are there already the password of the file", "已有同名凭据时，改用文件中的密码"),
    (
        "The registry, or a namespace in it: `docker.io`, `quay.io/acme`",
        "镜像仓库或其中的命名空间：`docker.io`、`quay.io/acme`",
    ),
    ("The user name at the registry", "在该镜像仓库的用户名"),
    (
        "A name for it, if there are several for the same registry [default: HOST[/NAMESPACE]]",
        "同一镜像仓库有多个凭据时的名称 （默认：HOST[/NAMESPACE]）",
    ),
    (
        "The only endpoint of the registry that may see it, if the configuration has other ones",
        "配置了其他 endpoint 时，唯一可以使用该凭据的 endpoint",
    ),
    (
        "Show where the key is that secrets are sealed with, and how many values each key sealed",
        "显示加密敏感信息的密钥的位置，以及每个密钥加密了多少条",
    ),
    (
        "Seal everything with a new key while the server runs, and replace the key that signs registry tokens",
        "在服务器运行时用新密钥重新加密全部内容，并更换签发令牌的密钥",
    ),
    (
        "Print a new key, for `secrets: {key: env:NAME}` or a mounted key file",
        "生成并显示一个新密钥，用于 `secrets: {key: env:NAME}` 或挂载的密钥文件",
    ),
    (
        "Remove everything that is sealed, because its key is lost; the server must be stopped",
        "密钥丢失时删除全部加密内容；需要先停止服务器",
    ),
    ("Remove it without asking", "不再确认，直接删除"),
    (
        "Keep the password itself, also where the server gives API tokens",
        "服务器支持 API 令牌时也直接保存密码",
    ),
    ("List accounts", "列出账号"),
    (
        "Create an account with a password, or a robot, which has API tokens only",
        "新建带密码的账号，或只能使用 API 令牌的机器人账号",
    ),
    ("Its name: lower-case letters, digits, `.`, `_` and `-`", "名称：小写字母、数字、`.`、`_` 和 `-`"),
    ("Its role: `admin`, `operator`, `user` or `viewer`", "角色：`admin`、`operator`、`user` 或 `viewer`"),
    ("Make a robot: no password, API tokens only", "新建机器人账号：没有密码，只能使用 API 令牌"),
    (
        "Set the password of an account; the first one is that of `admin`",
        "设置账号的密码；首先要设置的是 `admin` 的密码",
    ),
    ("The account", "账号"),
    ("Change the role of an account", "修改账号的角色"),
    (
        "The new role: `admin`, `operator`, `user` or `viewer`",
        "新的角色：`admin`、`operator`、`user` 或 `viewer`",
    ),
    (
        "Ask the OpenID provider or LDAP directory of a configuration who somebody is, and show the role",
        "向配置中的 OpenID 提供方或 LDAP 目录查询某人的身份，并显示对应的角色",
    ),
    (
        "Ask the OpenID provider: does it answer, does it accept us, and whose ID token is this?",
        "查询 OpenID 提供方：是否可用、是否接受本服务，以及该 ID 令牌属于谁",
    ),
    ("Log in to the LDAP directory as somebody", "以某个用户的身份登录 LDAP 目录"),
    (
        "Read an ID token from standard input, and show its claims, groups and role",
        "从标准输入读取 ID 令牌，并显示其声明、组和角色",
    ),
    ("The user, as they type their name", "用户，按登录时输入的写法"),
    (
        "Disable an account: nobody can log in, and its tokens stop working at once",
        "停用账号：立即无法登录，其令牌同时失效",
    ),
    ("Enable an account that is disabled", "启用已停用的账号"),
    ("Your own public key, with which you reach your instances by SSH", "自己的公钥，用于通过 SSH 进入实例"),
    ("Set your public key; what runs by the one so far ends", "设置公钥；用原公钥打开的会话随即结束"),
    (
        "The file with the public key, such as `~/.ssh/id_ed25519.pub`, or `-` for standard input",
        "公钥文件，例如 `~/.ssh/id_ed25519.pub`；`-` 表示标准输入",
    ),
    ("Show your public key and its fingerprint", "显示公钥及其指纹"),
    ("Remove your public key; what runs by it ends", "删除公钥；用它打开的会话随即结束"),
    ("Remove an account with all its API tokens", "删除账号及其全部 API 令牌"),
    ("List API tokens, without their secrets", "列出 API 令牌，不显示令牌内容"),
    ("Only those of this account", "只列出该账号的令牌"),
    ("Create an API token and print it, once", "新建 API 令牌并显示，仅此一次"),
    ("Its name, for people", "便于识别的名称"),
    ("The account that it is for [default: your own]", "令牌所属的账号 （默认：自己的账号）"),
    (
        "What it may do, such as `pull:docker.io/library/**` or `pull,push:local/app`; repeat for more",
        "令牌的权限，例如 `pull:docker.io/library/**` 或 `pull,push:local/app`，可重复填写",
    ),
    ("How long it lives, such as `90d` [default: for ever]", "有效期，例如 `90d` （默认：永久）"),
    (
        "Print a new secret for an API token; the one so far works for another 24 hours",
        "为 API 令牌更换内容并显示；原内容在 24 小时内仍然有效",
    ),
    ("The token's id, as listed by `entrepot token ls`", "令牌的 id，见 `entrepot token ls`"),
    ("Manage the sessions of a server: logins with a browser", "管理服务器的会话（浏览器登录）"),
    ("List who is logged in with a browser", "列出哪些人正用浏览器登录"),
    ("Only the sessions of this account", "只列出该账号的会话"),
    (
        "End a session, or all of an account: the next request with it is refused",
        "结束一个会话或某账号的全部会话，之后的请求立即被拒绝",
    ),
    ("The session's id, as listed by `entrepot session ls`", "会话的 id，见 `entrepot session ls`"),
    ("All sessions of this account", "该账号的全部会话"),
    ("Remove an API token: it stops working at once", "删除 API 令牌，立即失效"),
    (
        "Only what this one did, such as `account:alice` or `owner`",
        "只显示该操作者的记录，例如 `account:alice` 或 `owner`",
    ),
    ("Maximum number of entries", "最多显示的条数"),
    (
        "The server's `api_token`, or an API token, if it is on another machine",
        "服务器在另一台机器上时，填写其 `api_token` 或 API 令牌",
    ),
    (
        "Compare stored bytes with records; the exit code is 1 if they disagree",
        "比对存储的内容与记录；不一致时退出码为 1",
    ),
    (
        "Delete bytes without a record, and forget mirrored content whose bytes are lost",
        "删除没有记录的内容，并清除内容已丢失的代理镜像的记录",
    ),
    ("Repair also if most of what is held would go", "即使大部分内容会被清除也照样修复"),
];
