//! Moving the images of a project.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("what kind of document this is cannot be told", "无法判断文件类型"),
    // What is in the way, and what there is to know
    (
        "look at both with `entrepot inspect`; if it is an older copy, `entrepot migrate apply --overwrite`",
        "请用 `entrepot inspect` 查看两者；如果是较旧的副本，可用 `entrepot migrate apply --overwrite`",
    ),
    ("look at its name and at `tags`, or leave it out", "请检查名称和 `tags`，或去掉此仓库"),
    ("its largest layer has {}, and {} takes 10 GB at most", "最大的层为 {}，而 {} 最多接受 10 GB"),
    ("build it with smaller layers, or leave it out", "请改用较小的层重新构建，或去掉此仓库"),
    (
        "GHCR ends every request of an upload after 10 minutes: the largest layer ({}) in one request needs {}/s",
        "GHCR 会在 10 分钟后结束上传请求：最大的层（{}）若在一个请求中上传，需要 {}/s",
    ),
    (
        "nothing to do: layers go in pieces of {}, for which {}/s will do",
        "无需处理：层按 {} 分块上传，{}/s 即可",
    ),
    (
        "`{host}` takes Docker's form of documents alone: these images are converted, and get other digests",
        "`{host}` 只接受 Docker 格式：这些镜像会转换格式，摘要随之改变",
    ),
    (
        "signatures of them are not valid there; where documents name a digest, take the one that `entrepot migrate verify` tells",
        "其签名在目标处无效；文件中写了摘要的地方，请改用 `entrepot migrate verify` 给出的摘要",
    ),
    (
        "the copies take {about}{} manifests of a budget of which {} are left, {} of them for others",
        "复制需要{about} {} 个清单，而额度剩余 {}，其中 {} 留给他人",
    ),
    (
        "`entrepot migrate apply` stops when it is used up, and goes on when run again: {} windows in all; an account with a higher limit needs fewer",
        "额度用尽时 `entrepot migrate apply` 会停止，再次运行时继续：共需 {} 个周期；额度更高的账号需要的更少",
    ),
    ("not every image could be looked into: {why}", "有镜像未能查看：{why}"),
    ("sizes and platforms lack them; the copies show more", "大小和平台不含这些镜像；复制时会显示更多"),
    ("`{name}` is named here, and not as an image", "此处写了 `{name}`，但不是镜像名"),
    ("look whether it is to be changed by hand", "请检查是否需要手动修改"),
    // What an account may do
    ("it asks nobody who they are", "不要求登录"),
    ("it takes the password", "接受密码"),
    ("it gives a token, which does not say what for", "给出令牌，但没有写明权限"),
    ("it gives a token for {}", "给出的令牌可以 {}"),
    ("`{tag}` can be read", "可以读取 `{tag}`"),
    ("`{tag}` may be asked for", "可以查询 `{tag}`"),
    ("an upload was begun, and taken back", "已试着开始上传并撤回"),
    ("an upload was begun, and is left to expire", "已试着开始上传，留待过期"),
    (
        "{name} makes repositories as they are pushed to: beginning an upload may have made those that were not there, empty",
        "{name} 在推送时自动创建仓库：试着上传时，可能已创建了原本不存在的空仓库",
    ),
    ("it gives a token for {given} alone, without saying so", "给出的令牌只能 {given}，且没有说明"),
    ("`{host}` asks to slow down", "`{host}` 要求降低频率"),
    ("try again later, or with an account that has a higher limit", "请稍后再试，或改用额度更高的账号"),
    ("`{host}` does not answer", "`{host}` 没有响应"),
    (
        "look at the name, the network, and `endpoints` under `registries`",
        "请检查名称、网络以及 `registries` 中的 `endpoints`",
    ),
    ("it does not accept this repository name ({said})", "不接受这个仓库名（{said}）"),
    ("give it another one under `names`", "请在 `names` 中改名"),
    ("there is no space left ({said})", "空间不足（{said}）"),
    ("raise the quota of the account or the project", "请提高账号或项目的配额"),
    ("it does not support this ({said})", "不支持此操作（{said}）"),
    ("see whether it is a registry that takes pushes", "请确认这是可以推送的镜像站"),
    ("it requires a login ({said})", "需要登录（{said}）"),
    ("it does not accept the account ({said})", "不接受此账号（{said}）"),
    (
        "look at user name and password, which may have expired: `entrepot login {}`",
        "请检查用户名和密码，可能已过期：`entrepot login {}`",
    ),
    ("the account may not do this ({said})", "账号没有此权限（{said}）"),
    (
        "the workflow or app may not create or write packages of `{owner}` ({said})",
        "工作流或应用不能创建或写入 `{owner}` 的软件包（{said}）",
    ),
    (
        "let `{owner}` create packages (its settings, Packages), link the package to the repository or let that in under Manage Actions access with the role Write; a GitHub App cannot: take `GITHUB_TOKEN` or a classic token",
        "请在 `{owner}` 的设置（Packages）中允许创建软件包，并把软件包关联到仓库，或在 Manage Actions access 中以 Write 角色加入仓库；GitHub App 无法做到，请用 `GITHUB_TOKEN` 或 classic token",
    ),
    (
        "the package is there, and the token may not write it ({said})",
        "软件包已存在，但令牌不能写入（{said}）",
    ),
    (
        "add the repository under Manage Actions access of the package with the role Write, or take a classic token with `write:packages`",
        "请在软件包的 Manage Actions access 中以 Write 角色加入仓库，或使用带 `write:packages` 的 classic token",
    ),
    ("the token may not create packages of `{owner}` ({said})", "令牌不能创建 `{owner}` 的软件包（{said}）"),
    (
        "allow it in the settings of `{owner}` (Packages), or look whether `{owner}` is the right owner",
        "请在 `{owner}` 的设置（Packages）中允许，或确认 `{owner}` 是否正确",
    ),
    ("the token lacks the required scopes ({said})", "令牌缺少所需的权限范围（{said}）"),
    (
        "make a classic personal access token with `{}`; fine-grained ones do not work",
        "请生成带 `{}` 的 classic personal access token；fine-grained 的不可用",
    ),
    ("look at the spelling; if it is private, {}", "请检查拼写；如为私有，{}"),
    (
        "create it: `aws ecr create-repository`, or a creation template with `CREATE_ON_PUSH`",
        "请创建：`aws ecr create-repository`，或使用带 `CREATE_ON_PUSH` 的创建模板",
    ),
    ("create the project `{owner}` there", "请先创建项目 `{owner}`"),
    ("create the project that it belongs to, below `{owner}`", "请在 `{owner}` 下创建它所属的项目"),
    ("create the organization `{owner}` there", "请先创建组织 `{owner}`"),
    ("create the repository of Artifact Registry", "请创建 Artifact Registry 的仓库"),
    (
        "create the namespace `{owner}`, and switch on the automatic creation of repositories",
        "请创建命名空间 `{owner}`，并开启自动创建仓库",
    ),
    ("create it, or the project or namespace that it belongs to", "请创建它，或它所属的项目或命名空间"),
    ("`{place}` is not there, and pushing does not create it", "`{place}` 不存在，推送也不会自动创建"),
    (
        "log in with a classic token that has `write:packages`: `entrepot login {host}`",
        "请用带 `write:packages` 的 classic token 登录：`entrepot login {host}`",
    ),
    ("give the account the right to pull, or use another one", "请为账号授予拉取权限，或改用其他账号"),
    (
        "is `{owner}` the right namespace? The account must be a member that may push there, and its access token have `Read & Write`",
        "`{owner}` 是否正确？账号须是可以推送的成员，且其访问令牌须有 `Read & Write`",
    ),
    (
        "is `{owner}` the right owner? It takes a classic token with `write:packages` of a member; fine-grained ones do not do",
        "`{owner}` 是否正确？需要成员的带 `write:packages` 的 classic token；fine-grained 的不可用",
    ),
    (
        "give the robot account `Write` on the repository, or the role `Creator` in a team of `{owner}`",
        "请为机器人账号授予仓库的 `Write` 权限，或 `{owner}` 团队中的 `Creator` 角色",
    ),
    (
        "is `{owner}` the right namespace? Give the account the right to push there",
        "`{owner}` 是否正确？请为账号授予推送权限",
    ),
    // What accounts need
    (
        "none for public repositories, 100 manifests in 6 hours; with an access token `Public Repo Read-only`, 200; for private ones `Read-only`",
        "公开仓库无需账号，每 6 小时 100 个清单；使用 `Public Repo Read-only` 的访问令牌为 200 个；私有仓库需要 `Read-only`",
    ),
    (
        "none for public packages; for others a classic token with `read:packages`",
        "公开的软件包无需账号；其他需要带 `read:packages` 的 classic token",
    ),
    (
        "none for public repositories; for others a robot account with `Read`",
        "公开仓库无需账号；其他需要有 `Read` 权限的机器人账号",
    ),
    (
        "user `AWS` with a token of `aws ecr get-login-password` (12 hours)",
        "用户 `AWS` 和 `aws ecr get-login-password` 的令牌（12 小时）",
    ),
    (
        "none for public projects; for others a deploy token with `read_registry`",
        "公开项目无需账号；其他需要带 `read_registry` 的部署令牌",
    ),
    (
        "none for what is public; for the rest an account that may pull",
        "公开内容无需账号；其他需要可以拉取的账号",
    ),
    (
        "an access token `Read & Write` of a member who may push to the namespace",
        "可推送到该命名空间的成员的 `Read & Write` 访问令牌",
    ),
    (
        "for a foreign namespace Docker Hub gives a token that may pull only, and says nothing of it",
        "对他人的命名空间，Docker Hub 只给出可拉取的令牌，且不作说明",
    ),
    (
        "a classic personal access token with `write:packages`, or `GITHUB_TOKEN` in a workflow with `permissions: packages: write`",
        "带 `write:packages` 的 classic personal access token，或工作流中带 `permissions: packages: write` 的 `GITHUB_TOKEN`",
    ),
    (
        "fine-grained tokens and tokens of GitHub Apps cannot write packages of an organization, and an organization may forbid classic tokens",
        "fine-grained 令牌和 GitHub App 的令牌不能写入组织的软件包，而组织可能禁止 classic token",
    ),
    (
        "a robot account with `Write`; to create repositories, a member of a team with the role `Creator`",
        "有 `Write` 权限的机器人账号；创建仓库需要有 `Creator` 角色的团队成员",
    ),
    ("repositories that are created by a push are private", "推送时创建的仓库是私有的"),
    (
        "the registry's own password of an account that may push to the namespace",
        "可推送到该命名空间的账号的镜像服务密码",
    ),
    ("it is not the password of the console", "不是控制台的密码"),
    (
        "a long-term login (`REGION@ACCESS_KEY`) that may edit the organization",
        "可编辑该组织的长期登录（`REGION@ACCESS_KEY`）",
    ),
    ("the temporary login of the console ends after 6 hours", "控制台的临时登录 6 小时后失效"),
    (
        "user `AWS` with a token of `aws ecr get-login-password`, of a role with `ecr:PutImage`, `ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, `ecr:BatchCheckLayerAvailability` and `ecr:BatchGetImage`",
        "用户 `AWS` 和 `aws ecr get-login-password` 的令牌，其角色须有 `ecr:PutImage`、`ecr:InitiateLayerUpload`、`ecr:UploadLayerPart`、`ecr:CompleteLayerUpload`、`ecr:BatchCheckLayerAvailability` 和 `ecr:BatchGetImage`",
    ),
    ("the token ends after 12 hours", "令牌 12 小时后失效"),
    (
        "a token whose scope map has `content/read` and `content/write`, or the role `AcrPush`",
        "scope map 含 `content/read` 和 `content/write` 的令牌，或 `AcrPush` 角色",
    ),
    (
        "a deploy token or project token with `read_registry` and `write_registry`",
        "带 `read_registry` 和 `write_registry` 的部署令牌或项目令牌",
    ),
    ("the role `roles/artifactregistry.writer`", "`roles/artifactregistry.writer` 角色"),
    (
        "a robot account of the project with `Pull` and `Push Repository`",
        "有 `Pull` 和 `Push Repository` 权限的项目机器人账号",
    ),
    ("an account that may pull and push there", "可以拉取和推送的账号"),
    // What is to be done by hand
    ("Write descriptions and READMEs of the repositories anew", "重新填写仓库的描述和 README"),
    (
        "they are no part of an image, and stay where they are, as do counts of pulls, webhooks and rules of retention",
        "它们不属于镜像，会留在原处；拉取次数、Webhook 和保留规则也是",
    ),
    ("Leave the images at `{}` until nobody pulls them any more", "在不再有人拉取之前，保留 `{}` 中的镜像"),
    ("nothing is changed there, so everybody can go back", "那里没有任何改动，随时可以回退"),
    (
        "Allow classic personal access tokens in the organization `{owner}`, if one is to push",
        "如需用 classic personal access token 推送，请在组织 `{owner}` 中允许",
    ),
    (
        "organizations can forbid them, and no other kind of personal token can write packages",
        "组织可以禁止它们，而其他个人令牌不能写入软件包",
    ),
    (
        "Allow members of `{owner}` to create packages of the visibility that is wanted",
        "允许 `{owner}` 的成员创建所需可见性的软件包",
    ),
    ("otherwise the first push is denied", "否则第一次推送会被拒绝"),
    (
        "Add the repository with the role Write under Manage Actions access of each package",
        "在每个软件包的 Manage Actions access 中以 Write 角色加入仓库",
    ),
    (
        "a workflow's `GITHUB_TOKEN` may write only packages that are linked to its repository or let it in; else its push ends with `permission_denied: write_package`",
        "工作流的 `GITHUB_TOKEN` 只能写入与其仓库关联或允许它的软件包；否则推送会以 `permission_denied: write_package` 失败",
    ),
    ("Make the packages public, if they are to be", "如需公开，请把软件包设为公开"),
    (
        "new packages are private; made public, they cannot be made private again",
        "新的软件包是私有的；设为公开后不能再改回私有",
    ),
    (
        "Say where the source is: `source: https://github.com/OWNER/REPOSITORY` in the migration",
        "在迁移配置中写明源码位置：`source: https://github.com/OWNER/REPOSITORY`",
    ),
    (
        "then the plan tells whether the images' labels link the packages to it",
        "这样计划会说明镜像的 label 是否把软件包关联到它",
    ),
    (
        "GHCR links a package to the repository that its first image names in the label `org.opencontainers.image.source`; a copy cannot be given one without changing its digest",
        "GHCR 会把软件包关联到其第一个镜像的 label `org.opencontainers.image.source` 所写的仓库；为副本添加 label 会改变摘要",
    ),
    ("Connect each package to the repository", "把每个软件包关联到仓库"),
    (
        "Nothing to link: every image names the source in its label; look whether the packages are connected",
        "无需关联：每个镜像的 label 都写明了源码位置；请确认软件包已关联",
    ),
    (
        "Connect each package to the repository: no image names its source in a label",
        "把每个软件包关联到仓库：没有镜像在 label 中写明源码位置",
    ),
    ("Connect these packages to the repository: {}", "把这些软件包关联到仓库：{}"),
    ("Look at the default visibility of repositories in `{to}`", "查看 `{to}` 中仓库的默认可见性"),
    (
        "a push creates repositories, with the visibility that the namespace sets for new ones",
        "推送会创建仓库，其可见性由命名空间的默认设置决定",
    ),
    (
        "Make the repositories below `{to}` public, if they are to be",
        "如需公开，请把 `{to}` 下的仓库设为公开",
    ),
    ("Make the repositories public, if they are to be", "如需公开，请把仓库设为公开"),
    ("those that are created by a push are private", "推送时创建的仓库是私有的"),
    (
        "Switch on the automatic creation of repositories in the namespace of `{to}`",
        "在 `{to}` 的命名空间中开启自动创建仓库",
    ),
    (
        "otherwise every repository must be created before the first push",
        "否则每个仓库都须在第一次推送之前创建",
    ),
    ("Create the organization of `{to}`", "创建 `{to}` 的组织"),
    ("a push creates repositories, but not organizations", "推送会创建仓库，但不会创建组织"),
    (
        "Create every repository below `{to}`, or a creation template with `CREATE_ON_PUSH`",
        "创建 `{to}` 下的每个仓库，或使用带 `CREATE_ON_PUSH` 的创建模板",
    ),
    (
        "otherwise a push creates no repository; with immutable tags, tags that move are refused",
        "否则推送不会创建仓库；标签不可变时，变动的标签会被拒绝",
    ),
    ("See that `{to}` begins with the path of a project", "确认 `{to}` 以项目路径开头"),
    ("every repository belongs to a project, which must be there", "每个仓库都属于一个已存在的项目"),
    ("Create the project of `{to}`, with enough quota", "创建 `{to}` 的项目，并留足配额"),
    ("a push creates repositories, but not projects", "推送会创建仓库，但不会创建项目"),
    ("Create the repository of `{to}` in the project", "在项目中创建 `{to}` 的仓库"),
    ("a push creates images, but not repositories", "推送会创建镜像，但不会创建仓库"),
    // Logins of workflows
    (
        "job `{name}` logs in to `{from}`, and pushes to `{to}` now",
        "作业 `{name}` 登录的是 `{from}`，而现在推送到 `{to}`",
    ),
    (
        "which secrets it took before is not known here: `git checkout` has them",
        "此处不知道之前使用的 secret：`git checkout` 中有",
    ),
    (
        "job `{name}` pushes {} to `{from}` as well, so its login stays",
        "作业 `{name}` 也把 {} 推送到 `{from}`，因此其登录保留",
    ),
    ("add a second step that logs in to `{to}`", "请添加登录 `{to}` 的第二个步骤"),
    (
        "say as whom: `login: {{username: …, secret: NAME}}` in the migration",
        "请写明账号：在迁移配置中写 `login: {{username: …, secret: NAME}}`",
    ),
    ("have it log in to `{to}`", "请让它登录 `{to}`"),
    // What is compared
    ("`{digest}` refers to it at the source, and is not there", "来源处的 `{digest}` 引用了它，而目标处没有"),
    ("`{host}` does not say what refers to it: {error}", "`{host}` 没有说明哪些内容引用了它：{error}"),
];
