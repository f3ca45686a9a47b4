//! Container engines.

pub(super) const SENTENCES: &[(&str, &str)] = &[
    ("an engine's address begins with `unix://` or `tcp://`", "引擎地址须以 `unix://` 或 `tcp://` 开头"),
    (
        "a socket is named by its absolute path, of at most 107 bytes: `unix:///run/docker.sock`",
        "套接字须写绝对路径，最多 107 字节：`unix:///run/docker.sock`",
    ),
    (
        "the host is a name or an IP address: `tcp://gpu-1.lan:2376`",
        "主机须为域名或 IP 地址：`tcp://gpu-1.lan:2376`",
    ),
    ("the port is a number from 1 to 65535", "端口须为 1 到 65535"),
    (
        "a card is named `nvidia.com/gpu=NAME`, and never `all`",
        "卡应写成 `nvidia.com/gpu=NAME`，不能写 `all`",
    ),
    (
        "a card of NVIDIA is named `GPU-…`, as `nvidia-smi -L` prints it",
        "NVIDIA 的卡应写成 `GPU-…`，与 `nvidia-smi -L` 的输出一致",
    ),
    (
        "a template has letters, digits and `_`, such as `vir05_1c_8g`",
        "模板由字母、数字和 `_` 组成，例如 `vir05_1c_8g`",
    ),
    (
        "an engine on another machine is reached by TLS only; give the certificates for it",
        "其他机器上的引擎只能通过 TLS 访问，请提供证书",
    ),
    ("a socket is reached without certificates", "访问套接字不需要证书"),
    (
        "a variable's name has letters, digits, `_`, `.` and `-`, and does not begin with a digit",
        "变量名由字母、数字、`_`、`.`、`-` 组成，不能以数字开头",
    ),
    ("a variable's value has no zero byte", "变量值不能含有零字节"),
    (
        "which cards a container gets follows from what it was given, and cannot be set by a variable",
        "容器使用哪些卡由分配决定，不能用变量设置",
    ),
    ("all variables together have at most 128 KiB", "全部变量合计最多 128 KiB"),
    ("the engine cannot be reached: {0}", "无法连接引擎：{0}"),
    ("there is no trusted connection to the engine: {0}", "无法与引擎建立可信连接：{0}"),
    ("the engine did not answer within {} s", "引擎在 {} 秒内没有响应"),
    ("the engine does not have it: {0}", "引擎上没有：{0}"),
    ("the engine cannot do it as things are: {0}", "引擎在当前状态下无法执行：{0}"),
    ("the engine refuses ({status}): {message}", "引擎拒绝（{status}）：{message}"),
    ("the engine's answer cannot be used: {0}", "引擎的响应无法使用：{0}"),
    ("the program does not start in the container: {0}", "程序无法在容器中启动：{0}"),
    ("the engine is too old: {0}", "引擎版本过旧：{0}"),
    ("there is no such socket", "没有这个套接字"),
    ("this server may not use the socket", "本服务没有使用该套接字的权限"),
    ("the connection fails", "连接失败"),
    (
        "the engine's certificate is not signed by the authority given for it",
        "引擎的证书不是由指定的机构签发",
    ),
    ("the engine's certificate is for another name", "引擎证书的域名不符"),
    ("the engine's certificate has expired", "引擎的证书已过期"),
    ("the engine's certificate is not valid yet", "引擎的证书尚未生效"),
    ("the engine's certificate cannot be used", "引擎的证书无法使用"),
    ("the engine does not accept the client certificate", "引擎不接受客户端证书"),
    (
        "the engine closes the connection without an answer; it may not accept the client certificate",
        "引擎关闭了连接且没有响应，可能不接受客户端证书",
    ),
    ("it does not speak TLS", "对方不使用 TLS"),
    (
        "shared memory, processes, disk and log files are limited to at least 1",
        "共享内存、进程数、磁盘和日志文件的上限至少为 1",
    ),
    ("processors are limited to at least 0.01", "处理器上限至少为 0.01"),
    ("memory is limited to at least 6 MiB", "内存上限至少为 6 MiB"),
    (
        "the path is absolute, without `.`, `..`, empty parts, `:`, `,` and control characters",
        "须为绝对路径，不含 `.`、`..`、空段、`:`、`,` 和控制字符",
    ),
    (
        "data is not mounted over `/`, `/proc`, `/sys`, `/dev`, `/etc` or what splits cards",
        "数据不能挂载到 `/`、`/proc`、`/sys`、`/dev`、`/etc` 或切分卡所用的路径",
    ),
    (
        "a name has 1 to 128 letters, digits, `_`, `.` and `-`, and begins with a letter or digit",
        "名称为 1 到 128 个字母、数字、`_`、`.`、`-`，以字母或数字开头",
    ),
    ("an id has 12 to 64 hexadecimal digits", "编号为 12 到 64 位十六进制数"),
    ("a port is a number from 1 to 65535", "端口须为 1 到 65535"),
    ("a port of the machine leads to one port of the container", "机器的一个端口只能对应容器的一个端口"),
    ("the authority's certificate is not readable as PEM", "签发机构的证书不是 PEM 格式"),
    ("the client certificate is not readable as PEM", "客户端证书不是 PEM 格式"),
    (
        "the client key is not readable as PEM; keys with a passphrase cannot be used",
        "客户端私钥不是 PEM 格式；不支持带口令的私钥",
    ),
    ("the client key does not belong to the client certificate", "客户端私钥与客户端证书不匹配"),
];
