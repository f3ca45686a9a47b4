//! Names, digests, manifests.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("a digest is written `algorithm:hex`", "摘要应写成 `algorithm:hex`"),
    ("the digest algorithm must be `sha256` or `sha512`", "摘要算法只能是 `sha256` 或 `sha512`"),
    (
        "a digest has 64 (sha256) or 128 (sha512) lower-case hexadecimal characters",
        "摘要为 64 个（sha256）或 128 个（sha512）小写十六进制字符",
    ),
    (
        "a registry host is a domain name or an address, with an optional `:port`",
        "镜像站应写成域名或 IP 地址，可带 `:port`",
    ),
    ("not a valid document: {0}", "文档格式错误：{0}"),
    ("nested more than {MAX_DEPTH} levels deep", "嵌套超过 {MAX_DEPTH} 层"),
    ("the document is both an index and an image", "文档既是索引又是镜像"),
    (
        "the document says it is `{field}` but was sent as `{declared}`",
        "文档自称 `{field}`，却以 `{declared}` 发送",
    ),
    ("the media type is missing or malformed", "媒体类型缺失或格式错误"),
    ("the document does not have the fields of `{0}`", "文档缺少 `{0}` 应有的字段"),
    (
        "it is a Docker schema 1 image, a format that was given up in 2016",
        "是 Docker schema 1 镜像，该格式已于 2016 年弃用",
    ),
    ("it is a `{0}`, and what belongs to one of those is not known", "类型为 `{0}`，无法得知它包含哪些内容"),
    ("the size of `{0}` is out of range", "`{0}` 的大小超出范围"),
    ("`n` must be a whole number, 0 or more", "`n` 须为不小于 0 的整数"),
    ("`last` must be an entry of the listing", "`last` 须为列表中的一项"),
    (
        "a platform is written `os/architecture`, or `os/architecture/variant`: `linux/arm64`, `linux/arm/v7`",
        "平台应写成 `os/architecture` 或 `os/architecture/variant`：`linux/arm64`、`linux/arm/v7`",
    ),
    ("the range starts past the end of the content", "请求的范围超出内容末尾"),
    ("a chunk's range is written `first-last`", "分块范围应写成 `first-last`"),
    (
        "a tag has 1 to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
        "标签为 1 到 128 个字母、数字、`_`、`.`、`-`，不能以 `.` 或 `-` 开头",
    ),
    ("a repository name has at most 255 characters", "仓库名最多 255 个字符"),
    (
        "a repository name is made of lower-case letters and digits, with single `.`, `_`, `__` or dashes between them, in parts separated by `/`",
        "仓库名由 `/` 分隔的各段组成，每段为小写字母和数字，中间可用单个 `.`、`_`、`__` 或连字符连接",
    ),
    (
        "a pattern is a repository name with its registry, such as `docker.io/library/nginx` or `quay.io/acme/**`",
        "应写成带镜像站的仓库名，例如 `docker.io/library/nginx` 或 `quay.io/acme/**`",
    ),
    (
        "a pattern has lower-case letters, digits, `.`, `_`, `-`, `:`, `/` and `*` only",
        "只能使用小写字母、数字、`.`、`_`、`-`、`:`、`/` 和 `*`",
    ),
    (
        "`**` may only be the last segment, as in `quay.io/acme/**`",
        "`**` 只能是最后一段，例如 `quay.io/acme/**`",
    ),
    ("a pattern names repositories, without tag or digest", "只写仓库，不带标签和摘要"),
    ("there is no such route", "没有这个地址"),
    ("the method must be one of {0}", "此地址只支持 {0}"),
    ("`ns` must be a registry host", "`ns` 须为镜像站的主机名"),
    ("unauthorized", "未登录"),
    (
        "this is a number of bytes with a unit, such as `20GiB`, `512MiB` or `10GB`",
        "应为带单位的字节数，例如 `20GiB`、`512MiB`、`10GB`",
    ),
    (
        "a rate is a number of bytes or bits in a second above 0, such as `50MiB/s` or `180Mbit/s`",
        "速率应为每秒的字节数或比特数，大于 0，例如 `50MiB/s`、`180Mbit/s`",
    ),
];
